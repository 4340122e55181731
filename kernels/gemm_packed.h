/* How packed weights lie in memory: for the kernels of gemm.h alone. */
#ifndef PC_KERNELS_GEMM_PACKED_H
#define PC_KERNELS_GEMM_PACKED_H

#include "kernels/gemm.h"

enum { PC_PANEL = 16 };

/* Block after block of PC_GEMM_BLOCK rows of W; in a block, panel after panel of PC_PANEL columns;
 * in a panel, row after row of its PC_PANEL values. The last panel is filled up with zeros. Panels
 * begin at a multiple of 64 bytes. */
struct pc_packed {
    int64_t n_in, n_out, n_panels;
    float *values;
    void *memory;
};

/* W(k, 16 panel), from where k goes on by PC_PANEL to the end of k's block. */
static inline float *pc_packed_panel(const pc_packed *packed, int64_t k, int64_t panel)
{
    const int64_t block = k / PC_GEMM_BLOCK, first = block * PC_GEMM_BLOCK;
    const int64_t rest = packed->n_in - first;
    const int64_t height = rest < PC_GEMM_BLOCK ? rest : PC_GEMM_BLOCK;
    return packed->values + (first * packed->n_panels + panel * height + (k - first)) * PC_PANEL;
}

#endif
