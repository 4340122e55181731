/* Devices by name. */
#include "backend/device_private.h"

#include "backend/cpu_backend.h"
#include "backend/plugin_load.h"
#include "patchclamp/find.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEVICES = 32, MOST_TABLES = 4 };

static struct {
    pthread_mutex_t lock;
    pc_device *devices[MOST_DEVICES];
    int n_devices;
    const pc_ops *tables[MOST_TABLES]; /* registered ones */
    int n_tables;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

pc_status pc_fail_fault(const pc_fault *fault)
{
    return pc_fail(fault->status, "%s", fault->text);
}

void pc_device_register(const pc_ops *ops)
{
    pthread_mutex_lock(&known.lock);
    if (known.n_tables < MOST_TABLES) known.tables[known.n_tables++] = ops;
    pthread_mutex_unlock(&known.lock);
}

/* ---- names ---- */

typedef struct device_name {
    char backend[16];
    int index;
} device_name;

static pc_status parse(device_name *out, const char *name)
{
    const size_t length = strcspn(name, ":");
    char *end = NULL;
    *out = (device_name){.index = 0};
    if (length < sizeof out->backend) memcpy(out->backend, name, length);
    const bool has_index = name[length] == ':';
    const bool has_digit = has_index && name[length + 1] >= '0' && name[length + 1] <= '9';
    const long index = has_digit ? strtol(name + length + 1, &end, 10) : 0;
    const bool is_known = strcmp(out->backend, "cpu") == 0 || strcmp(out->backend, "cuda") == 0 ||
                          strcmp(out->backend, "emu") == 0;
    if (!is_known || (has_index && (strcmp(out->backend, "cuda") != 0 || !has_digit || *end ||
                                    index < 0 || index > 1023)))
        return pc_fail(PC_ERR_INPUT, "device is \"%.40s\", expected cpu, cuda, cuda:N or emu",
                       name);
    out->index = (int)index;
    return PC_OK;
}

/* ---- opening ---- */

static pc_status find_table(const pc_ops **out, const char *backend)
{
    for (int i = 0; i < known.n_tables; i++)
        if (strcmp(known.tables[i]->name, backend) == 0) {
            *out = known.tables[i];
            return PC_OK;
        }
    if (strcmp(backend, "cpu") == 0) {
        *out = &pc_cpu_backend;
        return PC_OK;
    }
    return pc_plugin_load(out, backend);
}

static pc_status check_index(const pc_ops *ops, const device_name *name)
{
    pc_fault fault = {0};
    const int n = ops->count(&fault);
    if (n <= 0) return pc_fail_within(pc_fail_fault(&fault), "device %s", name->backend);
    if (name->index < n) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "device %s:%d: there %s %d", name->backend, name->index,
                   n == 1 ? "is" : "are", n);
}

static pc_status open_device(pc_device *out, const device_name *name, pc_precision precision)
{
    pc_fault fault = {0};
    PC_TRY(find_table(&out->ops, name->backend));
    PC_TRY(check_index(out->ops, name));
    out->precision = precision;
    snprintf(out->name, sizeof out->name, strcmp(name->backend, "cuda") == 0 ? "%s:%d" : "%s",
             name->backend, name->index);
    const pc_status status =
        out->ops->open(&out->state, &out->facts, name->index, precision, &fault);
    return status == PC_OK ? PC_OK : pc_fail_within(pc_fail_fault(&fault), "device %s", out->name);
}

static pc_status get(const pc_device **out, const device_name *name, pc_precision precision)
{
    for (int i = 0; i < known.n_devices; i++) {
        const pc_device *d = known.devices[i];
        const char *colon = strchr(d->name, ':');
        if (strcmp(d->ops->name, name->backend) != 0 || d->precision != precision) continue;
        if ((colon ? atoi(colon + 1) : 0) != name->index) continue;
        *out = d;
        return PC_OK;
    }
    if (known.n_devices == MOST_DEVICES)
        return pc_fail(PC_ERR_UNSUPPORTED, "more than %d devices", MOST_DEVICES);
    pc_device *d = calloc(1, sizeof *d);
    if (!d) return pc_fail(PC_ERR_NOMEM, "out of memory");
    const pc_status status = open_device(d, name, precision);
    if (status != PC_OK) {
        free(d);
        return status;
    }
    known.devices[known.n_devices++] = d;
    *out = d;
    return PC_OK;
}

