/* Telling the user how far a search is: a bar on a terminal, now and then a line in a log. */
#ifndef PC_TOOLS_PROGRESS_H
#define PC_TOOLS_PROGRESS_H

#include "patchclamp/find.h"

typedef struct progress_state {
    const char *phase, *unit; /* of the last report */
    double began, told;       /* seconds: when the phase began, when it was last told */
    int64_t began_at;         /* n_done when the phase began: not this run's work */
    bool has_bar;             /* one stands on the terminal */
} progress_state;

void progress_begin(progress_state *state);
/* A pc_progress_fn; payload = the state. Returns false once a signal asked to stop. */
bool progress_tell(const pc_progress *progress, void *payload);
/* Clears the bar. */
void progress_end(progress_state *state);

/* From now on SIGINT, SIGTERM and SIGUSR2 ask the command to stop instead of ending the program; one
 * that has not done so in 8 s is ended with EXIT_INTERRUPTED. */
void stop_on_signals(void);
/* Whether one has come. */
bool was_asked_to_stop(void);

#endif
