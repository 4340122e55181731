/* The interactive report of a circuit: one HTML page that needs nothing else.
 *
 * report/page.html is the page with places for what this fills in; page.css and the scripts stand
 * beside it and are compiled into the library (host/cmake/embed.cmake). */
#ifndef PC_GRAPH_REPORT_PAGE_H
#define PC_GRAPH_REPORT_PAGE_H

#include "graph/circuit_private.h"

/* Rows that the page lists; the rest is counted. */
enum { PC_REPORT_MOST_ROWS = 5000 };

/* Appends the page. `members` are further members of the object that its scripts read, as JSON,
 * each with a comma behind it: what the circuit does not know. `options` may be NULL; a circuit
 * must have passed pc_circuit_check(). */
pc_status pc_report_put_page(pc_text *out, const pc_circuit *circuit, const char *members,
                             const pc_draw_options *options);

/* The members that the circuit knows, without braces; for tests. */
void pc_report_put_circuit(pc_text *out, const pc_circuit *circuit, const size_t *node_order,
                           const size_t *edge_order);

#endif
