/* Options that several commands share: which prompts, how they are measured. */
#ifndef PC_TOOLS_SHARED_OPTIONS_H
#define PC_TOOLS_SHARED_OPTIONS_H

#include "options.h"

#include "patchclamp/patchclamp.h"

/* Of the built-in tasks; a task file has its own prompts. */
typedef struct prompt_words {
    int64_t n, seed, length;
    const char *split, *corruption;
} prompt_words;
#define PROMPT_WORDS_INIT                                                                          \
    {                                                                                              \
        0, 0, 0, NULL, NULL                                                                        \
    }

/* How effects are measured, as the user said it; NULL where nothing was said. */
typedef struct measure_words {
    const char *source, *direction, *metric, *device, *precision, *engine, *without;
    int64_t threads, memory;
} measure_words;
#define MEASURE_WORDS_INIT                                                                         \
    {                                                                                              \
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0                                             \
    }

/* Appends the rows at `at` and returns where the next row goes: 5 rows, 9 rows, 1 row. */
option_row *add_prompt_options(option_row *at, prompt_words *words);
option_row *add_measure_options(option_row *at, measure_words *words);
option_row *add_bos_option(option_row *at, const char **bos);

/* The rule that the word says, NULL: as the tokenizer. Returns EXIT_DONE, or complains and returns
 * EXIT_USAGE. */
int read_bos(pc_bos_rule *out, const char *bos, const char *command);

/* Of --resume and --take-over. */
pc_resume resume_of(bool has_resume, bool takes_over);

/* A task file has its own prompts: with a file in `task`, complains about the first option that
 * asks for generated ones and returns EXIT_USAGE. */
int check_prompt_words(const prompt_words *words, const char *task, const char *command);

/* The words as the library wants them. */
pc_task_options task_options_of(const prompt_words *words);

/* Fills the options that were said. Returns EXIT_DONE, or complains and returns the exit code: a
 * word that does not exist, a device or precision that this version does not have. */
int read_measure_words(pc_evaluator_options *out, const measure_words *words, const char *command);

#endif
