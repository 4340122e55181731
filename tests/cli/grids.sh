#!/bin/bash
# grids.sh PROGRAM JSON_VALUE IS_SLOW: patch makes grids whose table, files and JSON agree, resumes to the same bytes,
# and refuses what does not fit.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
json_value=$2
patch=(patch demo --task induction -n 3 --length 12)
if [ "${3:-0}" = 1 ]; then size=(-n 3 --length 20); else size=(-n 12); fi # under sanitizers
value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }
expect_value()
{
    local found
    found=$(value "$1")
    expect "$1 is \"$found\"" test "$found" = "$2"
}

# ---- what it prints and writes ----
expect_exit 0 "${patch[@]}" --what resid_pre --direction denoise -o stream
expect_line '^layer +0 +1 +2 .* 11$'
expect_line '^ +"<bos>" .* end$'
expect_line '^ +1 +\. '
expect_line '^ *1 +0 +[0-9]+ +.*\+[0-9.]+ +[0-9.]+ +[0-9.]+%$'
expect_line '^[0-9]+ of 24 cells are untouched'
expect_line '^resid_pre patched by layer,position \(source resample, direction denoise\)$'
expect "no spaces at the end of a line" test -z "$(grep ' $' "$out")"
for file in grid.csv grid.json grid.svg grid.pdf run.db; do
    expect "written" test -s "stream/$file"
done
expect "header of grid.csv" test "$(head -n 1 stream/grid.csv)" = layer,head,position,token,effect,stderr,share,n
expect "a line a cell" test "$(wc -l <stream/grid.csv)" = 25
expect "the first cell" test "$(sed -n 2p stream/grid.csv)" = '0,,0,<bos>,0,0,0,3'
expect "a figure" grep -q '^<svg.*>$' stream/grid.svg
expect "its title" grep -qF '>demo on induction: resid_pre patched, logit-diff, n = 3</text>' stream/grid.svg
expect "no path in grid.json" test -z "$(grep -F "$temporary" stream/grid.json)"
expect_exit 0 "${patch[@]}" --what resid_pre --direction denoise --json --threads 1
expect_same "$out" stream/grid.json
expect_value schema patchclamp-grid/1
expect_value options.what resid_pre
expect_value options.positions each
expect_value task.n 3
expect_value axes 2
expect_value cells 24
expect_value positions.11.also end
expect "share of all" awk -v x="$(value cells.0.share)" 'BEGIN { exit !(x == 0) }'
expect_exit 0 "${patch[@]}" --what z --by layer,head,position -o heads --rows 4
expect "no table of three axes" test -z "$(grep '^layer' "$out")"
expect "4 rows" test "$(grep -cE '^ *[0-9]+ +[01] +[0-3] +[0-9]+ ' "$out")" = 4
expect "panels" test "$(grep -c '>layer [01]</text>' heads/grid.svg)" = 2
expect_exit 0 "${patch[@]}" --what pattern --by head,layer --rows 0
expect_line '^layer +h0 +h1 +h2 +h3$'
expect_exit 0 "${patch[@]}" --what attn_out --by layer --source zero --metric kl
expect_line '^layer +effect$'
for what in resid_mid mlp_out q k v; do
    expect_exit 0 "${patch[@]}" --what $what --rows 0
done
expect_exit 0 patch "$models/tl-attn-only" --task induction -n 2 --what q --by layer,head
echo '{"clean": [0, 3, 4, 5], "corrupted": [0, 6, 4, 5], "answers": [2], "wrong_answers": [1]}' >ids.jsonl
expect_exit 0 patch "$models/llama-gqa" --task ids.jsonl --what k --by layer,head -o shared
expect_line '^layer +kv0 +kv1$'
expect "columns are KV heads" grep -q '>KV head</text>' shared/grid.svg
expect "a line a KV head" test "$(wc -l <shared/grid.csv)" = 7
expect_exit 0 patch "$models/llama-gqa" --task ids.jsonl --what k --by layer,head --kv-granularity query
expect_line '^layer +h0 +h1 +h2 +h3$'
expect_refusal 2 'kv_granularity was kv, now query' patch "$models/llama-gqa" --task ids.jsonl --what k --by layer,head \
    --kv-granularity query -o shared --resume
expect_refusal 3 'expected' patch "$models/llama-gqa" --task ids.jsonl --what k --kv-granularity head
expect_exit 0 patch "$models/llama-gqa" --task ids.jsonl --what z --by layer,head
expect_line '^layer +h0 +h1 +h2 +h3$'
expect_json patch "$models/tl-parallel" --task induction -n 1 --what mlp_out --json

