/* Two circuits side by side: what they share, and what only one of them has. */
#ifndef PATCHCLAMP_DIFF_H
#define PATCHCLAMP_DIFF_H

#include "patchclamp/circuit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_circuit_diff pc_circuit_diff;

typedef enum pc_diff_side { PC_DIFF_BOTH, PC_DIFF_ONLY_A, PC_DIFF_ONLY_B } pc_diff_side;

/* What is compared: edges where both circuits have any, neurons where both do, else components. */
typedef enum pc_diff_kind { PC_DIFF_EDGES, PC_DIFF_NEURONS, PC_DIFF_COMPONENTS } pc_diff_kind;

/* A component of one circuit or of both, with what each file says of its effect. */
typedef struct pc_diff_row {
    const char *from; /* "a0.h3": an edge's writer, or the component itself */
    const char *to;   /* "a1.h2<k>"; NULL: no edge */
    pc_diff_side side;
    double a, b, a_stderr, b_stderr;
    bool is_measured_a, is_measured_b; /* false: the two numbers are 0 and mean nothing */
} pc_diff_row;

typedef struct pc_diff_summary {
    pc_diff_kind kind;
    int64_t n_a, n_b;                   /* in the circuits */
    int64_t n_both, n_only_a, n_only_b; /* of these */
    int64_t n_all_a, n_all_b;           /* in the files */
    double jaccard;          /* n_both / (n_both + n_only_a + n_only_b); NaN: both are empty */
    double rank_correlation; /* Spearman's, of |effect| over what was measured in both files; NaN:
                                fewer than two, or all alike */
    int64_t n_ranked;        /* that it is over */
} pc_diff_summary;

/* PC_ERR_INPUT: circuits of different models (dimensions, or weights where both files know them),
 * edges with key-value heads in one and query heads in the other, neurons beside components. */
PC_API pc_status pc_circuit_diff_new(pc_circuit_diff **out, const pc_circuit *a,
                                     const pc_circuit *b);
PC_API void pc_circuit_diff_free(pc_circuit_diff *diff);

PC_API const pc_diff_summary *pc_circuit_diff_summary(const pc_circuit_diff *diff);
/* What is in a circuit: in both, in A alone, in B alone; in each part the strongest first, ties in
 * component order. Strength is |effect| in the circuits that have it, as a part of their strongest.
 * NULL for an index out of range. Borrowed. */
PC_API size_t pc_circuit_diff_n_rows(const pc_circuit_diff *diff);
PC_API const pc_diff_row *pc_circuit_diff_row_at(const pc_circuit_diff *diff, size_t i);

/* The figure of both: line and colour say whose an edge is. `names` are A's and B's, shown in the
 * legend; NULL: task and method. `options` may be NULL. */
PC_API pc_status pc_circuit_diff_write_svg(const pc_circuit_diff *diff, const char *path,
                                           const char *const *names,
                                           const pc_draw_options *options);
PC_API pc_status pc_circuit_diff_write_pdf(const pc_circuit_diff *diff, const char *path,
                                           const char *const *names,
                                           const pc_draw_options *options);

#ifdef __cplusplus
}
#endif
#endif
