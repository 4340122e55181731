#!/bin/bash
# positions.sh PROGRAM JSON_VALUE IS_SLOW: `find --positions`: what components do at each position alone, as tables and
# figures; resumable; refused where it makes no sense.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2
if [ "$3" = 1 ]; then size=(-n 3 --length 12); else size=(-n 16 --length 12); fi
find=(find demo --task induction "${size[@]}")
results=(circuit.json scores.csv circuit.svg positions.csv positions.svg positions.pdf)

# ---- what it prints and writes ----
expect_exit 0 "${find[@]}" --positions each -o each
expect_line '^ *# +edge +strongest at +token +effect +\+- +share$'
expect_line '^ *[0-9]+ +input->a0\.h3<v> +4 +-[0-9.]+ +[0-9.]+ +[0-9.]+%$'
expect_line '^ *[0-9]+ +a0\.h3->a1\.h2<k> +5 +-[0-9.]+ +[0-9.]+ +[0-9.]+%$'
expect_line '^ *[0-9]+ +m1->logits +11 +end +-[0-9.]+ +[0-9.]+ +[0-9.]+%$'
expect "no spaces at the end of a line" test -z "$(grep ' $' "$out")"
expect "what is written" grep -q '^written: each/circuit.json, scores.csv, circuit.svg, report.html, positions.csv, positions.svg, positions.pdf, run.db$' "$err"
kept=$("$json_value" each/circuit.json evaluation.kept)
expect "header of positions.csv" test "$(head -n 1 each/positions.csv)" = kind,name,position,effect,stderr,n
expect "a line an edge and position" test "$(wc -l <each/positions.csv)" = $((1 + 12 * kept))
expect "the first position of an edge" grep -qx "edge,input->a0.h3<v>,0,0,0,${size[1]}" each/positions.csv
expect "a figure" grep -q '^<svg.*>$' each/positions.svg
expect "its title" grep -qF ">demo on induction: edges by position, logit-diff, n = ${size[1]}</text>" each/positions.svg
expect "its rows" grep -qF '>a0.h3 → a1.h2&lt;k&gt;</text>' each/positions.svg
expect "circuit.json says nothing of them" test -z "$(grep position each/circuit.json | grep -v embedding_node)"
expect_exit 0 "${find[@]}" -o plain
for file in circuit.json scores.csv circuit.svg; do
    expect_same each/$file plain/$file
done
expect "no positions" test ! -e plain/positions.csv -a ! -e plain/positions.svg
expect "no table of them" test -z "$(grep 'strongest at' "$out")"
cp "$out" plain.txt
expect_exit 0 "${find[@]}" --positions each -o each --resume
expect "the circuit's table is the same" cmp -s plain.txt <(head -n "$(wc -l <plain.txt)" "$out")

# ---- which components, which positions ----
expect_exit 0 "${find[@]}" --positions each --positions-of all --rows 5 -o all
expect "a line an edge and position" test "$(wc -l <all/positions.csv)" = $((1 + 12 * 110))
expect_line '^\.\.\. and 105 more \(positions\.csv\)$'
expect "what is not drawn" grep -qE '50 are not drawn|50 are not$|50 are$' <(sed 's/<[^>]*>//g' all/positions.svg)
for level in node neuron; do
    expect_exit 0 "${find[@]}" --positions 4..5,end --level $level --top 3 -o $level
    expect "3 ${level}s, 2 columns" test "$(grep -c "^$level,[^,]*,\(4\.\.5\|end\)," $level/positions.csv)" = 6
done
cat >named.jsonl <<'END'
{"clean": " cat dog moon cat", "corrupted": " sun dog moon cat", "answers": [" dog"], "wrong_answers": [" moon"], "positions": {"S1": 1, "B": [2, 3]}}
{"clean": " gold cat dog moon cat", "corrupted": " gold sun dog moon cat", "answers": [" dog"], "wrong_answers": [" moon"], "positions": {"S1": 2, "B": [3, 4]}}
END
named=(find demo --task named.jsonl --top 9)
expect_refusal 2 'needs prompts of one length, .* 5 to 6 tokens: name positions instead, of S1,B,end' "${named[@]}" \
    --positions each -o named
expect_exit 0 "${named[@]}" --positions S1,B,end,-2 -o named
expect_line '^ *[0-9]+ +input->a0\.h3<v> +S1 +" cat" +-[0-9.]+ '
expect_exit 0 "${named[@]}" --positions S1,B --rows 0 -o quiet
expect "no rows" test -z "$(grep 'strongest at' "$out")"
expect_json "${find[@]}" --positions end --json --level node --top 2 -o json
expect "--json has the circuit alone" test -z "$(grep strongest "$out")"
expect_exit 0 "${find[@]}" --positions each --positions-of all --plan --json
with=$("$json_value" "$out" interventions)
expect_exit 0 "${find[@]}" --plan --json
expect "what is planned: $with" test "$with" = $(($("$json_value" "$out" interventions) + 12 * 110))

# ---- whose run it is ----
expect_refusal 2 'positions was each, now absent' "${find[@]}" -o each --resume
expect_refusal 2 'positions was absent, now each' "${find[@]}" -o plain --resume --positions each
expect_refusal 2 'positions was each, now end' "${find[@]}" -o each --resume --positions end
expect_refusal 2 'positions_of was circuit, now all' "${find[@]}" -o each --resume --positions each --positions-of all
sed 's/"B": \[2, 3\]/"B": 2/' named.jsonl >other.jsonl && mv other.jsonl named.jsonl
expect_refusal 2 'positions_spans was' "${named[@]}" --positions S1,B,end,-2 -o named --resume

# ---- stopped, and killed at instants all over the run ----
began=$(date +%s%3N)
expect_exit 0 "${find[@]}" --positions each --positions-of all -o whole --threads 2
whole_ms=$(($(date +%s%3N) - began))
for i in {0..7}; do
    "$program" "${find[@]}" --positions each --positions-of all -o "killed_$i" >"$out" 2>"$err" </dev/null &
    pid=$!
    sleep "$(printf '%d.%03d' $((whole_ms * (2 * i + 1) / 16000)) $((whole_ms * (2 * i + 1) / 16 % 1000)))"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    expect_exit 0 "${find[@]}" --positions each --positions-of all -o "killed_$i" --resume --threads 1
    for file in "${results[@]}"; do
        expect_same whole/"$file" "killed_$i/$file"
    done
done

# ---- what makes no sense ----
expect_refusal 3 '--positions-of needs --positions' "${find[@]}" --positions-of all -o new
expect_refusal 3 'positions of "some" are unknown, expected circuit or all' "${find[@]}" --positions each \
    --positions-of some -o new
expect_refusal 2 'S3' "${named[@]}" --positions S1,S3 -o new
expect_refusal 2 'given twice' "${named[@]}" --positions S1,S1 -o new
expect_refusal 2 'expected a number' "${named[@]}" --positions '' -o new
expect_refusal 2 'position 12 is outside prompt 0 of 12 tokens' "${find[@]}" --positions 12 -o new
for file in positions.csv positions.svg positions.pdf; do
    expect_refusal 3 "the task each/$file would be overwritten" find demo --task each/$file --positions each -o each
done
report
