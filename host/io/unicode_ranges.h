/* Which code points are letters (\p{L}) and numbers (\p{N}): Unicode 16.0, as `tokenizers` 0.23 has
 * it with Oniguruma 6.9.10. Own tables, so that tokens do not depend on the Unicode version of the
 * regular-expression library at hand (PCRE2 10.42 knows 14.0: 9,392 code points fewer).
 *
 * And which can change under canonical normalization (they decompose, compose or are reordered) as
 * `tokenizers` 0.23 knows them, which is Unicode 9.0: characters that came later it leaves as
 * they are. The table also holds characters between those that no version of Unicode changes. */
#ifndef PC_IO_UNICODE_RANGES_H
#define PC_IO_UNICODE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* Ascending, first and last included. */
typedef struct pc_code_point_range {
    uint32_t first, last;
} pc_code_point_range;

extern const pc_code_point_range pc_unicode_letters[];
extern const size_t pc_unicode_n_letters; /* ranges */
extern const pc_code_point_range pc_unicode_numbers[];
extern const size_t pc_unicode_n_numbers;
extern const pc_code_point_range pc_unicode_spaces[];
extern const size_t pc_unicode_n_spaces;
extern const pc_code_point_range pc_unicode_canonical[];
extern const size_t pc_unicode_n_canonical;

#endif
