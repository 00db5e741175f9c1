#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that Stillhead needs, and only those that are missing.
#
#   tools/install_dependencies.sh [--for build|test|cluster|all]      (default: all)
#
# `test` includes `build`. Lists: tools/packages/*.txt and tests/cluster/packages.txt. When nothing is
# missing it ends at once and needs no root. Services that come with the packages (PostgreSQL,
# PgBouncer, containerd, a registry) are neither started nor enabled: the tests start their own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOCK_WAIT=300  # seconds to wait for another apt or dpkg
POLICY=/usr/sbin/policy-rc.d

say() { printf 'install_dependencies: %s\n' "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}

lists_for() {
  case $1 in
    build) echo tools/packages/build.txt ;;
    test) echo tools/packages/build.txt tools/packages/test.txt ;;
    cluster) echo tests/cluster/packages.txt ;;
    all) echo tools/packages/build.txt tools/packages/test.txt tests/cluster/packages.txt ;;
    *) return 1 ;;
  esac
}

# wanted_packages LIST...: the names in the lists, without comments.
wanted_packages() {
  local list
  for list in "$@"; do
    [[ -r $root/$list ]] || die "the list $list is missing"
    sed 's/#.*//' "$root/$list"
  done | tr -s ' \t' '\n' | sed '/^$/d' | sort -u
}

# missing_packages NAME...: those that are not installed completely.
missing_packages() {
  comm -23 <(printf '%s\n' "$@") \
    <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
      sed -n 's/^.i  *//p' | sort -u)
}

check_system() {
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  [[ ! -r /etc/os-release ]] || source /etc/os-release
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    die "this is $PRETTY_NAME, without apt-get; install the packages' counterparts yourself: $*"
  [[ $ID == debian && $VERSION_ID == 12 ]] ||
    say "warning: made for Debian 12; this is $PRETTY_NAME, where package names and versions may differ"
}

become_root() {
  [[ $(id -u) != 0 ]] || return 0
  command -v sudo >/dev/null || die "run this as root (there is no sudo here)"
  say "becoming root with sudo"
  exec sudo -- bash "${BASH_SOURCE[0]}" "$@"
}

# apt COMMAND...: apt-get without questions, waiting for dpkg's lock.
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o "DPkg::Lock::Timeout=$LOCK_WAIT" "$@"
}

# The lock on the package lists knows no timeout option in apt.
update_lists() {
  local output deadline=$((SECONDS + LOCK_WAIT))
  until output=$(LC_ALL=C apt update 2>&1); do
    if [[ $output != *"Could not get lock"* ]] || ((SECONDS >= deadline)); then
      die "apt-get update failed:"$'\n'"$output"
    fi
    say "another apt is at work; waiting"
    sleep 5
  done
}

# No service starts while packages are unpacked. A policy that is there already is left alone.
forbid_service_starts() {
  [[ ! -e $POLICY ]] || return 0
  trap 'rm -f "$POLICY"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}

# disable_services NAME...: units of packages that were just installed stay off after a reboot, too.
disable_services() {
  local package
  command -v systemctl >/dev/null || return 0
  for package in "$@"; do
    case $package in
      postgresql | pgbouncer | containerd | docker-registry)
        systemctl disable --quiet "$package" 2>/dev/null ||
          say "note: could not disable the service $package; it may start with the machine" ;;
    esac
  done
}

main() {
  local set=all lists missing
  case $# in
    0) ;;
    2) [[ $1 == --for ]] || die "unknown option $1; usage: $0 [--for build|test|cluster|all]"
       set=$2 ;;
    *) die "usage: $0 [--for build|test|cluster|all]" ;;
  esac
  lists=$(lists_for "$set") || die "unknown set '$set': build, test, cluster or all"

  local wanted
  # shellcheck disable=SC2086
  wanted=$(wanted_packages $lists)
  # shellcheck disable=SC2086
  check_system $wanted
  # shellcheck disable=SC2086
  missing=$(missing_packages $wanted)
  if [[ -z $missing ]]; then
    say "nothing to do, all $(wc -w <<<"$wanted") packages for '$set' are installed"
    return
  fi
  become_root "$@"
  say "installing $(wc -w <<<"$missing") packages:" $missing
  forbid_service_starts
  update_lists
  # shellcheck disable=SC2086
  apt install --yes --no-install-recommends $missing ||
    die "apt-get could not install the packages; its messages are above"
  # shellcheck disable=SC2086
  disable_services $missing
  say "done"
}

main "$@"
