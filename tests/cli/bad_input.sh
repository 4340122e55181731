#!/bin/bash
# bad_input.sh PROGRAM: models, tokenizers, prompts, tasks, circuits and journals that are not as they must be: exit 2,
# one line that names the thing, nothing left behind.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# a_copy NAME: a model to spoil.
a_copy() { cp -r "$demo" "$1"; }

# ---- models ----
expect_refusal 2 'nonsense.*demo' info nonsense
expect_refusal 2 'no such' info ./nonsense
expect_refusal 2 '' info ''
mkdir empty
expect_refusal 2 'neither config.json .* nor cfg.json' info empty
touch file
expect_refusal 2 'file' info file

a_copy truncated
head -c 10000 "$demo/model.safetensors" >truncated/model.safetensors
expect_refusal 2 'truncated/model.safetensors' info truncated
expect_refusal 2 'truncated/model.safetensors' find truncated --task induction -o run
a_copy no_weights
rm no_weights/model.safetensors
expect_refusal 2 'no weights' info no_weights
a_copy shapes
sed -i 's/"n_embd": 64/"n_embd": 32/' shapes/config.json
expect_refusal 2 'wte.weight is \(65, 64\), expected \(65, 32\)' logits shapes --tokens 1
a_copy key
sed -i '1s/{/{"frobnicate": true,/' key/config.json
expect_refusal 2 'key/config.json: key "frobnicate" is unknown' info key
a_copy json
head -c 100 "$demo/config.json" >json/config.json
expect_refusal 2 'json/config.json.*not valid JSON' info json
a_copy nan
header=$(od -An -t u8 -N 8 nan/model.safetensors)
printf '\0\0\300\177' | dd of=nan/model.safetensors bs=1 seek=$((header + 8 + 400)) conv=notrunc status=none
expect_refusal 2 'has NaN at element' heads nan

# ---- tokenizers and prompts ----
plain=$models/gpt2-plain
expect_refusal 2 'no tokenizer' logits "$plain" --prompt ' cat'
expect_refusal 2 'no tokenizer' tokenize "$plain" ' cat'
a_copy tokenizer
echo '{' >tokenizer/tokenizer.json
expect_refusal 2 'tokenizer.json.*not valid JSON' tokenize tokenizer ' cat'
expect_exit 0 info tokenizer
a_copy more # tokens than the model has rows
sed -i 's/"Ġant": 1,/"Ġant": 65,/' more/tokenizer.json
expect_refusal 2 'the tokenizer has ids up to 65, the model only up to 64' tokenize more ' cat'
expect_refusal 2 'the tokenizer has ids up to 65' logits more --prompt ' cat'
expect_exit 0 logits more --tokens 2,3
a_copy fewer # the model's last row is padding
sed -i -z 's/,\s*"Ġwolf": 64//' fewer/tokenizer.json
expect_exit 0 tokenize fewer ' cat'
expect_refusal 2 'no token for " wolf"' tokenize fewer ' wolf'
a_copy protobuf
mv protobuf/tokenizer.json protobuf/tokenizer.model
expect_refusal 2 'protobuf: tokenizer.model is not read.*save_pretrained' tokenize protobuf ' cat'
expect_refusal 2 'zebra' logits demo --prompt ' zebra'
expect_refusal 2 'not UTF-8' tokenize demo $' cat\xff'
expect_refusal 2 'token 1 of the prompt is 65, expected 0 to 64' logits demo --tokens 1,65
long=$(seq -s , 1 64),1
expect_refusal 2 '65 tokens.* 64' logits demo --tokens "$long"
expect_refusal 2 '66 tokens.* 64' logits demo --prompt "$(printf ' cat%.0s' {1..65})"

# ---- tasks: CLEAN CORRUPTED ANSWER as they stand in the line ----
pair() { printf '{"clean": %s, "corrupted": %s, "answers": [%s]}\n' "$1" "$2" "$3"; }
refuse_task() { expect_refusal 2 "$1" find demo --task task.jsonl --level node -o run; }

