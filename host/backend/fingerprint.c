/* The numeric fingerprint: what two machines must share to give the same bytes. */
#define _GNU_SOURCE
#include "patchclamp/find.h"

#include <pthread.h>
#include <stdio.h>

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Grows whenever an operator, of the twin or the delta engine, may give other last bits than
 * before. */
enum { KERNEL_ABI = 3 };

static char fingerprint[128];

static const char *libm_version(void)
{
#if defined(__GLIBC__)
    return gnu_get_libc_version();
#else
    return "unknown";
#endif
}

/* glibc chooses exp, tanh and erf by processor: with fused multiply-add their last bits differ. */
static const char *instruction_set(void)
{
#if defined(__x86_64__)
    unsigned a, b, c = 0, d;
    const int has_leaf = __get_cpuid(1, &a, &b, &c, &d);
    return has_leaf && (c & bit_FMA) ? "x86-64+fma" : "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "other";
#endif
}

static void make(void)
{
    snprintf(fingerprint, sizeof fingerprint, "cpu, kernels %d, libm %s, %s", KERNEL_ABI,
             libm_version(), instruction_set());
}

const char *pc_fingerprint(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return fingerprint;
}
