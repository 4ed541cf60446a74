/* ctl.h - amdahlctl: what its commands share.
 *
 * A command is a function of its arguments that returns the exit status; the table in
 * main.c names them all. What went wrong is said on standard error, answers go to
 * standard output. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

enum ctl_exit {
    CTL_OK = 0,
    CTL_NO = 1,         /* the answer is no: unsent, refused, no such page */
    CTL_USAGE = 2,      /* the command line makes no sense */
    CTL_CONNECTION = 3, /* no mount, or the platform could not be asked */
};

/* The options, as given. */
struct ctl {
    bool json;            /* answers for programs */
    bool colour;          /* standard output is a terminal that wants it */
    const char *url;      /* --url, or $AMDAHL_URL; may be NULL */
    const char *key_file; /* --key-file; may be NULL */
    char **tail;          /* what stands behind "--": a command to be run, or NULL */
};

typedef int ctl_run_fn(const struct ctl *ctl, int argc, char **argv);

/* argv[0] is the first argument behind the command's name; argc is within the bounds of
 * the table. */
ctl_run_fn status_run;
ctl_run_fn refresh_run;
ctl_run_fn allow_archive_run;
ctl_run_fn restore_run;
ctl_run_fn discard_run;
ctl_run_fn diff_run;
ctl_run_fn push_run;
ctl_run_fn undo_run;
ctl_run_fn validate_run;
ctl_run_fn batch_run;
ctl_run_fn fetch_run;

/* "amdahlctl: ..." and a newline on standard error. */
void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* s as text for a terminal: control characters become blanks, no UTF-8 a question mark.
 * Names and errors come from the platform. */
void ctl_print_clean(FILE *to, const char *s);
/* The same on standard output, in a colour where it shows colours. */
enum paint { PAINT_PLAIN, PAINT_GOOD, PAINT_WAIT, PAINT_BAD };
void ctl_print_painted(const struct ctl *ctl, enum paint paint, const char *s);

#endif
