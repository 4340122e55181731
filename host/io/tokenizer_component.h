/* The components of tokenizer.json: objects with a "type". What is implemented is read, everything
 * else is PC_ERR_UNSUPPORTED, by name. */
#ifndef PC_IO_TOKENIZER_COMPONENT_H
#define PC_IO_TOKENIZER_COMPONENT_H

#include "base/json.h"
#include "io/tokenizer_parts.h"

/* The keys of a ByteLevel component, wherever it stands; ends with NULL. */
extern const char *const pc_byte_level_keys[];

/* PC_ERR_UNSUPPORTED: "WHAT \"TYPE\" is not supported". */
pc_status pc_component_refuse(const char *what, const json_t *component);

bool pc_component_has_type(const json_t *component, const char *type);

/* Not there, or null. */
bool pc_component_is_absent(const json_t *component);

/* A key that nobody reads could change what the tokenizer does: it is refused. `known` ends with
 * NULL. */
pc_status pc_component_check_keys(const json_t *object, const char *const *known, const char *what);

/* A key that is absent or null has the value `fallback`. */
pc_status pc_component_bool(int *out, const json_t *object, const char *key, int fallback,
                            const char *what);

/* PC_ERR_INPUT where it is none. */
pc_status pc_component_array(const json_t **out, const json_t *object, const char *key,
                             const char *what);

/* The text of {"pattern": {"String": "..."}}, borrowed; any other pattern is PC_ERR_UNSUPPORTED. */
pc_status pc_component_literal(const char **out, const json_t *component, const char *what);

/* Copies the bytes of a text that must be one character. */
pc_status pc_component_character(char out[PC_MAX_CHARACTER_BYTES], size_t *n, const char *text,
                                 const char *key, const char *what);

/* A Metaspace component, wherever it stands. */
pc_status pc_component_read_metaspace(pc_piece_rule *rule, const json_t *component,
                                      const char *what);

pc_status pc_component_read_normalizer(pc_normalizer *normalizer, const json_t *component);
pc_status pc_component_read_decoder(pc_token_decoder *decoder, const json_t *component);

/* Sets what cuts words: `pretokenizer` or `pieces`, as the decoder's alphabet says, which must be
 * set. */
pc_status pc_component_read_pretokenizer(pc_tokenizer *tokenizer, const json_t *component);

/* Sets prefix and suffix; the vocabulary must be indexed. */
pc_status pc_component_read_post_processor(pc_tokenizer *tokenizer, const json_t *component);

#endif
