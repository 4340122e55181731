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

pc_status pc_component_read_pretokenizer(pc_pretokenizer *pretokenizer, const json_t *component);

/* Sets prefix and suffix; the vocabulary must be indexed. */
pc_status pc_component_read_post_processor(pc_tokenizer *tokenizer, const json_t *component);

#endif
