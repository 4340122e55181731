#!/bin/bash
# results.sh PROGRAM JSON_VALUE IS_SLOW: what commands print agrees: with --json, with the files, with one another.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2
is_slow=$3 # under sanitizers
prompts=(--task induction -n 6 --length 12)

# value PATH [FILE]: of the last output, or of a file. Nothing if it is not JSON.
value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }

expect_value()
{
    local found
    found=$(value "$1")
    expect "$1 is \"$found\"" test "$found" = "$2"
}

# expect_between PATH LEAST MOST
expect_between()
{
    local found
    found=$(value "$1")
    expect "$1 is $found, from $2 to $3" awk -v x="$found" -v least="$2" -v most="$3" \
        'BEGIN { exit !(x ~ /^-?[0-9]/ && x + 0 >= least && x + 0 <= most) }'
}

# ---- what there is ----
expect_exit 0 doctor
expect_line '^cpu +.+, [0-9]+ processors'
expect_line '^cuda +cannot be used: device cuda: no plug-in'
expect_line '^model +demo: 46432 parameters, tokenizer of 65 tokens \(/'
expect_exit 0 info demo --json
expect_value name demo
expect_value n_writers 11
expect_value n_readers 27
expect_value n_edges 110
expect_value n_neurons 32
expect_value weights_bytes 185728
expect_value has_tokenizer true
for model in "$models"/*/; do
    expect_exit 0 info "$model" --json
    expect_between n_parameters 10 1000000
    expect_value has_tokenizer false
done

# Shipped models: a folder of one's own goes first, a file of that name is not in the way, a name is no path.
mkdir -p mine/own
cp "$demo"/* mine/own
PATCHCLAMP_MODELS=mine expect_exit 0 info own
PATCHCLAMP_MODELS=mine expect_exit 0 doctor
expect_line '^model +own: '
touch demo
expect_exit 0 info demo
rm demo
expect_refusal 2 'own: neither a directory nor a shipped model' info own
expect_refusal 2 '\.\./models/demo: no such' info ../models/demo

# ---- tokens and logits ----
expect_exit 0 tokenize demo ' cat dog' --json
expect_value tokens 3
expect_value tokens.0 0
expect_value text.2 ' dog'
ids=$(value tokens.0),$(value tokens.1),$(value tokens.2)
expect_exit 0 tokenize demo '' --json --bos never
expect_value tokens 0
expect_exit 0 logits demo --prompt ' cat dog' --json
expect_value tokens 3
expect_value logits 1
expect_value logits.0 65
last=$(value logits.0.7)
expect_exit 0 logits demo --tokens "$ids" --json --all-positions
expect_value logits 3
expect_value logits.2.7 "$last"
expect_exit 0 logits "$models/tl-ln" --tokens 3,1 --json
expect_value logits.0 23

# ---- tasks ----
make_task() { expect_exit 0 task induction --model demo -n "$1" --length 24 -o "$2" "${@:3}"; }
make_task 5 five.jsonl
make_task 9 nine.jsonl
expect "pair i does not depend on n" test "$(sed -n 2,6p five.jsonl)" = "$(sed -n 2,6p nine.jsonl)"
for words in '--seed 1' '--split test' '--split ood' '--corruption whole' '--length 22'; do
    # shellcheck disable=SC2086
    make_task 5 other.jsonl $words
    expect "$words makes other prompts" test "$(sed -n 2,6p five.jsonl)" != "$(sed -n 2,6p other.jsonl)"
done
cp -r "$demo" copy
expect_refusal 3 "one of the model's files" task induction --model copy -o copy/config.json

# ---- find ----
expect_exit 0 find demo "${prompts[@]}" -o edges
expect_line '^ *1 +[am i].*->.* [0-9.]+% +yes'
expect_line 'previous-token -> induction'
expect_line '^\.\.\. and 85 more'
expect_line '^circuit: [0-9]+ of 110 edges, .*faithfulness 0\.9'
expect "25 rows" test "$(grep -cE '^ *[0-9]+ +[ami]' "$out")" = 25
expect "every edge in scores.csv" test "$(grep -c '^edge,' edges/scores.csv)" = 110
expect "no path in circuit.json" test -z "$(grep -F "$temporary" edges/circuit.json)"
expect_exit 0 find demo "${prompts[@]}" -o again --json
expect_value level edge
expect_value n 6
expect_value ranked 110
expect_value ranked.0.in_circuit true
expect_value faithfulness "$(value evaluation.faithfulness edges/circuit.json)"
expect_value clean "$(value baseline.clean edges/circuit.json)"
expect_between faithfulness 0.9 1.1
expect_between clean 3 6
strongest=$(value ranked.0.name)
expect "the strongest leads scores.csv" test "$(grep -m 1 '^edge,' again/scores.csv | cut -d, -f 2)" = "$strongest"
expect_exit 0 find demo "${prompts[@]}" --source zero --metric prob-diff --threshold 0.5 -o zero

# How often the ranking selects it again; a race does not know, nor do five prompts.
expect_exit 0 find demo --task induction -n 16 --top 12 -o drawn
expect_line '^ #  edge .* circuit  frequency  role$'
expect_line '^ 1  .* yes +1\.000 '
expect_line '^chance: [0-9]+ of 110 effects are not 0 at 5 % familywise \(max-T over 1,000 flips of signs\)$'
expect_line '^frequency: .*of 1000 bootstraps over the prompts, among the strongest 12$'
expect "the correction" test "$(value options.p_values drawn/circuit.json)" = "familywise over all components: max-T, flips of signs"
expect "every edge" test "$(grep -c '"from".*"frequency"' drawn/circuit.json)" = 110
expect_exit 0 convert drawn --to json -o read-again.json
expect_same drawn/circuit.json read-again.json
expect_exit 0 find demo --task induction -n 16 --threshold 0.5 -o drawn-above
expect_line '^frequency: .*from \|effect\| 0\.5 on$'
expect_exit 0 find demo --task induction -n 5 --top 12 -o undrawn
expect "nothing of five prompts" test -z "$(grep -E 'frequency' "$out" undrawn/circuit.json)"

# The circuit on every split, as eval has it; of a file on its own prompts; what cannot be generated is told.
expect_exit 0 find demo --task induction -n 6 -o splits
for split in train test ood; do expect_line "^$split +[0-9.]+ +[0-9.]+ +[0-9.]+ .* 6$"; done
expect_line '^on ood the faithfulness is [0-9.]+ (lower|higher) than on train$'
grep -E '^(train|test|ood) ' "$out" | awk '{ print $1, $2, $3, $4, $5, $6 }' >found
expect_exit 0 eval splits --model demo --task induction -n 6 --split all
grep -E '^(train|test|ood) ' "$out" | awk '{ print $1, $2, $3, $4, $7, $8 }' >evaluated
expect "three splits" test "$(wc -l <found)" = 3
expect_same found evaluated
expect_exit 0 find demo --task induction -n 6 --split test --direction denoise -o splits-of-test --json
expect_value splits 3
expect_value splits.test.faithfulness "$(value faithfulness)"
expect_value splits.ood.low "$(value evaluation.ood_low splits-of-test/circuit.json)"
expect_value splits.train.full "$(value evaluation.train_empty splits-of-test/circuit.json)"
expect_exit 0 task induction --model demo -n 6 -o of-six.jsonl
expect_exit 0 find demo --task of-six.jsonl -o of-file
expect_line '^faithfulness: 95 % interval [0-9.]+ to [0-9.]+ over the 6 prompts of induction$'
expect "no other split" test -z "$(grep -E '^(test|ood) ' "$out")"
expect "the same interval" test "$(value evaluation.low splits/circuit.json)" = "$(value evaluation.low of-file/circuit.json)"
expect_refusal 2 'tasks_held_out was test ' find demo --task of-six.jsonl -o splits --resume
expect_exit 0 find demo --task induction -n 6 --length 12 -o short
expect "why" grep -q '^the circuit was not evaluated on ood: task induction: prompts of 12 tokens' "$err"
expect "the other" grep -q '^test ' "$out"

# An untrained model has no circuit: what cannot be said is not said.
expect_exit 0 find "$models/gpt2-plain" --task induction -n 8 --top 5 -o untrained
expect_line 'faithfulness undefined'
expect_refusal 2 'two standard errors' eval untrained --model "$models/gpt2-plain" --task induction -n 8
run find "$models/gpt2-plain" --task induction -n 8 -o vain
expect "exit code $code" test "$code" = 2
expect "the reason" grep -q 'two standard errors' "$err"
expect "no result" test ! -e vain/circuit.json

# ---- eval ----
expect_exit 0 eval edges "${prompts[@]}" --model demo --json
expect_value faithfulness "$(value evaluation.faithfulness edges/circuit.json)"
expect_value components 110
expect_value n 6
expect_between circuit_stderr 0 1
expect_exit 0 eval edges "${prompts[@]}" --model demo --json
for key in low high complement random_mean random_most; do expect "$key" test -n "$(value $key)"; done
expect_exit 0 eval edges "${prompts[@]}" --model demo
expect_line '^faithfulness +[0-9.]+, 95 % interval [0-9.]+ to [0-9.]+$'
expect_line '^by chance .* 20 random circuits of the same size$'
expect_exit 0 eval edges --task induction -n 6 --model demo --split all
expect_line '^ood +[0-9.]+ '
expect_line 'on ood the faithfulness is [0-9.]+ (lower|higher) than on train'
expect_exit 0 eval edges --task induction -n 6 --model demo --split all --json
for split in train test ood; do expect_between $split.faithfulness 0.5 2; done
expect_exit 0 eval edges --task induction -n 6 --model demo --split all --direction both
expect "two rows a split" test "$(grep -cE '^(train|test|ood) +(noise|denoise) +[0-9.]+ ' "$out")" = 6
expect_line '^denoise: on ood the faithfulness is [0-9.]+ (lower|higher) than on train$'
expect_exit 0 eval edges "${prompts[@]}" --model demo --direction both --json
expect_value noise.faithfulness "$(value evaluation.faithfulness edges/circuit.json)"
denoised=$(value denoise.faithfulness)
expect_exit 0 eval edges "${prompts[@]}" --model demo --direction denoise --json
expect_value faithfulness "$denoised"
expect_refusal 3 'direction both is for the faithfulness alone' eval edges "${prompts[@]}" --model demo --direction both --curve
expect_refusal 2 'source must be resample' eval edges "${prompts[@]}" --model demo --direction both --source zero
expect_exit 0 eval edges "${prompts[@]}" --model demo --curve
expect_line '^ +100% +110 of 110 +1.0000 +110 of 110 +1.0000$'
expect_line '^CPR [0-9.]+ \(by score\), CMD [0-9.]+ \(by \|effect\|\)'
expect_exit 0 eval edges "${prompts[@]}" --model demo --curve -o curve.svg
expect "the curve's figure" grep -qF '>demo on induction: faithfulness by size</text>' curve.svg
expect "its points" test "$(grep -c '<title>first ' curve.svg)" -eq 20
expect_refusal 3 'the figure of --curve' eval edges "${prompts[@]}" --model demo -o no.svg
expect_refusal 3 'ends in .svg or .pdf' eval edges "${prompts[@]}" --model demo --curve -o no.png
ln edges/circuit.json linked.svg
expect_refusal 3 'the output "linked.svg" is the input' eval edges "${prompts[@]}" --model demo --curve -o linked.svg
expect_exit 0 eval edges "${prompts[@]}" --model demo --curve --json
expect_between cpr 0.9 1.1
expect_between cmd 0 0.2
expect_exit 0 eval edges "${prompts[@]}" --model demo --completeness
expect_line '^nothing +0 +0\.9[0-9]+ +1\.0000 +-0\.0[0-9]+ '
expect_line '^a0.h3 +[0-9]+ '
expect_line '^random halves +[0-9.]+ on average, [0-9.]+ at most$'
expect_exit 0 eval edges "${prompts[@]}" --model demo --completeness --json
expect_value sets.0.circuit "$(value evaluation.faithfulness edges/circuit.json)"
expect_between random.mean 0 "$(value random.worst)"
expect_refusal 3 'give one of' eval edges "${prompts[@]}" --model demo --completeness --curve
expect_exit 0 eval edges "${prompts[@]}" --model demo --tests
expect_line '^input->a0.h3<v> +[0-9.]+ +100% +1\.0000 +1\.0000$'
expect_line '^equivalence +(not )?rejected, p [0-9.]+: .* of 6 prompts$'
expect_line '^minimality +(not )?rejected: .* of 100 random ones \(5 % familywise, Holm\)$'
expect_exit 0 eval edges "${prompts[@]}" --model demo --tests --json
expect_value minimality.components "$(value evaluation.kept edges/circuit.json)"
expect_between independence.p 0.000999 1
expect_refusal 2 'the tests need at least 6' eval edges --task induction -n 5 --model demo --tests
expect_refusal 2 'metric kl' eval edges --task induction -n 6 --metric kl --model demo --tests
expect_exit 0 eval edges "${prompts[@]}" --model demo --minimality
expect_line '^input->a0.h3<v> +\+0\.[0-9]+ '
expect_exit 0 eval edges "${prompts[@]}" --model demo --minimality --json
expect "a row an edge of the circuit" test "$(value '')" -eq "$(value evaluation.kept edges/circuit.json)"
expect_refusal 3 'give one of' eval edges "${prompts[@]}" --model demo --minimality --split all
expect_exit 0 eval edges "${prompts[@]}" --model demo --split test --json
expect_between faithfulness 0.5 1.2
expect_exit 0 eval zero "${prompts[@]}" --model demo
expect_line 'source zero'
expect_line 'prob-diff'
expect_exit 0 eval zero "${prompts[@]}" --model demo --source resample --metric logit
expect_line 'source resample'
expect_line 'logit '

# ---- heads ----
expect_exit 0 heads demo -n 6 --length 12 --json
expect_value heads 8
expect_value heads.3.name a0.h3
expect_value heads.3.role previous-token
expect_between heads.3.previous-token 0.9 1
expect_value heads.3.effect "$(value nodes.4.effect edges/circuit.json)"
expect_exit 0 heads "$models/tl-rms" -n 3

# ---- draw ----
ln edges/circuit.json link.svg
expect_refusal 3 'the output "link.svg" is the input' draw edges -o link.svg
for words in --no-table --no-pruned '--max-edges 2'; do
    # shellcheck disable=SC2086
    expect_exit 0 draw edges -o smaller.svg $words
    expect "$words draws less" test "$(wc -c <smaller.svg)" -lt "$(wc -c <edges/circuit.svg)"
done

# ---- while it runs ----
# Many seconds of work on any machine: a second run wants the same directory while the first has it.
long=(find demo --task induction -n 256 --threads 1 --engine twin)
"$program" "${long[@]}" -o both >log 2>&1 </dev/null &
pid=$!
for _ in {1..1000}; do
    [ ! -s both/run.db ] || break
    sleep 0.005
done
expect_exit 1 "${long[@]}" -o both --resume
expect "it names the database" grep -q 'both/run.db' "$err"
kill -TERM $pid
code=0
wait $pid || code=$?
expect "the first goes on, exit code $code" test "$code" = 75
expect "no bar in a log" test -z "$(tr -dc '\r' <log)"

# A terminal has a bar, after a second.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    seconds=$((is_slow ? 45 : 6))
    TERM=xterm LC_ALL=C script -qec "timeout -s USR2 $seconds '$program' ${long[*]} -o seen" /dev/null <log >screen
    expect "a bar" grep -q 'measuring \[#*\.*\] [0-9]*/1[10]* [en]' screen
    expect "a rate and a time" grep -qE '[0-9] (edges|nodes)/s, .* left' screen
