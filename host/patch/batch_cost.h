/* What a batch's products take, without running it: the rules of delta_*.c, counted. A test holds
 * the one against the other. */
#ifndef PC_PATCH_BATCH_COST_H
#define PC_PATCH_BATCH_COST_H

#include "patch/delta_run.h"

typedef struct pc_batch_cost {
    double flop;  /* a multiply-add counted as two */
    double bytes; /* operands and results of the products, once each */
    int64_t rows; /* positions of variants */
} pc_batch_cost;

/* Adds what pc_delta_run_batch() takes. Of the prompt, seq and first_target are looked at; of the
 * variants routing, first and whether is_cut_at and given are there. */
void pc_batch_cost_add(pc_batch_cost *cost, const pc_model *model, const pc_delta_prompt *prompt,
                       const pc_variant *variants, int n, unsigned without);

/* Adds one product of rows (rows, n_in) with a matrix (n_in, n_out). */
void pc_product_cost_add(pc_batch_cost *cost, int64_t rows, int64_t n_in, int64_t n_out);

/* The products of the whole model on n_tokens, with logits at every one: what is computed for one
 * effect by running the model anew. */
double pc_forward_flop(const pc_model *model, int64_t n_tokens);

#endif
