/* What a planted model is made of: its weights, its prompts, its edges. */
#ifndef PC_PLANT_PRIVATE_H
#define PC_PLANT_PRIVATE_H

#include "base/rng.h"
#include "plant/plant_weights.h"

enum { PC_PLANT_MOST_TOKENS = 16 };

/* A clean and a corrupted prompt, and the words that they are to be answered with. */
typedef struct pc_plant_pair {
    int clean[PC_PLANT_MOST_TOKENS], corrupted[PC_PLANT_MOST_TOKENS];
    int n_tokens, answer, wrong_answer;
} pc_plant_pair;

/* What is read at an edge, for the list's reader. */
typedef struct pc_plant_edge {
    const char *name, *carries;
} pc_plant_edge;

/* The circuit is in head 1 of layer 0, head 2 of layer 1, and the neurons of MLPs below n_used. */
typedef struct pc_plant {
    const char *name, *summary;
    int vocab, n_ctx;
    int n_used[PC_PLANT_LAYERS];
    void (*put_circuit)(pc_plant_weights *weights);
    void (*draw)(pc_plant_pair *out, pc_rng *rng);
    const pc_plant_edge *truth; /* the edges that differ between clean and corrupted; NULL ends */
    const pc_plant_edge *still; /* ... that the answer needs but that carry the same in both */
    const char *note;           /* of the lists; NULL: none */
} pc_plant;

extern const pc_plant pc_plant_induction, pc_plant_previous_token, pc_plant_and, pc_plant_or,
    pc_plant_sorted_count;

/* A word below `bound` that is not `other`. */
int pc_plant_draw_other(pc_rng *rng, int bound, int other);

#endif
