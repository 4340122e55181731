/* SHA-256 through libcrypto's EVP interface. */
#include "base/digest.h"

#include "base/file.h"
#include "base/memory.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct pc_digest {
    EVP_MD_CTX *context;
};

pc_status pc_digest_new(pc_digest **out)
{
    *out = pc_alloc(1, sizeof **out);
    if (!*out) return PC_ERR_NOMEM;
    (*out)->context = EVP_MD_CTX_new();
    if ((*out)->context && EVP_DigestInit_ex((*out)->context, EVP_sha256(), NULL) == 1)
        return PC_OK;
    pc_digest_free(*out);
    *out = NULL;
    return pc_fail(PC_ERR_INTERNAL, "libcrypto refuses SHA-256");
}

pc_status pc_digest_add(pc_digest *digest, const void *bytes, size_t length)
{
    if (EVP_DigestUpdate(digest->context, bytes, length) == 1) return PC_OK;
    return pc_fail(PC_ERR_INTERNAL, "libcrypto failed in SHA-256");
}

pc_status pc_digest_add_file(pc_digest *digest, const char *path)
{
    enum { CHUNK = 1 << 20 };
    pc_file file;
    PC_TRY(pc_file_open(&file, path));
    char *chunk = pc_alloc(CHUNK, 1);
    pc_status status = chunk ? PC_OK : PC_ERR_NOMEM;
    for (uint64_t at = 0; at < file.bytes && status == PC_OK; at += CHUNK) {
        size_t length = file.bytes - at < CHUNK ? (size_t)(file.bytes - at) : (size_t)CHUNK;
        status = pc_file_read_at(chunk, &file, at, length);
        if (status == PC_OK) status = pc_digest_add(digest, chunk, length);
    }
    free(chunk);
    pc_file_close(&file);
    return status;
}

pc_status pc_digest_finish(char hex[PC_DIGEST_CHARS], pc_digest *digest)
{
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(digest->context, value, &length) != 1 || length != 32)
        return pc_fail(PC_ERR_INTERNAL, "libcrypto failed in SHA-256");
    for (unsigned i = 0; i < length; i++)
        sprintf(hex + 2 * (size_t)i, "%02x", value[i]);
    return PC_OK;
}

void pc_digest_free(pc_digest *digest)
{
    if (!digest) return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

pc_status pc_digest_bytes(char hex[PC_DIGEST_CHARS], const void *bytes, size_t length)
{
    pc_digest *digest;
    PC_TRY(pc_digest_new(&digest));
    pc_status status = pc_digest_add(digest, bytes, length);
    if (status == PC_OK) status = pc_digest_finish(hex, digest);
    pc_digest_free(digest);
    return status;
}
