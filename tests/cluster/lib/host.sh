# SPDX-License-Identifier: Apache-2.0
# What the cluster needs from the machine, and how the machine gets it back.
# shellcheck shell=bash

COMMANDS=(containerd containerd-shim-runc-v2 ctr runc docker-registry iptables iptables-save
  iptables-restore conntrack ip ss ipset socat ethtool buildah debootstrap openssl curl gcc flock
  setsid)

# Kernel settings that kubelet, kube-proxy or a network plugin may change.
SYSCTLS=(net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/ipv4/conf/all/route_localnet
  net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables
  net/netfilter/nf_conntrack_max net/netfilter/nf_conntrack_tcp_be_liberal
  vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops
  kernel/keys/root_maxkeys kernel/keys/root_maxbytes fs/inotify/max_user_instances)

# Folders that those programs make at places nobody can choose.
FOREIGN_DIRS=(/var/lib/kubelet /var/lib/cni /var/log/containers /var/log/pods /run/containerd
  /opt/containerd)

require_machine() {
  local command missing=()
  [[ $(id -u) == 0 ]] || die "the test cluster needs root, for mounts, cgroups and network links"
  for command in "${COMMANDS[@]}"; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  [[ -x /usr/lib/cni/bridge ]] || missing+=(/usr/lib/cni/bridge)
  ((${#missing[@]} == 0)) ||
    die "not installed: ${missing[*]}
hint: run tools/install_dependencies.sh --for cluster (its list: tests/cluster/packages.txt)"
}

# require_free_machine: called when no cluster of ours is there.
require_free_machine() {
  local port taken
  if iptables-save -t nat 2>/dev/null | grep -q '^:KUBE-SERVICES '; then
    die "another Kubernetes keeps its rules in this machine's iptables
hint: stop it, or use it with CLUSTER=existing"
  fi
  for port in "$API_PORT" "$ETCD_PORT" "$ETCD_PEER_PORT" "$KUBELET_PORT" "$KUBELET_HEALTH_PORT" \
    "$CONTROLLER_MANAGER_PORT" "$SCHEDULER_PORT" "$PROXY_HEALTH_PORT" "$PROXY_METRICS_PORT" \
    "$DNS_HEALTH_PORT" "$DNS_READY_PORT" "$REGISTRY_PORT"; do
    taken=$(ss -Hltnp "sport = :$port")
    [[ -z $taken ]] || die "port $port, which the cluster needs, is in use: $taken
hint: stop that process"
  done
}

# node_address: the machine's own address, under which pods reach the API server.
node_address() {
  local address
  address=$(ip -4 route show default | sed -n 's/.* src \([0-9.]*\).*/\1/p' | head -n 1)
  [[ -n $address ]] ||
    address=$(ip -4 -o address show scope global | grep -v " $BRIDGE " |
      sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1)
  [[ -n $address ]] || die "this machine has no address besides loopback; the node needs one"
  printf '%s\n' "$address"
}

# overlay_works DIR: whether DIR's file system takes overlay mounts; another overlay does not.
overlay_works() {
  local dir rc=0
  mkdir -p "$1"
  dir=$(mktemp -d "$1/overlay.XXXXXX")
  mkdir "$dir"/{lower,upper,work,merged}
  mount -t overlay overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" \
    "$dir/merged" 2>/dev/null || rc=1
  ((rc != 0)) || umount "$dir/merged"
  rm -rf "$dir"
  return "$rc"
}

remember_machine() {
  local name dir
  for name in "${SYSCTLS[@]}"; do
    [[ ! -r /proc/sys/$name ]] || printf '%s %s\n' "$name" "$(cat "/proc/sys/$name")"
  done >"$STATE/sysctls"
  for dir in "${FOREIGN_DIRS[@]}"; do
    [[ -e $dir ]] || printf '%s\n' "$dir"
  done >"$STATE/absent_dirs"
}

# set_sysctl NAME VALUE: where the kernel has NAME.
set_sysctl() {
  [[ ! -e /proc/sys/$1 ]] || printf '%s\n' "$2" >"/proc/sys/$1"
}

prepare_kernel() {
  set_sysctl net/ipv4/ip_forward 1
  # Without it a pod that calls a service whose pod sits on the same bridge gets answers from an
  # address it never called.
  set_sysctl net/bridge/bridge-nf-call-iptables 1
  (($(cat /proc/sys/fs/inotify/max_user_instances) >= 1024)) ||
    set_sysctl fs/inotify/max_user_instances 1024
}

# The bridge exists before the first pod, because CoreDNS listens on its address. Its hardware
# address is fixed: otherwise it is the lowest of its ports', changes as pods come and go, and the
# pods that remember the old one reach nobody for ten seconds.
make_bridge() {
  ip link add "$BRIDGE" address "$BRIDGE_HARDWARE_ADDRESS" type bridge
  ip address add "$BRIDGE_ADDRESS/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
}

cgroup_v2() { [[ -e /sys/fs/cgroup/cgroup.controllers ]]; }

# cgroup_hierarchies: the folder of every hierarchy in use.
cgroup_hierarchies() {
  if cgroup_v2; then
    echo /sys/fs/cgroup
  else
    find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d ! -name unified
  fi
}

# tracking_cgroup: where every process of the cluster can be found, pods included.
tracking_cgroup() {
  if cgroup_v2; then echo "/sys/fs/cgroup/$CGROUP"; else echo "/sys/fs/cgroup/pids/$CGROUP"; fi
}

make_cgroups() {
  local hierarchy file
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$CGROUP" || die "cannot make a cgroup in $hierarchy; is it read-only?"
    if cgroup_v2; then
      enable_controllers "$hierarchy"
      enable_controllers "$hierarchy/$CGROUP"
    fi
    mkdir -p "$hierarchy/$CGROUP/pods" "$hierarchy/$CGROUP/components"
  done
  # A cpuset of version 1 starts empty and then takes no process.
  for file in cpuset.cpus cpuset.mems; do
    [[ -e /sys/fs/cgroup/cpuset/$file ]] || continue
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$CGROUP/$file"
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$CGROUP/pods/$file"
  done
}

# enable_controllers DIR: hands every controller of a version 2 cgroup down to its children.
enable_controllers() {
  local controller controllers
  read -ra controllers <"$1/cgroup.controllers"
  for controller in "${controllers[@]}"; do
    echo "+$controller" >"$1/cgroup.subtree_control" ||
      say "  the cgroup controller $controller cannot be enabled in $1"
  done
}
