/* The activations' changes on the device, element by element. */
#include "kernels/activation_delta_cuda.h"

#include "kernels/activation_change.h"
#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"

/* A block takes pieces of rows, a thread every 256th element of them: neighbours read neighbours,
 * and rows of 3,072 to 28,672 neurons give several pieces each. 12 to 20 bytes move for some 60
 * operations, so memory is the limit and the kind is looked at for each element. out may be da or
 * du: an element is read before it is written. */
static __global__ void __launch_bounds__(PC_PIECE_THREADS)
    activation_delta_kernel(pc_activation_delta_args args)
{
    const int64_t n = pc_n_pieces(args.rows, args.width);
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, args.width);
        const int64_t row = piece.row * args.width, base = args.base_row[piece.row] * args.width;
        for (int64_t c = piece.first + threadIdx.x; c < piece.end; c += PC_PIECE_THREADS) {
            const pc_change_of_one f = pc_change_of(args.a[base + c], args.da[row + c], args.kind);
            args.out[row + c] =
                args.u ? pc_gated_change(f, args.u[base + c], args.du[row + c]) : f.by;
        }
    }
}

cudaError_t pck_activation_delta(const pc_activation_delta_args *args, cudaStream_t stream)
{
    if (args->rows == 0 || args->width == 0) return cudaSuccess;
    return pc_launch(activation_delta_kernel, pc_piece_grid(args->rows, args->width),
                     dim3(PC_PIECE_THREADS), 0, stream, *args);
}
