#!/bin/bash
# package.sh BUILD: makes the .deb of BUILD, without root: it depends on the libraries that its binaries need, and on what
# there is; unpacked anywhere, its program runs and finds its library and its model.
set -eu
build=$1
for tool in cpack dpkg-deb dpkg-shlibdeps; do
    command -v "$tool" >/dev/null || {
        echo "skipped: there is no $tool"
        exit 0
    }
done
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

fail()
{
    echo "$*"
    exit 1
}

cpack -G DEB --config "$build/CPackConfig.cmake" -B "$temporary/made" >"$temporary/log" 2>&1 || fail "$(cat "$temporary/log")"
package=$(find "$temporary/made" -maxdepth 1 -name 'patchclamp_*.deb')
[ -s "$package" ] || fail "no package: $(cat "$temporary/log")"
root="$temporary/un packed"
dpkg-deb -x "$package" "$root"

# owner SONAME: the package that has the library that the loader finds; where /lib is /usr/lib, it may know either.
owner()
{
    local path
    path=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }')
    path=$(realpath "$path")
    for path in "$path" "/usr$path" "${path#/usr}"; do
        if dpkg-query -S "$path" 2>/dev/null; then break; fi
    done | head -n 1 | cut -d: -f1
}

depends=$(dpkg-deb -f "$package" Depends)
library=$(find "$root" -name 'libpatchclamp.so.?')
for name in $(readelf -d "$library" "$root/usr/bin/patchclamp" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
    [ "$name" = "$(basename "$library")" ] && continue
    needed=$(owner "$name")
    [ -n "$needed" ] || fail "nobody has $name"
    grep -qE "(^|, )$needed( |,|\$)" <<<"$depends" || fail "depends on \"$depends\", but not on $needed, which has $name"
done
grep -q patchclamp <<<"$depends" && fail "depends on itself: $depends"
[ "$(dpkg-deb -f "$package" Package)" = patchclamp ] || fail "is called $(dpkg-deb -f "$package" Package)"
[ -n "$(dpkg-deb -f "$package" Maintainer)" ] || fail "has no maintainer"

files=$(dpkg-deb -c "$package")
if awk '$2 != "root/root"' <<<"$files" | grep -q .; then fail "files that are not root's: $files"; fi
if awk '{ print $6 }' <<<"$files" | grep -vE '^\./(usr/.*)?$' | grep .; then fail "files outside /usr"; fi
for path in share/man/man1/patchclamp.1 share/bash-completion/completions/patchclamp include/patchclamp/patchclamp.h; do
    [ -s "$root/usr/$path" ] || fail "not in the package: /usr/$path"
done
if readelf -S "$root/usr/bin/patchclamp" | grep -q '\.debug_info'; then fail "not stripped"; fi

cd "$temporary"
env -i PATH=/usr/bin:/bin "$root/usr/bin/patchclamp" find demo --task induction -n 4 --level node -o run >"$temporary/log" 2>&1 ||
    fail "the program does not run: $(cat "$temporary/log")"
[ -s run/circuit.json ] || fail "no circuit: $(cat "$temporary/log")"
echo "$(basename "$package"), depends: $depends"
