/* Comparing an operator's output with its definition, and with the other instruction sets'. */
#ifndef PC_TESTS_COMPARE_H
#define PC_TESTS_COMPARE_H

#include <stdint.h>

/* The instruction sets that this machine can run; the first is the baseline. */
int compare_n_sets(void);
const struct pc_cpu_ops *compare_set(int i);

/* |found - expected| <= absolute + relative |expected|, and NaN where NaN is expected. */
void compare_near(const char *what, const float *found, const double *expected, int64_t n,
                  double absolute, double relative);

/* The same bits; any NaN equals any other. */
void compare_bits(const char *what, const float *found, const float *expected, int64_t n);

/* The largest |x|. */
double compare_size(const double *x, int64_t n);

/* Uniform in [-size, size), a function of seed alone. */
void compare_fill(float *x, int64_t n, double size, uint64_t seed);

#endif
