/* Fuzzes other tools' circuits: any bytes give marks of a model's edges, or one line of message. */
#include "base/memory.h"
#include "search/import.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Names are all that is looked at: no weights are needed. */
static const pc_model *model_of_names(void)
{
    static pc_model model = {.info = {.name = "names"}};
    const pc_shape shape = {.n_layers = 2, .n_heads = 3, .n_kv_heads = 3, .d_mlp = 16};
    if (model.components.n_writers == 0 &&
        pc_components_init(&model.components, &shape, PC_KV_SHARED) != PC_OK)
        abort();
    return &model;
}

static void check_marks(const pc_imported *m, int64_t n)
{
    int64_t n_known = 0;
    for (int64_t e = 0; e < n; e++) {
        n_known += m->is_known[e];
        if (m->is_kept[e] && !m->is_known[e]) abort();
        if (isinf(m->score[e])) abort(); /* NaN: it has none */
    }
    if (n_known == 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const pc_model *model = model_of_names();
    const size_t n = (size_t)model->components.n_edges;
    char *copy = pc_copy_bytes((const char *)bytes, length);
    pc_imported m = {pc_alloc(n, sizeof *m.is_kept), pc_alloc(n, sizeof *m.is_known),
                     pc_alloc(n, sizeof *m.score)};
    if (copy && m.is_kept && m.is_known && m.score) {
        if (pc_import_parse(&m, model, copy, length, "input") == PC_OK) check_marks(&m, (int64_t)n);
        else if (!*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
    }
    free(m.score);
    free(m.is_known);
    free(m.is_kept);
    free(copy);
    return 0;
}
