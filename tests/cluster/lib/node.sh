# SPDX-License-Identifier: Apache-2.0
# The machine as the cluster's one node: containerd with network and images, kubelet, kube-proxy.
# shellcheck shell=bash

CONTAINERD_SOCKET=$RUN/containerd.sock

start_containerd() {
  local snapshotter=overlayfs
  overlay_works "$STATE" || snapshotter=native
  mkdir -p "$STATE/cni" "$STATE/opt"
  write_network_config
  write_containerd_config "$snapshotter"
  start containerd /usr/bin/containerd --config "$STATE/containerd.toml"
}

# write_containerd_config SNAPSHOTTER
write_containerd_config() {
  cat >"$STATE/containerd.toml" <<TOML
version = 2
root = "$STATE/containerd"
state = "$RUN/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "$CONTAINERD_SOCKET"

[plugins."io.containerd.internal.v1.opt"]
  path = "$STATE/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$1"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "$RUN/runc"
        SystemdCgroup = false
TOML
}

write_network_config() {
  cat >"$STATE/cni/10-stillhead.conflist" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "stillhead",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "$BRIDGE",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "$RUN/addresses",
        "ranges": [[{"subnet": "$POD_CIDR", "gateway": "$BRIDGE_ADDRESS"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
JSON
}

containerd_ctl() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# import_pause_image: there is no registry to pull it from.
import_pause_image() {
  local key file
  key=$(cat "$CLUSTER_DIR/pause"/* | sha256sum | cut -c1-16)
  file=$CACHE/pause-$key.tar
  [[ -f $file ]] || "$CLUSTER_DIR/pause/make_image" "$PAUSE_IMAGE" "$file" ||
    die "the pause image cannot be made from tests/cluster/pause"
  containerd_ctl images import "$file" >>"$LOGS/containerd.log" 2>&1 ||
    fail_component containerd "did not import the pause image $file"
}

# start_kubelet NODE_ADDRESS
start_kubelet() {
  mkdir -p "$STATE/pod-logs" "$STATE/volume-plugins"
  write_kubelet_config "$1"
  start kubelet "$BIN/kubelet" --config "$STATE/kubelet.yaml" --kubeconfig "$PKI/node.kubeconfig" \
    --root-dir "$STATE/kubelet" --hostname-override "$NODE" --node-ip "$1"
}

# write_kubelet_config NODE_ADDRESS. localStorageCapacityIsolation is off because the root file
# system of a small virtual machine need not have a device entry, and kubelet then refuses to start.
write_kubelet_config() {
  local resolv_conf=/etc/resolv.conf
  [[ -e $resolv_conf ]] || resolv_conf=""
  cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $1
port: $KUBELET_PORT
healthzBindAddress: 127.0.0.1
healthzPort: $KUBELET_HEALTH_PORT
tlsCertFile: $PKI/node.crt
tlsPrivateKeyFile: $PKI/node.key
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $PKI/ca.crt}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/pods
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
clusterDNS: [$BRIDGE_ADDRESS]
clusterDomain: $CLUSTER_DOMAIN
resolvConf: "$resolv_conf"
podLogsDir: $STATE/pod-logs
volumePluginDir: $STATE/volume-plugins
maxPods: 200
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
kubeAPIQPS: 200
kubeAPIBurst: 400
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
YAML
}

start_proxy() {
  start kube-proxy "$BIN/kube-proxy" --kubeconfig "$PKI/proxy.kubeconfig" --proxy-mode iptables \
    --hostname-override "$NODE" --cluster-cidr "$POD_CIDR" \
    --healthz-bind-address "127.0.0.1:$PROXY_HEALTH_PORT" \
    --metrics-bind-address "127.0.0.1:$PROXY_METRICS_PORT" \
    --iptables-localhost-nodeports=false --iptables-min-sync-period 200ms \
    --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 \
    --conntrack-tcp-timeout-close-wait 0
}
