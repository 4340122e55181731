/* Progress on stderr, and the signals that stop a search. */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include "bar.h"
#include "exit_code.h"
#include "terminal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_BETWEEN_LINES 5.0
#define SECONDS_BETWEEN_BARS 0.1
#define SECONDS_TO_STOP 8      /* ten are promised */
#define SECONDS_OF_SILENCE 1.0 /* what is done sooner needs no words */

static volatile sig_atomic_t has_been_asked_to_stop;

/* What works on looks at the flag before each run of the model; what does not (a large file that is
 * hashed) is ended. run.db survives that as it does kill -9. */
static void stop_at_last(int signal_number)
{
    static const char words[] =
        "patchclamp: stopped without waiting for the step at hand; run.db has the others\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(EXIT_INTERRUPTED);
}

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    has_been_asked_to_stop = 1;
    alarm(SECONDS_TO_STOP);
}

void stop_on_signals(void)
{
    /* the second signal ends the program at once: run.db survives that */
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    action.sa_handler = stop_at_last;
    sigaction(SIGALRM, &action, NULL);
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
    *state = (progress_state){.phase = "", .unit = ""};
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

enum { LEAST_BAR = 5, MOST_BAR = 30, LINE_BYTES = 512 };

/* One line of the screen, and no more: a longer one could not be drawn over. */
static void draw_bar(const pc_progress *p, const char *rate, const terminal *screen)
{
    char line[LINE_BYTES], bar[BAR_BYTES];
    const int room = screen->columns - 1;
    const int n = snprintf(line, sizeof line, "%" PRId64 "/%" PRId64 " %s  %s", p->n_done, p->n_all,
                           p->unit, rate);
    int width = room - n - (int)strlen(p->phase) - (int)strlen(" [] ");
    if (width > MOST_BAR) width = MOST_BAR;
    fprintf(stderr, "\r%.*s ", room, p->phase);
    if (width >= LEAST_BAR) {
        const double share = p->n_all ? (double)p->n_done / (double)p->n_all : 0;
        const int full = bar_write(bar, share, width, screen->has_blocks);
        fprintf(stderr, "[%s", bar);
        for (int i = full; i < width; i++)
            fputc(screen->has_blocks ? ' ' : '.', stderr);
        fputs("] ", stderr);
    }
    const int left = room - (int)strlen(p->phase) - 1;
    fprintf(stderr, "%.*s\033[K", width >= LEAST_BAR ? n : left > 0 ? left : 0, line);
}

static void print_line(const pc_progress *p, const char *rate)
{
    if (!*rate) fprintf(stderr, "%s: %" PRId64 " %s to do\n", p->phase, p->n_all, p->unit);
    else
        fprintf(stderr, "%s: %" PRId64 " of %" PRId64 " %s, %s\n", p->phase, p->n_done, p->n_all,
                p->unit, rate);
}

static void tell(progress_state *s, const pc_progress *p, double time)
{
    char rate[96];
    const terminal screen = terminal_of(stderr); /* now: windows change their size */
    if (time - s->told < (screen.is_drawn ? SECONDS_BETWEEN_BARS : SECONDS_BETWEEN_LINES)) return;
    put_rate(rate, sizeof rate, p, s, time - s->began);
    if (screen.is_drawn) draw_bar(p, rate, &screen);
    else print_line(p, rate);
    s->has_bar = screen.is_drawn;
    s->told = time;
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
    if (time - s->began >= SECONDS_OF_SILENCE) tell(s, p, time);
    return !has_been_asked_to_stop;
}

void progress_end(progress_state *state)
{
    if (state->has_bar) fputs("\r\033[K", stderr);
}
