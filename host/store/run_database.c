/* Opening run.db: lock first, then look, and trust nothing that is in the file. */
#define _POSIX_C_SOURCE 200809L
#include "store/run_database.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x50436c70, SCHEMA_VERSION = 3 }; /* "PClp" */

/* Effects stand in the order in which they were put; their key has an index of its own. What a disk
 * or a copy changes in them SQLite does not see: `checksum` is of the key and the effects. */
static const char schema[] =
    "CREATE TABLE identity(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE note(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE effect(key TEXT NOT NULL UNIQUE, effects BLOB NOT NULL, "
    "checksum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE decision(search TEXT NOT NULL, step INTEGER NOT NULL, name TEXT NOT NULL, "
    "how TEXT NOT NULL, metric_with REAL, metric_without REAL, change REAL, "
    "is_kept INTEGER NOT NULL, PRIMARY KEY(search, step)) STRICT, WITHOUT ROWID;";

pc_status pc_run_database_fail(const pc_run_database *database, int code)
{
    const char *words = database->sqlite ? sqlite3_errmsg(database->sqlite) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return pc_fail(PC_ERR_IO, "%s: another process has it open", database->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* our statements are constant: it is the schema that they don't fit */
        return pc_fail(PC_ERR_INPUT, "%s: damaged, or not a run database: %s", database->path,
                       words);
    case SQLITE_TOOBIG:
        return pc_fail(PC_ERR_INPUT, "%s: a value of more than %d bytes", database->path,
                       PC_RUN_DATABASE_MAX_BYTES);
    case SQLITE_NOMEM:
        return pc_fail(PC_ERR_NOMEM, "%s: out of memory", database->path);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL: {
        int reason = sqlite3_system_errno(database->sqlite);
        return pc_fail(PC_ERR_IO, "%s: %s%s%s", database->path, words, reason ? ": " : "",
                       reason ? strerror(reason) : "");
    }
    default:
        return pc_fail(PC_ERR_INTERNAL, "%s: SQLite error %d: %s", database->path, code, words);
    }
}

pc_status pc_run_database_run(const pc_run_database *database, const char *sql)
{
    int code = sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? PC_OK : pc_run_database_fail(database, code);
}

pc_status pc_run_database_prepare(sqlite3_stmt **out, const pc_run_database *database,
                                  const char *sql)
{
    int code = sqlite3_prepare_v3(database->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK ? PC_OK : pc_run_database_fail(database, code);
}

pc_status pc_run_database_bind(const pc_run_database *database, sqlite3_stmt *statement,
                               int parameter, const char *words)
{
    int code = sqlite3_bind_text(statement, parameter, words, -1, SQLITE_STATIC);
    return code == SQLITE_OK ? PC_OK : pc_run_database_fail(database, code);
}

pc_status pc_run_database_text(const char **out, const pc_run_database *database,
                               sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) != SQLITE_TEXT)
        return pc_fail(PC_ERR_INPUT, "%s: damaged: %s is not text", database->path,
                       sqlite3_column_name(statement, column));
    *out = (const char *)sqlite3_column_text(statement, column);
    if (!*out) return pc_run_database_fail(database, SQLITE_NOMEM);
    if (strlen(*out) == (size_t)sqlite3_column_bytes(statement, column)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: damaged: a %s has a 0 byte", database->path,
                   sqlite3_column_name(statement, column));
}

static pc_status fail_exists(const pc_run_database *database)
{
    return pc_fail(PC_ERR_INPUT, "%s: exists already; --resume continues it", database->path);
}

/* Makes the file if it is not there. SQLite could not tell us whether it was we who made it. */
static pc_status claim_file(pc_run_database *database, pc_store_mode mode)
{
    if (mode != PC_STORE_READ) {
        int descriptor = open(database->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0) {
            /* nobody in this process can have a lock on a new file: closing it drops none */
            close(descriptor);
            database->is_ours = true;
            return PC_OK;
        }
        if (errno != EEXIST)
            return pc_fail(PC_ERR_IO, "%s: cannot create: %s", database->path, strerror(errno));
        if (mode == PC_STORE_CREATE) return fail_exists(database);
    }
    if (pc_file_exists(database->path)) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: %s", database->path,
                   access(database->path, F_OK) == 0 ? "not a regular file" : strerror(errno));
}

/* What sqlite.org/security.html advises for files from strangers. */
static void harden(sqlite3 *sqlite)
{
    static const struct {
        int limit, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, PC_RUN_DATABASE_MAX_BYTES},
        {SQLITE_LIMIT_SQL_LENGTH, 10000},
        {SQLITE_LIMIT_COLUMN, 100},
        {SQLITE_LIMIT_EXPR_DEPTH, 10},
        {SQLITE_LIMIT_COMPOUND_SELECT, 3},
        {SQLITE_LIMIT_VDBE_OP, 25000},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 10},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    static const struct {
        int setting, is_on;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(sqlite, limits[i].limit, limits[i].value);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sqlite3_db_config(sqlite, settings[i].setting, settings[i].is_on, NULL);
}

