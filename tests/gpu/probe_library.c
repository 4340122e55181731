/* What the device and its library can do: copy and product rates, and which algorithms treat all
 * rows alike. */
#include "probe_device.h"
#include "probe_parts.h"
#include "probe_product.h"
#include "probe_run.h"

#include <stdlib.h>

/* ---- ceilings ---- */

typedef struct copied {
    char *to, *from;
    size_t bytes;
} copied;

static void run_copy(void *state, int round)
{
    const copied *c = state;
    (void)round;
    probe_expect(cudaMemcpyAsync(c->to, c->from, c->bytes, cudaMemcpyDeviceToDevice, NULL), "copy");
}

/* At most a quarter of what is free. */
static int64_t fitting(int64_t bytes)
{
    size_t free_bytes = 0, total_bytes = 0;
    probe_expect(cudaMemGetInfo(&free_bytes, &total_bytes), "free memory");
    const int64_t most = (int64_t)(free_bytes / 4) >> 20 << 20;
    return bytes < most ? bytes : most;
}

static double copy_rate(probe_table *table, int64_t bytes)
{
    copied c = {.to = probe_take((size_t)bytes), .bytes = (size_t)bytes};
    c.from = (char *)probe_take_random(bytes / 4, 1, 5);
    const double ms = probe_median_ms(run_copy, &c);
    const double rate = 2 * (double)bytes / ms * 1e3;
    probe_cell(table, "copy, read and written");
    probe_cell(table, "%lld MiB", (long long)(bytes >> 20));
    probe_cell(table, "%.4f", ms);
    probe_cell(table, "%.0f", rate * 1e-9);
    probe_cell(table, "GB/s");
    probe_give(c.from);
    probe_give(c.to);
    return rate;
}

enum { TRIED = 8 };

static void product_rate(probe_table *table, const probe_precision *precision, int64_t cube)
{
    probe_product p;
    cublasLtMatmulHeuristicResult_t found[TRIED];
    double best = 0;
    probe_product_open(&p, precision, cube, cube);
    void *a = probe_product_rows(&p, cube);
    float *c = probe_take((size_t)(cube * cube) * sizeof *c);
    const int n = probe_product_propose(&p, cube, CUBLASLT_REDUCTION_SCHEME_MASK, found, TRIED);
    for (int i = 0; i < n; i++) {
        const double ms = probe_product_ms(&p, &found[i].algo, c, a, cube);
        if (best == 0 || ms < best) best = ms;
    }
    probe_cell(table, "%s product, best of %d", precision->name, n);
    probe_cell(table, "%lld cubed", (long long)cube);
    probe_cell(table, "%.4f", best);
    probe_cell(table, "%.1f",
               best > 0 ? 2e-9 * (double)cube * (double)cube * (double)cube / best : 0);
    probe_cell(table, "TFLOP/s");
    probe_give(c);
    probe_give(a);
    probe_product_close(&p);
}

double probe_ceilings(probe_table *table, const probe_sizes *sizes)
{
    static const char *const columns[] = {"what", "size", "ms", "rate", "unit", NULL};
    probe_table_start(table, "Ceilings", columns, "medians of 11");
    const double rate = copy_rate(table, fitting(sizes->copy_bytes));
    for (int i = 0; i < PROBE_PRECISIONS; i++)
        product_rate(table, &probe_precisions[i], sizes->cube);
    return rate;
}

/* ---- do rows come out alike? ---- */

enum { SHIFTS = 3, FEW = 3 };

/* A product with its rows, the same rows in other places, and few of them with zeros behind. */
typedef struct arrangement {
    probe_product p;
    const probe_sizes *sizes;
    int64_t shifts[SHIFTS];
    void *a, *shifted[SHIFTS], *padded;
    float *c, *other;
    int32_t *differs, *host_differs;
} arrangement;

static void arrange(arrangement *s, const probe_precision *precision, const int64_t n_k[2],
                    const probe_sizes *sizes)
{
    const int64_t rows = sizes->rows, words = n_k[1] * precision->bytes / 4;
    const size_t a_bytes = (size_t)(rows * n_k[1] * precision->bytes);
    const size_t few_bytes = (size_t)(sizes->few[1] * n_k[1] * precision->bytes);
    *s = (arrangement){.sizes = sizes, .shifts = {1, 64 % rows, rows / 3}};
    probe_product_open(&s->p, precision, n_k[0], n_k[1]);
    s->a = probe_product_rows(&s->p, rows);
    for (int i = 0; i < SHIFTS; i++) {
        s->shifted[i] = probe_take(a_bytes);
        probe_expect(probe_shift_rows(s->shifted[i], s->a, rows, words, s->shifts[i]), "shift");
    }
    s->padded = probe_take(a_bytes);
    probe_expect(cudaMemset(s->padded, 0, a_bytes), "zeros");
    probe_expect(cudaMemcpy(s->padded, s->a, few_bytes, cudaMemcpyDeviceToDevice), "copy");
    s->c = probe_take((size_t)(rows * n_k[0]) * sizeof *s->c);
    s->other = probe_take((size_t)(rows * n_k[0]) * sizeof *s->other);
    s->differs = probe_take((size_t)rows * sizeof *s->differs);
    s->host_differs = malloc((size_t)rows * sizeof *s->host_differs);
    if (!s->host_differs) abort();
}

