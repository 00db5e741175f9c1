# SPDX-License-Identifier: Apache-2.0
# Paths, addresses and ports of the test cluster. Sourced by every script of this folder.
# shellcheck shell=bash disable=SC2034

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPOSITORY=$(cd "$CLUSTER_DIR/../.." && pwd)

# What a user of the cluster needs, inside the clone: admin.kubeconfig, bin/, logs/.
OUT=$REPOSITORY/build/cluster

# What is expensive to make and survives `down`: programs, base image, buildah's store.
CACHE=${STILLHEAD_CACHE:-${HOME:-/root}/.cache/stillhead}/cluster

# One cluster per machine, at fixed places, so that every clone finds it. RUN is short because a
# Unix socket's path has room for 107 bytes.
RUN=/run/stillhead-cluster
STATE=/var/lib/stillhead-cluster
LOGS=$STATE/logs
PKI=$STATE/pki
CLUSTER_LOCK=/run/stillhead-cluster.lock

BRIDGE=stillhead0
BRIDGE_ADDRESS=10.244.0.1
BRIDGE_HARDWARE_ADDRESS=0a:58:0a:f4:00:01
POD_CIDR=10.244.0.0/24
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_ADDRESS=10.96.0.1
CLUSTER_DOMAIN=cluster.local
NODE=node1
PAUSE_IMAGE=stillhead.dev/pause:1
CGROUP=stillhead-cluster

API_PORT=16443
ETCD_PORT=16379
ETCD_PEER_PORT=16380
KUBELET_PORT=16250
KUBELET_HEALTH_PORT=16248
CONTROLLER_MANAGER_PORT=16257
SCHEDULER_PORT=16259
PROXY_HEALTH_PORT=16256
PROXY_METRICS_PORT=16249
DNS_HEALTH_PORT=16080
DNS_READY_PORT=16181
REGISTRY_PORT=5001
REGISTRY=127.0.0.1:$REGISTRY_PORT
