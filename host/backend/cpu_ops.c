/* Which instruction set's operators run on this processor. */
#include "backend/cpu_ops.h"

static bool always(void)
{
    return true;
}

static const pc_cpu_ops baseline = {
    .name = "baseline",
    .gemm = pc_gemm_baseline,
    .linear = pc_ref_linear,
    .layernorm_delta = pc_layernorm_delta_baseline,
    .rmsnorm_delta = pc_rmsnorm_delta_baseline,
    .activation_delta = pc_activation_delta_baseline,
    .answer_delta = pc_answer_delta_baseline,
    .attention_delta = pc_attention_delta_baseline,
    .rotary = pc_rotary_baseline,
    .softcap_delta = pc_softcap_delta_baseline,
    .target_delta = pc_target_delta_baseline,
    .add_change = pc_add_change_baseline,
    .copy_rows = pc_copy_rows_baseline,
    .cut_rows = pc_cut_rows_baseline,
    .vanishing = pc_vanishing_baseline,
    .scores_lost = pc_scores_lost_baseline,
    .not_finite = pc_not_finite_baseline,
    .layernorm_base = pc_layernorm_base_baseline,
    .rmsnorm_base = pc_rmsnorm_base_baseline,
    .activation_base = pc_activation_base_baseline,
    .attention_base = pc_attention_base_baseline,
    .softcap_base = pc_softcap_base_baseline,
    .layernorm_backward = pc_layernorm_backward_baseline,
    .rmsnorm_backward = pc_rmsnorm_backward_baseline,
    .activation_backward = pc_activation_backward_baseline,
    .attention_backward = pc_attention_backward_baseline,
    .pair_dots = pc_pair_dots_baseline,
    .column_dots = pc_column_dots_baseline,
    .vector_function = pc_vector_function_baseline,
};

#if defined(__x86_64__)
static const pc_cpu_ops avx2 = {
    .name = "avx2",
    .gemm = pc_gemm_avx2,
    .linear = pc_linear_avx2,
    .layernorm_delta = pc_layernorm_delta_avx2,
    .rmsnorm_delta = pc_rmsnorm_delta_avx2,
    .activation_delta = pc_activation_delta_avx2,
    .answer_delta = pc_answer_delta_avx2,
    .attention_delta = pc_attention_delta_avx2,
    .rotary = pc_rotary_avx2,
    .softcap_delta = pc_softcap_delta_avx2,
    .target_delta = pc_target_delta_avx2,
    .add_change = pc_add_change_avx2,
    .copy_rows = pc_copy_rows_avx2,
    .cut_rows = pc_cut_rows_avx2,
    .vanishing = pc_vanishing_avx2,
    .scores_lost = pc_scores_lost_avx2,
    .not_finite = pc_not_finite_avx2,
    .layernorm_base = pc_layernorm_base_avx2,
    .rmsnorm_base = pc_rmsnorm_base_avx2,
    .activation_base = pc_activation_base_avx2,
    .attention_base = pc_attention_base_avx2,
    .softcap_base = pc_softcap_base_avx2,
    .layernorm_backward = pc_layernorm_backward_avx2,
    .rmsnorm_backward = pc_rmsnorm_backward_avx2,
    .activation_backward = pc_activation_backward_avx2,
    .attention_backward = pc_attention_backward_avx2,
    .pair_dots = pc_pair_dots_avx2,
    .column_dots = pc_column_dots_avx2,
    .vector_function = pc_vector_function_avx2,
};

/* The product alone gains from wider registers (kernels/README.md). */
static const pc_cpu_ops avx512 = {
    .name = "avx512",
    .gemm = pc_gemm_avx512,
    .linear = pc_linear_avx2,
    .layernorm_delta = pc_layernorm_delta_avx2,
    .rmsnorm_delta = pc_rmsnorm_delta_avx2,
    .activation_delta = pc_activation_delta_avx2,
    .answer_delta = pc_answer_delta_avx2,
    .attention_delta = pc_attention_delta_avx2,
    .rotary = pc_rotary_avx2,
    .softcap_delta = pc_softcap_delta_avx2,
    .target_delta = pc_target_delta_avx2,
    .add_change = pc_add_change_avx2,
    .copy_rows = pc_copy_rows_avx2,
    .cut_rows = pc_cut_rows_avx2,
    .vanishing = pc_vanishing_avx2,
    .scores_lost = pc_scores_lost_avx2,
    .not_finite = pc_not_finite_avx2,
    .layernorm_base = pc_layernorm_base_avx2,
    .rmsnorm_base = pc_rmsnorm_base_avx2,
    .activation_base = pc_activation_base_avx2,
    .attention_base = pc_attention_base_avx2,
    .softcap_base = pc_softcap_base_avx2,
    .layernorm_backward = pc_layernorm_backward_avx2,
    .rmsnorm_backward = pc_rmsnorm_backward_avx2,
    .activation_backward = pc_activation_backward_avx2,
    .attention_backward = pc_attention_backward_avx2,
    .pair_dots = pc_pair_dots_avx2,
    .column_dots = pc_column_dots_avx2,
    .vector_function = pc_vector_function_avx2,
};

/* These ask the processor and the operating system, which must save the registers. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f");
}
#endif

static const struct {
    const pc_cpu_ops *ops;
    bool (*can_run)(void);
} sets[] = {
    {&baseline, always},
#if defined(__x86_64__)
    {&avx2, has_avx2},
    {&avx512, has_avx512},
#endif
};

int pc_cpu_n_sets(void)
{
    return (int)(sizeof sets / sizeof *sets);
}

const pc_cpu_ops *pc_cpu_set(int i)
{
    return sets[i].ops;
}

bool pc_cpu_can_run(int i)
{
    return sets[i].can_run();
}

const pc_cpu_ops *pc_cpu_ops_best(void)
{
    int best = 0;
    for (int i = 1; i < pc_cpu_n_sets(); i++)
        if (pc_cpu_can_run(i)) best = i;
    return pc_cpu_set(best);
}
