/* The steps that both readers of tokenizer files share. */
#ifndef PC_IO_TOKENIZER_BUILD_H
#define PC_IO_TOKENIZER_BUILD_H

#include "base/json.h"
#include "io/tokenizer_parts.h"

/* The decoder and the normalizer must be set before the first token.
 *
 * {"token": id, ...}, the model's own vocabulary. */
pc_status pc_build_vocabulary(pc_tokenizer *tokenizer, const json_t *vocab);

/* An added token beside the model's own `vocab`. One that is in `vocab` must have that id. Any
 * other has the next free one: `n_new` counts them, their ids are the size of `vocab` and up, in
 * order. (The `tokenizers` library gives exactly these ids and only warns where the file says
 * otherwise; such a file is PC_ERR_INPUT here, since the model may have been trained with either.)
 */
typedef struct pc_added_definition {
    const char *content;
    int64_t id; /* -1: whatever `vocab` says; not in there is PC_ERR_INPUT */
    int is_special, is_normalized, takes_space_left, takes_space_right, is_single_word;
} pc_added_definition;

pc_status pc_build_added_token(pc_tokenizer *tokenizer, const json_t *vocab,
                               const pc_added_definition *definition, int64_t *n_new);

/* Once all tokens are there: indexes vocabulary and added tokens, and tells the one of the other.
 */
pc_status pc_build_index(pc_tokenizer *tokenizer);

/* One merge of two texts, or of "LEFT RIGHT" with one space. All three tokens must be in the
 * indexed vocabulary. The caller puts the merge's place in front of the message. */
pc_status pc_build_merge(pc_tokenizer *tokenizer, const char *left, size_t n_left,
                         const char *right, size_t n_right);
pc_status pc_build_merge_line(pc_tokenizer *tokenizer, const char *line, size_t n);

#endif
