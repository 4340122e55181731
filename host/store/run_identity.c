/* Writing, reading and comparing the facts that identify a run. */
#include "store/run_identity.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FACTS = 1000, VALUE_SHOWN = 200 };

static pc_status write_fact(const pc_run_database *database, sqlite3_stmt *insert,
                            const pc_store_fact *fact)
{
    PC_TRY(pc_run_database_bind(database, insert, 1, fact->key));
    PC_TRY(pc_run_database_bind(database, insert, 2, fact->value));
    int code = sqlite3_step(insert);
    sqlite3_reset(insert);
    if (code == SQLITE_DONE) return PC_OK;
    if ((code & 0xff) == SQLITE_CONSTRAINT)
        return pc_fail(PC_ERR_ARG, "%s: the fact %.*s was given twice", database->path, VALUE_SHOWN,
                       fact->key);
    return pc_run_database_fail(database, code);
}

pc_status pc_run_identity_write(const pc_run_database *database, const pc_store_fact *facts,
                                size_t n)
{
    sqlite3_stmt *insert;
    if (n > MAX_FACTS)
        return pc_fail(PC_ERR_ARG, "%s: %zu facts identify the run, expected at most %d",
                       database->path, n, MAX_FACTS);
    PC_TRY(pc_run_database_prepare(&insert, database, "INSERT INTO identity VALUES(?1, ?2)"));
    pc_status status = PC_OK;
    for (size_t i = 0; i < n && status == PC_OK; i++)
        status = write_fact(database, insert, &facts[i]);
    sqlite3_finalize(insert);
    return status;
}

static pc_status copy_column(const char **out, const pc_run_database *database,
                             sqlite3_stmt *select, int column)
{
    const char *words;
    PC_TRY(pc_run_database_text(&words, database, select, column));
    *out = pc_copy_text(words);
    return *out ? PC_OK : PC_ERR_NOMEM;
}

static pc_status add_fact(pc_run_identity *identity, const pc_run_database *database,
                          sqlite3_stmt *select)
{
    if (identity->n == MAX_FACTS)
        return pc_fail(PC_ERR_INPUT, "%s: more than %d facts identify the run", database->path,
                       MAX_FACTS);
    pc_store_fact *fact = &identity->facts[identity->n++];
    PC_TRY(copy_column(&fact->key, database, select, 0));
    return copy_column(&fact->value, database, select, 1);
}

pc_status pc_run_identity_read(pc_run_identity *out, const pc_run_database *database)
{
    sqlite3_stmt *select;
    *out = (pc_run_identity){.facts = pc_alloc(MAX_FACTS, sizeof *out->facts)};
    if (!out->facts) return PC_ERR_NOMEM;
    pc_status status =
        pc_run_database_prepare(&select, database, "SELECT key, value FROM identity ORDER BY key");
    if (status == PC_OK) {
        int code = SQLITE_ROW;
        while (status == PC_OK && (code = sqlite3_step(select)) == SQLITE_ROW)
            status = add_fact(out, database, select);
        if (status == PC_OK && code != SQLITE_DONE) status = pc_run_database_fail(database, code);
        sqlite3_finalize(select);
    }
    if (status != PC_OK) pc_run_identity_free(out);
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    const pc_store_fact *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static pc_status fail_other_run(const char *path, const char *key, const char *was, const char *now)
{
    return pc_fail(
        PC_ERR_INPUT, "%s: %.*s was %.*s, now %.*s: --resume continues only the same run", path,
        VALUE_SHOWN, key, VALUE_SHOWN, was ? was : "absent", VALUE_SHOWN, now ? now : "absent");
}

/* Both lists in key order. */
static pc_status compare_sorted(const pc_run_identity *stored, const pc_store_fact *facts, size_t n,
                                const char *path)
{
    for (size_t i = 0, j = 0; i < stored->n || j < n;) {
        const pc_store_fact *was = i < stored->n ? &stored->facts[i] : NULL;
        const pc_store_fact *now = j < n ? &facts[j] : NULL;
        const int order = !was ? 1 : !now ? -1 : strcmp(was->key, now->key);
        if (order < 0) return fail_other_run(path, was->key, was->value, NULL);
        if (order > 0) return fail_other_run(path, now->key, NULL, now->value);
        if (strcmp(was->value, now->value) != 0)
            return fail_other_run(path, was->key, was->value, now->value);
        i++, j++;
    }
    return PC_OK;
}

pc_status pc_run_identity_compare(const pc_run_identity *stored, const pc_store_fact *facts,
                                  size_t n, const char *path)
{
    pc_store_fact *sorted = pc_alloc(n, sizeof *sorted);
    if (!sorted) return PC_ERR_NOMEM;
    if (n > 0) {
        memcpy(sorted, facts, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare_keys);
    }
    pc_status status = compare_sorted(stored, sorted, n, path);
    free(sorted);
    return status;
}

void pc_run_identity_free(pc_run_identity *identity)
{
    for (size_t i = 0; i < identity->n; i++) {
        free((char *)identity->facts[i].key);
        free((char *)identity->facts[i].value);
    }
    free(identity->facts);
    *identity = (pc_run_identity){0};
}
