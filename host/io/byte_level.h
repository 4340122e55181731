/* GPT-2's alphabet for bytes: each of the 256 bytes is written as one printable character, so that
 * a vocabulary of byte strings can live in JSON (Radford et al. 2019, section 2.2). */
#ifndef PC_IO_BYTE_LEVEL_H
#define PC_IO_BYTE_LEVEL_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* The character of a byte: itself for ! to ~, U+00A1 to U+00AC, U+00AE to U+00FF; the other 68
 * bytes take U+0100 and up, in order. */
uint32_t pc_byte_level_character(unsigned char byte);

/* The byte of a character, -1 for a character outside the alphabet. */
int pc_byte_level_byte(uint32_t character);

/* Appends `n` bytes as characters of the alphabet, in UTF-8. */
void pc_byte_level_put(pc_text *text, const char *bytes, size_t n);

/* Appends the bytes that a token stands for: of its characters, or, if one of them is outside the
 * alphabet, the token's own UTF-8. */
void pc_byte_level_put_decoded(pc_text *text, const char *token, size_t n);

#endif
