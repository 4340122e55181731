/* How a built-in task is added: a row of the table in task_generate.c, and a function that makes a
 * pair, or a page of sentences (task_text.h). */
#ifndef PC_IO_TASK_GENERATE_H
#define PC_IO_TASK_GENERATE_H

#include "base/rng.h"
#include "io/task_private.h"

typedef enum pc_split { PC_SPLIT_TRAIN, PC_SPLIT_TEST, PC_SPLIT_OOD } pc_split;

/* What a generator is asked for. */
typedef struct pc_task_order {
    const pc_task_context *context;
    pc_split split;
    int corruption; /* index into the generator's list */
    int length;     /* tokens a prompt as the caller wants it; 0: the task's default */
    bool has_bos;   /* whether prompts begin with context->bos */
    const int32_t
        *words; /* ids that may stand for a word: in input and output vocabulary, not special */
    size_t n_words;
} pc_task_order;

struct pc_page;

typedef struct pc_generator {
    const char *name, *summary;
    const char *source;             /* the paper, and how ours differs */
    const char *const *corruptions; /* the default first, NULL behind the last */
    const struct pc_page *page;     /* or NULL and the functions */
    /* PC_ERR_INPUT, in words, if the model cannot hold such a task; called once before the pairs.
     */
    pc_status (*check)(const pc_task_order *order);
    /* Fills the cleared pair from the draws of `rng`, which is a fresh stream for each pair. */
    pc_status (*make_pair)(pc_pair *pair, pc_rng *rng, const pc_task_order *order);
} pc_generator;

extern const pc_generator pc_generator_induction, pc_generator_ioi, pc_generator_greater_than,
    pc_generator_docstring, pc_generator_gendered_pronoun, pc_generator_subject_verb,
    pc_generator_copy_name;

/* The table, NULL behind the last. */
extern const pc_generator *const pc_generators[];

#endif
