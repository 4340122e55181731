/* The SQLite file under a run store: opened under a lock, hardened, and known to be one of ours. */
#ifndef PC_STORE_RUN_DATABASE_H
#define PC_STORE_RUN_DATABASE_H

#include "store/run_owner.h"
#include "store/run_store.h"

#include <sqlite3.h>

enum { PC_RUN_DATABASE_MAX_BYTES = 1 << 28 }; /* of one key, value or blob */

typedef struct pc_run_database {
    sqlite3 *sqlite;
    char *path;
    bool is_ours;       /* opening it made the file, which goes again if opening fails */
    bool is_fresh;      /* it had no content: a transaction is open that made the tables */
    pc_run_owner owner; /* this process, unless it only reads */
} pc_run_database;

/* Opens the file and takes its lock. A fresh one (CREATE, RESUME) is left inside the transaction
 * that makes the tables, for the caller to fill and COMMIT, so that a killed process leaves an
 * empty file or a complete one. Any other was checked: application id, schema, every page. Errors:
 * see pc_store_open(). On failure `out` is closed, and a file that this call made is gone. */
pc_status pc_run_database_open(pc_run_database *out, const char *path, pc_store_mode mode);

/* Gives up a database just opened: as a failed pc_run_database_open(). Keeps the message. */
void pc_run_database_discard(pc_run_database *database);
/* All statements must be finalised. */
void pc_run_database_close(pc_run_database *database);

/* Raises what SQLite just reported as `code`: PC_ERR_INPUT for a damaged file, PC_ERR_IO for what
 * the system refused, a lock too. */
pc_status pc_run_database_fail(const pc_run_database *database, int code);

/* Runs statements that return nothing. */
pc_status pc_run_database_run(const pc_run_database *database, const char *sql);
pc_status pc_run_database_prepare(sqlite3_stmt **out, const pc_run_database *database,
                                  const char *sql);

/* Text as a parameter (from 1); it must stay as it is until the statement is reset. */
pc_status pc_run_database_bind(const pc_run_database *database, sqlite3_stmt *statement,
                               int parameter, const char *words);

/* A column as text, borrowed until the next step; PC_ERR_INPUT unless text without a 0 byte. */
pc_status pc_run_database_text(const char **out, const pc_run_database *database,
                               sqlite3_stmt *statement, int column);

#endif
