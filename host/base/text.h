/* A growable string, and numbers printed so that they read back exactly. */
#ifndef PC_BASE_TEXT_H
#define PC_BASE_TEXT_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `data` is 0-terminated once anything was appended, NULL before. A failed append (no memory) sets
 * `has_failed` and later appends do nothing: check once at the end with pc_text_status(). */
typedef struct pc_text {
    char *data;
    size_t length, capacity;
    bool has_failed;
} pc_text;

void pc_text_put(pc_text *text, const char *words);
void pc_text_put_bytes(pc_text *text, const char *bytes, size_t length);
void pc_text_printf(pc_text *text, const char *format, ...) PC_PRINTF(2, 3);

/* The shortest of %.15g, %.16g, %.17g that reads back as the same double; "nan", "inf", "-inf". */
void pc_text_put_number(pc_text *text, double value);

/* `words` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void pc_text_put_json_string(pc_text *text, const char *words);

/* `words` as text or a quoted attribute of XML; what XML 1.0 does not allow becomes U+FFFD. */
void pc_text_put_xml(pc_text *text, const char *words);

/* `words` as a field of comma-separated values (RFC 4180): quoted where it must be, quotes doubled;
 * NULL is an empty field. */
void pc_text_put_csv_field(pc_text *text, const char *words);

pc_status pc_text_status(const pc_text *text);

/* Frees the data and makes `text` empty and usable again. */
void pc_text_free(pc_text *text);

/* The decimal form of pc_text_put_number into `out` (at least 32 bytes). Returns `out`. */
char *pc_format_number(char *out, double value);

#endif
