/* What the compiler calls for every access of a kernel: its documented interface for
 * -fsanitize=thread, as GCC uses it. An access must fall into the thread's own stack, into the
 * block's shared memory or into a live allocation, aligned to its size. */
#include "checker.h"
#include "fiber.h"

#include <stdio.h>
#include <string.h>

/* Where the program lies, and its variables in it: the linker's words. */
extern const char __executable_start, __data_start, _end;

/* How far behind a shared variable an access is still taken for one to it. */
enum { NEAR_BYTES = 4096 };

typedef struct access {
    uintptr_t at, pc;
    size_t bytes;
    check_access_kind kind;
} access;

static int lies_in(const access *a, const void *start, size_t bytes)
{
    const uintptr_t from = (uintptr_t)start;
    return a->at >= from && a->at - from < bytes;
}

static const char *verb_of(const access *a)
{
    return a->kind == CHECK_READ ? "reads" : "writes";
}

static void stop_at_end(const access *a, const char *what, uintptr_t end)
{
    check_report_and_stop(a->pc, "%s %zu bytes that end %zu bytes past the end of %s", verb_of(a),
                          a->bytes, (size_t)(a->at + a->bytes - end), what);
}

static int is_inside(const access *a, const void *start, size_t bytes)
{
    return a->at + a->bytes <= (uintptr_t)start + bytes;
}

/* ---- addresses that are nobody's ---- */

static void stop_behind_dynamic_shared(const access *a)
{
    char what[64];
    const emu_block *block = &emu_this_block;
    snprintf(what, sizeof what, "the %zu bytes of dynamic shared memory", block->dynamic_bytes);
    stop_at_end(a, what, (uintptr_t)block->dynamic_shared + block->dynamic_bytes);
}

static void stop_at_address(const access *a)
{
    char where[128];
    const emu_block *block = &emu_this_block;
    if (block->dynamic_shared &&
        lies_in(a, block->dynamic_shared + block->dynamic_bytes, EMU_GUARD_BYTES))
        stop_behind_dynamic_shared(a);
    emu_describe_address(where, sizeof where, (const void *)a->at);
    check_report_and_stop(a->pc, "%s %zu bytes %s", verb_of(a), a->bytes, where);
}

static void stop_behind_variable(const access *a, const emu_variable *variable)
{
    char what[128];
    snprintf(what, sizeof what, "%s, %zu bytes of static shared memory", variable->name,
             variable->bytes);
    stop_at_end(a, what, (uintptr_t)variable->start + variable->bytes);
}

/* A variable of the program which is not shared: the host's, or what lies behind a shared one. */
static void stop_at_host_variable(const access *a)
{
    const emu_variable *variable = emu_shared_variable((const void *)a->at);
    if (variable && a->at - (uintptr_t)variable->start - variable->bytes < NEAR_BYTES)
        stop_behind_variable(a, variable);
    check_report_and_stop(a->pc, "%s %zu bytes of the host's memory", verb_of(a), a->bytes);
}

static void check_variable(const access *a, const emu_variable *variable)
{
    if (!is_inside(a, variable->start, variable->bytes)) stop_behind_variable(a, variable);
    check_bytes(a->at, a->bytes, a->kind, CHECK_SHARED, a->pc);
}

/* Constants may be read, and what the emulator keeps of a thread and its block. */
static void check_program(const access *a)
{
    const emu_variable *variable;
    const int is_constant = a->at < (uintptr_t)&__data_start;
    if (a->kind == CHECK_READ && (is_constant || emu_is_own_state((const void *)a->at))) return;
    variable = emu_shared_variable((const void *)a->at);
    if (variable && lies_in(a, variable->start, variable->bytes)) check_variable(a, variable);
    else stop_at_host_variable(a);
}

static void check_dynamic_shared(const access *a)
{
    const emu_block *block = &emu_this_block;
    if (!is_inside(a, block->dynamic_shared, block->dynamic_bytes)) stop_behind_dynamic_shared(a);
    check_bytes(a->at, a->bytes, a->kind, CHECK_SHARED, a->pc);
}

static void check_device(const access *a)
{
    char what[64];
    void *start;
    size_t bytes;
    if (!emu_find_allocation(&start, &bytes, (const void *)a->at)) {
        stop_at_address(a);
        return;
    }
    if (!is_inside(a, start, bytes)) {
        snprintf(what, sizeof what, "a device allocation of %zu bytes", bytes);
        stop_at_end(a, what, (uintptr_t)start + bytes);
    }
    check_bytes(a->at, a->bytes, a->kind, CHECK_DEVICE, a->pc);
}

/* ---- an access ---- */

