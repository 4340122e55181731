/* Edit distance. */
#include "nearest.h"

#include <string.h>

enum { MOST_LETTERS = 32 };

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* Row by row of the table of distances between the words' beginnings. */
static int distance_of(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int row[MOST_LETTERS + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            const int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least_of(replaced, least_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

void nearest_offer(nearest *best, const char *word, size_t length, const char *candidate)
{
    const size_t candidate_length = strlen(candidate);
    if (length > MOST_LETTERS || candidate_length > MOST_LETTERS) return;
    const int distance = distance_of(word, length, candidate, candidate_length);
    if (distance >= best->distance || distance >= (int)length) return;
    *best = (nearest){candidate, distance};
}
