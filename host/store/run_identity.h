/* The facts that identify a run: kept in its database, compared when it is opened again. */
#ifndef PC_STORE_RUN_IDENTITY_H
#define PC_STORE_RUN_IDENTITY_H

#include "store/run_database.h"

typedef struct pc_run_identity {
    pc_store_fact *facts; /* in key order */
    size_t n;
} pc_run_identity;

/* Puts the n facts into a fresh database. A key given twice: PC_ERR_ARG. */
pc_status pc_run_identity_write(const pc_run_database *database, const pc_store_fact *facts,
                                size_t n);

/* What the database carries. */
pc_status pc_run_identity_read(pc_run_identity *out, const pc_run_database *database);

/* PC_ERR_INPUT naming the first fact, in key order, that differs. */
pc_status pc_run_identity_compare(const pc_run_identity *stored, const pc_store_fact *facts,
                                  size_t n, const char *path);

void pc_run_identity_free(pc_run_identity *identity);

#endif
