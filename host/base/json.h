/* Reading JSON (jansson) with messages that name file, place, what was found and what was expected.
 */
#ifndef PC_BASE_JSON_H
#define PC_BASE_JSON_H

#include "base/fail.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Parses `length` bytes; duplicate keys, bad UTF-8 and trailing bytes are errors
 * ("NAME:LINE:COLUMN:
 * ..."). `name` is the file as messages should call it. Release with json_decref(). */
pc_status pc_json_parse(json_t **out, const char *bytes, size_t length, const char *name);

/* The same with every number a real: for files whose integers may be of any size, such as
 * transformers' "model_max_length": 1000000000000000019884624838656. */
pc_status pc_json_parse_reals(json_t **out, const char *bytes, size_t length, const char *name);

/* pc_json_parse() for a whole file of at most `max_bytes`. */
pc_status pc_json_read(json_t **out, const char *path, size_t max_bytes);

/* Members of an object that must be there, with a type and a range. The message reads
 * "NAME: KEY is 3.5, expected an integer from 1 to 65536". */
pc_status pc_json_int(int64_t *out, const json_t *object, const char *key, int64_t least,
                      int64_t most, const char *name);
pc_status pc_json_real(double *out, const json_t *object, const char *key, const char *name);
pc_status pc_json_text(const char **out, const json_t *object, const char *key, const char *name);
pc_status pc_json_bool(int *out, const json_t *object, const char *key, const char *name);

/* What a value is, in words that fit a message: "null", "a string \"x\"", "3", "an object". */
const char *pc_json_describe(char *out, size_t out_bytes, const json_t *value);

#endif
