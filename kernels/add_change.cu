/* Adding a change to the stream on the device, element by element. */
#include "kernels/add_change_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"

/* A block takes pieces of the one long row that the arrays are, a thread every 256th element of
 * them. Nothing but memory's speed: the product is exact, so that contraction changes no bit. */
static __global__ void __launch_bounds__(PC_PIECE_THREADS)
    add_change_kernel(pc_add_change_args args)
{
    const int64_t n = pc_n_pieces(1, args.n);
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, args.n);
        for (int64_t at = piece.first + threadIdx.x; at < piece.end; at += PC_PIECE_THREADS)
            args.x[at] += args.sign * args.y[at];
    }
}

cudaError_t pck_add_change(const pc_add_change_args *args, cudaStream_t stream)
{
    if (args->n == 0) return cudaSuccess;
    return pc_launch(add_change_kernel, pc_piece_grid(1, args->n), dim3(PC_PIECE_THREADS), 0,
                     stream, *args);
}
