/* Keeping effects: puts gather in one transaction, which a thread commits within a second. */
#define _POSIX_C_SOURCE 200809L
#include "store/run_store.h"

#include "base/memory.h"
#include "store/run_database.h"
#include "store/run_decisions.h"
#include "store/run_identity.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COMMIT_MS = 900, COMMIT_BYTES = 64 << 20, MESSAGE_BYTES = 1024, KEY_SHOWN = 200 };

/* A transaction is open (and `deadline` is its commit's) exactly while has_uncommitted. The mutex
 * guards all of it, SQLite's handles too. */
struct pc_store {
    pc_run_database database;
    pc_run_identity identity;
    pc_store_mode mode;
    sqlite3_stmt *insert, *select, *note, *read_note;
    pc_run_decisions decisions;
    unsigned char *bytes; /* effects as they are stored */
    size_t byte_room;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a transaction begins, or the store closes */
    pthread_t committer;
    bool has_mutex, has_committer, is_closing, is_closed;
    bool has_uncommitted;
    size_t uncommitted_bytes;
    struct timespec deadline, next_beat;
    pc_status failure; /* the first failed write: nothing is written after it */
    char message[MESSAGE_BYTES];
};

static pc_status remember_failure(pc_store *store, pc_status status)
{
    if (status == PC_OK || store->failure != PC_OK) return status;
    store->failure = status;
    strncpy(store->message, pc_last_error(), sizeof store->message - 1);
    return status;
}

static pc_status check_usable(const pc_store *store)
{
    if (store->failure != PC_OK) return pc_fail(store->failure, "%s", store->message);
    if (store->is_closed) return pc_fail(PC_ERR_ARG, "the run database is closed");
    return PC_OK;
}

static pc_status check_writable(const pc_store *store)
{
    PC_TRY(check_usable(store));
    if (store->mode != PC_STORE_READ) return PC_OK;
    return pc_fail(PC_ERR_ARG, "%s: open for reading only", store->database.path);
}

