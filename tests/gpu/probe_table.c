/* The probe's tables: aligned text, and JSON. */
#include "probe_table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void probe_table_start(probe_table *table, const char *title, const char *const *columns,
                       const char *note)
{
    *table = (probe_table){.title = title, .columns = columns, .note = note};
    while (columns[table->n_columns])
        table->n_columns++;
}

void probe_table_free(probe_table *table)
{
    free(table->cells);
}

void probe_cell(probe_table *table, const char *format, ...)
{
    va_list arguments;
    if (table->n_cells == table->room) {
        table->room = table->room ? 2 * table->room : 64;
        table->cells = realloc(table->cells, (size_t)table->room * sizeof *table->cells);
        if (!table->cells) abort();
    }
    va_start(arguments, format);
    vsnprintf(table->cells[table->n_cells++], PROBE_CELL, format, arguments);
    va_end(arguments);
}

static int width_of(const probe_table *table, int column)
{
    size_t most = strlen(table->columns[column]);
    for (int i = column; i < table->n_cells; i += table->n_columns)
        if (strlen(table->cells[i]) > most) most = strlen(table->cells[i]);
    return (int)most;
}

static int is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return *text && !*end && strspn(text, "0123456789+-.e") == strlen(text);
}

void probe_table_print(const probe_table *table, FILE *out)
{
    int widths[PROBE_MAX_COLUMNS];
    fprintf(out, "\n%s\n", table->title);
    if (table->note) fprintf(out, "(%s)\n", table->note);
    for (int i = 0; i < table->n_columns; i++) {
        widths[i] = width_of(table, i);
        fprintf(out, "%s%-*s", i ? "  " : "", widths[i], table->columns[i]);
    }
    for (int i = 0; i < table->n_cells; i++) {
        const int column = i % table->n_columns, is_right = is_number(table->cells[i]);
        fprintf(out, "%s%*s", column ? "  " : "\n", is_right ? widths[column] : -widths[column],
                table->cells[i]);
    }
    fputc('\n', out);
}

/* Everything here is printable but for what a device's name may hold. */
static void print_string(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        if ((unsigned char)*text >= ' ') fputc(*text, out);
    }
    fputc('"', out);
}

static void print_value(const char *text, FILE *out)
{
    if (is_number(text)) fprintf(out, "%.17g", strtod(text, NULL));
    else print_string(text, out);
}

void probe_table_json(const probe_table *table, FILE *out)
{
    fputs("{\"title\": ", out);
    print_string(table->title, out);
    fputs(", \"rows\": [", out);
    for (int i = 0; i < table->n_cells; i++) {
        const int column = i % table->n_columns;
        fputs(column ? ", " : i ? ",\n  {" : "\n  {", out);
        print_string(table->columns[column], out);
        fputs(": ", out);
        print_value(table->cells[i], out);
        if (column == table->n_columns - 1) fputc('}', out);
    }
    fputs("]}", out);
}
