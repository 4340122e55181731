/* Taking, keeping and giving back the file that says who writes a run database. */
#define _POSIX_C_SOURCE 200809L
#include "store/run_owner.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "patchclamp/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_BYTES = 128, ROUNDS = 3 };

/* ---- who ---- */

static struct {
    char words[NAME_BYTES];
    int attempt;
} this_job;

void pc_run_set_job(const char *words, int attempt)
{
    snprintf(this_job.words, sizeof this_job.words, "%s", words);
    this_job.attempt = attempt;
}

/* One process, of any host and time. */
typedef struct process {
    char host[NAME_BYTES];
    char pids[NAME_BYTES]; /* the namespace that its number is of */
    int64_t pid, began;    /* in clock ticks since the host's start; 0: not known */
    char job[NAME_BYTES];
    int64_t attempt; /* the how-manieth start of the job */
} process;

/* Of /proc/PID/stat: state, and field 22. false: there is no such process, or it has ended and only
 * waits for its parent. */
static bool read_began(int64_t *began, int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "r");
    const size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[n] = 0;
    const char *at = strrchr(text, ')'); /* the name may have anything in it */
    char state = 0;
    long long ticks = 0;
    if (!at || sscanf(at,
                      ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                      "%*s %lld",
                      &state, &ticks) != 2)
        return false;
    *began = ticks;
    return state != 'Z' && state != 'X';
}

static process this_process(void)
{
    process p = {.pid = getpid(), .attempt = this_job.attempt};
    if (gethostname(p.host, sizeof p.host - 1) != 0) strcpy(p.host, "unknown");
    const ssize_t n = readlink("/proc/self/ns/pid", p.pids, sizeof p.pids - 1);
    if (n < 0) p.pids[0] = 0;
    (void)read_began(&p.began, p.pid);
    memcpy(p.job, this_job.words, sizeof p.job);
    return p;
}

static pc_status write_words(char out[PC_OWNER_BYTES], const process *p)
{
    pc_text t = {0};
    pc_text_put(&t, "{\"host\": ");
    pc_text_put_json_string(&t, p->host);
    pc_text_put(&t, ", \"pids\": ");
    pc_text_put_json_string(&t, p->pids);
    pc_text_printf(&t, ", \"pid\": %lld, \"began\": %lld, \"job\": ", (long long)p->pid,
                   (long long)p->began);
    pc_text_put_json_string(&t, p->job);
    pc_text_printf(&t, ", \"attempt\": %lld}\n", (long long)p->attempt);
    const pc_status status = pc_text_status(&t);
    if (status == PC_OK) snprintf(out, PC_OWNER_BYTES, "%s", t.data);
    pc_text_free(&t);
    return status;
}

static pc_status read_name(char out[NAME_BYTES], const json_t *root, const char *key,
                           const char *path)
{
    const char *words;
    PC_TRY(pc_json_text(&words, root, key, path));
    snprintf(out, NAME_BYTES, "%s", words);
    return PC_OK;
}

/* Anything may stand in the file: then nobody is known. */
static bool read_process(process *out, const char *words, const char *path)
{
    json_t *root = NULL;
    *out = (process){.pid = 0};
    pc_status status = pc_json_parse(&root, words, strlen(words), path);
    if (status == PC_OK && !json_is_object(root)) status = PC_ERR_INPUT;
    if (status == PC_OK) status = read_name(out->host, root, "host", path);
    if (status == PC_OK) status = read_name(out->pids, root, "pids", path);
    if (status == PC_OK) status = read_name(out->job, root, "job", path);
    if (status == PC_OK) status = pc_json_int(&out->pid, root, "pid", 1, INT32_MAX, path);
    if (status == PC_OK) status = pc_json_int(&out->began, root, "began", 0, INT64_MAX, path);
    if (status == PC_OK) status = pc_json_int(&out->attempt, root, "attempt", 0, INT32_MAX, path);
    if (root) json_decref(root);
    return status == PC_OK;
}

/* ---- dead or alive ---- */

typedef enum verdict { ALIVE, DEAD, UNKNOWN } verdict;

