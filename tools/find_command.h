/* The command line of a search: find's own, and what submit, shard and merge make of it. */
#ifndef PC_TOOLS_FIND_COMMAND_H
#define PC_TOOLS_FIND_COMMAND_H

#include "open_model.h"
#include "options.h"
#include "position_words.h"
#include "shared_options.h"
#include "splits_print.h"
#include "threshold_words.h"

/* The other splits of a built-in task, that the circuit is evaluated on as well; of one that cannot
 * be generated, why. */
typedef struct other_splits {
    pc_task *tasks[N_SPLITS];
    int n;
    char why_not[N_SPLITS][256];
} other_splits;

typedef struct find_command {
    const char *command; /* who complains */
    const char *model, *task, *level, *method, *directory, *granularity, *bos;
    int64_t top, rows;
    double threshold, faithfulness, confidence;
    int64_t ig_steps, n_checked, n_candidates; /* below 0: not said */
    const char *ig_rule, *estimate, *profile;            /* NULL: not said */
    bool is_json, has_resume, takes_over, is_plan;
    char *again; /* the command that gives the same numbers again */
    const char *positions, *positions_of, *thresholds;
    prompt_words prompts;
    measure_words measure;
    /* what the words mean, once they are read */
    pc_find_options options;
    pc_kv_granularity kv;
    pc_bos_rule bos_rule;
    position_words columns;
    other_splits others; /* of the task that is open */
    threshold_words acdc;
} find_command;

/* Nothing said yet; `command` names it in complaints. */
void find_command_begin(find_command *out, const char *command);
/* Takes the words of argv, with MODEL as the operand. */
parse_outcome find_command_parse(find_command *c, const command_usage *usage, int argc,
                                 char **argv);
/* Finds out what they mean. Returns EXIT_DONE, or complains and returns the exit code. */
int find_command_read(find_command *c);
void find_command_free(find_command *c);

/* Opens the task and its other splits for a model that is open, and sets the granularity of the
 * model. */
pc_status find_command_open_task(pc_task **out, find_command *c, opened_model *m);

/* The result on stdout, as the words ask for it, and on stderr which files were written, and
 * on which splits the circuit was not evaluated. */
pc_status print_found(const find_command *c, const pc_circuit *circuit);

#endif
