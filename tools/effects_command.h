/* What run and path share: a task, a list of interventions, a run directory, a table. */
#ifndef PC_TOOLS_EFFECTS_COMMAND_H
#define PC_TOOLS_EFFECTS_COMMAND_H

#include "effects_print.h"
#include "shared_options.h"

typedef struct effects_words {
    const char *command, *model, *task, *directory, *granularity, *bos;
    pc_kv_granularity kv;
    pc_bos_rule bos_rule;
    int64_t rows;
    bool is_json, has_resume, takes_over, is_plan;
    prompt_words prompts;
    measure_words measure;
} effects_words;
#define EFFECTS_WORDS_INIT(name)                                                                   \
    {                                                                                              \
        .command = name, .granularity = "kv", .rows = 25, .prompts = PROMPT_WORDS_INIT,            \
        .measure = MEASURE_WORDS_INIT                                                              \
    }

/* Appends the shared rows, 23 of them, and returns where the next row goes. */
option_row *add_effects_options(option_row *at, effects_words *words);

/* Makes the list once the model is open. */
typedef pc_status (*make_effects)(pc_effects **out, const pc_model *model,
                                  const pc_evaluator_options *evaluation, const void *payload);

/* `input` is a file that the run must not replace; NULL: none. Returns the exit code. */
int run_effects(effects_words *words, const char *input, effects_order order, make_effects make,
                const void *payload);

#endif
