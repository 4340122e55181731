/* Making, filling and opening a run database, with assertions. */
#define _POSIX_C_SOURCE 200809L
#include "support/run_db.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const pc_store_fact run_facts[N_RUN_FACTS] = {
    {"task", "7ec1"}, {"model", "0df5"}, {"option.source", "resample"}};

char run_db_folder[64], run_db_path[80], run_db_journal[96], run_db_owner[96];

void run_db_set_up(void)
{
    strcpy(run_db_folder, "/tmp/patchclamp-store-XXXXXX");
    cr_assert(mkdtemp(run_db_folder), "%s", strerror(errno));
    snprintf(run_db_path, sizeof run_db_path, "%s/run.db", run_db_folder);
    snprintf(run_db_journal, sizeof run_db_journal, "%s-journal", run_db_path);
    snprintf(run_db_owner, sizeof run_db_owner, "%s.owner", run_db_path);
}

void run_db_clean_up(void)
{
    unlink(run_db_path);
    unlink(run_db_journal);
    unlink(run_db_owner);
    rmdir(run_db_folder);
}

pc_store *run_db_open(pc_store_mode mode)
{
    pc_store *store;
    pc_status status = pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, mode);
    cr_assert_eq(status, PC_OK, "%s", pc_last_error());
    return store;
}

void run_db_close(pc_store *store)
{
    cr_assert_eq(pc_store_close(store), PC_OK, "%s", pc_last_error());
    pc_store_free(store);
}

void run_db_put(pc_store *store, const char *key, const double *values, size_t n)
{
    cr_assert_eq(pc_store_put(store, key, values, n), PC_OK, "%s: %s", key, pc_last_error());
}

void run_db_fill_key(char key[32], int i)
{
    snprintf(key, 32, "k%06d", i);
}

double run_db_fill_value(int i, size_t j)
{
    return i * 1000.0 + (double)j + 0.1;
}

void run_db_fill(pc_store *store, int from, int to)
{
    for (int i = from; i < to; i++) {
        char key[32];
        double values[N_FILL_EFFECTS];
        run_db_fill_key(key, i);
        for (size_t j = 0; j < N_FILL_EFFECTS; j++)
            values[j] = run_db_fill_value(i, j);
        run_db_put(store, key, values, N_FILL_EFFECTS);
    }
}

void run_db_expect_refused(const char *name, pc_store_mode mode, pc_status expected,
                           const char *words)
{
    pc_store *store;
    pc_status status = pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, mode);
    cr_expect_eq(status, expected, "%s: %s, expected %s: %s", name, pc_status_name(status),
                 pc_status_name(expected), pc_last_error());
    cr_expect(status == PC_OK || strstr(pc_last_error(), words), "%s: \"%s\" lacks \"%s\"", name,
              pc_last_error(), words);
    cr_expect(status == PC_OK || !store, "%s: a store came out of a failure", name);
    pc_store_free(store);
}
