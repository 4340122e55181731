/* The tokens of a tokenizer: ids, texts, and the bytes that they stand for. */
#ifndef PC_IO_VOCABULARY_H
#define PC_IO_VOCABULARY_H

#include "base/text.h"
#include "io/token_decoder.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct pc_token {
    size_t text, n_text;     /* as the files write it: a range of `pool` */
    size_t source, n_source; /* what is decoded, mostly the same: a range of `pool` */
    size_t shown;            /* for people: a 0-terminated text in `shown_pool` */
    int32_t id;
    bool is_special;
    bool is_added;   /* not in the model's own vocabulary: no word becomes it */
    bool is_cut_out; /* one of the added tokens, in the model's own vocabulary or not */
} pc_token;

/* `tokens` stand in ascending order of ids, `by_text` in that of their texts, both once indexed.
 * Ids may have holes. */
typedef struct pc_vocabulary {
    pc_token *tokens;
    size_t n_tokens, capacity;
    size_t *by_text;
    pc_text pool, shown_pool;
    int32_t byte_ids[256]; /* the token of each byte by itself, -1 if there is none */
} pc_vocabulary;

/* `flags` gives is_special and is_added; NULL: neither. */
pc_status pc_vocabulary_add(pc_vocabulary *vocabulary, const char *text, size_t n_text, int64_t id,
                            const pc_token *flags);

/* After the last token was added, before the first look-up. Two tokens with one id, or one text
 * with two ids, are PC_ERR_INPUT. */
pc_status pc_vocabulary_index(pc_vocabulary *vocabulary, const pc_token_decoder *decoder);

/* NULL if there is none. The second finds the model's own tokens only. */
const pc_token *pc_vocabulary_find_id(const pc_vocabulary *vocabulary, int32_t id);
const pc_token *pc_vocabulary_find_own(const pc_vocabulary *vocabulary, const char *text,
                                       size_t n_text);
const pc_token *pc_vocabulary_find(const pc_vocabulary *vocabulary, const char *text,
                                   size_t n_text);

/* For a token that turns out to be cut out of texts: its flags, and what is decoded in its place.
 * No such id is no error. */
pc_status pc_vocabulary_mark_cut_out(pc_vocabulary *vocabulary, int32_t id, bool is_special,
                                     const char *source, size_t n_source);

bool pc_vocabulary_has_every_byte(const pc_vocabulary *vocabulary);

void pc_vocabulary_free(pc_vocabulary *vocabulary);

#endif
