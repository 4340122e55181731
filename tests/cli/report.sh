#!/bin/bash
# report.sh PROGRAM JSON_VALUE: report.html is one file that asks for nothing, says the circuit's numbers, and lets nobody's
# words become markup.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2

# data_of FILE: the JSON that the page reads, into $data.
data=$temporary/data.json
data_of() { sed -n '/<script type="application\/json" id="data">/,/<\/script>/p' "$1" | sed 's/.*id="data">//; s/<\/script>$//' >"$data"; }
value() { "$json_value" "$data" "$1" 2>>"$err"; }
expect_value() { expect "$1 is $(value "$1")" test "$(value "$1")" = "$2"; }

# ---- what find writes, draw writes again ----
find=(find demo --task induction -n 16 --length 12 --top 12)
expect_exit 0 "${find[@]}" --threads 1 -o run
expect "said" grep -q 'circuit.svg, report.html, run.db$' "$err"
expect_exit 0 draw run -o again.html
expect_same run/report.html again.html
expect_exit 0 "${find[@]}" --threads 2 -o other
expect_same run/report.html other/report.html
expect_exit 0 "${find[@]}" -o run --resume
expect_same run/report.html again.html

# ---- offline, and small ----
data_of run/report.html
expect "nothing from elsewhere" test -z "$(grep -noiE 'https?:|//[a-z]+\.|@import|url\(|<link|<img|<iframe|srcset|src *=|import *\(|fetch\(|XMLHttp|WebSocket' run/report.html)"
expect "its policy" grep -q "default-src 'none'" run/report.html
expect "under 300 kB without the data" test $(($(wc -c <run/report.html) - $(wc -c <"$data"))) -lt 300000
expect "one page" test "$(grep -c '</html>' run/report.html)" = 1
expect "no place left open" test -z "$(grep -o '{{[a-z]*}}' run/report.html)"
expect "ASCII scripts and styles" test -z "$(sed -n '/<style>/,/<\/style>/p' run/report.html | LC_ALL=C grep -n '[^ -~]')"

# ---- the circuit's numbers ----
circuit() { "$json_value" run/circuit.json "$1"; }
expect_value edges 110
expect_value nodes 12
expect_value n 110
expect_value n_in "$(circuit evaluation.kept)"
expect_value evaluation.faithfulness "$(circuit evaluation.faithfulness)"
expect_value model.sha256 "$(circuit model.sha256)"
expect_value prefixes "$(circuit prefixes)"
for i in 0 7 20; do
    expect_value prefixes.$i.0 "$(circuit prefixes.$i.n)"
    expect_value prefixes.$i.1 "$(circuit prefixes.$i.kept)"
    expect_value prefixes.$i.2 "$(circuit prefixes.$i.faithfulness)"
done
strongest=$(grep -m 1 '^edge,' run/scores.csv | cut -d, -f 2,3)
expect "the strongest" test "$(value edges.0.0)->$(value edges.0.1),$(value edges.0.2)" = "$strongest"
expect_value command "patchclamp find demo --task induction --pairs 16 --length 12 --top 12"
expect_value facts.task induction
expect_value example.clean 12
expect "a prompt's effects, and their unit" test "$(grep -o '"a0.h3-\\u003ea1.h2\\u003ck\\u003e":\[[^]]*' "$data" | tr -cd , | wc -c)" = 16
expect "an attention pattern" grep -qE '"a0\.h3":"[0-9a-f]{156}"' "$data"

# The size that was selected keeps what was selected: the same number, measured.
expect_value prefixes.11.0 12
expect_value prefixes.11.2 "$(circuit evaluation.faithfulness)"

# ---- without a run.db, of a circuit.json alone ----
expect_exit 0 draw run/circuit.json -o alone.html
data_of alone.html
expect_value edges 110
expect_value prefixes "$(circuit prefixes)"
expect "no run" test -z "$(grep -E '"(facts|prompts|example|command)":' "$data")"
mkdir bare && cp run/circuit.json bare
expect_exit 0 draw bare -o bare.html
expect_same bare.html alone.html

# ---- other levels, methods, positions ----
expect_exit 0 find demo --task induction -n 6 --length 12 --level node -o nodes
data_of nodes/report.html
expect_value edges 0
expect_value n 11
expect_exit 0 find demo --task induction -n 6 --length 12 --level neuron --top 3 -o neurons
expect_exit 0 find demo --task induction -n 6 --length 12 --positions each -o where
data_of where/report.html
expect_value positions.columns 12
expect_value positions.rows "$("$json_value" where/circuit.json evaluation.kept)"
expect "its command" test "$(value command)" = 'patchclamp find demo --task induction --pairs 6 --length 12 --positions each'
expect_exit 0 draw where -o where-again.html
expect_same where/report.html where-again.html
expect_exit 0 find demo --task induction -n 8 --length 12 --method acdc --threshold 0.05 -o "a 'run'"
expect_exit 0 draw "a 'run'" -o acdc.html
expect_exit 0 find "$models/llama-gqa" --task induction -n 2 --length 12 --top 5 -o grouped
data_of grouped/report.html
expect "a model's path is not said" test "$(value command)" = 'patchclamp find llama-gqa --task induction --pairs 2 --length 12 --top 5'

# ---- anyone's words ----
hostile='<\/script><script>alert(1)<\/script><img src=x onerror=alert(2)>\\"'"'"'\&amp;'
sed "s/\"name\": \"demo\"/\"name\": \"$hostile\"/; s/\"role\": \"induction\"/\"role\": \"<\!--<script>\"/; s/\"name\": \"induction\"/\"name\": \"{{data}}<b>\"/" run/circuit.json >hostile.json
expect_exit 0 draw hostile.json -o hostile.html
expect "no script of theirs" test "$(grep -o '</script' hostile.html | wc -l)" = 2
expect "nor the beginning of one" test "$(grep -o '<script' hostile.html | wc -l)" = 2
expect "no element of theirs" test -z "$(grep -oE '<img|<b>|<!--' hostile.html)"
expect "the heading" grep -qF '<h1>Circuit of &lt;/script&gt;&lt;script&gt;alert(1)' hostile.html
data_of hostile.html
expect "its name, read back" test "$(value model.name)" = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"'"'&amp;"
expect_value task.name '{{data}}<b>'
expect_exit 0 draw run -o title.html --title '</title><script>x</script>{{script}}'
expect "no title of theirs" test "$(grep -o '<script' title.html | wc -l)" = 2
expect "their title" grep -qF '<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;{{script}}</title>' title.html

# ---- what is refused ----
cp -r run mixed && cp where/circuit.json mixed
expect_refusal 2 'run.db is of task [0-9a-f]{64}, the circuit of' draw mixed -o no.html
cp -r run broken && printf 'no database' >broken/run.db
expect_refusal 2 'run.db' draw broken -o no.html
sed 's/"n": 2, "kept"/"n": 1, "kept"/' run/circuit.json >falling.json
expect_refusal 2 'prefixes\[1\]: n 1, kept' draw falling.json -o no.html
sed 's/"kept": \([0-9]*\), "faithfulness": [-0-9.e]*/"kept": \1, "faithfulness": "high"/' run/circuit.json >words.json
expect_refusal 2 'prefixes\[0\]\.faithfulness is "high", expected a number' draw words.json -o no.html
expect_refusal 3 'ends in .svg, .* or .html' draw run -o figure.htm
expect_refusal 1 'no/report.html' draw run -o no/report.html
report
