/* For every word that a kernel touched, who touched it: the last writer and two readers; for every
 * byte, where something else than whole words is touched. */
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

enum { PAGE = 256, WORD = 4 };

typedef struct page {
    uintptr_t number;
    struct page *next; /* in the same bucket */
    size_t grain;      /* bytes that have a cell: WORD or 1 */
    cell *cells;       /* PAGE / grain */
} page;

enum { BUCKETS = 1 << 16 };
static page *buckets[BUCKETS], *last;

static void *take(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory) abort();
    return memory;
}

/* NULL where nobody has touched the page. */
static page *find_page(uintptr_t number)
{
    if (last && last->number == number) return last;
    page *found = buckets[number % BUCKETS];
    while (found && found->number != number)
        found = found->next;
    if (found) last = found;
    return found;
}

static page *page_of(uintptr_t at)
{
    const uintptr_t number = at / PAGE;
    page *found = find_page(number);
    if (found) return found;
    found = take(1, sizeof *found);
    found->number = number;
    found->grain = WORD;
    found->cells = take(PAGE / WORD, sizeof *found->cells);
    found->next = buckets[number % BUCKETS];
    return buckets[number % BUCKETS] = last = found;
}

static void split(page *words)
{
    cell *bytes = take(PAGE, sizeof *bytes);
    for (size_t i = 0; i < PAGE; i++)
        bytes[i] = words->cells[i / WORD];
    free(words->cells);
    words->cells = bytes;
    words->grain = 1;
}

static cell *cell_in(const page *p, uintptr_t at)
{
    return &p->cells[at % PAGE / p->grain];
}

/* Whether anybody has written the byte since it was allocated. */
static int is_byte_written(uintptr_t at)
{
    const page *p = find_page(at / PAGE);
    return p && cell_in(p, at)->is_written;
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

/* The same thread once more, and nobody has written since: readers would be gone. */
static int is_again(const attempt *a, const cell *c)
{
    const check_trace *before = &c->readers[0], *me = &a->me;
    return a->kind == CHECK_READ && before->operation == me->operation &&
           before->thread == me->thread && before->block == me->block &&
           before->barrier == me->barrier && before->turn == me->turn;
}

static void touch(const attempt *a, cell *c)
{
    if (is_again(a, c)) return;
    if (c->reported_in != a->me.operation && check_cell(a, c)) c->reported_in = a->me.operation;
    if (a->kind != CHECK_WRITE) add_reader(a, c);
    else *c = (cell){.writer = a->me, .is_written = 1, .reported_in = c->reported_in};
}

void check_bytes(uintptr_t start, size_t bytes, check_access_kind kind, check_space space,
                 uintptr_t pc)
{
    const attempt a = {check_me(pc), bytes, kind, space};
    const uintptr_t end = start + bytes;
    for (uintptr_t at = start; at < end;) {
        page *p = page_of(at);
        if (at % p->grain || end - at < p->grain) split(p);
        touch(&a, cell_in(p, at));
        at += p->grain;
    }
}

/* ---- what the engine says ---- */

/* Allocations begin at a page. */
void emu_check_malloc(const void *memory, size_t bytes)
{
    for (uintptr_t at = (uintptr_t)memory; at < (uintptr_t)memory + bytes; at += PAGE) {
        page *p = find_page(at / PAGE);
        if (p) memset(p->cells, 0, PAGE / p->grain * sizeof *p->cells);
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
    unsigned char *was_written = take(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        was_written[i] = (unsigned char)is_byte_written(from + i);
    emu_check_write((const void *)to, bytes);
    for (size_t i = 0; i < bytes; i++)
        cell_in(page_of(to + i), to + i)->is_written = 0;
    for (size_t i = 0; i < bytes; i++)
        cell_in(page_of(to + i), to + i)->is_written |= was_written[i];
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
