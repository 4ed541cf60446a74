#include "workspace/data_reader.h"

#include <pthread.h>

#include "base/alloc.h"

struct data_reader {
    enum rows_form form;
    struct text *text; /* a reference */
    struct json_span array;
    pthread_mutex_t lock; /* guards all that follows; held while a part is made */
    struct rows *rows;    /* NULL: not yet; to find the columns takes its time */
};

struct data_reader *data_reader_new(enum rows_form form, struct text *text,
                                    struct json_span rows)
{
    struct data_reader *r = xcalloc(1, sizeof *r);
    r->form = form;
    r->text = text_ref(text);
    r->array = rows;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void data_reader_free(struct data_reader *r)
{
    if (!r)
        return;
    rows_free(r->rows);
    text_unref(r->text);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static int reader_begin(struct data_reader *r)
{
    return r->rows ? 0 : rows_new(r->form, r->text->data, r->array, &r->rows);
}

int data_reader_read(struct data_reader *r, size_t size, uint64_t off, struct buf *out)
{
    pthread_mutex_lock(&r->lock);
    int err = reader_begin(r);
    if (!err)
        rows_read(r->rows, off, size, out);
    pthread_mutex_unlock(&r->lock);
    return err;
}

uint64_t data_reader_size(struct data_reader *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t size = reader_begin(r) == 0 ? rows_size(r->rows) : 0;
    pthread_mutex_unlock(&r->lock);
    return size;
}
