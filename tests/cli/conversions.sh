#!/bin/bash
# conversions.sh PROGRAM JSON_VALUE SHAPED_MODEL: circuits to other tools' files and back, and beside the truth.
json_value=$2 shaped_model=$3
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

value() { "$json_value" "$1" "$2" 2>>"$err"; }
expect_same() { expect "$1 and $2" cmp "$1" "$2"; }

expect_exit 0 find demo --task induction -n 6 --length 12 --top 12 -o run
kept=$(value run/circuit.json evaluation.kept)

# ---- EAP-IG's graph: what its Graph.from_json looks at ----
expect_exit 0 convert run --to eap-ig -o graph.json
for key in n_layers n_heads d_model; do
    expect "cfg.$key" test "$(value graph.json cfg.$key)" = "$(value run/circuit.json model.$key)"
done
expect "parallel_attn_mlp" test "$(value graph.json cfg.parallel_attn_mlp)" = false
expect "every edge" test "$(value graph.json edges)" -eq 110
expect "every node and the logits" test "$(value graph.json nodes)" -eq 12
expect "selection" test "$(grep -c '>.*"in_graph": true' graph.json)" -eq "$kept"
strongest=$(grep -m 1 '^edge,' run/scores.csv)
name=$(echo "$strongest" | cut -d, -f 2) score=$(echo "$strongest" | cut -d, -f 3)
expect "a score" grep -qF "\"$name\": {\"score\": $score, \"in_graph\": true}" graph.json

# ---- and back: the same selection, the same faithfulness ----
expect_exit 0 convert graph.json --model demo --to json -o back.json
expect_exit 0 convert back.json --to eap-ig -o again.json
grep -- '->' graph.json >edges.one && grep -- '->' again.json >edges.other
expect_same edges.one edges.other
expect_exit 0 convert run --to edges -o edges.txt
expect "one line an edge" test "$(wc -l <edges.txt)" -eq "$kept"
{ echo "# by hand" && echo && sed 's/$/, 0.5/' edges.txt; } >listed.txt
expect_exit 0 convert listed.txt --model demo --to json -o listed.json
expect_exit 0 convert listed.json --to edges -o edges-again.txt
sort edges.txt >one && sort edges-again.txt >other
expect_same one other
expect "the list's scores" test "$(grep -c '"effect": 0.5' listed.json)" -eq "$kept"
for circuit in run back.json listed.json; do
    expect_exit 0 eval $circuit --model demo --task induction -n 6 --length 12 --json
    cp "$out" "$(basename $circuit .json).eval"
done
expect_same run.eval back.eval
expect_same run.eval listed.eval
expect_exit 0 draw back.json -o back.svg
expect_exit 0 convert run --to csv -o scores.csv
expect_same scores.csv run/scores.csv
expect_exit 0 convert run --to json -o circuit.json
expect_same circuit.json run/circuit.json

# ---- for other programs ----
expect_exit 0 convert run --to graphml -o all.graphml
expect "every edge" test "$(grep -c '<edge ' all.graphml)" -eq 110
expect "every component" test "$(grep -c '<node ' all.graphml)" -eq 12
expect "the circuit" test "$(grep '<edge ' all.graphml | grep -c 'edge_in_circuit">true')" -eq "$kept"
expect_exit 0 draw run --max-edges 3 -o some.graphml
expect "what is drawn" test "$(grep -c '<edge ' some.graphml)" -eq 3
expect "its score" grep -qF "<data key=\"edge_effect\">$score</data>" some.graphml
expect_exit 0 convert run --to circuit-tracer -o tracer.json
expect "its links" test "$(value tracer.json links)" -eq "$kept"
expect "a label" grep -qF '"clerp": "a0.h3 (previous-token)"' tracer.json
expect "a supernode" grep -qE '"supernodes": .*\["previous-token", "0_3_1"\]' tracer.json
for format in dot svg pdf tikz; do
    expect_exit 0 convert run --to $format -o one.$format
done
expect_same one.svg run/circuit.svg

# ---- beside the truth ----
expect_exit 0 eval run --model demo --truth edges.txt --json
expect "it finds itself" test "$(value "$out" auroc)" = 1
expect "all of it" test "$(value "$out" both)" -eq "$kept"
head -n 1 edges.txt >one.txt && echo 'a0.h0->m0' >>one.txt
expect_exit 0 eval run --model demo --truth one.txt
expect_line '^AUROC +0\.[0-9]+ of the ranking'
expect_line '^circuit +1 of the 2 true edges, and [0-9]+ of the 108 others$'
expect_exit 0 eval run --model demo --truth graph.json --json
expect "a graph as truth" test "$(value "$out" true)" -eq "$kept"
expect_refusal 3 'give one of' eval run --model demo --task induction --truth one.txt --curve

expect_refusal 3 'takes no --task' eval run --model demo --task induction --truth one.txt

# What is no truth of this model: one line that says what and where.
refuse_truth()
{
    printf '%b' "$2" >false.edges
    expect_refusal 2 "$1" eval run --model demo --truth false.edges
}
refuse_truth 'false.edges: line 2: .*a0.h7.* nearest' 'input->m0\na0.h7->m0\n'
refuse_truth 'false.edges: line 1: edge "a1.h0->a0.h0<k>" cannot exist' 'a1.h0->a0.h0<k>\n'
refuse_truth 'false.edges: line 1: edge "m0->a0.h0<q>" cannot exist' 'm0->a0.h0<q>\n'
refuse_truth 'false.edges: line 1: component "logits" is not' 'logits->m0\n'
refuse_truth 'false.edges: there is no edge in it' '# nothing\n\n'
refuse_truth 'false.edges: there is no edge in it' 'model: 2 layers, 4 heads, 110 edges\n'
refuse_truth 'no edge of the truth is in its circuit' \
    '{"cfg": {"n_layers": 2, "n_heads": 4}, "edges": {"input->m0": {"score": 1, "in_graph": false}}}'
