/* The activations of the base run on the device, element by element. */
#include "kernels/activation_base_cuda.h"

#include "kernels/activation_value.h"
#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"

/* All is one row; a block takes pieces of it, a thread every 256th element. Memory is the limit, so
 * the kind is looked at for each element. out may be a or u: an element is read before it is
 * written. */
static __global__ void __launch_bounds__(PC_PIECE_THREADS)
    activation_base_kernel(pc_activation_base_args args)
{
    const int64_t n = pc_n_pieces(1, args.n);
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, args.n);
        for (int64_t c = piece.first + threadIdx.x; c < piece.end; c += PC_PIECE_THREADS) {
            const float f = pc_activation_value(args.a[c], args.kind);
            args.out[c] = args.u ? f * args.u[c] : f;
        }
    }
}

cudaError_t pck_activation_base(const pc_activation_base_args *args, cudaStream_t stream)
{
    if (args->n == 0) return cudaSuccess;
    return pc_launch(activation_base_kernel, pc_piece_grid(1, args->n), dim3(PC_PIECE_THREADS), 0,
                     stream, *args);
}
