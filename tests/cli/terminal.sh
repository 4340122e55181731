#!/bin/bash
# terminal.sh PROGRAM: on a terminal (script(1) is one) the ranked table has bars in the figure's hues and
# fits the width, progress is a bar with rate and time left; in a pipe, under NO_COLOR and TERM=dumb it is plainer.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v script >/dev/null || {
    echo "skipped: there is no script(1)"
    exit 0
}
escape=$'\033'

# on_terminal COLUMNS COMMAND: what the terminal gets, in $out, without carriage returns at ends of lines.
on_terminal()
{
    code=0
    script -qec "stty cols $1 rows 50; $2" /dev/null </dev/null >typescript 2>"$err" || code=$?
    sed 's/\r$//' typescript >"$out"
    n_checks=$((n_checks + 1))
    [ "$code" -eq 0 ] || fail "exit $code on a terminal: $2"
}

expect_no_escapes()
{
    n_checks=$((n_checks + 1))
    ! grep -q "$escape" "$out" || fail "$1: escape sequences"
}

# The longest line, in characters.
widest() { sed "s/$escape\[[0-9;]*[mK]//g" "$out" | wc -L; }

expect_fit()
{
    local n
    n=$(LC_ALL=C.UTF-8 widest)
    expect "lines of $n in $1 columns" test "$n" -le "$1"
}

export TERM=xterm LC_ALL=C.UTF-8
unset NO_COLOR COLORTERM COLUMNS
find="'$program' find demo --task induction -n 8 --level node"

expect_exit 0 find demo --task induction -n 8 --level node -o plain
cp "$out" plain.txt
expect_no_escapes "in a pipe"
expect "no bar in a pipe" test "$(grep -c '[█#]' "$out")" -le 1

on_terminal 100 "$find -o a 2>/dev/null"
expect "negative in orange: xterm's nearest to e8861a" grep -q "a0.h3 *-[0-9.]*  $escape\[38;5;172m█*.*$escape\[39m" "$out"
expect "the strongest has the longest bar" grep -qE "^ *1  .*█{24}" <(sed "s/$escape\[[0-9;]*m//g" "$out")
expect_fit 100
sed "s/$escape\[[0-9;]*m//g; s/[█▉▊▋▌▍▎▏]//g" "$out" | tr -s ' ' | sed 's/ *$//' >words
tr -s ' ' <plain.txt | sed 's/ *$//' >expected
expect "the same words" test "$(sed 's/^ //' words)" = "$(sed 's/^ //' expected)"

on_terminal 100 "COLORTERM=truecolor $find -o b 2>/dev/null"
expect "the figure's orange" grep -qF "${escape}[38;2;232;134;26m" "$out"
on_terminal 100 "NO_COLOR=1 $find -o c 2>/dev/null"
expect_no_escapes "NO_COLOR"
expect "bars without colour" grep -q '█' "$out"
on_terminal 100 "TERM=dumb $find -o d 2>/dev/null"
expect_no_escapes "TERM=dumb"
expect "bars of ASCII" grep -qE -- '-[0-9.]+  #{24} ' "$out"
on_terminal 100 "LC_ALL=C $find -o e 2>/dev/null"
expect "bars of ASCII, coloured" grep -qE -- "$escape\[38;5;172m#+$escape" "$out"

# Narrow: the role is cut, then the bar goes.
edges="'$program' find demo --task induction -n 8"
on_terminal 120 "$edges -o h 2>/dev/null"
expect "positive in blue" grep -qE "[+]0\.[0-9]+  $escape\[38;5;68m" "$out"
expect "a whole role" grep -q -- '-> induction$' "$out"
on_terminal 80 "$edges -o f 2>/dev/null"
expect "a shorter bar" grep -qE '█{4}' "$out"
expect "a cut role" grep -q '…$' "$out"
expect "no longer one" test "$(grep -cE '█{5}' "$out")" -eq 0
head -n 26 "$out" >ranked && mv ranked "$out"
expect_fit 80
on_terminal 55 "$edges -o g 2>/dev/null"
expect "no bar" test "$(grep -c '█' "$out")" -eq 0

# Of path, run and attribute too.
on_terminal 100 "'$program' path demo --task induction -n 2 --to 'a1.h0<k>' 2>/dev/null"
expect "bars of paths" grep -q '█' "$out"
on_terminal 100 "'$program' attribute demo --task induction -n 2"
expect "bars of the attribution" grep -q '█' "$out"

# Progress, of a search that takes longer than is waited: it is stopped once FILE has a rate, or after a minute.
slow="find demo --task induction -n 200 --engine twin --threads 1 -o slow"
stop_when_told()
{
    local i
    for ((i = 0; i < 600; i++)); do
        if grep -qE "$2" "$1" 2>/dev/null; then break; fi
        sleep 0.1
    done
    kill -TERM "$(cat pid)"
}

# draw_progress COLUMNS PATTERN: what is drawn on so wide a terminal until there is such a line, a drawing a line.
draw_progress()
{
    : >typescript
    stop_when_told typescript "$2" &
    on_terminal "$1" "'$program' $slow & echo \$! >pid; wait \$!; [ \$? -eq 75 ]"
    wait
    rm -rf slow pid
    tr '\r' '\n' <"$out" | sed '/stopped/d; /^$/d' >drawn
    mv drawn "$out"
}
draw_progress 80 'measuring.* left'
expect_line "^measuring \[[█▉▊▋▌▍▎▏]* *\] [0-9]+/(11 nodes|110 edges)  [0-9.e+-]+ (nodes|edges)/s, .* left$escape\[K\$"
expect_fit 80
draw_progress 24 'measuring.*/'
expect_line "^measuring [0-9]+/11 .*$escape\[K\$"
expect_fit 24

export TERM=dumb
draw_progress 80 ' of .* left'
expect_no_escapes "on a dumb terminal"
expect_line '^measuring: [0-9]+ of (11 nodes|110 edges), .* left$'
# shellcheck disable=SC2086
"$program" $slow >"$out" 2>"$err" &
echo $! >pid
stop_when_told "$err" ' left$'
wait $!
expect "exit of what was stopped" test $? -eq 75
expect_no_escapes "in a log"
expect "lines of progress in a log" grep -qE '^measuring: [0-9]+ of (11 nodes|110 edges), [0-9.e+-]+ (nodes|edges)/s, .* left$' "$err"
expect "one every few seconds" test "$(grep -c ' left$' "$err")" -le 2
report
