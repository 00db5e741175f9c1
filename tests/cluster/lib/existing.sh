# SPDX-License-Identifier: Apache-2.0
# CLUSTER=existing: somebody else's cluster, named by the current kubeconfig.
# shellcheck shell=bash

# find_program NAME: one from PATH, or else the one built here.
find_program() {
  command -v "$1" || { build_programs && printf '%s/%s\n' "$(module_dir "$2")" "$1"; }
}

use_existing_cluster() {
  local kubectl helm answer version
  kubectl=$(find_program kubectl kubernetes)
  helm=$(find_program helm helm)
  mkdir -p "$OUT/bin"
  answer=$("$kubectl" --request-timeout 10s version 2>&1) || true
  version=$(sed -n 's/^Server Version: //p' <<<"$answer")
  [[ -n $version ]] ||
    die "CLUSTER=existing: the cluster of the current kubeconfig does not answer:
    $(tail -n 1 <<<"$answer")
hint: set KUBECONFIG, or the context, to one that 'kubectl get nodes' works with"
  (umask 077 && "$kubectl" config view --raw --minify --flatten >"$OUT/admin.kubeconfig.new")
  mv "$OUT/admin.kubeconfig.new" "$OUT/admin.kubeconfig"
  ln -sfn "$kubectl" "$OUT/bin/kubectl"
  ln -sfn "$helm" "$OUT/bin/helm"
  say "cluster: using the existing one, Kubernetes $version"
}
