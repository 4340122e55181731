/* Who writes a run database: a file beside it that names the process, for where locks are not to be
 * trusted, as on network file systems, and for people.
 *
 * The file is made whole or not at all, and by one process alone (link(2)), and its time is the
 * last heartbeat. A process that is gone on this host, or whose job the scheduler has started
 * again, does not own anything any more. Of another host nothing is known but the heartbeat. */
#ifndef PC_STORE_RUN_OWNER_H
#define PC_STORE_RUN_OWNER_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>

enum { PC_OWNER_BYTES = 1024, PC_SECONDS_BETWEEN_BEATS = 10, PC_SECONDS_OF_A_DEAD_OWNER = 120 };

typedef struct pc_run_owner {
    char *path;                 /* "run.db.owner" */
    char words[PC_OWNER_BYTES]; /* what stands in it */
    bool is_taken;              /* false: the file system cannot have such files */
} pc_run_owner;

typedef enum pc_owner_rule {
    PC_OWNER_RESPECT,  /* whoever may be alive */
    PC_OWNER_TAKE_OVER /* but not another host's process that was silent for two minutes */
} pc_owner_rule;

/* Becomes the owner of the database at `path`. PC_ERR_IO naming the owner where there is one. */
pc_status pc_run_owner_take(pc_run_owner *out, const char *path, pc_owner_rule rule);
/* For a reader: PC_ERR_IO naming the owner where there is one that is alive or was, two minutes
 * ago. */
pc_status pc_run_owner_look(const char *path);
/* PC_ERR_IO where somebody else has taken over: nothing may be written any more. */
pc_status pc_run_owner_check(const pc_run_owner *owner);
/* Says that the owner is alive. */
void pc_run_owner_beat(const pc_run_owner *owner);
/* Removes the file, if it is still the owner's. */
void pc_run_owner_release(pc_run_owner *owner);

#endif
