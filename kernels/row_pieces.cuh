/* Rows cut into pieces, for kernels that work element by element: wide rows are spread over several
 * blocks, many rows over the same ones. */
#ifndef PC_KERNELS_ROW_PIECES_CUH
#define PC_KERNELS_ROW_PIECES_CUH

#include <cuda_runtime.h>
#include <stdint.h>

/* A block has PC_PIECE_THREADS threads; each takes every PC_PIECE_THREADS-th element of a piece. */
enum { PC_PIECE = 1024, PC_PIECE_THREADS = 256 };

/* Elements first ... end - 1 of a row. */
struct pc_piece {
    int64_t row, first, end;
};

static __host__ __device__ __forceinline__ int64_t pc_n_pieces(int64_t rows, int64_t width)
{
    return rows * ((width + PC_PIECE - 1) / PC_PIECE);
}

static __device__ __forceinline__ pc_piece pc_piece_of(int64_t i, int64_t width)
{
    const int64_t a_row = pc_n_pieces(1, width), row = i / a_row,
                  first = (i - row * a_row) * PC_PIECE;
    const int64_t end = first + PC_PIECE;
    return {row, first, end < width ? end : width};
}

/* Blocks for rows of that width, of which there must be some: each takes every gridDim.x-th piece.
 */
static inline dim3 pc_piece_grid(int64_t rows, int64_t width)
{
    const int64_t pieces = pc_n_pieces(rows, width), most = 1 << 20;
    return dim3((unsigned)(pieces < most ? pieces : most));
}

#endif
