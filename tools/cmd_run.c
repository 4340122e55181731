/* patchclamp run: the effects of any list of interventions. */
#include "commands.h"
#include "effects_command.h"
#include "exit_code.h"

#include <stddef.h>

static const command_usage usage = {
    "run", "MODEL",
    "Measures the interventions of a file, a JSON object a line:\n"
    "  {\"cut\": [\"a0.h3->a1.h0<k>\", \"m0.n7\"], \"positions\": [-1, \"S2\"], \"freeze\": "
    "[\"m0\"]}\n"
    "  {\"circuit\": [\"input->a0.h3<v>\"]}   {\"path\": {\"from\": [\"a0.h3\"], \"to\": "
    "[\"logits\"], "
    "\"mlps\": \"free\"}}\n"
    "A line may have a \"name\", and a \"source\", \"direction\" and \"metric\" of its own. DIR "
    "gets\n"
    "effects.csv, run.json (with each prompt's effect) and run.db.",
    "patchclamp run demo --task induction --interventions list.jsonl -o out/run", 1};

static pc_status make(pc_effects **out, const pc_model *model,
                      const pc_evaluator_options *evaluation, const void *payload)
{
    return pc_effects_read(out, payload, model, evaluation);
}

int cmd_run(int argc, char **argv)
{
    const char *file = NULL;
    effects_words w = EFFECTS_WORDS_INIT("run");
    option_row rows[32] = {{0}}, *next = rows;
    *next++ = (option_row){"interventions",
                           'i',
                           OPTION_TEXT,
                           &file,
                           "FILE.jsonl",
                           "what to measure, a line each",
                           0,
                           0};
    add_effects_options(next, &w);
    const parse_outcome outcome = options_parse(rows, &w.model, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!w.task || !file) {
        complain("run", "expected --task T and --interventions FILE; see patchclamp run --help");
        return EXIT_USAGE;
    }
    return run_effects(&w, file, EFFECTS_AS_GIVEN, make, file);
}
