#!/bin/bash
# coverage.sh GCOV OBJECTS "KERNEL.cu ..." PROGRAM...: runs the programs, whose kernels count their lines under OBJECTS, and
# requires that every line of kernels/*.cu and kernels/*.cuh which is code has run. Names the lines that have not. To be
# called in the folder where the compiler ran.
set -u
gcov=$1 objects=$2 kernels=$3
shift 3
temporary=$(mktemp -d) || exit 1
trap 'rm -rf "$temporary"' EXIT

find "$objects" -name '*.gcda' -delete
for program in "$@"; do
    "$program" >"$temporary/output" 2>&1 || {
        cat "$temporary/output"
        echo "$program fails"
        exit 1
    }
done
# The compiler's names of sources begin where it ran or, mapped as all paths are, at the source's top folder; gcov shows
# what it can open.
for folder in "$PWD" "$(dirname "${BASH_SOURCE[0]}")/../.."; do
    (cd "$folder" && find "$objects" -name '*.gcda' -exec "$gcov" --stdout {} +) >>"$temporary/lines" 2>"$temporary/errors" || {
        cat "$temporary/errors"
        exit 1
    }
done

# "    12:   34:text" ran, "#####:   34:text" did not, "-:   34:text" is no code. A line that several compilations or
# instances have has run if it ran in one of them.
awk -F: -v kernels="$kernels" '
    $2 ~ /^ *0$/ {
        if ($3 == "Source") file = match($4, /kernels\/[^\/]*\.cuh?$/) ? substr($4, RSTART) : ""
        next
    }
    file == "" || $2 !~ /^ *[0-9]+$/ { next }
    {
        count = $1
        gsub(/[ *]/, "", count)
        line = file ":" ($2 + 0)
    }
    count ~ /^[0-9]+$/ { if (!(line in ran)) n_ran[file]++; ran[line] = 1 }
    count ~ /^[#=]+$/ { text[line] = substr($0, index($0, $2) + length($2) + 1) }
    END {
        for (line in text)
            if (!(line in ran)) { print line ": has not run: " text[line]; n_missing++ }
        n = split(kernels, names, " ")
        for (i = 1; i <= n; i++)
            if (!n_ran["kernels/" names[i]]) { print "kernels/" names[i] ": nothing of it has run"; n_missing++ }
        for (file in n_ran) n_lines += n_ran[file]
        print n_lines + 0 " lines have run, " n_missing + 0 " have not"
        exit n_missing > 0
    }' "$temporary/lines" >"$temporary/report"
status=$?
sort -t: -k1,1 -k2,2n "$temporary/report"
exit $status
