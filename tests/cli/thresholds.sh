#!/bin/bash
# thresholds.sh PROGRAM JSON_VALUE IS_SLOW: ACDC at several thresholds: what is printed and written, that each circuit is
# the one that its threshold alone gives, killed at any instant, and what is refused. IS_SLOW (a sanitizer's build, 1 or
# 0) makes the job smaller.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2
is_slow=${3:-0}
seed=${PATCHCLAMP_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "the instants of seed $seed (PATCHCLAMP_TEST_SEED)"
if [ "$is_slow" = 1 ]; then n_pairs=8 range=0.003:0.3:5; else n_pairs=32 range=0.001:1:21; fi
acdc=(find demo --task induction -n "$n_pairs" --method acdc --metric kl)
now_ms() { date +%s%3N; }

# ---- one run, 21 thresholds ----
began=$(now_ms)
expect_exit 0 "${acdc[@]}" --thresholds $range -o whole --rows 3
whole_ms=$(($(now_ms) - began))
cp "$out" whole.txt
if [ "$is_slow" = 0 ]; then
    expect "in under a minute, not $whole_ms ms" test $whole_ms -lt 60000
    expect_line '^21 thresholds: [0-9]+ evaluations together, one by one [0-9]+$'
    expect "sharing saves half" awk '/^21 thresholds/ { exit !($3 < $NF / 2) }' "$out"
    expect "22 circuits" test "$(find whole -name 'circuit*.json' | wc -l)" -eq 22
    expect "21 rows" test "$(wc -l <whole/thresholds.csv)" -eq 22
    middle=0.0112
else
    middle=0.00949
fi
expect_line "^ +$middle +[0-9]+ +0\.[0-9]{4} +0\.[0-9]{4} +[0-9]+"
expect "one is the run's" test "$(grep -c 'circuit.json$' "$out")" -eq 1
chosen=$(awk '/circuit.json$/ { print $1 }' "$out")
expect_same whole/circuit.json "whole/circuit-$chosen.json"
expect "the table's head" grep -q '^threshold,kept,metric,stderr,faithfulness,evaluations$' whole/thresholds.csv
expect "what was written" grep -q '^written: whole/circuit.json, .*thresholds.csv, circuit-T.json of each, run.db$' "$err"

# What its threshold alone gives.
expect_exit 0 "${acdc[@]}" --threshold $middle -o alone
expect_same alone/circuit.json whole/circuit-$middle.json
expect "no table" test ! -e alone/thresholds.csv
expect_exit 0 "${acdc[@]}" --threshold "$chosen" -o alone-chosen
for file in circuit.json scores.csv circuit.svg; do expect_same alone-chosen/$file whole/$file; done

# Lists in any order; the program's own files can be used as any circuit.
expect_exit 0 "${acdc[@]}" --thresholds 0.1,$middle,0.05 --faithfulness 0.5 -o list --json
expect "three" test "$("$json_value" "$out" thresholds)" = 3
expect "ascending" awk -v x="$("$json_value" "$out" thresholds.2.threshold)" 'BEGIN { exit x != 0.1 }'
expect "what it takes" test "$("$json_value" "$out" thresholds.2.evaluations)" -gt 0
expect_same whole/circuit-$middle.json list/circuit-$middle.json
expect_exit 0 eval whole/circuit-$middle.json --model demo --task induction -n "$n_pairs"
expect_exit 0 draw whole/circuit-$middle.json -o figure.svg

# ---- what must not matter ----
expect_same_run()
{
    local path
    for path in whole/*; do
        case $path in *run.db) continue ;; esac
        expect_same "$path" "$1/${path##*/}"
    done
}
expect_exit 0 "${acdc[@]}" --thresholds $range -o whole --resume --rows 3
expect_same "$out" whole.txt
expect_exit 0 "${acdc[@]}" --thresholds $range -o other --threads 1 --without layers,cone --rows 3
expect_same_run other
expect_same "$out" whole.txt

# ---- killed: 8 times, the run begun anew whenever it was faster ----
n_killed=0
n_runs=1
while [ $n_killed -lt 8 ] && [ $n_runs -lt 20 ]; do
    "$program" "${acdc[@]}" --thresholds $range -o "killed_$n_runs" --resume >"$out" 2>"$err" </dev/null &
    pid=$!
    sleep "$(awk -v x=$RANDOM -v ms=$whole_ms 'BEGIN { printf "%.3f", x / 32768 * (ms / 4 + 20) / 1000 }')"
    kill -KILL $pid 2>/dev/null
    code=0
    wait "$pid" 2>/dev/null || code=$?
    if [ $code -eq 137 ]; then
        n_killed=$((n_killed + 1))
    else
        expect "a run that was not killed" test $code -eq 0
        expect_same_run "killed_$n_runs"
        n_runs=$((n_runs + 1))
    fi
done
expect "enough kills" test $n_killed -eq 8
expect_exit 0 "${acdc[@]}" --thresholds $range -o "killed_$n_runs" --resume
expect_same_run "killed_$n_runs"

# ---- refused ----
expect_refusal 2 'whole/run.db: selection was faithfulness 0.9, now threshold 0.1' "${acdc[@]}" --threshold 0.1 --resume -o whole
expect_refusal 2 'whole/run.db: thresholds was .*, now 0.1,0.2: --resume' "${acdc[@]}" --thresholds 0.1,0.2 --resume -o whole
for list in 0.1, 0.1,x '' ' 0.1' 1:0.1:3 0:1:3 0.1:1:1 0.1:1:2.5 0.1:1 0.1:1:3:4 0.1:1:1001 nan inf 0.1,,0.2; do
    expect_refusal 3 'thresholds is ".*", expected numbers like' "${acdc[@]}" "--thresholds=$list" -o no
done
expect_refusal 3 'threshold is -0.1, expected 0 or more' "${acdc[@]}" --thresholds=-0.1,0.2 -o no
expect_refusal 3 'threshold 0.1 stands behind 0.1: expected each once' "${acdc[@]}" --thresholds 0.1,0.1 -o no
expect_refusal 3 'go with selection by faithfulness alone' "${acdc[@]}" --thresholds 0.1,0.2 --threshold 0.3 -o no
expect_refusal 3 'go with selection by faithfulness alone' "${acdc[@]}" --thresholds 0.1,0.2 --top 3 -o no
expect_refusal 3 'thresholds belong to method acdc, not to exact' find demo --task induction --thresholds 0.1,0.2 -o no
expect_exit 0 task induction --model demo -n 4 --length 12 -o circuit-0.1.jsonl
mkdir mine && cp circuit-0.1.jsonl mine/circuit-0.1.json
expect_refusal 3 'would be overwritten' find demo --task mine/circuit-0.1.json --method acdc --thresholds 0.1,0.2 -o mine
report
