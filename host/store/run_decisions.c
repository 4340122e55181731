/* Putting and reading decisions. */
#include "store/run_decisions.h"

#include <math.h>

enum { NAME_SHOWN = 200 };

pc_status pc_run_decisions_prepare(pc_run_decisions *out, const pc_run_database *database,
                                   pc_store_mode mode)
{
    *out = (pc_run_decisions){0};
    if (mode == PC_STORE_READ) return PC_OK;
    PC_TRY(pc_run_database_prepare(&out->insert, database,
                                   "INSERT INTO decision VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
                                   "ON CONFLICT DO NOTHING"));
    return pc_run_database_prepare(
        &out->same, database,
        "SELECT 1 FROM decision WHERE search = ?1 AND step = ?2 AND name = ?3 AND how = ?4 AND "
        "metric_with IS ?5 AND metric_without IS ?6 AND change IS ?7 AND is_kept = ?8");
}

void pc_run_decisions_finalize(pc_run_decisions *decisions)
{
    sqlite3_finalize(decisions->insert);
    sqlite3_finalize(decisions->same);
    *decisions = (pc_run_decisions){0};
}

/* What was not measured, NaN, is NULL in the table. */
static void bind_number(sqlite3_stmt *statement, int parameter, double value)
{
    if (isnan(value)) sqlite3_bind_null(statement, parameter);
    else sqlite3_bind_double(statement, parameter, value);
}

static pc_status bind(sqlite3_stmt *statement, const pc_run_database *database,
                      const pc_decision *d)
{
    PC_TRY(pc_run_database_bind(database, statement, 1, d->search));
    PC_TRY(pc_run_database_bind(database, statement, 3, d->name));
    PC_TRY(pc_run_database_bind(database, statement, 4, d->how));
    sqlite3_bind_int64(statement, 2, d->step);
    bind_number(statement, 5, d->metric_with);
    bind_number(statement, 6, d->metric_without);
    bind_number(statement, 7, d->change);
    sqlite3_bind_int(statement, 8, d->is_kept);
    return PC_OK;
}

static pc_status check_same(const pc_run_decisions *decisions, const pc_run_database *database,
                            const pc_decision *d)
{
    PC_TRY(bind(decisions->same, database, d));
    const int code = sqlite3_step(decisions->same);
    sqlite3_reset(decisions->same);
    if (code == SQLITE_ROW) return PC_OK;
    if (code != SQLITE_DONE) return pc_run_database_fail(database, code);
    return pc_fail(PC_ERR_INPUT,
                   "%s: step %lld of %.*s was another decision before: a run must repeat its "
                   "numbers",
                   database->path, (long long)d->step, NAME_SHOWN, d->search);
}

pc_status pc_run_decisions_put(bool *is_new, const pc_run_decisions *decisions,
                               const pc_run_database *database, const pc_decision *decision)
{
    PC_TRY(bind(decisions->insert, database, decision));
    const int code = sqlite3_step(decisions->insert);
    sqlite3_reset(decisions->insert);
    if (code != SQLITE_DONE) return pc_run_database_fail(database, code);
    *is_new = sqlite3_changes(database->sqlite) > 0;
    return *is_new ? PC_OK : check_same(decisions, database, decision);
}

static double number_of(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(statement, column);
}

static pc_status visit_row(const pc_run_database *database, sqlite3_stmt *statement,
                           pc_store_visit_decision visit, void *context)
{
    pc_decision d = {.step = sqlite3_column_int64(statement, 1),
                     .metric_with = number_of(statement, 4),
                     .metric_without = number_of(statement, 5),
                     .change = number_of(statement, 6),
                     .is_kept = sqlite3_column_int(statement, 7) != 0};
    PC_TRY(pc_run_database_text(&d.search, database, statement, 0));
    PC_TRY(pc_run_database_text(&d.name, database, statement, 2));
    PC_TRY(pc_run_database_text(&d.how, database, statement, 3));
    return visit(context, &d);
}

pc_status pc_run_decisions_each(const pc_run_database *database, pc_store_visit_decision visit,
                                void *context)
{
    sqlite3_stmt *statement;
    PC_TRY(pc_run_database_prepare(&statement, database,
                                   "SELECT * FROM decision ORDER BY search, step"));
    pc_status status = PC_OK;
    int code = SQLITE_ROW;
    while (status == PC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        status = visit_row(database, statement, visit, context);
    if (status == PC_OK && code != SQLITE_DONE) status = pc_run_database_fail(database, code);
    sqlite3_finalize(statement);
    return status;
}
