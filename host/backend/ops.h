/* What the delta engine computes with: one table of operators a backend (DESIGN.md, section 6).
 *
 * A device has memory, matrices and queues. Calls on a queue are carried out in their order, at
 * once or later; what goes wrong is kept until wait(), and nothing after it is to be believed. A
 * queue is used by one thread at a time, different ones may run side by side. Arrays of operators
 * are the device's; lists of items, spans and rows are named by list() first. Results depend on the
 * device and the arguments alone: not on the queue, nor on what else is in the batch.
 *
 * This is also the interface of a plug-in (plugin.h): whoever changes it raises PC_OPS_ABI. */
#ifndef PC_BACKEND_OPS_H
#define PC_BACKEND_OPS_H

#include "kernels/activation_backward.h"
#include "kernels/activation_base.h"
#include "kernels/activation_delta.h"
#include "kernels/add_change.h"
#include "kernels/answer_delta.h"
#include "kernels/attention_backward.h"
#include "kernels/attention_base.h"
#include "kernels/attention_delta.h"
#include "kernels/column_dots.h"
#include "kernels/copy_rows.h"
#include "kernels/cut_rows.h"
#include "kernels/gemm.h"
#include "kernels/layernorm_delta.h"
#include "kernels/norm_backward.h"
#include "kernels/norm_base.h"
#include "kernels/pair_dots.h"
#include "kernels/rotary.h"
#include "kernels/target_delta.h"
#include "kernels/vanishing.h"
#include "patchclamp/device.h"

#include <stdbool.h>
#include <stddef.h>

enum { PC_OPS_ABI = 3 };

typedef struct pc_device_state pc_device_state;
typedef struct pc_matrix pc_matrix;
typedef struct pc_queue pc_queue;

/* Why a call did not succeed: one line, without a full stop. */
typedef struct pc_fault {
    pc_status status;
    char text[240];
} pc_fault;

typedef struct pc_device_facts {
    char name[96];          /* "NVIDIA H200" */
    char numerics[64];      /* of the fingerprint: what two devices share that give the same bits */
    int n_queues;           /* as many are worth having; 0: one a thread */
    int64_t rows;           /* of a batch */
    int64_t history_rows;   /* of one that keeps every layer's changes */
    int64_t most_variants;  /* of a batch */
    int64_t logit_rows;     /* whose logits are all there at a time */
    int64_t chunk_rows;     /* products of many rows go through in chunks of so many; 0: as one */
    int64_t memory, unused; /* bytes it has, and that were free; 0: the host's */
} pc_device_facts;

/* What a queue has to have room for. */
typedef struct pc_queue_needs {
    int64_t widest;     /* column count of a product on either side */
    int64_t longest;    /* tokens of a prompt */
    int64_t list_bytes; /* of all lists of one call */
} pc_queue_needs;

/* C = A W, or C += A W (gemm.h). Which rows they are is the product's nature, never the batch's
 * doing: on a device, each kind goes through chunks of its own size. */
typedef enum pc_product_rows {
    PC_ROWS_OF_BATCH,   /* of many variants */
    PC_ROWS_OF_VARIANT, /* of one: no more than a prompt has */
    PC_ROWS_OF_TARGETS  /* for logits */
} pc_product_rows;

typedef struct pc_product {
    float *c;
    const float *a;
    int64_t c_stride, a_stride, rows;
    const pc_matrix *w;
    int64_t k_first, k_count, n_first, n_count;
    pc_gemm_mode mode;
    pc_product_rows kind;
} pc_product;

