/* The word that a misspelt one was meant to be. */
#ifndef PC_TOOLS_NEAREST_H
#define PC_TOOLS_NEAREST_H

#include <stddef.h>

/* Begin with NEAREST_INIT, offer every candidate, read `word`: NULL if none is near. */
typedef struct nearest {
    const char *word; /* borrowed from who offered it */
    int distance;
} nearest;
#define NEAREST_INIT                                                                               \
    {                                                                                              \
        NULL, 3                                                                                    \
    }

/* Keeps `candidate` if it is nearer than what was offered before to the first `length` bytes of
 * `word`: insertions, deletions and replacements (Levenshtein 1966), and fewer than there are
 * letters. */
void nearest_offer(nearest *best, const char *word, size_t length, const char *candidate);

#endif
