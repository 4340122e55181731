/* Comma-separated values as RFC 4180 has them, record by record. */
#ifndef PC_IO_CSV_H
#define PC_IO_CSV_H

#include "base/fail.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise, set bytes and length. After a failure only freeing is allowed. */
typedef struct pc_csv {
    const char *bytes; /* borrowed; no 0 needed at the end */
    size_t length, at;
    size_t n_lines; /* line breaks passed so far */
    size_t line;    /* where the current record begins, from 1 */
    pc_text cells;  /* the current record's cells, a 0 behind each */
    size_t *starts; /* of the cells in `cells` */
    size_t n_cells, capacity;
} pc_csv;

/* Reads the next record; lines without any character are skipped. *has_record is false at the end.
 * PC_ERR_INPUT, without the file's name: a quote that is not closed, or followed or preceded by
 * other characters, a carriage return alone, a byte 0. `csv->line` is set in every case. */
pc_status pc_csv_next(bool *has_record, pc_csv *csv);

/* Cell i < n_cells of the current record, 0-terminated; valid until the next record. */
const char *pc_csv_cell(const pc_csv *csv, size_t i);

/* Frees the record, not the bytes. */
void pc_csv_free(pc_csv *csv);

#endif
