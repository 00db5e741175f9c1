# SPDX-License-Identifier: Apache-2.0
# The cluster's components as background processes of this machine.
# shellcheck shell=bash

# start NAME COMMAND...: starts COMMAND in the cluster's cgroup, with nothing of the caller's
# environment (a proxy there would stand between the components) and none of its open files.
start() {
  local name=$1
  shift
  mkdir -p "$RUN/pids" "$LOGS"
  (
    local fd
    echo "$BASHPID" >"$(tracking_cgroup)/components/cgroup.procs"
    cd /
    for fd in "/proc/$BASHPID/fd"/*; do
      fd=${fd##*/}
      ((fd <= 2)) || eval "exec $fd>&-"
    done
    ulimit -n "$(ulimit -Hn)"
    exec setsid env -i HOME=/root \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      "$@" </dev/null >>"$LOGS/$name.log" 2>&1
  ) &
  echo $! >"$RUN/pids/$name"
}

# is_running NAME: whether the process that was started under NAME is there. A process of the same
# number elsewhere on the machine does not count.
is_running() {
  local pid
  pid=$(cat "$RUN/pids/$1" 2>/dev/null) || return
  grep -q "/$CGROUP/components\$" "/proc/$pid/cgroup" 2>/dev/null &&
    ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

# wait_for NAME SECONDS COMMAND...: until COMMAND succeeds; ends the script when component NAME died
# or is not ready in time.
wait_for() {
  local name=$1 bound=$2 deadline=$((SECONDS + $2))
  shift 2
  until is_running "$name" && "$@" >/dev/null 2>&1; do
    is_running "$name" || fail_component "$name" "has ended"
    ((SECONDS < deadline)) || fail_component "$name" "was not ready within $bound s"
    sleep 0.1
  done
}

fail_component() {
  say "error: $1 $2; the end of $LOGS/$1.log:"
  tail -n 25 "$LOGS/$1.log" | sed 's/^/    /' >&2
  exit 1
}
