/* patchclamp plant: writes a model whose circuit is known. */
#include "commands.h"
#include "exit_code.h"
#include "options.h"

#include "patchclamp/patchclamp.h"

#include <stdio.h>

static void list_plants(void)
{
    printf("\nplanted models:\n");
    for (int i = 0; pc_plant_name(i); i++)
        printf("  %-16s %s\n", pc_plant_name(i), pc_plant_summary(i));
}

int cmd_plant(int argc, char **argv)
{
    const char *name, *directory = NULL;
    const option_row rows[] = {{"output", 'o', OPTION_TEXT, &directory, "DIR",
                                "the folder to write, without a model", 0, 0},
                               {0}};
    const command_usage usage = {
        "plant", "NAME",
        "Writes a model whose circuit is known because its weights are written by hand: a "
        "TransformerLens\n"
        "checkpoint with prompts (train.jsonl, test.jsonl) and the true edges (truth.edges; "
        "truth-zero.edges for\n"
        "cuts to zero). For checking what finds circuits.",
        "patchclamp plant induction -o out/planted", 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome == PARSED_HELP) return list_plants(), EXIT_DONE;
    if (outcome != PARSED) return EXIT_USAGE;
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
