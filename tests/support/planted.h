/* Models written by hand, whose circuits are therefore known, as TransformerLens checkpoints. */
#ifndef PC_TESTS_PLANTED_H
#define PC_TESTS_PLANTED_H

#include "patchclamp/model.h"
#include "patchclamp/task.h"

typedef enum planted_gate { PLANTED_AND, PLANTED_OR } planted_gate;

/* One layer, two heads, no norms: on [A, B, end] head 0 copies bit A to the end, head 1 bit B, and
 * the MLP writes A AND B, or A OR B, into the answer's logit. Free both. */
pc_model *planted_gate_model(planted_gate gate);

/* The pairs (A, B) = (1, 1) clean, (0, 0) corrupted; the metric's answer is "yes". */
pc_task *planted_gate_task(const pc_model *model);

/* Pairs of token ids as JSONL, read under the limits; free it. */
pc_task *planted_task(const char *lines, const pc_task_limits *limits);

/* What the model allows. */
pc_task_limits planted_limits(const pc_model *model);

/* Random weights of the same shape without norms: the read-out is linear. */
pc_model *planted_random_model(uint64_t seed);

#endif
