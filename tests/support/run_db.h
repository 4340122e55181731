/* A run database in a folder of its own, for each test. */
#ifndef TEST_SUPPORT_RUN_DB_H
#define TEST_SUPPORT_RUN_DB_H

#include "store/run_store.h"

enum { N_RUN_FACTS = 3 };
extern const pc_store_fact run_facts[N_RUN_FACTS];

/* Where it is; set by run_db_set_up(). */
extern char run_db_folder[64], run_db_path[80], run_db_journal[96], run_db_owner[96];

void run_db_set_up(void);
void run_db_clean_up(void);

pc_store *run_db_open(pc_store_mode mode);
/* Closes, which must succeed, and frees. */
void run_db_close(pc_store *store);
void run_db_put(pc_store *store, const char *key, const double *values, size_t n);

/* Interventions from..to-1 with 40 effects each, all different; keys in order. */
enum { N_FILL_EFFECTS = 40 };
void run_db_fill(pc_store *store, int from, int to);
void run_db_fill_key(char key[32], int i);
double run_db_fill_value(int i, size_t j);

/* Opening must fail with this status and these words. */
void run_db_expect_refused(const char *name, pc_store_mode mode, pc_status expected,
                           const char *words);

#endif
