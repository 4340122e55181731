/* Time that passes, for measuring how long something takes. */
#ifndef PC_BASE_CLOCK_H
#define PC_BASE_CLOCK_H

/* Seconds since some fixed moment; never goes back. */
double pc_seconds(void);

#endif
