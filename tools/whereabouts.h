/* Which process this is, for people who look for it. */
#ifndef PC_TOOLS_WHEREABOUTS_H
#define PC_TOOLS_WHEREABOUTS_H

#include <stddef.h>
#include <stdint.h>

int64_t own_pid(void);
void put_host(char *out, size_t bytes);
/* "slurm 1234_5" in a job, else "". */
void put_job(char *out, size_t bytes);
/* How often the job was started before. */
int job_attempt(void);
/* The program's own file, for starting it again; its first word if the system does not tell. */
void put_program(char *out, size_t bytes, const char *first_word);

#endif
