/* patchclamp task: generates a task's prompts into a file. */
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "same_file.h"
#include "shared_options.h"

#include <stdio.h>

enum { SUMMARY_BYTES = 8192 };

/* What the command does, and a line a built-in task. */
static const char *summary(void)
{
    static char text[SUMMARY_BYTES];
    size_t n = (size_t)snprintf(
        text, sizeof text,
        "Writes clean and corrupted prompts: NAME is a built-in task, generated for the model's\n"
        "tokenizer, or a task file, for another format.\n\nbuilt-in tasks:");
    for (int i = 0; pc_task_builtin_name(i) && n < sizeof text; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "\n  %-16s %s (corruptions:",
                              pc_task_builtin_name(i), pc_task_builtin_summary(i));
        for (int j = 0; pc_task_builtin_corruption(i, j) && n < sizeof text; j++)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s%s",
                                  pc_task_builtin_corruption(i, j),
                                  pc_task_builtin_corruption(i, j + 1) ? "" : ")");
    }
    return text;
}

static pc_status generate(const char *name, const opened_model *m, const prompt_words *words,
                          const char *path, pc_task_format format)
{
    pc_task *task = NULL;
    const pc_task_options options = task_options_of(words);
    pc_status status = open_task(&task, name, m, &options);
    if (status == PC_OK) status = pc_task_export(task, path, format, m->tokenizer);
    if (status == PC_OK)
        fprintf(stderr, "%s: %d pairs, at most %d tokens, sha256 %.16s\n", path, pc_task_n(task),
                pc_task_longest(task), pc_task_sha256(task));
    pc_task_free(task);
    return status;
}

int cmd_task(int argc, char **argv)
{
    const char *name, *model_name = NULL, *path = NULL, *format_name = "jsonl", *bos = NULL;
    pc_task_format format;
    pc_bos_rule bos_rule;
    prompt_words words = PROMPT_WORDS_INIT;
    option_row rows[10] = {{0}}, *next = add_bos_option(add_prompt_options(rows, &words), &bos);
    *next++ = (option_row){"model",     'm',     OPTION_TEXT,
                           &model_name, "MODEL", "the model that the prompts are for",
                           0,           0};
    *next++ = (option_row){"output", 'o', OPTION_TEXT, &path, "FILE", "the file to write", 0, 0};
    *next++ = (option_row){
        "format", 0, OPTION_TEXT, &format_name, "NAME", "jsonl, auto-circuit or eap-ig (jsonl)",
        0,        0};
    const command_usage usage = {"task", "NAME", summary(),
                                 "patchclamp task induction --model demo -n 100 -o induction.jsonl",
                                 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!model_name || !path) {
        complain("task", "expected --model MODEL and -o FILE; see patchclamp task --help");
        return EXIT_USAGE;
    }
    if (pc_task_format_parse(&format, format_name) != PC_OK) {
        complain("task", "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (check_prompt_words(&words, name, "task") != EXIT_DONE ||
        read_bos(&bos_rule, bos, "task") != EXIT_DONE)
        return EXIT_USAGE;
    if (is_task_file(name) && is_same_file(name, path)) {
        complain("task", "the output \"%s\" is the task that is read", path);
        return EXIT_USAGE;
    }
    opened_model m;
    int code = open_model(&m, model_name, "task");
    if (code != EXIT_DONE) return code;
    m.bos_rule = bos_rule;
    if (is_file_in(path, m.info->path)) {
        complain("task", "the output \"%s\" is one of the model's files", path);
        code = EXIT_USAGE;
    } else {
        const pc_status status = generate(name, &m, &words, path, format);
        if (status != PC_OK) code = report("task", status);
    }
    close_model(&m);
    return code;
}
