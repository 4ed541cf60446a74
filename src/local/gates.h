/* gates.h - a few gates to the data, so that one slow query does not hold up the others.
 * (A gate runs one query at a time: sqlgate.h.) */
#ifndef LOCAL_GATES_H
#define LOCAL_GATES_H

struct gates;
struct sqlgate;

enum { GATES_COUNT = 4 };

/* Opens them all on the data file. 0 or -errno. */
int gates_open(const char *db_path, struct gates **ret_gates);
/* None may be borrowed. NULL is allowed. */
void gates_close(struct gates *g);

/* Yours until it is given back; waits for one. */
struct sqlgate *gates_borrow(struct gates *g);
void gates_return(struct gates *g, struct sqlgate *gate);

#endif
