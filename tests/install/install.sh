#!/bin/bash
# install.sh BUILD VERSION HAS_PROGRAM: installs BUILD under a temporary prefix, moves the tree, and builds and runs a
# C-only consumer of it by find_package and by pkg-config. If HAS_PROGRAM is 1 the installed program must run, and find
# the shipped model.
set -eu
build=$1 version=$2 has_program=$3
here=$(cd "$(dirname "$0")" && pwd)
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

fail()
{
    echo "$*"
    exit 1
}

cmake --install "$build" --prefix "$temporary/first" >"$temporary/log" || fail "$(cat "$temporary/log")"
prefix="$temporary/then moved"
mv "$temporary/first" "$prefix"
lib=$(dirname "$(find "$prefix" -name libpatchclamp.so)")

for path in "$lib/libpatchclamp.so.${version%%.*}" "$lib/patchclamp" "$prefix/include/patchclamp/status.h"; do
    [ -e "$path" ] || fail "not installed: ${path#"$prefix"/}"
done
if [ -d "$here/../../tools/models/demo" ]; then
    [ -s "$prefix/share/patchclamp/models/demo/config.json" ] || fail "not installed: the model demo"
fi
for name in docstring greater-than ioi; do
    [ -s "$prefix/share/patchclamp/truths/$name.edges" ] || fail "not installed: the edges of $name"
done
if [ "$has_program" = 1 ]; then
    for path in man/man1/patchclamp.1 man/man1/patchclamp-find.1 bash-completion/completions/patchclamp \
        zsh/site-functions/_patchclamp; do
        [ -s "$prefix/share/$path" ] || fail "not installed: share/$path"
    done
fi
if grep -rIlF -e "$temporary/first" "$lib" "$prefix/include"; then
    fail "these files know where they were installed first"
fi

build_by_find_package()
{
    cmake -S "$here" -B "$temporary/consumer" -D CMAKE_PREFIX_PATH="$prefix" -D WANTED_VERSION="$version" &&
        cmake --build "$temporary/consumer"
}
build_by_find_package >"$temporary/log" 2>&1 || fail "find_package: $(cat "$temporary/log")"
found=$("$temporary/consumer/consumer") || fail "find_package: the consumer does not run"
[ "$found" = "$version" ] || fail "find_package: the consumer prints \"$found\", not $version"

# pkg-config writes a space in a path as "\ ", which the shell must read again.
export PKG_CONFIG_PATH="$lib/pkgconfig"
flags=$(pkg-config --cflags --libs "patchclamp = $version") || fail "pkg-config does not find patchclamp $version"
eval "${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o \"\$temporary/by_pkg_config\" \"\$here/consumer.c\" $flags" ||
    fail "pkg-config: does not compile with: $flags"
found=$(LD_LIBRARY_PATH="$lib" "$temporary/by_pkg_config") || fail "pkg-config: the consumer does not run"
[ "$found" = "$version" ] || fail "pkg-config: the consumer prints \"$found\", not $version"

# From another folder, with nothing said about where its library and its model lie.
run_program()
{
    (cd "$temporary" && "$prefix/bin/patchclamp" "$@") >"$temporary/log" 2>&1 ||
        fail "patchclamp $*: $(cat "$temporary/log")"
}
if [ "$has_program" = 1 ]; then
    run_program --version
    grep -qF "$version" "$temporary/log" || fail "patchclamp --version prints \"$(cat "$temporary/log")\", not $version"
    run_program info demo
    run_program doctor
    grep -q "^truths  *docstring, greater-than, ioi$" "$temporary/log" || fail "no lists of edges: $(cat "$temporary/log")"
fi
echo "installed, moved, found by find_package and pkg-config: $version"
