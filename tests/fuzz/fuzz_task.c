/* Fuzzes the task readers and writers: bytes give a task that reads back as it was, in whatever
 * format can say it, or a line of message. */
#include "io/task_write.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const pc_task_limits limits = {65, 65, 64, 0, PC_BOS_AS_TOKENIZER};

/* Tables are text, so they need a tokenizer: the shipped model's. */
static const pc_tokenizer *open_tokenizer(void)
{
    static pc_tokenizer *tokenizer;
    if (!tokenizer && pc_tokenizer_open(&tokenizer, PC_SOURCE_DIR "/tools/models/demo") != PC_OK)
        abort();
    return tokenizer;
}

static void expect_round_trip(const pc_task *task)
{
    pc_task *back = NULL;
    pc_text once = {0}, twice = {0};
    if (pc_task_put_jsonl(&once, task) != PC_OK) abort();
    if (pc_task_parse(&back, once.data, once.length, "back.jsonl", NULL, &limits) != PC_OK) abort();
    if (pc_task_put_jsonl(&twice, back) != PC_OK || strcmp(once.data, twice.data) != 0) abort();
    if (strcmp(pc_task_sha256(task), pc_task_sha256(back)) != 0) abort();
    pc_text_free(&twice);
    pc_text_free(&once);
    pc_task_free(back);
}

typedef pc_status put_format(pc_text *out, const pc_task *task, const pc_tokenizer *tokenizer);

/* A format that is text: BOS is left out of it. */
static void expect_export(const pc_task *task, put_format *put, const pc_tokenizer *tokenizer)
{
    pc_text text = {0};
    pc_task *back = NULL;
    pc_task_limits other = limits;
    other.bos_rule =
        pc_task_prompt(task, 0)->clean[0] == pc_task_bos(task) ? PC_BOS_ALWAYS : PC_BOS_NEVER;
    if (put(&text, task, tokenizer) == PC_OK) {
        if (pc_task_parse(&back, text.data, text.length, "back", tokenizer, &other) != PC_OK)
            abort();
        if (strcmp(pc_task_sha256(task), pc_task_sha256(back)) != 0) abort();
    } else if (!*pc_last_error() || strchr(pc_last_error(), '\n')) {
        abort();
    }
    pc_task_free(back);
    pc_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_task *task = NULL;
    const pc_tokenizer *tokenizer = open_tokenizer();
    if (pc_task_parse(&task, (const char *)bytes, length, "fuzz", tokenizer, &limits) == PC_OK) {
        expect_round_trip(task);
        expect_export(task, pc_task_put_autocircuit, tokenizer);
        expect_export(task, pc_task_put_eapig, tokenizer);
    } else if (task || !*pc_last_error() || strchr(pc_last_error(), '\n'))
        abort(); /* a failure without its one line */
    pc_task_free(task);
    return 0;
}
