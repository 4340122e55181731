#!/bin/bash
# mutant.sh NAME SETTINGS: plants the bug NAME of mutants.txt in a copy of the kernels, compiles the file anew, links it
# with everything else as it is, runs the test, and requires that the test fails and a report names the bug's line.
# SETTINGS, written by CMake, is a folder of files: how to compile and what to link.
set -u
export LC_ALL=C # for the compiler's words
name=$1
settings=$(cd "$2" && pwd) || exit 1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kernels=$here/../../kernels
temporary=$(mktemp -d) || exit 1
trap 'rm -rf "$temporary"' EXIT
output=$temporary/output

fail()
{
    echo "$name: $*"
    [ -s "$output" ] && sed 's/^/    /' "$output" | tail -n 40
    exit 1
}

sed -n "/^== $name\$/,/^== /p" "$here/mutants.txt" | sed '1d; /^==/d' >"$temporary/mutant"
[ -s "$temporary/mutant" ] || fail "not in mutants.txt"

# value KEY [DEFAULT]
value()
{
    local found
    found=$(sed -n "s/^$1: //p" "$temporary/mutant")
    echo "${found:-${2-}}"
}
file=$(value file)
unit=$(value unit "$file")
place=$(value in "$file")
with=$(value with)
test=$(value test)

mkdir "$temporary/kernels" "$temporary/empty"
cp "$kernels"/*.cu "$kernels"/*.cuh "$kernels"/*.h "$temporary/kernels"
[ -f "$temporary/kernels/$file" ] || fail "there is no kernels/$file"

# The piece, taken out and put in: the whole file is one string.
awk '
    function take(line) { return substr(line, 3) "\n" }
    FILENAME == ARGV[1] && /^-/ { old = old take($0) }
    FILENAME == ARGV[1] && /^\+/ { new = new take($0) }
    FILENAME == ARGV[2] { text = text $0 "\n" }
    END {
        sub(/\n$/, "", old)
        sub(/\n$/, "", new)
        at = index(text, old)
        if (old == "" || !at) { print "not there"; exit }
        if (index(substr(text, at + 1), old)) { print "there more than once"; exit }
        printf "%s", substr(text, 1, at - 1) new substr(text, at + length(old)) >ARGV[3]
    }' "$temporary/mutant" "$kernels/$file" "$temporary/kernels/$file" 2>&1 >"$output" </dev/null
[ -s "$output" ] && fail "the piece of kernels/$file that it replaces is $(cat "$output"): change mutants.txt with the kernel"
cmp -s "$kernels/$file" "$temporary/kernels/$file" && fail "changes nothing"

numbers=$(grep -nF -- "$(value at)" "$temporary/kernels/$place" | cut -d: -f1)
[ "$(echo "$numbers" | wc -w)" -eq 1 ] || fail "\"$(value at)\" is in $(echo "$numbers" | wc -w) lines of kernels/$place"

mapfile -t compile <"$settings/compile_$with"
(cd "$temporary/empty" && "${compile[@]}" "-ffile-prefix-map=$temporary=." "-I$temporary" "@$settings/includes" \
    -x c++ -c "$temporary/kernels/$unit" -o "$temporary/unit.o") >"$output" 2>&1
status=$?
if [ "$with" != warnings ]; then
    [ "$status" -eq 0 ] || fail "does not compile"
    mapfile -t link <"$settings/link_${with}_$test"
    "${compile[0]}" "$temporary/unit.o" "${link[@]}" -o "$temporary/mutant_test" >"$output" 2>&1 || fail "does not link"
    (cd "$temporary/empty" && timeout 120 "$temporary/mutant_test" --filter "$(value only '*')") >"$output" 2>&1
    status=$?
fi
[ "$status" -ne 0 ] || fail "survives: the test passes"
grep -F -- "$(value found)" "$output" | grep -qE "kernels/$place:$numbers([^0-9]|\$)" ||
    fail "no report says \"$(value found)\" and kernels/$place:$numbers"
grep -F -- "$(value found)" "$output" | grep -E "kernels/$place:$numbers([^0-9]|\$)" | head -n 1
