/* How every fallible function of the library reports: a status, and a thread-local sentence. */
#ifndef PATCHCLAMP_STATUS_H
#define PATCHCLAMP_STATUS_H

#if defined(_WIN32)
#define PC_API
#else
#define PC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* name, value, what it means to the caller */
#define PC_STATUS_TABLE(X)                                                                         \
    X(PC_OK, 0, "success")                                                                         \
    X(PC_ERR_NOMEM, -1, "out of memory")                                                           \
    X(PC_ERR_ARG, -2, "a call that makes no sense")                                                \
    X(PC_ERR_INPUT, -3,                                                                            \
      "bad input: a model, tokenizer, task or database that is not as it must be")                 \
    X(PC_ERR_UNSUPPORTED, -4, "well-formed input that needs what this version does not have")      \
    X(PC_ERR_IO, -5, "the system refused to read or write")                                        \
    X(PC_ERR_DEVICE, -6, "the device failed or is missing")                                        \
    X(PC_ERR_INTERRUPTED, -7, "stopped on request; what was measured is kept")                     \
    X(PC_ERR_INTERNAL, -8, "a bug in Patchclamp")

typedef enum pc_status {
#define X(name, value, meaning) name = value,
    PC_STATUS_TABLE(X)
#undef X
} pc_status;

/* "PC_ERR_INPUT" and the like; "unknown status" for a value outside the table. */
PC_API const char *pc_status_name(pc_status status);

/* The sentence of this thread's last failure: one line, no newline; "" before the first.
 * Valid until this thread's next failure. */
PC_API const char *pc_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
