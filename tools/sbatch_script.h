/* The sbatch script of an array of shards: what a person reads before submitting it. */
#ifndef PC_TOOLS_SBATCH_SCRIPT_H
#define PC_TOOLS_SBATCH_SCRIPT_H

#include "patchclamp/patchclamp.h"

#include <stdio.h>

typedef struct sbatch_wishes {
    const char *partition, *account, *constraint, *time, *memory; /* NULL: the site's default */
    int64_t gpus, cpus, at_once;                                  /* 0: none, default, all */
    const char *directory, *program;                              /* absolute */
    char *const *words; /* (n_words) of the search, for the comment */
    int n_words;
} sbatch_wishes;

/* Returns EXIT_DONE, or complains about what cannot stand in a script: EXIT_USAGE. */
int sbatch_check(const sbatch_wishes *w, const char *command);

/* Errors of the stream are the caller's to look at. */
void sbatch_print(FILE *to, const sbatch_wishes *w, const pc_shards *shards);

/* `word` quoted for a shell. */
void print_quoted(FILE *to, const char *word);

#endif
