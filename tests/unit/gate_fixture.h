/* gate_fixture.h - a small interactions table in a file of its own, and a gate on it. */
#ifndef UNIT_GATE_FIXTURE_H
#define UNIT_GATE_FIXTURE_H

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/alloc.h"
#include "local/demo_schema.h"
#include "local/sqlgate.h"

/* Rows 1..300, ten days apart going back from today: every third is a deal. */
static const char fixture_rows[] =
    "CREATE TABLE keys (secret TEXT); INSERT INTO keys VALUES ('sesame');"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
    "INSERT INTO interactions SELECT 'i' || i, 'tenant-1',"
    " datetime('now', -i || ' days'),"
    " CASE WHEN i % 3 = 0 THEN 'deal' ELSE 'conversation' END,"
    " CASE i % 2 WHEN 0 THEN 'call' ELSE 'email' END, 'external',"
    " 'Company ' || i % 7, 'Owner ' || i % 4, 'discovery', 'Deal ' || i, i * 1000.5,"
    " CASE WHEN i % 3 = 0 THEN CASE i % 4 WHEN 0 THEN 'closed_won' WHEN 1 THEN"
    "  'closed_lost' WHEN 2 THEN 'discovery' ELSE 'proposal' END END,"
    " CASE WHEN i % 3 = 0 THEN i * 500.25 END,"
    " CASE WHEN i % 3 = 0 AND i % 4 < 2 THEN datetime('now', -i || ' days') END,"
    " datetime('now'),"
    " CASE WHEN i % 3 <> 0 THEN CASE i % 2 WHEN 0 THEN 'positive' ELSE 'negative' END "
    "END,"
    " CASE WHEN i % 3 <> 0 THEN 'pricing' END,"
    " CASE WHEN i % 5 = 0 THEN 'Globex' END, 'They said \"h\u00e9\" \\ ' || i FROM n;";

struct gate_fixture {
    char dir[32];
    char path[48];
    struct sqlgate *gate;
};

static inline int gate_fixture_setup(void **state)
{
    struct gate_fixture *f = xcalloc(1, sizeof(*f));
    sqlite3 *db;
    strcpy(f->dir, "/tmp/gate-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/data.db", f->dir);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, DEMO_INTERACTIONS_SQL, NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, fixture_rows, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sqlgate_open(f->path, &f->gate), 0);
    *state = f;
    return 0;
}

static inline int gate_fixture_teardown(void **state)
{
    struct gate_fixture *f = *state;
    sqlgate_close(f->gate);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static inline struct sqlgate *gate_of(void **state)
{
    return ((struct gate_fixture *)*state)->gate;
}

#endif
