/* workspace/names.c and base/utf8.c: whatever a page is called, its directory is one
 * ordinary component. */
#include "cmocka_all.h"

#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "workspace/names.h"

static void assert_slug(const char *name, const char *expected)
{
    cleanup_free char *slug = name_slug(name);
    cleanup_free char *again = name_slug(slug);
    assert_string_equal(slug, expected);
    assert_string_equal(again, expected);
    assert_true(name_is_component(slug));
}

static void test_slug_ordinary(void **state)
{
    assert_slug("Weekly sentiment", "weekly-sentiment");
    assert_slug("  Deals   by\tstage \n", "deals-by-stage");
    assert_slug("Q1 - Q2", "q1-q2");
    assert_slug("a--b", "a--b");
    assert_slug("a / b", "a-b");
    assert_slug("Übersicht Größe", "Übersicht-größe"); /* lower case: ASCII alone */
    assert_slug("v1.2 (final)", "v1.2-(final)");
    assert_slug("page~2", "page~2");
}

static void test_slug_hostile(void **state)
{
    assert_slug(NULL, "page");
    assert_slug("", "page");
    assert_slug("   ", "page");
    assert_slug(".", "page");
    assert_slug("..", "page");
    assert_slug("...", "page");
    assert_slug(" / ", "page");
    assert_slug("-/-.-", "page");
    assert_slug("../../etc/passwd", "etc-passwd");
    assert_slug(".git", "git");
    assert_slug("-.-.hidden", "hidden");
    assert_slug("-rf", "rf");
    assert_slug("a\x01\x1f\x7f"
                "b\r\nc",
                "a-b-c");
    assert_slug("\x1b[31mred", "[31mred");
}

static void test_slug_bad_utf8(void **state)
{
    assert_slug("a\xff\xfe"
                "b",
                "a-b");
    assert_slug("caf\xe9", "caf"); /* Latin-1 */
    assert_slug("a\xc0\xaf"
                "b",
                "a-b"); /* an overlong '/' */
    assert_slug("a\xed\xa0\x80"
                "b",
                "a-b");                       /* half a surrogate pair */
    assert_slug("a\xf4\x90\x80\x80z", "a-z"); /* above U+10FFFF */
    assert_slug("x\xe2\x82", "x");            /* cut short */
    assert_slug("a\xc2\x9b"
                "31mb",
                "a-31mb"); /* C1: CSI of some terminals */
}

static void test_slug_direction_marks(void **state)
{
    assert_slug("safe\u202egpj.exe", "safe-gpj.exe");
    assert_slug("a\u2066b\u2069", "a-b");
    assert_slug("a\u2028b", "a-b");
    assert_slug("a\u00a0b", "a-b");
    assert_slug("\u05d0\u200f!", "\u05d0\u200f!"); /* a plain mark is text */
}

static void test_slug_length(void **state)
{
    char name[5001];
    memset(name, 'A', 5000);
    name[5000] = '\0';
    cleanup_free char *slug = name_slug(name);
    assert_int_equal(strlen(slug), NAME_SLUG_MAX);
    assert_int_equal(strspn(slug, "a"), NAME_SLUG_MAX);

    memset(name, '/', 5000);
    assert_slug(name, "page");

    /* 78 letters and an emoji of four bytes: the emoji goes as a whole. */
    memset(name, 'a', 78);
    strcpy(name + 78, "\U0001f600b");
    cleanup_free char *emoji = name_slug(name);
    assert_int_equal(strlen(emoji), 78);
    strcpy(name + 76, "\U0001f600b");
    cleanup_free char *fits = name_slug(name);
    assert_int_equal(strlen(fits), 80);
    assert_string_equal(fits + 76, "\U0001f600");
    /* No dash is left where the cut fell. */
    strcpy(name + 79, " tail");
    memset(name, 'a', 79);
    cleanup_free char *dash = name_slug(name);
    assert_int_equal(strlen(dash), 79);
}

static void assert_unique(const char *slug, const char *id, const char *expected)
{
    cleanup_free char *name = name_slug_unique(slug, id);
    assert_string_equal(name, expected);
    assert_true(name_is_component(name));
}

