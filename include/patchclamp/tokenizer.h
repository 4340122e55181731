/* Text to token ids and back: byte-pair encoding as Hugging Face's `tokenizers` does it. */
#ifndef PATCHCLAMP_TOKENIZER_H
#define PATCHCLAMP_TOKENIZER_H

#include "patchclamp/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_tokenizer pc_tokenizer;

/* Whether the beginning-of-sequence token is put in front. */
typedef enum pc_bos_rule {
    PC_BOS_AS_TOKENIZER, /* as the tokenizer's files say */
    PC_BOS_ALWAYS,       /* PC_ERR_INPUT if the tokenizer has no such token */
    PC_BOS_NEVER
} pc_bos_rule;

/* Opens tokenizer.json, or else vocab.json + merges.txt, in a model directory. Neither there, or
 * not as they must be: PC_ERR_INPUT. A component that Patchclamp does not implement, or a
 * tokenizer.model alone: PC_ERR_UNSUPPORTED, by name.
 *
 * tokenizer.json: ids as the `tokenizers` library (0.23) gives them, for
 *   model           BPE, with ignore_merges; over bytes, or over characters with byte_fallback (all
 *                   256 tokens <0xNN>) or unk_token and fuse_unk
 *   normalizer      NFC, Prepend, Replace of a text, Sequence of these
 *   pre_tokenizer   over bytes: ByteLevel, Sequence of Splits by pattern and ByteLevel;
 *                   over characters: none, Metaspace, Split behind a character
 *   decoder         ByteLevel; Sequence of Replace, ByteFallback, Fuse, Strip; Metaspace
 *   post_processor  ByteLevel, TemplateProcessing, Sequence of these
 * Its post_processor alone says what is put around a text: tokenizer_config.json (or else
 * special_tokens_map.json) only names the bos_token. So it is in transformers 5, which drops
 * add_bos_token and add_eos_token where there is a tokenizer.json; transformers 4 heeds them in
 * some classes. truncation, padding and chat templates do not count. One difference is known: the
 * LlamaTokenizer of transformers 5 takes no more than vocabulary and merges from the file and
 * builds Metaspace with prepend_scheme "first" around them, so that a text that begins with a
 * space, or follows a special token, may get other ids there than from its own tokenizer.json.
 *
 * The pair: ids as GPT2TokenizerFast gives them, with add_bos_token, add_eos_token,
 * add_prefix_space and the special tokens of the files beside it; another tokenizer_class is
 * PC_ERR_UNSUPPORTED.
 *
 * Ids may have holes. Two tokens with one id, or an added token whose id is not its id in the
 * vocabulary or the next free one (where `tokenizers` renumbers), are PC_ERR_INPUT. */
PC_API pc_status pc_tokenizer_open(pc_tokenizer **out, const char *directory);
PC_API void pc_tokenizer_free(pc_tokenizer *tokenizer);

/* Token ids of `length` bytes of UTF-8. Free *tokens with free(). PC_ERR_INPUT: invalid UTF-8, with
 * the byte's offset; a word that the vocabulary cannot express, by name (`tokenizers` drops such
 * bytes silently). O(n log n) in the length of a text; may be called from several threads at once.
 */
PC_API pc_status pc_tokenizer_encode(int32_t **tokens, size_t *n_tokens,
                                     const pc_tokenizer *tokenizer, const char *text, size_t length,
                                     pc_bos_rule rule);

/* The text of token ids, special tokens included, as `tokenizers` decodes them: over bytes each
 * maximal part that is not UTF-8 becomes one U+FFFD; over characters each token <0xNN> of a run
 * that is not UTF-8 becomes one, and the space that the tokenizer put in front goes. *text is
 * 0-terminated; free it with free(). An id that no token has: PC_ERR_INPUT
 * (`tokenizers` leaves it out). */
PC_API pc_status pc_tokenizer_decode(char **text, size_t *length, const pc_tokenizer *tokenizer,
                                     const int32_t *tokens, size_t n_tokens);

/* The beginning-of-sequence token, -1 if there is none: the files' bos_token, else the first token
 * that tokenizer.json puts in front of a text, else, for the pair alone, <|endoftext|>. */
PC_API int32_t pc_tokenizer_bos(const pc_tokenizer *tokenizer);

/* One more than the largest id. */
PC_API int64_t pc_tokenizer_size(const pc_tokenizer *tokenizer);

/* How to show one token: its text, spaces as spaces, with control bytes and bytes that are not
 * UTF-8 as \xNN. NULL if no token has this id. Borrowed. */
PC_API const char *pc_tokenizer_token(const pc_tokenizer *tokenizer, int32_t id);
PC_API bool pc_tokenizer_is_special(const pc_tokenizer *tokenizer, int32_t id);

#ifdef __cplusplus
}
#endif
#endif
