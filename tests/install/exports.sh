#!/bin/bash
# exports.sh LIBRARY: the library shows exactly the functions that the public headers declare, and has its SONAME.
set -eu
library=$1
cd "$(dirname "$0")/../.."

declared=$(cat include/patchclamp/*.h | tr '\n' ' ' | grep -oE 'PC_API [^(;]*\(' |
    grep -oE 'pc_[a-z0-9_]+ *\($' | tr -d ' (' | sort)
exported=$(nm -D --defined-only "$library" | awk '{print $NF}' | sort)
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')

status=0
if ! difference=$(diff <(echo "$declared") <(echo "$exported")); then
    echo "declared with PC_API but not exported (<), or exported but not declared (>):"
    echo "$difference" | grep '^[<>]'
    status=1
fi
case $soname in
libpatchclamp.so.[0-9]*) ;;
*) echo "SONAME is \"$soname\", not libpatchclamp.so.N" && status=1 ;;
esac
[ -n "$exported" ] || { echo "$library exports nothing" && status=1; }
echo "$(echo "$exported" | wc -l) functions exported, SONAME $soname"
exit "$status"
