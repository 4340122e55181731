/* Inner products of all pairs on the device: tiles of 16 x 16 pairs. */
#include "kernels/pair_dots_cuda.h"

#include "kernels/launch.cuh"

enum { TILE = 16, THREADS = TILE * TILE };

/* Stretches of 16 vectors of either side; rows are one float longer than they need, so that lanes
 * find their vectors in different banks. */
struct stretches {
    float a[TILE][PC_DOT_DEVICE_STRETCH + 1], b[TILE][PC_DOT_DEVICE_STRETCH + 1];
};

/* Vectors first ... of `count`, from element k of n on; what is not there is 0. */
static __device__ void load(float (*to)[PC_DOT_DEVICE_STRETCH + 1], const float *from,
                            int64_t stride, int64_t first, int64_t count, int64_t k, int64_t n)
{
    for (int i = threadIdx.x; i < TILE * PC_DOT_DEVICE_STRETCH; i += THREADS) {
        const int row = i / PC_DOT_DEVICE_STRETCH, c = i % PC_DOT_DEVICE_STRETCH;
        const int is_there = first + row < count && k + c < n;
        to[row][c] = is_there ? from[(first + row) * stride + k + c] : 0;
    }
}

/* The product of this thread's pair; all threads call it together. */
static __device__ double dot(const pc_pair_dots_args *args, const pc_dot_item *item,
                             stretches *shared, int64_t first_a, int64_t first_b)
{
    const int row = threadIdx.x / TILE, column = threadIdx.x % TILE;
    double sum = 0;
    for (int64_t k = 0; k < item->n; k += PC_DOT_DEVICE_STRETCH) {
        float part = 0;
        __syncthreads(); /* everyone is done with the stretches before */
        load(shared->a, args->a + item->a, args->a_stride, first_a, args->n_a, k, item->n);
        load(shared->b, args->b + item->b, args->b_stride, first_b, args->n_b, k, item->n);
        __syncthreads();
        for (int c = 0; c < PC_DOT_DEVICE_STRETCH; c++)
            part += shared->a[row][c] * shared->b[column][c];
        sum += (double)part;
    }
    return sum;
}

/* A block takes tiles of 16 x 16 pairs of one item, a thread one pair, stretch by stretch of both
 * sides in shared memory: so a vector is read once for 16 others, and a pair's sum has one order
 * whatever else is computed. Two reads of shared memory a product, where 13 x 37 pairs allow five
 * products a float from memory: wider tiles would mostly be empty. */
static __global__ void __launch_bounds__(THREADS) pair_dots_kernel(pc_pair_dots_args args)
{
    __shared__ stretches shared;
    const pc_dot_item *item = &args.items[blockIdx.x];
    const int64_t across = (args.n_b + TILE - 1) / TILE;
    const int64_t n_tiles = (args.n_a + TILE - 1) / TILE * across;
    for (int64_t tile = blockIdx.y; tile < n_tiles; tile += gridDim.y) {
        const int64_t first_a = tile / across * TILE, first_b = tile % across * TILE;
        const int64_t i = first_a + threadIdx.x / TILE, j = first_b + threadIdx.x % TILE;
        const double sum = dot(&args, item, &shared, first_a, first_b);
        if (i < args.n_a && j < args.n_b)
            args.out[item->out + i * args.out_stride + j] += args.weight * sum;
    }
}

cudaError_t pck_pair_dots(const pc_pair_dots_args *args, cudaStream_t stream)
{
    const int64_t n_tiles = ((args->n_a + TILE - 1) / TILE) * ((args->n_b + TILE - 1) / TILE);
    const int64_t most = 65535;
    if (args->n_items == 0 || n_tiles == 0) return cudaSuccess;
    return pc_launch(pair_dots_kernel,
                     dim3((unsigned)args->n_items, (unsigned)(n_tiles < most ? n_tiles : most)),
                     dim3(THREADS), 0, stream, *args);
}
