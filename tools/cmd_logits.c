/* patchclamp logits: what the plain model predicts. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "options.h"
#include "prompt_input.h"
#include "shared_options.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_json(const int32_t *tokens, int n, const double *logits, int64_t vocab, int first)
{
    json_begin(NULL, '{');
    json_begin("tokens", '[');
    for (int i = 0; i < n; i++)
        json_integer(NULL, tokens[i]);
    json_end(']');
    json_begin("logits", '[');
    for (int p = first; p < n; p++) {
        json_begin(NULL, '[');
        for (int64_t v = 0; v < vocab; v++)
            json_number(NULL, logits[p * vocab + v]);
        json_end(']');
    }
    json_end(']');
    json_end('}');
}

static double log_sum(const double *logits, int64_t vocab)
{
    double most = logits[0], sum = 0;
    for (int64_t v = 1; v < vocab; v++)
        if (logits[v] > most) most = logits[v];
    for (int64_t v = 0; v < vocab; v++)
        sum += exp(logits[v] - most);
    return most + log(sum);
}

/* The largest logit below `bound` (value, then id, so that ties are told in order); -1 if none. */
static int64_t next_largest(const double *logits, int64_t vocab, int64_t last)
{
    int64_t best = -1;
    for (int64_t v = 0; v < vocab; v++) {
        const bool is_after =
            last < 0 || logits[v] < logits[last] || (logits[v] == logits[last] && v > last);
        if (is_after && (best < 0 || logits[v] > logits[best])) best = v;
    }
    return best;
}

static void print_position(const opened_model *m, const int32_t *tokens, int p,
                           const double *logits, int64_t top)
{
    const int64_t vocab = m->info->vocab_out;
    const double total = log_sum(logits, vocab);
    table t;
    printf("after %s (position %d)\n", show_token(m, tokens[p]), p);
    table_begin(&t, "rlrr");
    table_cell(&t, "#"), table_cell(&t, "token"), table_cell(&t, "logit");
    table_cell(&t, "probability");
    int64_t token = -1;
    for (int64_t i = 0; i < top && (token = next_largest(logits, vocab, token)) >= 0; i++) {
        table_cell(&t, "%lld", (long long)i + 1);
        table_cell(&t, "%s", show_token(m, (int32_t)token));
        table_cell(&t, "%.4f", logits[token]);
        table_cell(&t, "%.4f", exp(logits[token] - total));
    }
    table_print(&t);
    table_free(&t);
}

int cmd_logits(int argc, char **argv)
{
    const char *name, *prompt = NULL, *ids = NULL;
    bool is_json = false, has_all = false;
    int64_t top = 10;
    measure_words words = MEASURE_WORDS_INIT;
    pc_evaluator_options on = PC_EVALUATOR_OPTIONS_INIT;
    on.engine = PC_ENGINE_DELTA; /* which may have a device */
    const option_row rows[] = {
        {"prompt", 'p', OPTION_TEXT, &prompt, "TEXT", "the prompt as text", 0, 0},
        {"tokens", 't', OPTION_TEXT, &ids, "IDS", "the prompt as token ids: 1,2,3", 0, 0},
        {"all-positions", 'a', OPTION_FLAG, &has_all, "", "after every token, not the last alone",
         0, 0},
        {"top", 0, OPTION_INT, &top, "K", "tokens to list (10)", 1, 1 << 24},
        {"device", 0, OPTION_TEXT, &words.device, "D",
         "cpu, cuda, cuda:N or emu, in float32 (the cpu, in double)", 0, 0},
        {"precision", 0, OPTION_TEXT, &words.precision, "P",
         "of the products on a device: fp32, bf16x3, tf32 or bf16 (fp32)", 0, 0},
        {"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value with every logit", 0, 0},
        {0}};
    const command_usage usage = {"logits", "MODEL", "Prints the model's next-token logits.",
                                 "patchclamp logits demo --prompt \" cat dog moon cat\"", 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;

    int code = read_measure_words(&on, &words, "logits");
    if (code != EXIT_DONE) return code;
    const bool is_on_device = (words.device || words.precision) && on.engine == PC_ENGINE_DELTA;
    opened_model m;
    int32_t *tokens = NULL;
    int n = 0;
    double *logits = NULL;
    code = open_model(&m, name, "logits");
    if (code != EXIT_DONE) return code;
    code = read_prompt(&tokens, &n, prompt, ids, PC_BOS_AS_TOKENIZER, &m, "logits");
    if (code == EXIT_DONE && n <= m.info->n_ctx) /* a longer prompt is refused below */
        logits = malloc(((size_t)n * (size_t)m.info->vocab_out + 1) * sizeof *logits);
    if (code == EXIT_DONE && n <= m.info->n_ctx && !logits) {
        complain("logits", "out of memory for %d x %lld logits", n, (long long)m.info->vocab_out);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) {
        const pc_status status =
            is_on_device ? pc_model_logits_on(logits, m.model, tokens, n, on.device, on.precision)
                         : pc_model_logits(logits, m.model, tokens, n);
        const int first = has_all ? 0 : n - 1;
        if (status != PC_OK) code = report("logits", status);
        else if (is_json) print_json(tokens, n, logits, m.info->vocab_out, first);
        else
            for (int p = first; p < n; p++)
                print_position(&m, tokens, p, logits + p * m.info->vocab_out, top);
    }
    free(logits);
    free(tokens);
    close_model(&m);
    return code;
}
