/* Reading a range of a tensor's elements as float. */
#ifndef PC_IO_SAFETENSORS_DECODE_H
#define PC_IO_SAFETENSORS_DECODE_H

#include "base/file.h"
#include "io/safetensors.h"

/* Elements [first, first + count), which the tensor has; see pc_checkpoint_read_f32(). */
pc_status pc_safetensors_read_f32(float *out, const pc_file *file, const pc_tensor *tensor,
                                  int64_t first, int64_t count);
/* The same of 16-bit elements, see pc_checkpoint_read_bits16(). */
pc_status pc_safetensors_read_bits16(uint16_t *out, const pc_file *file, const pc_tensor *tensor,
                                     int64_t first, int64_t count);

#endif
