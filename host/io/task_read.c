/* Reading a task file: which of the three formats it has is told by how it begins. */
#include "io/task_private.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 512 << 20 };

static size_t skip_space(const char *bytes, size_t length, size_t at)
{
    while (at < length && (bytes[at] == ' ' || (bytes[at] >= '\t' && bytes[at] <= '\r')))
        at++;
    return at;
}

static bool starts_with(const char *bytes, size_t length, size_t at, const char *words)
{
    const size_t n = strlen(words);
    return n <= length - at && memcmp(bytes + at, words, n) == 0;
}

/* auto-circuit's object begins with one of its three keys; no line of a JSONL task can. */
static bool is_autocircuit(const char *bytes, size_t length, size_t at)
{
    static const char *const keys[] = {"\"prompts\"", "\"word_idxs\"", "\"seq_labels\""};
    at = skip_space(bytes, length, at + 1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (starts_with(bytes, length, at, keys[i])) return true;
    return false;
}

/* Whether the first line names the columns of a table of prompts. */
static bool is_table(const char *bytes, size_t length, size_t at)
{
    const char *end = memchr(bytes + at, '\n', length - at);
    const size_t stop = end ? (size_t)(end - bytes) : length;
    bool has_comma = false, has_clean = false;
    for (; at < stop; at++) {
        has_comma |= bytes[at] == ',';
        has_clean |= starts_with(bytes, stop, at, "clean");
    }
    return has_comma && has_clean;
}

static pc_status read_any(pc_task *task, const char *bytes, size_t length, const char *file,
                          const pc_task_context *context)
{
    if (starts_with(bytes, length, 0, "\xef\xbb\xbf")) { /* a byte order mark says nothing here */
        bytes += 3;
        length -= 3;
    }
    const size_t at = skip_space(bytes, length, 0);
    if (at == length) return pc_fail(PC_ERR_INPUT, "%s: empty, expected a task", file);
    if (bytes[at] == '{' && is_autocircuit(bytes, length, at))
        return pc_task_read_autocircuit(task, bytes, length, file, context);
    if (bytes[at] == '{') return pc_task_read_jsonl(task, bytes, length, file, context);
    if (bytes[at] != '[' && is_table(bytes, length, at))
        return pc_task_read_eapig(task, bytes, length, file, context);
    return pc_fail(PC_ERR_INPUT,
                   "%s: not a task: expected JSON Lines of {\"clean\": ..., \"corrupted\": ...}, "
                   "auto-circuit's {\"prompts\": [...]}, or CSV whose first line has the columns "
                   "clean and corrupted",
                   file);
}

/* "ioi" of "data/ioi.jsonl". */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return pc_copy_bytes(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

pc_status pc_task_parse(pc_task **out, const char *bytes, size_t length, const char *file,
                        const pc_tokenizer *tokenizer, const pc_task_limits *limits)
{
    pc_task_context context;
    pc_task *task = NULL;
    *out = NULL;
    PC_TRY(pc_task_context_make(&context, tokenizer, limits));
    char *name = name_of(file);
    if (!name) return PC_ERR_NOMEM;
    pc_status status = pc_task_new(&task, name, &context);
    free(name);
    if (status == PC_OK) status = read_any(task, bytes, length, file, &context);
    if (status == PC_OK) {
        status = pc_task_finish(task);
        if (status != PC_OK) pc_fail_within(status, "%s", file);
    }
    if (status == PC_OK) *out = task;
    else pc_task_free(task);
    return status;
}

pc_status pc_task_read(pc_task **out, const char *path, const pc_tokenizer *tokenizer,
                       const pc_task_limits *limits)
{
    char *bytes;
    size_t length;
    if (!out || !path || !limits) return pc_fail(PC_ERR_ARG, "pc_task_read: an argument is NULL");
    *out = NULL;
    PC_TRY(pc_file_read(&bytes, &length, path, MAX_FILE_BYTES));
    pc_status status = pc_task_parse(out, bytes, length, path, tokenizer, limits);
    free(bytes);
    return status;
}
