/* patchclamp find: the search for a circuit. */
#include "commands.h"
#include "exit_code.h"
#include "find_command.h"
#include "plan_print.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static const command_usage usage = {
    "find", "MODEL",
    "Measures every node, edge or neuron alone (each effect is that of a real intervention), ranks "
    "them,\n"
    "selects the circuit and evaluates it, of a built-in task on the splits train, test and ood. "
    "DIR gets\n"
    "circuit.json, scores.csv, circuit.svg, report.html and run.db;\n"
    "with --positions also positions.csv, positions.svg and positions.pdf, with "
    "--thresholds thresholds.csv and a circuit for each.",
    "patchclamp find demo --task induction --level edge --faithfulness 0.9 -o out/demo", 1};

static pc_status plan(const find_command *c, opened_model *m, const pc_task *task)
{
    pc_plan made;
    const pc_status status = pc_find_plan(&made, m->model, task, &c->options, PC_PLAN_TIMED);
    if (status == PC_OK) print_plan(&made, c->is_json);
    if (status == PC_OK && strcmp(c->method, "exact") != 0)
        fprintf(stderr, "%s takes at most this: it is counted as the exact sweep\n", c->method);
    return status;
}

static pc_status run(find_command *c, opened_model *m, const pc_task *task)
{
    pc_circuit *circuit;
    progress_state progress;
    progress_begin(&progress);
    c->options.progress = progress_tell;
    c->options.payload = &progress;
    pc_status status = pc_find(&circuit, m->model, task, &c->options);
    progress_end(&progress);
    if (status != PC_OK) return status;
    status = print_found(c, circuit);
    pc_circuit_free(circuit);
    return status;
}

static pc_status search(find_command *c, opened_model *m)
{
    pc_task *task = NULL;
    pc_status status = find_command_open_task(&task, c, m);
    if (status == PC_OK) status = c->is_plan ? plan(c, m, task) : run(c, m, task);
    pc_task_free(task);
    return status;
}

static int open_and_search(find_command *c)
{
    opened_model m;
    stop_on_signals();
    const int code = open_model(&m, c->model, "find");
    if (code != EXIT_DONE) return code;
    const pc_status status = search(c, &m);
    close_model(&m);
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED) return report("find", status);
    complain("find", "stopped; what was measured is kept in %s: --resume continues", c->directory);
    return EXIT_INTERRUPTED;
}

static int check_place(const find_command *c)
{
    if (c->task && (c->is_plan || (c->directory && *c->directory))) return EXIT_DONE;
    complain("find", "expected --task T and -o DIR or --plan; see patchclamp find --help");
    return EXIT_USAGE;
}

int cmd_find(int argc, char **argv)
{
    find_command c;
    find_command_begin(&c, "find");
    const parse_outcome outcome = find_command_parse(&c, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int code = check_place(&c);
    if (code == EXIT_DONE) code = find_command_read(&c);
    if (code == EXIT_DONE) code = open_and_search(&c);
    find_command_free(&c);
    return code;
}
