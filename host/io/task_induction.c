/* The task `induction`: random words, some of them said twice; what followed the last word before?
 *
 *     [BOS] noise  r_0 ... r_(n-1)  gap  r_0 ... r_j     answer: r_(j+1)
 *
 * The words of r are distinct, noise and gap are drawn from other words, so that the only way to
 * the answer is: find the last word's earlier place and say what stood behind it. All prompts of a
 * task have one length. n, then j, then the gap are drawn evenly, again until they fit:
 *
 *     train, test   n from 8 to 19, gap from 0 to 5
 *     ood           n from 20 to 23, gap from 6 to 11: longer repeats, further away
 *
 * and less where the model is smaller: then train ends earlier and ood begins where train ends.
 *
 * Corruptions, which share the clean prompt:
 *     key           the first r_j becomes a word that stands nowhere else: nothing to find
 *     first-copy    the whole first copy becomes other words
 *     whole         another prompt of the same layout: r of other words, noise and gap redrawn
 *
 * The wrong answer is a word of r that followed another one; for `whole`, the corrupted prompt's
 * answer. */
#include "io/task_generate.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_LENGTH = 48,
    MIN_REPEAT = 6,   /* the shortest that leaves a wrong answer */
    TRAIN_REPEAT = 8, /* where train begins, if the model is large enough */
    TRAIN_LAST = 19,  /* where train ends, likewise */
    OOD_MORE = 4,     /* how many lengths ood has beyond train */
    GAP_SPAN = 6,     /* gaps of train, and of ood behind them */
    FIRST_END = 3,    /* smallest j */
    MAX_NOISE_WORDS = 20
};
enum { KEY, FIRST_COPY, WHOLE };

static const char *const corruptions[] = {"key", "first-copy", "whole", NULL};

/* Repeat lengths and gaps of the split, ends included. */
typedef struct ranges {
    int length, n_least, n_most, gap_least, gap_most;
} ranges;

typedef struct layout {
    int n, j, n_gap, n_noise;
} layout;

/* The words of one pair: the repeat, as many fresh ones, and those for noise; all distinct. */
typedef struct palette {
    int32_t *repeat, *fresh, *noise;
    int n_noise_words;
} palette;

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The tokens of the shortest prompt with a repeat of n words and this gap. */
static int shortest_prompt(int n, int n_gap, const pc_task_order *order)
{
    return (order->has_bos ? 1 : 0) + n + n_gap + FIRST_END + 1;
}

/* A repeat of n words needs n fresh ones, and one for noise. */
static int largest_repeat(const pc_task_order *order)
{
    const size_t n_words = order->n_words < 1000 ? order->n_words : 1000;
    return n_words < 1 ? 0 : ((int)n_words - 1) / 2;
}

static ranges ranges_of(const pc_task_order *order)
{
    const int length =
        order->length ? order->length : least(order->context->limits->n_ctx, DEFAULT_LENGTH);
    const int room = length - shortest_prompt(0, 0, order);
    int last = least(TRAIN_LAST, least(room, largest_repeat(order)));
    /* leave room for ood where that does not leave train without a repeat */
    const int with_ood = least(room - GAP_SPAN - 1, largest_repeat(order) - 1);
    if (with_ood >= MIN_REPEAT) last = least(last, with_ood);
    if (order->split == PC_SPLIT_OOD)
        return (ranges){length, last + 1, least(last + OOD_MORE, largest_repeat(order)), GAP_SPAN,
                        2 * GAP_SPAN - 1};
    return (ranges){length, least(TRAIN_REPEAT, last), last, 0, GAP_SPAN - 1};
}

static pc_status check_order(const pc_task_order *order)
{
    const ranges r = ranges_of(order);
    const bool is_ood = order->split == PC_SPLIT_OOD;
    const int n = r.n_least > MIN_REPEAT ? r.n_least : MIN_REPEAT;
    const int n_words = 2 * n + 1, n_tokens = shortest_prompt(n, r.gap_least, order);
    if (order->n_words < (size_t)n_words)
        return pc_fail(PC_ERR_INPUT,
                       "%zu words in the vocabulary (special tokens left out), expected at least "
                       "%d%s",
                       order->n_words, n_words, is_ood ? " for the split ood" : "");
    if (r.length < n_tokens)
        return pc_fail(PC_ERR_INPUT, "prompts of %d tokens, expected at least %d%s", r.length,
                       n_tokens, is_ood ? " for the split ood" : "");
    return PC_OK;
}

static int draw_between(pc_rng *rng, int from, int to)
{
    return from + (int)pc_rng_below(rng, (uint64_t)(to - from + 1));
}

