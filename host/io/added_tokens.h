/* Added tokens: texts such as <|endoftext|> that are cut out before anything else and have an id of
 * their own. */
#ifndef PC_IO_ADDED_TOKENS_H
#define PC_IO_ADDED_TOKENS_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pc_added_token {
    char *text; /* owned; not empty; normalized if is_normalized */
    size_t n;
    int32_t id;
    bool takes_space_left,
        takes_space_right; /* lstrip, rstrip: white space around it goes with it */
    bool is_special;
    bool is_normalized; /* looked for after the others, in what they left, normalized */
} pc_added_token;

/* Sorted by (is_normalized, text) once indexed; the first n_raw are not normalized. */
typedef struct pc_added_tokens {
    pc_added_token *tokens;
    size_t n_tokens, n_raw, capacity;
} pc_added_tokens;

/* Copies the text. An empty text adds nothing. */
pc_status pc_added_tokens_add(pc_added_tokens *added, const char *text, size_t n,
                              const pc_added_token *flags);

/* PC_ERR_INPUT: a token is there twice, by its id or its text. PC_ERR_UNSUPPORTED: one token takes
 * space on its right and another begins with space. */
pc_status pc_added_tokens_index(pc_added_tokens *added);
void pc_added_tokens_free(pc_added_tokens *added);

/* Which tokens are looked for: first the raw ones in the text, then in the normalized form of what
 * is between them the normalized ones. */
typedef enum pc_added_round { PC_ADDED_RAW, PC_ADDED_NORMALIZED } pc_added_round;

/* Cuts valid UTF-8 into added tokens (`id` >= 0) and what is between (`id` -1, n > 0), in order: at
 * each place the longest one that is there, from left to right. */
typedef pc_status pc_take_part(void *receiver, const char *part, size_t n, int32_t id);
pc_status pc_added_tokens_cut(const pc_added_tokens *added, pc_added_round round, const char *text,
                              size_t n, pc_take_part *take_part, void *receiver);

#endif