static pc_status open_sqlite(pc_run_database *database)
{
    /* reading too needs to write: it may have to roll back what a killed process left */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    /* "./" in front of a relative path, so that no name means "in memory" or is a URI */
    char *plain =
        database->path[0] == '/' ? pc_copy_text(database->path) : pc_path_join(".", database->path);
    if (!plain) return PC_ERR_NOMEM;
    int code = sqlite3_open_v2(plain, &database->sqlite, flags, NULL);
    free(plain);
    if (code != SQLITE_OK) return pc_run_database_fail(database, code);
    harden(database->sqlite);
    return PC_OK;
}

/* Through SQLite's own handle: closing another one would drop this process's locks. */
static pc_status look_at_file(unsigned char *bytes, int length, int64_t *file_bytes,
                              const pc_run_database *database)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int code = sqlite3_file_control(database->sqlite, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && (!file || !file->pMethods)) code = SQLITE_CANTOPEN;
    if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &size);
    if (code == SQLITE_OK && size >= length) code = file->pMethods->xRead(file, bytes, length, 0);
    *file_bytes = size;
    return code == SQLITE_OK ? PC_OK : pc_run_database_fail(database, code);
}

/* Merely asking SQLite about a database in WAL mode, which is not ours, leaves files beside it. */
static pc_status refuse_wal(const pc_run_database *database)
{
    unsigned char header[20] = {0};
    int64_t size;
    PC_TRY(look_at_file(header, sizeof header, &size, database));
    if (memcmp(header, "SQLite format 3", 16) != 0 || (header[18] < 2 && header[19] < 2))
        return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: a database in WAL mode, not a run database", database->path);
}

/* The first access takes the lock, which exclusive mode keeps until the file is closed. */
static pc_status begin_exclusive(const pc_run_database *database, pc_store_mode mode)
{
    PC_TRY(pc_run_database_run(database, "PRAGMA locking_mode=EXCLUSIVE;"
                                         "PRAGMA temp_store=MEMORY;"
                                         "PRAGMA mmap_size=0;"
                                         "PRAGMA cell_size_check=ON;"));
    if (mode == PC_STORE_READ) return pc_run_database_run(database, "PRAGMA query_only=ON; BEGIN");
    PC_TRY(pc_run_database_run(database, "PRAGMA journal_mode=DELETE;"
                                         "PRAGMA synchronous=FULL;"
                                         "PRAGMA cache_size=-16384;"
                                         "BEGIN EXCLUSIVE"));
    if (sqlite3_db_readonly(database->sqlite, "main") == 1)
        return pc_fail(PC_ERR_IO, "%s: cannot be written", database->path);
    return PC_OK;
}

/* A lock that the owner does not get: SQLite calls it busy too where there are no locks at all. */
static pc_status fail_locked(pc_run_database *database)
{
    database->is_ours = false; /* another process was faster: the file that we made is now its */
    if (!database->owner.is_taken) return PC_ERR_IO;
    return pc_fail(PC_ERR_IO,
                   "%s: another process has it open, to read it, or its file system has no locks",
                   database->path);
}

static pc_status lock(pc_run_database *database, pc_store_mode mode)
{
    const pc_status status = begin_exclusive(database, mode);
    const bool is_busy =
        status != PC_OK && (sqlite3_errcode(database->sqlite) & 0xff) == SQLITE_BUSY;
    return is_busy ? fail_locked(database) : status;
}

static pc_status read_number(int64_t *out, const pc_run_database *database, const char *sql)
{
    sqlite3_stmt *statement;
    PC_TRY(pc_run_database_prepare(&statement, database, sql));
    pc_status status = PC_OK;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) *out = sqlite3_column_int64(statement, 0);
    else status = pc_run_database_fail(database, code);
    sqlite3_finalize(statement);
    return status;
}

static pc_status check_number(const pc_run_database *database, const char *sql, int64_t expected,
                              const char *what)
{
    int64_t found = 0;
    PC_TRY(read_number(&found, database, sql));
    if (found == expected) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s: not a run database of this version: %s %lld, expected %lld",
                   database->path, what, (long long)found, (long long)expected);
}

/* Everything the schema says, as one text. */
static pc_status describe_schema(pc_text *out, const pc_run_database *database)
{
    sqlite3_stmt *statement;
    PC_TRY(pc_run_database_prepare(&statement, database,
                                   "SELECT type, name, tbl_name, coalesce(sql, '') "
                                   "FROM sqlite_schema ORDER BY name, type, sql"));
    pc_status status = PC_OK;
    int code = SQLITE_ROW;
    while (status == PC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int column = 0; column < 4 && status == PC_OK; column++) {
            const char *words = NULL;
            status = pc_run_database_text(&words, database, statement, column);
            if (status == PC_OK) pc_text_printf(out, "%s\n", words);
        }
    }
    if (status == PC_OK && code != SQLITE_DONE) status = pc_run_database_fail(database, code);
    sqlite3_finalize(statement);
    return status == PC_OK ? pc_text_status(out) : status;
}