/* Draws until the layout fits: check_order() has seen that the smallest one does. */
static layout draw_layout(pc_rng *rng, const pc_task_order *order)
{
    const ranges r = ranges_of(order);
    for (;;) {
        layout l = {.n = draw_between(rng, r.n_least, r.n_most)};
        l.j = draw_between(rng, FIRST_END, l.n - 3);
        l.n_gap = draw_between(rng, r.gap_least, r.gap_most);
        l.n_noise = r.length - (order->has_bos ? 1 : 0) - l.n - l.n_gap - (l.j + 1);
        if (l.n_noise >= 0) return l;
    }
}

/* n distinct words; a vocabulary may be too large to shuffle for every pair. */
static void draw_distinct(int32_t *out, int n, pc_rng *rng, const pc_task_order *order)
{
    for (int i = 0; i < n;) {
        const int32_t word = order->words[pc_rng_below(rng, order->n_words)];
        int k = 0;
        while (k < i && out[k] != word)
            k++;
        if (k == i) out[i++] = word;
    }
}

static pc_status draw_palette(palette *out, const layout *l, pc_rng *rng,
                              const pc_task_order *order)
{
    const size_t spare = order->n_words - 2 * (size_t)l->n;
    out->n_noise_words = spare < MAX_NOISE_WORDS ? (int)spare : MAX_NOISE_WORDS;
    const int n = 2 * l->n + out->n_noise_words;
    out->repeat = pc_alloc((size_t)n, sizeof *out->repeat);
    if (!out->repeat) return PC_ERR_NOMEM;
    out->fresh = out->repeat + l->n;
    out->noise = out->fresh + l->n;
    draw_distinct(out->repeat, n, rng, order);
    return PC_OK;
}

static pc_status push_noise(pc_ids *out, int n, const palette *p, pc_rng *rng)
{
    for (int i = 0; i < n; i++)
        PC_TRY(pc_ids_push(out, p->noise[draw_between(rng, 0, p->n_noise_words - 1)]));
    return PC_OK;
}

static pc_status push_words(pc_ids *out, const int32_t *words, int n)
{
    for (int i = 0; i < n; i++)
        PC_TRY(pc_ids_push(out, words[i]));
    return PC_OK;
}

static pc_status put_prompt(pc_ids *out, const int32_t *repeat, const layout *l, const palette *p,
                            pc_rng *rng, const pc_task_order *order)
{
    if (order->has_bos) PC_TRY(pc_ids_push(out, (int32_t)order->context->bos));
    PC_TRY(push_noise(out, l->n_noise, p, rng));
    PC_TRY(push_words(out, repeat, l->n));
    PC_TRY(push_noise(out, l->n_gap, p, rng));
    return push_words(out, repeat, l->j + 1);
}

/* A word of r behind the first, which followed another one than r_j; not r_(j+2), which a head that
 * looks one too far would say. */
static int32_t draw_wrong(const layout *l, const palette *p, pc_rng *rng)
{
    for (;;) {
        const int i = draw_between(rng, 2, l->n - 1);
        if (i < l->j || i > l->j + 2) return p->repeat[i];
    }
}

static pc_status corrupt(pc_pair *pair, const layout *l, const palette *p, pc_rng *rng,
                         const pc_task_order *order)
{
    if (order->corruption == WHOLE) return put_prompt(&pair->corrupted, p->fresh, l, p, rng, order);
    PC_TRY(push_words(&pair->corrupted, pair->clean.ids, (int)pair->clean.n));
    int32_t *first_copy = pair->corrupted.ids + (order->has_bos ? 1 : 0) + l->n_noise;
    if (order->corruption == KEY) first_copy[l->j] = p->fresh[0];
    else memcpy(first_copy, p->fresh, (size_t)l->n * sizeof *first_copy);
    return PC_OK;
}

static pc_status fill_pair(pc_pair *pair, const layout *l, const palette *p, pc_rng *rng,
                           const pc_task_order *order)
{
    pc_pair_target *target;
    PC_TRY(put_prompt(&pair->clean, p->repeat, l, p, rng, order));
    const int32_t wrong = draw_wrong(l, p, rng);
    PC_TRY(corrupt(pair, l, p, rng, order));
    PC_TRY(pc_pair_add_target(&target, pair, -1));
    PC_TRY(pc_ids_push(&target->answers, p->repeat[l->j + 1]));
    return pc_ids_push(&target->wrong_answers,
                       order->corruption == WHOLE ? p->fresh[l->j + 1] : wrong);
}

static pc_status make_pair(pc_pair *pair, pc_rng *rng, const pc_task_order *order)
{
    const layout l = draw_layout(rng, order);
    palette p;
    PC_TRY(draw_palette(&p, &l, rng, order));
    pc_status status = fill_pair(pair, &l, &p, rng, order);
    free(p.repeat);
    return status;
}

const pc_generator pc_generator_induction = {
    .name = "induction",
    .summary = "repeated random words: say what followed the last word when it came before",
    .source = "Olsson et al. 2022 (arXiv:2209.11895); ours repeats a part at a varying place and "
              "distance amid noise",
    .corruptions = corruptions,
    .check = check_order,
    .make_pair = make_pair,
};
