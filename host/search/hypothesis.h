/* Tests of hypotheses about a circuit, from numbers alone. */
#ifndef PC_SEARCH_HYPOTHESIS_H
#define PC_SEARCH_HYPOTHESIS_H

#include "base/fail.h"

#include <stdint.h>

enum { PC_PERMUTATIONS = 1000, PC_MOST_PERMUTED = 2000 };

/* P(X <= k) of X binomial with n throws of probability q, 0 < q < 1. */
double pc_binomial_at_most(int64_t k, int n, double q);

/* The p-value of |P(win) - 1/2| < epsilon after `wins` of n, 0 < epsilon < 1/2: the probability
 * that |X / n - 1/2| is at least as large, X binomial with n throws of probability 1/2 + epsilon.
 * Half a win is a draw. */
double pc_equivalence_p(double wins, int n, double epsilon);

/* The p-value of x and y being independent, n >= 2 pairs, by the Hilbert-Schmidt criterion
 * (Gretton et al. 2007): *hsic = sum_ij K_ij (H L H)_ij / (n - 1)^2 with Gaussian kernels, each as
 * wide as the median distance of its own sample, or the mean one where that is 0. p = (1 +
 * permutations of y with an HSIC of at least that) / 1,001, always the same permutations; 1 where x
 * or y does not vary. PC_ERR_NOMEM. */
pc_status pc_independence(double *hsic, double *p, const double *x, const double *y, int n);

/* Adjusts n p-values so that rejecting those of at most alpha has a familywise error of at most
 * alpha, whatever depends on what (Holm 1979): the k-th smallest, times n + 1 - k, not less than
 * the one before it, at most 1. PC_ERR_NOMEM. */
pc_status pc_holm(double *adjusted, const double *p, int64_t n);

#endif
