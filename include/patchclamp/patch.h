/* Interventions and the measurement of their effects: the heart of Patchclamp.
 *
 * Every reader r sees, at position p, the sum over the writers u before it of the source's value
 * where the edge u -> r is cut at p, and of u's value in the run at hand elsewhere (DESIGN.md,
 * section 3). The effect of an intervention on a prompt is metric(intervened run) - metric(base
 * run). */
#ifndef PATCHCLAMP_PATCH_H
#define PATCHCLAMP_PATCH_H

#include "patchclamp/device.h"
#include "patchclamp/model.h"
#include "patchclamp/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_intervention pc_intervention;

/* Reads one intervention from a JSON object:
 *   {"cut": ["a0.h1", "m0.n7", "a0.h1->a1.h0<k>"]}     writers, neurons, edges
 *   {"cut": ["a1.h0<q>", "->m1", "logits"]}            every edge into a reader
 *   {"cut": ["a1.h0<pattern>"]}                        the head's attention pattern
 *   {"cut": ["blocks.3.hook_resid_pre"]}               TransformerLens's hook names, see below
 *   {"cut": [...], "positions": [3, -1, [2, 5], "S2"]} cut only there
 *   {"cut": [...], "freeze": ["m0"]}                   held at the base run's value
 *   {"circuit": ["input->m0", "m0->logits"]}           every other edge is cut
 *   {"path": {"from": ["a0.h1"], "to": ["a1.h0<k>"], "mlps": "free"}}   path patching; or "frozen"
 *   {"path": {"from": ["a0.h1"], "via": [["a1.h0<v>"]], "to": ["logits"], "mlps": "frozen"}}
 * A position is a number (negative: from the end), a span of two with both ends in it, or a name
 * that the task gives to a token or a span of each prompt. Names that the model does not have:
 * PC_ERR_INPUT with the nearest one.
 *
 * A path is measured in phases (DESIGN.md, section 3; Wang et al. 2022, appendix B). Phase 1: the
 * senders have the source's value, the input and all other heads the base run's, MLPs that do not
 * send are computed (free) or have the base run's value (frozen); what the receivers see is kept.
 * Phase 2: the receivers see that; everything else is computed, the senders have the base run's
 * value. Via stops V_1 ... V_k, each a list of readers, phase 1 is repeated: in step i the
 * components that V_i belongs to are computed, from what phase 1 of the step before kept at V_i and
 * from the base run's inputs at their other readers; all other heads, the input and the senders
 * have the base run's value, the other MLPs are free or frozen; what V_(i+1), or after the last
 * stop the receivers, see is kept. In phase 2 the senders and the components of all stops have the
 * base run's value. "positions" say where the senders send; "freeze" holds in every phase.
 *
 * Of hook names there are, L the layer, H the head (of k and v: the KV head, unless the model reads
 * them per query head), N the neuron:
 *   blocks.L.hook_resid_pre, hook_resid_mid, hook_resid_post, hook_attn_out, hook_mlp_out,
 *   hook_mlp_in, hook_q_input.H, hook_k_input.H, hook_v_input.H, attn.hook_z.H, attn.hook_result.H,
 *   attn.hook_q.H, attn.hook_k.H, attn.hook_v.H, attn.hook_pattern.H, mlp.hook_post.N
 * Without ".H" all heads are meant. A cut of attn.hook_q, k, v and of patterns can be measured with
 * the source resample alone: it is only then that cutting all that a query reads makes it the
 * source's query. */
PC_API pc_status pc_intervention_parse(pc_intervention **out, const pc_model *model,
                                       const char *json);
PC_API void pc_intervention_free(pc_intervention *intervention);

/* Activations by TransformerLens's names. Patching one is a choice of edges to cut (DESIGN.md,
 * section 3), with writers and readers as in model.h:
 *   resid_pre  of layer l: every edge from before the layer to the layer or behind it
 *   resid_mid  the same between a layer's heads and its MLP; not in parallel blocks
 *   attn_out   every edge out of the layer's heads; mlp_out: out of its MLP; z: out of a head
 *   q, k, v    every edge into that reader of a head
 *   pattern    no edge: the head's attention from the given (query) positions is the source's */
