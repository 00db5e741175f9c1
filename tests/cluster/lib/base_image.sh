# SPDX-License-Identifier: Apache-2.0
# The image that others are built on: pulled, or made from the machine's own Debian mirror. A change
# of this file makes it anew.
# shellcheck shell=bash

SUITE=bookworm
BASE_IMAGE=docker.io/library/debian:$SUITE-slim

# apt_sources SUITE: the machine's own sources of SUITE and its updates, as lines of sources.list.
apt_sources() {
  # shellcheck disable=SC2016  # the names are apt's, not the shell's
  local fields='$(SITE) $(RELEASE) $(CODENAME) $(COMPONENT)'
  apt-get indextargets --format "$fields" 'Created-By: Packages' |
    awk -v suite="$1" '$1 ~ /^https?:/ && $4 == "main" {
      name = ($3 == "" ? $2 : $3)
      if (name == suite || name == suite "-updates" || name == suite "-security")
        print "deb", $1, name, $4
    }' | sort -u
}

# apt_settings: of the machine's apt configuration what decides whether apt reaches its mirror.
apt_settings() {
  apt-config dump |
    grep -iE '^Acquire::((https?|ftp)::|Check-Valid-Until |Check-Date |Retries )' |
    grep -v ' "";$' || true
}

# base_image_key: changes with the month, so that security updates come in, and with what apt is
# told.
base_image_key() {
  {
    debootstrap --version
    date +%Y-%m
    apt_sources "$SUITE"
    apt_settings
    cat "$CLUSTER_DIR/lib/base_image.sh"
  } | sha256sum | cut -c1-16
}

# ensure_base_image: BASE_IMAGE is in the store, from the cache where it can.
ensure_base_image() {
  local key archive
  key=$(base_image_key)
  archive=$CACHE/base_image-$key.tar
  [[ $(cat "$IMAGE_STORE/base_image_key" 2>/dev/null) != "$key" ]] ||
    ! buildah_here inspect --type image "$BASE_IMAGE" >/dev/null 2>&1 || return 0
  (
    take_lock "$CACHE/base_image.lock" "another making of the base image"
    if [[ ! -f $archive ]]; then
      say "- the base image $BASE_IMAGE"
      pull_base_image || bootstrap_base_image
      rm -f "$CACHE"/base_image-*.tar
      buildah_here push --quiet "$BASE_IMAGE" "docker-archive:$archive.new:$BASE_IMAGE"
      mv "$archive.new" "$archive"
    else
      buildah_here pull --quiet "docker-archive:$archive" >/dev/null
    fi
    printf '%s\n' "$key" >"$IMAGE_STORE/base_image_key"
  )
}

pull_base_image() {
  timeout 60 buildah --root "$IMAGE_STORE/store" --runroot "$IMAGE_RUN" \
    --storage-driver "$STORAGE_DRIVER" pull --quiet --policy always "$BASE_IMAGE" \
    >"$CACHE/logs/pull.log" 2>&1 || {
    say "  it cannot be pulled ($(tail -n 1 "$CACHE/logs/pull.log" | cut -c1-120)...); making it"
    return 1
  }
}

bootstrap_base_image() {
  local root container
  root=$(mktemp -d "$CACHE/debootstrap.XXXXXX")
  run_logged "installing Debian $SUITE into a folder" "1 minute" "$CACHE/logs/debootstrap.log" \
    bootstrap "$root" || { rm -rf "$root"; return 1; }
  container=$(buildah_here from scratch)
  run_logged "making an image of it" "10 s" "$CACHE/logs/base_image.log" \
    commit_base_image "$container" "$root"
  rm -rf "$root"
}

bootstrap() {
  local sources mirror include=()
  sources=$(apt_sources "$SUITE")
  mirror=$(awk -v suite="$SUITE" '$3 == suite {print $2; exit}' <<<"$sources")
  ! grep -q https: <<<"$sources" || include=(--include=ca-certificates)
  debootstrap --variant=minbase "${include[@]}" "$SUITE" "$1" ${mirror:+"$mirror"} || return
  [[ -z $sources ]] || printf '%s\n' "$sources" >"$1/etc/apt/sources.list"
  copy_apt_settings "$1"
  slim_down "$1"
}

# copy_apt_settings ROOT: proxy and authorities as on this machine, with the files they name.
copy_apt_settings() {
  local settings file
  settings=$(apt_settings)
  [[ -n $settings ]] || return 0
  printf '%s\n' "$settings" >"$1/etc/apt/apt.conf.d/90machine"
  while read -r file; do
    [[ ! -f $file ]] || install -D -m 644 "$file" "$1$file"
  done < <(sed -n 's/.*::CaInfo "\(.*\)";$/\1/Ip' <<<"$settings")
}

# slim_down ROOT: no caches, documentation or translations, now and in what is installed later, and
# nothing that debootstrap copied from this machine.
slim_down() {
  rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*
  rm -f "$1"/var/log/{bootstrap,dpkg,alternatives}.log
  cat >"$1/etc/dpkg/dpkg.cfg.d/slim" <<'CFG'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
CFG
  find "$1/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/*
  rm -f "$1/etc/resolv.conf" "$1/etc/hostname"
}

# commit_base_image CONTAINER ROOT
commit_base_image() {
  buildah_here add --quiet "$1" "$2" / &&
    buildah_here config --cmd bash "$1" &&
    buildah_here commit --quiet --rm "$1" "$BASE_IMAGE"
}
