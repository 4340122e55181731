/* Normalization form C (Unicode Standard Annex 15), as `tokenizers` does it.
 *
 * `tokenizers` 0.23 knows the normalization data of Unicode 9.0; to the 98 combining marks and the
 * one composition of Unicode 10 to 14 (and those after), which utf8proc knows, it does nothing. So
 * do we: what pc_unicode_canonical (unicode_ranges.h) does not list is copied, and only what stands
 * between is normalized. By the stability promise of the annex this is the same for any utf8proc of
 * Unicode 9.0 or later. */
#ifndef PC_IO_NFC_H
#define PC_IO_NFC_H

#include "base/text.h"

#include <stddef.h>

/* Appends `n` bytes of valid UTF-8 in form C. O(n log n), whatever marks there are. */
pc_status pc_nfc_put(pc_text *out, const char *text, size_t n);

#endif
