# SPDX-License-Identifier: Apache-2.0
# Images made with buildah, without a daemon, in a store of their own in the cache.
# shellcheck shell=bash

source "$CLUSTER_DIR/lib/host.sh"
source "$CLUSTER_DIR/lib/base_image.sh"

IMAGE_STORE=$CACHE/images
IMAGE_RUN=/run/stillhead-images-$(sha256sum <<<"$IMAGE_STORE" | cut -c1-8)

buildah_here() {
  buildah --root "$IMAGE_STORE/store" --runroot "$IMAGE_RUN" --storage-driver "$STORAGE_DRIVER" "$@"
}

choose_storage_driver() {
  mkdir -p "$IMAGE_STORE"
  if overlay_works "$IMAGE_STORE"; then STORAGE_DRIVER=overlay; else STORAGE_DRIVER=vfs; fi
}

# leave_store: buildah keeps its store mounted on itself, and the cache could not be deleted; the
# mount of a store that somebody else uses at the moment stays.
leave_store() { umount "$IMAGE_STORE/store/overlay" 2>/dev/null || true; }
