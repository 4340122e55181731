/* Rotary positions on the device, pair by pair. */
#include "kernels/rotary_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/row_pieces.cuh"

/* A row's pairs: those of all its heads. */
struct pairs {
    float *x;
    const int32_t *position;
    const float *table;
    int64_t x_stride, rows, n_pairs, n_heads, d_head;
    int first, second; /* channel i first of a head, and second behind it, are pair i */
};

/* A block takes pieces of rows, a thread every 256th pair of them. Neighbouring threads have
 * neighbouring pairs of a head, and so read neighbouring channels and angles; the table of a prompt
 * stays in the cache. In place: a pair is read and written by one thread. */
static __global__ void __launch_bounds__(PC_PIECE_THREADS) rotary_kernel(pairs p)
{
    const int64_t width = p.n_heads * p.n_pairs, n = pc_n_pieces(p.rows, width);
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
        const pc_piece piece = pc_piece_of(i, width);
        const float *angles = p.table + 2 * p.n_pairs * p.position[piece.row];
        for (int64_t at = piece.first + threadIdx.x; at < piece.end; at += PC_PIECE_THREADS) {
            const int64_t head = at / p.n_pairs, pair = at - head * p.n_pairs;
            float *x = p.x + piece.row * p.x_stride + head * p.d_head + pair * p.first;
            float *y = x + p.second;
            const float cosine = angles[2 * pair], sine = angles[2 * pair + 1];
            const float turned = *x * cosine - *y * sine;
            *y = *x * sine + *y * cosine;
            *x = turned;
        }
    }
}

cudaError_t pck_rotary(const pc_rotary_args *args, cudaStream_t stream)
{
    const pc_rotary_kind *kind = args->kind;
    const int is_adjacent = kind->pairs == PC_ROTARY_ADJACENT;
    const int64_t width = kind->n_heads * kind->n_pairs;
    if (args->rows == 0 || width == 0) return cudaSuccess;
    const pairs p = {args->x,
                     args->position,
                     args->table,
                     args->x_stride,
                     args->rows,
                     kind->n_pairs,
                     kind->n_heads,
                     kind->d_head,
                     is_adjacent ? 2 : 1,
                     is_adjacent ? 1 : (int)kind->n_pairs};
    return pc_launch(rotary_kernel, pc_piece_grid(args->rows, width), dim3(PC_PIECE_THREADS), 0,
                     stream, p);
}
