/* Measures the GPU it finds: copy and product rates, which cuBLASLt algorithms treat all rows
 * alike, and our operators. A program by itself: one file, and libcublasLt. Exit 0, or 1 when there
 * is no GPU or an operator is wrong, 3 for wrong usage. */
#include "probe_parts.h"
#include "probe_run.h"

#include <stdlib.h>
#include <string.h>

/* Outputs and inputs of GPT-2 small's products (with a head's), of a Llama-like model's at 4096. */
static const int64_t real_products[][2] = {{2304, 768},   {768, 768},    {3072, 768},  {768, 3072},
                                           {64, 768},     {768, 64},     {6144, 4096}, {4096, 4096},
                                           {14336, 4096}, {4096, 14336}, {0, 0}};
static const int64_t small_products[][2] = {{24, 16}, {8, 32}, {0, 0}};

static const probe_sizes real_sizes = {.rows = 5632,
                                       .few = {1, 7, 128},
                                       .copy_bytes = (int64_t)4 << 30,
                                       .cube = 8192,
                                       .n_k = real_products,
                                       .d_model = 768,
                                       .d_mlp = 3072,
                                       .wide = 4096,
                                       .d_head = 64,
                                       .variants = 375,
                                       .positions = 15,
                                       .sets = 8,
                                       .n_algorithms = 16};

static const probe_sizes small_sizes = {.rows = 40,
                                        .few = {1, 7, 21},
                                        .copy_bytes = 1 << 16,
                                        .cube = 24,
                                        .n_k = small_products,
                                        .d_model = 16,
                                        .d_mlp = 24,
                                        .wide = 40,
                                        .d_head = 8,
                                        .variants = 6,
                                        .positions = 3,
                                        .sets = 2,
                                        .n_algorithms = 8};

typedef struct options {
    const probe_sizes *sizes;
    const char *json_path;
    FILE *json;
    int prints_all;
} options;

static void usage(void)
{
    fputs("usage: gpu_probe [--all] [--json FILE] [--small]\n"
          "  --all        print every algorithm, not only the summary (the JSON has both)\n"
          "  --json FILE  write all that was measured\n"
          "  --small      tiny sizes, which prove only that the probe works\n",
          stderr);
    exit(3);
}

static options read_options(int argc, char **argv)
{
    options o = {.sizes = &real_sizes};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0) o.prints_all = 1;
        else if (strcmp(argv[i], "--small") == 0) o.sizes = &small_sizes;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) o.json_path = argv[++i];
        else usage();
    }
    if (!o.json_path) return o;
    o.json = fopen(o.json_path, "w"); /* now, not after minutes of measuring */
    if (o.json) return o;
    fprintf(stderr, "gpu_probe: %s cannot be written\n", o.json_path);
    exit(1);
}

static void find_device(void)
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaSuccess && count > 0) return;
    fprintf(stderr, "gpu_probe: no GPU: %s\n",
            error == cudaSuccess ? "there is none" : cudaGetErrorString(error));
    exit(1);
}

static void describe_device(probe_table *table)
{
    static const char *const columns[] = {"device",   "capability", "multiprocessors", "memory GiB",
                                          "L2 MiB",   "driver",     "runtime",         "cuBLASLt",
                                          "rows (M)", NULL};
    struct cudaDeviceProp device;
    int driver = 0, runtime = 0;
    probe_expect(cudaGetDeviceProperties(&device, 0), "the device's properties");
    probe_expect(cudaDriverGetVersion(&driver), "the driver's version");
    probe_expect(cudaRuntimeGetVersion(&runtime), "the runtime's version");
    probe_table_start(table, "Device", columns, NULL);
    probe_cell(table, "%s", device.name);
    probe_cell(table, "%d.%d", device.major, device.minor);
    probe_cell(table, "%d", device.multiProcessorCount);
    probe_cell(table, "%.1f", (double)device.totalGlobalMem / (double)(1 << 30));
    probe_cell(table, "%.1f", (double)device.l2CacheSize / (double)(1 << 20));
    probe_cell(table, "%d", driver);
    probe_cell(table, "%d", runtime);
    probe_cell(table, "%zu", cublasLtGetVersion());
}

enum { DEVICE, CEILINGS, OPERATORS, SUMMARY, ALGORITHMS, N_TABLES };

static int write_json(const probe_table *tables, const options *o)
{
    fputs("{\"schema\": \"patchclamp-gpu-probe/1\", \"tables\": [\n", o->json);
    for (int i = 0; i < N_TABLES; i++) {
        probe_table_json(&tables[i], o->json);
        fputs(i + 1 < N_TABLES ? ",\n" : "\n]}\n", o->json);
    }
    const int has_failed = ferror(o->json);
    if (!(fclose(o->json) || has_failed)) return 0;
    fprintf(stderr, "gpu_probe: %s could not be written to the end\n", o->json_path);
    return 1;
}

int main(int argc, char **argv)
{
    const options o = read_options(argc, argv);
    probe_table tables[N_TABLES] = {0};
    find_device();
    describe_device(&tables[DEVICE]);
    probe_cell(&tables[DEVICE], "%lld", (long long)o.sizes->rows);
    probe_table_print(&tables[DEVICE], stdout);
    const double copy_rate = probe_ceilings(&tables[CEILINGS], o.sizes);
    probe_table_print(&tables[CEILINGS], stdout);
    fflush(stdout);
    const int n_wrong = probe_operators(&tables[OPERATORS], o.sizes, copy_rate);
    probe_table_print(&tables[OPERATORS], stdout);
    fflush(stdout);
    probe_algorithms(&tables[ALGORITHMS], &tables[SUMMARY], o.sizes);
    if (o.prints_all) probe_table_print(&tables[ALGORITHMS], stdout);
    probe_table_print(&tables[SUMMARY], stdout);
    if (n_wrong) printf("\n%d operators are WRONG on this device\n", n_wrong);
    const int failed = o.json ? write_json(tables, &o) : 0;
    for (int i = 0; i < N_TABLES; i++)
        probe_table_free(&tables[i]);
    return failed || n_wrong || fflush(stdout) != 0;
}
