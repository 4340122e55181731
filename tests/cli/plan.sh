#!/bin/bash
# plan.sh PROGRAM SHAPED_MODEL JSON_VALUE PEAK_MEMORY IS_SLOW: what --plan says comes true, and no saving changes a byte.
shaped_model=$2 json_value=$3 peak_memory=$4 is_slow=$5
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }

# is_at_most A B: of two numbers, which may have an exponent.
is_at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 <= b + 0) }'; }

echo '{"clean": [0, 3, 5, 7, 9, 2, 1], "corrupted": [0, 3, 6, 7, 9, 2, 1], "answers": [4], "wrong_answers": [8]}' >pair.jsonl
cat >list.jsonl <<'END'
{"name": "edge", "cut": ["a0.h3->a1.h2<k>"]}
{"name": "neuron", "cut": ["m0.n7"], "positions": [2, -1], "metric": "kl"}
{"name": "head", "cut": ["a0.h0"], "source": "zero"}
{"name": "path", "path": {"from": ["a0.h3"], "to": ["a1.h0<k>", "logits"], "mlps": "free"}}
{"name": "stops", "path": {"from": ["a0.h3"], "via": [["a1.h2<k>"]], "to": ["logits"], "mlps": "frozen"}}
{"name": "circuit", "circuit": ["input->a0.h3<v>", "a0.h3->a1.h2<k>", "input->a1.h2<v>", "a1.h2->logits"]}
END

# Nothing is written, and the counts are the same every time.
expect_exit 0 find demo --task induction -n 8 --plan --json -o made
expect "no directory" test ! -e made
cp "$out" first.json
expect_exit 0 find demo --task induction -n 8 --plan --json
for key in effects batches rows flop bytes memory.all flop_without.layers flop_whole; do
    expect "$key twice" test "$(value $key)" = "$(value $key first.json)"
done
expect "110 edges and 11 nodes" test "$(value interventions)" -eq 121
expect "effects" test "$(value effects)" -eq $((8 * 121))
expect "it takes time" is_at_most 1e-9 "$(value seconds)"
for saving in layers positions last-layer heads columns untouched cone; do
    expect "$saving saves" is_at_most "$(value flop)" "$(value flop_without.$saving)"
done
expect "less than running the model" is_at_most "$(value flop)" "$(value flop_whole)"
expect_exit 0 find demo --task induction -n 8 --plan
expect_line '^memory  .* MB at most: .* model, .* packed weights, .* prompts, .* threads, .* twin$'
expect_line '^layers  .*layers before the first change$'
expect_line '^all  .*the whole model run for each effect$'

# The other commands that measure; stops and patterns are the twin's.
expect_exit 0 run demo --task induction -n 2 --interventions list.jsonl --plan --json
expect "6 interventions" test "$(value interventions)" -eq 6
expect_exit 0 patch demo --task induction -n 2 --what z --by layer,head --plan --json
expect "8 heads" test "$(value interventions)" -eq 8
expect_exit 0 patch demo --task induction -n 2 --what pattern --by layer,head --plan --json
expect "the twin" test "$(value engine)" = twin
expect_exit 0 path demo --task induction -n 2 --to logits --plan
expect_line '^engine  .*delta'
expect_exit 0 find demo --task induction -n 2 --engine twin --plan --json
expect "the twin saves nothing" test "$(value flop)" = "$(value flop_whole)"

# No saving changes a byte.
expect_exit 0 run demo --task induction -n 2 --interventions list.jsonl -o with
for saving in layers positions last-layer heads columns untouched cone layers,heads,cone; do
    expect_exit 0 run demo --task induction -n 2 --interventions list.jsonl --without $saving -o "without-$saving"
    expect_same with/effects.csv "without-$saving/effects.csv"
done
expect_refusal 3 'saving "lairs" is unknown, expected one of layers, ' find demo --task induction --without lairs --plan

# What is resident stays below what was said, and too little is refused before anything runs.
if [ "$is_slow" -eq 0 ]; then
    mkdir wide && "$shaped_model" wide wide || exit 1
    expect_exit 0 find wide --task pair.jsonl --level node --top 5 --plan --json
    planned=$(value memory.all)
    resident=$("$peak_memory" "$program" find wide --task pair.jsonl --level node --top 5 -o nodes 2>"$err")
    expect "resident $resident, planned $planned" is_at_most "$resident" "$((${planned%.*} + 64000000))"
    expect "resident $resident, planned $planned" is_at_most "$((${planned%.*} / 2))" "$resident"
    expect_refusal 2 'memory: 200.0 MB are allowed, the delta engine needs at least ' \
        find wide --task pair.jsonl --level node --top 5 --memory 200M --plan
fi
expect_refusal 3 'expected --task T and -o DIR or --plan' find demo --task induction
report
