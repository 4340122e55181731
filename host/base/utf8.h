/* UTF-8 in byte strings of known length: checking, and replacing what is broken. */
#ifndef PC_BASE_UTF8_H
#define PC_BASE_UTF8_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character at `s`, of which `n` bytes are there; 0 if there is none. A
 * 0-terminated text may be given n = 4: the 0 ends every character, and nothing is read behind it.
 */
size_t pc_utf8_length(const char *s, size_t n);

/* Its code point; only for a character whose length is `length`. */
uint32_t pc_utf8_code_point(const char *s, size_t length);

/* The code point as 1 to 4 bytes; returns how many. */
size_t pc_utf8_encode(char out[4], uint32_t code_point);

/* The offset of the first byte that belongs to no well-formed character; `n` if there is none. */
size_t pc_utf8_first_error(const char *s, size_t n);

/* Appends `s` with each maximal broken part replaced by one U+FFFD, as the Unicode Standard
 * (chapter 3, "U+FFFD Substitution of Maximal Subparts") recommends and Rust does. */
void pc_utf8_put_replaced(pc_text *text, const char *s, size_t n);

/* Appends `s` for people: control characters and broken bytes become \xNN, byte by byte. */
void pc_utf8_put_shown(pc_text *text, const char *s, size_t n);

#endif