static void test_slug_unique(void **state)
{
    assert_unique("deals", "0b3f9c1e-77aa", "deals~0b3f9c1e");
    assert_unique("deals", "p1", "deals~p1");
    assert_unique("deals", "../../x", "deals~..-..-x");
    assert_unique("deals", "\xc3\xa9\x01 /", "deals~-----");
    assert_unique("deals", "", "deals~");
    assert_unique("deals", NULL, "deals~");

    char slug[300];
    memset(slug, 'a', 299);
    slug[299] = '\0';
    cleanup_free char *cut = name_slug_unique(slug, "0123456789");
    assert_int_equal(strlen(cut), NAME_COMPONENT_MAX);
    assert_string_equal(cut + NAME_COMPONENT_MAX - 9, "~01234567");
}

static bool is_among(void *arg, const char *name)
{
    for (const char *const *taken = arg; *taken; taken++)
        if (!strcmp(*taken, name))
            return true;
    return false;
}

static void test_unused(void **state)
{
    static const char *taken[] = {"deals", "deals~0b3f9c1e", "deals~0b3f9c1e-3", "x",
                                  NULL};
    cleanup_free char *own = name_unused("y", "0b3f9c1e-77aa", is_among, taken);
    cleanup_free char *second = name_unused("x", "0b3f9c1e-77aa", is_among, taken);
    cleanup_free char *fourth = name_unused("deals", "0b3f9c1e-77aa", is_among, taken);
    assert_string_equal(own, "y");
    assert_string_equal(second, "x~0b3f9c1e");
    assert_string_equal(fourth, "deals~0b3f9c1e-4");
}

static void test_is_component(void **state)
{
    char name[257];
    memset(name, 'a', 256);
    name[256] = '\0';
    assert_false(name_is_component(name));
    name[255] = '\0';
    assert_true(name_is_component(name));
    assert_true(name_is_component("..."));
    assert_true(name_is_component(".git"));
    assert_true(name_is_component("caf\xe9"));
    assert_false(name_is_component(""));
    assert_false(name_is_component("."));
    assert_false(name_is_component(".."));
    assert_false(name_is_component("a/b"));
    assert_false(name_is_component("a\nb"));
    assert_false(name_is_component("a\x7f"));
}

static void assert_decodes(const char *s, size_t length, uint32_t expected)
{
    uint32_t code = 0;
    assert_int_equal(utf8_decode(s, strlen(s), &code), length);
    assert_int_equal(code, expected);
}

static void test_utf8_decode(void **state)
{
    assert_decodes("a", 1, 'a');
    assert_decodes("\u00e9x", 2, 0xe9);
    assert_decodes("\u20ac", 3, 0x20ac);
    assert_decodes("\U0010ffff", 4, 0x10ffff);
    assert_decodes("", 0, 0);
    assert_decodes("\x80", 0, 0);
    assert_decodes("\xc1\xbf", 0, 0);
    assert_decodes("\xe0\x9f\xbf", 0, 0);
    assert_decodes("\xf8\x88\x80\x80\x80", 0, 0);
    assert_decodes("\xe2\x82", 0, 0);
}

static void test_utf8_cut(void **state)
{
    const char *s = "a\u00e9\U0001f600b"; /* 1 + 2 + 4 + 1 */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
    for (size_t max = 0; max < ARRAY_LEN(expected); max++)
        assert_int_equal(utf8_cut(s, 8, max), expected[max]);
    assert_int_equal(utf8_cut("\xff\xff\xff", 3, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slug_ordinary), cmocka_unit_test(test_slug_hostile),
        cmocka_unit_test(test_slug_bad_utf8), cmocka_unit_test(test_slug_direction_marks),
        cmocka_unit_test(test_slug_length),   cmocka_unit_test(test_slug_unique),
        cmocka_unit_test(test_unused),        cmocka_unit_test(test_is_component),
        cmocka_unit_test(test_utf8_decode),   cmocka_unit_test(test_utf8_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
