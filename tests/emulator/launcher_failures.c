/* The product's launcher where the library or the memory fails: the error comes back as it is,
 * nothing is left behind, and the next try works. */
#include "emulator.h"
#include "kernels/gemm_cuda.h"

#include <criterion/criterion.h>
#include <cublasLt.h>

enum { ROWS = 5, CHUNK = 4, WIDTH = 16, WORKSPACE = 4096 };

static const pck_gemm_precision precisions[] = {PCK_GEMM_FP32, PCK_GEMM_TF32, PCK_GEMM_BF16X3,
                                                PCK_GEMM_BF16};
enum { N_PRECISIONS = sizeof precisions / sizeof *precisions };

static const struct {
    cublasStatus_t status;
    cudaError_t error;
} failures[] = {
    {CUBLAS_STATUS_ALLOC_FAILED, cudaErrorMemoryAllocation},
    {CUBLAS_STATUS_INVALID_VALUE, cudaErrorInvalidValue},
    {CUBLAS_STATUS_NOT_SUPPORTED, cudaErrorNotSupported},
    {CUBLAS_STATUS_ARCH_MISMATCH, cudaErrorNotSupported},
    {CUBLAS_STATUS_NOT_INITIALIZED, cudaErrorInitializationError},
    {CUBLAS_STATUS_EXECUTION_FAILED, cudaErrorLaunchFailure},
    {CUBLAS_STATUS_INTERNAL_ERROR, cudaErrorUnknown},
};
enum { N_FAILURES = sizeof failures / sizeof *failures };

static float *zeros(size_t n)
{
    void *memory = NULL;
    cr_assert_eq(cudaMalloc(&memory, n * sizeof(float)), cudaSuccess);
    cr_assert_eq(cudaMemset(memory, 0, n * sizeof(float)), cudaSuccess);
    return memory;
}

static cudaError_t multiply(const pck_gemm *gemm)
{
    float *a = zeros(ROWS * WIDTH), *c = zeros(ROWS * WIDTH), *w = zeros(WIDTH * WIDTH);
    float *scratch = zeros(pck_gemm_scratch_bytes(gemm) / sizeof(float));
    const pck_gemm_weights weights = {w, (uint16_t *)w, (uint16_t *)w};
    const cudaError_t error = pck_gemm_run(gemm, c, a, &weights, ROWS, scratch, NULL);
    cr_expect_eq(cudaDeviceSynchronize(), cudaSuccess);
    cudaFree(scratch);
    cudaFree(w);
    cudaFree(c);
    cudaFree(a);
    return error;
}

/* From opening the library to a product; the first error. */
static cudaError_t do_all(pck_gemm_precision precision)
{
    const pck_gemm_shape shape = {.n_in = WIDTH,
                                  .n_out = WIDTH,
                                  .a_stride = WIDTH,
                                  .w_stride = WIDTH,
                                  .c_stride = WIDTH,
                                  .chunk_rows = CHUNK,
                                  .mode = PC_GEMM_ADD,
                                  .precision = precision};
    pck_blas *blas = NULL;
    pck_gemm *gemm = NULL;
    cudaError_t error = pck_blas_open(&blas, WORKSPACE);
    if (!error) error = pck_gemm_new(&gemm, blas, &shape);
    if (!error) error = multiply(gemm);
    pck_gemm_free(gemm);
    pck_blas_close(blas);
    return error;
}

static size_t free_bytes(void)
{
    size_t left = 0, total;
    cr_assert_eq(cudaMemGetInfo(&left, &total), cudaSuccess);
    return left;
}

/* Until nothing fails any more, since there are fewer calls. */
Test(launcher_failures, whatever_call_of_the_library_fails_its_error_comes_back)
{
    const size_t before = free_bytes();
    for (int p = 0; p < N_PRECISIONS; p++)
        for (int f = 0; f < N_FAILURES; f++) {
            int n = 0, has_come = 1;
            while (has_come) {
                emu_fail_blas(++n, failures[f].status);
                const cudaError_t error = do_all(precisions[p]);
                has_come = emu_fail_blas(0, 0);
                cr_expect_eq(error, has_come ? failures[f].error : cudaSuccess,
                             "precision %d, status %d at call %d: %s", p, failures[f].status, n,
                             cudaGetErrorName(error));
                cr_expect_eq(free_bytes(), before, "precision %d, call %d", p, n);
            }
            cr_expect_gt(n, 10, "precision %d: only %d calls", p, n);
        }
}

Test(launcher_failures, too_little_memory_for_the_workspace_is_said)
{
    pck_blas *blas = NULL;
    emu_set_memory(WORKSPACE - 1);
    cr_expect_eq(pck_blas_open(&blas, WORKSPACE), cudaErrorMemoryAllocation);
    cr_expect_null(blas);
    emu_set_memory(WORKSPACE);
    cr_expect_eq(pck_blas_open(&blas, WORKSPACE), cudaSuccess);
    pck_blas_close(blas);
}

Test(launcher_failures, algorithms_that_split_sums_are_not_taken)
{
    emu_set_blas_proposals(EMU_PROPOSE_SPLITS_ALONE);
    cr_expect_eq(do_all(PCK_GEMM_FP32), cudaErrorNotSupported);
    emu_set_blas_proposals(EMU_PROPOSE_WHAT_IS_ASKED);
    cr_expect_eq(do_all(PCK_GEMM_FP32), cudaSuccess);
}
