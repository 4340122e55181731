/* Streams: operations that run at once, or when the host waits for them. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

typedef struct operation {
    void (*run)(void *state);
    struct operation *next;
    _Alignas(max_align_t) unsigned char state[];
} operation;

struct emu_stream {
    operation *first, **end;
    unsigned flags;
    struct emu_stream *next; /* of the streams that are open */
};

static struct emu_stream default_stream;
static struct emu_stream *streams = &default_stream;
static emu_streams laziness;

/* After a failure the device does nothing more, but what was enqueued must go. */
static void run_stream(struct emu_stream *stream)
{
    while (stream->first) {
        operation *now = stream->first;
        stream->first = now->next;
        if (!stream->first) stream->end = NULL;
        if (!emu_failure()) now->run(now->state);
        free(now);
    }
}

void emu_run_streams(void)
{
    for (struct emu_stream *s = streams; s; s = s->next)
        run_stream(s);
}

void emu_set_streams(emu_streams kind)
{
    emu_run_streams();
    laziness = kind;
}

/* The default stream waits for the others, and they for it, but for those that were made not to. */
static void keep_order_with_default(struct emu_stream *stream)
{
    if (stream->flags & cudaStreamNonBlocking) return;
    if (stream != &default_stream) {
        run_stream(&default_stream);
        return;
    }
    for (struct emu_stream *s = streams; s; s = s->next)
        if (s != stream && !(s->flags & cudaStreamNonBlocking)) run_stream(s);
}

static int is_open(const struct emu_stream *stream)
{
    for (const struct emu_stream *s = streams; s; s = s->next)
        if (s == stream) return 1;
    return 0;
}

cudaError_t emu_enqueue(cudaStream_t stream, void (*run)(void *state), const void *state,
                        size_t bytes)
{
    if (!stream) stream = &default_stream;
    if (!is_open(stream))
        return emu_refuse(cudaErrorInvalidResourceHandle, "a stream that is not open");
    operation *one = malloc(sizeof *one + bytes);
    if (!one) return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    one->run = run;
    one->next = NULL;
    memcpy(one->state, state, bytes);
    keep_order_with_default(stream);
    *(stream->end ? stream->end : &stream->first) = one;
    stream->end = &one->next;
    if (laziness == EMU_EAGER) run_stream(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    *stream = NULL;
    if (emu_failure()) return emu_failure();
    struct emu_stream *s = calloc(1, sizeof *s);
    if (!s) return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    s->flags = flags;
    s->next = default_stream.next;
    default_stream.next = s;
    *stream = s;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    for (struct emu_stream *s = streams; s; s = s->next) {
        if (!stream || s->next != stream) continue;
        run_stream(stream);
        s->next = stream->next;
        free(stream);
        return emu_failure();
    }
    return emu_refuse(cudaErrorInvalidResourceHandle, "a stream that is not open");
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (!stream) stream = &default_stream;
    if (!is_open(stream))
        return emu_refuse(cudaErrorInvalidResourceHandle, "a stream that is not open");
    keep_order_with_default(stream);
    run_stream(stream);
    return emu_failure();
}

cudaError_t cudaDeviceSynchronize(void)
{
    emu_run_streams();
    return emu_failure();
}
