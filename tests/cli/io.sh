#!/bin/bash
# io.sh PROGRAM: outputs that cannot be written: exit 1, one line, no partial file. Root may write anywhere, so what
# cannot be written are paths below a file, full devices and files over a limit.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
find=(find demo --task induction -n 2 --level node)
run "${find[@]}" -o run
touch file

for command in --version 'help find' doctor 'info demo' 'info demo --json' 'logits demo --tokens 1' \
    'tokenize demo x --help' 'heads demo -n 1' 'eval run --model demo --task induction -n 2'; do
    # shellcheck disable=SC2086,SC2015
    for device in /dev/full closed; do
        n_checks=$((n_checks + 1))
        code=0
        if [ $device = closed ]; then
            "$program" $command >&- 2>"$err" || code=$?
        else
            "$program" $command >$device 2>"$err" || code=$?
        fi
        : >"$out"
        [ $code -eq 1 ] && [ "$(wc -l <"$err")" -eq 1 ] && grep -q 'cannot write the output' "$err" ||
            fail "stdout $device, exit $code: patchclamp $command"
    done
done
code=0
"$program" info nonsense >&- 2>"$err" || code=$?
expect "bad input stays bad input" test $code -eq 2
expect "one line" test "$(wc -l <"$err")" -eq 1

# A run whose table cannot be printed is on disk all the same, and closed streams do not end up in its files.
code=0
"$program" "${find[@]}" -o closed <&- >&- 2>&- || code=$?
expect "closed streams" test $code -eq 1
for name in circuit.json scores.csv circuit.svg report.html; do
    expect_same run/$name closed/$name
done

expect_refusal 1 'file/run' "${find[@]}" -o file/run
expect_refusal 1 'file: exists and is not a directory' "${find[@]}" -o file
expect_refusal 1 '/proc/run' "${find[@]}" -o /proc/run
expect_refusal 1 'file/task.jsonl' task induction --model demo -o file/task.jsonl
expect_refusal 1 'no/task.jsonl' task induction --model demo -o no/task.jsonl
expect_refusal 1 'run' task induction --model demo -o run
expect_refusal 1 'no/figure.svg' draw run -o no/figure.svg
expect_refusal 1 '/proc/figure.dot' draw run -o /proc/figure.dot
mkdir figure.svg
expect_refusal 1 'figure.svg' draw run -o figure.svg
echo precious >task.jsonl

# Files may have 1,024 bytes, or 24 kB, and no more: as on a disk that fills up.
limit()
{
    local blocks=$1
    shift
    code=0
    (ulimit -f "$blocks" && exec "$program" "$@" >"$out" 2>"$err" </dev/null) || code=$?
    n_checks=$((n_checks + 1))
    if [ $code -ne 1 ] || [ "$(wc -l <"$err")" -ne 1 ]; then
        fail "exit $code with $blocks kB: patchclamp $*"
    fi
}
before=$(snapshot)
limit 1 task induction --model demo -n 100 -o task.jsonl
limit 1 task induction --model demo -n 100 -o new.jsonl
limit 1 draw run -o new.svg
expect "the same files as before" test "$(snapshot)" = "$before"
limit 4 "${find[@]}" -o full
expect "no result of a failed run" test ! -e full/circuit.json
expect "no partial files" test -z "$(find . -name '*partial*')"

# What is not a file is written into, not replaced.
mkfifo pipe.svg
cat pipe.svg >from_pipe &
expect_exit 0 draw run -o pipe.svg
expect "still a pipe" test -p pipe.svg
if [ -p pipe.svg ]; then wait; else kill $!; fi
expect_same from_pipe run/circuit.svg
ln -s target.svg link.svg
touch target.svg
expect_exit 0 draw run -o link.svg
expect "still a link" test -L link.svg
expect_same target.svg run/circuit.svg
report
