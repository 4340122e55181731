/* A CUDA device as a backend: queues are streams, lists go up beside the work, errors are kept
 * until somebody waits. The same text serves the emulator, which has another name and smaller
 * batches. */
#include "backend/plugin.h"

#include "backend/cuda_queue.h"

#include "kernels/activation_backward_cuda.h"
#include "kernels/activation_base_cuda.h"
#include "kernels/activation_delta_cuda.h"
#include "kernels/add_change_cuda.h"
#include "kernels/answer_delta_cuda.h"
#include "kernels/attention_backward_cuda.h"
#include "kernels/attention_base_cuda.h"
#include "kernels/attention_delta_cuda.h"
#include "kernels/column_dots_cuda.h"
#include "kernels/copy_rows_cuda.h"
#include "kernels/cut_rows_cuda.h"
#include "kernels/layernorm_delta_cuda.h"
#include "kernels/norm_backward_cuda.h"
#include "kernels/norm_base_cuda.h"
#include "kernels/pair_dots_cuda.h"
#include "kernels/rmsnorm_delta_cuda.h"
#include "kernels/rotary_cuda.h"
#include "kernels/scores_lost_cuda.h"
#include "kernels/target_delta_cuda.h"
#include "kernels/vanishing_cuda.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Queues take turns: while one waits for the host, the other's work runs. The emulator is driven by
 * one thread. */
#ifdef PC_BACKEND_IS_EMULATED
#define BACKEND_NAME "emu"
enum { ROWS = 64, HISTORY_ROWS = 64, MOST_VARIANTS = 64, LOGIT_ROWS = 16, N_QUEUES = 1 };
#else
#define BACKEND_NAME "cuda"
enum { ROWS = 5632, HISTORY_ROWS = 1408, MOST_VARIANTS = 2048, LOGIT_ROWS = 512, N_QUEUES = 2 };
#endif

/* ---- devices ---- */

static pc_status no_device(pc_fault *fault, const char *why)
{
    fault->status = PC_ERR_UNSUPPORTED;
    snprintf(fault->text, sizeof fault->text, "%s", why);
    return fault->status;
}

static int count(pc_fault *fault)
{
    int driver = 0, runtime = 0, n = 0;
    const cudaError_t error = cudaGetDeviceCount(&n);
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    if (driver == 0) {
        no_device(fault, "no NVIDIA driver is loaded: install one, or use --device cpu");
        return -1;
    }
    if (driver / 1000 < runtime / 1000) {
        fault->status = PC_ERR_UNSUPPORTED;
        snprintf(fault->text, sizeof fault->text,
                 "the NVIDIA driver is too old: it knows CUDA %d.%d, this build needs %d.0 (driver "
                 "580 for 13)",
                 driver / 1000, driver % 1000 / 10, runtime / 1000);
        return -1;
    }
    if (error != cudaSuccess || n == 0) {
        (void)cudaGetLastError();
        no_device(fault, "there is a driver, but no GPU that this process may use");
        return -1;
    }
    return n;
}

static pc_status describe(pc_device_facts *facts, int index, pc_fault *fault)
{
    struct cudaDeviceProp p;
    size_t unused = 0, total = 0;
    int runtime = 0;
    cudaError_t error = cudaSetDevice(index);
    if (!error) error = cudaGetDeviceProperties(&p, index);
    if (!error) error = cudaMemGetInfo(&unused, &total); /* opens the device */
    if (error) return pc_cuda_fault(fault, error, "opening the GPU");
    (void)cudaRuntimeGetVersion(&runtime);
    *facts = (pc_device_facts){.n_queues = N_QUEUES,
                               .rows = ROWS,
                               .history_rows = HISTORY_ROWS,
                               .most_variants = MOST_VARIANTS,
                               .logit_rows = LOGIT_ROWS,
                               .chunk_rows = ROWS,
                               .memory = (int64_t)total,
                               .unused = (int64_t)unused};
    snprintf(facts->name, sizeof facts->name, "%.95s", p.name);
    snprintf(facts->numerics, sizeof facts->numerics, BACKEND_NAME " %d.%d sm_%d%d x%d",
             runtime / 1000, runtime % 1000 / 10, p.major, p.minor, p.multiProcessorCount);
    if (10 * p.major + p.minor >= 75) return PC_OK;
    fault->status = PC_ERR_UNSUPPORTED;
    snprintf(fault->text, sizeof fault->text,
             "%.95s has compute capability %d.%d, at least 7.5 is needed", p.name, p.major,
             p.minor);
    return fault->status;
}

static pc_status open_device(pc_device_state **out, pc_device_facts *facts, int index,
                             pc_precision precision, pc_fault *fault)
{
    static const pck_gemm_precision precisions[PC_N_PRECISIONS] = {
        [PC_PRECISION_FP32] = PCK_GEMM_FP32,
        [PC_PRECISION_BF16X3] = PCK_GEMM_BF16X3,
        [PC_PRECISION_TF32] = PCK_GEMM_TF32,
        [PC_PRECISION_BF16] = PCK_GEMM_BF16};
    const pc_status status = describe(facts, index, fault);
    if (status != PC_OK) return status;
    pc_device_state *d = calloc(1, sizeof *d);
    if (!d) return pc_cuda_fault(fault, cudaErrorMemoryAllocation, "opening the GPU");
    d->index = index;
    d->precision = precisions[precision];
    d->chunk_rows = ROWS;
    d->logit_rows = LOGIT_ROWS;
    *out = d;
    return PC_OK;
}

