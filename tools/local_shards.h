/* The shards of a search on this machine: some processes at a time. */
#ifndef PC_TOOLS_LOCAL_SHARDS_H
#define PC_TOOLS_LOCAL_SHARDS_H

#include <stdint.h>

typedef struct local_shards {
    const char *program, *directory;
    int n_shards, at_once;
    int64_t threads; /* of each */
} local_shards;

/* Runs `patchclamp shard` for each of them, with its output in DIRECTORY/logs/K.log; one that was
 * killed is started again, twice at most. A signal that asks to stop is passed on. Returns the exit
 * code and says what came out. */
int run_local_shards(const local_shards *l, const char *command);

#endif