static void check_address(const access *a)
{
    const emu_block *block = &emu_this_block;
    if (lies_in(a, block->dynamic_shared, block->dynamic_bytes)) check_dynamic_shared(a);
    else if (lies_in(a, &__executable_start, (size_t)(&_end - &__executable_start)))
        check_program(a);
    else check_device(a);
}

static int is_own_stack(uintptr_t at)
{
    const emu_fiber *fiber = emu_this_thread->fiber;
    return at - (uintptr_t)fiber->stack < fiber->stack_bytes;
}

/* Host code of a kernel's file comes here, too: it is not looked at. */
static void check(const void *memory, size_t bytes, check_access_kind kind, const void *pc)
{
    const access a = {(uintptr_t)memory, (uintptr_t)pc, bytes, kind};
    if (!emu_this_thread || is_own_stack(a.at)) return;
    check_address(&a);
}

static void check_aligned(const void *memory, size_t bytes, check_access_kind kind, const void *pc)
{
    if (emu_this_thread && (uintptr_t)memory % bytes != 0)
        check_report_and_stop((uintptr_t)pc,
                              "%s %zu bytes at an address that is not a multiple of it",
                              kind == CHECK_READ ? "reads" : "writes", bytes);
    check(memory, bytes, kind, pc);
}

/* ---- the compiler's interface, and what memcpy and memset are to a kernel's file
 * (CMakeLists.txt): the compiler does not look into them ---- */

void *emu_memcpy(void *to, const void *from, size_t bytes);
void *emu_memset(void *memory, int value, size_t bytes);

void *emu_memcpy(void *to, const void *from, size_t bytes)
{
    if (bytes) check(from, bytes, CHECK_READ, __builtin_return_address(0));
    if (bytes) check(to, bytes, CHECK_WRITE, __builtin_return_address(0));
    return memcpy(to, from, bytes);
}

void *emu_memset(void *memory, int value, size_t bytes)
{
    if (bytes) check(memory, bytes, CHECK_WRITE, __builtin_return_address(0));
    return memset(memory, value, bytes);
}

void __tsan_init(void);
void __tsan_read1(void *memory);
void __tsan_write1(void *memory);
void __tsan_read2(void *memory);
void __tsan_write2(void *memory);
void __tsan_read4(void *memory);
void __tsan_write4(void *memory);
void __tsan_read8(void *memory);
void __tsan_write8(void *memory);
void __tsan_read16(void *memory);
void __tsan_write16(void *memory);
void __tsan_unaligned_read2(void *memory);
void __tsan_unaligned_write2(void *memory);
void __tsan_unaligned_read4(void *memory);
void __tsan_unaligned_write4(void *memory);
void __tsan_unaligned_read8(void *memory);
void __tsan_unaligned_write8(void *memory);
void __tsan_unaligned_read16(void *memory);
void __tsan_unaligned_write16(void *memory);
void __tsan_read_range(void *memory, size_t bytes);
void __tsan_write_range(void *memory, size_t bytes);

void __tsan_init(void)
{
}

void __tsan_read1(void *memory)
{
    check_aligned(memory, 1, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write1(void *memory)
{
    check_aligned(memory, 1, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_read2(void *memory)
{
    check_aligned(memory, 2, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write2(void *memory)
{
    check_aligned(memory, 2, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_read4(void *memory)
{
    check_aligned(memory, 4, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write4(void *memory)
{
    check_aligned(memory, 4, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_read8(void *memory)
{
    check_aligned(memory, 8, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write8(void *memory)
{
    check_aligned(memory, 8, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_read16(void *memory)
{
    check_aligned(memory, 16, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write16(void *memory)
{
    check_aligned(memory, 16, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_unaligned_read2(void *memory)
{
    check(memory, 2, CHECK_READ, __builtin_return_address(0));
}

void __tsan_unaligned_write2(void *memory)
{
    check(memory, 2, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_unaligned_read4(void *memory)
{
    check(memory, 4, CHECK_READ, __builtin_return_address(0));
}

void __tsan_unaligned_write4(void *memory)
{
    check(memory, 4, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_unaligned_read8(void *memory)
{
    check(memory, 8, CHECK_READ, __builtin_return_address(0));
}

void __tsan_unaligned_write8(void *memory)
{
    check(memory, 8, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_unaligned_read16(void *memory)
{
    check(memory, 16, CHECK_READ, __builtin_return_address(0));
}

void __tsan_unaligned_write16(void *memory)
{
    check(memory, 16, CHECK_WRITE, __builtin_return_address(0));
}

void __tsan_read_range(void *memory, size_t bytes)
{
    check(memory, bytes, CHECK_READ, __builtin_return_address(0));
}

void __tsan_write_range(void *memory, size_t bytes)
{
    check(memory, bytes, CHECK_WRITE, __builtin_return_address(0));
}
