/* The table `decision` of a run database: what a search decided, step by step. */
#ifndef PC_STORE_RUN_DECISIONS_H
#define PC_STORE_RUN_DECISIONS_H

#include "store/run_database.h"

typedef struct pc_run_decisions {
    sqlite3_stmt *insert, *same; /* NULL where nothing can be put */
} pc_run_decisions;

pc_status pc_run_decisions_prepare(pc_run_decisions *out, const pc_run_database *database,
                                   pc_store_mode mode);
void pc_run_decisions_finalize(pc_run_decisions *decisions);

/* *is_new = false: it was there with the same values. PC_ERR_INPUT: with others. */
pc_status pc_run_decisions_put(bool *is_new, const pc_run_decisions *decisions,
                               const pc_run_database *database, const pc_decision *decision);

/* By search, then step; see pc_store_each_decision(). */
pc_status pc_run_decisions_each(const pc_run_database *database, pc_store_visit_decision visit,
                                void *context);

#endif
