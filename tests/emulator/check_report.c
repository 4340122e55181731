/* The checker's reports: one for each place in the source. */
#include "check.h"
#include "checker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_REPORTS = 20, TEXT = 900 };

/* Places reported so far; "" before the first. */
static char places[MOST_REPORTS][160];
static int n_places;

/* Program counters and whole operations looked at so far: a defect mostly shows a thousand times.
 */
enum { MOST_SEEN = 256 };
static uintptr_t seen[MOST_SEEN];
static int n_seen;

static int is_new_place(const char *place)
{
    for (int i = 0; i < n_places; i++)
        if (strcmp(places[i], place) == 0) return 0;
    if (n_places == MOST_REPORTS) return 0;
    snprintf(places[n_places++], sizeof *places, "%s", place);
    return 1;
}

void check_describe_operation(char *text, size_t room, uint32_t number)
{
    char kernel[EMU_NAME], place[200];
    const check_operation *o = check_operation_of(number);
    if (o->kernel) emu_kernel_name(kernel, sizeof kernel, o->kernel);
    check_place_of_call(place, sizeof place, o->callers, o->n_callers);
    snprintf(text, room, "%s, %s at %s", o->kernel ? kernel : o->name,
             o->kernel ? "launched" : "called", place);
}

/* "layernorm_kernel, block (0,0,0), thread 3 of 256, at kernels/layernorm.cu:27" */
static void describe_me(char *text, size_t room, const char *place)
{
    char kernel[EMU_NAME];
    const emu_size b = emu_this_block.index, n = emu_this_block.size;
    emu_kernel_name(kernel, sizeof kernel, emu_this_operation->kernel);
    snprintf(text, room, "%s, block (%u,%u,%u), thread %d of %u, at %s", kernel, b.x, b.y, b.z,
             emu_this_thread->linear, n.x * n.y * n.z, place);
}

static void report(uintptr_t pc, const char *what)
{
    char who[400], place[160];
    if (emu_this_thread) {
        check_place(place, sizeof place, pc);
        describe_me(who, sizeof who, place);
    } else {
        check_describe_operation(who, sizeof who, emu_this_operation->number);
        snprintf(place, sizeof place, "%.159s", who);
    }
    if (!is_new_place(place)) return;
    emu_fail(cudaErrorLaunchFailure, "%s: %s", who, what);
}

int check_is_news(const check_trace *me)
{
    const uintptr_t key = me->thread < 0 ? me->operation : me->pc;
    for (int i = 0; i < n_seen; i++)
        if (seen[i] == key) return 0;
    if (n_seen < MOST_SEEN) seen[n_seen++] = key;
    return 1;
}

void check_report(uintptr_t pc, const char *format, ...)
{
    char what[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    report(pc, what);
}

void check_report_and_stop(uintptr_t pc, const char *format, ...)
{
    char what[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    report(pc, what);
    emu_stop_thread();
}

void emu_check_failure(const char *text)
{
    fprintf(stderr, "check: %s\n", text);
}

void emu_check_forget(void)
{
    n_places = n_seen = 0;
}

int emu_has_checker(void)
{
    return 1;
}