# ---- named positions ----
cat >named.jsonl <<'END'
{"clean": " cat dog moon cat", "corrupted": " sun dog moon cat", "answers": [" dog"], "wrong_answers": [" moon"], "positions": {"S1": 1, "B": [2, 3]}}
{"clean": " gold cat dog moon cat", "corrupted": " gold sun dog moon cat", "answers": [" dog"], "wrong_answers": [" moon"], "positions": {"S1": 2, "B": [3, 4]}}
END
expect_refusal 2 'needs prompts of one length, .* 5 to 6 tokens: name positions instead, of S1,B,end' patch demo \
    --task named.jsonl --what z
expect_exit 0 patch demo --task named.jsonl --what resid_pre --positions S1,B,end,-2 -o named
expect_line '^layer +S1 +B +end +-2$'
expect_line '^ +" cat" +" dog moon" +" cat" +" moon"$'
expect "a column a name" grep -q '^1,,B, dog moon,' named/grid.csv
expect_refusal 2 'S3' patch demo --task named.jsonl --what z --positions S1,S3
expect_refusal 2 'given twice' patch demo --task named.jsonl --what z --positions S1,S1
expect_refusal 2 'runs backwards' patch demo --task named.jsonl --what z --positions 3..2
expect_refusal 2 'expected a number' patch demo --task named.jsonl --what z --positions ''
# Other spans of the same prompts are another run.
sed 's/"B": \[2, 3\]/"B": 2/' named.jsonl >other.jsonl && mv other.jsonl named.jsonl
expect_refusal 2 'grid_spans was' patch demo --task named.jsonl --what resid_pre --positions S1,B,end,-2 -o named --resume

# ---- whose run it is ----
expect_refusal 2 'stream/run.db: exists already; --resume' "${patch[@]}" --what resid_pre --direction denoise -o stream
expect_refusal 2 'grid was resid_pre, now z' "${patch[@]}" --what z --direction denoise -o stream --resume
expect_refusal 2 'grid_by was layer,position, now layer' "${patch[@]}" --what resid_pre --by layer --direction denoise \
    -o stream --resume
expect_refusal 2 'grid was resid_pre, now absent' find demo --task induction -n 3 --length 12 --direction denoise \
    -o stream --resume
cp -r stream again
rm again/grid.*
expect_exit 0 "${patch[@]}" --what resid_pre --direction denoise -o again --resume
for file in grid.csv grid.json grid.svg grid.pdf; do
    expect_same stream/$file again/$file
done

# ---- stopped, and killed ----
long=(patch demo --task induction "${size[@]}" --what v --by "layer,head,position")
expect_exit 0 "${long[@]}" -o whole --threads 2
for signal in INT KILL; do
    "$program" "${long[@]}" -o "run_$signal" --threads 2 >"$out" 2>"$err" </dev/null &
    pid=$!
    for _ in {1..1000}; do
        [ ! -s "run_$signal/run.db" ] || break
        sleep 0.005
    done
    kill -$signal $pid
    code=0
    wait $pid 2>/dev/null || code=$?
    [ $signal = KILL ] || expect "it stopped: $code" test $code = 75
    [ $signal = KILL ] || expect "how it goes on" grep -q "run_$signal.*--resume" "$err"
    expect "no result" test ! -e "run_$signal/grid.csv"
    expect_exit 0 "${long[@]}" -o "run_$signal" --resume --threads 1
    for file in grid.csv grid.json grid.svg grid.pdf; do
        expect_same whole/$file "run_$signal/$file"
    done
done

# ---- what makes no sense ----
expect_refusal 3 'expected --task T and --what SITE' patch demo
expect_refusal 3 'expected --task T and --what SITE' patch demo --task induction
expect_refusal 3 'site "resid" is unknown, expected one of resid_pre' "${patch[@]}" --what resid
expect_refusal 3 'axis "heads" is unknown' "${patch[@]}" --what z --by layer,heads
expect_refusal 3 'axis layer is given twice' "${patch[@]}" --what z --by layer,layer
expect_refusal 3 'expected layer among them' "${patch[@]}" --what z --by head
expect_refusal 3 'mlp_out has no heads' "${patch[@]}" --what mlp_out --by layer,head
expect_refusal 3 'position is not an axis' "${patch[@]}" --what z --by layer --positions end
expect_refusal 3 '--resume needs' "${patch[@]}" --what z --resume
expect_refusal 3 'overwritten' patch demo --task named/grid.csv --what z -o named
expect_refusal 2 'source must be resample, not zero' "${patch[@]}" --what q --source zero
expect_refusal 2 'resid_mid does not exist in this model: it has parallel blocks' patch "$models/tl-parallel" \
    --task induction -n 1 --what resid_mid
expect_refusal 2 'mlp_out does not exist in this model: it has no MLPs' patch "$models/tl-attn-only" --task induction \
    -n 1 --what mlp_out
report
