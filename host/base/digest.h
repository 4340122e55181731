/* SHA-256 of files and texts (OpenSSL's libcrypto): the identity of models and tasks. */
#ifndef PC_BASE_DIGEST_H
#define PC_BASE_DIGEST_H

#include "base/fail.h"

#include <stddef.h>

enum { PC_DIGEST_CHARS = 65 }; /* 64 hexadecimal digits and the 0 */

typedef struct pc_digest pc_digest;

pc_status pc_digest_new(pc_digest **out);
pc_status pc_digest_add(pc_digest *digest, const void *bytes, size_t length);
/* The whole content of a file. */
pc_status pc_digest_add_file(pc_digest *digest, const char *path);
pc_status pc_digest_finish(char hex[PC_DIGEST_CHARS], pc_digest *digest);
void pc_digest_free(pc_digest *digest);

/* The digest of one byte string. */
pc_status pc_digest_bytes(char hex[PC_DIGEST_CHARS], const void *bytes, size_t length);

#endif
