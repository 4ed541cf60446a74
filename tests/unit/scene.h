/* scene.h - a page with a save, made by hand: for what needs no workspace that runs. */
#ifndef UNIT_SCENE_H
#define UNIT_SCENE_H

#include "workspace/save.h"

/* A page of the platform whose spec is a draft, and a save of it that has not begun. */
struct scene {
    struct workspace ws;
    struct page page;
    struct item file, moved;
    struct save save, other;
    struct doc *spec, *queries;
};

struct scene *scene_new(void);
void scene_free(struct scene *c);
/* The save in a state, with all that it must have there. */
void scene_enter(struct scene *c, enum save_state state);

struct text *some_text(void);   /* a reference */
void some_step(struct save *s); /* for `then` */

#endif
