#!/bin/bash
# tasks.sh PROGRAM WORD_MODEL: tasks of sentences, for a model made by WORD_MODEL: listed, generated, written in three
# formats, read again, searched.
word_model=$2
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir words && "$word_model" words || exit 1
tasks='ioi greater-than docstring gendered-pronoun subject-verb copy-name'

expect_exit 0 task --help
cp "$out" help
for task in $tasks; do
    expect "$task is listed" grep -q "^  $task .*(corruptions: " help
done

sha() { sed -n 's/.*sha256 //p' "$err"; }
for task in $tasks; do
    expect_exit 0 task "$task" --model words -n 12 -o "$task.jsonl"
    sha=$(sha)
    expect "$task: pairs" test "$(grep -c '"clean"' "$task.jsonl")" = 12
    expect "$task: positions" test "$(grep -c '"positions"' "$task.jsonl")" = 12
    expect "$task: where it is from" grep -q "\"source\": \"patchclamp task $task, corruption " "$task.jsonl"
    for format in auto-circuit eap-ig; do
        expect_exit 0 task "$task" --model words -n 12 --format $format -o "$task.$format"
        expect "$task as $format" test "$(sha)" = "$sha"
        expect_exit 0 task "$task.$format" --model words --bos always -o again.jsonl
        expect "$task as $format, read again" test "$(sha)" = "$sha"
    done
done

expect_exit 0 task ioi.jsonl --model words --format eap-ig -o converted.csv
expect_same converted.csv ioi.eap-ig
expect_exit 0 task ioi --model words -n 12 --bos never -o without.jsonl
expect "no BOS" grep -q '"clean": \[[1-9]' without.jsonl
expect "it is said" grep -q 'corruption abc, without BOS' without.jsonl
expect_exit 0 find words --task subject-verb -n 4 --split test --level node --top 3 -o found
expect "the circuit knows its task" grep -q '"name": "subject-verb"' found/circuit.json

expect_refusal 2 'a sentence has the length it has' task ioi --model words --length 9 -o new.jsonl
expect_refusal 2 'expected one of: abc, s2-flip' task ioi --model words --corruption key -o new.jsonl
expect_refusal 2 "0 of 54 women's names are one token, expected at least 5" task ioi --model demo -o new.jsonl
expect_refusal 2 'greater-than: .*has no token' task greater-than --model demo -o new.jsonl
expect_refusal 2 'has no tokenizer' task ioi --model "$models/gpt2-plain" -o new.jsonl
expect_refusal 2 'induction as auto-circuit: pair [0-9]+: (clean|corrupt) as text' task induction --model words --format auto-circuit -o new
expect_refusal 3 'unknown format "csv", expected one of: jsonl, auto-circuit, eap-ig' task ioi --model words --format csv -o new
expect_refusal 3 'pairs is for generated prompts, but ioi.jsonl is a file' task ioi.jsonl --model words -n 3 -o new.jsonl
expect_refusal 3 'is the task that is read' task ioi.jsonl --model words -o ./ioi.jsonl
expect_refusal 3 'bos is "no", expected as-tokenizer, always or never' task ioi --model words --bos no -o new.jsonl
expect "no file is left" test ! -e new -a ! -e new.jsonl
report