pair '[0, 1, 2]' '[0, 3]' 5 >task.jsonl
refuse_task 'task.jsonl:1: clean is 3 tokens and corrupted 2'
{ pair '[0, 1]' '[0, 3]' 5 && pair '[0, 1]' '[0, 1]' 5; } >task.jsonl
refuse_task 'task.jsonl:2: clean and corrupted are the same'
pair '" cat dog"' '" sun dog"' '" cat dog"' >task.jsonl
refuse_task 'answers\[0\] " cat dog" is 2 tokens'
pair '" cat dog"' '" sun zebra"' '" cat"' >task.jsonl
refuse_task 'zebra'
pair '[0, 65]' '[0, 3]' 5 >task.jsonl
refuse_task 'clean\[1\] is 65, expected a token id from 0 to 64'
pair '[0, 1]' '[0, 3]' 65 >task.jsonl
refuse_task 'answers\[0\] is 65'
pair '[0, 1]' '[0, 3]' '' >task.jsonl
refuse_task 'no answers'
pair "[0,$long]" "[1,$long]" 5 >task.jsonl
refuse_task '66 tokens, expected at most 64'
pair '[0, 1]' '[0, 3]' 5 | sed 's/}/, "colour": 1}/' >task.jsonl
refuse_task 'unknown key "colour"'
pair '[0, 1]' '[0, 3]' 5 | head -c 20 >task.jsonl
refuse_task 'not valid JSON'
: >task.jsonl
refuse_task 'empty'
head -c 1000000 /dev/zero | tr '\0' x >task.jsonl
refuse_task 'not a task'
expect_refusal 2 'a directory' heads demo --task .
expect_refusal 2 'no-such.jsonl' heads demo --task no-such.jsonl
expect_refusal 2 'expected one of: induction' heads demo --task deduction
expect_refusal 2 'expected one of: induction' task deduction --model demo -o new.jsonl
expect_refusal 2 'train, test, ood' task induction --model demo --split other -o new.jsonl
expect_refusal 2 'key' task induction --model demo --corruption other -o new.jsonl
expect_refusal 2 'the model.s context' task induction --model demo --length 65 -o new.jsonl
expect_refusal 2 'tokens, expected at least' task induction --model demo --length 2 -o new.jsonl
pair '" cat"' '" sun"' '" dog"' >task.jsonl
expect_refusal 2 'tokenizer' heads "$plain" --task task.jsonl
expect_refusal 2 'wrong_answers|wrong answers' heads demo --task task.jsonl --metric prob-diff

# An editor's marks are no faults: CRLF, a byte order mark, no newline at the end.
pair '[0, 1, 2]' '[0, 3, 2]' 5 >plain.jsonl
{ printf '\357\273\277' && sed 's/$/\r/' plain.jsonl; } | head -c -1 >marked.jsonl
"$program" heads demo --task plain.jsonl --metric logit >plain.txt 2>"$err"
expect_exit 0 heads demo --task marked.jsonl --metric logit
expect "the same effects" test "$(head -n 9 "$out")" = "$(head -n 9 plain.txt)"

# ---- circuits ----
run find demo --task induction -n 4 --level node -o run
circuit=run/circuit.json
refuse_circuit()
{
    expect_refusal 2 "$1" eval bad.json --model demo --task induction
    expect_refusal 2 "$1" draw bad.json -o figure.svg
}
head -c 500 $circuit >bad.json
refuse_circuit 'bad.json.*not valid JSON'
echo '[]' >bad.json
refuse_circuit 'bad.json'
: >bad.json
refuse_circuit 'bad.json'
sed 's,patchclamp-circuit/1,patchclamp-circuit/2,' $circuit >bad.json
refuse_circuit 'bad.json: .*patchclamp-circuit/2'
sed 's/"name": *"a0.h3"/"name": "a7.h3"/' $circuit >bad.json
refuse_circuit 'a7.h3'
sed 's/"metric": *"[a-z-]*"/"metric": "nonsense"/' $circuit >bad.json
expect_refusal 2 'nonsense' eval bad.json --model demo --task induction
expect_refusal 2 'of demo .* not of gpt2-plain' eval $circuit --model "$plain" --task induction
expect_refusal 2 'empty/circuit.json' draw empty -o figure.svg

# ---- the journal ----
mkdir journal
for words in garbage "$(head -c 100 "$program" | tr -d '\0')"; do
    echo "$words" >journal/run.db
    expect_refusal 2 'journal/run.db.*not a run database' find demo --task induction -o journal --resume
    expect_refusal 2 'journal/run.db: exists' find demo --task induction -o journal
done
head -c 5000 run/run.db >journal/run.db
expect_refusal 2 'journal/run.db' find demo --task induction -o journal --resume
report
