/* A run directory: the facts that identify its run, its database, its files. */
#ifndef PC_SEARCH_RUN_FACTS_H
#define PC_SEARCH_RUN_FACTS_H

#include "model/model_private.h"
#include "patchclamp/find.h"
#include "store/run_store.h"

enum { PC_MOST_RUN_FACTS = 24, PC_RUN_FACT_BYTES = 64, PC_HELD_OUT_BYTES = 256 };

/* Values that are added live elsewhere, as long as this. */
typedef struct pc_run_facts {
    pc_store_fact facts[PC_MOST_RUN_FACTS];
    size_t n;
    char bos[32], n_prompts[32], seed[32], fingerprint[256];
    char selection[PC_RUN_FACT_BYTES], confidence[32], numbers[3][32];
    char held_out[PC_HELD_OUT_BYTES]; /* these four of a search */
} pc_run_facts;

/* Model, task, how effects are measured, and the numeric fingerprint. */
pc_status pc_run_facts_init(pc_run_facts *out, pc_model *model, const pc_task *task,
                            const pc_evaluator_options *evaluation);
void pc_run_facts_add(pc_run_facts *facts, const char *key, const char *value);

/* Whether the directory (NULL: none) holds a run. */
bool pc_run_exists(const char *directory);

/* Opens run.db in the directory, which is made if it is missing. */
pc_status pc_run_open(pc_store **out, const char *directory, pc_resume resume,
                      const pc_run_facts *facts);

typedef struct pc_run_file {
    const char *name;
    pc_status (*write)(const void *result, const char *path);
} pc_run_file;

/* Writes the files of a result into the directory whose run.db is open: nobody else writes there.
 */
pc_status pc_run_write(const char *directory, const pc_run_file *files, size_t n,
                       const void *result);

#endif
