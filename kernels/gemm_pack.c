/* Packing weights for the products of gemm.h. */
#include "kernels/gemm_packed.h"

#include "base/fail.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

static int64_t panels_of(int64_t n_out)
{
    return n_out / PC_PANEL + (n_out % PC_PANEL != 0);
}

int64_t pc_packed_bytes(int64_t n_in, int64_t n_out)
{
    const int64_t panel_bytes = PC_PANEL * (int64_t)sizeof(float), n_panels = panels_of(n_out);
    const int64_t most = (INT64_MAX - ALIGNMENT - (int64_t)sizeof(pc_packed)) / panel_bytes;
    if (n_panels > 0 && n_in > most / n_panels) return INT64_MAX;
    return n_in * n_panels * panel_bytes + ALIGNMENT + (int64_t)sizeof(pc_packed);
}

static float *aligned(void *memory)
{
    const uintptr_t past = (uintptr_t)memory % ALIGNMENT;
    return (float *)((char *)memory + (past ? ALIGNMENT - past : 0));
}

pc_status pc_packed_new(pc_packed **out, int64_t n_in, int64_t n_out)
{
    assert(n_in >= 0 && n_out >= 0);
    *out = NULL;
    const int64_t bytes = pc_packed_bytes(n_in, n_out);
    if (bytes == INT64_MAX || (uint64_t)bytes > SIZE_MAX)
        return pc_fail(PC_ERR_NOMEM,
                       "packed weights: %lld x %lld values are more than memory can hold",
                       (long long)n_in, (long long)n_out);
    pc_packed *packed = pc_alloc(1, sizeof *packed);
    if (!packed) return PC_ERR_NOMEM;
    packed->memory = pc_alloc((size_t)bytes - sizeof *packed, 1);
    if (!packed->memory) {
        free(packed);
        return PC_ERR_NOMEM;
    }
    packed->values = aligned(packed->memory);
    packed->n_in = n_in;
    packed->n_out = n_out;
    packed->n_panels = panels_of(n_out);
    *out = packed;
    return PC_OK;
}

void pc_packed_free(pc_packed *packed)
{
    if (!packed) return;
    free(packed->memory);
    free(packed);
}

int64_t pc_packed_n_in(const pc_packed *packed)
{
    return packed->n_in;
}

int64_t pc_packed_n_out(const pc_packed *packed)
{
    return packed->n_out;
}

/* The part's rows from i to i_end and columns (of W) from n to n_end, which lie in one panel. */
static void put_in_panel(pc_packed *packed, const pc_packed_part *part, int64_t i, int64_t i_end,
                         int64_t n, int64_t n_end)
{
    for (; i < i_end; i++) {
        float *to = pc_packed_panel(packed, part->k_first + i, n / PC_PANEL) + n % PC_PANEL;
        const float *from =
            part->source + i * part->k_stride + (n - part->n_first) * part->n_stride;
        if (part->n_stride == 1) memcpy(to, from, (size_t)(n_end - n) * sizeof *to);
        else
            for (int64_t j = 0; j < n_end - n; j++)
                to[j] = from[j * part->n_stride];
    }
}

/* A few rows at a time, so that neither source nor panels are walked a page a step. */
void pc_packed_put(pc_packed *packed, const pc_packed_part *part)
{
    enum { ROWS = 16 };
    const int64_t end = part->n_first + part->n_n;
    assert(part->k_first >= 0 && part->n_k >= 0 && part->k_first + part->n_k <= packed->n_in);
    assert(part->n_first >= 0 && part->n_n >= 0 && end <= packed->n_out);
    for (int64_t i = 0; i < part->n_k; i += ROWS) {
        const int64_t i_end = i + ROWS < part->n_k ? i + ROWS : part->n_k;
        for (int64_t n = part->n_first, n_end; n < end; n = n_end) {
            const int64_t next = (n / PC_PANEL + 1) * PC_PANEL;
            n_end = next < end ? next : end;
            put_in_panel(packed, part, i, i_end, n, n_end);
        }
    }
}

float pc_packed_at(const pc_packed *packed, int64_t k, int64_t n)
{
    assert(k >= 0 && k < packed->n_in && n >= 0 && n < packed->n_out);
    return pc_packed_panel(packed, k, n / PC_PANEL)[n % PC_PANEL];
}
