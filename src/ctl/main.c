/* main.c - amdahlctl: options, and the table of commands. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static const struct command {
    const char *name;
    const char *arguments;
    const char *help;
    ctl_run_fn *run;
    int min, max; /* how many arguments; max -1: any number */
} commands[] = {
    {"status", "[MOUNT]", "the connection, and what is not sent; 1 when anything is",
     status_run, 0, 1},
    {"refresh", "[MOUNT]", "read the list and every page anew", refresh_run, 0, 1},
    {"diff", "PAGE[/FILE] [MOUNT]",
     "drafts against the platform's text; 1 when they differ", diff_run, 1, 2},
    {"push", "PAGE[/FILE] [MOUNT]", "send a draft", push_run, 1, 2},
    {"undo", "PAGE[/FILE] [MOUNT]", "bring back what the newest save replaced", undo_run,
     1, 2},
    {"discard", "PAGE[/FILE] [MOUNT]", "drop a draft; the file holds the platform's text",
     discard_run, 1, 2},
    {"restore", "PAGE [MOUNT]", "bring back the names that were removed from a page",
     restore_run, 1, 2},
    {"allow-archive", "[COUNT] [MOUNT]", "let COUNT (20) more pages pass the brake",
     allow_archive_run, 0, 2},
    {"fetch", "[PAGE...] [MOUNT]",
     "read pages ahead, all or those named; 1 when some cannot be read", fetch_run, 0,
     -1},
    {"validate", "FILE|DIR ...", "ask the verifier, and save nothing; 1 when it refuses",
     validate_run, 1, -1},
    {"batch", "[MOUNT] -- CMD ...",
     "run CMD; what it saves is sent at its end, each page once", batch_run, 0, 1},
};

enum { OPT_JSON = 1, OPT_URL, OPT_KEY_FILE, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"url", required_argument, NULL, OPT_URL},
    {"key-file", required_argument, NULL, OPT_KEY_FILE},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static void print_help(void)
{
    puts("Usage: amdahlctl [OPTION]... COMMAND [ARGUMENT]...\n"
         "The hand tool beside a mount of amdahlfs.\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %-14s %-20s %s\n", commands[i].name, commands[i].arguments,
               commands[i].help);
    puts("\n  --json            answers for programs\n"
         "  --url URL         validate: the platform; else AMDAHL_URL\n"
         "  --key-file FILE   validate: the API key; else AMDAHL_API_KEY or API_KEY\n"
         "  --help, --version\n\n"
         "MOUNT may be left out inside a mount. PAGE is a name below pages/, or a path.\n"
         "See amdahlctl(1).");
}

static _Noreturn void bad_usage(void)
{
    fputs("Try 'amdahlctl --help'.\n", stderr);
    exit(CTL_USAGE);
}

static void take_option(struct ctl *ctl, int option)
{
    switch (option) {
    case OPT_JSON:
        ctl->json = true;
        break;
    case OPT_URL:
        ctl->url = optarg;
        break;
    case OPT_KEY_FILE:
        ctl->key_file = optarg;
        break;
    case OPT_HELP:
        print_help();
        exit(CTL_OK);
    case OPT_VERSION:
        puts("amdahlctl " AMDAHLFS_VERSION);
        exit(CTL_OK);
    default: /* getopt has said what is wrong */
        bad_usage();
    }
}

/* https://no-color.org: set and not empty. */
static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    ctl_error("'%s' is no command", name);
    bad_usage();
}

/* Takes the command that is to be run, from "--" on, off the line: getopt would lose
 * where it begins. */
static int take_tail(struct ctl *ctl, int argc, char **argv)
{
    bool wanted = false;
    for (int i = 1; i < argc; i++) {
        wanted = wanted || !strcmp(argv[i], "batch");
        if (!wanted || strcmp(argv[i], "--") != 0)
            continue;
        argv[i] = NULL;
        ctl->tail = argv + i + 1;
        return i;
    }
    return argc;
}

/* A full disk or a closed pipe is told too. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    ctl_error("standard output: %m");
    return status ? status : CTL_NO;
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.colour = wants_colour(), .url = getenv("AMDAHL_URL")};
    int option;
    argc = take_tail(&ctl, argc, argv);
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        take_option(&ctl, option);
    if (optind == argc) {
        ctl_error("no command is given");
        bad_usage();
    }
    const struct command *command = find_command(argv[optind++]);
    int count = argc - optind;
    if (count < command->min || (command->max >= 0 && count > command->max) ||
        (command->run == batch_run) != (ctl.tail && *ctl.tail)) {
        ctl_error("usage: amdahlctl %s %s", command->name, command->arguments);
        return CTL_USAGE;
    }
    return finish(command->run(&ctl, count, argv + optind));
}
