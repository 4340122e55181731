/* Lists of interventions and what each does: any cuts, positions, freezes, circuits and paths, each
 * with the source, direction and metric that it asks for. */
#ifndef PATCHCLAMP_EFFECTS_H
#define PATCHCLAMP_EFFECTS_H

#include "patchclamp/find.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Interventions that are waiting to be measured, or have been. */
typedef struct pc_effects pc_effects;

typedef struct pc_effects_options {
    pc_evaluator_options evaluation; /* what a line does not say otherwise */
    const char *directory; /* the run directory; NULL: nothing is written, nothing can be resumed */
    pc_resume resume;
    pc_progress_fn progress; /* NULL: none */
    void *payload;
} pc_effects_options;
#define PC_EFFECTS_OPTIONS_INIT                                                                    \
    {                                                                                              \
        PC_EVALUATOR_OPTIONS_INIT, NULL, PC_RESUME_NO, NULL, NULL                                  \
    }

/* Reads a JSONL file, an intervention a line as pc_intervention_parse() reads it; empty lines are
 * passed over. A line may also have "name" (its canonical text otherwise), "source", "direction"
 * and "metric" in place of the options'. PC_ERR_INPUT with "PATH:LINE: ...": what is not one, a
 * name that an earlier line has, no intervention at all. */
PC_API pc_status pc_effects_read(pc_effects **out, const char *path, const pc_model *model,
                                 const pc_evaluator_options *evaluation);

/* One path (patch.h) for each of the senders; names in the lists are parted by commas, stops by
 * "->". `from` NULL: every writer that a reader of the first stop sees.
 * `via` NULL: no stop. PC_ERR_INPUT: unknown names, a path that runs backwards. */
typedef struct pc_path_words {
    const char *from, *via, *to;
    const char *mlps; /* "free" or "frozen" */
} pc_path_words;
PC_API pc_status pc_effects_paths(pc_effects **out, const pc_path_words *words,
                                  const pc_model *model, const pc_evaluator_options *evaluation);
PC_API void pc_effects_free(pc_effects *effects);

/* Measures each intervention on every prompt of the task. Writes run.db as it goes, then
 * effects.csv and run.json into the directory, which is made if it is missing. PC_ERR_INPUT:
 * positions that a prompt does not have, found before anything runs; an intervention that touches
 * nothing on any prompt, unless it is one of all senders; what pc_find() refuses about directories
 * and resuming. */
PC_API pc_status pc_effects_measure(pc_effects *effects, pc_model *model, const pc_task *task,
                                    const pc_effects_options *options);

/* Strings and numbers live as long as the list. Effects are known once they were measured. */
typedef struct pc_effects_row {
    const char *name, *key; /* as the line calls it; its canonical text */
    pc_source source;
    pc_direction direction;
    pc_metric metric;
    pc_engine_kind engine; /* the twin for patterns and paths with stops, whatever was asked */
    double effect, stderr_; /* mean over the prompts, standard error of that mean */
    double share;           /* of cutting everything under the same source, direction, metric */
    bool has_share;         /* false where that changes nothing that could be told from 0 */
    bool is_touched;        /* false: changed nothing on any prompt */
    const double *effects;  /* (n_prompts) */
} pc_effects_row;
/* In the order of the file, or of components. */
PC_API int pc_effects_n(const pc_effects *effects);
PC_API int pc_effects_n_prompts(const pc_effects *effects);
PC_API pc_effects_row pc_effects_at(const pc_effects *effects, int i);

/* What pc_effects_measure() writes as run.json, schema patchclamp-effects/1, 0-terminated; free
 * *text with free(). */
PC_API pc_status pc_effects_json(char **text, const pc_effects *effects);

#ifdef __cplusplus
}
#endif
#endif
