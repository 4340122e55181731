/* The attention-pattern detectors. */
#include "patchclamp/heads.h"

#include "base/memory.h"
#include "base/rng.h"
#include "grad/plain.h"
#include "patch/twin.h"

#include <stdlib.h>
#include <string.h>

/* Longest half of a repeated row: enough for every role, cheap enough for large models. */
enum { MOST_REPEATED = 24 };

static const char *const names[PC_N_ROLES] = {[PC_ROLE_PREVIOUS_TOKEN] = "previous-token",
                                              [PC_ROLE_DUPLICATE_TOKEN] = "duplicate-token",
                                              [PC_ROLE_INDUCTION] = "induction",
                                              [PC_ROLE_FIRST_TOKEN] = "first-token",
                                              [PC_ROLE_CURRENT_TOKEN] = "current-token"};

const char *pc_role_name(pc_role role)
{
    return names[role];
}

/* Adds one query's attention to the sums. */
static void add_query(double sums[PC_N_ROLES], const double *attention, const int32_t *row, int t)
{
    sums[PC_ROLE_PREVIOUS_TOKEN] += attention[t - 1];
    sums[PC_ROLE_FIRST_TOKEN] += attention[0];
    sums[PC_ROLE_CURRENT_TOKEN] += attention[t];
    for (int s = 0; s < t; s++) {
        if (row[s] != row[t]) continue;
        sums[PC_ROLE_DUPLICATE_TOKEN] += attention[s];
        sums[PC_ROLE_INDUCTION] += attention[s + 1];
    }
}

static bool occurred_before(const int32_t *row, int t)
{
    for (int s = 0; s < t; s++)
        if (row[s] == row[t]) return true;
    return false;
}

typedef struct counts {
    int64_t queries, repeats; /* positions t >= 1; those whose token occurred before */
} counts;

static void add_row(pc_head_scores *out, counts *n, const double *patterns, const int32_t *row,
                    int seq, int n_heads_in_all)
{
    for (int t = 1; t < seq; t++) {
        n->queries++;
        n->repeats += occurred_before(row, t);
        for (int h = 0; h < n_heads_in_all; h++)
            add_query(out[h].score, patterns + ((int64_t)h * seq + t) * seq, row, t);
    }
}

static void divide(pc_head_scores *out, const counts *n, int n_heads_in_all)
{
    for (int h = 0; h < n_heads_in_all; h++)
        for (int role = 0; role < PC_N_ROLES; role++) {
            const bool is_of_repeats = role == PC_ROLE_DUPLICATE_TOKEN || role == PC_ROLE_INDUCTION;
            const int64_t count = is_of_repeats ? n->repeats : n->queries;
            if (count) out[h].score[role] /= (double)count;
        }
}

static pc_status longest_row(int *longest, const pc_model *model, const int32_t *const *rows,
                             const int *lengths, int n_rows)
{
    *longest = 1;
    for (int i = 0; i < n_rows; i++) {
        PC_TRY(pc_model_check_tokens(model, rows[i], lengths[i]));
        if (lengths[i] > *longest) *longest = lengths[i];
    }
    return PC_OK;
}

/* Where patterns come from: the twin, or a device. */
typedef struct watching {
    const pc_model *model;
    pc_twin *twin; /* NULL: a device, with */
    pc_run run;
    pc_plain *plain;
} watching;

static pc_status open_twin(watching *w, int longest)
{
    PC_TRY(pc_twin_new(&w->twin, w->model, longest));
    return pc_run_new(&w->run, w->model, longest);
}

static pc_status find_patterns(double *patterns, watching *w, const int32_t *row, int length)
{
    if (w->twin) {
        (void)pc_twin_run(&w->run, w->twin, row, length, &(pc_wiring){.patterns = patterns});
        return PC_OK;
    }
    pc_plain_run(w->plain, row, length);
    return pc_plain_patterns(patterns, w->plain);
}

static void stop_watching(watching *w)
{
    pc_plain_free(w->plain);
    pc_run_free(&w->run);
    pc_twin_free(w->twin);
}

