/* Reading a prompt from text or ids. */
#include "prompt_input.h"

#include "exit_code.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_ids(int32_t **tokens, int *n, const char *ids, const char *command)
{
    const char *at = ids;
    *n = 0;
    *tokens = malloc((strlen(ids) / 2 + 1) * sizeof **tokens);
    if (!*tokens) return complain(command, "out of memory"), EXIT_FAILED;
    for (;;) {
        char *end;
        errno = 0;
        const long value = strtol(at, &end, 10);
        if (end == at || errno || value < 0 || value > INT32_MAX || (*end && *end != ',')) {
            complain(command, "--tokens is \"%s\", expected ids like 1,2,3 (see \"%.20s\")", ids,
                     at);
            free(*tokens);
            *tokens = NULL;
            return EXIT_USAGE;
        }
        (*tokens)[(*n)++] = (int32_t)value;
        if (!*end) return EXIT_DONE;
        at = end + 1;
    }
}

static int encode(int32_t **tokens, int *n, const char *text, pc_bos_rule rule,
                  const opened_model *m, const char *command)
{
    size_t length;
    if (!m->tokenizer) {
        complain(command, "%s; give --tokens instead", m->why_no_tokenizer);
        return EXIT_BAD_INPUT;
    }
    const pc_status status =
        pc_tokenizer_encode(tokens, &length, m->tokenizer, text, strlen(text), rule);
    if (status != PC_OK) return report(command, status);
    if (length > INT_MAX) return complain(command, "the prompt is too long"), EXIT_BAD_INPUT;
    *n = (int)length;
    return EXIT_DONE;
}

int read_prompt(int32_t **tokens, int *n, const char *text, const char *ids, pc_bos_rule rule,
                const opened_model *m, const char *command)
{
    *tokens = NULL;
    if (!text == !ids) {
        complain(command, "expected either --prompt TEXT or --tokens IDS");
        return EXIT_USAGE;
    }
    return ids ? read_ids(tokens, n, ids, command) : encode(tokens, n, text, rule, m, command);
}

const char *show_token(const opened_model *m, int32_t token)
{
    enum { MOST = 100 }; /* bytes; the end must not split a character */
    static char words[MOST + 16];
    const char *text = m->tokenizer ? pc_tokenizer_token(m->tokenizer, token) : NULL;
    size_t length = text ? strlen(text) : 0;
    const bool is_cut = length > MOST;
    if (is_cut) length = MOST;
    while (is_cut && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    if (text) snprintf(words, sizeof words, "\"%.*s%s\"", (int)length, text, is_cut ? "..." : "");
    else snprintf(words, sizeof words, "%d", (int)token);
    return words;
}
