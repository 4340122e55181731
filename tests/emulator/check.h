/* What the engine tells the checker, which compares it with every access of every thread.
 * check_none.c: there is no checker; the other check_*.c are one. */
#ifndef PC_EMULATOR_CHECK_H
#define PC_EMULATOR_CHECK_H

#include "engine.h"

/* The host hands in an operation: now is when to ask who called. */
void emu_check_enqueue(const emu_operation *operation);

/* A launch begins; a block of it; all threads of the block have met in a barrier, the lanes of
 * `mask` in a __syncwarp. */
void emu_check_start_launch(void);
void emu_check_start_block(int n_threads);
void emu_check_barrier(void);
void emu_check_syncwarp(int warp, unsigned mask);

/* Fresh device memory. */
void emu_check_malloc(const void *memory, size_t bytes);

/* The running operation, which is no kernel, reads device memory, or writes it; or it copies from
 * or to device memory, be it written or not: what it writes is then as written as what it reads. */
void emu_check_read(const void *memory, size_t bytes);
void emu_check_write(const void *memory, size_t bytes);
void emu_check_copy(const void *to, const void *from, size_t bytes);

/* The device has failed, not only at its first failure. */
void emu_check_failure(const char *text);

/* What has been reported may be reported again. */
void emu_check_forget(void);

#endif
