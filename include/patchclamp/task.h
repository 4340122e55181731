/* Tasks: pairs of prompts, clean and corrupted, equal in length, with the answers to read. */
#ifndef PATCHCLAMP_TASK_H
#define PATCHCLAMP_TASK_H

#include "patchclamp/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_task pc_task;

/* A place where the logits are read. */
typedef struct pc_target {
    int position; /* 0 .. n_tokens - 1 */
    const int32_t *answers;
    int n_answers; /* >= 1 */
    const int32_t *wrong_answers;
    int n_wrong_answers; /* may be 0 */
} pc_target;

typedef struct pc_prompt {
    const int32_t *clean, *corrupted; /* (n_tokens) each */
    int n_tokens;
    const pc_target *targets;
    int n_targets; /* >= 1 */
} pc_prompt;

/* Tokens of a prompt, ends included. */
typedef struct pc_span {
    int first, last;
} pc_span;

/* What the model allows; tokens are checked against it. */
typedef struct pc_task_limits {
    int64_t vocab;        /* ids are 0 .. vocab - 1 */
    int64_t vocab_out;    /* answers are 0 .. vocab_out - 1 */
    int n_ctx;            /* longest prompt in tokens */
    int64_t bos;          /* beginning-of-sequence id when there is no tokenizer; -1: none */
    pc_bos_rule bos_rule; /* for prompts given as text, and generated ones */
} pc_task_limits;

/* Reads a task file: Patchclamp's JSONL, auto-circuit's JSON or EAP-IG's CSV, told by content.
 * `tokenizer` may be NULL: then prompts and answers must be token ids. Errors name file and line.
 *
 * JSONL, a line a pair:
 *
 *     {"clean": text|[ids], "corrupted": text|[ids],
 *      "answers": [text|id, ...], "wrong_answers": [...], "position": -1, "meta": anything}
 *
 * or, in place of answers, wrong_answers and position,
 *
 *     "targets": [{"position": p, "answers": [...], "wrong_answers": [...]}, ...]
 *
 * Negative positions count from the end; without one the last is meant; wrong_answers may be left
 * out. The first line may describe the whole:
 *
 *     {"task": name, "seed": n, "split": text, "source": text,
 *      "positions": {name: p|[first, last], ...}, "meta": anything}
 *
 * Its positions hold for every pair; a pair's own "positions" add to them or override. `end` is the
 * last token unless it is named otherwise. A target's position may be a name (of a span: its last
 * token). A name has no space in it and begins with neither a digit nor -. Any other key is an
 * error. EAP-IG's tables are known by their columns, others are passed over:
 *
 *     clean, corrupted, and   correct_idx + incorrect_idx, clean_answer_idx + corrupted_answer_idx,
 *                             country_idx + corrupted_country_idx: token ids
 *                             answers_idx + corrupted_answers_idx: lists of token ids
 *                             correct_idx or label alone: two digits of a year, to be exceeded
 *
 * PC_ERR_INPUT for whatever would make a measurement meaningless: no pairs, a pair of unequal
 * lengths (the message shows both) or of equal tokens, an answer that is not one token, that comes
 * twice or is wrong as well, an id or a position out of range, a prompt longer than the context. */
PC_API pc_status pc_task_read(pc_task **out, const char *path, const pc_tokenizer *tokenizer,
                              const pc_task_limits *limits);

/* The splits train and test are alike but have no draws in common; ood (out of distribution) asks
 * the same of prompts that train cannot have: `induction` has longer repeats, further away. Of the
 * tasks of sentences each clean prompt belongs to train or to test by its text, whatever the seed;
 * ood has other templates and words. */
typedef struct pc_task_options {
    int n; /* pairs; 0: 64 */
    uint64_t seed;
    const char *split;      /* "train", "test" or "ood"; NULL: "train" */
    const char *corruption; /* NULL: the task's default */
    int length; /* tokens per prompt of `induction`, BOS included; 0: the task's default */
} pc_task_options;
#define PC_TASK_OPTIONS_INIT                                                                       \
    {                                                                                              \
        0, 0, NULL, NULL, 0                                                                        \
    }

