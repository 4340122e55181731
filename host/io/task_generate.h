/* How a built-in task is added: a row of the table in task_generate.c, and one function a pair. */
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

typedef struct pc_generator {
    const char *name, *summary;
    const char *const *corruptions; /* the default first, NULL behind the last */
    /* PC_ERR_INPUT, in words, if the model cannot hold such a task; called once before the pairs.
     */
    pc_status (*check)(const pc_task_order *order);
    /* Fills the cleared pair from the draws of `rng`, which is a fresh stream for each pair. */
    pc_status (*make_pair)(pc_pair *pair, pc_rng *rng, const pc_task_order *order);
} pc_generator;

extern const pc_generator pc_generator_induction;

#endif
