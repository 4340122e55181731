#!/bin/bash
# estimates.sh PROGRAM JSON_VALUE: find by gradients, checks of it, and what an estimate proposes measured.
json_value=$2
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

value() { "$json_value" "$1" "$2" 2>>"$err"; }
task=(--task induction -n 8 --length 12)

# ---- each method says that it estimates ----
for method in eap eap-ig eap-ig-activations clean-corrupted relp; do
    expect_exit 0 find demo "${task[@]}" --method $method --top 12 -o "$method"
    expect_line '^ *#  edge .* estimate '
    expect "$method: effects" test "$(value $method/circuit.json options.effects)" = estimate
    expect "$method: the figure says so" grep -q 'Effects are estimates by gradients' $method/circuit.svg
    expect "$method: the report too" grep -q '"effects": *"estimate"' $method/report.html
    expect "$method: no p-values of estimates" test "$(grep -c '"p":' $method/circuit.json)" -eq 0
done
expect "steps" test "$(value eap-ig/circuit.json options.ig_steps)" = 5
expect "left of inputs" test "$(value eap-ig/circuit.json options.ig_rule)" = left
expect "right of activations" test "$(value eap-ig-activations/circuit.json options.ig_rule)" = right
expect "no steps" test "$(grep -c ig_steps eap/circuit.json)" -eq 0
for level in node neuron; do
    expect_exit 0 find demo "${task[@]}" --method eap-ig --ig-rule midpoint --ig-steps 3 --level $level --top 4 -o by-$level
    expect "midpoint" test "$(value by-$level/circuit.json options.ig_rule)" = midpoint
done
expect_exit 0 find demo "${task[@]}" --method eap --source mean --top 4 -o by-mean
expect_exit 0 find demo "${task[@]}" --method eap-ig --direction denoise --metric kl --top 4 -o by-kl

# ---- checks ----
expect_exit 0 find demo "${task[@]}" --method eap --top 12 --check 6 -o checked
expect_line '^check: of 6 measured, correlation '
expect "check.csv" test "$(wc -l <checked/check.csv)" -eq 7
expect "check.csv's head" test "$(head -n 1 checked/check.csv)" = "name,estimate,effect,stderr"
expect "rank correlation" test -n "$(value checked/circuit.json evaluation.check_spearman)"

# ---- the same bytes again, on other threads, and resumed ----
cp -r checked first
expect_exit 0 find demo "${task[@]}" --method eap --top 12 --check 6 --threads 1 -o again
expect_exit 0 find demo "${task[@]}" --method eap --top 12 --check 6 --resume -o checked
for file in circuit.json scores.csv check.csv; do
    expect "$file on one thread" cmp first/$file again/$file
    expect "$file resumed" cmp first/$file checked/$file
done
expect_exit 2 find demo "${task[@]}" --method eap --top 12 --check 7 --resume -o checked
expect "said" grep -q 'check' "$err"

# ---- hybrid ----
expect_exit 0 find demo "${task[@]}" --method hybrid --candidates 20 --top 8 -o hybrid
expect_line '^hybrid: 20 of 110 were measured, the strongest by eap-ig$'
expect "20 of 110 edges have an effect" test "$(grep -c '^edge,.*[0-9]$' hybrid/scores.csv)" -eq 20
expect_exit 0 find demo "${task[@]}" --top 8 -o exact
strongest=$(grep '^edge,' exact/scores.csv | sort -t , -g -k 3 | head -n 1)
expect "the strongest is measured alike" grep -qxF "$strongest" hybrid/scores.csv
expect_exit 0 find demo "${task[@]}" --method hybrid --estimate eap --faithfulness 0.5 -o by-eap

# ---- refused ----
expect_exit 2 find demo "${task[@]}" --method eap --metric accuracy --top 3 -o no
expect "said" grep -q 'accuracy has no gradient' "$err"
expect_exit 2 find demo "${task[@]}" --method eap --metric kl --top 3 -o no
expect "said" grep -q 'its gradient at the clean run is 0' "$err"
expect_exit 2 find demo "${task[@]}" --method eap --top 3 --memory 1M -o no
expect "said" grep -q 'memory: 1.0 MB are allowed' "$err"
expect_exit 3 find demo "${task[@]}" --method exact --check 3 --top 3 -o no
expect_exit 3 find demo "${task[@]}" --method eap --ig-steps 3 --top 3 -o no
expect_exit 3 find demo "${task[@]}" --method eap-ig --ig-rule up --top 3 -o no
expect_exit 3 find demo "${task[@]}" --method eap-ig --candidates 3 --top 3 -o no
expect_exit 3 find demo "${task[@]}" --method hybrid --candidates 3 --top 4 -o no
expect_exit 3 find demo "${task[@]}" --method hybrid --estimate guess --top 3 -o no
expect "said" grep -q 'guess' "$err"
expect_exit 2 find demo "${task[@]}" --method eap --plan
expect "nothing was left" test ! -e no/circuit.json

report
