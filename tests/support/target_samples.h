/* Targets and changes of logits for tests of target_delta, and what its definition makes of them:
 * the difference of two metrics in double. */
#ifndef PC_TESTS_TARGET_SAMPLES_H
#define PC_TESTS_TARGET_SAMPLES_H

#include "kernels/target_delta.h"

#include <stdbool.h>

enum { SAMPLE_TARGETS = 3, SAMPLE_ROWS = 5, SAMPLE_COLUMNS = 8, SAMPLE_MOST_VOCAB = 5000 };

/* What the operator looks at: five metrics, the KL also from a reference. */
typedef struct sample_metric {
    pc_metric metric;
    bool is_referred;
} sample_metric;
enum { SAMPLE_METRICS = 6 };
extern const sample_metric sample_metrics[SAMPLE_METRICS];

typedef struct target_sample {
    float d[SAMPLE_ROWS * SAMPLE_MOST_VOCAB];
    double logits[SAMPLE_TARGETS * SAMPLE_MOST_VOCAB];
    double log_probs[SAMPLE_TARGETS * SAMPLE_MOST_VOCAB];
    double probs[SAMPLE_TARGETS * SAMPLE_MOST_VOCAB];
    double reference[SAMPLE_TARGETS * SAMPLE_MOST_VOCAB];
    int32_t target[SAMPLE_ROWS], tokens[SAMPLE_COLUMNS];
    pc_answer_columns columns[SAMPLE_TARGETS];
    double softcap, size;
    double lost; /* what effects may be off by besides; 0 at first */
    int64_t vocab;
} target_sample;

/* Logits in [-10, 10), changes of them in [-size, size). */
void target_sample_draw(target_sample *out, int64_t vocab, double softcap, double size,
                        uint64_t seed);
/* Fills log_probs and probs from the logits. */
void target_sample_normalise(target_sample *sample);

/* All rows, without a place for the effects and scratch. */
pc_target_delta_args target_sample_args(const target_sample *sample, sample_metric metric);

/* Fails the test, naming `what`, unless each effect is the definition's to the digits that this
 * difference has. */
void target_sample_expect(const target_sample *sample, sample_metric metric, const double *effects,
                          const char *what);

/* Of changes of 1e-8 or below, to the first order, or to the second where the first is 0: where a
 * difference of metrics has no digits left. Fails unless effects agree to 1e-6. */
void target_sample_expect_small(const target_sample *sample, sample_metric metric,
                                const double *effects, const char *what);

#endif
