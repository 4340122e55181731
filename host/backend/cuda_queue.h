/* The inside of the CUDA backend: devices and tables of operators (cuda_backend.c), queues
 * (cuda_queue.c), matrices and products (cuda_product.c). */
#ifndef PC_BACKEND_CUDA_QUEUE_H
#define PC_BACKEND_CUDA_QUEUE_H

#include "backend/ops.h"
#include "kernels/gemm_cuda.h"

#include <cuda_runtime_api.h>

/* Immutable once it is open. */
struct pc_device_state {
    int index;
    pck_gemm_precision precision;
    int64_t chunk_rows, logit_rows;
};

/* A product's shape with its algorithm. */
typedef struct pc_cuda_shape {
    pck_gemm_shape shape;
    pck_gemm *gemm;
} pc_cuda_shape;

/* Memory of the device that grows to what was asked for; what it held is lost then. */
typedef struct pc_cuda_room {
    void *memory;
    size_t bytes;
} pc_cuda_room;

struct pc_queue {
    const pc_device_state *device;
    cudaStream_t stream;
    cudaError_t error; /* the first, */
    const char *where; /* ... and of what */
    /* lists on their way: a ring here and its copy there */
    char *here, *there;
    size_t ring_bytes, used;
    /* products */
    pck_blas *blas;
    pc_cuda_shape *shapes; /* (n_shapes) */
    int n_shapes, shape_capacity;
    int64_t variant_rows; /* of a chunk of one variant's rows */
    pc_cuda_room scratch, a, c, w;
};

/* Fills the fault with the runtime's words: "WHAT: WORDS". Returns its status. */
pc_status pc_cuda_fault(pc_fault *fault, cudaError_t error, const char *what);

/* Keeps the first error of a queue. */
void pc_cuda_note(pc_queue *queue, cudaError_t error, const char *where);

/* The stream, with the calling thread on its device. */
cudaStream_t pc_cuda_stream(pc_queue *queue);

/* At least so much memory; NULL, with the error kept, where there is not. */
void *pc_cuda_room_of(pc_queue *queue, pc_cuda_room *room, size_t bytes);

/* ---- of the table ---- */

pc_status pc_cuda_queue_new(pc_queue **out, pc_device_state *device, const pc_queue_needs *needs,
                            pc_fault *fault);
void pc_cuda_queue_free(pc_queue *queue);
pc_status pc_cuda_wait(pc_queue *queue, pc_fault *fault);
void pc_cuda_upload(pc_queue *queue, void *to, const void *host, size_t bytes);
void pc_cuda_download(pc_queue *queue, void *host, const void *from, size_t bytes);
void pc_cuda_clear(pc_queue *queue, void *memory, size_t bytes);
const void *pc_cuda_list(pc_queue *queue, const void *host, size_t bytes);

int64_t pc_cuda_matrix_bytes(int64_t n_in, int64_t n_out, pc_precision precision);
pc_status pc_cuda_matrix_new(pc_matrix **out, pc_device_state *device, int64_t n_in, int64_t n_out,
                             pc_fault *fault);
pc_status pc_cuda_matrix_put(pc_matrix *matrix, const pc_packed_part *part, pc_fault *fault);
void pc_cuda_matrix_free(pc_matrix *matrix);
void pc_cuda_product(pc_queue *queue, const pc_product *args);

#endif
