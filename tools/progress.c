/* Progress on stderr, and the signals that stop a search. */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_BETWEEN_LINES 5.0
#define SECONDS_BETWEEN_BARS 0.1
#define SECONDS_OF_SILENCE 1.0 /* what is done sooner needs no words */

static volatile sig_atomic_t has_been_asked_to_stop;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    has_been_asked_to_stop = 1;
}

void stop_on_signals(void)
{
    /* the second signal ends the program at once: run.db survives that */
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
}

bool was_asked_to_stop(void)
{
    return has_been_asked_to_stop != 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(progress_state *state)
{
    *state = (progress_state){.is_terminal = isatty(STDERR_FILENO) != 0, .phase = "", .unit = ""};
}

static void put_time(char *out, size_t bytes, double seconds)
{
    const long s = (long)(seconds + 0.5);
    if (s >= 3600) snprintf(out, bytes, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60) snprintf(out, bytes, "%ld min %02ld s", s / 60, s % 60);
    else snprintf(out, bytes, "%ld s", s);
}

static void put_rate(char *out, size_t bytes, const pc_progress *p, const progress_state *s,
                     double seconds)
{
    const double rate = seconds > 0 ? (double)(p->n_done - s->began_at) / seconds : 0;
    char left[48];
    if (rate <= 0) {
        *out = 0;
        return;
    }
    put_time(left, sizeof left, (double)(p->n_all - p->n_done) / rate);
    snprintf(out, bytes, "%.3g %s/s, %s left", rate, p->unit, left);
}

static void draw_bar(const pc_progress *p, const char *rate)
{
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    const int full = p->n_all ? (int)(WIDTH * p->n_done / p->n_all) : 0;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r%s [%s] %" PRId64 "/%" PRId64 " %s  %s\033[K", p->phase, bar, p->n_done,
            p->n_all, p->unit, rate);
}

bool progress_tell(const pc_progress *p, void *payload)
{
    progress_state *s = payload;
    const double time = now();
    if (strcmp(s->phase, p->phase) != 0 || strcmp(s->unit, p->unit) != 0) {
        s->phase = p->phase;
        s->unit = p->unit;
        s->began = s->told = time;
        s->began_at = p->n_done;
    }
    const double pause = s->is_terminal ? SECONDS_BETWEEN_BARS : SECONDS_BETWEEN_LINES;
    if (time - s->told >= pause && time - s->began >= SECONDS_OF_SILENCE) {
        char rate[96];
        put_rate(rate, sizeof rate, p, s, time - s->began);
        if (s->is_terminal) draw_bar(p, rate);
        else if (!*rate) fprintf(stderr, "%s: %" PRId64 " %s to do\n", p->phase, p->n_all, p->unit);
        else
            fprintf(stderr, "%s: %" PRId64 " of %" PRId64 " %s, %s\n", p->phase, p->n_done,
                    p->n_all, p->unit, rate);
        s->has_bar = s->is_terminal;
        s->told = time;
    }
    return !has_been_asked_to_stop;
}

void progress_end(progress_state *state)
{
    if (state->has_bar) fputs("\r\033[K", stderr);
}
