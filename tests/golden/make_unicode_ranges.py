"""Writes host/io/unicode_ranges.c: what \\p{L}, \\p{N} and \\s match in the `tokenizers` library, and what its NFC knows.

    python tests/golden/make_unicode_ranges.py > host/io/unicode_ranges.c
"""
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

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


def canonical():
    """What decomposes, is part of a decomposition, or is reordered by its combining class. U+0345 has the highest."""
    nfd = normalizers.NFD().normalize_str
    found = {0x345}
    for c in CODE_POINTS:
        if nfd(chr(c)) != chr(c):
            found.update([c], map(ord, nfd(chr(c))))
        elif nfd("\u0345" + chr(c)) != "\u0345" + chr(c):
            found.add(c)
    return found


def never_changes():
    """Assigned characters that take no part in normalization, which Unicode promises for ever."""
    found = {c for c in CODE_POINTS if unicodedata.category(chr(c)) != "Cn" and not unicodedata.combining(chr(c))}
    for c in CODE_POINTS:
        parts = unicodedata.normalize("NFD", chr(c))
        if parts != chr(c):
            found.difference_update([c], map(ord, parts))
    return found


def close_gaps(code_points):
    """Adds what makes the ranges fewer and changes nothing."""
    found, inside, harmless = sorted(code_points), set(code_points), never_changes()
    for before, after in zip(found, found[1:]):
        if harmless.issuperset(range(before + 1, after)):
            inside.update(range(before + 1, after))
    return sorted(inside)


def print_table(name, code_points):
    print(f"const pc_code_point_range pc_unicode_{name}[] = {{")
    line = "   "
    for first, last in ranges(code_points):
        item = f" {{0x{first:x}, 0x{last:x}}},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print(f"const size_t pc_unicode_n_{name} = COUNT(pc_unicode_{name});\n")


def main():
    print("/* Ranges of code points. Written by tests/golden/make_unicode_ranges.py. */")
    print('#include "io/unicode_ranges.h"\n')
    print("#define COUNT(array) (sizeof(array) / sizeof *(array))\n")
    print("/* clang-format off */")
    print_table("letters", matching(r"\p{L}"))
    print_table("numbers", matching(r"\p{N}"))
    print_table("spaces", matching(r"\s"))
    print_table("canonical", close_gaps(canonical()))


main()
