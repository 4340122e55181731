/* patchclamp merge: the shards of a search joined, and its result. */
#include "commands.h"
#include "exit_code.h"
#include "progress.h"
#include "shard_command.h"

static const command_usage usage = {
    "merge", "DIR",
    "Joins the shards in DIR, selects the circuit and evaluates it: DIR gets run.db, circuit.json, "
    "scores.csv and\n"
    "circuit.svg, the same bytes as one `patchclamp find` would have written. Shards that are "
    "missing or that cannot\n"
    "be joined are named.",
    "patchclamp merge out/array", 1};

static int merge(shard_command *s)
{
    pc_circuit *circuit;
    progress_state progress;
    const int code = shard_command_open(s);
    if (code != EXIT_DONE) return code;
    progress_begin(&progress);
    s->find.options.progress = progress_tell;
    s->find.options.payload = &progress;
    pc_status status =
        pc_shards_merge(&circuit, s->shards, s->model.model, s->task, &s->find.options);
    progress_end(&progress);
    if (status == PC_OK) {
        status = print_found(&s->find, circuit);
        pc_circuit_free(circuit);
    }
    if (status == PC_OK) return EXIT_DONE;
    if (status != PC_ERR_INTERRUPTED) return report("merge", status);
    complain("merge", "stopped; the same command goes on");
    return EXIT_INTERRUPTED;
}

int cmd_merge(int argc, char **argv)
{
    const char *directory;
    int64_t threads = 0, n_rows = 25;
    bool is_json = false, takes_over = false;
    shard_command s;
    const option_row rows[] = {
        {"threads", 0, OPTION_INT, &threads, "N", "processors to use (as submitted)", 1, 256},
        {"take-over", 0, OPTION_FLAG, &takes_over, "",
         "from another machine's process that is silent and gone", 0, 0},
        {"rows", 0, OPTION_INT, &n_rows, "N", "rows of the table on the terminal (25)", 0, 1 << 30},
        {"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value instead of the table", 0, 0},
        {0},
    };
    const parse_outcome outcome = options_parse(rows, &directory, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    stop_on_signals();
    int code = shard_command_read(&s, directory, "merge");
    if (threads) s.find.measure.threads = threads;
    s.find.takes_over = takes_over;
    s.find.rows = n_rows;
    s.find.is_json = is_json;
    if (code == EXIT_DONE) code = merge(&s);
    shard_command_close(&s);
    return code;
}
