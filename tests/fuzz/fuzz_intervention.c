/* Fuzzes the interventions' JSON: any text gives an intervention with a name, or one line of
 * message. */
#include "base/memory.h"
#include "model/model_private.h"
#include "patch/intervention.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Names are all that is looked at: no weights are needed. */
static const pc_model *model_of_names(void)
{
    static pc_model model;
    const pc_shape shape = {.n_layers = 2, .n_heads = 3, .n_kv_heads = 3, .d_mlp = 16};
    if (model.components.n_writers == 0 && pc_components_init(&model.components, &shape, PC_KV_SHARED) != PC_OK)
        abort();
    return &model;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const pc_model *model = model_of_names();
    char *json = pc_copy_bytes((const char *)bytes, length);
    pc_intervention *intervention = NULL;
    if (!json) return 0;
    if (pc_intervention_parse(&intervention, model, json) == PC_OK) {
        pc_text key = {0};
        if (pc_intervention_key(&key, intervention, &model->components) != PC_OK) abort();
        pc_text_free(&key);
    } else if (intervention || !*pc_last_error() || strchr(pc_last_error(), '\n')) {
        abort();
    }
    pc_intervention_free(intervention);
    free(json);
    return 0;
}