static verdict judge(const process *owner)
{
    const process me = this_process();
    int64_t began;
    const bool is_same_job = *me.job && strcmp(me.job, owner->job) == 0;
    if (is_same_job && owner->attempt < me.attempt) return DEAD; /* the scheduler runs it once */
    if (strcmp(me.host, owner->host) != 0 || strcmp(me.pids, owner->pids) != 0) return UNKNOWN;
    if (kill((pid_t)owner->pid, 0) != 0 && errno == ESRCH) return DEAD;
    if (owner->began == 0) return ALIVE;
    return read_began(&began, owner->pid) && began == owner->began ? ALIVE : DEAD;
}

static void put_age(char *out, size_t bytes, double seconds)
{
    if (seconds < 120) snprintf(out, bytes, "%.0f s", seconds);
    else snprintf(out, bytes, "%.0f min", seconds / 60);
}

static pc_status fail_owned(const char *path, const process *owner, verdict v, double age)
{
    char words[48], job[NAME_BYTES + 4] = "";
    const bool is_old = age > PC_SECONDS_OF_A_DEAD_OWNER;
    put_age(words, sizeof words, age);
    if (*owner->job) snprintf(job, sizeof job, " (%.100s)", owner->job);
    if (v == ALIVE)
        return pc_fail(PC_ERR_IO, "%s: another process has it open: %lld on %s%s", path,
                       (long long)owner->pid, owner->host, job);
    if (!owner->pid)
        return pc_fail(PC_ERR_IO, "%s: its owner file is not readable and was written %s ago%s",
                       path, words, is_old ? ": --take-over if nobody runs" : "");
    if (is_old)
        return pc_fail(PC_ERR_IO,
                       "%s: process %lld on %s%s had it open and was heard of %s ago: --take-over "
                       "if it is gone",
                       path, (long long)owner->pid, owner->host, job, words);
    return pc_fail(PC_ERR_IO, "%s: another process has it open: %lld on %s%s, heard of %s ago",
                   path, (long long)owner->pid, owner->host, job, words);
}

/* Reads the file of `path` and its age before `now`, a time of the same file system. false: none.
 */
static bool read_file(char words[PC_OWNER_BYTES], double *age, const char *path,
                      const struct timespec *now)
{
    struct stat facts;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const ssize_t n = pread(descriptor, words, PC_OWNER_BYTES - 1, 0);
    words[n > 0 ? n : 0] = 0;
    const bool is_there = fstat(descriptor, &facts) == 0;
    close(descriptor);
    *age = is_there && now ? (double)(now->tv_sec - facts.st_mtim.tv_sec) +
                                 1e-9 * (double)(now->tv_nsec - facts.st_mtim.tv_nsec)
                           : 0;
    return is_there;
}

/* PC_OK: whoever left these words may be put aside. */
static pc_status allow(const char *words, double age, const char *owner_path, const char *path,
                       pc_owner_rule rule)
{
    process owner;
    const bool is_known = read_process(&owner, words, owner_path);
    const verdict v = is_known ? judge(&owner) : UNKNOWN;
    if (v == DEAD) return PC_OK;
    if (v == UNKNOWN && rule == PC_OWNER_TAKE_OVER && age > PC_SECONDS_OF_A_DEAD_OWNER)
        return PC_OK;
    return fail_owned(path, &owner, v, age);
}

/* ---- taking ---- */

/* Puts aside the file that says `words`; somebody may just have done the same and taken over: what
 * was put aside is then his, and comes back. */
static pc_status evict(const char *words, const char *owner_path, const char *aside)
{
    char found[PC_OWNER_BYTES];
    double age;
    if (rename(owner_path, aside) != 0) return PC_OK; /* somebody was faster: look again */
    const bool is_same = read_file(found, &age, aside, NULL) && strcmp(found, words) == 0;
    if (!is_same) (void)link(aside, owner_path);
    unlink(aside);
    return PC_OK;
}

