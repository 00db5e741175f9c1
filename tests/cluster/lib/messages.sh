# SPDX-License-Identifier: Apache-2.0
# What the scripts say: progress on stderr, so that stdout stays free for results.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# run_logged WHAT EXPECTED LOG COMMAND...: runs COMMAND with its output in LOG, says what it does
# and how long that usually takes, gives a sign of life every 30 s, and shows the log's end on
# failure.
run_logged() {
  local what=$1 expected=$2 log=$3 begin=$SECONDS next_sign=30 pid rc=0
  shift 3
  mkdir -p "$(dirname "$log")"
  say "- $what (usually $expected)"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - begin >= next_sign)); then
      say "  ... $what: $next_sign s"
      next_sign=$((next_sign + 30))
    fi
  done
  wait "$pid" || rc=$?
  if ((rc != 0)); then
    say "error: $what failed with exit code $rc after $((SECONDS - begin)) s; the end of $log:"
    tail -n 25 "$log" | sed 's/^/    /' >&2
    return "$rc"
  fi
  say "  $what: done in $((SECONDS - begin)) s"
}

# take_lock FILE WHOSE: holds FILE on descriptor 9 until this process ends, and says so when it has
# to wait for WHOSE.
take_lock() {
  mkdir -p "$(dirname "$1")"
  exec 9>"$1"
  if ! flock -n 9; then
    say "- waiting for $2 (it holds $1)"
    flock 9
  fi
}