pc_status pc_device_get(const pc_device **out, const char *name, pc_precision precision)
{
    device_name parsed;
    *out = NULL;
    PC_TRY(parse(&parsed, name ? name : "cpu"));
    pthread_mutex_lock(&known.lock);
    const pc_status status = get(out, &parsed, precision);
    pthread_mutex_unlock(&known.lock);
    return status;
}

/* ---- calls ---- */

pc_status pc_device_allocate(void **out, const pc_device *d, size_t bytes)
{
    pc_fault fault = {0};
    const pc_status status = d->ops->allocate(out, d->state, bytes, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

void pc_device_release(const pc_device *d, void *memory)
{
    if (memory) d->ops->release(d->state, memory);
}

pc_status pc_device_place(const void **out, const pc_device *d, const void *host, size_t bytes)
{
    pc_fault fault = {0};
    *out = NULL;
    if (!host) return PC_OK;
    const pc_status status = d->ops->place(out, d->state, host, bytes, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

void pc_device_unplace(const pc_device *d, const void *placed)
{
    if (placed) d->ops->unplace(d->state, placed);
}

pc_status pc_device_queue(pc_queue **out, const pc_device *d, const pc_queue_needs *needs)
{
    pc_fault fault = {0};
    const pc_status status = d->ops->queue_new(out, d->state, needs, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

pc_status pc_device_wait(const pc_device *d, pc_queue *queue)
{
    pc_fault fault = {0};
    const pc_status status = d->ops->wait(queue, &fault);
    return status == PC_OK ? PC_OK : pc_fail_fault(&fault);
}

/* ---- what users ask ---- */

pc_status pc_device_describe(char *words, size_t room, const char *name)
{
    const double gib = 1024.0 * 1024 * 1024;
    const pc_device *d;
    PC_TRY(pc_device_get(&d, name, PC_PRECISION_FP32));
    if (d->facts.memory == 0) snprintf(words, room, "%s", d->facts.name);
    else
        snprintf(words, room, "%s, %.1f GiB, %.1f free", d->facts.name,
                 (double)d->facts.memory / gib, (double)d->facts.unused / gib);
    return PC_OK;
}

int pc_device_has_plugin(const char *backend)
{
    return pc_plugin_exists(backend);
}

pc_status pc_device_fingerprint(char *words, size_t room, const char *name, pc_precision precision)
{
    const pc_device *d;
    PC_TRY(pc_device_get(&d, name, precision));
    const char *comma = d->facts.numerics[0] ? ", " : "";
    const char *how = precision == PC_PRECISION_FP32 ? "" : pc_precision_name(precision);
    snprintf(words, room, "%s%s%s%s%s", d->facts.numerics, comma, how, *how ? ", " : "",
             pc_fingerprint());
    return PC_OK;
}

static const char *const precisions[PC_N_PRECISIONS] = {[PC_PRECISION_FP32] = "fp32",
                                                        [PC_PRECISION_BF16X3] = "bf16x3",
                                                        [PC_PRECISION_TF32] = "tf32",
                                                        [PC_PRECISION_BF16] = "bf16"};

const char *pc_precision_name(pc_precision precision)
{
    return precisions[precision];
}

pc_status pc_precision_parse(pc_precision *out, const char *name)
{
    for (int i = 0; i < PC_N_PRECISIONS; i++)
        if (strcmp(precisions[i], name) == 0) {
            *out = (pc_precision)i;
            return PC_OK;
        }
    return pc_fail(PC_ERR_INPUT,
                   "precision \"%.40s\" is unknown, expected one of fp32, bf16x3, tf32, bf16",
                   name);
}
