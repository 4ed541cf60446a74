/* workspace/proc.c against real processes. */
#include "cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workspace/proc.h"

/* A child that waits for a signal, with SIGTERM blocked. */
static pid_t child_start(void)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (!pid) {
        sigset_t blocked;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_SETMASK, &blocked, NULL);
        signal(SIGHUP, SIG_DFL); /* below nohup, a CI runner's say, it came ignored */
        prctl(PR_SET_NAME, "a\nchild)");
        if (write(ready[1], "", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_true(pid > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void wait_until_zombie(pid_t pid)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_began(void **state)
{
    int64_t before = proc_now_ms();
    pid_t pid = child_start(); /* whose name holds a parenthesis and a newline */
    int64_t began = proc_began_ms(pid);
    assert_true(began + PROC_STEP_MS >= before && began <= proc_now_ms());
    assert_true(proc_began_ms(getpid()) <= began);
    assert_int_equal(proc_began_ms(pid), began);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(proc_began_ms(pid), -1);
    assert_int_equal(proc_began_ms(0), -1);
}

static void test_is_dying(void **state)
{
    pid_t pid = child_start();
    assert_false(proc_is_dying(pid));
    kill(pid, SIGTERM); /* pending for ever, but not fatal */
    assert_false(proc_is_dying(pid));
    kill(pid, SIGKILL);
    wait_until_zombie(pid);
    assert_true(proc_is_dying(pid));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(proc_is_dying(pid));
}

static void test_is_dying_by_another_signal(void **state)
{
    pid_t pid = child_start();
    kill(pid, SIGHUP);
    wait_until_zombie(pid);
    assert_true(proc_is_dying(pid));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_is_not_dying(void **state)
{
    assert_false(proc_is_dying(getpid()));
    assert_false(proc_is_dying(1)); /* another user's, perhaps */
    assert_false(proc_is_dying(0)); /* the kernel's own requests, other namespaces */
    assert_false(proc_is_dying(-1));
}

struct thread_seen {
    pid_t tid, tgid;
    bool dying;
};

static void *thread_main(void *arg)
{
    struct thread_seen *seen = arg;
    seen->tid = (pid_t)syscall(SYS_gettid);
    seen->tgid = proc_tgid(seen->tid);
    seen->dying = proc_is_dying(seen->tid);
    return NULL;
}

static void test_tgid_of_a_thread(void **state)
{
    struct thread_seen seen = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, thread_main, &seen), 0);
    pthread_join(thread, NULL);
    assert_int_not_equal(seen.tid, getpid());
    assert_int_equal(seen.tgid, getpid());
    assert_false(seen.dying);
    assert_int_equal(proc_tgid(getpid()), getpid());
}

static void test_tgid_unknown(void **state)
{
    pid_t pid = child_start();
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(proc_tgid(pid), pid);
    assert_int_equal(proc_tgid(0), 0);
    assert_int_equal(proc_tgid(-1), -1);
}

static void test_comm(void **state)
{
    char comm[16];
    pid_t pid = child_start();
    memset(comm, 'x', sizeof comm);
    proc_comm(pid, comm);
    assert_string_equal(comm, "a?child)");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    proc_comm(pid, comm);
    assert_string_equal(comm, "");
    proc_comm(0, comm);
    assert_string_equal(comm, "");
}

static void test_comm_is_cut(void **state)
{
    char comm[16];
    char mine[16];
    prctl(PR_GET_NAME, mine);
    prctl(PR_SET_NAME, "fifteen-letters");
    proc_comm(getpid(), comm);
    assert_string_equal(comm, "fifteen-letters");
    prctl(PR_SET_NAME, mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_began),
        cmocka_unit_test(test_is_dying),
        cmocka_unit_test(test_is_dying_by_another_signal),
        cmocka_unit_test(test_is_not_dying),
        cmocka_unit_test(test_tgid_of_a_thread),
        cmocka_unit_test(test_tgid_unknown),
        cmocka_unit_test(test_comm),
        cmocka_unit_test(test_comm_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
