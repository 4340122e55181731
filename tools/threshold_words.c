/* Reading lists and ranges of thresholds; printing what was found at each. */
#include "threshold_words.h"

#include "exit_code.h"
#include "json_out.h"
#include "table.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THRESHOLDS = 1000 };

static bool take_number(double *out, const char **at)
{
    char *end;
    if (isspace((unsigned char)**at)) return false;
    *out = strtod(*at, &end);
    const bool is_number = end > *at && isfinite(*out);
    *at = end;
    return is_number;
}

/* "FROM:TO:COUNT" */
static bool take_range(threshold_words *out, const char *list)
{
    double from, to, count;
    if (!take_number(&from, &list) || *list++ != ':') return false;
    if (!take_number(&to, &list) || *list++ != ':') return false;
    if (!take_number(&count, &list) || *list) return false;
    if (!(from > 0 && to > from && count >= 2 && count <= MOST_THRESHOLDS)) return false;
    if (count != floor(count)) return false;
    out->n = (int)count;
    for (int i = 0; i < out->n; i++) {
        char digits[32];
        snprintf(digits, sizeof digits, "%.3g", from * pow(to / from, i / (count - 1)));
        out->values[i] = i == 0 ? from : i == out->n - 1 ? to : strtod(digits, NULL);
    }
    return true;
}

static bool take_list(threshold_words *out, const char *list)
{
    for (out->n = 0; out->n < MOST_THRESHOLDS; list++) {
        if (!take_number(&out->values[out->n++], &list)) return false;
        if (*list != ',') return !*list;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int read_thresholds(threshold_words *out, const char *list, const char *command)
{
    *out = (threshold_words){0};
    if (!list) return EXIT_DONE;
    out->values = malloc(MOST_THRESHOLDS * sizeof *out->values);
    if (!out->values) {
        complain(command, "out of memory");
        return EXIT_FAILED;
    }
    if (strchr(list, ':') ? take_range(out, list) : take_list(out, list)) {
        qsort(out->values, (size_t)out->n, sizeof *out->values, compare);
        return EXIT_DONE;
    }
    complain(command,
             "--thresholds is \"%s\", expected numbers like 0.001,0.01,0.1, or from:to:count, as "
             "0.001:1:21, at most %d",
             list, MOST_THRESHOLDS);
    return EXIT_USAGE;
}

void threshold_words_free(threshold_words *w)
{
    free(w->values);
    *w = (threshold_words){0};
}

/* ---- what was found ---- */

/* As it is printed, without a "-0.0000". */
static double rounded(double x)
{
    return fabs(x) < 5e-5 ? 0 : x;
}

static void add_row(table *t, const pc_threshold_row *row)
{
    table_cell(t, "%g", row->threshold);
    table_cell(t, "%lld", (long long)row->n_kept);
    table_cell(t, "%.4f", rounded(row->metric));
    if (isnan(row->faithfulness)) table_cell(t, "-");
    else table_cell(t, "%.4f", rounded(row->faithfulness));
    table_cell(t, "%lld", (long long)row->n_evaluations);
    table_cell(t, "%s", row->is_chosen ? "circuit.json" : "");
}

/* What sharing saves. */
static void print_sum(const pc_circuit *circuit, const pc_threshold_row *rows, size_t n)
{
    const double done = (double)pc_circuit_thresholds_evaluations(circuit);
    double alone = 0;
    for (size_t i = 0; i < n; i++)
        alone += (double)rows[i].n_evaluations;
    printf("\n%zu thresholds: %.0f evaluations together, one by one %.0f\n", n, done, alone);
}

void print_thresholds(const pc_circuit *circuit)
{
    size_t n;
    table t;
    const pc_threshold_row *rows = pc_circuit_thresholds(&n, circuit);
    if (n == 0) return;
    printf("\n");
    table_begin(&t, "rrrrrl");
    table_cell(&t, "threshold"), table_cell(&t, "edges");
    table_cell(&t, "%s", pc_circuit_option(circuit, "metric"));
    table_cell(&t, "faithfulness"), table_cell(&t, "evaluations"), table_cell(&t, " ");
    for (size_t i = 0; i < n; i++)
        add_row(&t, &rows[i]);
    table_print(&t);
    table_free(&t);
    print_sum(circuit, rows, n);
}

void print_thresholds_json(const pc_circuit *circuit)
{
    size_t n;
    const pc_threshold_row *rows = pc_circuit_thresholds(&n, circuit);
    if (n == 0) return;
    json_begin("thresholds", '[');
    for (size_t i = 0; i < n; i++) {
        json_begin(NULL, '{');
        json_number("threshold", rows[i].threshold);
        json_integer("kept", rows[i].n_kept);
        json_number("metric", rows[i].metric);
        json_number("stderr", rows[i].stderr_);
        json_number("faithfulness", rows[i].faithfulness);
        json_integer("evaluations", rows[i].n_evaluations);
        json_bool("chosen", rows[i].is_chosen);
        json_end('}');
    }
    json_end(']');
    json_integer("evaluations", pc_circuit_thresholds_evaluations(circuit));
}
