/* Inside a list of shards. */
#ifndef PC_SEARCH_SHARDS_PRIVATE_H
#define PC_SEARCH_SHARDS_PRIVATE_H

#include "patchclamp/shards.h"
#include "search/find_lists.h"

/* The shards follow each other without a gap and are at least one intervention each. */
struct pc_shards {
    pc_shard *list; /* (n) */
    int n;
    int64_t n_all;
    pc_store_fact *facts; /* (n_facts) of the search, in no order: all but the fingerprint */
    int n_facts;
    char **words; /* (n_words) */
    int n_words;
};

enum { PC_MOST_SHARD_WORDS = 1000 };

/* PC_ERR_INPUT naming the first fact that is not as the list, called `name`, has it. */
pc_status pc_shards_check_facts(const pc_shards *shards, const pc_run_facts *facts,
                                const char *name);

/* The list's search as these options say it: lists and facts, all checked against the list. */
typedef struct pc_shard_search {
    pc_find_lists lists;
    pc_run_facts facts;
} pc_shard_search;
pc_status pc_shard_search_init(pc_shard_search *out, const pc_shards *shards, pc_model *model,
                               const pc_task *task, const pc_find_options *options);
void pc_shard_search_free(pc_shard_search *search);

/* "DIRECTORY/shards/K"; free it. */
char *pc_shard_directory(const char *directory, int k);

#endif
