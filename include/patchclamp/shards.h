/* A search in shards: its sweep cut into parts that are measured by themselves, on any machines,
 * and joined to the result of one process, byte for byte.
 *
 * DIR/shards.json is the list; shard K measures into DIR/shards/K/run.db, and says in
 * DIR/shards/K/state.json how far it is. What is known before anything is measured can be cut: the
 * sweep of method "exact", of nodes, edges, neurons, and of positions where they are those of all
 * components. Selecting, evaluating, and positions of the circuit are done when shards are merged.
 * Methods that decide as they measure (racing, acdc) go one step after the other and have none. */
#ifndef PATCHCLAMP_SHARDS_H
#define PATCHCLAMP_SHARDS_H

#include "patchclamp/find.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PC_MOST_SHARDS = 100000 };

typedef struct pc_shards pc_shards;

/* Interventions first ... first + n - 1 of the search's, and what their products take. */
typedef struct pc_shard {
    int64_t first, n;
    double flop;
} pc_shard;

/* Cuts the sweep of the search into n_shards parts of consecutive interventions whose products
 * take about the same. Nothing is measured; the device of the options is not asked for.
 * PC_ERR_UNSUPPORTED: a method without shards. PC_ERR_INPUT: more shards than interventions; what
 * pc_find() refuses. */
PC_API pc_status pc_shards_new(pc_shards **out, pc_model *model, const pc_task *task,
                               const pc_find_options *options, int n_shards);
PC_API void pc_shards_free(pc_shards *shards);

PC_API int pc_shards_n(const pc_shards *shards);
PC_API pc_shard pc_shards_at(const pc_shards *shards, int k);

/* The list as a file, with words that say how the search was asked for (n_words, any: they are kept
 * as they are); and back. Borrowed words live as long as the shards. PC_ERR_INPUT with file and
 * place: what is no such list. */
PC_API pc_status pc_shards_write(const pc_shards *shards, const char *const *words, int n_words,
                                 const char *path);
PC_API pc_status pc_shards_read(pc_shards **out, const char *path);
PC_API const char *const *pc_shards_words(int *n, const pc_shards *shards);

/* Measures shard k into options->directory/shards/K/run.db, or goes on with it: running it twice
 * changes nothing. PC_ERR_INPUT: model, task or options are not those that the list was made for,
 * with the fact that differs; the database is damaged, or of another run or device. */
PC_API pc_status pc_shard_measure(const pc_shards *shards, int k, pc_model *model,
                                  const pc_task *task, const pc_find_options *options);

/* Joins the shards of options->directory into its run.db and goes on as pc_find() does with every
 * effect there already: the files are the same, byte for byte, as those of one process. Merging
 * again is fine. PC_ERR_INPUT, in one line, names the shards that are missing, incomplete, foreign
 * or damaged, or two that have measured other effects of one intervention. */
PC_API pc_status pc_shards_merge(pc_circuit **out, const pc_shards *shards, pc_model *model,
                                 const pc_task *task, const pc_find_options *options);

typedef enum pc_shard_phase {
    PC_SHARD_WAITING, /* nothing was heard of it yet */
    PC_SHARD_RUNNING,
    PC_SHARD_STOPPED, /* by a signal: it goes on when it is started again */
    PC_SHARD_FAILED,  /* the message says why */
    PC_SHARD_DONE
} pc_shard_phase;

/* "waiting", "running" ... */
PC_API const char *pc_shard_phase_name(pc_shard_phase phase);

/* What a shard says of itself; for people, merging does not look at it. */
typedef struct pc_shard_state {
    pc_shard_phase phase;
    int64_t n_done, n_all;  /* interventions */
    int64_t n_from_journal; /* of n_done, those measured before it was started last */
    double seconds;         /* since it was started last */
    int64_t n_starts;
    int64_t pid;
    char host[128], job[128];
    char message[512];
    double age; /* seconds since it was written; set by reading */
} pc_shard_state;

/* A shard that has said nothing is waiting. PC_ERR_INPUT: the file is no state. */
PC_API pc_status pc_shard_state_read(pc_shard_state *out, const char *directory, int k);
PC_API pc_status pc_shard_state_write(const pc_shard_state *state, const char *directory, int k);

#ifdef __cplusplus
}
#endif
#endif
