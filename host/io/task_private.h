/* What readers and generators of tasks share: a pair being built, its checks, the task. */
#ifndef PC_IO_TASK_PRIVATE_H
#define PC_IO_TASK_PRIVATE_H

#include "base/digest.h"
#include "base/fail.h"
#include "base/text.h"
#include "patchclamp/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a pair is read with and checked against. */
typedef struct pc_task_context {
    const pc_tokenizer *tokenizer; /* NULL: token ids only */
    const pc_task_limits *limits;
    int64_t bos; /* the tokenizer's, else the limits'; -1: none */
} pc_task_context;

/* PC_ERR_ARG for limits that make no sense; PC_ERR_INPUT for a BOS that the model does not have. */
pc_status pc_task_context_make(pc_task_context *out, const pc_tokenizer *tokenizer,
                               const pc_task_limits *limits);

typedef struct pc_ids {
    int32_t *ids;
    size_t n, capacity;
} pc_ids;

pc_status pc_ids_push(pc_ids *ids, int32_t id);

typedef struct pc_pair_target {
    int64_t position; /* negative: from the end, -1 = the last */
    pc_ids answers, wrong_answers;
} pc_pair_target;

/* A named span of one pair; either end may be negative: from the end. */
typedef struct pc_pair_position {
    const char *name; /* borrowed until the pair is cleared */
    int64_t first, last;
} pc_pair_position;

/* A pair under construction. It is used again for the next one: clearing keeps the arrays. */
typedef struct pc_pair {
    pc_ids clean, corrupted;
    pc_pair_target *targets;
    size_t n_targets, n_made, capacity; /* targets in use, with arrays, with room */
    pc_pair_position *named;
    size_t n_named, named_capacity;
} pc_pair;

void pc_pair_clear(pc_pair *pair);
void pc_pair_free(pc_pair *pair);
/* An empty target at `position`; *out is valid until the next one is added. */
pc_status pc_pair_add_target(pc_pair_target **out, pc_pair *pair, int64_t position);
/* Names a span of this pair; no name comes twice. `name` must live until the pair is cleared. */
pc_status pc_pair_name_position(pc_pair *pair, const char *name, int64_t first, int64_t last);
/* The last token of a name: the pair's own, else the task's, else `end`, -1. PC_ERR_INPUT lists the
 * names. */
pc_status pc_pair_find_position(int64_t *out, const pc_pair *pair, const pc_task *task,
                                const char *name);

/* PC_ERR_INPUT "WHAT[i] is 70, expected a token id from 0 to 64" unless 0 <= id < bound. */
pc_status pc_task_check_id(const char *what, size_t i, int64_t id, int64_t bound);

/* The pair as it may enter a task: equal lengths within the context, ids within the vocabulary,
 * clean and corrupted different, positions inside the prompt and distinct, at least one answer
 * each, no answer twice and none both right and wrong. Messages do not know the file. */
pc_status pc_pair_check(const pc_pair *pair, const pc_task_context *context);

/* `text` as tokens with the context's BOS rule; `what` names it in messages. */
pc_status pc_task_encode(pc_ids *out, const char *text, size_t length, pc_bos_rule rule,
                         const char *what, const pc_task_context *context);
/* One answer as text: it must be one token; it is appended. */
pc_status pc_task_encode_answer(pc_ids *out, const char *text, size_t length, const char *what,
                                size_t i, const pc_task_context *context);
/* `"a" "b"` with a tokenizer, `5 6` without. */
void pc_task_put_tokens(pc_text *out, const int32_t *ids, size_t n, const pc_tokenizer *tokenizer);

typedef struct pc_named_span {
    int name; /* index into the task's names */
    int64_t first, last;
} pc_named_span;

typedef struct pc_stored_pair {
    pc_prompt view; /* points into the first two arrays */
    int32_t *ids;
    pc_target *targets;
    pc_named_span *named; /* counted from the start */
    size_t n_named;
} pc_stored_pair;

struct pc_task {
    char *name, *split, *origin; /* never NULL, but may be "" */
    char *meta;                  /* JSON, or "" */
    char **notes;                /* of the generator */
    size_t n_notes, notes_capacity;
    uint64_t seed;
    int64_t bos;
    pc_stored_pair *pairs;
    size_t n, capacity;
    char **names; /* of positions, in order of first appearance, each once */
    size_t n_names, names_capacity;
    pc_named_span *named; /* of every pair that has no such name of its own; may be negative */
    size_t n_named, named_capacity;
    int longest, shortest; /* tokens; 0 before the first pair */
    bool has_wrong_answers;
    char sha256[PC_DIGEST_CHARS];
};

pc_status pc_task_new(pc_task **out, const char *name, const pc_task_context *context);
/* Replaces one of the texts of a task by a copy. */
pc_status pc_task_set(char **text, const char *value);
/* Adds a line about how the task was generated. */
pc_status pc_task_add_note(pc_task *task, const char *format, ...) PC_PRINTF(2, 3);
/* Checks the pair and copies it into the task. */
pc_status pc_task_add(pc_task *task, const pc_pair *pair, const pc_task_context *context);
/* Names a span of every pair; no name comes twice. */
pc_status pc_task_name_position(pc_task *task, const char *name, int64_t first, int64_t last);
/* Checks the pair's named spans and copies them; what it allocated stays in `out` if it fails. */
pc_status pc_task_store_positions(pc_stored_pair *out, pc_task *task, const pc_pair *pair);
/* PC_ERR_INPUT if a span of all pairs does not fit one of them. */
pc_status pc_task_check_positions(const pc_task *task);
/* Checks what the whole alone can show (not empty, named positions inside); makes the digest. */
pc_status pc_task_finish(pc_task *task);

/* The readers: they add pairs to `task`. Messages call it `file`; `bytes` need no 0 at the end. */
pc_status pc_task_read_jsonl(pc_task *task, const char *bytes, size_t length, const char *file,
                             const pc_task_context *context);
pc_status pc_task_read_autocircuit(pc_task *task, const char *bytes, size_t length,
                                   const char *file, const pc_task_context *context);
pc_status pc_task_read_eapig(pc_task *task, const char *bytes, size_t length, const char *file,
                             const pc_task_context *context);

/* pc_task_read() on bytes in memory. */
pc_status pc_task_parse(pc_task **out, const char *bytes, size_t length, const char *file,
                        const pc_tokenizer *tokenizer, const pc_task_limits *limits);

/* The task as the bytes of pc_task_write(). */
pc_status pc_task_put_jsonl(pc_text *out, const pc_task *task);

#endif
