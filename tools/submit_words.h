/* The command line of submit: its own words, and those of the search. */
#ifndef PC_TOOLS_SUBMIT_WORDS_H
#define PC_TOOLS_SUBMIT_WORDS_H

#include "find_command.h"

typedef struct submit_words {
    int64_t shards, gpus, cpus, at_once;
    const char *partition, *account, *constraint, *time, *memory, *directory;
    bool is_dry, is_local;
    char **own, **words; /* (n_own), (n_words): what argv was split into; words[0] is "find" */
    int n_own, n_words;
    char *texts[2]; /* paths that were made absolute */
} submit_words;

/* Splits and parses submit's words. To be freed whatever comes out. */
parse_outcome submit_words_parse(submit_words *out, int argc, char **argv);
/* Once the words of the search were parsed: whatever directory a shard starts in, it finds model
 * and task; shards for GPUs compute on them. Returns EXIT_DONE, or complains and returns the code.
 */
int submit_words_settle(submit_words *w, const find_command *find);
void submit_words_free(submit_words *w);

#endif
