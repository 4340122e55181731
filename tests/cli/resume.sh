#!/bin/bash
# resume.sh PROGRAM IS_SLOW: a run that was stopped or killed at any instant goes on with --resume to the same bytes; a
# directory that holds another run is refused. IS_SLOW (a sanitizer's build, 1 or 0) makes the job smaller.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
is_slow=${2:-0}
seed=${PATCHCLAMP_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "the instants of seed $seed (PATCHCLAMP_TEST_SEED)"
if [ "$is_slow" = 1 ]; then n_pairs=8 level=node; else n_pairs=48 level=edge; fi
find=(find demo --task induction -n "$n_pairs" --level "$level")
now_ms() { date +%s%3N; }

expect_same_run()
{
    local name
    for name in circuit.json scores.csv circuit.svg report.html; do
        expect_same whole/$name "$1/$name"
    done
}

began=$(now_ms)
expect_exit 0 "${find[@]}" -o whole --threads 2
whole_ms=$(($(now_ms) - began))
cp "$out" whole.txt

# ---- whose run it is ----
expect_refusal 2 'whole/run.db: exists already; --resume' "${find[@]}" -o whole
refuse_resume()
{
    local pattern=$1
    shift
    expect_refusal 2 "whole/run.db: $pattern" "${find[@]}" -o whole --resume "$@"
}
refuse_resume 'task_seed was 0, now 1' --seed 1
refuse_resume 'task_n was' -n 5
refuse_resume 'metric was logit-diff, now prob-diff' --metric prob-diff
refuse_resume 'source was resample, now zero' --source zero
refuse_resume 'direction was noise, now denoise' --direction denoise
refuse_resume 'level was' --level neuron
refuse_resume 'selection was faithfulness 0.9, now top 3' --top 3
refuse_resume 'selection was faithfulness 0.9, now faithfulness 0.8' --faithfulness 0.8
cp -r "$demo" other
header=$(od -An -t u8 -N 8 other/model.safetensors)
printf '\1' | dd of=other/model.safetensors bs=1 seek=$((header + 8 + 400)) conv=notrunc status=none
expect_refusal 2 'whole/run.db: model was' find other "${find[@]:2}" -o whole --resume

# ---- what must not matter ----
expect_exit 0 "${find[@]}" -o whole --resume --threads 1
expect_same "$out" whole.txt
expect_exit 0 "${find[@]}" -o thread --threads 1
expect_same_run thread
expect_same "$out" whole.txt
expect_exit 0 "${find[@]}" -o fresh --resume
expect_same_run fresh

# start DIRECTORY: a run in the background, told to stop by $pid.
start()
{
    "$program" "${find[@]}" -o "$1" --resume --threads 2 >"$out" 2>"$err" </dev/null &
    pid=$!
}

# finish: waits for it; its exit code is in $code.
finish()
{
    code=0
    wait "$pid" 2>/dev/null || code=$?
}

wait_for()
{
    for _ in {1..1000}; do
        [ ! -s "$1" ] || return 0
        sleep 0.005
    done
}

# ---- two at once ----
"$program" "${find[@]}" -o both >"$temporary/first" 2>&1 </dev/null &
pid=$!
wait_for both/run.db
expect_exit 1 "${find[@]}" -o both --resume
expect "why" grep -q "^patchclamp find: both/run.db: another process has it open: $pid on " "$err"
finish
expect "the first is not disturbed" test $code -eq 0
expect "no owner is left" test ! -e both/run.db.owner
expect_same_run both

# ---- the owner is on another machine ----
stranger='{"host": "far", "pids": "", "pid": 77, "began": 5, "job": "", "attempt": 0}'
echo "$stranger" >both/run.db.owner
expect_exit 1 "${find[@]}" -o both --resume
expect "who" grep -q 'both/run.db: another process has it open: 77 on far, heard of [0-9]* s ago$' "$err"
touch -d '10 minutes ago' both/run.db.owner
expect_exit 1 "${find[@]}" -o both --resume
expect "what to do" grep -q 'process 77 on far had it open and was heard of 10 min ago: --take-over if it is gone$' "$err"
expect_exit 0 "${find[@]}" -o both --take-over
expect_same_run both
expect "its owner is gone" test ! -e both/run.db.owner

# ---- stopped ----
for signal in INT TERM USR2; do
    start "stopped_$signal"
    wait_for "stopped_$signal/run.db"
    kill -"$signal" $pid
    finish
    expect "SIG$signal" test $code -eq 75
    expect "one line" test "$(wc -l <"$err")" -eq 1
    expect "how it goes on" grep -q "^patchclamp find: .*stopped_$signal.*--resume" "$err"
    expect "nothing on stdout" test ! -s "$out"
    expect "only the journal" test -z "$(find "stopped_$signal" -type f ! -name 'run.db' ! -name run.db-journal)"
    expect_exit 0 "${find[@]}" -o "stopped_$signal" --resume
    expect_same "$out" whole.txt
    expect_same_run "stopped_$signal"
done

# ---- killed so many times, the run begun anew whenever it was faster ----
n_kills=${PATCHCLAMP_KILLS:-16}
n_killed=0
n_runs=1
while [ $n_killed -lt "$n_kills" ] && [ $n_runs -lt $((3 * n_kills)) ]; do
    start "killed_$n_runs"
    instant=$((RANDOM % (whole_ms / (RANDOM % 6 + 1) + 20))) # late ones too
    sleep "$(printf '%d.%03d' $((instant / 1000)) $((instant % 1000)))"
    kill -KILL $pid 2>/dev/null
    finish
    if [ $code -eq 137 ]; then
        n_killed=$((n_killed + 1))
    else
        expect "a run that was not killed" test $code -eq 0
        expect_same_run "killed_$n_runs"
        n_runs=$((n_runs + 1))
    fi
done
expect "enough kills" test $n_killed -eq "$n_kills"
expect_exit 0 "${find[@]}" -o "killed_$n_runs" --resume
expect_same_run "killed_$n_runs"
expect_exit 0 eval "killed_$n_runs" --model demo --task induction -n "$n_pairs"
echo "killed $n_killed times in $n_runs runs of $whole_ms ms"
report
