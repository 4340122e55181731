/* Threads that share a list of independent items. */
#define _POSIX_C_SOURCE 200809L
#include "patch/workers.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_WORKERS = 256 };

struct pc_crew {
    const pc_workers_job *job;
    _Atomic int64_t next;
    atomic_bool is_stopped;
    pthread_mutex_t lock; /* guards what follows */
    int64_t failed_item; /* the first that failed, so that the message does not depend on threads */
    pc_status status;
    char *message;
};

typedef struct member {
    pc_crew *crew;
    int worker;
    pthread_t thread;
} member;

int pc_workers_count(int n_threads, int64_t n_items)
{
    int64_t n = n_threads > 0 ? n_threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (n > MOST_WORKERS) n = MOST_WORKERS;
    if (n > n_items) n = n_items;
    return n < 1 ? 1 : (int)n;
}

pc_status pc_workers_check(pc_crew *crew, int worker)
{
    const pc_workers_job *job = crew->job;
    if (worker == 0 && job->keep_going && !job->keep_going(job->keep_going_payload))
        atomic_store(&crew->is_stopped, true);
    if (!atomic_load(&crew->is_stopped)) return PC_OK;
    return pc_fail(PC_ERR_INTERRUPTED, "stopped while measuring");
}

static void note_failure(pc_crew *crew, int64_t item, pc_status status)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->status == PC_OK || item < crew->failed_item) {
        free(crew->message);
        crew->message = pc_copy_text(pc_last_error()); /* it is the thread's: carry it over */
        crew->status = status;
        crew->failed_item = item;
    }
    pthread_mutex_unlock(&crew->lock);
}

static void *work(void *payload)
{
    member *m = payload;
    pc_crew *crew = m->crew;
    const pc_workers_job *job = crew->job;
    for (;;) {
        const int64_t item = atomic_fetch_add(&crew->next, 1);
        if (item >= job->n_items) return NULL;
        const pc_status status = job->work(job->payload, crew, m->worker, item);
        if (status == PC_OK) continue;
        note_failure(crew, item, status);
        /* items are taken in order: those before this one are all in hands already */
        atomic_store(&crew->next, job->n_items);
    }
}

pc_status pc_workers_run(const pc_workers_job *job)
{
    pc_crew crew = {.job = job};
    member *members = pc_alloc((size_t)job->n_workers, sizeof *members);
    if (!members) return PC_ERR_NOMEM;
    pthread_mutex_init(&crew.lock, NULL);
    int n_started = 1; /* this thread is the first worker */
    for (int i = 0; i < job->n_workers; i++)
        members[i] = (member){.crew = &crew, .worker = i};
    while (n_started < job->n_workers &&
           pthread_create(&members[n_started].thread, NULL, work, &members[n_started]) == 0)
        n_started++;
    work(&members[0]);
    for (int i = 1; i < n_started; i++)
        pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&crew.lock);
    free(members);
    if (crew.status != PC_OK)
        pc_fail(crew.status, "%s", crew.message ? crew.message : "out of memory");
    free(crew.message);
    return crew.status;
}
