#!/bin/bash
# diff.sh PROGRAM JSON_VALUE: two circuits side by side, on the terminal, as JSON and as a figure.
json_value=$2
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }
expect_value() { expect "$1 is \"$(value "$1")\"" test "$(value "$1")" = "$2"; }

prompts=(--task induction -n 6 --length 12)
expect_exit 0 find demo "${prompts[@]}" --top 12 -o one
expect_exit 0 find demo "${prompts[@]}" --top 20 -o other
expect_exit 0 find demo "${prompts[@]}" --method acdc --metric kl --threshold 0.01 -o acdc
n_one=$(value evaluation.kept one/circuit.json) n_other=$(value evaluation.kept other/circuit.json)

# ---- the same effects, another selection: a part of the other ----
expect_json diff one other --json
expect_value compared edges
expect_value both "$n_one"
expect_value only_a 0
expect_value only_b $((n_other - n_one))
expect_value rank_correlation 1
expect_value ranked 110
expect_value rows "$n_other"
expect_exit 0 diff one other
expect_line '^in +edge +effect in A +in B$'
expect_line '^both  input->a0.h3<v>  +-[0-9.]+ +-[0-9.]+$'
expect_line "^A +$n_one of 110, exact on induction, faithfulness "
expect_line "^shared +$n_one edges in both, 0 only in A, $((n_other - n_one)) only in B; Jaccard 0\.[0-9]{4}$"
expect_line '^ranking +correlation 1\.0000 of \|effect\| \(Spearman\) over 110 edges measured in both$'
expect "no difference in options" test "$(grep -c '^differ in' "$out")" -eq 0
expect_exit 0 diff one one/circuit.json --rows 3
expect_line 'Jaccard 1\.0000$'
expect_line "^\.\.\. and $((n_one - 3)) more \(--rows\)$"

# ---- another method and metric, as a figure ----
expect_exit 0 diff one acdc -o diff.svg --names 'the strongest,<ACDC>'
expect_line '^differ in +method: exact, acdc$'
expect_line '^differ in +metric: logit-diff, kl$'
expect "the names" grep -qF '>only in B (&lt;ACDC&gt;): ' diff.svg
expect_exit 0 diff one acdc -o again.svg --names 'the strongest,<ACDC>'
expect_same diff.svg again.svg
expect_exit 0 diff one acdc -o diff.pdf --title 'two' --no-table --max-edges 5
expect "a PDF" grep -q '^%PDF-1.4' diff.pdf

# ---- what is refused ----
expect_exit 0 find "$models/llama-gqa" --task induction -n 2 --length 12 --level node --top 3 -o llama
expect_exit 0 find demo "${prompts[@]}" --level neuron --top 3 -o neurons
expect_refusal 2 'A is of demo \(2 layers of 4 heads\), B of llama-gqa' diff one llama
expect_refusal 2 'B is of neurons, A is not' diff one neurons
expect_refusal 2 'no-such' diff one no-such
expect_refusal 3 'ends in .svg or .pdf' diff one other -o diff.png
expect_refusal 3 'two names with a comma' diff one other -o no.svg --names one
ln one/circuit.json circuit.svg
expect_refusal 3 "is the input" diff one other -o circuit.svg
report
