/* The run database: every measured effect and every decision of a search, journal and archive in
 * one SQLite file.
 *
 * A run is identified by facts: model, task, every option that changes numbers, the numeric
 * fingerprint. What was put is committed within a second, so that a killed process loses no more
 * than that, and a file is never left in a state that cannot be read. One process has a run
 * database open at a time; several may read it. */
#ifndef PC_STORE_RUN_STORE_H
#define PC_STORE_RUN_STORE_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pc_store pc_store;

typedef struct pc_store_fact {
    const char *key, *value;
} pc_store_fact;

typedef enum pc_store_mode {
    PC_STORE_CREATE, /* the file must not exist */
    PC_STORE_RESUME, /* the same run goes on; a file that does not exist, or is empty, is created */
    PC_STORE_TAKE_OVER, /* the same, from another host's process that is silent (run_owner.h) */
    PC_STORE_READ       /* the file must exist; nothing can be put */
} pc_store_mode;

/* Opens `path` for the run that the n facts identify, each key once. PC_ERR_INPUT: the file exists
 * (CREATE) or does not (READ); it is not a run database, is damaged, or has another schema number;
 * it belongs to another run (the message names the first fact, in key order, that differs). READ
 * with n = 0 takes any run. PC_ERR_IO: another process has it open, which is named; the
 * disk refuses. A failed
 * CREATE leaves no file. Resuming and reading check the whole file: one pass over it. */
pc_status pc_store_open(pc_store **out, const char *path, const pc_store_fact *identity, size_t n,
                        pc_store_mode mode);

/* Commits what is not committed and closes the file; the first failure since opening, a background
 * commit's too, is reported again. A closed store can only be freed; closing it twice is fine. */
pc_status pc_store_close(pc_store *store);
/* Closes, if that was not done, without a report. */
void pc_store_free(pc_store *store);

/* The functions below may be called from several threads at once. After a failed write (PC_ERR_IO:
 * a full disk) each of them fails with the same message: what was committed before is safe. */

/* Keeps one intervention's per-prompt effects (n >= 0) under its canonical name, bit for bit, with
 * a checksum: damaged ones are PC_ERR_INPUT when they are looked up. Putting the same values again
 * is fine; other values under a known key are PC_ERR_INPUT, because a run must repeat its numbers.
 * Returns before the commit, which follows in a second or at 64 MB. */
pc_status pc_store_put(pc_store *store, const char *key, const double *values, size_t n);

/* Looks up `key`; *is_found = false leaves `values` alone. Stored values that are not n:
 * PC_ERR_INPUT. */
pc_status pc_store_get(double *values, bool *is_found, pc_store *store, const char *key, size_t n);

/* A search's decision on one component. The number of its steps, and what each says, follow from
 * the effects: resuming puts them again, and finds that they are the same. */
typedef struct pc_decision {
    const char *search; /* "threshold 0.01" */
    int64_t step;       /* 0, 1 ... in the order of the search */
    const char *name;   /* of the component */
    const char *how;    /* "measured", "in double", "unreached" */
    /* means over prompts: the metric of the circuit at hand with the component and without, and by
     * how much it changes; NaN: not measured */
    double metric_with, metric_without, change;
    bool is_kept;
} pc_decision;

/* Keeps a decision under its search and step; otherwise as pc_store_put(). */
pc_status pc_store_put_decision(pc_store *store, const pc_decision *decision);

/* Called for each decision, by search (by bytes) and step; otherwise as pc_store_each(). */
typedef pc_status (*pc_store_visit_decision)(void *context, const pc_decision *decision);
pc_status pc_store_each_decision(pc_store *store, pc_store_visit_decision visit, void *context);

/* How many interventions are kept. */
pc_status pc_store_count(int64_t *out, pc_store *store);

/* Keeps a fact that does not identify the run (timings, versions), replacing the key's old one. */
pc_status pc_store_note(pc_store *store, const char *key, const char *value);
/* The value of a note, NULL if there is none. Free *value. */
pc_status pc_store_read_note(char **value, pc_store *store, const char *key);

/* Commits now; after PC_OK what was put survives anything but the disk. */
pc_status pc_store_flush(pc_store *store);

/* The facts that the file carries, in key order; borrowed from the store. */
const pc_store_fact *pc_store_identity(size_t *n, const pc_store *store);

/* Called for each kept intervention in key order (by bytes); `values` are valid during the call.
 * Must not call the store. Another status than PC_OK ends the walk and is passed on. */
typedef pc_status (*pc_store_visit)(void *context, const char *key, const double *values, size_t n);
pc_status pc_store_each(pc_store *store, pc_store_visit visit, void *context);

#endif