typedef struct pc_ops {
    int abi;
    const char *name; /* "cpu", "cuda", "emu" */

    /* ---- devices ---- */
    int (*count)(pc_fault *fault); /* below 0: why there are none */
    pc_status (*open)(pc_device_state **out, pc_device_facts *facts, int index,
                      pc_precision precision, pc_fault *fault);
    void (*close)(pc_device_state *device);

    /* ---- memory: zeroed; place() gives an array's copy, or the array itself where it can be read
     * as it is, which must then stay ---- */
    int64_t (*unused)(pc_device_state *device); /* bytes that are free now; 0: the host's */
    pc_status (*allocate)(void **out, pc_device_state *device, size_t bytes, pc_fault *fault);
    void (*release)(pc_device_state *device, void *memory);
    pc_status (*place)(const void **out, pc_device_state *device, const void *host, size_t bytes,
                       pc_fault *fault);
    void (*unplace)(pc_device_state *device, const void *placed);

    /* ---- weights: (n_in, n_out), zeroed ---- */
    int64_t (*matrix_bytes)(int64_t n_in, int64_t n_out, pc_precision precision);
    pc_status (*matrix_new)(pc_matrix **out, pc_device_state *device, int64_t n_in, int64_t n_out,
                            pc_fault *fault);
    pc_status (*matrix_put)(pc_matrix *matrix, const pc_packed_part *part, pc_fault *fault);
    void (*matrix_free)(pc_matrix *matrix);

    /* ---- queues ---- */
    pc_status (*queue_new)(pc_queue **out, pc_device_state *device, const pc_queue_needs *needs,
                           pc_fault *fault);
    void (*queue_free)(pc_queue *queue);
    pc_status (*wait)(pc_queue *queue, pc_fault *fault);
    void (*upload)(pc_queue *queue, void *to, const void *host, size_t bytes);
    void (*download)(pc_queue *queue, void *host, const void *from, size_t bytes);
    void (*clear)(pc_queue *queue, void *memory, size_t bytes);
    /* A list as the next call may name it. `host` may be overwritten at once. */
    const void *(*list)(pc_queue *queue, const void *host, size_t bytes);

    /* ---- operators (kernels/NAME.h) ---- */
    void (*product)(pc_queue *queue, const pc_product *args);
    void (*layernorm_delta)(pc_queue *queue, const pc_norm_delta_args *args);
    void (*rmsnorm_delta)(pc_queue *queue, const pc_norm_delta_args *args);
    void (*activation_delta)(pc_queue *queue, const pc_activation_delta_args *args);
    void (*attention_delta)(pc_queue *queue, const pc_attention_batch *batch);
    void (*scores_lost)(pc_queue *queue, uint8_t *is_lost, const pc_attention_batch *batch);
    void (*rotary)(pc_queue *queue, const pc_rotary_args *args);
    void (*add_change)(pc_queue *queue, const pc_add_change_args *args);
    void (*copy_rows)(pc_queue *queue, const pc_copy_rows_args *args);
    void (*cut_rows)(pc_queue *queue, const pc_cut_rows_args *args);
    void (*vanishing)(pc_queue *queue, const pc_vanishing_args *args);
    void (*answer_delta)(pc_queue *queue, const pc_answer_delta_args *args);
    void (*target_delta)(pc_queue *queue, const pc_target_delta_args *args);

    /* ---- of plain runs and of gradients ---- */
    void (*layernorm_base)(pc_queue *queue, const pc_norm_base_args *args);
    void (*rmsnorm_base)(pc_queue *queue, const pc_norm_base_args *args);
    void (*activation_base)(pc_queue *queue, const pc_activation_base_args *args);
    void (*attention_base)(pc_queue *queue, const pc_attention_base_batch *batch);
    void (*layernorm_backward)(pc_queue *queue, const pc_norm_backward_args *args);
    void (*rmsnorm_backward)(pc_queue *queue, const pc_norm_backward_args *args);
    void (*activation_backward)(pc_queue *queue, const pc_activation_backward_args *args);
    void (*attention_backward)(pc_queue *queue, const pc_attention_backward_batch *batch);
    void (*pair_dots)(pc_queue *queue, const pc_pair_dots_args *args);
    void (*column_dots)(pc_queue *queue, const pc_column_dots_args *args);
} pc_ops;

#endif
