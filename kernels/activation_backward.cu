/* The activations backwards on the device, element by element. */
#include "kernels/activation_backward_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"
#include "kernels/slopes.h"

static __device__ void run_element(const pc_activation_backward_args *args, int64_t i)
{
    const float a = args->a[i], dout = args->dout[i];
    const pc_slope slope = pc_slope_of(a, args->kind);
    const float by = args->rule == PC_RELEVANCE ? slope.gate : slope.slope;
    if (!args->u) {
        args->da[i] = dout * by;
        return;
    }
    const float d = args->rule == PC_RELEVANCE ? 0.5f * dout : dout;
    args->da[i] = d * by * args->u[i];
    args->du[i] = d * (a * slope.gate);
}

/* All is one row; a block takes pieces of it, a thread every 256th element. Memory is the limit, so
 * the kind is looked at for each element. da may be dout: an element is read before it is written.
 */
static __global__ void __launch_bounds__(PC_PIECE_THREADS)
    activation_backward_kernel(pc_activation_backward_args args)
{
    const int64_t n = pc_n_pieces(1, args.n);
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, args.n);
        for (int64_t c = piece.first + threadIdx.x; c < piece.end; c += PC_PIECE_THREADS)
            run_element(&args, c);
    }
}

cudaError_t pck_activation_backward(const pc_activation_backward_args *args, cudaStream_t stream)
{
    if (args->n == 0) return cudaSuccess;
    return pc_launch(activation_backward_kernel, pc_piece_grid(1, args->n), dim3(PC_PIECE_THREADS),
                     0, stream, *args);
}
