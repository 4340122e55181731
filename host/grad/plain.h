/* The plain model on a device, in float32 or less: its logits and attention patterns. */
#ifndef PC_GRAD_PLAIN_H
#define PC_GRAD_PLAIN_H

#include "backend/device_private.h"
#include "model/model_private.h"

typedef struct pc_plain pc_plain;

typedef enum pc_plain_use { PC_PLAIN_LOGITS, PC_PLAIN_PATTERNS } pc_plain_use;

/* For prompts of up to `longest` tokens; patterns alone do without the unembedding. Borrows the
 * model. PC_ERR_NOMEM. */
pc_status pc_plain_new(pc_plain **out, const pc_model *model, const pc_device *device, int longest,
                       pc_plain_use use);
void pc_plain_free(pc_plain *plain);

/* The next calls are of these tokens, which have been checked. */
void pc_plain_run(pc_plain *plain, const int32_t *tokens, int n_tokens);

/* logits (n, vocab_out) at the last n positions. */
pc_status pc_plain_logits(double *logits, pc_plain *plain, int n);
/* patterns (n_layers, n_heads, n_tokens, n_tokens): row = query, column = key. */
pc_status pc_plain_patterns(double *patterns, pc_plain *plain);

#endif
