/* What went wrong, kept as CUDA keeps it: failures of the device stick, errors of a call do not. */
#include "engine.h"

#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char report[1024];
static cudaError_t sticky, last;

static void keep_first(const char *text)
{
    if (!*report) snprintf(report, sizeof report, "%s", text);
}

cudaError_t emu_fail(cudaError_t error, const char *format, ...)
{
    char text[sizeof report];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_first(text);
    emu_check_failure(text);
    if (!sticky) sticky = error;
    return sticky;
}

cudaError_t emu_refuse(cudaError_t error, const char *format, ...)
{
    char text[sizeof report];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    keep_first(text);
    last = error;
    return error;
}

cudaError_t emu_failure(void)
{
    return sticky;
}

const char *emu_report(void)
{
    return report;
}

void emu_forget_failure(void)
{
    *report = '\0';
    sticky = last = cudaSuccess;
    emu_check_forget();
}

cudaError_t cudaPeekAtLastError(void)
{
    return sticky ? sticky : last;
}

cudaError_t cudaGetLastError(void)
{
    const cudaError_t error = cudaPeekAtLastError();
    last = cudaSuccess;
    return error;
}

static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress",
     "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const char *cudaGetErrorName(cudaError_t error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].name;
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error)
{
    if (error != cudaSuccess && *report) return report;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].text;
    return "unrecognized error code";
}
