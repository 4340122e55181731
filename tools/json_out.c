/* The streaming JSON printer. */
#include "json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether something stands before the next element at this depth. */
static bool has_sibling;
static int depth;

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f) printf("\\u%04x", *c);
        else putchar(*c);
    }
    putchar('"');
}

static void begin_element(const char *key)
{
    if (has_sibling) putchar(',');
    if (has_sibling || depth > 0) putchar(depth <= 1 ? '\n' : ' ');
    has_sibling = true;
    if (!key) return;
    print_string(key);
    fputs(": ", stdout);
}

void json_begin(const char *key, char bracket)
{
    begin_element(key);
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
    begin_element(key);
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
    begin_element(key);
    printf("%" PRId64, value);
}

void json_text(const char *key, const char *value)
{
    begin_element(key);
    if (value) print_string(value);
    else fputs("null", stdout);
}

void json_bool(const char *key, bool value)
{
    begin_element(key);
    fputs(value ? "true" : "false", stdout);
}
