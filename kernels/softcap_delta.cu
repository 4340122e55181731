/* Softcapped numbers' changes on the device, element by element. */
#include "kernels/softcap_delta_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"
#include "kernels/softcap.h"

/* A block takes pieces of rows, a thread every 256th element of them: a row of logits is 250
 * pieces. 12 bytes move for some 90 operations. out may be d: an element is read before it is
 * written. */
static __global__ void __launch_bounds__(PC_PIECE_THREADS)
    softcap_delta_kernel(pc_softcap_delta_args args)
{
    const int64_t n = pc_n_pieces(args.rows, args.width);
    const float cap = (float)args.cap;
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, args.width);
        const int64_t row = piece.row * args.width, base = args.base_row[piece.row] * args.width;
        for (int64_t c = piece.first + threadIdx.x; c < piece.end; c += PC_PIECE_THREADS)
            args.out[row + c] = pc_capped_change(args.x[base + c], args.d[row + c], cap);
    }
}

cudaError_t pck_softcap_delta(const pc_softcap_delta_args *args, cudaStream_t stream)
{
    if (args->rows == 0 || args->width == 0) return cudaSuccess;
    return pc_launch(softcap_delta_kernel, pc_piece_grid(args->rows, args->width),
                     dim3(PC_PIECE_THREADS), 0, stream, *args);
}
