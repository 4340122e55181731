/* The checker's inside. It watches every access of a kernel that was compiled with
 * -fsanitize=thread: the compiler calls our functions (check_access.c), not its own library's. */
#ifndef PC_EMULATOR_CHECKER_H
#define PC_EMULATOR_CHECKER_H

#include "engine.h"

/* A copy may take along what nobody has written; a read may not. */
typedef enum check_access_kind { CHECK_READ, CHECK_COPY, CHECK_WRITE } check_access_kind;

typedef enum check_space { CHECK_SHARED, CHECK_DEVICE } check_space;

/* Who touched a byte: a thread in the course of a launch, or an operation as a whole, such as a
 * copy. `pc` is where, 0 for a whole operation. */
typedef struct check_trace {
    uintptr_t pc;
    uint32_t operation; /* its number; 0: nobody */
    uint32_t block;     /* counted over the launch */
    uint32_t barrier;   /* barriers of the block before it */
    uint32_t turn;      /* the lane's own count of its __syncwarps */
    int32_t thread;     /* -1: the whole operation */
} check_trace;

/* ---- order: check_order.c ---- */

/* An operation that was enqueued, and who called. */
enum { CHECK_CALLERS = 12 };
typedef struct check_operation {
    const char *name;
    const void *kernel;
    int slot;
    uint32_t at; /* in its stream */
    void *callers[CHECK_CALLERS];
    int n_callers;
} check_operation;
const check_operation *check_operation_of(uint32_t number);

/* The running thread, or the running operation as a whole. */
check_trace check_me(uintptr_t pc);

/* Whether what left the trace comes before what runs now, by barriers, __syncwarp, streams' order,
 * events, or the host that waited. */
int check_is_before(const check_trace *trace);

/* ---- memory: check_shadow.c ---- */

/* The running thread, or operation, reads or writes bytes which are there. Reports what they should
 * not. */
void check_bytes(uintptr_t start, size_t bytes, check_access_kind kind, check_space space,
                 uintptr_t pc);

/* ---- reports: check_report.c, check_place.c ---- */

/* Whether nothing has been reported yet of this place, or whole operation: asked before a report is
 * put together. */
int check_is_news(const check_trace *me);

/* One line for each place in the source, on stderr; the first one is the device's failure, too. */
void check_report(uintptr_t pc, const char *format, ...) EMU_PRINTF(2, 3);

/* The same, and the running thread stops here: what it is about to do cannot be done. */
void check_report_and_stop(uintptr_t pc, const char *format, ...) EMU_PRINTF(2, 3);

/* "kernels/reduce.cuh:38 (from kernels/layernorm.cu:27)", or "an unknown place". */
void check_place(char *text, size_t room, uintptr_t pc);

/* The same for whoever called CUDA, from a backtrace. */
void check_place_of_call(char *text, size_t room, void *const *callers, int n_callers);

/* "cudaMemcpy, called at tests/gpu/on_device.c:30", "split_kernel, launched at ...". */
void check_describe_operation(char *text, size_t room, uint32_t number);

#endif
