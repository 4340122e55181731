/* patchclamp path: path patching, from one sender or from each. */
#include "commands.h"
#include "effects_command.h"
#include "exit_code.h"

#include <string.h>

static const command_usage usage = {
    "path", "MODEL",
    "Patches the paths from senders to a set of receivers, each sender alone, in two phases: the "
    "receivers see\n"
    "what they would if only the sender, and with --mlps free the MLPs behind it, changed; "
    "everything behind\n"
    "them is computed. --via goes through the readers of other components on the way.",
    "patchclamp path demo --task induction -n 8 --to 'a1.h0<k>,a1.h2<k>'", 1};

static pc_status make(pc_effects **out, const pc_model *model,
                      const pc_evaluator_options *evaluation, const void *payload)
{
    return pc_effects_paths(out, payload, model, evaluation);
}

int cmd_path(int argc, char **argv)
{
    pc_path_words path = {NULL, NULL, NULL, "free"};
    effects_words w = EFFECTS_WORDS_INIT("path");
    option_row rows[32] = {{0}}, *next = rows;
    const option_row own[] = {
        {"from", 0, OPTION_TEXT, &path.from, "LIST", "senders like a0.h1,m0, or each (each)", 0, 0},
        {"via", 0, OPTION_TEXT, &path.via, "STOPS",
         "readers on the way like 'a1.h0<v>,a1.h1<v>'; -> parts one stop from the next", 0, 0},
        {"to", 0, OPTION_TEXT, &path.to, "LIST", "receivers like 'a1.h0<k>,logits'", 0, 0},
        {"mlps", 0, OPTION_TEXT, &path.mlps, "HOW", "free or frozen (free)", 0, 0},
    };
    memcpy(next, own, sizeof own);
    add_effects_options(next + sizeof own / sizeof *own, &w);
    const parse_outcome outcome = options_parse(rows, &w.model, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!w.task || !path.to) {
        complain("path", "expected --task T and --to LIST; see patchclamp path --help");
        return EXIT_USAGE;
    }
    if (strcmp(path.mlps, "free") != 0 && strcmp(path.mlps, "frozen") != 0) {
        complain("path", "--mlps is \"%s\", expected free or frozen", path.mlps);
        return EXIT_USAGE;
    }
    if (path.from && strcmp(path.from, "each") == 0) path.from = NULL;
    return run_effects(&w, NULL, EFFECTS_STRONGEST_FIRST, make, &path);
}
