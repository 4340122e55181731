/* What tokens stand for: from the texts of a vocabulary to text, the decoder of tokenizer.json. */
#ifndef PC_IO_TOKEN_DECODER_H
#define PC_IO_TOKEN_DECODER_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* What the symbols are that byte-pair encoding joins. */
typedef enum pc_alphabet {
    PC_ALPHABET_BYTES,     /* GPT-2's characters for bytes (byte_level.h) */
    PC_ALPHABET_CHARACTERS /* the text's own characters, as SentencePiece has it */
} pc_alphabet;

enum { PC_MAX_CHARACTER_BYTES = 4 };

/* Bytes: ByteLevel; all else is ignored. Characters, in this order, as in the files of Llama,
 * Mistral and Gemma:
 *   Replace       each `mark` of a token becomes a space
 *   ByteFallback  a run of tokens <0xNN> is the bytes NN, or as many U+FFFD if they are not UTF-8
 *   Fuse, Strip   up to `n_strip` characters `strip` at the very beginning are left out
 * or Metaspace alone: `mark` becomes a space, and nothing in the first token (drops_first_marks).
 */
typedef struct pc_token_decoder {
    pc_alphabet alphabet;
    char mark[PC_MAX_CHARACTER_BYTES], strip[PC_MAX_CHARACTER_BYTES];
    size_t n_mark, n_strip_bytes; /* their bytes; 0: none */
    size_t n_strip;
    bool has_byte_tokens, drops_first_marks;
} pc_token_decoder;

/* Appends what a token stands for by itself, in bytes. */
void pc_token_decoder_put(pc_text *out, const pc_token_decoder *decoder, const char *token,
                          size_t n);

/* The token of a byte in the vocabulary: one character, or <0x0A>. Returns its length, at most 6.
 */
size_t pc_token_decoder_byte_name(char out[8], const pc_token_decoder *decoder, unsigned char byte);

/* A text on its way from tokens. Initialise with {0} but for the decoder; take the tokens in order,
 * then finish; `text` is then UTF-8. The caller frees it. */
typedef struct pc_detokenizer {
    const pc_token_decoder *decoder;
    pc_text text;
    size_t n_taken, run; /* run: where the bytes at hand begin, if is_in_run */
    bool is_in_run;
} pc_detokenizer;

void pc_detokenizer_take(pc_detokenizer *to, const char *token, size_t n);
pc_status pc_detokenizer_finish(pc_detokenizer *to);

#endif