typedef enum pc_site {
    PC_SITE_RESID_PRE,
    PC_SITE_RESID_MID,
    PC_SITE_ATTN_OUT,
    PC_SITE_MLP_OUT,
    PC_SITE_Z,
    PC_SITE_Q,
    PC_SITE_K,
    PC_SITE_V,
    PC_SITE_PATTERN
} pc_site;

/* "resid_pre" ...; an unknown name is PC_ERR_INPUT that lists the known ones. */
PC_API pc_status pc_site_parse(pc_site *out, const char *name);
PC_API const char *pc_site_name(pc_site site);

/* What replaces a cut writer's value (Zhang and Nanda 2024 compare them). */
typedef enum pc_source {
    PC_SOURCE_RESAMPLE,       /* the other run's value at the same position */
    PC_SOURCE_ZERO,           /* 0; biases b_V and b_out go too, b_O stays */
    PC_SOURCE_MEAN,           /* mean over the clean prompts and positions; BOS left out */
    PC_SOURCE_MEAN_POSITIONAL /* mean over the clean prompts at each position; equal lengths */
} pc_source;

typedef enum pc_direction {
    PC_DIRECTION_NOISE,  /* base = clean run, source = corrupted */
    PC_DIRECTION_DENOISE /* base = corrupted run, source = clean; resample only */
} pc_direction;

/* Read at each target and averaged over a prompt's targets. */
typedef enum pc_metric {
    PC_METRIC_LOGIT_DIFF, /* mean of the answers' logits - mean of the wrong answers' */
    PC_METRIC_PROB_DIFF,  /* sum of the answers' probabilities - sum of the wrong answers' */
    PC_METRIC_LOGIT,      /* mean of the answers' logits */
    PC_METRIC_LOG_PROB,   /* mean of the answers' log-probabilities */
    PC_METRIC_LOSS,       /* -log-prob */
    PC_METRIC_KL,         /* KL(full clean run || run), summed over the vocabulary, in nats */
    PC_METRIC_ACCURACY    /* 1 if the largest logit is an answer's, else 0 */
} pc_metric;

/* Enumerators from and to the names of DESIGN.md ("resample", "noise", "logit-diff"). An unknown
 * name is PC_ERR_INPUT that lists the known ones. */
PC_API pc_status pc_source_parse(pc_source *out, const char *name);
PC_API pc_status pc_direction_parse(pc_direction *out, const char *name);
PC_API pc_status pc_metric_parse(pc_metric *out, const char *name);
PC_API const char *pc_source_name(pc_source source);
PC_API const char *pc_direction_name(pc_direction direction);
PC_API const char *pc_metric_name(pc_metric metric);

typedef enum pc_engine_kind {
    PC_ENGINE_TWIN, /* the definition: the whole model in double for every intervention */
    PC_ENGINE_DELTA /* float32, only what an intervention changes: within 1e-5 |effect| +
                       3e-6 max(1, sd of the metric over prompts) of the twin */
} pc_engine_kind;

/* "twin" and "delta". */
PC_API pc_status pc_engine_parse(pc_engine_kind *out, const char *name);
PC_API const char *pc_engine_name(pc_engine_kind engine);

/* What the delta engine does not compute (DESIGN.md, section 4). None of it changes a bit: each can
 * be switched off to see that, and what it saves (plan.h). */
typedef enum pc_saving {
    PC_SAVING_LAYERS,     /* layers before the first that an intervention changes */
    PC_SAVING_POSITIONS,  /* positions before the first that changes, by causality */
    PC_SAVING_LAST_LAYER, /* queries, MLP and logits of the last layer before the first target */
    PC_SAVING_HEADS,      /* where the first change enters: heads and MLPs that do not read it */
    PC_SAVING_COLUMNS,    /* logits that the metric does not read */
    PC_SAVING_UNTOUCHED,  /* prompts where all that is cut has the base's value */
    PC_SAVING_CONE,       /* components of a circuit without a kept path to the logits */
    PC_N_SAVINGS
} pc_saving;

/* "layers", "positions", "last-layer", "heads", "columns", "untouched", "cone". */
PC_API pc_status pc_saving_parse(pc_saving *out, const char *name);
PC_API const char *pc_saving_name(pc_saving saving);

