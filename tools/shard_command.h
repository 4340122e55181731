/* What shard and merge share: DIR/shards.json, and the search that it is of. */
#ifndef PC_TOOLS_SHARD_COMMAND_H
#define PC_TOOLS_SHARD_COMMAND_H

#include "find_command.h"

typedef struct shard_command {
    pc_shards *shards;
    find_command find; /* as it was submitted; its directory is DIR */
    opened_model model;
    pc_task *task;
    char **arguments; /* what the words of find point into */
} shard_command;

/* The path of a file in DIR; false, and complains, if it is too long. */
enum { SHARD_PATH_BYTES = 4096 };
bool shard_path(char out[SHARD_PATH_BYTES], const char *directory, const char *name,
                const char *command);

/* Reads the list and what the search is. Returns EXIT_DONE, or complains and returns the exit code;
 * to be closed in either case. */
int shard_command_read(shard_command *out, const char *directory, const char *command);
/* Opens model and task. */
int shard_command_open(shard_command *s);
void shard_command_close(shard_command *s);

#endif