static pc_status describe_expected_schema(pc_text *out, const pc_run_database *database)
{
    pc_run_database model = {.path = database->path};
    int code = sqlite3_open(":memory:", &model.sqlite);
    pc_status status = code == SQLITE_OK ? PC_OK : pc_run_database_fail(&model, code);
    if (status == PC_OK) status = pc_run_database_run(&model, schema);
    if (status == PC_OK) status = describe_schema(out, &model);
    sqlite3_close(model.sqlite);
    return status;
}

/* Equal to ours to the letter: no trigger, view or expression of a stranger ever runs. */
static pc_status check_schema(const pc_run_database *database)
{
    pc_text found = {0}, expected = {0};
    pc_status status = describe_schema(&found, database);
    if (status == PC_OK) status = describe_expected_schema(&expected, database);
    if (status == PC_OK && (!found.data || strcmp(found.data, expected.data) != 0))
        status =
            pc_fail(PC_ERR_INPUT, "%s: not a run database: its tables are others", database->path);
    pc_text_free(&expected);
    pc_text_free(&found);
    return status;
}

static pc_status check_pages(const pc_run_database *database)
{
    sqlite3_stmt *statement;
    const char *words;
    PC_TRY(pc_run_database_prepare(&statement, database, "PRAGMA quick_check(1)"));
    int code = sqlite3_step(statement);
    pc_status status = code == SQLITE_ROW ? PC_OK : pc_run_database_fail(database, code);
    if (status == PC_OK) status = pc_run_database_text(&words, database, statement, 0);
    if (status == PC_OK && strcmp(words, "ok") != 0)
        status = pc_fail(PC_ERR_INPUT, "%s: damaged: %.300s", database->path, words);
    sqlite3_finalize(statement);
    return status;
}

static pc_status check_content(const pc_run_database *database)
{
    PC_TRY(check_number(database, "PRAGMA application_id", APPLICATION_ID, "application id"));
    PC_TRY(check_number(database, "PRAGMA user_version", SCHEMA_VERSION, "schema"));
    PC_TRY(check_schema(database));
    PC_TRY(check_pages(database));
    return pc_run_database_run(database, "COMMIT");
}

static pc_status make_content(pc_run_database *database)
{
    char sql[100];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     (int)APPLICATION_ID, (int)SCHEMA_VERSION);
    database->is_fresh = true;
    PC_TRY(pc_run_database_run(database, sql));
    return pc_run_database_run(database, schema);
}

/* Who writes is known before the file is touched, and without asking for a lock. Reading respects
 * who may be alive. */
static pc_status settle_owner(pc_run_database *database, pc_store_mode mode)
{
    if (mode == PC_STORE_READ) return pc_run_owner_look(database->path);
    if (mode == PC_STORE_CREATE && access(database->path, F_OK) == 0) return fail_exists(database);
    return pc_run_owner_take(&database->owner, database->path,
                             mode == PC_STORE_TAKE_OVER ? PC_OWNER_TAKE_OVER : PC_OWNER_RESPECT);
}

static pc_status open_into(pc_run_database *database, pc_store_mode mode)
{
    int64_t size = 0;
    PC_TRY(settle_owner(database, mode));
    PC_TRY(claim_file(database, mode));
    PC_TRY(open_sqlite(database));
    PC_TRY(refuse_wal(database));
    PC_TRY(lock(database, mode));
    PC_TRY(look_at_file(NULL, 0, &size, database));
    if (size > 0) {
        database->is_ours = false;
        return check_content(database);
    }
    if (mode != PC_STORE_READ) return make_content(database);
    return pc_fail(PC_ERR_INPUT, "%s: empty, expected a run database", database->path);
}

pc_status pc_run_database_open(pc_run_database *out, const char *path, pc_store_mode mode)
{
    *out = (pc_run_database){.path = pc_copy_text(path)};
    if (!out->path) return PC_ERR_NOMEM;
    pc_status status = open_into(out, mode);
    if (status != PC_OK) pc_run_database_discard(out);
    return status;
}

void pc_run_database_discard(pc_run_database *database)
{
    /* before the lock is given up: nobody else can have put anything into it */
    if (database->is_ours) unlink(database->path);
    pc_run_database_close(database);
}

void pc_run_database_close(pc_run_database *database)
{
    sqlite3_close(database->sqlite); /* rolls back, removes the journal */
    pc_run_owner_release(&database->owner);
    free(database->path);
    *database = (pc_run_database){0};
}
