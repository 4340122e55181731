# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share. Sourced from the source's top folder with the program's path in $1; the script
# then stands in an empty folder, which is removed at the end. Every check that fails says so, and report() counts them.
set -u
program=$1
demo=$PWD/tools/models/demo
models=$PWD/tests/golden/models
temporary=$(mktemp -d) || exit 1
trap 'rm -rf "$temporary"' EXIT
out=$temporary/out err=$temporary/err
mkdir "$temporary/work" && cd "$temporary/work" || exit 1
n_checks=0
n_failed=0

# fail WHAT...: with what the last command said.
fail()
{
    n_failed=$((n_failed + 1))
    echo "FAILED: $*"
    sed 's/^/    stdout: /' "$out" | head -n 5 | cut -c 1-300
    sed 's/^/    stderr: /' "$err" | head -n 40 | cut -c 1-300
}

# The last line of a script.
report()
{
    echo "$n_checks checks, $n_failed failed"
    [ "$n_failed" -eq 0 ]
    exit
}

# expect WHAT CONDITION...
expect()
{
    local what=$1
    shift
    n_checks=$((n_checks + 1))
    "$@" || fail "$what: $*"
}

# run ARGUMENTS...: the program's output is in $out and $err, its exit code in $code.
run()
{
    code=0
    "$program" "$@" >"$out" 2>"$err" </dev/null || code=$?
}

# expect_exit CODE ARGUMENTS...: runs the program.
expect_exit()
{
    local expected=$1
    shift
    run "$@"
    n_checks=$((n_checks + 1))
    [ "$code" -eq "$expected" ] || fail "exit $code, expected $expected: patchclamp $*"
}

# expect_line PATTERN: a line that the last command printed on stdout.
expect_line()
{
    n_checks=$((n_checks + 1))
    grep -qE -e "$1" "$out" || fail "no line like \"$1\""
}

# Every file here, with its content.
snapshot() { find . -type f -exec sha256sum {} + | sort -k 2 && find . ! -type f | sort; }

# expect_refusal CODE PATTERN ARGUMENTS...: the program exits so, prints nothing but one line on stderr, which begins
# with its name and the command's and is like the pattern, and no file here is made, changed or removed.
expect_refusal()
{
    local expected=$1 pattern=$2 before
    shift 2
    before=$(snapshot)
    expect_exit "$expected" "$@"
    n_checks=$((n_checks + 1))
    if [ -s "$out" ]; then
        fail "prints on stdout: patchclamp $*"
    elif [ "$(wc -l <"$err")" -ne 1 ] || ! grep -q "^patchclamp ${1:-}: ." "$err"; then
        fail "not one line \"patchclamp ${1:-}: ...\" on stderr: patchclamp $*"
    elif ! grep -qE -e "$pattern" "$err"; then
        fail "the message is not like \"$pattern\": patchclamp $*"
    elif [ "$(snapshot)" != "$before" ]; then
        fail "leaves other files than before: patchclamp $*"
    fi
}

# expect_json ARGUMENTS...: what the program prints is one JSON value. Without Python only its brackets are looked at.
expect_json()
{
    expect_exit 0 "$@"
    n_checks=$((n_checks + 1))
    if command -v python3 >/dev/null; then
        python3 -c 'import json, sys; json.load(sys.stdin)' <"$out" 2>"$err" || fail "not JSON: patchclamp $*"
    else
        [ "$(head -c 1 "$out")$(tail -n 1 "$out")" = "{}" ] || fail "not a JSON object: patchclamp $*"
    fi
}

# expect_same FILE FILE
expect_same()
{
    n_checks=$((n_checks + 1))
    cmp -s "$1" "$2" || fail "the files differ: $1, $2"
}