else
    echo "skipped: the bar on a terminal (script makes no pseudo-terminal here)"
fi

# Racing: the exact sweep's top with fewer evaluations; continued to the same bytes; refused where it has no meaning.
expect_exit 0 find demo --task induction -n 64 --top 8 -o exact-top
expect_exit 0 find demo --task induction -n 64 --method racing --top 8 --confidence 0.9 -o raced
expect_line '^racing: the top 8 with probability 0.9, [0-9]+ of 7040 evaluations \([0-9]+% saved\)$'
expect_exit 0 find demo --task induction -n 64 --method racing --top 8 --confidence 0.9 --resume -o raced --threads 1
expect_exit 0 find demo --task induction -n 64 --method racing --top 8 --confidence 0.9 -o raced-again --without layers
for file in circuit.json scores.csv circuit.svg report.html; do expect_same raced/$file raced-again/$file; done
for directory in exact-top raced; do
    grep '^edge' $directory/scores.csv | head -n 8 >$directory.top
done
expect_same exact-top.top raced.top
expect "few prompts for weak edges" grep -q '^edge,.*,16$' raced/scores.csv
expect_exit 0 draw raced -o raced.svg
expect_refusal 3 'method racing finds the top' find demo --task induction --method racing -o no
expect_refusal 3 'confidence is 1' find demo --task induction --method racing --top 3 --confidence 1 -o no
expect_refusal 3 '\-\-confidence belongs to --method racing' find demo --task induction --top 3 --confidence 0.9 -o no
expect_refusal 3 'method "guess" does not exist' find demo --task induction --method guess -o no
expect_refusal 2 'confidence' find demo --task induction -n 64 --method racing --top 8 --confidence 0.8 --resume -o raced

