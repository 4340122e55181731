/* patchclamp convert: circuits to and from other tools' files. */
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "options.h"
#include "same_file.h"

#include <string.h>

static const command_usage usage = {
    "convert", "CIRCUIT.json|DIR|FILE",
    "Writes a circuit as another tool reads it: eap-ig (the graph "
    "file of EAP-IG and MIB, scores and "
    "selection\n"
    "included), edges (a list of the circuit's edges), csv, or "
    "json (circuit.json). With --model, FILE is "
    "such a\ngraph file or list of edges on that model, or the name "
    "of a shipped list of a published circuit's\nedges: docstring, "
    "greater-than, ioi.",
    "patchclamp convert out/demo --to eap-ig -o graph.json", 1};

typedef struct convert_words {
    const char *input, *output, *to, *model, *granularity;
} convert_words;

typedef pc_status (*writer)(const pc_circuit *circuit, const char *path);

static writer writer_for(const char *name)
{
    static const struct {
        const char *name;
        writer write;
    } formats[] = {{"eap-ig", pc_circuit_write_eapig},
                   {"edges", pc_circuit_write_edges},
                   {"csv", pc_circuit_write_csv},
                   {"json", pc_circuit_write_json}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0) return formats[i].write;
    complain("convert", "--to is \"%s\", expected eap-ig, edges, csv or json", name);
    return NULL;
}

/* Of another tool, on a model. */
static int import(pc_circuit **out, const convert_words *w, const char *path)
{
    opened_model m;
    pc_kv_granularity granularity = PC_KV_SHARED;
    if (w->granularity && pc_kv_granularity_parse(&granularity, w->granularity) != PC_OK) {
        complain("convert", "%s", pc_last_error());
        return EXIT_USAGE;
    }
    const int code = open_model(&m, w->model, "convert");
    if (code != EXIT_DONE) return code;
    pc_status status = pc_model_set_kv_granularity(m.model, granularity);
    if (status == PC_OK) status = pc_circuit_import(out, path, m.model);
    close_model(&m);
    return status == PC_OK ? EXIT_DONE : report("convert", status);
}

static int run(const convert_words *w, writer write)
{
    char room[CIRCUIT_PATH_BYTES];
    pc_circuit *circuit = NULL;
    const char *path = circuit_path(room, w->input);
    const int found = w->model ? find_truth(&path, room, w->input, "convert") : EXIT_DONE;
    if (found != EXIT_DONE) return found;
    if (is_same_file(path, w->output)) {
        complain("convert", "the output \"%s\" is the input", w->output);
        return EXIT_USAGE;
    }
    if (w->model) {
        const int code = import(&circuit, w, path);
        if (code != EXIT_DONE) return code;
    } else {
        const pc_status status = pc_circuit_read(&circuit, path);
        if (status != PC_OK) return report("convert", status);
    }
    const pc_status status = write(circuit, w->output);
    pc_circuit_free(circuit);
    return status == PC_OK ? EXIT_DONE : report("convert", status);
}

int cmd_convert(int argc, char **argv)
{
    convert_words w = {0};
    const option_row rows[] = {
        {"to", 0, OPTION_TEXT, &w.to, "FORMAT", "eap-ig, edges, csv or json", 0, 0},
        {"output", 'o', OPTION_TEXT, &w.output, "FILE", "the file to write", 0, 0},
        {"model", 'm', OPTION_TEXT, &w.model, "MODEL",
         "the input is another tool's, and this is its model", 0, 0},
        {"kv-granularity", 0, OPTION_TEXT, &w.granularity, "G",
         "of that input: k and v once per KV head (kv), or per query head (query)", 0, 0},
        {0}};
    const parse_outcome outcome = options_parse(rows, &w.input, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!w.to || !w.output) {
        complain("convert", "expected --to FORMAT and -o FILE; see patchclamp convert --help");
        return EXIT_USAGE;
    }
    if (w.granularity && !w.model) {
        complain("convert", "--kv-granularity is for another tool's file, with --model");
        return EXIT_USAGE;
    }
    const writer write = writer_for(w.to);
    return write ? run(&w, write) : EXIT_USAGE;
}
