/* One JSON value on stdout: keys and commas are kept straight, numbers read back exactly. */
#ifndef PC_TOOLS_JSON_OUT_H
#define PC_TOOLS_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

/* Members of an object have a key, elements of an array NULL. */
void json_begin(const char *key, char bracket);  /* '{' or '[' */
void json_end(char bracket);                     /* '}' or ']' */
void json_number(const char *key, double value); /* NaN and infinity: null */
void json_integer(const char *key, int64_t value);
/* NULL: null; bytes that are not UTF-8 become U+FFFD. */
void json_text(const char *key, const char *value);
void json_bool(const char *key, bool value);

#endif
