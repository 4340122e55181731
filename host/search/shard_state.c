/* state.json of a shard: how far it is, for people. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "io/json_limits.h"
#include "search/shards_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SCHEMA_NAME "patchclamp-shard-state/1"

enum { MOST_BYTES = 1 << 16, MOST_VALUES = 64, MOST_DEPTH = 2 };

static const char *const phase_names[] = {[PC_SHARD_WAITING] = "waiting",
                                          [PC_SHARD_RUNNING] = "running",
                                          [PC_SHARD_STOPPED] = "stopped",
                                          [PC_SHARD_FAILED] = "failed",
                                          [PC_SHARD_DONE] = "done"};

const char *pc_shard_phase_name(pc_shard_phase phase)
{
    return phase_names[phase];
}

static char *state_path(const char *directory, int k)
{
    char *folder = pc_shard_directory(directory, k);
    char *path = folder ? pc_path_join(folder, "state.json") : NULL;
    free(folder);
    return path;
}

static void put_text(pc_text *t, const char *key, const char *value)
{
    pc_text_printf(t, ", \"%s\": ", key);
    pc_text_put_json_string(t, value);
}

static void put_state(pc_text *t, const pc_shard_state *s)
{
    pc_text_put(t, "{\"schema\": \"" SCHEMA_NAME "\"");
    put_text(t, "phase", pc_shard_phase_name(s->phase));
    pc_text_printf(t,
                   ", \"n_done\": %lld, \"n_all\": %lld, \"n_from_journal\": %lld, "
                   "\"n_starts\": %lld, \"pid\": %lld, \"seconds\": ",
                   (long long)s->n_done, (long long)s->n_all, (long long)s->n_from_journal,
                   (long long)s->n_starts, (long long)s->pid);
    pc_text_put_number(t, s->seconds);
    put_text(t, "host", s->host);
    put_text(t, "job", s->job);
    put_text(t, "message", s->message);
    pc_text_put(t, "}\n");
}

pc_status pc_shard_state_write(const pc_shard_state *state, const char *directory, int k)
{
    pc_text t = {0};
    char *folder = pc_shard_directory(directory, k), *path = state_path(directory, k);
    pc_status status = folder && path ? pc_directory_make(folder) : PC_ERR_NOMEM;
    put_state(&t, state);
    if (status == PC_OK) status = pc_text_status(&t);
    if (status == PC_OK) status = pc_file_replace(path, t.data, t.length);
    pc_text_free(&t);
    free(path);
    free(folder);
    return status;
}

static pc_status read_phase(pc_shard_phase *out, const json_t *root, const char *name)
{
    const char *words;
    PC_TRY(pc_json_text(&words, root, "phase", name));
    for (pc_shard_phase phase = PC_SHARD_WAITING; phase <= PC_SHARD_DONE; phase++)
        if (strcmp(words, phase_names[phase]) == 0) return *out = phase, PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: phase is \"%.40s\", expected one of a shard", name, words);
}

static pc_status read_text(char *out, size_t room, const json_t *root, const char *key,
                           const char *name)
{
    const char *words;
    PC_TRY(pc_json_text(&words, root, key, name));
    strncpy(out, words, room - 1);
    return PC_OK;
}

static pc_status read_root(pc_shard_state *s, const json_t *root, const char *name)
{
    const char *schema;
    PC_TRY(pc_json_text(&schema, root, "schema", name));
    if (strcmp(schema, SCHEMA_NAME) != 0)
        return pc_fail(PC_ERR_INPUT, "%s: schema is \"%.60s\", expected \"" SCHEMA_NAME "\"", name,
                       schema);
    PC_TRY(read_phase(&s->phase, root, name));
    PC_TRY(pc_json_int(&s->n_all, root, "n_all", 0, INT64_MAX, name));
    PC_TRY(pc_json_int(&s->n_done, root, "n_done", 0, s->n_all, name));
    PC_TRY(pc_json_int(&s->n_from_journal, root, "n_from_journal", 0, s->n_done, name));
    PC_TRY(pc_json_int(&s->n_starts, root, "n_starts", 0, INT32_MAX, name));
    PC_TRY(pc_json_int(&s->pid, root, "pid", 0, INT64_MAX, name));
    PC_TRY(pc_json_real(&s->seconds, root, "seconds", name));
    PC_TRY(read_text(s->host, sizeof s->host, root, "host", name));
    PC_TRY(read_text(s->job, sizeof s->job, root, "job", name));
    return read_text(s->message, sizeof s->message, root, "message", name);
}

/* By the clock of the file system and of this machine: good for minutes, not for seconds. */
static double age_of(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) return 0;
    const double age = difftime(time(NULL), info.st_mtime);
    return age > 0 ? age : 0;
}

static pc_status read_state(pc_shard_state *out, const char *path)
{
    char *bytes;
    size_t length;
    json_t *root = NULL;
    out->age = age_of(path);
    PC_TRY(pc_file_read(&bytes, &length, path, MOST_BYTES));
    pc_status status = pc_json_check_limits(bytes, length, MOST_VALUES, MOST_DEPTH, path);
    if (status == PC_OK) status = pc_json_parse(&root, bytes, length, path);
    if (status == PC_OK) status = read_root(out, root, path);
    if (root) json_decref(root);
    free(bytes);
    return status;
}

pc_status pc_shard_state_read(pc_shard_state *out, const char *directory, int k)
{
    *out = (pc_shard_state){.phase = PC_SHARD_WAITING};
    char *path = state_path(directory, k);
    if (!path) return PC_ERR_NOMEM;
    const pc_status status = pc_file_exists(path) ? read_state(out, path) : PC_OK;
    free(path);
    return status;
}
