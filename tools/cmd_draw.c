/* patchclamp draw: the figure of a circuit. */
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "options.h"
#include "same_file.h"

#include <stdio.h>
#include <string.h>

typedef pc_status (*writer)(const pc_circuit *circuit, const char *path,
                            const pc_draw_options *options);

static pc_status write_report_without_run(const pc_circuit *circuit, const char *path,
                                          const pc_draw_options *options)
{
    return pc_report_write(circuit, NULL, path, options);
}

/* With the run.db that lies in the run directory, if one was given. */
static pc_status write_report(const pc_circuit *circuit, const char *directory, const char *path,
                              const pc_draw_options *options)
{
    char run_db[CIRCUIT_PATH_BYTES + sizeof "/run.db"];
    snprintf(run_db, sizeof run_db, "%s/run.db", directory);
    const bool has_run = is_file_in(run_db, directory);
    return pc_report_write(circuit, has_run ? run_db : NULL, path, options);
}

/* A line a format; the name's ending chooses. Usage and complaints list them from here. */
static const struct {
    const char *ending;
    writer write;
} formats[] = {
    {".svg", pc_circuit_write_svg},
    {".pdf", pc_circuit_write_pdf},
    {".tex", pc_circuit_write_tikz},
    {".dot", pc_circuit_write_dot},
    {".graphml", pc_circuit_write_graphml},
    {".html", write_report_without_run},
};
enum { N_FORMATS = sizeof formats / sizeof *formats, ENDINGS_BYTES = 128 };

/* ".svg, .pdf or .dot" */
static const char *endings(void)
{
    static char words[ENDINGS_BYTES];
    size_t length = 0;
    for (int i = 0; i < N_FORMATS; i++)
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%s",
                                   i == 0               ? ""
                                   : i + 1 == N_FORMATS ? " or "
                                                        : ", ",
                                   formats[i].ending);
    return words;
}

static writer writer_for(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (int i = 0; dot && i < N_FORMATS; i++)
        if (strcmp(dot, formats[i].ending) == 0) return formats[i].write;
    complain("draw", "-o is \"%s\", expected a name that ends in %s", path, endings());
    return NULL;
}

int cmd_draw(int argc, char **argv)
{
    const char *name, *output = NULL;
    char in_directory[CIRCUIT_PATH_BYTES];
    pc_draw_options draw = PC_DRAW_OPTIONS_INIT;
    int64_t max_edges = draw.max_edges;
    bool has_no_pruned = false, has_no_table = false;
    char help[ENDINGS_BYTES + 16];
    snprintf(help, sizeof help, "the figure: %s", endings());
    const option_row rows[] = {
        {"output", 'o', OPTION_TEXT, &output, "FILE", help, 0, 0},
        {"title", 0, OPTION_TEXT, &draw.title, "TEXT", "the title (Circuit of MODEL on TASK)", 0,
         0},
        {"max-edges", 0, OPTION_INT, &max_edges, "N", "draw the N strongest, count the rest (150)",
         0, 2000},
        {"no-pruned", 0, OPTION_FLAG, &has_no_pruned, "", "leave out what is not in the circuit", 0,
         0},
        {"no-table", 0, OPTION_FLAG, &has_no_table, "", "leave out the ranked table", 0, 0},
        {0}};
    const command_usage usage = {"draw", "CIRCUIT.json|DIR", "Draws the figure of a circuit. A page to explore, .html, knows more\n"
                                 "if it is given the run directory.",
                                 "patchclamp draw out/demo -o figure.svg", 1};
    const parse_outcome outcome = options_parse(rows, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    if (!output) {
        complain("draw", "expected -o FILE; see patchclamp draw --help");
        return EXIT_USAGE;
    }
    const writer write_figure = writer_for(output);
    if (!write_figure) return EXIT_USAGE;
    const char *path = circuit_path(in_directory, name);
    if (is_same_file(path, output)) {
        complain("draw", "the output \"%s\" is the input", output);
        return EXIT_USAGE;
    }
    draw.max_edges = (int)max_edges;
    draw.has_pruned = !has_no_pruned;
    draw.has_table = !has_no_table;
    pc_circuit *circuit = NULL;
    pc_status status = pc_circuit_read(&circuit, path);
    const bool has_run = path != name && write_figure == write_report_without_run;
    if (status == PC_OK)
        status = has_run ? write_report(circuit, name, output, &draw)
                         : write_figure(circuit, output, &draw);
    pc_circuit_free(circuit);
    return status == PC_OK ? EXIT_DONE : report("draw", status);
}
