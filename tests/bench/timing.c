/* Medians of interleaved timings. */
#define _POSIX_C_SOURCE 200809L
#include "timing.h"

#include <stdlib.h>
#include <time.h>

/* The processor time of this thread: other programs on the machine take no part. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Seconds for one run. */
static double time_job(const bench_job *job, double seconds)
{
    const double start = now();
    double passed = 0;
    int runs = 0;
    while (passed < seconds || runs == 0) {
        job->run(job->context);
        runs++;
        passed = now() - start;
    }
    return passed / runs;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_interleave(double *medians, const bench_job *jobs, int n_jobs, int rounds,
                      double seconds)
{
    double times[BENCH_MOST_JOBS][BENCH_MOST_ROUNDS];
    for (int round = -1; round < rounds; round++)
        for (int job = 0; job < n_jobs; job++) {
            const double time = time_job(&jobs[job], seconds);
            if (round >= 0) times[job][round] = time;
        }
    for (int job = 0; job < n_jobs; job++) {
        qsort(times[job], (size_t)rounds, sizeof times[job][0], compare);
        medians[job] = times[job][rounds / 2];
    }
}
