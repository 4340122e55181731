#!/bin/bash
# pictures.sh PROGRAM: what other programs see in the figures: XML, pages with ink, the same picture in every format.
# Renderers are asked where they are installed (tools/setup --all installs them).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

has() { command -v "$1" >/dev/null; }

# expect_ink PGM: a page that is not blank and not black: between 0.5 % and half of it is darker than the paper.
expect_ink()
{
    local all dark
    all=$(tail -n +4 "$1" | wc -c)
    dark=$(tail -n +4 "$1" | tr -d '\360-\377' | wc -c)
    expect "$1 has ink ($dark of $all)" test $((dark * 200)) -gt "$all" -a $((dark * 2)) -lt "$all"
}

# expect_alike PGM PGM MOST: of one size, and on the average less than MOST/2 of 255 apart. At this size letters are grey.
expect_alike()
{
    local all apart
    all=$(tail -n +4 "$1" | wc -c)
    expect "$1 and $2 are of one size" test "$all" -eq "$(tail -n +4 "$2" | wc -c)"
    # octal values; a byte that differs is a line
    apart=$(cmp -l "$1" "$2" 2>>"$err" | awk '{ a = 0; b = 0
        for (i = 1; i <= length($2); i++) a = 8 * a + substr($2, i, 1)
        for (i = 1; i <= length($3); i++) b = 8 * b + substr($3, i, 1)
        sum += a > b ? a - b : b - a } END { print int(sum) }')
    expect "$1 and $2 look alike ($apart of $all)" test $((2 * apart)) -lt $(($3 * all))
}

# pgm_of_pdf PDF NAME OPTION...: writes NAME.pgm
pgm_of_pdf()
{
    local pdf=$1 name=$2
    shift 2
    pdftoppm -gray -singlefile "$@" "$pdf" "$name" 2>>"$err"
}


expect_exit 0 find demo --task induction -n 4 --length 12 --top 20 --positions each -o run
expect_exit 0 find demo --task induction -n 4 --length 12 --level node -o nodes
expect_exit 0 patch demo --task induction -n 4 --length 12 --what z --by layer,head,position -o grid
expect_exit 0 draw run -o run/circuit.pdf
expect_exit 0 draw nodes -o nodes/circuit.pdf
expect_exit 0 diff run nodes -o nodes/diff.svg
expect_exit 0 diff run nodes -o nodes/diff.pdf
expect_exit 0 find demo --task induction -n 4 --length 12 --method acdc --metric kl --threshold 0.01 -o acdc
expect_exit 0 diff run acdc -o acdc/diff.svg
expect_exit 0 diff run acdc -o acdc/diff.pdf
for format in svg pdf; do
    expect_exit 0 eval run --model demo --task induction -n 4 --length 12 --curve -o run/curve.$format
done
figures=(run/circuit run/curve acdc/diff nodes/diff run/positions nodes/circuit grid/grid)

for figure in "${figures[@]}"; do
    if has python3; then
        expect "$figure.svg is XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$figure.svg"
    fi
    has pdftoppm || continue
    expect "$figure.pdf is read" pgm_of_pdf "$figure.pdf" "$figure.of-pdf" -r 100
    expect "nothing is wrong with $figure.pdf" test "$(pdftotext "$figure.pdf" - 2>&1 | grep -c Error)" -eq 0
    expect_ink "$figure.of-pdf.pgm"
    has rsvg-convert || continue
    expect "$figure.svg is read" rsvg-convert -f pdf -o "$figure.rsvg" "$figure.svg"
    pgm_of_pdf "$figure.rsvg" "$figure.of-svg" -scale-to-x 150 -scale-to-y 150
    pgm_of_pdf "$figure.pdf" "$figure.small" -scale-to-x 150 -scale-to-y 150
    expect_alike "$figure.small.pgm" "$figure.of-svg.pgm" 3
done

# ---- a name that nobody should have: quotes, brackets, TeX, a letter with an accent, one that no font has ----
name='a<b>&\\\\end{document}%$#_{}~^\\"'"'"'é中--`(x)'
mkdir hostile
awk -v name="$name" '{ i = index($0, "\"name\": \"demo\""); if (i) $0 = substr($0, 1, i - 1) "\"name\": \"" name "\"" substr($0, i + 14); print }' \
    run/circuit.json >hostile/circuit.json
for format in svg pdf tex dot; do
    expect_exit 0 draw hostile -o hostile/figure.$format
done
if has python3; then
    expect "hostile/figure.svg is XML" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' hostile/figure.svg
fi
if has pdftoppm; then
    expect "hostile/figure.pdf is read" pgm_of_pdf hostile/figure.pdf hostile/of-pdf -r 100
    expect_ink hostile/of-pdf.pgm
    pdftotext hostile/figure.pdf hostile/words.txt
    expect "its name is found in the PDF's text" grep -qF 'a<b>&\end{document}%$#_{}~^"' hostile/words.txt
    expect "a character that no font has is copied" grep -qF 'é中--`(x)' hostile/words.txt
fi

# ---- TeX ----
compile() { (cd "$(dirname "$1")" && pdflatex -halt-on-error -interaction=nonstopmode "$(basename "$1")" >tex.out 2>&1); }

if has pdflatex && has pdftoppm; then
    expect_exit 0 draw run -o tex.tex
    expect_exit 0 draw nodes -o nodes.tex
    for figure in tex nodes hostile/figure; do
        expect "$figure.tex compiles" compile $figure.tex
        expect "$figure.tex is one page" test "$(pdfinfo $figure.pdf | grep -c '^Pages: *1$')" -eq 1
        expect "$figure.pdf is read" pgm_of_pdf $figure.pdf $figure.of-tex -r 100
        expect_ink $figure.of-tex.pgm
    done
    pgm_of_pdf tex.pdf tex.small -scale-to-x 150 -scale-to-y 150
    expect_alike tex.small.pgm run/circuit.small.pgm 6 # in other letters
fi
report
