/* UTF-8: the well-formed byte sequences (Unicode Standard, table 3-7) and what to do with others.
 */
#include "base/utf8.h"

/* Bytes that a character with this first byte has; 0 if none starts so. */
static size_t length_from_first(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

/* Whether `second` may follow: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static int is_second_byte(unsigned char first, unsigned char second)
{
    if (first == 0xe0) return second >= 0xa0 && second <= 0xbf;
    if (first == 0xed) return second >= 0x80 && second <= 0x9f;
    if (first == 0xf0) return second >= 0x90 && second <= 0xbf;
    if (first == 0xf4) return second >= 0x80 && second <= 0x8f;
    return second >= 0x80 && second <= 0xbf;
}

/* How many of the first bytes could still become a character; `*is_whole` if they are one. */
static size_t good_part(const char *s, size_t n, int *is_whole)
{
    const unsigned char *b = (const unsigned char *)s;
    size_t length = n ? length_from_first(b[0]) : 0, good = length ? 1 : 0;
    while (good && good < length && good < n &&
           (good == 1 ? is_second_byte(b[0], b[1]) : (b[good] & 0xc0) == 0x80))
        good++;
    *is_whole = length && good == length;
    return good;
}

size_t pc_utf8_length(const char *s, size_t n)
{
    int is_whole;
    size_t good = good_part(s, n, &is_whole);
    return is_whole ? good : 0;
}

uint32_t pc_utf8_code_point(const char *s, size_t length)
{
    const unsigned char *b = (const unsigned char *)s;
    if (length == 1) return b[0];
    uint32_t value = b[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        value = value << 6 | (b[i] & 0x3fu);
    return value;
}

size_t pc_utf8_encode(char out[4], uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3f));
    out[0] = (char)(0xf00u >> length | code_point);
    return length;
}

size_t pc_utf8_first_error(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = pc_utf8_length(s + i, n - i);
        if (length == 0) return i;
        i += length;
    }
    return n;
}

void pc_utf8_put_replaced(pc_text *text, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        int is_whole;
        size_t good = good_part(s + i, n - i, &is_whole);
        if (is_whole) pc_text_put_bytes(text, s + i, good);
        else pc_text_put(text, "\xef\xbf\xbd");
        i += good ? good : 1;
    }
}

void pc_utf8_put_shown(pc_text *text, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = pc_utf8_length(s + i, n - i), bytes = length ? length : 1;
        uint32_t c = length ? pc_utf8_code_point(s + i, length) : 0;
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            for (size_t j = 0; j < bytes; j++)
                pc_text_printf(text, "\\x%02x", (unsigned char)s[i + j]);
        } else {
            pc_text_put_bytes(text, s + i, bytes);
        }
        i += bytes;
    }
}
