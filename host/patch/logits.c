/* The plain model's logits, through the twin. */
#include "base/memory.h"
#include "patch/twin.h"

#include <stdlib.h>

pc_status pc_model_logits(double *logits, const pc_model *model, const int32_t *tokens,
                          int n_tokens)
{
    pc_twin *twin = NULL;
    pc_run run = {0};
    PC_TRY(pc_model_check_tokens(model, tokens, n_tokens));
    pc_status status = pc_twin_new(&twin, model, n_tokens);
    if (status == PC_OK) status = pc_run_new(&run, model, n_tokens);
    if (status == PC_OK) {
        (void)pc_twin_run(&run, twin, tokens, n_tokens, NULL);
        for (int p = 0; p < n_tokens; p++)
            pc_twin_logits(logits + (int64_t)p * model->shape.vocab_out, twin, p);
    }
    pc_run_free(&run);
    pc_twin_free(twin);
    return status;
}
