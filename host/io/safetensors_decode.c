/* Turns little-endian F32, F16, BF16 and F64 into the machine's float, bit for bit where it fits.
 */
#include "io/safetensors_decode.h"

#include <string.h>

enum { CHUNK_BYTES = 1 << 16 }; /* stays in the core's cache between the copy and the conversion */

typedef void (*pc_decoder)(float *out, const unsigned char *raw, size_t count);

static uint32_t load16(const unsigned char *raw)
{
    return (uint32_t)raw[0] | (uint32_t)raw[1] << 8;
}

static uint32_t load32(const unsigned char *raw)
{
    return load16(raw) | load16(raw + 2) << 16;
}

/* Not through a float's value: that may quieten a NaN. */
static void store_bits(float *out, uint32_t bits)
{
    memcpy(out, &bits, sizeof bits);
}

static void decode_f32(float *out, const unsigned char *raw, size_t count)
{
    for (size_t i = 0; i < count; i++)
        store_bits(&out[i], load32(raw + 4 * i));
}

static void widen_bf16(float *out, uint32_t bits)
{
    store_bits(out, bits << 16);
}

static void decode_bf16(float *out, const unsigned char *raw, size_t count)
{
    for (size_t i = 0; i < count; i++)
        widen_bf16(&out[i], load16(raw + 2 * i));
}

/* The magnitude of a half as the bits of a float. */
static uint32_t widen_half(uint32_t magnitude)
{
    const uint32_t rebias = 112u << 23; /* 127 - 15 */
    uint32_t bits = (magnitude << 13) + rebias;
    if (magnitude >= 0x7c00) bits += rebias; /* infinity and NaN: the exponent is all ones */
    if (magnitude < 0x400) {                 /* subnormal: magnitude * 2^-24, exact */
        float value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
    }
    return bits;
}

static void widen_f16(float *out, uint32_t half)
{
    store_bits(out, (half & 0x8000) << 16 | widen_half(half & 0x7fff));
}

static void decode_f16(float *out, const unsigned char *raw, size_t count)
{
    for (size_t i = 0; i < count; i++)
        widen_f16(&out[i], load16(raw + 2 * i));
}

void pc_widen_bits16(float *out, const uint16_t *bits, int64_t n, pc_dtype dtype)
{
    if (dtype == PC_DTYPE_BF16)
        for (int64_t i = 0; i < n; i++)
            widen_bf16(&out[i], bits[i]);
    else
        for (int64_t i = 0; i < n; i++)
            widen_f16(&out[i], bits[i]);
}

static void decode_f64(float *out, const unsigned char *raw, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = load32(raw + 8 * i) | (uint64_t)load32(raw + 8 * i + 4) << 32;
        double value;
        memcpy(&value, &bits, sizeof value);
        out[i] = (float)value;
    }
}

static pc_decoder decoder_of(pc_dtype dtype, size_t *element_bytes)
{
    switch (dtype) {
    case PC_DTYPE_F32:
        *element_bytes = 4;
        return decode_f32;
    case PC_DTYPE_F16:
        *element_bytes = 2;
        return decode_f16;
    case PC_DTYPE_BF16:
        *element_bytes = 2;
        return decode_bf16;
    case PC_DTYPE_F64:
        *element_bytes = 8;
        return decode_f64;
    default:
        return NULL;
    }
}

pc_status pc_safetensors_read_f32(float *out, const pc_file *file, const pc_tensor *tensor,
                                  int64_t first, int64_t count)
{
    unsigned char raw[CHUNK_BYTES];
    size_t width;
    pc_decoder decode = decoder_of(tensor->dtype, &width);
    if (!decode)
        return pc_fail(PC_ERR_UNSUPPORTED, "%s: %.200s is %s, expected F32, F16, BF16 or F64",
                       file->path, tensor->name, pc_dtype_name(tensor->dtype));
    uint64_t at = tensor->offset + (uint64_t)first * width;
    for (int64_t done = 0; done < count;) {
        int64_t most = (int64_t)(CHUNK_BYTES / width);
        size_t elements = (size_t)(count - done < most ? count - done : most);
        PC_TRY(pc_file_read_at(raw, file, at, elements * width));
        decode(out + done, raw, elements);
        done += (int64_t)elements;
        at += elements * width;
    }
    return PC_OK;
}

pc_status pc_safetensors_read_bits16(uint16_t *out, const pc_file *file, const pc_tensor *tensor,
                                     int64_t first, int64_t count)
{
    unsigned char raw[CHUNK_BYTES];
    uint64_t at = tensor->offset + (uint64_t)first * 2;
    for (int64_t done = 0; done < count;) {
        const int64_t most = CHUNK_BYTES / 2;
        const size_t elements = (size_t)(count - done < most ? count - done : most);
        PC_TRY(pc_file_read_at(raw, file, at, elements * 2));
        for (size_t i = 0; i < elements; i++)
            out[done + (int64_t)i] = (uint16_t)load16(raw + 2 * i);
        done += (int64_t)elements;
        at += elements * 2;
    }
    return PC_OK;
}
