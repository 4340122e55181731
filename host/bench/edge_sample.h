/* Edges of a model, spread evenly. */
#ifndef PC_BENCH_EDGE_SAMPLE_H
#define PC_BENCH_EDGE_SAMPLE_H

#include "patch/intervention.h"

typedef struct pc_edge_sample {
    pc_intervention **list;
    int n;
} pc_edge_sample;

/* Edges 0, every, 2 every ... PC_ERR_NOMEM. */
pc_status pc_edge_sample_new(pc_edge_sample *out, const pc_model *model, int64_t every);
void pc_edge_sample_free(pc_edge_sample *sample);

#endif
