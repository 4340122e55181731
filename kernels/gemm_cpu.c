/* The product's tiles for any processor: 4 rows by 16 columns, its fused multiply-add by software
 * where the hardware has none. */
#include "kernels/gemm_tile.h"

#include "kernels/fused.h"

enum { MOST_ROWS = 4 };

static void run_row(float *sum, const float *a, const float *w, int64_t depth)
{
    for (int j = 0; j < PC_PANEL; j++)
        sum[j] = 0;
    for (int64_t k = 0; k < depth; k++, w += PC_PANEL)
        for (int j = 0; j < PC_PANEL; j++)
            sum[j] = pc_fused_by_double(a[k], w[j], sum[j]);
}

static void run(const pc_gemm_tile *tile, int rows, int n_panels)
{
    (void)n_panels; /* always 1 */
    for (int i = 0; i < rows; i++) {
        float sum[PC_PANEL], *c = tile->c + i * tile->c_stride;
        run_row(sum, tile->a + i * PC_TILE_A_STRIDE, tile->w, tile->depth);
        for (int j = 0; j < PC_PANEL; j++)
            c[j] = tile->mode == PC_GEMM_ADD ? c[j] + sum[j] : sum[j];
    }
}

void pc_gemm_baseline(const pc_gemm_args *args)
{
    static const pc_gemm_tiles tiles = {.most_rows = MOST_ROWS, .most_panels = 1, .run = run};
    pc_gemm_by_tiles(args, &tiles);
}
