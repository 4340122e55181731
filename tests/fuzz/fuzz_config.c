/* Fuzzes the model configurations: any bytes give a shape that can be used, or one line of message.
 */
#include "model/architecture.h"
#include "model/components.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_config(const char *bytes, size_t length, const char *file)
{
    const pc_architecture *architecture = NULL;
    pc_shape shape;
    if (pc_architecture_parse(&architecture, &shape, bytes, length, file, file) != PC_OK) {
        if (!*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
        return;
    }
    if (shape.n_layers < 1 || shape.n_heads < 1 || shape.d_model < 1 || shape.d_head < 1 ||
        shape.d_mlp < 0 || shape.n_ctx < 1 || shape.vocab < 1 || shape.vocab_out < 1)
        abort();
    if ((int64_t)shape.n_layers * shape.n_heads > 4096) return; /* a table that is only large */
    pc_components components;
    if (pc_components_init(&components, &shape, PC_KV_PER_QUERY) != PC_OK) abort();
    pc_components_free(&components);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    read_config((const char *)bytes, length, "config.json");
    read_config((const char *)bytes, length, "cfg.json");
    return 0;
}
