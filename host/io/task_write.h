/* Tasks in other programs' formats, which are text: what the writers share. */
#ifndef PC_IO_TASK_WRITE_H
#define PC_IO_TASK_WRITE_H

#include "io/task_private.h"

/* The text of tokens; PC_ERR_INPUT unless it encodes to the same tokens again. Free *text. */
pc_status pc_task_text_of(char **text, const int32_t *ids, int n, const char *what,
                          const pc_tokenizer *tokenizer);

/* What the other formats cannot say is PC_ERR_INPUT: a pair that is not read at its last token
 * alone or has no wrong answers, BOS in front of some prompts only. n_bos is 0 or 1: as many tokens
 * of each prompt are left out of its text, because the programs put them there. */
pc_status pc_task_check_plain(int *n_bos, const pc_task *task);

pc_status pc_task_put_autocircuit(pc_text *out, const pc_task *task, const pc_tokenizer *tokenizer);
pc_status pc_task_put_eapig(pc_text *out, const pc_task *task, const pc_tokenizer *tokenizer);

/* The tokens "00" to "99", appended. */
pc_status pc_task_encode_years(pc_ids *out, const pc_task_context *context);

#endif
