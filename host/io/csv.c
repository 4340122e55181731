/* Splits comma-separated values into records and cells. */
#include "io/csv.h"

#include "base/memory.h"

#include <stdlib.h>

/* The byte at `at`, or -1 behind the last one. */
static int byte_at(const pc_csv *csv, size_t at)
{
    return at < csv->length ? (unsigned char)csv->bytes[at] : -1;
}

/* Passes a line break, if there is one here. */
static bool pass_break(pc_csv *csv)
{
    const size_t width = byte_at(csv, csv->at) == '\n'                                        ? 1
                         : byte_at(csv, csv->at) == '\r' && byte_at(csv, csv->at + 1) == '\n' ? 2
                                                                                              : 0;
    csv->at += width;
    csv->n_lines += width > 0;
    return width > 0;
}

static pc_status begin_cell(pc_csv *csv)
{
    size_t *starts = pc_grow(csv->starts, &csv->capacity, csv->n_cells + 1, sizeof *starts);
    if (!starts) return PC_ERR_NOMEM;
    csv->starts = starts;
    starts[csv->n_cells++] = csv->cells.length;
    return PC_OK;
}

/* From behind the opening quote to behind the closing one. */
static pc_status read_quoted(pc_csv *csv)
{
    const size_t first_line = csv->n_lines + 1;
    for (;;) {
        const int c = byte_at(csv, csv->at);
        if (c < 0)
            return pc_fail(PC_ERR_INPUT, "the quote opened in line %zu is never closed",
                           first_line);
        if (c == 0) return pc_fail(PC_ERR_INPUT, "a byte 0, expected text");
        csv->at++;
        if (c == '"') {
            if (byte_at(csv, csv->at) != '"') return PC_OK;
            csv->at++;
        }
        csv->n_lines += c == '\n';
        pc_text_put_bytes(&csv->cells, csv->bytes + csv->at - 1, 1);
    }
}

static bool ends_cell(int c)
{
    return c < 0 || c == ',' || c == '\n' || c == '\r';
}

static pc_status read_cell(pc_csv *csv)
{
    PC_TRY(begin_cell(csv));
    if (byte_at(csv, csv->at) == '"') {
        csv->at++;
        PC_TRY(read_quoted(csv));
        if (!ends_cell(byte_at(csv, csv->at)))
            return pc_fail(PC_ERR_INPUT, "column %zu goes on behind its closing quote",
                           csv->n_cells);
    }
    const size_t start = csv->at;
    while (!ends_cell(byte_at(csv, csv->at))) {
        const int c = byte_at(csv, csv->at);
        if (c == '"')
            return pc_fail(PC_ERR_INPUT, "column %zu has a quote inside, expected quotes around it",
                           csv->n_cells);
        if (c == 0) return pc_fail(PC_ERR_INPUT, "a byte 0, expected text");
        csv->at++;
    }
    pc_text_put_bytes(&csv->cells, csv->bytes + start, csv->at - start);
    pc_text_put_bytes(&csv->cells, "", 1);
    return pc_text_status(&csv->cells);
}

pc_status pc_csv_next(bool *has_record, pc_csv *csv)
{
    while (pass_break(csv))
        ;
    csv->line = csv->n_lines + 1;
    csv->n_cells = 0;
    csv->cells.length = 0;
    *has_record = csv->at < csv->length;
    while (*has_record) {
        PC_TRY(read_cell(csv));
        const int c = byte_at(csv, csv->at);
        if (c < 0 || pass_break(csv)) return PC_OK;
        if (c == '\r') return pc_fail(PC_ERR_INPUT, "a carriage return without a line feed");
        csv->at++; /* the comma */
    }
    return PC_OK;
}

const char *pc_csv_cell(const pc_csv *csv, size_t i)
{
    return csv->cells.data + csv->starts[i];
}

void pc_csv_free(pc_csv *csv)
{
    free(csv->starts);
    pc_text_free(&csv->cells);
    *csv = (pc_csv){0};
}
