#!/bin/bash
# The house rules a compiler does not see: includes point one way, public headers stand alone, file names are
# unique, sources are listed by name. Prints one line a breach, and their number.
set -u
cd "$(dirname "$0")/.." || exit 1
temporary=$(mktemp -d) || exit 1
trap 'rm -rf "$temporary"' EXIT
breaches=$temporary/breaches
: >"$breaches"

breach() { echo "$*" | tee -a "$breaches"; }

# The repository's files: git's list where there is one, so that build folders do not count.
list_files()
{
    if [ "$(git rev-parse --show-prefix 2>/dev/null)" = "" ] && git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -co --exclude-standard
    else
        find . -type f -not -path './build/*' -not -path './out/*' | sed 's,^\./,,'
    fi | while IFS= read -r path; do
        if [ -f "$path" ]; then echo "$path"; fi
    done
}
list_files >"$temporary/files"

# may_include LAYER: the layers whose headers it may include, besides its own and the public ones. DESIGN:
#   base < kernels < backend; base < io; {backend, io} < model < patch < dist; patch < grad;
#   io < plant; base < {graph, store}; store < patch; patch < bench; {patch, grad, graph} < search; tools see only the public headers.
may_include()
{
    local model="base kernels backend io"
    local patch="$model model store"
    case $1 in
    public | base | tools) echo "" ;;
    kernels | io | graph | store) echo "base" ;;
    plant) echo "base io" ;;
    backend) echo "base kernels" ;;
    model) echo "$model" ;;
    grad) echo "$patch patch" ;;
    patch) echo "$patch" ;;
    dist) echo "$patch patch" ;;
    search) echo "$patch patch grad graph" ;;
    bench) echo "$patch patch" ;;
    *) return 1 ;;
    esac
}

layer_of()
{
    case $1 in
    include/patchclamp/*) echo public ;;
    host/*/*) echo "$1" | cut -d/ -f2 ;;
    *) echo "${1%%/*}" ;;
    esac
}

# The layer that an include line's path names, from the file that includes it.
layer_of_include()
{
    case $2 in
    patchclamp/*) echo public ;;
    kernels/*) echo kernels ;;
    */*) echo "${2%%/*}" ;;
    pc_build.h) echo public ;;
    *) layer_of "$1" ;;
    esac
}

check_includes()
{
    local path=$1 layer allowed included other
    layer=$(layer_of "$path")
    if ! allowed=$(may_include "$layer"); then
        breach "$path: the layer \"$layer\" is not in the table of tests/layers.sh"
        return
    fi
    while IFS= read -r included; do
        other=$(layer_of_include "$path" "$included")
        case " $layer public $allowed " in
        *" $other "*) ;;
        *) breach "$path: includes $included, but $layer may see only: ${allowed:-itself} and the public headers" ;;
        esac
    done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$path")
}

# CUDA's, MPI's and NCCL's types stay in their own files; jansson's and SQLite's out of the public headers.
check_foreign_headers()
{
    local path=$1 pattern
    case $path in
    kernels/*.cu | kernels/*.cuh | kernels/*_cuda.h | host/backend/cuda*) return ;;
    host/dist/*mpi*) pattern='cuda|cublas|nccl' ;;
    host/dist/*nccl*) pattern='mpi' ;;
    include/*) pattern='cuda|cublas|nccl|mpi|jansson|sqlite|openssl|pcre|utf8proc' ;;
    tools/*) pattern='cuda|cublas|nccl|mpi|sqlite|openssl|pcre|utf8proc' ;;
    *) pattern='cuda|cublas|nccl|mpi' ;;
    esac
    if grep -nEi "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($pattern)[a-z0-9_]*\.h>" "$path" >"$temporary/lines"; then
        breach "$path: $(head -n 1 "$temporary/lines"): a foreign header in the wrong layer"
    fi
}

check_public_header()
{
    local header=$1 name
    name=${header#include/}
    printf '#include "%s"\n#include "%s"\ntypedef int pc_not_empty;\n' "$name" "$name" >"$temporary/alone.c"
    cp "$temporary/alone.c" "$temporary/alone.cc"
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$temporary/alone.c" ||
        breach "$header: does not compile alone as C11"
    if command -v "${CXX:-c++}" >/dev/null; then
        "${CXX:-c++}" -std=c++11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$temporary/alone.cc" ||
            breach "$header: does not compile alone as C++"
        grep -q 'extern "C"' "$header" || ! grep -q PC_API "$header" ||
            breach "$header: functions without extern \"C\""
    else
        echo "skipped: $header as C++ (no C++ compiler)"
    fi
}

# A test or kernel that no CMakeLists.txt names would pass unseen.
check_is_listed()
{
    local name
    name=$(basename "$1")
    if [ "${1%%/*}" = tests ]; then name=${name%.c}; fi
    grep -qE "[( ]$name( |\)|\$)" "$(dirname "$1")/CMakeLists.txt" ||
        breach "$1: not in $(dirname "$1")/CMakeLists.txt"
}

while IFS= read -r path; do
    case $path in
    include/*.h | kernels/*.c | kernels/*.h | kernels/*.cu | kernels/*.cuh | host/*.c | host/*.h | tools/*.c | tools/*.h)
        check_includes "$path"
        check_foreign_headers "$path"
        ;;
    *CMakeLists.txt | *.cmake)
        if grep -qiE '^[^#]*file[[:space:]]*\([[:space:]]*GLOB' "$path"; then
            breach "$path: file(GLOB): list the sources by name"
        fi
        ;;
    esac
    case $path in
    include/*.h) check_public_header "$path" ;;
    tests/*/*) ;;
    kernels/*.c | kernels/*.cu | tests/*.c) check_is_listed "$path" ;;
    esac
done <"$temporary/files"

# Data and what tools look for by name may repeat; code may not.
grep -E '\.(c|h|cc|cpp|cu|cuh|py|sh|cmake|in)$' "$temporary/files" |
    sed 's,.*/,,' | sort | uniq -d >"$temporary/repeated"
while IFS= read -r name; do
    breach "$(grep -E "(^|/)$name\$" "$temporary/files" | tr '\n' ' '): one name, several files"
done <"$temporary/repeated"

n_breaches=$(wc -l <"$breaches")
echo "$(wc -l <"$temporary/files") files, $n_breaches breaches"
[ "$n_breaches" -eq 0 ]
