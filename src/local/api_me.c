#include "local/app.h"
#include "local/exchange.h"

void api_me(struct app *app, struct request *rq, struct reply *rp)
{
    rp->status = 200;
    buf_printf(&rp->body,
               "{\"business_id\":\"%s\",\"user_id\":\"%s\",\"scopes\":", app->business_id,
               key_user_id(rq->key));
    key_print_scopes(rq->key, &rp->body);
    buf_printf(&rp->body,
               ",\"expires_at\":null,\"auth_method\":\"api_key\",\"key_name\":\"%s\","
               "\"role\":\"%s\",\"workspace\":{\"id\":\"%s\",\"name\":\"Local\","
               "\"slug\":\"local\"}}",
               key_name(rq->key), key_role_name(rq->key), app->business_id);
}
