# SPDX-License-Identifier: Apache-2.0
# Removes every trace of the cluster, whatever state it is in; what never was there is no fault.
# shellcheck shell=bash

cluster_exists() { [[ -e $STATE || -e $RUN ]]; }

tear_down() {
  kill_processes
  unmount_all "$RUN"
  unmount_all "$STATE"
  remove_links
  remove_iptables_rules iptables
  remove_iptables_rules ip6tables
  remove_foreign_files
  restore_sysctls
  remove_cgroups
  rm -rf --one-file-system "$RUN" "$STATE"
}

cluster_pids() {
  local dir
  dir=$(tracking_cgroup)
  [[ ! -d $dir ]] || find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null
}

# Nothing of the cluster's data is kept, so that nobody needs time to say goodbye.
kill_processes() {
  local pids deadline=$((SECONDS + 60))
  while mapfile -t pids < <(cluster_pids) && ((${#pids[@]} > 0)); do
    ((SECONDS < deadline)) || die "processes of the cluster do not end: ${pids[*]}"
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.1
  done
}

# unmount_all DIR: everything mounted below DIR, the newest first.
unmount_all() {
  local target
  while read -r target; do
    umount "$target" 2>/dev/null || umount --lazy "$target" || die "cannot unmount $target"
  done < <(awk -v dir="$1/" 'index($5, dir) == 1 {print $5}' /proc/self/mountinfo | tac)
}

remove_links() {
  local link
  for link in "/sys/class/net/$BRIDGE/brif"/*; do
    ip link delete "${link##*/}" 2>/dev/null || true
  done
  ! ip link show "$BRIDGE" >/dev/null 2>&1 || ip link delete "$BRIDGE"
}

# remove_iptables_rules COMMAND: the chains of kubelet, kube-proxy and the network plugins, and
# every rule that jumps there; all others stay as they are.
remove_iptables_rules() {
  local table rules
  [[ -d $STATE ]] || return 0
  for table in raw mangle nat filter; do
    rules=$("$1-save" -c -t "$table" 2>/dev/null) || continue
    grep -qE '^:(KUBE|CNI)-' <<<"$rules" || continue
    grep -vE '(^:|-A |-j )(KUBE|CNI)-' <<<"$rules" | "$1-restore" -c -T "$table"
  done
}

remove_foreign_files() {
  local dir log address result id
  # The sockets of the container shims: containerd has one fixed folder for them.
  for address in "$RUN"/containerd/io.containerd.runtime.v2.task/*/*/address; do
    [[ ! -f $address ]] || rm -f "$(sed 's|^unix://||' "$address")"
  done
  for log in /var/log/containers/*; do
    [[ ! -L $log || $(readlink "$log") != "$STATE"/* ]] || rm -f "$log"
  done
  for result in /var/lib/cni/results/stillhead-*-eth0; do
    id=${result##*/stillhead-}
    rm -f "$result" "/var/lib/cni/results/cni-loopback-${id%-eth0}-lo"
  done
  [[ -f $STATE/absent_dirs ]] || return 0
  ! grep -qx /var/lib/kubelet "$STATE/absent_dirs" || rm -rf /var/lib/kubelet/device-plugins
  while read -r dir; do
    [[ ! -d $dir ]] || find "$dir" -depth -type d -empty -delete
  done <"$STATE/absent_dirs"
}

restore_sysctls() {
  local name value
  [[ -f $STATE/sysctls ]] || return 0
  while read -r name value; do
    [[ $(cat "/proc/sys/$name") == "$value" ]] || printf '%s\n' "$value" >"/proc/sys/$name"
  done <"$STATE/sysctls"
}

remove_cgroups() {
  local hierarchy deadline=$((SECONDS + 60))
  # On version 1, runc makes groups in the version 2 hierarchy beside it too.
  for hierarchy in $(cgroup_hierarchies) /sys/fs/cgroup/unified; do
    while [[ -d $hierarchy/$CGROUP ]]; do
      find "$hierarchy/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
      ((SECONDS < deadline)) || die "the cgroup $hierarchy/$CGROUP cannot be removed"
      [[ ! -d $hierarchy/$CGROUP ]] || sleep 0.1
    done
  done
}
