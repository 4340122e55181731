/* Direct logit attribution: what each component writes straight into the logits; and the logit
 * lens. */
#ifndef PATCHCLAMP_ATTRIBUTE_H
#define PATCHCLAMP_ATTRIBUTE_H

#include "patchclamp/patch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With x the final residual stream of the clean run at a target, w the mean of the answers' rows of
 * W_U less the mean of the wrong answers' (logit-diff; the first alone for logit), and the final
 * norm's gain g, bias b, scale s = s(x) of this very run, held fixed:
 *
 *   component u   sum_i w_i g_i (x_u - mean(x_u))_i / s     LayerNorm; RMSNorm without the mean
 *   b_O           the same of the attention's output biases, which belong to no writer
 *   ln_final.b    w . b
 *   b_U           as w, of the unembedding's biases
 *
 * as TransformerLens's stack_head_results and apply_ln_to_stack have it (Elhage et al. 2021). Their
 * sum is the metric. Behind a post-norm (Gemma-2) a head's x_u is its output through that norm with
 * the scale of this run; the norm's bias goes to b_O. A final softcap is left out: attribution
 * and lens are of the logits before it. Targets are averaged over.
 *
 * The lens is the metric that the stream before layer 0, and after each layer, has through the
 * final norm with a scale of its own and the unembedding (nostalgebraist 2020). */
typedef struct pc_attribution pc_attribution;

/* PC_ERR_INPUT: another metric than logit-diff and logit, which alone are linear in the logits; no
 * wrong answers for logit-diff; tokens that the model lacks. */
PC_API pc_status pc_attribute(pc_attribution **out, const pc_model *model, const pc_task *task,
                              pc_metric metric);
PC_API void pc_attribution_free(pc_attribution *attribution);

/* Mean over the prompts and its standard error; (n_prompts) values, which live as long as the
 * attribution. */
typedef struct pc_attribution_row {
    const char *name;
    double mean, stderr_;
    const double *values;
} pc_attribution_row;
/* The writers in component order, then b_O, ln_final.b and b_U. */
PC_API int pc_attribution_n(const pc_attribution *attribution);
PC_API pc_attribution_row pc_attribution_at(const pc_attribution *attribution, int i);
/* "0.resid_pre", then "L.resid_post" of each layer. */
PC_API int pc_attribution_n_lens(const pc_attribution *attribution);
PC_API pc_attribution_row pc_attribution_lens(const pc_attribution *attribution, int i);
PC_API int pc_attribution_n_prompts(const pc_attribution *attribution);
/* The metric of the whole, before a softcap; and by how much the components' sum misses it at most
 * (rounding). */
PC_API pc_attribution_row pc_attribution_total(const pc_attribution *attribution);
PC_API double pc_attribution_gap(const pc_attribution *attribution);

/* kind,name,mean,stderr,n with kind = component or lens; replaced atomically. */
PC_API pc_status pc_attribution_write_csv(const pc_attribution *attribution, const char *path);

#ifdef __cplusplus
}
#endif
#endif
