/* The streaming JSON printer. */
#include "json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether something stands before the next element at this depth. */
static bool has_sibling;
static int depth;

/* Bytes of the UTF-8 sequence at `c`; 0 if it is none (Unicode 15, table 3-7). */
static size_t sequence_at(const unsigned char *c)
{
    if (*c < 0x80) return 1;
    if (*c < 0xc2 || *c > 0xf4) return 0;
    const size_t length = *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
    const unsigned char least = *c == 0xe0 ? 0xa0 : *c == 0xf0 ? 0x90 : 0x80;
    const unsigned char most = *c == 0xed ? 0x9f : *c == 0xf4 ? 0x8f : 0xbf;
    if (c[1] < least || c[1] > most) return 0;
    for (size_t i = 2; i < length; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    return length;
}

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        const size_t length = sequence_at(c);
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f) printf("\\u%04x", *c);
        else if (length == 0) fputs("\\ufffd", stdout);
        else fwrite(c, 1, length, stdout);
        c += length ? length : 1;
    }
    putchar('"');
}

/* A line for each member of the whole, and for each object in a list. */
static void begin_element(const char *key, bool is_object)
{
    const bool is_line = depth <= 1 || (is_object && !key);
    if (has_sibling) putchar(',');
    if (has_sibling || depth > 0) putchar(is_line ? '\n' : ' ');
    has_sibling = true;
    if (!key) return;
    print_string(key);
    fputs(": ", stdout);
}

void json_begin(const char *key, char bracket)
{
    begin_element(key, bracket == '{');
    putchar(bracket);
    depth++;
    has_sibling = false;
}

void json_end(char bracket)
{
    depth--;
    if (depth == 0) putchar('\n');
    putchar(bracket);
    if (depth == 0) putchar('\n');
    has_sibling = depth > 0;
}

void json_number(const char *key, double value)
{
    char digits[32];
    begin_element(key, false);
    if (!isfinite(value)) {
        fputs("null", stdout);
        return;
    }
    for (int n = 15; n <= 17; n++) {
        snprintf(digits, sizeof digits, "%.*g", n, value);
        if (strtod(digits, NULL) == value) break;
    }
    fputs(digits, stdout);
}

void json_integer(const char *key, int64_t value)
{
    begin_element(key, false);
    printf("%" PRId64, value);
}

void json_text(const char *key, const char *value)
{
    begin_element(key, false);
    if (value) print_string(value);
    else fputs("null", stdout);
}

void json_bool(const char *key, bool value)
{
    begin_element(key, false);
    fputs(value ? "true" : "false", stdout);
}
