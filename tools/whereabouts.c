/* Host, process and job. */
#define _POSIX_C_SOURCE 200809L
#include "whereabouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t own_pid(void)
{
    return getpid();
}

void put_host(char *out, size_t bytes)
{
    if (gethostname(out, bytes) != 0) snprintf(out, bytes, "unknown");
    out[bytes - 1] = 0;
}

void put_job(char *out, size_t bytes)
{
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
    const char *job = getenv("SLURM_JOB_ID");
    *out = 0;
    if (array && task) snprintf(out, bytes, "slurm %.40s_%.40s", array, task);
    else if (job) snprintf(out, bytes, "slurm %.40s", job);
}

int job_attempt(void)
{
    const char *count = getenv("SLURM_RESTART_COUNT");
    return count ? (int)strtol(count, NULL, 10) : 0;
}

void put_program(char *out, size_t bytes, const char *first_word)
{
    const ssize_t length = readlink("/proc/self/exe", out, bytes - 1);
    if (length > 0 && (size_t)length < bytes - 1) out[length] = 0;
    else snprintf(out, bytes, "%s", first_word);
}