static void clear_away(arrangement *s)
{
    free(s->host_differs);
    probe_give(s->differs);
    probe_give(s->other);
    probe_give(s->c);
    probe_give(s->padded);
    for (int i = 0; i < SHIFTS; i++)
        probe_give(s->shifted[i]);
    probe_give(s->a);
    probe_product_close(&s->p);
}

enum { UNSUPPORTED = -1 };

/* How many of the first `compared` rows of C come out with other bits when the algorithm is run on
 * `rows` rows of `a`, where they stand `shift` further down. */
static int64_t count_different(const arrangement *s, const cublasLtMatmulAlgo_t *algorithm,
                               const void *a, int64_t rows, int64_t compared, int64_t shift)
{
    int64_t n = 0;
    probe_expect(cudaMemset(s->other, 0xff, (size_t)(rows * s->p.n) * sizeof *s->other), "NaNs");
    const cublasStatus_t status = probe_product_run(&s->p, algorithm, s->other, a, rows);
    if (status) return UNSUPPORTED;
    probe_expect(probe_compare_rows(s->differs, (const uint32_t *)s->c, (const uint32_t *)s->other,
                                    compared, rows, s->p.n, shift),
                 "comparison");
    probe_read(s->host_differs, s->differs, (size_t)compared * sizeof *s->host_differs);
    for (int64_t row = 0; row < compared; row++)
        n += s->host_differs[row];
    return n;
}

/* What was found of one algorithm: how many rows differed, or UNSUPPORTED. */
typedef struct findings {
    int64_t repeated, shifted, padded, few[FEW];
    double ms;
    int splits;
} findings;

static int splits_sum(const cublasLtMatmulAlgo_t *algorithm)
{
    return probe_algorithm_number(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) > 1 ||
           probe_algorithm_number(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) != 0;
}

static findings examine(const arrangement *s, const cublasLtMatmulAlgo_t *algorithm)
{
    const int64_t rows = s->sizes->rows, *few = s->sizes->few;
    findings f = {.splits = splits_sum(algorithm)};
    if (probe_product_run(&s->p, algorithm, s->c, s->a, rows)) {
        f.repeated = f.shifted = f.padded = f.few[0] = f.few[1] = f.few[2] = UNSUPPORTED;
        return f;
    }
    f.ms = probe_product_ms(&s->p, algorithm, s->c, s->a, rows);
    f.repeated = count_different(s, algorithm, s->a, rows, rows, 0);
    for (int i = 0; i < SHIFTS; i++)
        f.shifted += count_different(s, algorithm, s->shifted[i], rows, rows, s->shifts[i]);
    f.padded = count_different(s, algorithm, s->padded, rows, few[1], 0);
    for (int i = 0; i < FEW; i++)
        f.few[i] = count_different(s, algorithm, s->a, few[i], few[i], 0);
    return f;
}

/* The engine needs no more: it always runs the same number of rows. */
static int treats_rows_alike(const findings *f)
{
    return f->repeated == 0 && f->shifted == 0 && f->padded == 0;
}

static int does_not_depend_on_rows(const findings *f)
{
    return treats_rows_alike(f) && f->few[0] == 0 && f->few[1] == 0 && f->few[2] == 0;
}

/* ---- tables ---- */

static void difference_cell(probe_table *table, int64_t n_different)
{
    if (n_different == UNSUPPORTED) probe_cell(table, "-");
    else if (n_different == 0) probe_cell(table, "same");
    else probe_cell(table, "%lld differ", (long long)n_different);
}

static double tera_flops(const arrangement *s, double ms)
{
    return ms > 0 ? 2e-9 * (double)s->sizes->rows * (double)s->p.n * (double)s->p.k / ms : 0;
}

static void algorithm_line(probe_table *all, const arrangement *s,
                           const cublasLtMatmulAlgo_t *algorithm, const findings *f)
{
    static const cublasLtMatmulAlgoConfigAttributes_t numbers[] = {
        CUBLASLT_ALGO_CONFIG_ID,
        CUBLASLT_ALGO_CONFIG_TILE_ID,
        CUBLASLT_ALGO_CONFIG_STAGES_ID,
        CUBLASLT_ALGO_CONFIG_SPLITK_NUM,
        CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME,
        CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING,
        CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION};
    probe_cell(all, "%s", s->p.precision->name);
    probe_cell(all, "%lld", (long long)s->p.n);
    probe_cell(all, "%lld", (long long)s->p.k);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        probe_cell(all, "%d", probe_algorithm_number(algorithm, numbers[i]));
    probe_cell(all, "%.4f", f->ms);
    probe_cell(all, "%.1f", tera_flops(s, f->ms));
    difference_cell(all, f->repeated);
    difference_cell(all, f->shifted);
    difference_cell(all, f->padded);
    for (int i = 0; i < FEW; i++)
        difference_cell(all, f->few[i]);
}

