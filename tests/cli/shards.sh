#!/bin/bash
# shards.sh PROGRAM JSON_VALUE IS_SLOW: submit, shard, status and merge give the bytes of one process, whatever happens to
# a shard; what cannot be joined is named. IS_SLOW (a sanitizer's build, 1 or 0) makes the job smaller.
json_value=$2 is_slow=${3:-0}
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
if [ "$is_slow" = 1 ]; then n_pairs=8 level=node; else n_pairs=24 level=edge; fi
search=(demo --task induction -n "$n_pairs" --level "$level")

value() { "$json_value" "${2:-$out}" "$1" 2>>"$err"; }

expect_same_result()
{
    local name
    for name in circuit.json scores.csv circuit.svg report.html; do
        expect_same whole/$name "$1/$name"
    done
}

seed=${PATCHCLAMP_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "the instants of seed $seed (PATCHCLAMP_TEST_SEED)"
now_ms() { date +%s%3N; }

expect_exit 0 find "${search[@]}" -o whole
cp "$out" whole.txt

# ---- what is not submitted ----
expect_refusal 3 'expected --shards N and -o DIR' submit find "${search[@]}" -o array
expect_refusal 3 'expected --shards N and -o DIR' submit find "${search[@]}" --shards 2
expect_refusal 3 'expected --task T' submit find demo --shards 2 -o array
expect_refusal 3 'cannot submit "eval", expected find' submit eval demo --shards 2 -o array
expect_refusal 3 'expected find; see patchclamp submit --help' submit
expect_refusal 3 'unknown option --partion' submit find "${search[@]}" --shards 2 --partion gpu -o array
expect_refusal 3 'shards is "0", expected an integer from 1' submit find "${search[@]}" --shards 0 -o array
expect_refusal 3 'are find.s alone' submit find "${search[@]}" --shards 2 -o array --resume
expect_refusal 3 'one of --dry-run and --local' submit find "${search[@]}" --shards 2 -o array --dry-run --local
expect_refusal 3 'partition "a b" has a character' submit find "${search[@]}" --shards 2 -o array --partition 'a b'
expect_refusal 2 '100000 shards of [0-9]+ interventions' submit find "${search[@]}" --shards 100000 -o array
expect_refusal 2 'method racing decides as it measures' submit find "${search[@]}" --shards 2 -o array --method racing --top 3
if [ "$level" = edge ]; then
    expect_refusal 2 'method acdc decides as it measures' submit find "${search[@]}" --shards 2 -o array --method acdc --threshold 1
fi
expect_refusal 2 'none.jsonl: No such file' submit find demo --task none.jsonl --shards 2 -o array
expect_refusal 2 'array/shards.json' status array
expect_refusal 2 'array/shards.json' merge array
expect_refusal 2 'array/shards.json' shard array 0

# ---- the script ----
before=$(snapshot)
expect_exit 0 submit find "${search[@]}" --shards 3 -o array --dry-run --partition gpu --gpus 1 --time 2:00:00 --cpus 4 \
    --mem 32G --account lab --at-once 2
expect "a dry run writes nothing" test "$(snapshot)" = "$before"
for line in '#!/bin/bash' '#SBATCH --array=0-2%2' '#SBATCH --partition="gpu"' '#SBATCH --gpus=1' '#SBATCH --time="2:00:00"' \
    '#SBATCH --signal=USR2@90' '#SBATCH --requeue' '#SBATCH --open-mode=append' '##SBATCH --constraint=' \
    '#SBATCH --cpus-per-task=4' '#SBATCH --mem="32G"' '#SBATCH --account="lab"' "#SBATCH --output=\"$PWD/array/logs/%a.log\""; do
    expect "the script says $line" grep -qFx -e "$line" "$out"
done
expect "shards for GPUs compute on them" grep -q '^# patchclamp find demo .*--device=cuda$' "$out"
expect_line '^ +2 '
expect_line '^3 shards, .* GFLOP in all, the largest .* % above their mean$'
expect_exit 0 submit find "${search[@]}" --shards 3 -o array --dry-run --gpus 1 --constraint 'h100&nvlink'
expect_line '^#SBATCH --constraint="h100&nvlink"$'

# ---- written, measured by hand, joined ----
expect_exit 0 submit find "${search[@]}" --shards 3 -o 'deep/my array'
expect "what to do" grep -qFx 'sbatch deep/my array/array.sbatch' "$out"
expect "the script is one" bash -n 'deep/my array/array.sbatch'
expect_exit 0 status 'deep/my array'
expect_line '^ +1 +waiting +0 '
expect_line '^0 of 3 shards done, 3 waiting; 0 of '
expect_exit 2 merge 'deep/my array'
expect "all are named" grep -q '3 of 3 shards cannot be joined; shard 0: missing; shard 1: missing; shard 2: missing' "$err"
began=$(now_ms)
for k in 2 0 1; do expect_exit 0 shard 'deep/my array' $k; done
shard_ms=$((($(now_ms) - began) / 3))
expect_exit 0 merge 'deep/my array'
expect_same "$out" whole.txt
expect_same_result 'deep/my array'
expect_exit 0 merge 'deep/my array' --threads 1
expect_same "$out" whole.txt
expect_refusal 3 'K is "3", expected 0 to 2' shard 'deep/my array' 3
expect_refusal 3 'K is "x", expected 0 to 2' shard 'deep/my array' x
expect_refusal 2 'has other shards than these' submit find "${search[@]}" --shards 2 -o 'deep/my array'
expect_refusal 2 'has other shards than these' submit find "${search[@]}" --top 3 --shards 3 -o 'deep/my array'
expect_exit 0 submit find "${search[@]}" --shards 3 -o 'deep/my array'

# ---- here, and from wherever ----
mkdir elsewhere
expect_exit 0 task induction --model demo -n "$n_pairs" -o pairs.jsonl
expect_exit 0 find demo --task pairs.jsonl --level "$level" -o file_whole
expect_exit 0 submit find demo --task=pairs.jsonl --level "$level" --shards 4 --local --at-once 2 -o local
expect "each is told" test "$(grep -c 'is done; ' "$err")" -eq 4
expect_exit 0 status local --json
expect "4 are done" test "$(value "done")" = 4
expect "all is done" test "$(value n_done)" = "$(value n)"
(cd elsewhere && "$program" merge ../local) >"$out" 2>"$err"
expect "merged from elsewhere" test $? -eq 0
for name in circuit.json scores.csv; do expect_same file_whole/$name local/$name; done

# ---- shards that are lost ----
expect_exit 0 submit find "${search[@]}" --shards 4 --local -o lost
rm lost/shards/1/run.db
printf 'xyz' | dd of=lost/shards/2/run.db bs=1 seek=2000 conv=notrunc status=none
truncate -s -4096 lost/shards/3/run.db
expect_exit 2 merge lost
expect "missing" grep -q 'shard 1: missing' "$err"
expect "cut off" grep -q 'shard 3: lost/shards/3/run.db: damaged' "$err"
expect "in one line" test "$(wc -l <"$err")" -eq 1
expect "no result" test ! -e lost/circuit.json
rm lost/shards/2/run.db lost/shards/3/run.db
expect_exit 0 submit find "${search[@]}" --shards 4 --local -o lost
expect_exit 0 merge lost
expect_same_result lost

# ---- killed and stopped ----
start_shard()
{
    "$program" shard killed 0 --threads 1 >"$out" 2>"$err" </dev/null &
    pid=$!
}
expect_exit 0 submit find "${search[@]}" --shards 2 -o killed
n_killed=0
for _ in {1..20}; do
    start_shard
    instant=$((RANDOM % (shard_ms + 1)))
    sleep "$(printf '%d.%03d' $((instant / 1000)) $((instant % 1000)))"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    if [ $? -eq 137 ]; then n_killed=$((n_killed + 1)); else rm -r killed/shards/0; fi
done
expect "enough kills" test $n_killed -ge 3
cp -r killed slain
expect_exit 0 submit find "${search[@]}" --shards 2 --local -o slain
expect_exit 0 merge slain
expect_same_result slain
rm -rf killed/shards/0
start_shard
for _ in {1..400}; do
    if [ -s killed/shards/0/run.db ]; then break; fi
    sleep 0.005
done
kill -USR2 $pid
wait $pid
code=$?
expect "stopped by the signal, or just done" test $code -eq 75 -o $code -eq 0
if [ $code -eq 75 ]; then
    expect "how it goes on" grep -q 'killed/shards/0: the same command goes on' "$err"
    expect_exit 0 status killed
    expect_line '^ +0 +stopped '
fi
expect_exit 0 submit find "${search[@]}" --shards 2 --local -o killed
expect_exit 0 merge killed
expect_same_result killed

echo "killed $n_killed times in 20 runs of about $shard_ms ms"

# ---- a whole crowd is told to stop ----
"$program" submit find "${search[@]}" --shards 6 --local --at-once 2 -o crowd >"$out" 2>"$err" </dev/null &
pid=$!
for _ in {1..400}; do
    if [ -s crowd/shards/0/state.json ]; then break; fi
    sleep 0.005
done
kill -TERM $pid
wait $pid
code=$?
expect "the crowd stops" test $code -eq 75
expect "and says so" grep -q 'stopped after [0-9] of 6 shards; the same command goes on' "$err"
expect_exit 0 submit find "${search[@]}" --shards 6 --local --at-once 3 -o crowd
expect_exit 0 merge crowd
expect_same_result crowd

# ---- one of a crowd is killed: it starts again ----
"$program" submit find "${search[@]}" --shards 3 --local --at-once 1 -o again >"$out" 2>"$err" </dev/null &
pid=$!
for _ in {1..400}; do
    if [ -s again/shards/0/state.json ]; then break; fi
    sleep 0.005
done
kill -KILL "$("$json_value" again/shards/0/state.json pid)" 2>/dev/null
wait $pid
expect "the rest goes on" test $? -eq 0
expect "it was started again" grep -q 'shard 0 was killed and starts again' "$err"
expect "twice" test "$("$json_value" again/shards/0/state.json n_starts)" -eq 2
expect_exit 0 merge again
expect_same_result again
report