/* What tools do to a metric before it is compared. */
typedef enum pc_kl_reduction { PC_KL_SUM, PC_KL_MEAN } pc_kl_reduction; /* over the vocabulary */
typedef enum pc_metric_sense {
    PC_SENSE_METRIC, /* as it is */
    PC_SENSE_LOSS    /* metrics that are better the larger they are, negated */
} pc_metric_sense;

/* Asked now and then, from the calling thread only, while an evaluator works; false stops it, and the
 * call returns PC_ERR_INTERRUPTED. */
typedef bool (*pc_keep_going_fn)(void *payload);

typedef struct pc_evaluator_options {
    pc_source source;
    pc_direction direction;
    pc_metric metric;
    int n_threads; /* 0: one per processor; never changes a result */
    pc_engine_kind engine;
    int64_t memory;     /* bytes in all, the model's weights included, 0: no bound; never changes a
                           result. PC_ERR_INPUT where it is too little, with both numbers */
    unsigned without;   /* savings that are not made, 1u << pc_saving each */
    const char *device; /* of the delta engine: "cpu", "cuda", "cuda:N", "emu"; NULL: "cpu".
                           Borrowed as long as the evaluator lives */
    pc_precision precision; /* of its products */
    pc_kl_reduction kl;     /* PC_KL_MEAN under noise alone */
    pc_metric_sense sense;
    pc_keep_going_fn keep_going; /* NULL: nobody stops it. Searches ask their progress function too */
    void *payload;
} pc_evaluator_options;
#define PC_EVALUATOR_OPTIONS_INIT                                                                  \
    {                                                                                              \
        PC_SOURCE_RESAMPLE, PC_DIRECTION_NOISE, PC_METRIC_LOGIT_DIFF, 0, PC_ENGINE_TWIN, 0, 0,     \
            NULL, PC_PRECISION_FP32, PC_KL_SUM, PC_SENSE_METRIC, NULL, NULL                        \
    }

typedef struct pc_evaluator pc_evaluator;

/* Borrows model and task. Computes the base runs' metrics and, for the mean sources, the means.
 * PC_ERR_INPUT: a metric that needs wrong answers where there are none, denoise with another source
 * than resample, mean-positional with unequal lengths, tokens or answers that the model lacks.
 * Every thread of the twin keeps three runs of the longest prompt in double: 24 tokens (n_writers
 * d_model + n_layers d_mlp) bytes, 3.8 MB a token for GPT-2 small; pc_evaluator_bytes() says what
 * either engine takes. */
PC_API pc_status pc_evaluator_open(pc_evaluator **out, const pc_model *model, const pc_task *task,
                                   const pc_evaluator_options *options);
PC_API void pc_evaluator_free(pc_evaluator *evaluator);

/* The most bytes that an evaluator with these options holds for n_prompts prompts of n_tokens each,
 * beside the model: packed weights, prompts and threads of the delta engine, or the threads of the
 * twin. */
PC_API double pc_evaluator_bytes(const pc_model *model, const pc_evaluator_options *options,
                                 int n_prompts, int n_tokens);

/* Measures n interventions on every prompt of the task.
 *   effects        (n, n_prompts) metric(intervened) - metric(base), in the metric's unit
 *   is_touched     (n) or NULL: false where the intervention changed nothing on any prompt; its
 *                  effects are then exactly 0
 *   interventions  (n) parsed for the evaluator's model
 *
 * The result does not depend on n, on the order or on the number of threads. PC_ERR_INPUT: a
 * position outside a prompt; a metric that comes out as NaN or infinity, with layer, component and
 * prompt. */
PC_API pc_status pc_evaluator_measure(double *effects, bool *is_touched, pc_evaluator *evaluator,
                                      const pc_intervention *const *interventions, int n);

/* The metric per prompt (n_prompts) of the plain model on the clean and on the corrupted prompts.
 */
PC_API const double *pc_evaluator_clean(const pc_evaluator *evaluator);
PC_API const double *pc_evaluator_corrupted(const pc_evaluator *evaluator);

/* pc_model_logits() (model.h) on a device, in float32 or the precision of its products.
 *   device  as in pc_evaluator_options; "cpu" too is float32 here */
PC_API pc_status pc_model_logits_on(double *logits, const pc_model *model, const int32_t *tokens,
                                    int n_tokens, const char *device, pc_precision precision);

#ifdef __cplusplus
}
#endif
#endif
