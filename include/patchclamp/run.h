/* Run directories: who has one open.
 *
 * A run database is written by one process at a time. SQLite's lock keeps others away, and a file
 * beside it, run.db.owner, says who it is: host, process, job, and by its time the last heartbeat,
 * every 10 s. A process that is gone on this host leaves nothing behind that matters. Of another
 * host's process only the heartbeat is known: PC_RESUME_TAKE_OVER (find.h) takes its run over once
 * that is two minutes old. */
#ifndef PATCHCLAMP_RUN_H
#define PATCHCLAMP_RUN_H

#include "patchclamp/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What this process is called in owner files: a scheduler's job, and how often that was started
 * before. A run whose owner is an earlier start of the same job is taken over: schedulers do not
 * run a job twice at once. To be called before anything is opened, by one thread; without, there is
 * no job. */
PC_API void pc_run_set_job(const char *words, int attempt);

#ifdef __cplusplus
}
#endif
#endif