/* `device` NULL: by the twin. */
static pc_status detect(pc_head_scores *out, const pc_model *model, const int32_t *const *rows,
                        const int *lengths, int n_rows, const pc_device *device)
{
    const int n_heads = model->shape.n_layers * model->shape.n_heads;
    int longest;
    PC_TRY(longest_row(&longest, model, rows, lengths, n_rows));
    watching w = {.model = model};
    counts n = {0, 0};
    pc_status status = device ? pc_plain_new(&w.plain, model, device, longest, PC_PLAIN_PATTERNS)
                              : open_twin(&w, longest);
    double *patterns =
        pc_alloc((size_t)n_heads * (size_t)longest, sizeof *patterns * (size_t)longest);
    if (status == PC_OK && !patterns) status = PC_ERR_NOMEM;
    memset(out, 0, (size_t)n_heads * sizeof *out);
    for (int i = 0; i < n_rows && status == PC_OK; i++) {
        status = find_patterns(patterns, &w, rows[i], lengths[i]);
        if (status == PC_OK) add_row(out, &n, patterns, rows[i], lengths[i], n_heads);
    }
    if (status == PC_OK) divide(out, &n, n_heads);
    free(patterns);
    stop_watching(&w);
    return status;
}

pc_status pc_heads_detect(pc_head_scores *out, const pc_model *model, const int32_t *const *rows,
                          const int *lengths, int n_rows)
{
    return detect(out, model, rows, lengths, n_rows, NULL);
}

pc_status pc_heads_detect_on(pc_head_scores *out, const pc_model *model, const int32_t *const *rows,
                             const int *lengths, int n_rows, const char *name,
                             pc_precision precision)
{
    const pc_device *device = NULL;
    if (name) PC_TRY(pc_device_get(&device, name, precision));
    return detect(out, model, rows, lengths, n_rows, device);
}

/* s without repeats and without the BOS, by rejection; then s again. */
static void fill_repeated_row(int32_t *row, int half, int64_t bos, int64_t vocab, pc_rng rng)
{
    int at = 0;
    if (bos >= 0) row[at++] = (int32_t)bos;
    const int first = at;
    while (at < first + half) {
        const int32_t token = (int32_t)pc_rng_below(&rng, (uint64_t)vocab);
        bool is_new = token != bos;
        for (int i = first; i < at && is_new; i++)
            is_new = row[i] != token;
        if (is_new) row[at++] = token;
    }
    memcpy(row + first + half, row + first, (size_t)half * sizeof *row);
}

static pc_status detect_on_repeats(pc_head_scores *out, const pc_model *model, int64_t bos,
                                   int n_rows, uint64_t seed, const pc_device *device)
{
    const int64_t vocab = model->shape.vocab, n_free = vocab - (bos >= 0);
    const int room = (model->shape.n_ctx - (bos >= 0)) / 2;
    int half = room < MOST_REPEATED ? room : MOST_REPEATED;
    if (half > n_free / 2) half = (int)(n_free / 2);
    if (half < 2)
        return pc_fail(PC_ERR_INPUT,
                       "%s is too small for repeated random tokens: context %d, "
                       "vocabulary %lld",
                       model->info.name, model->shape.n_ctx, (long long)vocab);
    const int length = (bos >= 0) + 2 * half;
    int32_t *tokens = pc_alloc((size_t)n_rows * (size_t)length, sizeof *tokens);
    const int32_t **rows = pc_alloc((size_t)n_rows, sizeof *rows);
    int *lengths = pc_alloc((size_t)n_rows, sizeof *lengths);
    pc_status status = tokens && rows && lengths ? PC_OK : PC_ERR_NOMEM;
    for (int i = 0; i < n_rows && status == PC_OK; i++) {
        fill_repeated_row(tokens + (int64_t)i * length, half, bos, vocab,
                          (pc_rng){.seed = seed, .stream = (uint64_t)i});
        rows[i] = tokens + (int64_t)i * length;
        lengths[i] = length;
    }
    if (status == PC_OK) status = detect(out, model, rows, lengths, n_rows, device);
    free(lengths);
    free(rows);
    free(tokens);
    return status;
}

pc_status pc_heads_detect_on_repeats(pc_head_scores *out, const pc_model *model, int64_t bos,
                                     int n_rows, uint64_t seed)
{
    return detect_on_repeats(out, model, bos, n_rows, seed, NULL);
}

pc_status pc_heads_detect_on_repeats_on(pc_head_scores *out, const pc_model *model, int64_t bos,
                                        int n_rows, uint64_t seed, const char *name,
                                        pc_precision precision)
{
    const pc_device *device = NULL;
    if (name) PC_TRY(pc_device_get(&device, name, precision));
    return detect_on_repeats(out, model, bos, n_rows, seed, device);
}

const char *pc_head_role(const pc_head_scores *scores, double least)
{
    int best = 0;
    for (int role = 1; role < PC_N_ROLES; role++)
        if (scores->score[role] > scores->score[best]) best = role;
    return scores->score[best] >= least ? names[best] : NULL;
}
