/* Stands in for the fuzzer: gives every file of the folders named on the command line to the target
 * once. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A copy of exactly the file's size, so that a sanitizer sees the first byte read past it. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        if (file) fclose(file);
        return 1;
    }
    const long length = ftell(file);
    uint8_t *bytes = length < 0 ? NULL : malloc((size_t)length + !length);
    rewind(file);
    int failed = !bytes || fread(bytes, 1, (size_t)length, file) != (size_t)length;
    fclose(file);
    if (failed) {
        fprintf(stderr, "%s: cannot be read\n", path);
    } else {
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(bytes, (size_t)length);
    }
    free(bytes);
    return failed;
}

static int replay_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    int n_files = 0, failed = 0;
    if (!entries) {
        perror(folder);
        return 1;
    }
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        const int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        failed |= length >= (int)sizeof path || replay_file(path);
        n_files++;
    }
    closedir(entries);
    if (n_files == 0) fprintf(stderr, "%s: no inputs\n", folder);
    return failed || n_files == 0;
}

int main(int count, char **folders)
{
    int failed = 0;
    for (int i = 1; i < count; i++)
        failed |= replay_folder(folders[i]);
    return failed;
}
