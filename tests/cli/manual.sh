#!/bin/bash
# manual.sh PROGRAM SHARE: every command has a page under SHARE, with its options and example; mandoc and groff find
# nothing to complain about.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
pages=$2/man/man1

# expect_silence WHAT COMMAND...: it succeeds and prints nothing on stderr.
expect_silence()
{
    local what=$1 status=0
    shift
    n_checks=$((n_checks + 1))
    "$@" >"$out" 2>"$err" || status=$?
    { [ "$status" -eq 0 ] && [ ! -s "$err" ]; } || fail "$what"
}

check_page()
{
    local page=$1 tool
    expect "the page $page" test -s "$page"
    if command -v mandoc >/dev/null; then
        n_checks=$((n_checks + 1))
        mandoc -T lint -W warning "$page" >"$out" 2>"$err" || fail "mandoc on $page"
        [ ! -s "$out" ] || fail "mandoc on $page"
    fi
    if command -v groff >/dev/null; then expect_silence "groff on $page" groff -ww -man -T utf8 "$page"; fi
    if command -v man >/dev/null; then expect_silence "man on $page" man --warnings -E UTF-8 -l "$page"; fi
}

# The page as plain text on one line.
plain()
{
    if command -v mandoc >/dev/null; then mandoc -T ascii -O width=300 "$1" | sed 's/.\x08//g' | tr -s ' \n' ' '; fi
}

for tool in mandoc groff man; do command -v "$tool" >/dev/null || echo "skipped: $tool (there is none)"; done
check_page "$pages/patchclamp.1"
"$program" --help=topics >topics
while read -r command; do
    page=$pages/patchclamp-${command// /-}.1
    # shellcheck disable=SC2086
    expect_exit 0 $command --help
    cp "$out" help
    check_page "$page"
    plain "$page" >text
    [ -s text ] || continue
    while read -r option; do
        expect "$page has $option" grep -qF -e " $option " text
    done < <(grep -oE '^  .{4}--[a-z-]+' help | grep -oE -e '--[a-z-]+')
    expect "$page has the example" grep -qF -e "$(tail -n 1 help | sed 's/^ *//')" text
    expect "$page is listed" grep -q "patchclamp.-${command// /.-}" "$pages/patchclamp.1"
done <topics
expect "as many pages as topics" test "$(find "$pages" -name '*.1' | wc -l)" -eq "$(($(wc -l <topics) + 1))"
if command -v mandoc >/dev/null; then
    expect "words that roff might take for its own" grep -qF '{"cut": ["a0.h3->a1.h0<k>", "m0.n7"], "positions": [-1' \
        <(mandoc -T ascii -O width=300 "$pages/patchclamp-run.1")
fi

expect_exit 0 --help=models
expect_line '^demo$'
expect_refusal 3 'expected man, bash or zsh' find --help=nonsense
expect_refusal 3 'expected man, bash, zsh' --help=nonsense
report
