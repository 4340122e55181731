/* A kernel's name, for reports: kernels are static functions, which only the program's own symbol
 * table knows. */
#include "engine.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char __ehdr_start; /* where the program's file stands in memory: the linker's word */

typedef struct program {
    char *bytes;
    size_t n_bytes;
} program;

static program read_program(void)
{
    program p = {0};
    FILE *file = fopen("/proc/self/exe", "rb");
    if (!file) return p;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) p.n_bytes = (size_t)ftell(file);
    rewind(file);
    p.bytes = malloc(p.n_bytes ? p.n_bytes : 1);
    if (p.bytes && fread(p.bytes, 1, p.n_bytes, file) != p.n_bytes) p.n_bytes = 0;
    fclose(file);
    return p;
}

/* The section of a type, NULL if the file has none, or not as it should be. */
static const Elf64_Shdr *section_of(const program *p, uint32_t type)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)p->bytes;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(p->bytes + header->e_shoff);
    if (header->e_shoff + header->e_shnum * sizeof *sections > p->n_bytes) return NULL;
    for (int i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == type &&
            sections[i].sh_offset + sections[i].sh_size <= p->n_bytes)
            return &sections[i];
    return NULL;
}

static const char *symbol_at(const program *p, uint64_t address)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)p->bytes;
    const Elf64_Shdr *table = section_of(p, SHT_SYMTAB);
    if (!table || table->sh_link >= header->e_shnum) return NULL;
    const Elf64_Shdr *names = (const Elf64_Shdr *)(p->bytes + header->e_shoff) + table->sh_link;
    const Elf64_Sym *symbols = (const Elf64_Sym *)(p->bytes + table->sh_offset);
    if (names->sh_offset + names->sh_size > p->n_bytes) return NULL;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++)
        if (symbols[i].st_value == address && ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC &&
            symbols[i].st_name < names->sh_size)
            return p->bytes + names->sh_offset + symbols[i].st_name;
    return NULL;
}

/* "_ZL15sound_reversePf" -> "sound_reverse": the Itanium C++ ABI writes the length before a name.
 */
static void copy_unmangled(char *name, size_t room, const char *symbol)
{
    const char *digits = symbol + strcspn(symbol, "0123456789");
    char *start = (char *)digits;
    const unsigned long length = *digits ? strtoul(digits, &start, 10) : strlen(symbol);
    const int is_mangled = strncmp(symbol, "_Z", 2) == 0 && length <= strlen(start);
    snprintf(name, room, "%.*s", is_mangled ? (int)length : (int)strlen(symbol),
             is_mangled ? start : symbol);
}

void emu_kernel_name(char *name, size_t room, const void *kernel)
{
    const program p = read_program();
    snprintf(name, room, "a kernel");
    if (p.n_bytes > sizeof(Elf64_Ehdr) && memcmp(p.bytes, ELFMAG, SELFMAG) == 0 &&
        p.bytes[EI_CLASS] == ELFCLASS64) {
        const int moves = ((const Elf64_Ehdr *)p.bytes)->e_type == ET_DYN;
        const uintptr_t base = moves ? (uintptr_t)&__ehdr_start : 0;
        const char *symbol = symbol_at(&p, (uintptr_t)kernel - base);
        if (symbol) copy_unmangled(name, room, symbol);
    }
    free(p.bytes);
}
