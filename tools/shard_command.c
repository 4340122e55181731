/* Reading DIR/shards.json and opening its search. */
#include "shard_command.h"

#include "exit_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command_usage usage = {"find", "MODEL", "", "", 1};

bool shard_path(char out[SHARD_PATH_BYTES], const char *directory, const char *name,
                const char *command)
{
    const int length = snprintf(out, SHARD_PATH_BYTES, "%s/%s", directory, name);
    if (length > 0 && length < SHARD_PATH_BYTES) return true;
    complain(command, "the path of %s is too long", name);
    return false;
}

/* The words of the list as find's command line. */
static int read_words(shard_command *s)
{
    int n;
    const char *const *words = pc_shards_words(&n, s->shards);
    s->arguments = calloc((size_t)n + 2, sizeof(char *));
    if (!s->arguments) return complain(s->find.command, "out of memory"), EXIT_FAILED;
    s->arguments[0] = (char *)usage.command;
    for (int i = 0; i < n; i++)
        s->arguments[i + 1] = (char *)words[i]; /* nobody writes to them */
    if (find_command_parse(&s->find, &usage, n + 1, s->arguments) != PARSED) return EXIT_BAD_INPUT;
    if (s->find.task && !s->find.directory && !s->find.is_plan) return EXIT_DONE;
    complain(s->find.command, "shards.json: its words are no search's that was submitted");
    return EXIT_BAD_INPUT;
}

int shard_command_read(shard_command *out, const char *directory, const char *command)
{
    char path[SHARD_PATH_BYTES];
    *out = (shard_command){.shards = NULL};
    find_command_begin(&out->find, command);
    if (!shard_path(path, directory, "shards.json", command)) return EXIT_USAGE;
    const pc_status status = pc_shards_read(&out->shards, path);
    if (status != PC_OK) return report(command, status);
    const int code = read_words(out);
    out->find.directory = directory;
    return code;
}

int shard_command_open(shard_command *s)
{
    int code = find_command_read(&s->find);
    if (code == EXIT_DONE) code = open_model(&s->model, s->find.model, s->find.command);
    if (code != EXIT_DONE) return code;
    const pc_status status = find_command_open_task(&s->task, &s->find, &s->model);
    return status == PC_OK ? EXIT_DONE : report(s->find.command, status);
}

void shard_command_close(shard_command *s)
{
    pc_task_free(s->task);
    if (s->model.model) close_model(&s->model);
    find_command_free(&s->find);
    pc_shards_free(s->shards);
    free(s->arguments);
}
