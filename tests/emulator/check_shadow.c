/* For every byte that a kernel touched, who touched it: the last writer and two readers. */
#include "check.h"
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cell {
    check_trace writer, readers[2];
    int is_written;       /* device memory: by anybody, since it was allocated */
    uint32_t reported_in; /* the operation in which a defect of it was reported: once is enough */
} cell;

/* ---- cells, in pages that are there once somebody touched them ---- */

enum { PAGE = 256 };

typedef struct page {
    uintptr_t number;
    struct page *next; /* in the same bucket */
    cell cells[PAGE];
} page;

enum { BUCKETS = 1 << 16 };
static page *buckets[BUCKETS], *last;

static page *find_page(uintptr_t number)
{
    if (last && last->number == number) return last;
    page *found = buckets[number % BUCKETS];
    while (found && found->number != number)
        found = found->next;
    if (found) last = found;
    return found;
}

static cell *cell_of(uintptr_t at)
{
    const uintptr_t number = at / PAGE;
    page *found = find_page(number);
    if (!found) {
        found = calloc(1, sizeof *found);
        if (!found) abort();
        found->number = number;
        found->next = buckets[number % BUCKETS];
        buckets[number % BUCKETS] = last = found;
    }
    return &found->cells[at % PAGE];
}

/* NULL where nobody has touched the page. */
static cell *cell_if_any(uintptr_t at)
{
    page *found = find_page(at / PAGE);
    return found ? &found->cells[at % PAGE] : NULL;
}

/* ---- an access, and what is said of it ---- */

typedef struct attempt {
    check_trace me;
    size_t bytes;
    check_access_kind kind;
    check_space space;
} attempt;

static const char *space_of(const attempt *a)
{
    return a->space == CHECK_SHARED ? "shared" : "device";
}

static void describe_other(char *text, size_t room, const attempt *a, const check_trace *other,
                           const char *did)
{
    char words[320];
    if (other->operation != a->me.operation) {
        check_describe_operation(words, sizeof words, other->operation);
        snprintf(text, room, "%s, %s; no event and no wait orders the two", words, did);
        return;
    }
    check_place(words, sizeof words, other->pc);
    snprintf(text, room, "thread %d of %s %s at %s%s", (int)other->thread,
             other->block == a->me.block ? "the same block" : "another block of the launch", did,
             words, other->block == a->me.block ? "; no barrier orders the two" : "");
}

static void report_race(const attempt *a, const check_trace *other, const char *did)
{
    char words[600];
    if (!check_is_news(&a->me)) return;
    describe_other(words, sizeof words, a, other, did);
    check_report(a->me.pc, "race: %s %zu bytes of %s memory that %s",
                 a->kind == CHECK_WRITE ? "writes" : "reads", a->bytes, space_of(a), words);
}

static void report_unwritten(const attempt *a)
{
    if (!check_is_news(&a->me)) return;
    check_report(a->me.pc, "reads %zu bytes of %s memory that nothing has written%s", a->bytes,
                 space_of(a), a->space == CHECK_SHARED ? " in this block so far" : "");
}

/* ---- what must not be ---- */

static int is_of_this_block(const attempt *a, const check_trace *trace)
{
    return trace->operation == a->me.operation && trace->block == a->me.block;
}

/* What an earlier block left in shared memory is not there. */
static int is_unwritten(const attempt *a, const cell *c)
{
    return a->space == CHECK_DEVICE ? !c->is_written : !is_of_this_block(a, &c->writer);
}

static int collides(const attempt *a, const check_trace *trace)
{
    if (!trace->operation || (a->space == CHECK_SHARED && !is_of_this_block(a, trace))) return 0;
    return !check_is_before(trace);
}

/* Returns whether something was wrong with this byte. */
static int check_cell(const attempt *a, const cell *c)
{
    if (a->kind == CHECK_READ && is_unwritten(a, c)) {
        report_unwritten(a);
        return 1;
    }
    if (collides(a, &c->writer)) {
        report_race(a, &c->writer, "wrote");
        return 1;
    }
    for (int i = 0; i < 2 && a->kind == CHECK_WRITE; i++) {
        if (!collides(a, &c->readers[i])) continue;
        report_race(a, &c->readers[i], "read");
        return 1;
    }
    return 0;
}

/* Two readers that nothing orders are enough: whoever writes later is not both of them. */
static void add_reader(const attempt *a, cell *c)
{
    check_trace *first = &c->readers[0], *second = &c->readers[1];
    *(collides(a, first) ? second : first) = a->me;
}

void check_bytes(uintptr_t start, size_t bytes, check_access_kind kind, check_space space,
                 uintptr_t pc)
{
    const attempt a = {check_me(pc), bytes, kind, space};
    for (size_t i = 0; i < bytes; i++) {
        cell *c = cell_of(start + i);
        if (c->reported_in != a.me.operation && check_cell(&a, c)) c->reported_in = a.me.operation;
        if (kind != CHECK_WRITE) add_reader(&a, c);
        else *c = (cell){.writer = a.me, .is_written = 1, .reported_in = c->reported_in};
    }
}

/* ---- what the engine says ---- */

void emu_check_malloc(const void *memory, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        cell *c = cell_if_any((uintptr_t)memory + i);
        if (c) memset(c, 0, sizeof *c);
    }
}

void emu_check_read(const void *memory, size_t bytes)
{
    check_bytes((uintptr_t)memory, bytes, CHECK_READ, CHECK_DEVICE, 0);
}

void emu_check_write(const void *memory, size_t bytes)
{
    check_bytes((uintptr_t)memory, bytes, CHECK_WRITE, CHECK_DEVICE, 0);
}

/* `to` is then as written as `from` was; they may be the same. */
static void copy_written(uintptr_t to, uintptr_t from, size_t bytes)
{
    unsigned char *was_written = calloc(1, bytes);
    if (!was_written) abort();
    for (size_t i = 0; i < bytes; i++) {
        const cell *c = cell_if_any(from + i);
        was_written[i] = c && c->is_written;
    }
    emu_check_write((const void *)to, bytes);
    for (size_t i = 0; i < bytes; i++)
        cell_of(to + i)->is_written = was_written[i];
    free(was_written);
}

void emu_check_copy(const void *to, const void *from, size_t bytes)
{
    const int from_device = emu_is_device_memory(from, bytes);
    if (from_device) check_bytes((uintptr_t)from, bytes, CHECK_COPY, CHECK_DEVICE, 0);
    if (!emu_is_device_memory(to, bytes)) return;
    if (from_device) copy_written((uintptr_t)to, (uintptr_t)from, bytes);
    else emu_check_write(to, bytes);
}
