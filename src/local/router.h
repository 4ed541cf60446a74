/* router.h - from a request to its handler: the route, the budget, the key, the scope. */
#ifndef LOCAL_ROUTER_H
#define LOCAL_ROUTER_H

struct app;
struct reply;
struct request;

#define API_PREFIX "/api/platform/v1"

/* Always fills the reply. */
void router_handle(struct app *app, struct request *rq, struct reply *rp);

#endif
