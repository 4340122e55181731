/* Fuzzes circuit.json: any bytes give one line of message, or a circuit that can be written, read
 * back and drawn. */
#include "graph/report_page.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What was read writes and reads back as the same bytes. */
static void expect_round_trip(const pc_circuit *c)
{
    pc_text first = {0}, second = {0};
    pc_circuit *back = NULL;
    if (pc_circuit_put_json(&first, c) != PC_OK) abort();
    if (pc_circuit_parse(&back, first.data, first.length, "again.json") != PC_OK) abort();
    if (pc_circuit_put_json(&second, back) != PC_OK) abort();
    if (strcmp(first.data, second.data) != 0) abort();
    pc_circuit_free(back);
    pc_text_free(&second);
    pc_text_free(&first);
}

static void expect_drawings(const pc_circuit *c)
{
    pc_text text = {0};
    if (pc_circuit_put_svg(&text, c, NULL) != PC_OK) abort();
    if (pc_circuit_put_figure(&text, c, NULL, pc_figure_put_pdf) != PC_OK) abort();
    if (pc_circuit_put_dot(&text, c, NULL) != PC_OK) abort();
    if (pc_circuit_put_graphml(&text, c, NULL) != PC_OK) abort();
    if (pc_circuit_put_csv(&text, c) != PC_OK) abort();
    if (pc_report_put_page(&text, c, "", NULL) != PC_OK) abort();
    pc_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_circuit *c = NULL;
    if (pc_circuit_parse(&c, (const char *)bytes, length, "fuzz.json") == PC_OK) {
        expect_round_trip(c);
        expect_drawings(c);
        pc_circuit_free(c);
    } else if (c || !*pc_last_error() || strchr(pc_last_error(), '\n')) {
        abort(); /* a failure without its one line, or with half a circuit */
    }
    return 0;
}
