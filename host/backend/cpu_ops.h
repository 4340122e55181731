/* The CPU's operators in fp32, by instruction set. Every set gives the same bits: which one runs
 * decides the speed alone. */
#ifndef PC_BACKEND_CPU_OPS_H
#define PC_BACKEND_CPU_OPS_H

#include "kernels/activation_backward.h"
#include "kernels/activation_base.h"
#include "kernels/activation_delta.h"
#include "kernels/add_change.h"
#include "kernels/answer_delta.h"
#include "kernels/attention_backward.h"
#include "kernels/attention_base.h"
#include "kernels/attention_delta.h"
#include "kernels/column_dots.h"
#include "kernels/copy_rows.h"
#include "kernels/cut_rows.h"
#include "kernels/gemm.h"
#include "kernels/linear.h"
#include "kernels/norm_backward.h"
#include "kernels/norm_base.h"
#include "kernels/not_finite.h"
#include "kernels/pair_dots.h"
#include "kernels/rmsnorm_delta.h"
#include "kernels/rotary.h"
#include "kernels/scores_lost.h"
#include "kernels/softcap_delta.h"
#include "kernels/target_delta.h"
#include "kernels/vanishing.h"
#include "kernels/vector_functions.h"

#include <stdbool.h>

typedef struct pc_cpu_ops {
    const char *name; /* "baseline", "avx2" (with FMA), "avx512" (with F) */
    pc_gemm_fn *gemm;
    pc_linear_fn *linear; /* in double */
    pc_norm_delta_fn *layernorm_delta, *rmsnorm_delta;
    pc_activation_delta_fn *activation_delta;
    pc_answer_delta_fn *answer_delta;
    pc_attention_delta_fn *attention_delta;
    pc_rotary_fn *rotary;
    pc_softcap_delta_fn *softcap_delta;
    pc_target_delta_fn *target_delta;
    pc_add_change_fn *add_change;
    pc_copy_rows_fn *copy_rows;
    pc_cut_rows_fn *cut_rows;
    pc_vanishing_fn *vanishing;
    pc_scores_lost_fn *scores_lost;
    pc_not_finite_fn *not_finite;
    pc_norm_base_fn *layernorm_base, *rmsnorm_base;
    pc_activation_base_fn *activation_base;
    pc_attention_base_fn *attention_base;
    pc_softcap_base_fn *softcap_base;
    pc_norm_backward_fn *layernorm_backward, *rmsnorm_backward;
    pc_activation_backward_fn *activation_backward;
    pc_attention_backward_fn *attention_backward;
    pc_pair_dots_fn *pair_dots;
    pc_column_dots_fn *column_dots;
    pc_vector_function_fn *vector_function;
} pc_cpu_ops;

/* The sets that this program has, slowest first, whether or not the processor can run them. */
int pc_cpu_n_sets(void);
const pc_cpu_ops *pc_cpu_set(int i);
bool pc_cpu_can_run(int i);

/* The fastest that this processor can run, chosen once; borrowed. */
const pc_cpu_ops *pc_cpu_ops_best(void);

#endif
