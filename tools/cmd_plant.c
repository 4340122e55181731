/* patchclamp plant: writes a model whose circuit is known. */
#include "commands.h"
#include "exit_code.h"
#include "options.h"

#include "patchclamp/patchclamp.h"

#include <stdio.h>

enum { SUMMARY_BYTES = 4096 };

/* What the command does, and a line a model. */
static const char *summary(void)
{
    static char text[SUMMARY_BYTES];
    size_t n = (size_t)snprintf(
        text, sizeof text,
        "Writes a model whose circuit is known because its weights are written by hand: a "
        "TransformerLens\n"
        "checkpoint with prompts (train.jsonl, test.jsonl) and the true edges (truth.edges; "
        "truth-zero.edges for\n"
        "cuts to zero). For checking what finds circuits.\n\nplanted models:");
    for (int i = 0; pc_plant_name(i) && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "\n  %-16s %s", pc_plant_name(i),
                              pc_plant_summary(i));
    return text;
}

int cmd_plant(int argc, char **argv)
{
    const char *name, *directory = NULL;
    const option_row rows[] = {{"output", 'o', OPTION_TEXT, &directory, "DIR",
                                "the folder to write, without a model", 0, 0},
                               {0}};
    const command_usage usage = {"plant", "NAME", summary(),
                                 "patchclamp plant induction -o out/planted", 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!directory) {
        complain("plant", "expected -o DIR; see patchclamp plant --help");
        return EXIT_USAGE;
    }
    const pc_status status = pc_plant_write(name, directory);
    if (status != PC_OK) return report("plant", status);
    fprintf(stderr,
            "%s: cfg.json, model.safetensors, train.jsonl, test.jsonl, truth.edges, "
            "truth-zero.edges\n",
            directory);
    return EXIT_DONE;
}