# ACDC: the same circuit whatever the threads and savings, and no plan.
acdc=(find demo --task induction -n 16 --method acdc --metric kl --threshold 0.05)
expect_exit 0 "${acdc[@]}" -o acdc
expect_line '^acdc: [0-9]+ edges decided by measuring, [0-9]+ unreached; [0-9]+ circuits measured in vain, [0-9]+ decisions in double$'
expect_exit 0 "${acdc[@]}" -o acdc-again --threads 1 --without layers,cone
expect "ACDC's circuit" cmp acdc/circuit.json acdc-again/circuit.json
expect_exit 0 "${acdc[@]}" -o acdc --resume
expect "ACDC resumed" cmp acdc/circuit.json acdc-again/circuit.json
expect_refusal 2 'threshold' "${acdc[@]:0:8}" --metric kl --threshold 0.5 --resume -o acdc
expect_refusal 2 'no plan' "${acdc[@]}" --plan
# Greedy: the same whatever the threads and savings, and what is refused.
greedy=(find demo --task induction -n 8 --method greedy --level node)
expect_exit 0 "${greedy[@]}" --top 4 -o greedy
expect_line '^greedy: 7 removed by measuring, 0 unreached; [0-9]+ circuits measured, at least 16 in a step$'
expect_exit 0 "${greedy[@]}" --top 4 -o greedy-again --threads 1 --without layers,cone
expect "greedy's circuit" cmp greedy/circuit.json greedy-again/circuit.json
expect_refusal 2 'candidates was 16, now 3' "${greedy[@]}" --top 4 --candidates 3 --resume -o greedy
expect_refusal 2 'no plan' "${greedy[@]}" --plan
expect_refusal 2 'direction must be noise' "${greedy[@]}" --top 4 --direction denoise -o no
expect_refusal 3 'say which' find demo --task induction --method acdc -o no
expect_refusal 3 'level must be edge' find demo --task induction --method acdc --level node --threshold 1 -o no
report
