/* The plain model on a device: the way there of a gradient run. */
#include "grad/plain.h"

#include "base/memory.h"
#include "grad/grad_run_private.h"

#include <math.h>
#include <stdlib.h>

struct pc_plain {
    pc_grad_weights *weights;
    pc_grad_run *run;
    pc_target *targets; /* (longest) every position */
    float *log_pattern; /* (n_heads, longest, longest) of a layer, here */
    const int32_t *tokens;
    int n_tokens;
};

static pc_status open_into(pc_plain *p, const pc_model *model, const pc_device *device, int longest,
                           pc_plain_use use)
{
    const bool has_logits = use == PC_PLAIN_LOGITS;
    const size_t patterns = (size_t)model->shape.n_heads * (size_t)longest * (size_t)longest;
    const pc_grad_run_options options = {
        .what = PC_GRAD_NOTHING, .metric = has_logits ? PC_METRIC_LOG_PROB : PC_METRIC_LOGIT};
    const pc_grad_sizes sizes = {longest, longest, longest};
    p->targets = pc_alloc((size_t)longest, sizeof *p->targets);
    p->log_pattern = pc_alloc(has_logits ? 1 : patterns, sizeof *p->log_pattern);
    if (!p->targets || !p->log_pattern) return PC_ERR_NOMEM;
    PC_TRY(pc_grad_weights_new(&p->weights, PC_GRAD_THERE, model, device, longest,
                               has_logits ? PC_UNEMBED_ALL : PC_UNEMBED_ANSWERS));
    return pc_grad_run_new(&p->run, p->weights, &options, &sizes);
}

pc_status pc_plain_new(pc_plain **out, const pc_model *model, const pc_device *device, int longest,
                       pc_plain_use use)
{
    *out = NULL;
    pc_plain *p = pc_alloc(1, sizeof *p);
    if (!p) return PC_ERR_NOMEM;
    const pc_status status = open_into(p, model, device, longest, use);
    if (status == PC_OK) *out = p;
    else pc_plain_free(p);
    return status;
}

void pc_plain_free(pc_plain *p)
{
    if (!p) return;
    pc_grad_run_free(p->run);
    pc_grad_weights_free(p->weights);
    free(p->log_pattern);
    free(p->targets);
    free(p);
}

static void run_for(pc_plain *p, int n_targets)
{
    for (int i = 0; i < n_targets; i++)
        p->targets[i].position = p->n_tokens - n_targets + i;
    const pc_prompt pair = {
        .clean = p->tokens, .n_tokens = p->n_tokens, .targets = p->targets, .n_targets = n_targets};
    const pc_grad_prompt prompt = {.pair = &pair, .base = p->tokens};
    pc_grad_run_base(p->run, &prompt, 1);
}

void pc_plain_run(pc_plain *p, const int32_t *tokens, int n_tokens)
{
    p->tokens = tokens;
    p->n_tokens = n_tokens;
}

pc_status pc_plain_logits(double *logits, pc_plain *p, int n)
{
    run_for(p, n);
    return pc_grad_logits(logits, p->run);
}

pc_status pc_plain_patterns(double *patterns, pc_plain *p)
{
    const int n_layers = p->run->s->n_layers;
    const int64_t n = (int64_t)p->run->s->n_heads * p->n_tokens * p->n_tokens;
    run_for(p, 1);
    for (int layer = 0; layer < n_layers; layer++) {
        pc_grad_patterns(p->run, layer, NULL);
        p->run->ops->download(p->run->queue, p->log_pattern, p->run->log_pattern,
                              (size_t)n * sizeof *p->log_pattern);
        PC_TRY(pc_device_wait(p->weights->forward->device, p->run->queue));
        for (int64_t i = 0; i < n; i++)
            patterns[layer * n + i] = exp((double)p->log_pattern[i]);
    }
    return PC_OK;
}

pc_status pc_model_logits_on(double *logits, const pc_model *model, const int32_t *tokens,
                             int n_tokens, const char *device, pc_precision precision)
{
    const pc_device *d;
    pc_plain *plain;
    PC_TRY(pc_model_check_tokens(model, tokens, n_tokens));
    PC_TRY(pc_device_get(&d, device, precision));
    PC_TRY(pc_plain_new(&plain, model, d, n_tokens, PC_PLAIN_LOGITS));
    pc_plain_run(plain, tokens, n_tokens);
    const pc_status status = pc_plain_logits(logits, plain, n_tokens);
    pc_plain_free(plain);
    return status;
}
