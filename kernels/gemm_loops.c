/* The loops around the tiles of a product: blocks of k, strips of columns, tiles of rows. */
#include "kernels/gemm_tile.h"

#include <assert.h>
#include <string.h>

/* Columns whose weights stay in the second-level cache while all rows pass by: 8 panels of a block
 * are 192 KB. */
enum { STRIP_PANELS = 8 };

/* One block of k and one strip of panels, for all rows. */
typedef struct strip {
    const pc_gemm_args *args;
    const pc_gemm_tiles *tiles;
    int64_t k, depth; /* of W */
    int64_t first_panel, end_panel;
    pc_gemm_mode mode;
} strip;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The columns that were asked for, of a tile that was computed whole. */
static void copy_columns(const strip *s, float *c, const float *whole, int64_t whole_stride,
                         int rows, int64_t n)
{
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++) {
            float *to = &c[i * s->args->c_stride + j];
            const float sum = whole[i * whole_stride + j];
            *to = s->mode == PC_GEMM_ADD ? *to + sum : sum;
        }
}

/* Panels of which only the columns from `first` to `end` (of W) are wanted. */
static void run_part(const strip *s, pc_gemm_tile *tile, float *c, int rows, int64_t panel,
                     int n_panels)
{
    float whole[PC_TILE_MOST_ROWS * 2 * PC_PANEL];
    const int64_t start = panel * PC_PANEL;
    const int64_t first = most(start, s->args->n_first);
    const int64_t end = least(start + n_panels * PC_PANEL, s->args->n_first + s->args->n_count);
    tile->c = whole;
    tile->c_stride = 2 * PC_PANEL;
    tile->mode = PC_GEMM_SET;
    s->tiles->run(tile, rows, n_panels);
    copy_columns(s, c + (first - s->args->n_first), whole + (first - start), tile->c_stride, rows,
                 end - first);
}

static void run_panels(const strip *s, const float *a, float *c, int rows, int64_t panel,
                       int n_panels)
{
    const pc_packed *w = s->args->w;
    const int64_t start = panel * PC_PANEL, end = start + n_panels * PC_PANEL;
    pc_gemm_tile tile = {.a = a,
                         .w = pc_packed_panel(w, s->k, panel),
                         .depth = s->depth,
                         .c_stride = s->args->c_stride,
                         .mode = s->mode};
    if (n_panels > 1) tile.panel_stride = pc_packed_panel(w, s->k, panel + 1) - tile.w;
    if (start < s->args->n_first || end > s->args->n_first + s->args->n_count) {
        run_part(s, &tile, c, rows, panel, n_panels);
        return;
    }
    tile.c = c + (start - s->args->n_first);
    s->tiles->run(&tile, rows, n_panels);
}

static void run_rows(const strip *s, int64_t row, int rows)
{
    float a[PC_TILE_MOST_ROWS * PC_TILE_A_STRIDE];
    const pc_gemm_args *args = s->args;
    for (int i = 0; i < rows; i++)
        memcpy(a + i * PC_TILE_A_STRIDE,
               args->a + (row + i) * args->a_stride + (s->k - args->k_first),
               (size_t)s->depth * sizeof *a);
    for (int64_t panel = s->first_panel; panel < s->end_panel;) {
        const int n_panels = (int)least(s->tiles->most_panels, s->end_panel - panel);
        run_panels(s, a, args->c + row * args->c_stride, rows, panel, n_panels);
        panel += n_panels;
    }
}

/* Tiles as even as can be: 15 rows are 8 and 7, not 14 and 1. */
static void run_strip(const strip *s)
{
    const int64_t n = s->args->rows, n_tiles = (n + s->tiles->most_rows - 1) / s->tiles->most_rows;
    for (int64_t i = 0, row = 0; i < n_tiles; i++) {
        const int64_t end = (i + 1) * (n / n_tiles) + least(i + 1, n % n_tiles);
        run_rows(s, row, (int)(end - row));
        row = end;
    }
}

static void run_block(const pc_gemm_args *args, const pc_gemm_tiles *tiles, int64_t k,
                      int64_t depth)
{
    const int64_t end = (args->n_first + args->n_count + PC_PANEL - 1) / PC_PANEL;
    strip s = {.args = args, .tiles = tiles, .k = k, .depth = depth};
    s.mode = k == args->k_first ? args->mode : PC_GEMM_ADD;
    for (int64_t panel = args->n_first / PC_PANEL; panel < end; panel = s.end_panel) {
        s.first_panel = panel;
        s.end_panel = least(panel + STRIP_PANELS, end);
        run_strip(&s);
    }
}

static void set_to_zero(const pc_gemm_args *args)
{
    for (int64_t row = 0; row < args->rows; row++)
        for (int64_t column = 0; column < args->n_count; column++)
            args->c[row * args->c_stride + column] = 0;
}

void pc_gemm_by_tiles(const pc_gemm_args *args, const pc_gemm_tiles *tiles)
{
    const int64_t k_end = args->k_first + args->k_count;
    assert(args->k_first >= 0 && args->k_count >= 0 && k_end <= args->w->n_in);
    assert(args->n_first >= 0 && args->n_count >= 0 &&
           args->n_first + args->n_count <= args->w->n_out);
    if (args->n_count == 0) return;
    if (args->k_count == 0 && args->mode == PC_GEMM_SET) set_to_zero(args);
    for (int64_t k = args->k_first; k < k_end;) {
        const int64_t end = least((k / PC_GEMM_BLOCK + 1) * PC_GEMM_BLOCK, k_end);
        run_block(args, tiles, k, end - k);
        k = end;
    }
}
