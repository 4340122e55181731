/* Thresholds as the user lists them, and the table of what was found at each. */
#ifndef PC_TOOLS_THRESHOLD_WORDS_H
#define PC_TOOLS_THRESHOLD_WORDS_H

#include "patchclamp/patchclamp.h"

typedef struct threshold_words {
    double *values; /* (n) ascending */
    int n;
} threshold_words;

/* "0.001,0.01,0.1", or "0.001:1:21": so many from the one to the other, each the same multiple of
 * the one before, those in between to three digits. NULL: none. Returns EXIT_DONE, or complains and
 * returns the exit code. */
int read_thresholds(threshold_words *out, const char *list, const char *command);
void threshold_words_free(threshold_words *words);

/* The circuit's thresholds, if it has any: a table, or one member "thresholds" of a JSON object. */
void print_thresholds(const pc_circuit *circuit);
void print_thresholds_json(const pc_circuit *circuit);

#endif
