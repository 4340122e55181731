#!/bin/bash
# plants.sh PROGRAM JSON_VALUE: planted models from the command line: written, searched, held against their truth.
json_value=$2
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

value() { "$json_value" "$1" "$2" 2>>"$err"; }

# found RUN MODEL TRUTH: the truth and nothing else, AUROC 1.
found()
{
    expect_exit 0 eval "$1" --model "$2" --truth "$2/$3" --json
    expect "$1: AUROC" test "$(value "$out" auroc)" = 1
    expect "$1: the truth alone" test "$(value "$out" kept)/$(value "$out" both)" = "$(value "$out" true)/$(value "$out" true)"
}

expect_exit 0 plant --help
for name in induction previous-token and or sorted-count; do
    expect_exit 0 plant --help
    expect_line "^  $name +[^ ]"
    expect_exit 0 plant $name -o $name
    expect "nothing on stdout" test ! -s "$out"
    expect "what was written" grep -q "^$name: cfg.json, .*truth.edges" "$err"
    expect_exit 0 info $name
    expect_line '^model .*transformer-lens'
    direction=noise
    [ $name = or ] && direction=denoise
    search=(find $name --task $name/train.jsonl --direction $direction --threshold 0.01)
    expect_exit 0 "${search[@]}" -o $name.exact
    found $name.exact $name truth.edges
    for method in acdc hybrid; do
        expect_exit 0 "${search[@]}" --method $method -o $name.$method
        found $name.$method $name truth.edges
    done
    expect_exit 0 eval $name.exact --model $name --task $name/test.jsonl --json
    expect "$name: faithfulness on test" grep -qE '"faithfulness": (1|1\.000[0-9]*|0\.999[0-9]*),?$' "$out"
done
expect_exit 0 convert induction.exact --to edges -o kept.edges
expect "the list itself" test "$(grep -c -- '->' induction/truth.edges)" = "$(wc -l <kept.edges)"

# The built-in task, of token ids, is the same question: all words of the repeat are others.
expect_exit 0 task induction --model induction --corruption whole -n 16 -o built-in.jsonl
expect_exit 0 find induction --task built-in.jsonl --threshold 0.01 -o built-in
found built-in induction truth.edges
expect_exit 0 find induction --task induction/train.jsonl --source zero --threshold 0.01 -o zero
found zero induction truth-zero.edges

# The gates hide in the other direction.
expect_exit 0 find and --task and/train.jsonl --direction denoise --threshold 0.01 -o hidden
expect_exit 0 eval hidden --model and --truth and/truth.edges
expect_line '^AUROC +0\.[0-9]+ of the ranking'
expect_line '^circuit +0 of the 5 true edges, and 0 of the 70 others$'

# Circuits and truths of other models.
expect_refusal 2 'line 3: a list of edges of a model of 2 layers, 3 heads, 75 edges; demo' \
    eval built-in --model demo --truth induction/truth.edges
expect_refusal 2 'no planted model "nor", expected one of: induction, previous-token, and, or, sorted-count' plant nor -o nor
expect_refusal 2 'and: there is a model already \(cfg.json\)' plant or -o and
expect_refusal 2 "there is a model already \\(config.json\\)" plant or -o "$demo"
expect_refusal 3 'expected -o DIR' plant or
expect_refusal 1 'kept.edges' plant or -o kept.edges
report