static void close_device(pc_device_state *device)
{
    free(device);
}

/* ---- memory ---- */

static int64_t unused(pc_device_state *device)
{
    size_t bytes = 0, total = 0;
    (void)cudaSetDevice(device->index);
    return cudaMemGetInfo(&bytes, &total) ? 1 : (int64_t)bytes;
}

static pc_status allocate(void **out, pc_device_state *device, size_t bytes, pc_fault *fault)
{
    *out = NULL;
    cudaError_t error = cudaSetDevice(device->index);
    if (!error) error = cudaMalloc(out, bytes ? bytes : 1);
    if (!error && bytes) error = cudaMemset(*out, 0, bytes);
    if (!error) error = cudaStreamSynchronize(NULL); /* queues do not wait for the default stream */
    if (!error) return PC_OK;
    (void)cudaGetLastError(); /* it was told */
    if (*out) cudaFree(*out);
    *out = NULL;
    char what[64];
    snprintf(what, sizeof what, "%.1f MB on the GPU", 1e-6 * (double)bytes);
    return pc_cuda_fault(fault, error, what);
}

static void release(pc_device_state *device, void *memory)
{
    (void)cudaSetDevice(device->index);
    cudaFree(memory);
}

static pc_status place(const void **out, pc_device_state *device, const void *host, size_t bytes,
                       pc_fault *fault)
{
    void *memory;
    const pc_status status = allocate(&memory, device, bytes, fault);
    if (status != PC_OK) return status;
    cudaError_t error =
        bytes ? cudaMemcpy(memory, host, bytes, cudaMemcpyHostToDevice) : cudaSuccess;
    if (!error) error = cudaStreamSynchronize(NULL);
    *out = memory;
    if (!error) return PC_OK;
    cudaFree(memory);
    return pc_cuda_fault(fault, error, "a copy to the GPU");
}

static void unplace(pc_device_state *device, const void *placed)
{
    release(device, (void *)placed);
}

/* ---- operators: launchers with the queue's stream ---- */

#define PASS(name, args_type)                                                                      \
    static void name(pc_queue *queue, const args_type *args)                                       \
    {                                                                                              \
        pc_cuda_note(queue, pck_##name(args, pc_cuda_stream(queue)), #name);                       \
    }
PASS(layernorm_delta, pc_norm_delta_args)
PASS(rmsnorm_delta, pc_norm_delta_args)
PASS(activation_delta, pc_activation_delta_args)
PASS(attention_delta, pc_attention_batch)
PASS(rotary, pc_rotary_args)
PASS(add_change, pc_add_change_args)
PASS(copy_rows, pc_copy_rows_args)
PASS(cut_rows, pc_cut_rows_args)
PASS(vanishing, pc_vanishing_args)
PASS(answer_delta, pc_answer_delta_args)
PASS(target_delta, pc_target_delta_args)
PASS(layernorm_base, pc_norm_base_args)
PASS(rmsnorm_base, pc_norm_base_args)
PASS(activation_base, pc_activation_base_args)
PASS(attention_base, pc_attention_base_batch)
PASS(layernorm_backward, pc_norm_backward_args)
PASS(rmsnorm_backward, pc_norm_backward_args)
PASS(activation_backward, pc_activation_backward_args)
PASS(attention_backward, pc_attention_backward_batch)
PASS(pair_dots, pc_pair_dots_args)
PASS(column_dots, pc_column_dots_args)
#undef PASS

static void scores_lost(pc_queue *queue, uint8_t *is_lost, const pc_attention_batch *batch)
{
    pc_cuda_note(queue, pck_scores_lost(is_lost, batch, pc_cuda_stream(queue)), "scores_lost");
}

static const pc_ops table = {
    .abi = PC_OPS_ABI,
    .name = BACKEND_NAME,
    .count = count,
    .open = open_device,
    .close = close_device,
    .unused = unused,
    .allocate = allocate,
    .release = release,
    .place = place,
    .unplace = unplace,
    .matrix_bytes = pc_cuda_matrix_bytes,
    .matrix_new = pc_cuda_matrix_new,
    .matrix_put = pc_cuda_matrix_put,
    .matrix_free = pc_cuda_matrix_free,
    .queue_new = pc_cuda_queue_new,
    .queue_free = pc_cuda_queue_free,
    .wait = pc_cuda_wait,
    .upload = pc_cuda_upload,
    .download = pc_cuda_download,
    .clear = pc_cuda_clear,
    .list = pc_cuda_list,
    .product = pc_cuda_product,
    .layernorm_delta = layernorm_delta,
    .rmsnorm_delta = rmsnorm_delta,
    .activation_delta = activation_delta,
    .attention_delta = attention_delta,
    .scores_lost = scores_lost,
    .rotary = rotary,
    .add_change = add_change,
    .copy_rows = copy_rows,
    .cut_rows = cut_rows,
    .vanishing = vanishing,
    .answer_delta = answer_delta,
    .target_delta = target_delta,
    .layernorm_base = layernorm_base,
    .rmsnorm_base = rmsnorm_base,
    .activation_base = activation_base,
    .attention_base = attention_base,
    .layernorm_backward = layernorm_backward,
    .rmsnorm_backward = rmsnorm_backward,
    .activation_backward = activation_backward,
    .attention_backward = attention_backward,
    .pair_dots = pair_dots,
    .column_dots = column_dots,
};

const pc_ops *patchclamp_plugin_ops(void)
{
    return &table;
}
