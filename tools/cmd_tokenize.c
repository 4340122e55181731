/* patchclamp tokenize: the tokens of a text. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "options.h"
#include "prompt_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_rule(pc_bos_rule *out, const char *name)
{
    static const char *const names[] = {[PC_BOS_AS_TOKENIZER] = "as-tokenizer",
                                        [PC_BOS_ALWAYS] = "always",
                                        [PC_BOS_NEVER] = "never"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) return *out = (pc_bos_rule)i, true;
    complain("tokenize", "--bos is \"%s\", expected as-tokenizer, always or never", name);
    return false;
}

static void print_tokens(const opened_model *m, const int32_t *tokens, int n, bool is_json)
{
    if (!is_json) {
        for (int i = 0; i < n; i++)
            printf("%d\t%s\n", (int)tokens[i], show_token(m, tokens[i]));
        return;
    }
    json_begin(NULL, '{');
    json_begin("tokens", '[');
    for (int i = 0; i < n; i++)
        json_integer(NULL, tokens[i]);
    json_end(']');
    json_begin("text", '[');
    for (int i = 0; i < n; i++)
        json_text(NULL, pc_tokenizer_token(m->tokenizer, tokens[i]));
    json_end(']');
    json_end('}');
}

int cmd_tokenize(int argc, char **argv)
{
    const char *operands[2], *bos = "as-tokenizer";
    bool is_json = false;
    pc_bos_rule rule;
    const option_row rows[] = {
        {"bos", 0, OPTION_TEXT, &bos, "RULE", "as-tokenizer, always or never (as-tokenizer)", 0, 0},
        {"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value", 0, 0},
        {0}};
    const command_usage usage = {"tokenize", "MODEL TEXT", "Prints the tokens of a text.",
                                 "patchclamp tokenize demo \" cat dog moon cat\"", 2};
    const parse_outcome outcome = options_parse(rows, operands, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!read_rule(&rule, bos)) return EXIT_USAGE;

    opened_model m;
    int32_t *tokens = NULL;
    int n = 0;
    int code = open_model(&m, operands[0], "tokenize");
    if (code != EXIT_DONE) return code;
    if (!m.tokenizer) {
        complain("tokenize", "%s", m.why_no_tokenizer);
        code = EXIT_BAD_INPUT;
    } else {
        code = read_prompt(&tokens, &n, operands[1], NULL, rule, &m, "tokenize");
    }
    if (code == EXIT_DONE) print_tokens(&m, tokens, n, is_json);
    free(tokens);
    close_model(&m);
    return code;
}
