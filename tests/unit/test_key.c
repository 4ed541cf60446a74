/* Where the key comes from, and that nobody else gets to see it. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "http/key.h"

static char dir[] = "/tmp/amdahl-test-XXXXXX";
static char path[64];

static void put(const char *bytes, mode_t mode)
{
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, strlen(bytes), f), strlen(bytes));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_key(struct http_key *k, const char *expected)
{
    char *value = http_key_value(k);
    assert_string_equal(value, expected);
    http_key_wipe(value);
}

static void assert_open(const char *file, const char *command, const char *expected)
{
    struct http_key *k = NULL;
    char *reason = NULL;
    assert_int_equal(http_key_open(file, command, &k, &reason), 0);
    assert_key(k, expected);
    http_key_close(k);
}

static void assert_refused(const char *file, const char *command, int err)
{
    struct http_key *k = NULL;
    char *reason = NULL;
    assert_int_equal(http_key_open(file, command, &k, &reason), err);
    assert_non_null(reason);
    assert_null(strstr(reason, "sesame"));
    free(reason);
}

static int make_dir(void **state)
{
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/amdahl-key", dir);
    return 0;
}

static int remove_dir(void **state)
{
    unlink(path);
    return rmdir(dir);
}

static int clear_environment(void **state)
{
    unsetenv("AMDAHL_API_KEY");
    unsetenv("API_KEY");
    unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static void file(void **state)
{
    put("sesame\n", 0600);
    assert_open(path, NULL, "sesame");
    put("  sesame\r\n\n", 0400);
    assert_open(path, NULL, "sesame");
}

static void file_that_is_no_secret(void **state)
{
    put("sesame\n", 0640);
    assert_refused(path, NULL, -EACCES);
    put("sesame\n", 0604);
    assert_refused(path, NULL, -EACCES);
    assert_refused(dir, NULL, -EACCES);
    assert_refused("/nonexistent", NULL, -ENOENT);
}

static void bytes_that_are_no_key(void **state)
{
    put("\n \n", 0600);
    assert_refused(path, NULL, -EINVAL);
    put("sesame\nX-Evil: 1\n", 0600);
    assert_refused(path, NULL, -EINVAL);
    put("sesame\xc3\xa9\n", 0600);
    assert_refused(path, NULL, -EINVAL);
    cleanup_free char *longer = xmalloc(20001);
    memset(longer, 's', 20000);
    longer[20000] = '\0';
    put(longer, 0600);
    assert_refused(path, NULL, -EINVAL);
}

static void environment_is_read_and_wiped(void **state)
{
    setenv("AMDAHL_API_KEY", "sesame-one", 1);
    setenv("API_KEY", "sesame-two", 1);
    char *one = getenv("AMDAHL_API_KEY");
    char *two = getenv("API_KEY");
    assert_open(NULL, NULL, "sesame-one");
    assert_null(getenv("AMDAHL_API_KEY"));
    assert_null(getenv("API_KEY"));
    assert_int_equal(*one, 0);
    assert_int_equal(*two, 0);
    setenv("API_KEY", "sesame-two", 1);
    assert_open(NULL, NULL, "sesame-two");
    assert_refused(NULL, NULL, -ENOENT);
}

static void explicit_file_wins_and_environment_is_wiped(void **state)
{
    setenv("API_KEY", "sesame-two", 1);
    put("sesame\n", 0600);
    assert_open(path, NULL, "sesame");
    assert_null(getenv("API_KEY"));
}

static void systemd_credential(void **state)
{
    put("sesame-credential", 0400);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    setenv("API_KEY", "sesame-two", 1);
    assert_open(NULL, NULL, "sesame-credential");
}

static void command(void **state)
{
    assert_open(NULL, "echo sesame", "sesame");
    assert_refused(NULL, "echo sesame; exit 3", -EPROTO);
    assert_refused(NULL, "true", -EINVAL);
    assert_refused(NULL, "yes sesame", -EFBIG);
}

static void reload(void **state)
{
    struct http_key *k;
    char *reason = NULL;
    char before[17];
    char after[17];
    put("sesame\n", 0600);
    assert_int_equal(http_key_open(path, NULL, &k, &reason), 0);
    http_key_fingerprint(k, before);
    assert_int_equal(http_key_reload(k), 0);
    put("sesame-new\n", 0600);
    assert_int_equal(http_key_reload(k), 1);
    assert_key(k, "sesame-new");
    http_key_fingerprint(k, after);
    assert_string_not_equal(before, after);
    assert_int_equal(strlen(after), 16);
    put("", 0600);
    assert_int_equal(http_key_reload(k), -EINVAL);
    assert_key(k, "sesame-new");
    unlink(path);
    assert_int_equal(http_key_reload(k), -ENOENT);
    http_key_close(k);
}

static void digest(const char *bytes, size_t len, const char *expected)
{
    unsigned char out[SHA256_BYTES];
    char hex[65];
    sha256(bytes, len, out);
    for (unsigned i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", out[i]);
    assert_string_equal(hex, expected);
}

static void sha256_of_known_texts(void **state)
{
    cleanup_free char *million = xmalloc(1000000);
    memset(million, 'a', 1000000);
    digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    digest(million, 1000000,
           "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(file, clear_environment),
        cmocka_unit_test_setup(file_that_is_no_secret, clear_environment),
        cmocka_unit_test_setup(bytes_that_are_no_key, clear_environment),
        cmocka_unit_test_setup(environment_is_read_and_wiped, clear_environment),
        cmocka_unit_test_setup(explicit_file_wins_and_environment_is_wiped,
                               clear_environment),
        cmocka_unit_test_setup(systemd_credential, clear_environment),
        cmocka_unit_test_setup(command, clear_environment),
        cmocka_unit_test_setup(reload, clear_environment),
        cmocka_unit_test(sha256_of_known_texts),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
