"""Writes host/io/unicode_ranges.c: what \\p{L}, \\p{N} and \\s match in the `tokenizers` library.

    python tests/golden/make_unicode_ranges.py > host/io/unicode_ranges.c
"""
from tokenizers import Regex, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CHUNK = 4096


def matching(pattern):
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=False)
    found = []
    for i in range(0, len(CODE_POINTS), CHUNK):
        chunk = CODE_POINTS[i : i + CHUNK]
        kept = set()
        for _, (first, end) in split.pre_tokenize_str("".join(map(chr, chunk))):
            kept.update(range(first, end))
        found += [c for k, c in enumerate(chunk) if k not in kept]
    return found


def ranges(code_points):
    result = []
    for c in code_points:
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def print_table(name, pattern):
    print(f"const pc_code_point_range pc_unicode_{name}[] = {{")
    line = "   "
    for first, last in ranges(matching(pattern)):
        item = f" {{0x{first:x}, 0x{last:x}}},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print(f"const size_t pc_unicode_n_{name} = COUNT(pc_unicode_{name});\n")


def main():
    print("/* Letters, numbers and space of Unicode 16.0. Written by tests/golden/make_unicode_ranges.py. */")
    print('#include "io/unicode_ranges.h"\n')
    print("#define COUNT(array) (sizeof(array) / sizeof *(array))\n")
    print("/* clang-format off */")
    print_table("letters", r"\p{L}")
    print_table("numbers", r"\p{N}")
    print_table("spaces", r"\s")


main()