static struct timespec in_time(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms % 1000 * 1000000L;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static pc_status begin(pc_store *store)
{
    if (store->has_uncommitted) return PC_OK;
    PC_TRY(remember_failure(store, pc_run_database_run(&store->database, "BEGIN IMMEDIATE")));
    store->deadline = in_time(COMMIT_MS);
    store->has_uncommitted = true;
    store->uncommitted_bytes = 0;
    pthread_cond_signal(&store->changed);
    return PC_OK;
}

static pc_status commit(pc_store *store)
{
    if (!store->has_uncommitted || store->failure != PC_OK) return PC_OK;
    store->has_uncommitted = false;
    /* where locks mean nothing, whoever was taken over must not write */
    PC_TRY(remember_failure(store, pc_run_owner_check(&store->database.owner)));
    return remember_failure(store, pc_run_database_run(&store->database, "COMMIT"));
}

static pc_status count_bytes(pc_store *store, size_t bytes)
{
    store->uncommitted_bytes += bytes;
    return store->uncommitted_bytes >= COMMIT_BYTES ? commit(store) : PC_OK;
}

static void beat_in_time(pc_store *store, const struct timespec *now)
{
    if (is_before(now, &store->next_beat)) return;
    pc_run_owner_beat(&store->database.owner);
    store->next_beat = in_time(PC_SECONDS_BETWEEN_BEATS * 1000L);
}

static void *commit_in_time(void *argument)
{
    pc_store *store = argument;
    pthread_mutex_lock(&store->mutex);
    store->next_beat = in_time(PC_SECONDS_BETWEEN_BEATS * 1000L);
    while (!store->is_closing) {
        const bool may_commit = store->has_uncommitted && store->failure == PC_OK;
        struct timespec until = store->next_beat;
        if (may_commit && is_before(&store->deadline, &until)) until = store->deadline;
        if (pthread_cond_timedwait(&store->changed, &store->mutex, &until) != ETIMEDOUT) continue;
        const struct timespec now = in_time(0);
        if (may_commit && !is_before(&now, &store->deadline))
            (void)commit(store); /* remembered: the next call reports it */
        beat_in_time(store, &now);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

static pc_status start_committer(pc_store *store)
{
    pthread_condattr_t attributes;
    int code = pthread_mutex_init(&store->mutex, NULL);
    if (code == 0) {
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&store->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        store->has_mutex = true;
    }
    if (code == 0 && store->mode != PC_STORE_READ) {
        code = pthread_create(&store->committer, NULL, commit_in_time, store);
        store->has_committer = code == 0;
    }
    return code == 0 ? PC_OK : pc_fail(PC_ERR_IO, "cannot start a thread: %s", strerror(code));
}

/* A fresh database's first transaction is still open: after it the file is whole. */
static pc_status settle_identity(pc_store *store, const pc_store_fact *facts, size_t n)
{
    const pc_run_database *database = &store->database;
    if (database->is_fresh) PC_TRY(pc_run_identity_write(database, facts, n));
    PC_TRY(pc_run_identity_read(&store->identity, database));
    if (database->is_fresh) return PC_OK;
    if (store->mode == PC_STORE_READ && n == 0) return PC_OK;
    return pc_run_identity_compare(&store->identity, facts, n, database->path);
}

static pc_status prepare_statements(pc_store *store)
{
    const pc_run_database *database = &store->database;
    PC_TRY(pc_run_database_prepare(&store->select, database,
                                   "SELECT effects, checksum FROM effect WHERE key = ?1"));
    PC_TRY(pc_run_database_prepare(&store->read_note, database,
                                   "SELECT value FROM note WHERE key = ?1"));
    PC_TRY(pc_run_decisions_prepare(&store->decisions, database, store->mode));
    if (store->mode == PC_STORE_READ) return PC_OK;
    PC_TRY(pc_run_database_prepare(&store->insert, database,
                                   "INSERT INTO effect VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING"));
    return pc_run_database_prepare(&store->note, database,
                                   "INSERT OR REPLACE INTO note VALUES(?1, ?2)");
}

static pc_status open_into(pc_store *store, const pc_store_fact *identity, size_t n)
{
    PC_TRY(settle_identity(store, identity, n));
    PC_TRY(prepare_statements(store));
    PC_TRY(start_committer(store));
    return store->database.is_fresh ? pc_run_database_run(&store->database, "COMMIT") : PC_OK;
}

static void stop_committer(pc_store *store)
{
    if (!store->has_committer) return;
    pthread_mutex_lock(&store->mutex);
    store->is_closing = true;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->committer, NULL);
    store->has_committer = false;
}

static void finalize_statements(pc_store *store)
{
    sqlite3_finalize(store->insert);
    sqlite3_finalize(store->select);
    sqlite3_finalize(store->note);
    sqlite3_finalize(store->read_note);
    pc_run_decisions_finalize(&store->decisions);
    store->insert = store->select = store->note = store->read_note = NULL;
}

static void release(pc_store *store)
{
    if (store->has_mutex) {
        pthread_cond_destroy(&store->changed);
        pthread_mutex_destroy(&store->mutex);
    }
    pc_run_identity_free(&store->identity);
    free(store->bytes);
    free(store);
}

pc_status pc_store_open(pc_store **out, const char *path, const pc_store_fact *identity, size_t n,
                        pc_store_mode mode)
{
    *out = NULL;
    pc_store *store = pc_alloc(1, sizeof *store);
    if (!store) return PC_ERR_NOMEM;
    store->mode = mode;
    pc_status status = pc_run_database_open(&store->database, path, mode);
    if (status == PC_OK) {
        status = open_into(store, identity, n);
        if (status != PC_OK) {
            stop_committer(store);
            finalize_statements(store);
            pc_run_database_discard(&store->database);
        }
    }
    if (status == PC_OK) *out = store;
    else release(store);
    return status;
}

pc_status pc_store_close(pc_store *store)
{
    if (!store->is_closed) {
        stop_committer(store);
        (void)commit(store); /* remembered */
        finalize_statements(store);
        pc_run_database_close(&store->database);
        store->is_closed = true;
    }
    return store->failure == PC_OK ? PC_OK : pc_fail(store->failure, "%s", store->message);
}

void pc_store_free(pc_store *store)
{
    if (!store) return;
    if (!store->is_closed) (void)pc_store_close(store);
    release(store);
}

/* FNV-1a (Fowler, Noll and Vo), 64 bits, of the key with its 0 and the effects as they are stored.
 */
static int64_t checksum_of(const char *key, const unsigned char *bytes, size_t n)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (const char *c = key;; c++) {
        sum = (sum ^ (unsigned char)*c) * 0x100000001b3u;
        if (!*c) break;
    }
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    int64_t out;
    memcpy(&out, &sum, sizeof out);
    return out;
}

/* Little endian whatever the machine. */
static void encode(unsigned char *bytes, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int byte = 0; byte < 8; byte++)
            *bytes++ = (unsigned char)(bits >> (8 * byte));
    }
}

