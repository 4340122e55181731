/* A prompt on the command line: text for the tokenizer, or token ids. */
#ifndef PC_TOOLS_PROMPT_INPUT_H
#define PC_TOOLS_PROMPT_INPUT_H

#include "open_model.h"

/* Exactly one of `text` and `ids` ("1,2,3") must be given. Returns EXIT_DONE and the tokens, which
 * go back to free(); or complains and returns the exit code. */
int read_prompt(int32_t **tokens, int *n, const char *text, const char *ids, pc_bos_rule rule,
                const opened_model *model, const char *command);

/* How to show a token: its text where there is a tokenizer, else its number. Valid until the next
 * call. */
const char *show_token(const opened_model *model, int32_t token);

#endif
