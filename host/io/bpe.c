/* Byte-pair encoding over a heap of candidate joins. */
#include "io/bpe.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>

#define NONE SIZE_MAX

/* A doubly linked list in an array; a removed symbol has id -1. */
typedef struct pc_bpe_symbol {
    size_t previous, next;
    int32_t id;
} symbol;

/* Joining the symbol at `position` with its next one. */
typedef struct pc_bpe_candidate {
    size_t position;
    uint32_t rank;
    int32_t joined;
} candidate;

pc_status pc_bpe_add(pc_bpe *bpe, int32_t left, int32_t right, int32_t joined)
{
    if (bpe->n_merges >= UINT32_MAX) return pc_fail(PC_ERR_INPUT, "more than 2^32 - 1 merges");
    pc_merge *merges = pc_grow(bpe->merges, &bpe->capacity, bpe->n_merges + 1, sizeof *merges);
    if (!merges) return PC_ERR_NOMEM;
    bpe->merges = merges;
    merges[bpe->n_merges] = (pc_merge){left, right, joined, (uint32_t)bpe->n_merges};
    bpe->n_merges++;
    return PC_OK;
}

static int compare_pairs(const pc_merge *a, const pc_merge *b)
{
    if (a->left != b->left) return a->left < b->left ? -1 : 1;
    return (a->right > b->right) - (a->right < b->right);
}

/* Of equal pairs the latest first. */
static int compare_merges(const void *left, const void *right)
{
    const pc_merge *a = left, *b = right;
    int order = compare_pairs(a, b);
    return order ? order : (a->rank < b->rank) - (a->rank > b->rank);
}

void pc_bpe_index(pc_bpe *bpe)
{
    size_t kept = 0;
    if (bpe->n_merges > 1) qsort(bpe->merges, bpe->n_merges, sizeof *bpe->merges, compare_merges);
    for (size_t i = 0; i < bpe->n_merges; i++)
        if (kept == 0 || compare_pairs(&bpe->merges[kept - 1], &bpe->merges[i]) != 0)
            bpe->merges[kept++] = bpe->merges[i];
    bpe->n_merges = kept;
}

void pc_bpe_free(pc_bpe *bpe)
{
    free(bpe->merges);
    *bpe = (pc_bpe){0};
}

void pc_bpe_scratch_free(pc_bpe_scratch *scratch)
{
    free(scratch->symbols);
    free(scratch->heap);
    *scratch = (pc_bpe_scratch){0};
}

static const pc_merge *find_merge(const pc_bpe *bpe, int32_t left, int32_t right)
{
    const pc_merge key = {.left = left, .right = right};
    size_t low = 0, high = bpe->n_merges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_pairs(&key, &bpe->merges[middle]);
        if (order == 0) return &bpe->merges[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

static bool comes_before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->position < b->position;
}

static void push(pc_bpe_scratch *scratch, candidate added)
{
    size_t hole = scratch->n_heap++;
    while (hole > 0 && comes_before(&added, &scratch->heap[(hole - 1) / 2])) {
        scratch->heap[hole] = scratch->heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    scratch->heap[hole] = added;
}

static candidate pop(pc_bpe_scratch *scratch)
{
    candidate top = scratch->heap[0], last = scratch->heap[--scratch->n_heap];
    size_t hole = 0, n = scratch->n_heap;
    for (size_t child = 1; child < n; child = 2 * hole + 1) {
        if (child + 1 < n && comes_before(&scratch->heap[child + 1], &scratch->heap[child]))
            child++;
        if (!comes_before(&scratch->heap[child], &last)) break;
        scratch->heap[hole] = scratch->heap[child];
        hole = child;
    }
    scratch->heap[hole] = last;
    return top;
}

/* Enters the pair that begins at `position`, if it is a merge. */
static void consider(pc_bpe_scratch *scratch, const pc_bpe *bpe, size_t position)
{
    const symbol *left = &scratch->symbols[position];
    if (left->next == NONE) return;
    const pc_merge *merge = find_merge(bpe, left->id, scratch->symbols[left->next].id);
    if (merge) push(scratch, (candidate){position, merge->rank, merge->joined});
}

/* Each join removes a symbol and enters at most two candidates: 3 n in all. */
static pc_status prepare(pc_bpe_scratch *scratch, const int32_t *ids, size_t n)
{
    if (n > SIZE_MAX / 4) return pc_fail(PC_ERR_NOMEM, "a word of %zu bytes is too long", n);
    symbol *symbols =
        pc_grow(scratch->symbols, &scratch->symbols_capacity, n, sizeof *scratch->symbols);
    if (!symbols) return PC_ERR_NOMEM;
    scratch->symbols = symbols;
    candidate *heap = pc_grow(scratch->heap, &scratch->heap_capacity, 3 * n, sizeof *scratch->heap);
    if (!heap) return PC_ERR_NOMEM;
    scratch->heap = heap;
    scratch->n_heap = 0;
    for (size_t i = 0; i < n; i++)
        symbols[i] = (symbol){i == 0 ? NONE : i - 1, i + 1 == n ? NONE : i + 1, ids[i]};
    return PC_OK;
}

static void join(pc_bpe_scratch *scratch, const pc_bpe *bpe, const candidate *chosen)
{
    symbol *left = &scratch->symbols[chosen->position];
    if (left->id < 0 || left->next == NONE) return;
    symbol *right = &scratch->symbols[left->next];
    const pc_merge *merge = find_merge(bpe, left->id, right->id);
    if (!merge || merge->joined != chosen->joined) return;
    left->id = chosen->joined;
    left->next = right->next;
    right->id = -1;
    if (left->next != NONE) scratch->symbols[left->next].previous = chosen->position;
    if (left->previous != NONE) consider(scratch, bpe, left->previous);
    consider(scratch, bpe, chosen->position);
}

pc_status pc_bpe_join(int32_t *ids, size_t *n, const pc_bpe *bpe, pc_bpe_scratch *scratch)
{
    if (*n < 2) return PC_OK;
    PC_TRY(prepare(scratch, ids, *n));
    for (size_t i = 0; i + 1 < *n; i++)
        consider(scratch, bpe, i);
    while (scratch->n_heap > 0) {
        candidate chosen = pop(scratch);
        join(scratch, bpe, &chosen);
    }
    size_t kept = 0;
    for (size_t i = 0; i != NONE; i = scratch->symbols[i].next)
        ids[kept++] = scratch->symbols[i].id;
    *n = kept;
    return PC_OK;
}
