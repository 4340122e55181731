/* Medians of interleaved timings. */
#ifndef PC_BENCH_TIMING_H
#define PC_BENCH_TIMING_H

enum { BENCH_MOST_JOBS = 4, BENCH_MOST_ROUNDS = 99 };

/* One thing to time; run(context) does it once. */
typedef struct bench_job {
    void (*run)(void *context);
    void *context;
} bench_job;

/* Runs every job `rounds` times in turn, each time over and over for at least `seconds` of
 * processor time, after a round that does not count; gives each job's median seconds for one run.
 */
void bench_interleave(double *medians, const bench_job *jobs, int n_jobs, int rounds,
                      double seconds);

#endif
