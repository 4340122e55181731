/* Prompts and answers out of JSON values, for the formats that are made of them. */
#ifndef PC_IO_TASK_JSON_H
#define PC_IO_TASK_JSON_H

#include "base/json.h"
#include "io/task_private.h"

/* A prompt: a string, or an array of token ids. */
pc_status pc_task_json_prompt(pc_ids *out, const json_t *value, const char *what,
                              const pc_task_context *context);

/* Answers: an array of strings of one token each and of token ids. NULL is no answers. */
pc_status pc_task_json_answers(pc_ids *out, const json_t *value, const char *what,
                               const pc_task_context *context);

/* PC_ERR_INPUT naming the first key of `object` that is not in the list, which ends with NULL. */
pc_status pc_task_json_keys(const json_t *object, const char *const *known);

/* Adds the members of {"name": p | [first, last], ...} to the named positions of the task, or of
 * the pair. The names live as long as `value`. NULL names nothing. */
pc_status pc_task_json_positions(pc_task *task, const json_t *value);
pc_status pc_pair_json_positions(pc_pair *pair, const json_t *value);

#endif
