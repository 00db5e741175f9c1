# SPDX-License-Identifier: Apache-2.0
# How the programs of one Go module are compiled. A change of this file builds all of them anew.
# shellcheck shell=bash

KUBERNETES_VERSION=1.34.4
HELM_VERSION=3.22.0

go_packages() {
  case $1 in
    kubernetes)
      printf 'k8s.io/kubernetes/cmd/%s\n' kube-apiserver kube-controller-manager kube-scheduler \
        kubelet kube-proxy kubectl
      ;;
    helm) echo helm.sh/helm/v3/cmd/helm ;;
    etcd | coredns) echo . ;;
  esac
}

linker_flags() {
  local version=k8s.io/component-base/version
  echo -s -w -X "$version.gitVersion=v$KUBERNETES_VERSION" -X "$version.gitMajor=1" \
    -X "$version.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")" \
    -X "helm.sh/helm/v3/internal/version.version=v$HELM_VERSION"
}

# compile_module MODULE DIR: the programs of one module into DIR.
compile_module() {
  local packages
  mapfile -t packages < <(go_packages "$1")
  mkdir -p "$2"
  cd "$CLUSTER_DIR/go/$1" || return
  if [[ ${packages[0]} == . ]]; then
    set -- "$1" "$2/$1"
  else
    set -- "$1" "$2/"
  fi
  env CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS=-buildvcs=false nice -n 5 \
    "$GO" build -mod=readonly -trimpath -ldflags "$(linker_flags)" -o "$2" "${packages[@]}"
}
