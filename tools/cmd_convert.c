/* patchclamp convert: circuits to and from other tools' files. */
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "options.h"
#include "same_file.h"

#include <stdio.h>
#include <string.h>

static const command_usage usage = {"convert", "CIRCUIT.json|DIR|FILE",
                                    "Writes a circuit as another tool reads it: eap-ig (the graph "
                                    "file of EAP-IG and MIB, scores and "
                                    "selection\n"
                                    "included), circuit-tracer (its viewer's graph file), edges (a "
                                    "list of the circuit's edges), csv, "
                                    "json\n(circuit.json), graphml (all of it, for Gephi and "
                                    "networkx), or a figure. With --model, FILE "
                                    "is a graph file\nof EAP-IG or a list of edges on that model, "
                                    "or the name of a shipped list of a "
                                    "published circuit's edges:\ndocstring, greater-than, ioi.",
                                    "patchclamp convert out/demo --to eap-ig -o graph.json", 1};

typedef struct convert_words {
    const char *input, *output, *to, *model, *granularity;
} convert_words;

/* A line a format. Pictures are as draw makes them without options; GraphML has the whole file. */
typedef struct format {
    const char *name;
    pc_status (*write)(const pc_circuit *circuit, const char *path);
    pc_status (*draw)(const pc_circuit *circuit, const char *path, const pc_draw_options *options);
} format;

static const format formats[] = {
    {"eap-ig", pc_circuit_write_eapig, NULL},
    {"circuit-tracer", pc_circuit_write_circuit_tracer, NULL},
    {"edges", pc_circuit_write_edges, NULL},
    {"csv", pc_circuit_write_csv, NULL},
    {"json", pc_circuit_write_json, NULL},
    {"graphml", NULL, pc_circuit_write_graphml},
    {"dot", NULL, pc_circuit_write_dot},
    {"svg", NULL, pc_circuit_write_svg},
    {"pdf", NULL, pc_circuit_write_pdf},
    {"tikz", NULL, pc_circuit_write_tikz},
};
enum { N_FORMATS = sizeof formats / sizeof *formats, NAMES_BYTES = 160 };

/* "eap-ig, ... or tikz" */
static const char *format_names(void)
{
    static char words[NAMES_BYTES];
    size_t length = 0;
    for (int i = 0; i < N_FORMATS; i++)
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%s",
                                   i == 0               ? ""
                                   : i + 1 == N_FORMATS ? " or "
                                                        : ", ",
                                   formats[i].name);
    return words;
}

static const format *format_for(const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0) return &formats[i];
    complain("convert", "--to is \"%s\", expected %s", name, format_names());
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

static int run(const convert_words *w, const format *to)
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
    const pc_status status =
        to->write ? to->write(circuit, w->output) : to->draw(circuit, w->output, NULL);
    pc_circuit_free(circuit);
    return status == PC_OK ? EXIT_DONE : report("convert", status);
}

int cmd_convert(int argc, char **argv)
{
    convert_words w = {0};
    const option_row rows[] = {
        {"to", 0, OPTION_TEXT, &w.to, "FORMAT", format_names(), 0, 0},
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
    const format *to = format_for(w.to);
    return to ? run(&w, to) : EXIT_USAGE;
}
