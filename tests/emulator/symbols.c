/* What only the program's own symbol table knows: the names of kernels, which are static functions,
 * and of shared variables, which are static, too, and where each ends. The program is the file that
 * holds the emulator: an executable, or a shared object that it has loaded. */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* where the program's file stands in memory: the linker's word */
extern const char __ehdr_start __attribute__((visibility("hidden")));

typedef struct program {
    char *bytes;
    size_t n_bytes;
} program;

/* The file that was mapped where this function stands, NULL if the system does not say. */
static FILE *open_program(void)
{
    FILE *maps = fopen("/proc/self/maps", "r"), *file = NULL;
    const uintptr_t here = (uintptr_t)&__ehdr_start;
    char *line = NULL;
    size_t room = 0;
    while (maps && !file && getline(&line, &room, maps) > 0) {
        unsigned long long first, end;
        char *path = strchr(line, '/');
        if (sscanf(line, "%llx-%llx", &first, &end) != 2 || !path) continue;
        if (here < first || here >= end) continue;
        path[strcspn(path, "\n")] = '\0';
        file = fopen(path, "rb");
    }
    free(line);
    if (maps) fclose(maps);
    return file;
}

static program read_program(void)
{
    program p = {0};
    FILE *file = open_program();
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

static int is_program(const program *p)
{
    return p->n_bytes > sizeof(Elf64_Ehdr) && memcmp(p->bytes, ELFMAG, SELFMAG) == 0 &&
           p->bytes[EI_CLASS] == ELFCLASS64;
}

/* Symbols' values are offsets from here. */
static uintptr_t base_of(const program *p)
{
    return ((const Elf64_Ehdr *)p->bytes)->e_type == ET_DYN ? (uintptr_t)&__ehdr_start : 0;
}

typedef struct symbols {
    const Elf64_Sym *all;
    size_t n;
    const char *names;
    size_t names_bytes;
} symbols;

static symbols symbols_of(const program *p)
{
    const Elf64_Shdr *table = is_program(p) ? section_of(p, SHT_SYMTAB) : NULL;
    if (!table || table->sh_link >= ((const Elf64_Ehdr *)p->bytes)->e_shnum) return (symbols){0};
    const Elf64_Shdr *names =
        (const Elf64_Shdr *)(p->bytes + ((const Elf64_Ehdr *)p->bytes)->e_shoff) + table->sh_link;
    if (names->sh_offset + names->sh_size > p->n_bytes) return (symbols){0};
    return (symbols){(const Elf64_Sym *)(p->bytes + table->sh_offset),
                     table->sh_size / sizeof(Elf64_Sym), p->bytes + names->sh_offset,
                     names->sh_size};
}

static const char *name_of(const symbols *of, const Elf64_Sym *symbol)
{
    return symbol->st_name < of->names_bytes ? of->names + symbol->st_name : "";
}

/* ---- kernels ---- */

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
    const symbols of = symbols_of(&p);
    snprintf(name, room, "a kernel");
    for (size_t i = 0; i < of.n; i++)
        if (ELF64_ST_TYPE(of.all[i].st_info) == STT_FUNC &&
            of.all[i].st_value == (uintptr_t)kernel - base_of(&p))
            copy_unmangled(name, room, name_of(&of, &of.all[i]));
    free(p.bytes);
}

/* ---- shared variables ----
 * They are the variables of functions in C++ that are not constant: kernels have no others, and
 * tests are C. (A section of their own would not do: GCC does not put a template's there.) */

enum { MOST_VARIABLES = 1024 };
static emu_variable variables[MOST_VARIABLES];
static int n_variables = -1; /* not looked up yet */

/* Whether an address lies where the program may write. */
static int is_writable(const program *p, const char *at)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)p->bytes;
    const Elf64_Phdr *parts = (const Elf64_Phdr *)(p->bytes + header->e_phoff);
    if (header->e_phoff + header->e_phnum * sizeof *parts > p->n_bytes) return 0;
    for (int i = 0; i < header->e_phnum; i++) {
        const char *start = (const char *)(base_of(p) + parts[i].p_vaddr);
        if (parts[i].p_type == PT_LOAD && (parts[i].p_flags & PF_W) && at >= start &&
            at < start + parts[i].p_memsz)
            return 1;
    }
    return 0;
}

static int is_variable_of_function(const char *symbol)
{
    return strncmp(symbol, "_ZZ", 3) == 0;
}

/* "_ZZL12pc_block_sumfE7of_warp" -> "of_warp": a local's name comes last, after its length. */
static void copy_local_name(char *name, size_t room, const char *symbol)
{
    const char *start = symbol;
    for (const char *at = symbol; *at; at++) {
        char *end = (char *)at;
        const unsigned long length = *at >= '1' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (length && length <= strlen(end)) start = end;
        if (length && length <= strlen(end)) at = end + length - 1;
    }
    const size_t length = strcspn(start, "."); /* ".0", ".1" tell namesakes apart */
    snprintf(name, room, "%.*s", (int)length, start);
}

static int compare_starts(const void *a, const void *b)
{
    const char *one = ((const emu_variable *)a)->start, *other = ((const emu_variable *)b)->start;
    return (one > other) - (one < other);
}

static void look_up_variables(void)
{
    const program p = read_program();
    const symbols of = symbols_of(&p);
    n_variables = 0;
    for (size_t i = 0; i < of.n && n_variables < MOST_VARIABLES; i++) {
        char *start = (char *)(base_of(&p) + of.all[i].st_value);
        const char *name = name_of(&of, &of.all[i]);
        if (ELF64_ST_TYPE(of.all[i].st_info) != STT_OBJECT) continue;
        if (!is_writable(&p, start) || !is_variable_of_function(name)) continue;
        emu_variable *v = &variables[n_variables++];
        v->start = start;
        v->bytes = of.all[i].st_size;
        copy_local_name(v->name, sizeof v->name, name);
    }
    qsort(variables, (size_t)n_variables, sizeof *variables, compare_starts);
    free(p.bytes);
}

const emu_variable *emu_shared_variables(int *n)
{
    if (n_variables < 0) look_up_variables();
    *n = n_variables;
    return variables;
}

const emu_variable *emu_shared_variable(const void *memory)
{
    int n, first = 0;
    const emu_variable *all = emu_shared_variables(&n);
    while (first < n) { /* all before `first` begin at the address or before it, none from n on */
        const int middle = (first + n) / 2;
        if (all[middle].start <= (const char *)memory) first = middle + 1;
        else n = middle;
    }
    return first ? &all[first - 1] : NULL;
}
