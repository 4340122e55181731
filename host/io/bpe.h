/* Byte-pair encoding: spelling a word in bytes and joining neighbours by rank (Sennrich et al.
 * 2016).
 *
 * As in Hugging Face's `tokenizers`: of the pairs of neighbours that are merges the one of lowest
 * rank goes first, of those the leftmost. */
#ifndef PC_IO_BPE_H
#define PC_IO_BPE_H

#include "base/fail.h"

#include <stddef.h>
#include <stdint.h>

/* left right -> joined; the lower rank goes first. */
typedef struct pc_merge {
    int32_t left, right, joined;
    uint32_t rank;
} pc_merge;

/* Sorted by (left, right) once indexed. */
typedef struct pc_bpe {
    pc_merge *merges;
    size_t n_merges, capacity;
} pc_bpe;

/* Ranks are the order of the calls; a pair that comes again takes the later rank. */
pc_status pc_bpe_add(pc_bpe *bpe, int32_t left, int32_t right, int32_t joined);
void pc_bpe_index(pc_bpe *bpe);
void pc_bpe_free(pc_bpe *bpe);

/* Memory that pc_bpe_join() reuses from word to word. Initialise with {0}. */
typedef struct pc_bpe_scratch {
    struct pc_bpe_symbol *symbols;
    struct pc_bpe_candidate *heap;
    size_t n_heap, symbols_capacity, heap_capacity;
} pc_bpe_scratch;

void pc_bpe_scratch_free(pc_bpe_scratch *scratch);

/* Joins the `*n` ids in place and makes `*n` the number that is left. O(n log n). */
pc_status pc_bpe_join(int32_t *ids, size_t *n, const pc_bpe *bpe, pc_bpe_scratch *scratch);

#endif
