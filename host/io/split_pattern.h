/* Patterns that cut text into words: from the syntax of tokenizer.json (Oniguruma's) to PCRE2's.
 *
 * The two libraries disagree in places: \s on U+180E, every property by the Unicode version, `.`,
 * `^`,
 * `$`, \h, \w, {n}+ and more by syntax. Only what means the same is let through; \s, \p{L} and
 * \p{N} are written out as ranges (unicode_ranges.h); the rest is refused by name. */
#ifndef PC_IO_SPLIT_PATTERN_H
#define PC_IO_SPLIT_PATTERN_H

#include "base/text.h"

#include <stddef.h>

/* The pattern of GPT-2 (its encoder.py), which ByteLevel with use_regex means. */
extern const char pc_gpt2_split_pattern[];

/* Appends the PCRE2 form of the UTF-8 pattern. PC_ERR_UNSUPPORTED names the construct and its
 * offset. */
pc_status pc_split_pattern_translate(pc_text *out, const char *pattern, size_t n);

#endif
