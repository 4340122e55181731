/* Devices by name, and their calls with failures told as everywhere (base/fail.h). */
#ifndef PC_BACKEND_DEVICE_H
#define PC_BACKEND_DEVICE_H

#include "backend/ops.h"
#include "base/fail.h"

typedef struct pc_device {
    const pc_ops *ops;
    pc_device_state *state;
    pc_device_facts facts;
    pc_precision precision;
    char name[32]; /* "cpu", "cuda:0", "emu" */
} pc_device;

/* "cpu", "cuda", "cuda:N" or "emu"; NULL: "cpu". Opened when it is first asked for and open until
 * the process ends; borrowed. Any thread may ask. PC_ERR_INPUT: no such name, precision or number;
 * PC_ERR_UNSUPPORTED: it cannot be used here, with cause and remedy. */
pc_status pc_device_get(const pc_device **out, const char *name, pc_precision precision);

/* A table that serves its name before any plug-in is looked for; for tests, at the start. */
void pc_device_register(const pc_ops *ops);

pc_status pc_device_allocate(void **out, const pc_device *device, size_t bytes);
void pc_device_release(const pc_device *device, void *memory);
pc_status pc_device_place(const void **out, const pc_device *device, const void *host,
                          size_t bytes);
void pc_device_unplace(const pc_device *device, const void *placed);

pc_status pc_device_queue(pc_queue **out, const pc_device *device, const pc_queue_needs *needs);
pc_status pc_device_wait(const pc_device *device, pc_queue *queue);

/* Stores the fault as the thread's message. */
pc_status pc_fail_fault(const pc_fault *fault);

#endif