/* A new file with our words; *now is its time. */
static pc_status make_draft(char *draft, struct timespec *now, const char *words, const char *path)
{
    struct stat facts = {0};
    const size_t n = strlen(words);
    const int descriptor = mkstemp(draft);
    if (descriptor < 0)
        return pc_fail(PC_ERR_IO, "%s: cannot create its owner file: %s", path, strerror(errno));
    bool is_good = write(descriptor, words, n) == (ssize_t)n && fsync(descriptor) == 0 &&
                   fchmod(descriptor, 0644) == 0 && fstat(descriptor, &facts) == 0;
    const int reason = errno;
    if (close(descriptor) != 0) is_good = false;
    *now = facts.st_mtim;
    if (is_good) return PC_OK;
    unlink(draft);
    return pc_fail(PC_ERR_IO, "%s: its owner file cannot be written: %s", path, strerror(reason));
}

static bool has_no_links(int reason)
{
    return reason == EPERM || reason == ENOSYS || reason == EOPNOTSUPP || reason == EMLINK;
}

static pc_status link_draft(pc_run_owner *o, const char *draft, const char *aside,
                            const struct timespec *now, const char *path, pc_owner_rule rule)
{
    for (int round = 0; round < ROUNDS; round++) {
        char words[PC_OWNER_BYTES];
        double age;
        if (link(draft, o->path) == 0) {
            o->is_taken = true;
            return PC_OK;
        }
        if (has_no_links(errno)) return PC_OK; /* SQLite's lock has to do */
        if (errno != EEXIST)
            return pc_fail(PC_ERR_IO, "%s: cannot create: %s", o->path, strerror(errno));
        if (!read_file(words, &age, o->path, now)) continue; /* it has just gone */
        PC_TRY(allow(words, age, o->path, path, rule));
        PC_TRY(evict(words, o->path, aside));
    }
    return pc_fail(PC_ERR_IO, "%s: another process is opening it", path);
}

static char *join(const char *path, const char *end)
{
    const size_t n = strlen(path) + strlen(end) + 1;
    char *text = pc_alloc(n, 1);
    if (text) snprintf(text, n, "%s%s", path, end);
    return text;
}

pc_status pc_run_owner_take(pc_run_owner *out, const char *path, pc_owner_rule rule)
{
    const process me = this_process();
    struct timespec now = {0};
    *out = (pc_run_owner){.path = join(path, ".owner")};
    char *draft = join(path, ".owner.XXXXXX"), *aside = NULL;
    pc_status status = out->path && draft ? write_words(out->words, &me) : PC_ERR_NOMEM;
    if (status == PC_OK) status = make_draft(draft, &now, out->words, path);
    if (status == PC_OK) {
        aside = join(draft, ".aside");
        status = aside ? link_draft(out, draft, aside, &now, path, rule) : PC_ERR_NOMEM;
        unlink(draft);
    }
    free(aside);
    free(draft);
    if (status != PC_OK) pc_run_owner_release(out);
    return status;
}

pc_status pc_run_owner_look(const char *path)
{
    char words[PC_OWNER_BYTES];
    double age;
    struct timespec now;
    char *owner_path = join(path, ".owner");
    if (!owner_path) return PC_ERR_NOMEM;
    clock_gettime(CLOCK_REALTIME, &now); /* a reader leaves no file: this host's clock has to do */
    pc_status status = PC_OK;
    if (read_file(words, &age, owner_path, &now))
        status = allow(words, age, owner_path, path, PC_OWNER_TAKE_OVER);
    free(owner_path);
    return status;
}

/* ---- keeping ---- */

pc_status pc_run_owner_check(const pc_run_owner *o)
{
    char words[PC_OWNER_BYTES];
    double age;
    if (!o->is_taken) return PC_OK;
    if (read_file(words, &age, o->path, NULL) && strcmp(words, o->words) == 0) return PC_OK;
    return pc_fail(PC_ERR_IO, "%s: no longer this process's: another has taken the run over",
                   o->path);
}

void pc_run_owner_beat(const pc_run_owner *o)
{
    static const struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    if (o->is_taken) (void)utimensat(AT_FDCWD, o->path, now, 0);
}

void pc_run_owner_release(pc_run_owner *o)
{
    if (o->is_taken && pc_run_owner_check(o) == PC_OK) unlink(o->path);
    free(o->path);
    *o = (pc_run_owner){.path = NULL};
}
