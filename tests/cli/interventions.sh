#!/bin/bash
# interventions.sh PROGRAM JSON_VALUE: run, path and attribute: what they print and write, resume, and what they refuse.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2
few=(demo --task induction -n 2 --length 12)
value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }
expect_value()
{
    local found
    found=$(value "$1")
    expect "$1 is \"$found\"" test "$found" = "$2"
}

# ---- run ----
cat >list.jsonl <<'END'
{"name": "match", "cut": ["a0.h3->a1.h0<k>"]}

{"cut": ["a0.h3"], "positions": [[2, -1]], "freeze": ["m0"]}
{"name": "kl", "cut": ["a1.h0"], "source": "zero", "metric": "kl"}
{"name": "path", "path": {"from": ["a0.h3"], "via": [["a1.h0<k>"]], "to": ["logits"], "mlps": "frozen"}}
{"name": "rest", "circuit": ["input->logits"]}
END
sed -i 's/\[\[2, -1\]\]/[-1, [2, 5]]/' list.jsonl
expect_exit 0 run "${few[@]}" -i list.jsonl -o all
expect_line '^1 +match +[+-][0-9.]+ +[0-9.]+ +-?[0-9.]+% +resample +noise +logit-diff$'
expect_line '^3 +kl .* zero +noise +kl$'
expect "lines of effects.csv" test "$(wc -l <all/effects.csv)" = 6
expect "no path in run.json" test -z "$(grep -F "$temporary" all/run.json)"
expect_json run "${few[@]}" -i list.jsonl --json --threads 1
expect_same "$out" all/run.json
expect_value schema patchclamp-effects/1
expect_value interventions 5
expect_value interventions.0.name match
expect_value interventions.2.metric kl
expect_value interventions.2.engine delta
expect_value interventions.3.engine twin
expect_value interventions.3.effects 2
# one edge is a path without MLPs to one reader; a resumed run gives the same bytes
cp -r all again
expect_exit 0 run "${few[@]}" -i list.jsonl -o again --resume
expect_same all/run.json again/run.json
expect_same all/effects.csv again/effects.csv
expect_refusal 2 'run.db' run "${few[@]}" -i list.jsonl -o all
echo '{"cut": ["a0.h1"]}' >other.jsonl
expect_refusal 2 'interventions' run "${few[@]}" -i other.jsonl -o all --resume
rm -r all again

# ---- what run refuses, before anything runs ----
expect_line_refused() # LINE PATTERN
{
    printf '%s\n' '{"cut": ["a0.h1"]}' "$1" >bad.jsonl
    expect_refusal 2 "^patchclamp run: bad.jsonl:2: .*$2" run "${few[@]}" -i bad.jsonl -o out
}
expect_line_refused '{"cut": ["a0.h9"]}' 'nearest name is "a0.h0"'
expect_line_refused '{"cut": ["a1.h0->a0.h0<q>"]}' 'cannot exist'
expect_line_refused '{"path": {"from": ["a1.h0"], "to": ["a0.h0<q>"], "mlps": "free"}}' 'runs backwards'
expect_line_refused '{"path": {"from": ["input"], "via": [["a1.h0<q>"]], "to": ["a0.h0<q>"], "mlps": "free"}}' 'runs backwards'
expect_line_refused '{"path": {"from": ["input"], "via": [["logits"]], "to": ["logits"], "mlps": "free"}}' 'through the logits'
expect_line_refused '{"path": {"from": ["input"], "via": ["m0"], "to": ["logits"], "mlps": "free"}}' 'expected a list of readers'
expect_line_refused '{"cut": ["a0.h1"], "positions": [12]}' 'position 12 is outside prompt 0 of 12 tokens'
expect_line_refused '{"cut": ["a0.h1"], "positions": ["S2"]}' 'S2'
expect_line_refused '{"cut": ["a0.h1"], "source": "noise"}' 'source "noise" is unknown'
expect_line_refused '{"cut": ["a1.h0<pattern>"], "source": "zero"}' 'must be resample'
expect_line_refused '{"cut": ["a0.h1"], "name": 3}' 'name'
expect_line_refused '{"cut": ["a0.h1"], "nmae": "x"}' 'unknown key "nmae"'
expect_line_refused '["a0.h1"]' 'expected a JSON object'
expect_line_refused '{"cut": ["a0.h1"' ''
printf '%s\n' '{"name": "x", "cut": ["a0.h1"]}' '{"name": "x", "cut": ["a0.h2"]}' >bad.jsonl
expect_refusal 2 'bad.jsonl:2: name "x" is line 1' run "${few[@]}" -i bad.jsonl
: >bad.jsonl
expect_refusal 2 'bad.jsonl: no intervention' run "${few[@]}" -i bad.jsonl
expect_refusal 2 'absent.jsonl' run "${few[@]}" -i absent.jsonl
printf '%s\n' '{"cut": ["a0.h1"]}' '{"cut": ["a0.h1"], "positions": [0]}' >bad.jsonl
expect_refusal 2 'bad.jsonl:2: .*touches nothing on any prompt' run "${few[@]}" -i bad.jsonl
expect_refusal 3 'expected --task' run demo -i bad.jsonl

# ---- path ----
expect_exit 0 path "${few[@]}" --to 'a1.h0<k>,a1.h2<k>' -o sweep
expect_line '^1 +a0.h3 +-[0-9.]+ '
expect "a line a sender" test "$(wc -l <sweep/effects.csv)" = 7

expect_exit 0 path "${few[@]}" --from a0.h3,input --via 'a1.h0<k>' --to logits
expect_refusal 2 'runs backwards' path "${few[@]}" --from a1.h0 --to 'a0.h0<q>'
expect_refusal 2 'nearest name is "a1.h0<q>"' path "${few[@]}" --to 'a1.h0<j>'
expect_refusal 3 'expected free or frozen' path "${few[@]}" --to logits --mlps thawed
expect_refusal 3 'expected --task T and --to' path "${few[@]}"

# ---- attribute ----
expect_exit 0 attribute "${few[@]}" -o dla.csv
expect_line '^a1.h3 +\+[0-9.]+ +[0-9.]+$'
expect_line '^1.resid_post +\+[0-9.]+ +[0-9.]+$'
expect_line '^logit-diff [0-9.]+, the sum of all components to [0-9e-]+; 2 prompts$'
expect "lines of the table" test "$(wc -l <dla.csv)" = 18
expect_json attribute "${few[@]}" --metric logit --json
expect_value components 14
expect_value lens 3
expect_value components.13.name b_U
expect_refusal 2 'not linear' attribute "${few[@]}" --metric kl
expect_refusal 3 'unknown' attribute "${few[@]}" --metric logits
report
