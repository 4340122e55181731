/* The rows of thresholds that a circuit carries, and thresholds.csv. */
#include "base/file.h"
#include "base/memory.h"
#include "graph/circuit_private.h"

#include <math.h>
#include <string.h>

pc_status pc_circuit_set_thresholds(pc_circuit *circuit, const pc_threshold_row *rows, size_t n,
                                    int64_t n_evaluations)
{
    circuit->thresholds = pc_alloc(n, sizeof *rows);
    if (!circuit->thresholds) return PC_ERR_NOMEM;
    memcpy(circuit->thresholds, rows, n * sizeof *rows);
    circuit->n_thresholds = n;
    circuit->thresholds_evaluations = n_evaluations;
    return PC_OK;
}

const pc_threshold_row *pc_circuit_thresholds(size_t *n, const pc_circuit *circuit)
{
    *n = circuit->n_thresholds;
    return circuit->thresholds;
}

int64_t pc_circuit_thresholds_evaluations(const pc_circuit *circuit)
{
    return circuit->thresholds_evaluations;
}

static void put_row(pc_text *t, const pc_threshold_row *row)
{
    pc_text_put_number(t, row->threshold);
    pc_text_printf(t, ",%lld,", (long long)row->n_kept);
    pc_text_put_number(t, row->metric);
    pc_text_put(t, ",");
    pc_text_put_number(t, row->stderr_);
    pc_text_put(t, ",");
    if (!isnan(row->faithfulness)) pc_text_put_number(t, row->faithfulness);
    pc_text_printf(t, ",%lld\n", (long long)row->n_evaluations);
}

pc_status pc_circuit_put_thresholds_csv(pc_text *t, const pc_circuit *c)
{
    if (!c->thresholds) return pc_fail(PC_ERR_ARG, "the circuit has no thresholds");
    pc_text_put(t, "threshold,kept,metric,stderr,faithfulness,evaluations\n");
    for (size_t i = 0; i < c->n_thresholds; i++)
        put_row(t, &c->thresholds[i]);
    return pc_text_status(t);
}

pc_status pc_circuit_write_thresholds_csv(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_thresholds_csv(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}
