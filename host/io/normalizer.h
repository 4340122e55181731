/* What becomes of a text before it is cut into words: the normalizer of tokenizer.json. */
#ifndef PC_IO_NORMALIZER_H
#define PC_IO_NORMALIZER_H

#include "base/text.h"

#include <stddef.h>

enum { PC_MAX_NORMAL_STEPS = 4, PC_MAX_NORMAL_BYTES = 8 };

typedef enum pc_normal_kind {
    PC_NORMAL_NFC,     /* form C (nfc.h) */
    PC_NORMAL_PREPEND, /* `text` in front, unless there is nothing */
    PC_NORMAL_REPLACE  /* each `pattern`, from left to right, becomes `text` */
} pc_normal_kind;

typedef struct pc_normal_step {
    pc_normal_kind kind;
    char pattern[PC_MAX_NORMAL_BYTES], text[PC_MAX_NORMAL_BYTES];
    size_t n_pattern, n_text;
} pc_normal_step;

/* Done in order. None at all leaves a text as it is. */
typedef struct pc_normalizer {
    pc_normal_step steps[PC_MAX_NORMAL_STEPS];
    int n_steps;
} pc_normalizer;

/* One more step. PC_ERR_UNSUPPORTED: more than PC_MAX_NORMAL_STEPS, which keeps what a text can
 * grow to within bounds. */
pc_status pc_normalizer_add(pc_normalizer *normalizer, const pc_normal_step *step);

/* Makes `out` the normalized form of `n` bytes of valid UTF-8, which may be empty. */
pc_status pc_normalize(pc_text *out, const pc_normalizer *normalizer, const char *text, size_t n);

#endif
