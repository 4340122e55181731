/* Streams: operations that run at once, or when the host waits for them. What must come before what
 * is kept in clocks: how many operations of each stream. */
#include "engine.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

typedef struct operation {
    emu_operation is;
    void (*run)(void *state);
    struct operation *next;
    _Alignas(max_align_t) unsigned char state[];
} operation;

struct emu_stream {
    operation *first, **end;
    unsigned flags;
    int slot;                /* in clocks */
    emu_clock tail;          /* of its last operation, or of what its next one has to wait for */
    struct emu_stream *next; /* of the streams that are open: the default one, then the newest */
};

const emu_operation *emu_this_operation;

static struct emu_stream default_stream;
static struct emu_stream *streams = &default_stream;
static unsigned char is_taken[EMU_MAX_STREAMS] = {1}; /* slots; the first is the default stream's */
static emu_clock done;                                /* operations that have run */
static emu_clock host;                                /* operations that the host has waited for */
static uint32_t n_operations;
static emu_streams laziness;
static uint64_t random_state = 1;

void emu_start_streams_order(void)
{
    random_state = emu_first_draw();
}

/* ---- clocks ---- */

static void join(emu_clock *clock, const emu_clock *other)
{
    for (int i = 0; i < EMU_MAX_STREAMS; i++)
        if (clock->of[i] < other->of[i]) clock->of[i] = other->of[i];
}

static int is_reached(const emu_clock *goal)
{
    for (int i = 0; i < EMU_MAX_STREAMS; i++)
        if (done.of[i] < goal->of[i]) return 0;
    return 1;
}

/* The default stream waits for the others, and they for it, but for those that were made not to. */
static void join_default(emu_clock *clock, const struct emu_stream *stream)
{
    if (stream->flags & cudaStreamNonBlocking) return;
    join(clock, &default_stream.tail);
    for (struct emu_stream *s = streams; s && stream == &default_stream; s = s->next)
        if (!(s->flags & cudaStreamNonBlocking)) join(clock, &s->tail);
}

/* ---- running ---- */

/* After a failure the device does nothing more, but what was enqueued must go. */
static void run_first(struct emu_stream *stream)
{
    operation *now = stream->first;
    stream->first = now->next;
    if (!stream->first) stream->end = NULL;
    emu_this_operation = &now->is;
    if (!emu_failure()) now->run(now->state);
    emu_this_operation = NULL;
    done.of[stream->slot]++;
    free(now);
}

static int can_run(const struct emu_stream *stream)
{
    if (!stream->first) return 0;
    emu_clock before = stream->first->is.clock;
    before.of[stream->slot]--;
    return is_reached(&before);
}

static int is_needed(const struct emu_stream *stream, const emu_clock *goal)
{
    return done.of[stream->slot] < goal->of[stream->slot];
}

/* One of those that can run, at random. */
static struct emu_stream *draw(void)
{
    struct emu_stream *chosen = NULL;
    int n = 0;
    for (struct emu_stream *s = streams; s; s = s->next)
        if (can_run(s) && emu_draw_below(&random_state, ++n) == 0) chosen = s;
    return chosen;
}

/* Forward: only what the goal needs, everything else as late as can be. In reverse: first what it
 * does not need. Every operation waits for earlier ones alone, so that some stream can always go
 * on. */
static struct emu_stream *choose(const emu_clock *goal)
{
    const emu_order order = emu_order_of_turns();
    struct emu_stream *needed = NULL;
    if (order == EMU_RANDOM) return draw();
    for (struct emu_stream *s = streams; s; s = s->next) {
        if (!can_run(s)) continue;
        if (is_needed(s, goal)) needed = s;
        else if (order == EMU_REVERSE) return s;
    }
    return needed;
}

static void run_until(const emu_clock *goal)
{
    while (!is_reached(goal))
        run_first(choose(goal));
}

void emu_wait_for(const emu_clock *goal)
{
    run_until(goal);
    join(&host, goal);
}

void emu_run_streams(void)
{
    emu_clock goal = {{0}};
    for (struct emu_stream *s = streams; s; s = s->next)
        join(&goal, &s->tail);
    emu_wait_for(&goal);
}

void emu_set_streams(emu_streams kind)
{
    emu_run_streams();
    laziness = kind;
}

/* ---- enqueueing ---- */

/* The stream, or NULL after having refused one that is not open. */
static struct emu_stream *open_stream(cudaStream_t stream)
{
    if (!stream) return &default_stream;
    for (struct emu_stream *s = streams; s; s = s->next)
        if (s == stream) return s;
    emu_refuse(cudaErrorInvalidResourceHandle, "a stream that is not open");
    return NULL;
}

static void take_place(struct emu_stream *stream, emu_operation *last)
{
    emu_clock *clock = &last->clock;
    *clock = stream->tail;
    join(clock, &host);
    join_default(clock, stream);
    clock->of[stream->slot]++;
    stream->tail = *clock;
    last->slot = stream->slot;
    last->number = ++n_operations;
}

cudaError_t emu_enqueue(cudaStream_t handle, const emu_work *work, const void *state, size_t bytes)
{
    struct emu_stream *stream = open_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    operation *one = malloc(sizeof *one + bytes);
    if (!one) return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    one->is.name = work->name;
    one->is.kernel = work->kernel;
    one->run = work->run;
    one->next = NULL;
    memcpy(one->state, state, bytes);
    take_place(stream, &one->is);
    emu_check_enqueue(&one->is);
    *(stream->end ? stream->end : &stream->first) = one;
    stream->end = &one->next;
    if (laziness == EMU_EAGER) run_until(&stream->tail);
    return cudaSuccess;
}

/* ---- CUDA's interface ---- */

static int take_slot(void)
{
    for (int i = 0; i < EMU_MAX_STREAMS; i++) {
        if (is_taken[i]) continue;
        is_taken[i] = 1;
        return i;
    }
    return -1;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    *stream = NULL;
    if (emu_failure()) return emu_failure();
    const int slot = take_slot();
    if (slot < 0)
        return emu_refuse(cudaErrorMemoryAllocation, "more than %d streams", EMU_MAX_STREAMS);
    struct emu_stream *s = calloc(1, sizeof *s);
    if (!s) return emu_refuse(cudaErrorMemoryAllocation, "the host is out of memory");
    s->flags = flags;
    s->slot = slot;
    s->tail.of[slot] = done.of[slot];
    s->next = default_stream.next;
    default_stream.next = s;
    *stream = s;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

/* Its work is done, but the host has not waited for it. */
cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    for (struct emu_stream *s = streams; s; s = s->next) {
        if (!stream || s->next != stream) continue;
        run_until(&stream->tail);
        is_taken[stream->slot] = 0;
        s->next = stream->next;
        free(stream);
        return emu_failure();
    }
    return emu_refuse(cudaErrorInvalidResourceHandle, "a stream that is not open");
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle)
{
    const struct emu_stream *stream = open_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    emu_clock goal = stream->tail;
    join_default(&goal, stream);
    emu_wait_for(&goal);
    return emu_failure();
}

cudaError_t cudaDeviceSynchronize(void)
{
    emu_run_streams();
    return emu_failure();
}

cudaError_t emu_stream_clock(emu_clock *clock, cudaStream_t handle)
{
    const struct emu_stream *stream = open_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *clock = stream->tail;
    return cudaSuccess;
}

cudaError_t emu_stream_waits_for(cudaStream_t handle, const emu_clock *clock)
{
    struct emu_stream *stream = open_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    join(&stream->tail, clock);
    return emu_failure();
}
