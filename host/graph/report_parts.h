/* The files of host/graph/report as they were when the library was built: 0-terminated. */
#ifndef PC_GRAPH_REPORT_PARTS_H
#define PC_GRAPH_REPORT_PARTS_H

extern const unsigned char pc_report_page[];   /* page.html */
extern const unsigned char pc_report_style[];  /* page.css */
extern const unsigned char pc_report_script[]; /* the scripts, in their order */

#endif
