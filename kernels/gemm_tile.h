/* Tiles of a product: what an instruction set brings to gemm.h, and the loops around it. */
#ifndef PC_KERNELS_GEMM_TILE_H
#define PC_KERNELS_GEMM_TILE_H

#include "kernels/gemm_packed.h"

/* Rows of A are copied, a block of k at a time, to this distance: near enough to be addressed from
 * one register, and not a multiple of a page, so that they do not fight for the same cache sets. */
enum { PC_TILE_A_STRIDE = PC_GEMM_BLOCK + PC_PANEL, PC_TILE_MOST_ROWS = 14 };

/* c (rows, PC_PANEL n_panels), rows c_stride apart, is set to, or increased by, the chains over
 * `depth` steps of a (rows, depth), rows PC_TILE_A_STRIDE apart, and the panels, which begin at
 * w, w + panel_stride, ... */
typedef struct pc_gemm_tile {
    float *c;
    const float *a, *w;
    int64_t c_stride, panel_stride, depth;
    pc_gemm_mode mode;
} pc_gemm_tile;

/* 1 <= rows <= most_rows <= PC_TILE_MOST_ROWS, 1 <= n_panels <= most_panels <= 2. */
typedef struct pc_gemm_tiles {
    int most_rows, most_panels;
    void (*run)(const pc_gemm_tile *tile, int rows, int n_panels);
} pc_gemm_tiles;

void pc_gemm_by_tiles(const pc_gemm_args *args, const pc_gemm_tiles *tiles);

#endif
