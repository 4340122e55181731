#!/bin/bash
# shapes.sh PROGRAM SHAPED_MODEL IS_SLOW: find measures as many edges as the field's tools count, and as info says: a
# model with Pythia-160m's layers and heads, a Llama with grouped heads at either granularity.
shaped_model=$2 is_slow=$3
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# a_model NAME
a_model() { mkdir "$1" && "$shaped_model" "$1" "$1" || exit 1; }

# expect_edges N FILE: rows of scores.csv, without its head.
expect_edges()
{
    n_rows=$(grep -c '^edge,' "$2")
    expect "edges in $2: $n_rows" test "$n_rows" -eq "$1"
}

echo '{"clean": [0, 3, 5, 7, 9], "corrupted": [0, 3, 6, 7, 9], "answers": [4], "wrong_answers": [8]}' >pair.jsonl

a_model llama
expect_exit 0 info llama --json
expect_line '"native": 442[,}]'
expect_line '"eap-ig": 802[,}]'
for granularity in kv query; do
    expect_exit 0 find llama --task pair.jsonl --kv-granularity $granularity --top 5 -o $granularity
done
expect_edges 442 kv/scores.csv
expect_edges 802 query/scores.csv

a_model neox
expect_exit 0 info neox --json
expect_line '^"n_edges": 32347,?$'
expect_line '^"parallel_attn_mlp": true,?$'
if [ "$is_slow" -eq 0 ]; then
    expect_exit 0 find neox --task pair.jsonl --top 20 -o pythia
    expect_edges 32347 pythia/scores.csv
fi
report
