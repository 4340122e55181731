/* A CUDA device emulated on the host, for tests: how its threads take turns, when its streams run,
 * how much memory it has, and what went wrong. The rest of its interface is CUDA's own.
 *
 * One device, driven by one host thread. Kernels run when they are launched (or, with lazy streams,
 * when the host waits), block after block; the threads of a block take turns, and change only at
 * barriers and operations of a warp. */
#ifndef PC_EMULATOR_H
#define PC_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which thread of those that can run comes next, and, of lazy streams, which stream: forward, only
 * those that the host waits for; in reverse, the others first; or one operation of any of them at
 * random. Work without races gives the same bits in all. */
typedef enum emu_order { EMU_FORWARD, EMU_REVERSE, EMU_RANDOM } emu_order;

/* `seed` draws the random order; every launch starts that of its threads anew. */
void emu_set_order(emu_order order, uint64_t seed);

/* Eager streams run each operation at once. Lazy ones keep them until the host waits for the
 * stream, the device or an event: a host that reads results too early then reads old ones, and
 * streams that nothing orders run in another order each time. */
typedef enum emu_streams { EMU_EAGER, EMU_LAZY } emu_streams;
void emu_set_streams(emu_streams streams);

/* Whether the checker watches: it finds in one order what it would find in any. */
int emu_has_checker(void);

/* How many bytes cudaMalloc gives out; 1 GiB at the start. */
void emu_set_memory(size_t bytes);

/* The n-th call of cuBLASLt from now on, 1 being the next one, fails with `status`, a
 * cublasStatus_t; 0: none does. Returns whether the last such failure has come. */
int emu_fail_blas(int n, int status);

/* What its heuristic proposes. Ours asks for algorithms that do not split sums: a library that has
 * none could propose others nonetheless. */
typedef enum emu_proposals { EMU_PROPOSE_WHAT_IS_ASKED, EMU_PROPOSE_SPLITS_ALONE } emu_proposals;
void emu_set_blas_proposals(emu_proposals proposals);

/* One line on the first failure since the start or the last emu_forget_failure(), or "". */
const char *emu_report(void);

/* A failed kernel leaves a CUDA device unusable; this one can be told to go on. */
void emu_forget_failure(void);

#ifdef __cplusplus
}
#endif
#endif
