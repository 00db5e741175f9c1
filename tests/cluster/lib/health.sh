# SPDX-License-Identifier: Apache-2.0
# Whether each component does its work: used while starting, and to judge a cluster found running.
# shellcheck shell=bash

COMPONENTS=(etcd kube-apiserver kube-controller-manager kube-scheduler docker-registry containerd
  kubelet kube-proxy coredns)

ask() { curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$@"; }

ask_api() {
  ask --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
    "https://127.0.0.1:$API_PORT$1"
}

check() {
  case $1 in
    etcd) ask "http://127.0.0.1:$ETCD_PORT/health" ;;
    kube-apiserver) ask_api /readyz ;;
    kube-controller-manager)
      ask --insecure "https://127.0.0.1:$CONTROLLER_MANAGER_PORT/healthz" &&
        ask_api /api/v1/namespaces/default/serviceaccounts/default
      ;;
    kube-scheduler) ask --insecure "https://127.0.0.1:$SCHEDULER_PORT/readyz" ;;
    docker-registry) ask "http://$REGISTRY/v2/" ;;
    containerd) ctr --address "$RUN/containerd.sock" --connect-timeout 2s version >/dev/null ;;
    kubelet) ask "http://127.0.0.1:$KUBELET_HEALTH_PORT/healthz" && node_is_ready ;;
    kube-proxy) ask "http://127.0.0.1:$PROXY_HEALTH_PORT/healthz" ;;
    coredns) ask "http://127.0.0.1:$DNS_READY_PORT/ready" ;;
  esac
}

node_is_ready() {
  local ready
  ready=$("$BIN/kubectl" --kubeconfig "$PKI/admin.kubeconfig" --request-timeout 2s \
    get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)
  [[ $ready == True ]]
}

# first_fault: names the first component that is not well; fails when there is none. A machine under
# load answers late, so that silence counts only when it lasts.
first_fault() {
  local name deadline=$((SECONDS + 30))
  for name in "${COMPONENTS[@]}"; do
    until is_running "$name" && check "$name"; do
      if ! is_running "$name"; then
        echo "$name is not running"
        return
      elif ((SECONDS >= deadline)); then
        echo "$name does not answer"
        return
      fi
      sleep 0.5
    done
  done
  return 1
}
