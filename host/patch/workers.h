/* Threads that share a list of independent items. */
#ifndef PC_PATCH_WORKERS_H
#define PC_PATCH_WORKERS_H

#include "base/fail.h"
#include "patch/evaluator.h"

#include <stdint.h>

typedef struct pc_crew pc_crew;

/* Works on one item; `worker` is 0 .. n_workers - 1 and never on two items at once. */
typedef pc_status (*pc_work_fn)(void *payload, pc_crew *crew, int worker, int64_t item);

typedef struct pc_workers_job {
    int n_workers; /* worker 0 is the calling thread */
    int64_t n_items;
    pc_work_fn work;
    void *payload;
    pc_keep_going_fn keep_going; /* asked by the calling thread; NULL: nobody stops it */
    void *keep_going_payload;
} pc_workers_job;

/* Items are taken in order. The first item that fails decides status and message, whatever the
 * number of threads. */
pc_status pc_workers_run(const pc_workers_job *job);

/* To be called by the work now and then: PC_ERR_INTERRUPTED once somebody said stop. */
pc_status pc_workers_check(pc_crew *crew, int worker);

/* n_threads as asked for (0: one per processor), at most n_items and at least 1. */
int pc_workers_count(int n_threads, int64_t n_items);

#endif
