/* Cutting a text into the words that byte-pair encoding sees one by one. */
#ifndef PC_IO_PRETOKENIZE_H
#define PC_IO_PRETOKENIZE_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>

enum { PC_MAX_SPLITS = 8 };

/* Each pattern cuts what the ones before it left; both matches and the gaps between them are words.
 * With `has_prefix_space`, what reaches the cut number `prefix_before` gets a space in front unless
 * it begins with one. */
typedef struct pc_pretokenizer {
    struct pcre2_real_code_8 *splits[PC_MAX_SPLITS];
    int n_splits, prefix_before;
    bool has_prefix_space;
} pc_pretokenizer;

/* One more cut, in the syntax of tokenizer.json (split_pattern.h). PC_ERR_UNSUPPORTED also for a
 * pattern that can match nothing, PC_ERR_INPUT for one that is no pattern. */
pc_status pc_pretokenizer_add_split(pc_pretokenizer *pretokenizer, const char *pattern, size_t n);
void pc_pretokenizer_free(pc_pretokenizer *pretokenizer);

/* Calls `take_word` for each word of the text, which must be valid UTF-8, in order; stops at the
 * first failure. A pattern that needs more than 10,000 + 16 n steps for one word of n bytes of text
 * is PC_ERR_INPUT. */
typedef pc_status pc_take_word(void *receiver, const char *word, size_t n);
pc_status pc_pretokenize(const pc_pretokenizer *pretokenizer, const char *text, size_t n,
                         pc_take_word *take_word, void *receiver);

#endif
