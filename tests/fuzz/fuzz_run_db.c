/* Fuzzes run.db: any bytes are resumed as the run they hold, or refused in one line. */
#include "scratch.h"
#include "store/run_store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static pc_status visit(void *context, const char *key, const double *values, size_t n)
{
    double *sum = context;
    for (size_t i = 0; i < n; i++)
        *sum += values[i];
    (void)key;
    return PC_OK;
}

static pc_status visit_decision(void *context, const pc_decision *decision)
{
    double *sum = context;
    *sum += (double)strlen(decision->name) + decision->change;
    return PC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const pc_store_fact identity[] = {{"model", "m"}, {"task", "t"}};
    pc_store *store = NULL;
    double sum = 0;
    scratch_write("run.db", bytes, length);
    if (pc_store_open(&store, scratch_path("run.db"), identity, 2, PC_STORE_RESUME) != PC_OK) {
        if (store || !*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
    } else {
        const double value = 1;
        (void)pc_store_each(store, visit, &sum);
        const pc_decision decision = {"greedy", 0, "m0", "measured", 1, 2, 1, false};
        (void)pc_store_each_decision(store, visit_decision, &sum);
        (void)pc_store_put_decision(store, &decision);
        (void)pc_store_put(store, "cut m0", &value, 1);
    }
    pc_store_free(store);
    unlink(scratch_path("run.db-journal"));
    return 0;
}
