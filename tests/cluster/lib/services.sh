# SPDX-License-Identifier: Apache-2.0
# What pods use besides Kubernetes itself: names (CoreDNS) and images (docker-registry).
# shellcheck shell=bash

start_registry() {
  cat >"$STATE/registry.yaml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $STATE/registry}
  delete: {enabled: true}
http:
  addr: $REGISTRY
  secret: $(openssl rand -hex 16)
YAML
  start docker-registry /usr/bin/docker-registry serve "$STATE/registry.yaml"
}

start_dns() {
  "$BIN/kubectl" --kubeconfig "$PKI/admin.kubeconfig" apply -f - >>"$LOGS/coredns.log" <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- apiGroups: [""]
  resources: [services, pods, namespaces]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: system:coredns}
YAML
  write_corefile
  start coredns "$BIN/coredns" -conf "$STATE/Corefile"
}

# The short cache keeps a test from meeting the absence of a service that it made a moment ago.
write_corefile() {
  local forward=""
  ! grep -qs '^nameserver' /etc/resolv.conf || forward="forward . /etc/resolv.conf"
  cat >"$STATE/Corefile" <<COREFILE
. {
  bind $BRIDGE_ADDRESS
  errors
  health 127.0.0.1:$DNS_HEALTH_PORT
  ready 127.0.0.1:$DNS_READY_PORT
  kubernetes $CLUSTER_DOMAIN in-addr.arpa ip6.arpa {
    kubeconfig $PKI/coredns.kubeconfig
    pods insecure
    ttl 1
    fallthrough in-addr.arpa ip6.arpa
  }
  cache 1
  $forward
}
COREFILE
}
