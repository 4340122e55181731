/* Cutting a text into words where the symbols are characters: SentencePiece's ways, the Metaspace
 * and the Split of tokenizer.json. */
#ifndef PC_IO_PIECES_H
#define PC_IO_PIECES_H

#include "io/pretokenize.h"
#include "io/token_decoder.h"

#include <stdbool.h>
#include <stddef.h>

/* When a mark is put in front of a part of a text that does not begin with one. */
typedef enum pc_prepend_scheme {
    PC_PREPEND_NEVER,
    PC_PREPEND_FIRST,
    PC_PREPEND_ALWAYS
} pc_prepend_scheme;

/* Where words end: nowhere (the whole part is one), before each mark, or behind each. */
typedef enum pc_piece_cut { PC_CUT_NOWHERE, PC_CUT_BEFORE, PC_CUT_BEHIND } pc_piece_cut;

/* All zero: a part is one word, as it stands. */
typedef struct pc_piece_rule {
    char mark[PC_MAX_CHARACTER_BYTES]; /* a character */
    size_t n_mark;
    bool replaces_spaces; /* each space becomes a mark, before anything else */
    pc_prepend_scheme prepends;
    pc_piece_cut cut;
} pc_piece_rule;

/* Calls `take_word` for each word of a part of a text, valid UTF-8, in order; stops at the first
 * failure. `is_first`: the part is the text's beginning (PC_PREPEND_FIRST). */
pc_status pc_cut_pieces(const pc_piece_rule *rule, const char *part, size_t n, bool is_first,
                        pc_take_word *take_word, void *receiver);

#endif
