#!/bin/bash
# commands.sh PROGRAM: every command does what its help says, and --json prints one JSON value.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# number KEY: the number behind "KEY": in the last output.
number() { sed -n "s/.*\"$1\": \([-+.0-9e]*\).*/\1/p" "$out" | head -n 1; }

expect_exit 0 --version
expect_line '^patchclamp [0-9]+\.[0-9]+\.[0-9]+ \(commit .+\)$'
expect_line '^numeric fingerprint: .+'
expect_exit 0 doctor
expect_line '^memory +[0-9.]+ GiB'
expect_line '^model +demo'

expect_exit 0 info demo
expect_line '^edges +110 '
expect_json info demo --json
expect "edges of demo" test "$(number n_edges)" = 110
for model in "$models"/*/; do
    expect_json info "$model" --json
done

expect_exit 0 logits demo --prompt ' cat dog moon cat'
expect_line '^ *1 +" dog" +'
mv "$out" by_text
expect_exit 0 logits demo --tokens "$("$program" tokenize demo ' cat dog moon cat' | cut -f 1 | paste -s -d ,)"
expect_same "$out" by_text
expect_exit 0 logits demo --prompt ' cat dog' --all-positions --top 1
expect "positions" test "$(grep -c '^after ' "$out")" = 3
expect_json logits demo --prompt ' cat dog' --json
# One prompt has no standard error, and no line ends with spaces.
echo '{"clean": [0, 14, 22], "corrupted": [0, 15, 22], "answers": [3]}' >one.jsonl
expect_exit 0 find demo --task one.jsonl --metric logit --level node --threshold 0 -o one
expect_line '^ *1 +[a-z0-9.]+ +[-+][0-9.]+ +- '
expect_line '; 1 prompt$'
expect "no spaces at the end of a line" test -z "$(grep ' $' "$out")"
rm -r one one.jsonl

expect_exit 0 logits "$models/gpt2-plain" --tokens 1,2,3 --top 100000

expect_exit 0 tokenize demo ' cat dog'
expect_line '^0	"<bos>"$'
expect_line '^[0-9]+	" dog"$'
expect_exit 0 tokenize demo ' cat' --bos never
expect "tokens without BOS" test "$(wc -l <"$out")" = 1
expect_json tokenize demo ' cat dog' --json

expect_exit 0 task induction --model demo -n 5 -o task.jsonl
expect "pairs" test "$(grep -c '"clean"' task.jsonl)" = 5
expect_exit 0 task induction --model demo --pairs=5 --seed 0 --split train --corruption key -o again.jsonl
expect_same task.jsonl again.jsonl

expect_exit 0 heads demo -n 4
expect_line '^a0\.h3 .* previous-token$'
expect_line '^a1\.h2 .* induction$'
expect_json heads demo --task task.jsonl --json

expect_json find demo --task induction -n 5 --level node -o node --json
expect "components" test "$(number components)" = 11
faithfulness=$(number faithfulness)
for file in circuit.json scores.csv circuit.svg report.html run.db; do
    expect "written" test -s "node/$file"
done
expect "header of scores.csv" test "$(head -n 1 node/scores.csv)" = kind,name,effect,stderr,n
expect_exit 0 find demo --task task.jsonl --level node -o from_file
expect_line '^ *[0-9]+ +a0\.h3 .* previous-token *$'
expect_same node/scores.csv from_file/scores.csv
expect_exit 0 find demo --task task.jsonl --level node --top 3 --rows 4 -o top
expect_line '^circuit: 3 of 11 nodes'
expect "rows" test "$(grep -cE '^ *[0-9]+ ' "$out")" = 4
expect_exit 0 find demo --task task.jsonl --level node --threshold 100 -o none
expect_line '^circuit: 0 of 11 nodes'
expect_exit 0 find "$models/tl-attn-only" --task induction -n 2 --level edge --threshold 0 --source zero -o zero
expect_exit 0 find "$models/gpt2-plain" --task induction -n 2 --level neuron --top 2 --direction denoise -o neuron

expect_json eval node/circuit.json --model demo --task task.jsonl --json
expect "eval and find agree" test "$(number faithfulness)" = "$faithfulness"
expect_exit 0 eval node --model demo --task induction -n 4 --split test
expect_line '^faithfulness +[0-9.]+, 95 % interval [0-9.]+ to [0-9.]+$'

expect_exit 0 draw node -o figure.svg
expect_same figure.svg node/circuit.svg
expect_exit 0 draw node/circuit.json -o figure.dot --no-pruned
expect "a graph" grep -q '^digraph' figure.dot
expect_exit 0 draw node -o 'a title.svg' --title 'Köln <&> "x"' --no-table --max-edges 0
expect "the title" grep -qF 'Köln &lt;&amp;&gt;' 'a title.svg'

# Where it stands and what surrounds it does not matter.
mkdir -p 'a folder/ümlaut'
cp -r "$demo" 'a folder/ümlaut/modèle'
expect_exit 0 info 'a folder/ümlaut/modèle/'
expect_line '^model +modèle '
expect_exit 0 find 'a folder//ümlaut/./modèle//' --task ./task.jsonl --level node -o 'a folder/new/run ü/'
expect_same node/scores.csv 'a folder/new/run ü/scores.csv'
cp -r "$demo" ./-m
expect_exit 0 info -- -m
cd 'a folder/ümlaut/modèle' && expect_exit 0 info . && cd - >/dev/null || fail "cd"
env -i "$program" find demo --task task.jsonl --level node -o no_environment >"$out" 2>"$err"
expect_same from_file/circuit.json no_environment/circuit.json
LC_ALL=de_DE.UTF-8 LANG=de_DE HOME='' "$program" find demo --task task.jsonl --level node -o locale >"$out" 2>"$err"
expect_same from_file/circuit.json locale/circuit.json
report
