/* patchclamp tokenize: the tokens of a text. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "options.h"
#include "prompt_input.h"
#include "shared_options.h"

#include <stdio.h>
#include <stdlib.h>

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
    const char *operands[2], *bos = NULL;
    bool is_json = false;
    pc_bos_rule rule;
    option_row rows[3] = {{0}};
    *add_bos_option(rows, &bos) =
        (option_row){"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value", 0, 0};
    const command_usage usage = {"tokenize", "MODEL TEXT", "Prints the tokens of a text.",
                                 "patchclamp tokenize demo \" cat dog moon cat\"", 2};
    const parse_outcome outcome = options_parse(rows, operands, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (read_bos(&rule, bos, "tokenize") != EXIT_DONE) return EXIT_USAGE;

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