refuse_truth 'line 1: a list of edges of a model of 2 layers, 4 heads, 111 edges; demo has 2 layers, 4 heads, 110' \
    'model: 2 layers, 4 heads, 111 edges\ninput->m0\n'
refuse_truth 'line 2: "model: two", expected model: N layers, N heads, N edges' '#\nmodel: two\ninput->m0\n'
refuse_truth 'line 1: "model: 2 layers, 4 heads, 110 edges or so", expected' 'model: 2 layers, 4 heads, 110 edges or so'
printf 'model: 2 layers, 4 heads, 110 edges # of demo\ninput->m0 # the first\n' >true.edges
expect_exit 0 eval run --model demo --truth true.edges
expect_refusal 2 'no-such.edges' eval run --model demo --truth ./no-such.edges
expect_refusal 2 'no-such: neither a file nor a shipped list of edges \(docstring, greater-than, ioi\)' \
    eval run --model demo --truth no-such

# ---- published circuits, by name, on the model that they are of ----
expect_refusal 2 'ioi.edges: line 15: a list of edges of a model of 12 layers, .* demo has 2 layers' eval run --model demo --truth ioi
mkdir small && "$shaped_model" sequential small || exit 1
expect_exit 0 convert ioi --model small --to json -o ioi.json
expect_exit 0 eval ioi.json --model small --truth ioi --json
expect "the list's edges" test "$(value "$out" both)/$(value "$out" true)/$(value "$out" edges)" = 963/963/32491
expect_exit 0 eval ioi.json --model small --truth greater-than
expect_line '^circuit +[0-9]+ of the 235 true edges, and [0-9]+ of the 32256 others$'
cp true.edges ioi # a file wins over a shipped list's name
expect_refusal 2 'ioi: line 1: a list of edges of a model of 2 layers' eval ioi.json --model small --truth ioi
mkdir mine && cp true.edges mine/first.edges
export PATCHCLAMP_TRUTHS=$PWD/mine
expect_exit 0 eval run --model demo --truth first
unset PATCHCLAMP_TRUTHS
rm ioi

# ---- grouped heads ----
expect_exit 0 find "$models/llama-gqa" --task induction -n 2 --length 12 --top 5 -o grouped
expect_refusal 2 'find the circuit with --kv-granularity query' convert grouped --to eap-ig -o no.json
expect_exit 0 find "$models/llama-gqa" --task induction -n 2 --length 12 --top 5 --kv-granularity query -o single
expect_exit 0 convert single --to eap-ig -o single.json
expect_refusal 2 'single.json: edges: ' convert single.json --model "$models/llama-gqa" --to json -o no.json
expect_exit 0 convert single.json --model "$models/llama-gqa" --kv-granularity query --to json -o single-back.json

expect_exit 0 find demo --task induction -n 2 --length 12 --threshold 1e9 -o nothing
expect_refusal 2 'keeps no edge' convert nothing --to edges -o no.txt
expect_refusal 2 'keeps no edge' convert nothing --to circuit-tracer -o no.json
expect_refusal 2 'find the circuit with --kv-granularity query' convert grouped --to circuit-tracer -o no.json
expect_exit 0 convert grouped --to graphml -o grouped.graphml

# ---- what is not one ----
bad() { printf '%b' "$1" >bad; }
refuse() { expect_refusal 2 "$1" convert bad --model demo --to json -o no.json; }
bad 'a0.h0->a1.h9<k>\n' && refuse 'bad: line 1: .*a1.h9<k>.* nearest'
bad 'a0.h0->a1.h1<k>\na0.h0->a1.h1<k>\n' && refuse 'bad: line 2: .* stands there twice'
bad 'a0.h0->a1.h1<k> much\n' && refuse 'bad: line 1: "much" is not a score'
bad 'a0.h0->a1.h1<k> nan\n' && refuse 'is not a score'
bad 'a0.h0\n' && refuse 'is not an edge'
bad '' && refuse 'there is no edge in it'
bad '{"cfg": 3}' && refuse 'cfg is missing'
bad '{"cfg": {"n_layers": 3, "n_heads": 4}, "edges": {}}' && refuse '3 layers of 4 heads, demo has 2 of 4'
bad '{"cfg": {"n_layers": 2, "n_heads": 4}, "edges": []}' && refuse 'edges is not an object'
bad '{"cfg": {"n_layers": 2, "n_heads": 4}, "edges": {}}' && refuse 'there is no edge'
bad '{"cfg": {"n_layers": 2, "n_heads": 4}, "edges": {"input->m0": {"score": "x", "in_graph": true}}}' && refuse '"input->m0" is not'
bad '{"cfg": {"n_layers": 2, "n_heads": 4}, "edges": {"input->m0": {"score": NaN' && refuse 'bad'
expect_refusal 2 'no-such' convert no-such --to csv -o no.csv
expect_refusal 3 'expected eap-ig, circuit-tracer, .* or tikz$' convert run --to png -o no.png
expect_refusal 3 'is the input' convert run/circuit.json --to json -o run/circuit.json
expect_refusal 3 'with --model' convert run --to json --kv-granularity query -o no.json
expect_refusal 3 'expected --to' convert run
report
