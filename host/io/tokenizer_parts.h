/* What a tokenizer is made of, and the readers that fill it. */
#ifndef PC_IO_TOKENIZER_PARTS_H
#define PC_IO_TOKENIZER_PARTS_H

#include "patchclamp/tokenizer.h"

#include "io/added_tokens.h"
#include "io/bpe.h"
#include "io/normalizer.h"
#include "io/pieces.h"
#include "io/pretokenize.h"
#include "io/token_decoder.h"
#include "io/vocabulary.h"

/* A text is cut at the raw added tokens; what is between is normalized, cut at the normalized added
 * tokens, then into words, each spelled in symbols and joined by merges. The decoder's alphabet
 * says which of `pretokenizer` (bytes) and `pieces` (characters) cuts the words, and what a symbol
 * is. */
struct pc_tokenizer {
    pc_vocabulary vocabulary;
    pc_bpe bpe;
    pc_normalizer normalizer;
    pc_pretokenizer pretokenizer;
    pc_piece_rule pieces;
    pc_token_decoder decoder;
    pc_added_tokens added;
    bool ignores_merges;      /* a word that is a token is that token, whatever the merges say */
    bool has_byte_fallback;   /* a character without a token is its bytes' tokens */
    bool fuses_unknown;       /* characters without a token, side by side, are one `unknown` */
    int32_t unknown;          /* the token of such a character; -1: none, which is an error */
    int32_t *prefix, *suffix; /* what the tokenizer puts around a text */
    size_t n_prefix, n_suffix;
    int32_t bos; /* -1: none */
};

/* One with nothing in it; NULL: no memory. */
pc_tokenizer *pc_tokenizer_new(void);

/* Fills an empty tokenizer from the bytes of a tokenizer.json, which messages call
 * `name`. On failure the caller frees what is there. */
pc_status pc_tokenizer_parse(pc_tokenizer *tokenizer, const char *bytes, size_t length,
                             const char *name);

/* The same from vocab.json + merges.txt and what stands beside them in the directory. */
pc_status pc_tokenizer_read_pair(pc_tokenizer *tokenizer, const char *directory);

/* Beside a tokenizer.json: sets bos to the bos_token of tokenizer_config.json or, failing that,
 * special_tokens_map.json; failing both, to the first token that is put before a text. */
pc_status pc_tokenizer_read_bos(pc_tokenizer *tokenizer, const char *directory);

#endif
