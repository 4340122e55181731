/* The norms' changes on the device: one warp a row. */
#include "kernels/layernorm_delta_cuda.h"
#include "kernels/rmsnorm_delta_cuda.h"

#include "kernels/launch.cuh"
#include "kernels/reduce.cuh"

enum { THREADS = 256, ROWS = THREADS / PC_WARP };

static const int64_t most_blocks = 1 << 20;

/* A row, its base row, and their centres: 0 for the RMS norm. */
struct centred {
    const float *d, *x;
    float d_mean, x_mean;
    int64_t width;
};

static __device__ __forceinline__ float d_at(const centred *r, int64_t i)
{
    return r->d[i] - r->d_mean;
}

static __device__ __forceinline__ float x_at(const centred *r, int64_t i)
{
    return r->x[i] - r->x_mean;
}

/* x + d, centred: a channel that the change removes cancels first. */
static __device__ __forceinline__ float y_at(const centred *r, int64_t i)
{
    return (r->x[i] + r->d[i]) - (r->x_mean + r->d_mean);
}

static __device__ float mean_of(const float *row, int64_t width, int lane)
{
    float sum = 0;
    for (int64_t i = lane; i < width; i += PC_WARP)
        sum += row[i];
    return pc_warp_sum(sum) / (float)width;
}

/* mean((2 x + d) d): by how much the variance changes. */
static __device__ float variance_change(const centred *r, int lane)
{
    float sum = 0;
    for (int64_t i = lane; i < r->width; i += PC_WARP)
        sum += (2 * x_at(r, i) + d_at(r, i)) * d_at(r, i);
    return pc_warp_sum(sum) / (float)r->width;
}

/* mean((x + d)^2): the new variance where the change has nearly consumed the old one. */
static __device__ float variance_anew(const centred *r, int lane)
{
    float sum = 0;
    for (int64_t i = lane; i < r->width; i += PC_WARP)
        sum += y_at(r, i) * y_at(r, i);
    return pc_warp_sum(sum) / (float)r->width;
}

/* A warp takes whole rows, a lane every 32nd channel of them: rows are short (768 to 8192
 * channels), there are thousands of them, and a warp needs no barrier. Three passes (mean, change
 * of the variance, output), because centring afterwards loses what a large mean swallows; the later
 * ones read the row from the cache. The RMS norm has no mean, and no first pass. dy may be d: a
 * lane reads a channel before it writes it. */
static __global__ void __launch_bounds__(THREADS)
    norm_delta_kernel(float *dy, const float *d, const int32_t *base_row, const float *x,
                      const float *mean, const float *variance, const float *gain,
                      float gain_offset, float eps, int64_t rows, int64_t width)
{
    const int lane = threadIdx.x % PC_WARP;
    const int64_t first = (int64_t)blockIdx.x * ROWS + threadIdx.x / PC_WARP;
    for (int64_t row = first; row < rows; row += (int64_t)gridDim.x * ROWS) {
        const int64_t base = base_row[row];
        centred r = {d + row * width, x + base * width, 0, 0, width};
        if (mean) {
            r.x_mean = mean[base];
            r.d_mean = mean_of(r.d, width, lane);
        }
        const float var = variance[base], change = variance_change(&r, lane);
        const int is_consumed = var + change < var / 4;
        const float var_new = is_consumed ? variance_anew(&r, lane) : var + change;
        const float s = sqrtf(var + eps), s_new = sqrtf(var_new + eps);
        const float pull = change / (s * s_new * (s + s_new));
        for (int64_t i = lane; i < width; i += PC_WARP) {
            const float g = gain ? gain[i] + gain_offset : 1;
            dy[row * width + i] = g * (is_consumed ? y_at(&r, i) / s_new - x_at(&r, i) / s
                                                   : d_at(&r, i) / s_new - x_at(&r, i) * pull);
        }
    }
}

static cudaError_t launch(const pc_norm_delta_args *args, const float *mean, cudaStream_t stream)
{
    if (args->rows == 0) return cudaSuccess;
    const int64_t blocks = (args->rows + ROWS - 1) / ROWS;
    return pc_launch(norm_delta_kernel,
                     dim3((unsigned)(blocks < most_blocks ? blocks : most_blocks)), dim3(THREADS),
                     0, stream, args->dy, args->d, args->base_row, args->x, mean, args->variance,
                     args->gain, args->gain_offset, (float)args->eps, args->rows, args->width);
}

cudaError_t pck_layernorm_delta(const pc_norm_delta_args *args, cudaStream_t stream)
{
    return launch(args, args->mean, stream);
}

cudaError_t pck_rmsnorm_delta(const pc_norm_delta_args *args, cudaStream_t stream)
{
    return launch(args, NULL, stream);
}
