#!/bin/bash
# Builds the same sources twice, in two folders with different names, and compares the program and the library.
# Takes minutes: part of tools/test --all, not of ctest.
set -eu
cd "$(dirname "$0")/../.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# The repository as it stands, as a commit of its own with a fixed date: both builds see the same commit.
copy_sources()
{
    mkdir -p "$1"
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -z
    else
        find . -type f -not -path './build/*' -not -path './out/*' -print0
    fi | while IFS= read -r -d '' path; do
        if [ -f "$path" ]; then printf '%s\0' "$path"; fi
    done | tar --null -T - -cf - | tar -xf - -C "$1"
    (
        cd "$1"
        export GIT_AUTHOR_DATE='2000-01-01T00:00:00Z' GIT_COMMITTER_DATE='2000-01-01T00:00:00Z'
        git init -q
        git add -A
        git -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -q -m "Under test"
    )
}

build()
{
    cmake -S "$1" -B "$2" -G Ninja -D CMAKE_BUILD_TYPE=Release -D PATCHCLAMP_TESTS=OFF &&
        cmake --build "$2" -j "$(nproc)"
}

build_quietly()
{
    build "$@" >"$temporary/log" 2>&1 || {
        cat "$temporary/log"
        exit 1
    }
}

first="$temporary/first" second="$temporary/a second, longer folder"
copy_sources "$first"
build_quietly "$first" "$first/build/cpu"
copy_sources "$second"
build_quietly "$second" "$temporary/outside"

status=0
for file in libpatchclamp.so tools/patchclamp; do
    if cmp "$first/build/cpu/$file" "$temporary/outside/$file"; then
        echo "the same bytes: $file"
    else
        status=1
    fi
done
exit "$status"
