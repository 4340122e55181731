#!/bin/bash
# stop.sh PROGRAM: every command that measures stops when SIGINT, SIGTERM or SIGUSR2 asks it to, within 10 s and with 75.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# far more than anybody waits for
much=(--task induction -n 3000 --engine twin --threads 1)

expect_exit 0 find demo --task induction -n 8 -o small
echo '{"name": "edge", "cut": ["a0.h3->a1.h2<k>"]}' >list.jsonl

# has_handler PID: it is in a state to be asked.
has_handler()
{
    local caught
    caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
    [ -n "$caught" ] && [ $((0x$caught & 0x800)) -ne 0 ]
}

# expect_stop SIGNAL PATTERN ARGUMENTS...: asked so, it ends in time, says something like the pattern in one line, and
# prints no result.
expect_stop()
{
    local signal=$1 pattern=$2 pid began
    shift 2
    "$program" "$@" >"$out" 2>"$err" </dev/null &
    pid=$!
    for _ in {1..1000}; do
        if has_handler $pid; then break; fi
        sleep 0.01
    done
    sleep "0.$((RANDOM % 10))"
    kill -"$signal" $pid
    began=$SECONDS
    wait $pid
    code=$?
    n_checks=$((n_checks + 1))
    if [ $code -ne 75 ]; then
        fail "exit $code, expected 75, after SIG$signal: patchclamp $*"
    elif [ $((SECONDS - began)) -gt 10 ]; then
        fail "takes $((SECONDS - began)) s to stop: patchclamp $*"
    elif [ -s "$out" ]; then
        fail "prints a result in spite of SIG$signal: patchclamp $*"
    elif ! tail -n 1 "$err" | grep -qE "^patchclamp( $1: $pattern|: stopped without waiting)"; then # on a slow machine
        fail "does not say \"$pattern\": patchclamp $*"
    fi
}

for signal in INT TERM USR2; do
    expect_stop $signal 'stopped; nothing is kept' eval small --model demo "${much[@]}"
done
expect_stop TERM 'stopped; nothing is kept' eval small --model demo "${much[@]}" --minimality
expect_stop TERM 'stopped; nothing is kept' eval small --model demo "${much[@]}" --curve
expect_stop TERM 'stopped; nothing is kept' eval small --model demo "${much[@]}" --split all
expect_stop INT 'stopped while' heads demo "${much[@]}"
expect_stop USR2 'stopped; what was measured is kept in' find demo "${much[@]}" -o find
expect_stop TERM 'stopped; what was measured is kept in' find demo "${much[@]}" --method racing --top 3 -o race
expect_stop TERM 'stopped; what was measured is kept in' find demo "${much[@]}" --method acdc --threshold 0.1 -o acdc
expect_stop TERM 'stopped; what was measured is kept in' patch demo "${much[@]}" --what z --by layer,head -o patch
expect_stop USR2 'stopped; what was measured is kept in' run demo "${much[@]}" --interventions list.jsonl -o run
expect_stop TERM 'stopped; what was measured is kept in' path demo "${much[@]}" --to 'a1.h0<k>' -o path
expect_stop TERM 'stopped' path demo "${much[@]}" --to 'a1.h0<k>'
expect_exit 0 submit find demo "${much[@]}" --shards 2 -o array
expect_stop USR2 'stopped; what was measured is kept in array/shards/1' shard array 1
if ! grep -q 'without waiting' "$err"; then
    expect_exit 0 status array
    expect_line '^ +1 +stopped '
fi
report