static void decode(double *values, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        for (int byte = 0; byte < 8; byte++)
            bits |= (uint64_t)*bytes++ << (8 * byte);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

static pc_status fail_other_values(const pc_store *store, const char *key)
{
    return pc_fail(PC_ERR_INPUT,
                   "%s: %.*s was measured before with other effects: a run must repeat its numbers",
                   store->database.path, KEY_SHOWN, key);
}

/* Steps `select` to the row of `key`; the caller resets it. */
static pc_status find_effects(bool *is_found, pc_store *store, const char *key)
{
    *is_found = false;
    PC_TRY(pc_run_database_bind(&store->database, store->select, 1, key));
    int code = sqlite3_step(store->select);
    *is_found = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return pc_run_database_fail(&store->database, code);
    return PC_OK;
}

/* The bound key's row, unless there is one. */
static pc_status insert_effects(bool *is_new, pc_store *store, const char *key, size_t length)
{
    sqlite3_bind_blob(store->insert, 2, store->bytes, (int)length, SQLITE_STATIC);
    sqlite3_bind_int64(store->insert, 3, checksum_of(key, store->bytes, length));
    int code = sqlite3_step(store->insert);
    sqlite3_reset(store->insert);
    if (code != SQLITE_DONE)
        return remember_failure(store, pc_run_database_fail(&store->database, code));
    *is_new = sqlite3_changes(store->database.sqlite) > 0;
    return PC_OK;
}

/* The blob in the given column, its checksum in the next; *n is its length in doubles. */
static pc_status check_blob(const unsigned char **out, size_t *n, const pc_store *store,
                            sqlite3_stmt *statement, int column, const char *key)
{
    if (sqlite3_column_type(statement, column) != SQLITE_BLOB)
        return pc_fail(PC_ERR_INPUT, "%s: damaged: %.*s has no effects", store->database.path,
                       KEY_SHOWN, key);
    *out = sqlite3_column_blob(statement, column);
    const int bytes = sqlite3_column_bytes(statement, column);
    if (bytes > 0 && !*out) return pc_run_database_fail(&store->database, SQLITE_NOMEM);
    if (bytes % 8 != 0)
        return pc_fail(PC_ERR_INPUT, "%s: %.*s has %d bytes, expected 8 an effect",
                       store->database.path, KEY_SHOWN, key, bytes);
    if (checksum_of(key, *out, (size_t)bytes) != sqlite3_column_int64(statement, column + 1))
        return pc_fail(PC_ERR_INPUT, "%s: damaged: the effects of %.*s are not those that were put",
                       store->database.path, KEY_SHOWN, key);
    *n = (size_t)bytes / 8;
    return PC_OK;
}

/* The same values under a known key are no harm. */
static pc_status check_repeated(pc_store *store, const char *key, size_t length)
{
    const unsigned char *stored;
    size_t n = 0;
    bool is_found;
    pc_status status = find_effects(&is_found, store, key);
    if (status == PC_OK && is_found) {
        status = check_blob(&stored, &n, store, store->select, 0, key);
        if (status == PC_OK &&
            (8 * n != length || (length > 0 && memcmp(stored, store->bytes, length) != 0)))
            status = fail_other_values(store, key);
    }
    sqlite3_reset(store->select);
    return status;
}

static pc_status put_locked(pc_store *store, const char *key, const double *values, size_t n)
{
    PC_TRY(check_writable(store));
    if (n > PC_RUN_DATABASE_MAX_BYTES / 16) /* with room for the key */
        return pc_fail(PC_ERR_ARG, "%s: %.*s: %zu effects are too many", store->database.path,
                       KEY_SHOWN, key, n);
    unsigned char *bytes = pc_grow(store->bytes, &store->byte_room, 8 * n + 1, 1);
    if (!bytes) return PC_ERR_NOMEM;
    store->bytes = bytes;
    encode(bytes, values, n);
    bool is_new = false;
    PC_TRY(pc_run_database_bind(&store->database, store->insert, 1, key));
    PC_TRY(begin(store));
    PC_TRY(insert_effects(&is_new, store, key, 8 * n));
    if (!is_new) return check_repeated(store, key, 8 * n);
    return count_bytes(store, 8 * n + strlen(key));
}

pc_status pc_store_put(pc_store *store, const char *key, const double *values, size_t n)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = put_locked(store, key, values, n);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

static pc_status get_locked(double *values, bool *is_found, pc_store *store, const char *key,
                            size_t n)
{
    PC_TRY(check_usable(store));
    const unsigned char *bytes;
    size_t stored = 0;
    pc_status status = find_effects(is_found, store, key);
    if (status == PC_OK && *is_found) {
        status = check_blob(&bytes, &stored, store, store->select, 0, key);
        if (status == PC_OK && stored != n)
            status = pc_fail(PC_ERR_INPUT, "%s: %.*s has %zu effects, expected %zu",
                             store->database.path, KEY_SHOWN, key, stored, n);
        if (status == PC_OK) decode(values, bytes, n);
    }
    sqlite3_reset(store->select);
    return status;
}

pc_status pc_store_get(double *values, bool *is_found, pc_store *store, const char *key, size_t n)
{
    *is_found = false;
    pthread_mutex_lock(&store->mutex);
    pc_status status = get_locked(values, is_found, store, key, n);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

static pc_status count_locked(int64_t *out, pc_store *store)
{
    sqlite3_stmt *statement;
    PC_TRY(check_usable(store));
    PC_TRY(pc_run_database_prepare(&statement, &store->database, "SELECT count(*) FROM effect"));
    int code = sqlite3_step(statement);
    pc_status status = code == SQLITE_ROW ? PC_OK : pc_run_database_fail(&store->database, code);
    *out = status == PC_OK ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return status;
}

pc_status pc_store_count(int64_t *out, pc_store *store)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = count_locked(out, store);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

static pc_status note_locked(pc_store *store, const char *key, const char *value)
{
    PC_TRY(check_writable(store));
    PC_TRY(pc_run_database_bind(&store->database, store->note, 1, key));
    PC_TRY(pc_run_database_bind(&store->database, store->note, 2, value));
    PC_TRY(begin(store));
    int code = sqlite3_step(store->note);
    sqlite3_reset(store->note);
    if (code != SQLITE_DONE)
        return remember_failure(store, pc_run_database_fail(&store->database, code));
    return count_bytes(store, strlen(key) + strlen(value));
}

pc_status pc_store_note(pc_store *store, const char *key, const char *value)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = note_locked(store, key, value);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

static pc_status put_decision_locked(pc_store *store, const pc_decision *decision)
{
    bool is_new = false;
    PC_TRY(check_writable(store));
    PC_TRY(begin(store));
    pc_status status = pc_run_decisions_put(&is_new, &store->decisions, &store->database, decision);
    if (status != PC_OK) return status == PC_ERR_IO ? remember_failure(store, status) : status;
    return is_new ? count_bytes(store, sizeof *decision) : PC_OK;
}

pc_status pc_store_put_decision(pc_store *store, const pc_decision *decision)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = put_decision_locked(store, decision);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

pc_status pc_store_each_decision(pc_store *store, pc_store_visit_decision visit, void *context)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = check_usable(store);
    if (status == PC_OK) status = pc_run_decisions_each(&store->database, visit, context);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

static pc_status read_note_locked(char **value, pc_store *store, const char *key)
{
    PC_TRY(check_usable(store));
    const char *words;
    PC_TRY(pc_run_database_bind(&store->database, store->read_note, 1, key));
    int code = sqlite3_step(store->read_note);
    pc_status status = PC_OK;
    if (code == SQLITE_ROW) {
        status = pc_run_database_text(&words, &store->database, store->read_note, 0);
        if (status == PC_OK && !(*value = pc_copy_text(words))) status = PC_ERR_NOMEM;
    } else if (code != SQLITE_DONE) {
        status = pc_run_database_fail(&store->database, code);
    }
    sqlite3_reset(store->read_note);
    return status;
}

pc_status pc_store_read_note(char **value, pc_store *store, const char *key)
{
    *value = NULL;
    pthread_mutex_lock(&store->mutex);
    pc_status status = read_note_locked(value, store, key);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

pc_status pc_store_flush(pc_store *store)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = check_usable(store);
    if (status == PC_OK) status = commit(store);
    pthread_mutex_unlock(&store->mutex);
    return status;
}

const pc_store_fact *pc_store_identity(size_t *n, const pc_store *store)
{
    *n = store->identity.n;
    return store->identity.facts;
}

/* Effects of one row, decoded into an array that grows with the longest. */
typedef struct row_values {
    double *values;
    size_t room;
} row_values;

static pc_status visit_row(row_values *row, const pc_store *store, sqlite3_stmt *statement,
                           pc_store_visit visit, void *context)
{
    const char *key;
    const unsigned char *bytes;
    size_t n;
    PC_TRY(pc_run_database_text(&key, &store->database, statement, 0));
    PC_TRY(check_blob(&bytes, &n, store, statement, 1, key));
    double *values = pc_grow(row->values, &row->room, n + 1, sizeof *values);
    if (!values) return PC_ERR_NOMEM;
    row->values = values;
    decode(values, bytes, n);
    return visit(context, key, values, n);
}

static pc_status each_locked(pc_store *store, pc_store_visit visit, void *context)
{
    sqlite3_stmt *statement;
    PC_TRY(check_usable(store));
    PC_TRY(pc_run_database_prepare(&statement, &store->database,
                                   "SELECT key, effects, checksum FROM effect ORDER BY key"));
    row_values row = {0};
    pc_status status = PC_OK;
    int code = SQLITE_ROW;
    while (status == PC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        status = visit_row(&row, store, statement, visit, context);
    if (status == PC_OK && code != SQLITE_DONE)
        status = pc_run_database_fail(&store->database, code);
    sqlite3_finalize(statement);
    free(row.values);
    return status;
}

pc_status pc_store_each(pc_store *store, pc_store_visit visit, void *context)
{
    pthread_mutex_lock(&store->mutex);
    pc_status status = each_locked(store, visit, context);
    pthread_mutex_unlock(&store->mutex);
    return status;
}