/* A product's algorithms, summed up. `pinned` is the engine's: the first that does not split. */
typedef struct summing_up {
    int n, n_splitting, n_alike, n_independent;
    double fastest_ms, fastest_alike_ms;
    findings pinned;
    int has_pinned;
} summing_up;

static void add_up(summing_up *sum, const findings *f)
{
    sum->n++;
    sum->n_splitting += f->splits;
    sum->n_alike += treats_rows_alike(f);
    sum->n_independent += does_not_depend_on_rows(f);
    if (f->ms > 0 && (sum->fastest_ms == 0 || f->ms < sum->fastest_ms)) sum->fastest_ms = f->ms;
    if (treats_rows_alike(f) && (sum->fastest_alike_ms == 0 || f->ms < sum->fastest_alike_ms))
        sum->fastest_alike_ms = f->ms;
    if (f->splits || sum->has_pinned) return;
    sum->pinned = *f;
    sum->has_pinned = 1;
}

static void summary_line(probe_table *table, const arrangement *s, const summing_up *sum)
{
    probe_cell(table, "%s", s->p.precision->name);
    probe_cell(table, "%lld", (long long)s->p.n);
    probe_cell(table, "%lld", (long long)s->p.k);
    probe_cell(table, "%d", sum->n);
    probe_cell(table, "%d", sum->n_splitting);
    probe_cell(table, "%d", sum->n_alike);
    probe_cell(table, "%d", sum->n_independent);
    probe_cell(table, "%.1f", tera_flops(s, sum->fastest_ms));
    probe_cell(table, "%.1f", tera_flops(s, sum->fastest_alike_ms));
    probe_cell(table, "%.1f", tera_flops(s, sum->pinned.ms));
    probe_cell(table, "%s",
               !sum->has_pinned                        ? "none"
               : does_not_depend_on_rows(&sum->pinned) ? "any M"
               : treats_rows_alike(&sum->pinned)       ? "fixed M"
                                                       : "NO");
}

enum { MOST_ALGORITHMS = 64 };

typedef enum kind { WHOLE, SPLITTING } kind;

static void examine_proposals(probe_table *all, summing_up *sum, const arrangement *s, kind which)
{
    cublasLtMatmulHeuristicResult_t found[MOST_ALGORITHMS];
    const int n = probe_product_propose(&s->p, s->sizes->rows,
                                        which == WHOLE ? CUBLASLT_REDUCTION_SCHEME_NONE
                                                       : CUBLASLT_REDUCTION_SCHEME_MASK,
                                        found, s->sizes->n_algorithms);
    for (int i = 0; i < n; i++) {
        if (found[i].state || splits_sum(&found[i].algo) != (which == SPLITTING)) continue;
        const findings f = examine(s, &found[i].algo);
        algorithm_line(all, s, &found[i].algo, &f);
        add_up(sum, &f);
    }
}

static void examine_product(probe_table *all, probe_table *summary,
                            const probe_precision *precision, const int64_t n_k[2],
                            const probe_sizes *sizes)
{
    arrangement s;
    summing_up sum = {0};
    arrange(&s, precision, n_k, sizes);
    examine_proposals(all, &sum, &s, WHOLE);
    examine_proposals(all, &sum, &s, SPLITTING);
    summary_line(summary, &s, &sum);
    clear_away(&s);
}

void probe_algorithms(probe_table *all, probe_table *summary, const probe_sizes *sizes)
{
    static const char *const of_all[] = {"inputs",  "N",       "K",       "id",          "tile",
                                         "stages",  "split",   "reduce",  "swizzle",     "custom",
                                         "ms",      "TFLOP/s", "again",   "other slots", "padded",
                                         "M few 1", "M few 2", "M few 3", NULL};
    static const char *const of_summary[] = {"inputs",
                                             "N",
                                             "K",
                                             "proposed",
                                             "splitting",
                                             "alike at M",
                                             "alike at any M",
                                             "fastest",
                                             "fastest alike",
                                             "pinned",
                                             "pinned alike",
                                             NULL};
    probe_table_start(all, "Algorithms", of_all,
                      "M rows: do they come out with the same bits again, in three other orders, "
                      "with zeros for the others, among fewer");
    probe_table_start(summary, "Products by algorithm", of_summary,
                      "rates in TFLOP/s; pinned: what the engine takes, the first that does not "
                      "split the sum");
    for (int precision = 0; precision < PROBE_PRECISIONS; precision++)
        for (int i = 0; sizes->n_k[i][0]; i++)
            examine_product(all, summary, &probe_precisions[precision], sizes->n_k[i], sizes);
}
