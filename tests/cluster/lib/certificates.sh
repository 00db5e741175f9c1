# SPDX-License-Identifier: Apache-2.0
# One authority, a certificate for each component, and kubeconfig files made of them.
# shellcheck shell=bash

make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

make_authority() {
  make_key "$PKI/ca.key"
  openssl req -x509 -new -key "$PKI/ca.key" -days 3650 -subj "/CN=stillhead-test-cluster" \
    -addext "keyUsage=critical,digitalSignature,keyCertSign" -out "$PKI/ca.crt"
}

# make_certificate NAME SUBJECT [SUBJECT_ALT_NAMES]: NAME.key and NAME.crt, valid for clients and,
# with alternative names, for servers.
make_certificate() {
  local extensions
  extensions=$(printf '%s\n' "keyUsage=critical,digitalSignature" "basicConstraints=CA:FALSE" \
    "extendedKeyUsage=clientAuth${3:+,serverAuth}" ${3:+"subjectAltName=$3"})
  make_key "$PKI/$1.key"
  openssl req -new -key "$PKI/$1.key" -subj "$2" |
    openssl x509 -req -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 \
      -extfile <(printf '%s\n' "$extensions") -out "$PKI/$1.crt" 2>/dev/null
}

# make_certificates NODE_ADDRESS
make_certificates() {
  mkdir -p "$PKI"
  chmod 700 "$PKI"
  make_authority
  local name api=kubernetes.default.svc
  make_certificate apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,\
DNS:kubernetes.default,DNS:$api,DNS:$api.$CLUSTER_DOMAIN,\
IP:127.0.0.1,IP:$API_SERVICE_ADDRESS,IP:$1"
  make_certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  make_certificate admin /O=system:masters/CN=admin
  make_certificate controller-manager /CN=system:kube-controller-manager
  make_certificate scheduler /CN=system:kube-scheduler
  make_certificate proxy /CN=system:kube-proxy
  make_certificate coredns /CN=system:coredns
  # The node's certificate also serves the kubelet's own port, which the API server calls for logs.
  make_certificate node "/O=system:nodes/CN=system:node:$NODE" "DNS:$NODE,IP:$1"
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$PKI/service-accounts.key" \
    2>/dev/null
  openssl pkey -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub"
  for name in admin controller-manager scheduler proxy coredns node; do
    write_kubeconfig "$name"
  done
}

# write_kubeconfig NAME: NAME.kubeconfig with everything inside, so that it can be copied anywhere
# on this machine.
write_kubeconfig() {
  (
    umask 077
    cat >"$PKI/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: stillhead-test
  cluster:
    server: https://127.0.0.1:$API_PORT
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$1.crt")
    client-key-data: $(base64 -w0 "$PKI/$1.key")
contexts:
- name: $1@stillhead-test
  context:
    cluster: stillhead-test
    user: $1
current-context: $1@stillhead-test
YAML
  )
}
