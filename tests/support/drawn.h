/* Random interventions on a golden model and its task: edges, nodes, neurons, streams, positions,
 * held writers, circuits and paths. */
#ifndef PC_TESTS_DRAWN_H
#define PC_TESTS_DRAWN_H

#include "patch/evaluator.h"

#include <stdint.h>

enum { MOST_DRAWN = 120 };

typedef struct drawn {
    pc_model *model;
    pc_task *task;
    pc_intervention *list[MOST_DRAWN];
    int n;
} drawn;

/* n <= MOST_DRAWN, the same for the same seed. */
drawn draw_all(const char *golden_model, uint64_t seed, int n);
void free_all(drawn *d);

#endif
