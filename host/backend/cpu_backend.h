/* The processor as a backend. */
#ifndef PC_BACKEND_CPU_BACKEND_H
#define PC_BACKEND_CPU_BACKEND_H

#include "backend/ops.h"

extern const pc_ops pc_cpu_backend;

#endif
