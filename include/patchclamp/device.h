/* Where and how precisely the delta engine computes. */
#ifndef PATCHCLAMP_DEVICE_H
#define PATCHCLAMP_DEVICE_H

#include "patchclamp/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How products round what they multiply. What they multiply are changes, so that what is lost is
 * relative to an intervention's effect; sums are in float32 always. */
typedef enum pc_precision {
    PC_PRECISION_FP32,   /* float32 */
    PC_PRECISION_BF16X3, /* two bfloat16 each, x = hi + lo, three products: about 16 bits */
    PC_PRECISION_TF32,   /* 11 bits */
    PC_PRECISION_BF16,   /* 8 bits */
    PC_N_PRECISIONS
} pc_precision;

/* "fp32", "bf16x3", "tf32", "bf16". */
PC_API pc_status pc_precision_parse(pc_precision *out, const char *name);
PC_API const char *pc_precision_name(pc_precision precision);

/* Devices: "cpu", always there; "cuda:N", a GPU, "cuda" the first of them; "emu", the CUDA backend
 * on an emulated device, slow and for tests. The two backends are plug-ins, shared objects that
 * stand in the folder `patchclamp` beside the library and are loaded when they are asked for. */

/* PC_OK where effects can be measured there, with what it is in words: "NVIDIA H200, 139.8 GiB,
 * 139.2 free". PC_ERR_UNSUPPORTED with cause and remedy: no plug-in, or one of another build; no
 * driver, or one that is too old; no GPU, or one that is too old or busy. PC_ERR_INPUT: no such
 * name or number. */
PC_API pc_status pc_device_describe(char *words, size_t room, const char *name);

/* Whether the backend's plug-in is there, usable or not. */
PC_API int pc_device_has_plugin(const char *backend);

/* What two devices share that give the same bytes: one line. NULL: the CPU's, pc_fingerprint(). */
PC_API pc_status pc_device_fingerprint(char *words, size_t room, const char *name,
                                       pc_precision precision);

#ifdef __cplusplus
}
#endif
#endif
