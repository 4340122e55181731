/* A list of interventions in memory: read, measured, written. */
#ifndef PC_SEARCH_EFFECTS_PRIVATE_H
#define PC_SEARCH_EFFECTS_PRIVATE_H

#include "graph/circuit_private.h"
#include "patch/intervention.h"
#include "patchclamp/effects.h"
#include "search/sweep.h"

typedef struct pc_effects_item {
    pc_intervention *intervention;
    char *name, *key;
    int line; /* in the file; 0: one of a sweep, which may touch nothing */
    pc_evaluator_options settings;
    pc_effect effect;
    double share;
    bool has_share;
    bool is_measured; /* while the list is worked through, setting by setting */
} pc_effects_item;

struct pc_effects {
    char *path; /* of the file; NULL: none */
    pc_effects_item *items;
    size_t n, capacity;
    int n_prompts;
    double *per_prompt; /* (n, n_prompts); NULL before it is measured */
    pc_circuit *run;    /* model, task and options */
};

/* Adds an intervention, which the list then owns. `name` is copied; NULL: its key. */
pc_status pc_effects_add(pc_effects *effects, pc_intervention *intervention,
                         const pc_components *components, const char *name, int line,
                         const pc_evaluator_options *settings);

pc_status pc_effects_put_csv(pc_text *out, const pc_effects *effects);
pc_status pc_effects_put_json(pc_text *out, const pc_effects *effects);

#endif
