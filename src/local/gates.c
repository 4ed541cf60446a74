#include "local/gates.h"

#include <pthread.h>

#include "base/alloc.h"
#include "local/sqlgate.h"

struct gates {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t returned;
    struct sqlgate *free[GATES_COUNT];
    size_t free_count;
};

int gates_open(const char *db_path, struct gates **ret_gates)
{
    struct gates *g = xcalloc(1, sizeof *g);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->returned, NULL);
    while (g->free_count < GATES_COUNT) {
        int r = sqlgate_open(db_path, &g->free[g->free_count]);
        if (r < 0) {
            gates_close(g);
            return r;
        }
        g->free_count++;
    }
    *ret_gates = g;
    return 0;
}

void gates_close(struct gates *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->free_count; i++)
        sqlgate_close(g->free[i]);
    pthread_cond_destroy(&g->returned);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

struct sqlgate *gates_borrow(struct gates *g)
{
    pthread_mutex_lock(&g->lock);
    while (g->free_count == 0)
        pthread_cond_wait(&g->returned, &g->lock);
    struct sqlgate *gate = g->free[--g->free_count];
    pthread_mutex_unlock(&g->lock);
    return gate;
}

void gates_return(struct gates *g, struct sqlgate *gate)
{
    pthread_mutex_lock(&g->lock);
    g->free[g->free_count++] = gate;
    pthread_cond_signal(&g->returned);
    pthread_mutex_unlock(&g->lock);
}
