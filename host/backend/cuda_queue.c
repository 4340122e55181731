/* Queues: a stream, the lists that travel along, the first error. */
#include "backend/cuda_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_CALLS = 8, ALIGNMENT = 256 };

#ifdef PC_BACKEND_IS_EMULATED
enum { SMALLEST_RING = 16 << 10, WORKSPACE = 16 << 10 };
#else
enum { SMALLEST_RING = 1 << 20, WORKSPACE = 32 << 20 }; /* what Hopper's algorithms ask for */
#endif

/* ---- errors ---- */

pc_status pc_cuda_fault(pc_fault *fault, cudaError_t error, const char *what)
{
    const int is_memory = error == cudaErrorMemoryAllocation;
    fault->status = is_memory ? PC_ERR_NOMEM : PC_ERR_UNSUPPORTED;
    snprintf(fault->text, sizeof fault->text, "%s%s: %s", is_memory ? "out of memory: " : "", what,
             cudaGetErrorString(error));
    return fault->status;
}

void pc_cuda_note(pc_queue *q, cudaError_t error, const char *where)
{
    if (error == cudaSuccess || q->error != cudaSuccess) return;
    q->error = error;
    q->where = where;
}

cudaStream_t pc_cuda_stream(pc_queue *q)
{
    pc_cuda_note(q, cudaSetDevice(q->device->index), "choosing the GPU"); /* it is the thread's */
    return q->stream;
}

/* ---- opening ---- */

static size_t rounded_up(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static cudaError_t open_into(pc_queue *q, const pc_queue_needs *needs)
{
    const size_t wanted = RING_CALLS * rounded_up((size_t)needs->list_bytes + 1);
    void *there = NULL, *here = NULL;
    q->ring_bytes = wanted > SMALLEST_RING ? wanted : SMALLEST_RING;
    q->variant_rows = (needs->longest + 15) / 16 * 16;
    cudaError_t error = cudaSetDevice(q->device->index);
    if (!error) error = cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking);
    if (!error) error = cudaMallocHost(&here, q->ring_bytes);
    q->here = here;
    if (!error) error = cudaMalloc(&there, q->ring_bytes);
    q->there = there;
    if (!error) error = pck_blas_open(&q->blas, WORKSPACE);
    return error;
}

pc_status pc_cuda_queue_new(pc_queue **out, pc_device_state *device, const pc_queue_needs *needs,
                            pc_fault *fault)
{
    pc_queue *q = calloc(1, sizeof *q);
    *out = NULL;
    if (!q) return pc_cuda_fault(fault, cudaErrorMemoryAllocation, "a queue");
    q->device = device;
    const cudaError_t error = open_into(q, needs);
    if (!error) {
        *out = q;
        return PC_OK;
    }
    (void)cudaGetLastError(); /* it is told here */
    pc_cuda_queue_free(q);
    return pc_cuda_fault(fault, error, "a queue of the GPU");
}

void pc_cuda_queue_free(pc_queue *q)
{
    if (!q) return;
    (void)cudaSetDevice(q->device->index);
    if (q->stream) (void)cudaStreamSynchronize(q->stream);
    for (int i = 0; i < q->n_shapes; i++)
        pck_gemm_free(q->shapes[i].gemm);
    free(q->shapes);
    pck_blas_close(q->blas);
    pc_cuda_room *rooms[] = {&q->scratch, &q->a, &q->c, &q->w};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        cudaFree(rooms[i]->memory);
    cudaFree(q->there);
    cudaFreeHost(q->here);
    if (q->stream) cudaStreamDestroy(q->stream);
    free(q);
}

void *pc_cuda_room_of(pc_queue *q, pc_cuda_room *room, size_t bytes)
{
    void *memory = NULL;
    if (bytes <= room->bytes) return room->memory;
    /* what runs may still use the old one */
    pc_cuda_note(q, cudaStreamSynchronize(pc_cuda_stream(q)), "products");
    cudaFree(room->memory);
    *room = (pc_cuda_room){0};
    const cudaError_t error = cudaMalloc(&memory, bytes);
    if (error) {
        (void)cudaGetLastError();
        pc_cuda_note(q, error, "room for products");
        return NULL;
    }
    *room = (pc_cuda_room){memory, bytes};
    return memory;
}

/* ---- memory ---- */

pc_status pc_cuda_wait(pc_queue *q, pc_fault *fault)
{
    pc_cuda_note(q, cudaStreamSynchronize(pc_cuda_stream(q)), "the GPU's work");
    if (q->error == cudaSuccess) return PC_OK;
    const cudaError_t error = q->error;
    q->error = cudaSuccess;
    return pc_cuda_fault(fault, error, q->where);
}

/* Bytes go into the ring's next piece; when it is full, everything that is on its way arrives
 * first. Returns the piece here and there. */
static size_t stage(pc_queue *q, const void *host, size_t bytes)
{
    const size_t size = rounded_up(bytes);
    if (q->used + size > q->ring_bytes) {
        pc_cuda_note(q, cudaStreamSynchronize(pc_cuda_stream(q)), "the GPU's work");
        q->used = 0;
    }
    const size_t at = q->used;
    memcpy(q->here + at, host, bytes);
    q->used += size;
    return at;
}

const void *pc_cuda_list(pc_queue *q, const void *host, size_t bytes)
{
    if (bytes == 0) return q->there;
    if (rounded_up(bytes) > q->ring_bytes) {
        pc_cuda_note(q, cudaErrorInvalidValue, "a list larger than its ring");
        return q->there;
    }
    const size_t at = stage(q, host, bytes);
    pc_cuda_note(q,
                 cudaMemcpyAsync(q->there + at, q->here + at, bytes, cudaMemcpyHostToDevice,
                                 pc_cuda_stream(q)),
                 "a list");
    return q->there + at;
}

void pc_cuda_upload(pc_queue *q, void *to, const void *host, size_t bytes)
{
    for (size_t done = 0, n; done < bytes; done += n) {
        n = bytes - done < q->ring_bytes ? bytes - done : q->ring_bytes / ALIGNMENT * ALIGNMENT;
        const size_t at = stage(q, (const char *)host + done, n);
        pc_cuda_note(q,
                     cudaMemcpyAsync((char *)to + done, q->here + at, n, cudaMemcpyHostToDevice,
                                     pc_cuda_stream(q)),
                     "a copy to the GPU");
    }
}

void pc_cuda_download(pc_queue *q, void *host, const void *from, size_t bytes)
{
    if (bytes == 0) return;
    pc_cuda_note(q, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, pc_cuda_stream(q)),
                 "a copy from the GPU");
}

void pc_cuda_clear(pc_queue *q, void *memory, size_t bytes)
{
    if (bytes == 0) return;
    pc_cuda_note(q, cudaMemsetAsync(memory, 0, bytes, pc_cuda_stream(q)), "clearing");
}