/* Generates a built-in task for a tokenizer, which `induction` does without. Prompts begin with BOS
 * if there is one, unless the rule is PC_BOS_NEVER. Pair i depends on seed, split and i alone, not
 * on n; corruptions share the clean prompts. An unknown name, split or corruption, sizes that the
 * model cannot hold, or too few words that are one token: PC_ERR_INPUT. */
PC_API pc_status pc_task_generate(pc_task **out, const char *name, const pc_tokenizer *tokenizer,
                                  const pc_task_limits *limits, const pc_task_options *options);

/* What a generator has to say of the model's tokenizer, a line each: the words and templates that
 * it left out, pairs that come twice. Written as "meta" of the first line. NULL behind the last,
 * and for tasks that were read. */
PC_API const char *pc_task_note(const pc_task *task, int i);

/* Names and one-line summaries of the built-in tasks; NULL behind the last. */
PC_API const char *pc_task_builtin_name(int i);
PC_API const char *pc_task_builtin_summary(int i);

/* The corruptions that the i-th built-in task knows, its default first; NULL behind the last j. */
PC_API const char *pc_task_builtin_corruption(int i, int j);

/* Writes the task as JSONL with token ids; reading it gives the same task. */
PC_API pc_status pc_task_write(const pc_task *task, const char *path);

typedef enum pc_task_format { PC_TASK_JSONL, PC_TASK_AUTO_CIRCUIT, PC_TASK_EAP_IG } pc_task_format;

/* "jsonl", "auto-circuit" or "eap-ig", else PC_ERR_INPUT. */
PC_API pc_status pc_task_format_parse(pc_task_format *out, const char *name);

/* Writes the task in a format; the two others are text, so that they need the tokenizer.
 *
 *     auto-circuit    JSON as load_datasets_from_json() reads it; word_idxs has the names that mean
 *                     the same one token in all pairs, if these are equally long
 *     eap-ig          CSV: clean, corrupted and label (all answers are years above it, all wrong
 *                     answers the others), correct_idx + incorrect_idx, or answers_idx +
 *                     corrupted_answers_idx (lists)
 *
 * A BOS in front is left out: the programs put it there. PC_ERR_INPUT: text that does not encode to
 * the same tokens again, a pair that is not read at its last token alone or has no wrong answers.
 */
PC_API pc_status pc_task_export(const pc_task *task, const char *path, pc_task_format format,
                                const pc_tokenizer *tokenizer);

PC_API void pc_task_free(pc_task *task);

PC_API const char *pc_task_name(const pc_task *task);
PC_API const char *pc_task_split(const pc_task *task); /* "" if the file does not say */
PC_API uint64_t pc_task_seed(const pc_task *task);
PC_API int pc_task_n(const pc_task *task);
PC_API const pc_prompt *pc_task_prompt(const pc_task *task, int i);
/* SHA-256 of the pairs' token ids, positions and answers: the same for every format. */
PC_API const char *pc_task_sha256(const pc_task *task);
/* The id that begins sequences, -1 if none: left out of means over positions. */
PC_API int64_t pc_task_bos(const pc_task *task);
PC_API int pc_task_longest(const pc_task *task);            /* tokens */
PC_API bool pc_task_has_wrong_answers(const pc_task *task); /* at every target */
PC_API bool pc_task_has_equal_lengths(const pc_task *task); /* one length for all pairs */

/* Every name of a position in the task, in order of first appearance (auto-circuit's word_idxs are
 * names, moved by a BOS in front); `end`, which every prompt has, is the last unless the file names
 * it. NULL behind the last. */
PC_API const char *pc_task_position_name(const pc_task *task, int i);

/* The span that `name` has in a prompt; PC_ERR_INPUT lists the names that the prompt has. */
PC_API pc_status pc_task_span(pc_span *out, const pc_task *task, int prompt, const char *name);

#ifdef __cplusplus
}
#endif
#endif
