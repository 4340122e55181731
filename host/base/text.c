/* The growable string and exact number formatting. */
#include "base/text.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(pc_text *text, size_t extra)
{
    if (text->has_failed) return false;
    char *data = NULL;
    if (extra < SIZE_MAX - text->length)
        data = pc_grow(text->data, &text->capacity, text->length + extra + 1, 1);
    if (!data) {
        text->has_failed = true;
        return false;
    }
    text->data = data;
    return true;
}

void pc_text_put_bytes(pc_text *text, const char *bytes, size_t length)
{
    if (!reserve(text, length)) return;
    if (length) memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void pc_text_put(pc_text *text, const char *words)
{
    pc_text_put_bytes(text, words, strlen(words));
}

void pc_text_printf(pc_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->has_failed = true;
    } else if (reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

char *pc_format_number(char *out, double value)
{
    if (isnan(value)) return strcpy(out, "nan");
    if (isinf(value)) return strcpy(out, value > 0 ? "inf" : "-inf");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value) break;
    }
    /* a host program's locale may write 0,1 (and reads it back): files always have 0.1 */
    char *comma = strpbrk(out, ",");
    if (comma) *comma = '.';
    return out;
}

void pc_text_put_number(pc_text *text, double value)
{
    char digits[32];
    pc_text_put(text, pc_format_number(digits, value));
}

void pc_text_put_json_string(pc_text *text, const char *words)
{
    pc_text_put(text, "\"");
    for (const char *s = words; *s;) {
        const unsigned char byte = (unsigned char)*s;
        const size_t length = pc_utf8_length(s, 4);
        if (byte == '"' || byte == '\\') pc_text_printf(text, "\\%c", byte);
        else if (byte == '\n') pc_text_put(text, "\\n");
        else if (byte == '\t') pc_text_put(text, "\\t");
        else if (byte < 0x20 || byte == 0x7f) pc_text_printf(text, "\\u%04x", byte);
        else if (length == 0) pc_text_put(text, "\\ufffd");
        else pc_text_put_bytes(text, s, length);
        s += length ? length : 1;
    }
    pc_text_put(text, "\"");
}

/* Bytes of the character at `s` if XML 1.0 allows it and it is well-formed UTF-8, otherwise 0. */
static size_t xml_character(const char *s)
{
    const unsigned char *b = (const unsigned char *)s;
    if (b[0] < 0x80) return b[0] >= 0x20 && b[0] != 0x7f;
    const size_t length = pc_utf8_length(s, 4);
    const bool is_noncharacter = length == 3 && b[0] == 0xef && b[1] == 0xbf && b[2] >= 0xbe;
    return is_noncharacter ? 0 : length; /* U+FFFE, U+FFFF */
}

void pc_text_put_xml(pc_text *t, const char *words)
{
    for (const char *s = words; *s;) {
        const size_t length = xml_character(s);
        if (*s == '<') pc_text_put(t, "&lt;");
        else if (*s == '>') pc_text_put(t, "&gt;");
        else if (*s == '&') pc_text_put(t, "&amp;");
        else if (*s == '"') pc_text_put(t, "&quot;");
        else if (*s == '\'') pc_text_put(t, "&#39;");
        else if (length == 0) pc_text_put(t, "\xef\xbf\xbd");
        else pc_text_put_bytes(t, s, length);
        s += length ? length : 1;
    }
}

void pc_text_put_csv_field(pc_text *text, const char *words)
{
    if (!words) return;
    if (!strpbrk(words, ",\"\r\n")) {
        pc_text_put(text, words);
        return;
    }
    pc_text_put(text, "\"");
    for (const char *c = words; *c; c++) {
        if (*c == '"') pc_text_put(text, "\"");
        pc_text_put_bytes(text, c, 1);
    }
    pc_text_put(text, "\"");
}

pc_status pc_text_status(const pc_text *text)
{
    return text->has_failed ? pc_fail(PC_ERR_NOMEM, "out of memory while building a text") : PC_OK;
}

void pc_text_free(pc_text *text)
{
    free(text->data);
    *text = (pc_text){0};
}
