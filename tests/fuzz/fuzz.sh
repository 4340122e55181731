#!/bin/sh
# Fuzzes one target: fuzz.sh PROGRAM CORPUS BUILD. New inputs and crashes stay under BUILD, the corpus is only read.
# PATCHCLAMP_FUZZ_SECONDS (30): how long.
set -eu
program=$1 corpus=$2 build=$3
name=$(basename "$program")
found=$build/found/$name crashes=$build/crashes
mkdir -p "$found" "$crashes"

status=0
"$program" -max_total_time="${PATCHCLAMP_FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$crashes/$name-" "$found" "$corpus" || status=$?

if [ "$status" -ne 0 ]; then
    echo "$name failed; its inputs, newest first (keep one in $corpus with the fix):"
    ls -t "$crashes"/"$name"-* || true
fi
exit "$status"
