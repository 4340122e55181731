#!/bin/bash
# usage.sh PROGRAM: a wrong command line is told in one line, exit 3; every help shows an example, exit 0.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
commands=(doctor info logits tokenize task heads patch find eval draw plant)
find=(find demo --task induction -n 2 -o run)

for help in --help -h help; do
    expect_exit 0 "$help"
    for command in "${commands[@]}"; do
        expect_line "^  $command +[^ ]"
    done
done
for command in "${commands[@]}"; do
    expect_exit 0 "$command" --help
    expect_line "^usage: patchclamp $command"
    expect_line "^  patchclamp $command"
    expect "no words on stderr" test ! -s "$err"
    cp "$out" help
    expect_exit 0 help "$command"
    expect_same "$out" help
    rm help
    expect_refusal 3 'unknown option --nonsense' "$command" --nonsense
    expect_refusal 3 'unknown option -Z' "$command" -Z
done

run
expect "exit of nothing" test "$code" -eq 3
expect "the usage on stderr" grep -q '^usage: ' "$err"
expect "nothing on stdout" test ! -s "$out"
expect_refusal 3 'no such command; did you mean find' fnd
expect_refusal 3 'no such command' nonsense
expect_exit 3 $'two\nlines'
expect "one line" test "$(wc -l <"$err")" -eq 1

expect_refusal 3 'did you mean --level' "${find[@]}" --levle edge
expect_refusal 3 'did you mean --faithfulness' "${find[@]}" --faithfullness=0.9
expect_refusal 3 'did you mean --json' info --jsn demo
expect_refusal 3 '--top needs a value' "${find[@]}" --top
expect_refusal 3 '--task needs a value' find demo --task --top 3
expect_refusal 3 '--json takes no value' info demo --json=yes
expect_refusal 3 'one of --top, --threshold and --faithfulness' "${find[@]}" --top 3 --threshold 1
expect_refusal 3 'one of --top, --threshold and --faithfulness' "${find[@]}" --faithfulness 0.9 --top 3
for value in '' x 3x 1.5 0 -1 ' 3' 99999999999999999999; do
    expect_refusal 3 "--top is \"$value\", expected an integer" "${find[@]}" --top "$value"
done
for value in '' x 0,9 nan inf 1e999; do
    expect_refusal 3 "--threshold is \"$value\", expected a number" "${find[@]}" --threshold "$value"
done
expect_refusal 3 'threshold' "${find[@]}" --threshold -1
expect_refusal 3 'faithfulness' "${find[@]}" --faithfulness 0
expect_refusal 3 'faithfulness' "${find[@]}" --faithfulness 1.01
expect_refusal 3 '--pairs is "0"' "${find[@]}" -n 0
expect_refusal 3 '--pairs is "1000001"' "${find[@]}" -n 1000001
expect_refusal 3 '--threads is "257"' "${find[@]}" --threads 257
expect_refusal 3 '--memory is "2X"' "${find[@]}" --memory 2X
expect_refusal 3 '--memory is "0"' "${find[@]}" --memory 0
expect_refusal 2 'memory: 1.0 MB are allowed, the delta engine needs at least' "${find[@]}" --memory 1M
expect_refusal 3 'expected one of node, edge, neuron' "${find[@]}" --level head
expect_refusal 3 'exact' "${find[@]}" --method magic
expect_refusal 3 'expected one of .*resample' "${find[@]}" --source noise
expect_refusal 3 'expected one of .*denoise' "${find[@]}" --direction up
expect_refusal 3 'expected one of .*logit-diff' "${find[@]}" --metric logits
expect_refusal 3 'expected cpu, cuda' "${find[@]}" --device gpu
expect_refusal 3 'fp64' "${find[@]}" --precision fp16
expect_refusal 1 'no plug-in libpatchclamp_cuda.so' "${find[@]}" --device cuda

expect_refusal 3 'expected MODEL' info
expect_refusal 3 'unexpected "two"' info demo two
expect_refusal 3 'unexpected' doctor demo
expect_refusal 3 'expected MODEL TEXT' tokenize demo
expect_refusal 3 'as-tokenizer, always or never' tokenize demo x --bos maybe
expect_refusal 3 'as-tokenizer, always or never' patch demo --task induction --what z --bos maybe
expect_refusal 3 'expected either --prompt' logits demo
expect_refusal 3 'expected either --prompt' logits demo --prompt ' cat' --tokens 1
for ids in '' ',' '1,' '1,,2' x '1,x' -1 '1,99999999999' 1.5; do
    expect_refusal 3 'expected ids like 1,2,3' logits demo --tokens="$ids"
done
expect_refusal 3 'expected --task T and -o DIR' find demo
expect_refusal 3 'expected --task T and -o DIR' find demo --task induction
expect_refusal 3 'expected --model MODEL and -o FILE' task induction
expect_refusal 3 'expected CIRCUIT.json' eval
expect_refusal 3 'expected --model MODEL and --task T' eval circuit.json --model demo
expect_refusal 3 'expected -o FILE' draw circuit.json
expect_refusal 3 'ends in .svg, .pdf, ' draw circuit.json -o figure.png

# What would do nothing, or harm, is a mistake.
"$program" task induction --model demo -n 2 -o task.jsonl 2>"$err"
expect_refusal 3 '--pairs is for generated prompts' find demo --task task.jsonl -n 2 -o run
expect_refusal 3 '--split is for generated prompts' heads demo --task ./task.jsonl --split test
mkdir same
cp task.jsonl same/circuit.json
expect_refusal 3 'overwritten' find demo --task same/circuit.json -o same
report
