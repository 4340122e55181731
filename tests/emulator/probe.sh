#!/bin/bash
# probe.sh PROBE JSON_VALUE: the probe of GPUs, on the emulator: it runs through, finds the algorithm that does not treat
# all rows alike, and writes JSON.
set -u
probe=$1 json_value=$2
temporary=$(mktemp -d) || exit 1
trap 'rm -rf "$temporary"' EXIT
n_failed=0

# expect WHAT FOUND EXPECTED
expect()
{
    [ "$2" = "$3" ] && return
    echo "FAILED: $1: \"$2\", not \"$3\""
    n_failed=$((n_failed + 1))
}

"$probe" --small --all --json "$temporary/probe.json" >"$temporary/out"
expect "exit" $? 0
value() { "$json_value" "$temporary/probe.json" "$1"; }
expect "device" "$(value tables.0.rows.0.device)" emulated
for row in 0 1 2 3 4 5; do # two products, three kinds of inputs
    expect "proposed, product $row" "$(value "tables.3.rows.$row.proposed")" 4
    expect "splitting, product $row" "$(value "tables.3.rows.$row.splitting")" 1
    expect "alike, product $row" "$(value "tables.3.rows.$row.alike at M")" 3
    expect "pinned, product $row" "$(value "tables.3.rows.$row.pinned alike")" "any M"
done
expect "operators that are right" "$(grep -c ' right ' "$temporary/out")" 14
expect "operators that are wrong" "$(grep -c 'WRONG' "$temporary/out")" 0

"$probe" --wrong 2>"$temporary/err"
expect "exit of wrong usage" $? 3
"$probe" --json "$temporary/none/probe.json" >"$temporary/out" 2>"$temporary/err"
expect "exit where JSON cannot be written" $? 1
expect "why" "$(cat "$temporary/err")" "gpu_probe: $temporary/none/probe.json cannot be written"
[ "$n_failed" -eq 0 ]
