"""A second Amdahl platform, small and contrary, for the tests of the driver.

It shares nothing with amdahl-local: it is another reading of the same contract. Every
place where the contract's sources disagree is a field of Shape, every way for a server
to misbehave is a Fault, and every request is kept for a test to count.

    with FakePlatform(Shape(paging="cursor", errors="sentence")) as fake:
        fake.add_page("Weekly sentiment")
        fake.fault("GET", r"/pages/pg-1$", "hang")
        ...
        assert fake.count("PATCH") == 1
"""
import contextlib
import copy
import dataclasses
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse
import uuid

import fakefaults

PREFIX = "/api/platform/v1"
CATALOG = {"Section", "Row", "Grid", "Card", "Heading", "Text", "Markdown", "Stat",
           "Table", "BarChart", "LineChart", "List", "Custom"}


@dataclasses.dataclass
class Shape:
    """One reading of the contract; each field names what its values stand for."""
    paging: str = "offset"         # offset | cursor | none (the whole list, limit ignored)
    envelope: str = "items"        # items | pages | data | data.items | bare | other
    summary: tuple = ("updated_at", "version")  # change tokens that summaries carry
    since: str = "ignored"         # updated_at_gte: ignored | honoured | later (not equal) |
                                   # coarse (by the hour) | nothing (no page) | refused
    timestamps: bool = True        # created_at and updated_at on full pages
    wrap: bool = False             # success answers stand under a lone {"data": ...}
    errors: str = "object"         # object | code | sentence | flat | string | success_false
    verdict: str = "details"       # body | details | details.verdict | ok_status
    auth: str = "any"              # any | x-api-key | bearer
    normalise: bool = False        # what is stored: 1.0 becomes 1, keys are sorted
    delete_empty: bool = True      # DELETE answers 204 and nothing, else a small object
    create_status: int = 201
    patch_answers_page: bool = True  # else {"ok": true, "id": ...} and no page
    retry_after: str = "top"       # top | error.details | details | header
    console_url: bool = True
    me_answers: bool = True        # else 404: an older platform without /me
    rows: str = "row_count"        # row_count (with columns) | rowCount (with truncated)


@dataclasses.dataclass
class Fault:
    """What happens to the next `times` requests that match (None: to all of them)."""
    method: str
    path: str
    kind: str       # a method fault_<kind> of fakefaults.Faults
    times: int | None = None
    arg: object = None
    seen: int = 0


@dataclasses.dataclass
class Request:
    method: str
    path: str       # without PREFIX and without the query
    query: dict
    body: bytes
    headers: dict
    status: int = 0     # 0 while it hangs, or when the connection was dropped
    at: float = dataclasses.field(default_factory=time.monotonic)
    connection: int = 0

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __str__(self):
        return f"{self.method} {self.path} -> {self.status}"


class FakePlatform:
    def __init__(self, shape=None, key="fake-key", scopes=None):
        self.shape = shape or Shape()
        self.key = key
        self.scopes = scopes or ["pages:read", "pages:write", "data:read"]
        self.lock = threading.RLock()
        self.pages = {}        # id -> page, in order of creation
        self.templates = {}
        self.rows = {}         # query name -> rows, else [{"n": 1}]
        self.tables = {}       # SQL -> rows, else [{"n": 1}]
        self.requests = []
        self.faults = []
        self.released = threading.Event()
        self.clock = 1_700_000_000
        self.connections = 0
        self.server = None
        self.sockets = set()

    # -- life ---------------------------------------------------------------------------
    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.released.set()
        self.vanish()

    def vanish(self):
        """Stops listening and cuts every connection, in the middle of whatever it does."""
        self.server.shutdown()
        self.server.server_close()
        for line in list(self.sockets):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def appear(self):
        """Listens again at the address it had before vanish()."""
        self.server = Server(self.server.server_address, Handler)
        self.server.fake = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    # -- what a test sets up --------------------------------------------------------------
    def now(self):
        """A clock of its own, a second a call: two changes never share a time."""
        self.clock += 1
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock))

    def add_page(self, name, spec=None, queries=None, page_id=None, **fields):
        with self.lock:
            stamp = self.now()
            page_id = page_id or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}{stamp}"))
            self.pages[page_id] = {
                "id": page_id, "name": name, "tags": [], "status": "draft",
                "spec": spec if spec is not None else simple_spec(name or "untitled"),
                "declared_queries": queries if queries is not None else [],
                "version": 1, "created_at": stamp, "updated_at": stamp, **fields}
            return page_id

    def change_page(self, page_id, **fields):
        """Somebody else's edit."""
        with self.lock:
            page = self.pages[page_id]
            page.update(fields)
            page["version"] += 1
            page["updated_at"] = self.now()

    def fault(self, method, path, kind, times=None, arg=None):
        with self.lock:
            self.faults.append(Fault(method, path, kind, times, arg))

    def heal(self):
        """Ends every fault and lets go of what hangs."""
        with self.lock:
            self.faults.clear()
            self.released.set()
            self.released = threading.Event()

    # -- what a test asserts ---------------------------------------------------------------
    def matching(self, method=None, path=None):
        with self.lock:
            return [r for r in self.requests
                    if (method is None or r.method == method)
                    and (path is None or re.search(path, r.path))]

    def count(self, method=None, path=None):
        return len(self.matching(method, path))

    def forget(self):
        with self.lock:
            self.requests.clear()

    def log_lines(self):
        with self.lock:
            return [str(r) for r in self.requests]


def simple_spec(title):
    return {"version": 1, "root": {"type": "Section", "children": [
        {"type": "Heading", "props": {"text": title, "level": 1}}]}}


def normalised(value):
    """As a store with one number type and sorted objects gives a document back."""
    if isinstance(value, dict):
        return {k: normalised(value[k]) for k in sorted(value)}
    if isinstance(value, list):
        return [normalised(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def verify(spec, queries):
    """Refuses unknown components and unbound queries, each with its field path."""
    errors = []
    names = [q.get("name") for q in queries or [] if isinstance(q, dict)]

    def fail(stage, message, field):
        errors.append({"stage": stage, "message": message, "field": field})

    def bindings(value, path):
        if isinstance(value, dict):
            if "$query" in value and value["$query"] not in names:
                fail("bind", f"binding `$query: {value['$query']}` names an undeclared query",
                     path)
            for key, inner in value.items():
                bindings(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                bindings(inner, f"{path}[{i}]")

    def node(value, path):
        if not isinstance(value, dict):
            fail("compile", "a node is an object", path)
            return
        if value.get("type") not in CATALOG:
            fail("compile", f"unknown component type {value.get('type')}", f"{path}.type")
        bindings(value.get("props", {}), f"{path}.props")
        for i, child in enumerate(value.get("children", [])):
            node(child, f"{path}.children[{i}]")

    if not isinstance(spec, dict):
        fail("compile", "a spec is an object", "spec")
    elif "root" in spec:
        node(spec["root"], "spec.root")
    else:
        node(spec, "spec")
    for i, query in enumerate(queries or []):
        sql = query.get("sql", "SELECT 1")
        if not sql.lstrip().lower().startswith("select"):
            fail("query", "one plain SELECT, please", f"declared_queries[{i}].sql")
            errors[-1].update(line=1, column=1)
    stages = {s: not any(e["stage"] == s for e in errors) for s in ("compile", "query", "bind")}
    return {"ok": not errors, "stages": stages, "errors": errors, "has_custom_nodes": False}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass    # a client that went away in the middle is an ordinary event here


class Handler(fakefaults.Faults, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1           # one segment an answer: headers and body together
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        fake = self.server.fake
        with fake.lock:
            fake.connections += 1
            self.connection_number = fake.connections
            fake.sockets.add(self.connection)

    def finish(self):
        self.server.fake.sockets.discard(self.connection)
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    # -- one request ----------------------------------------------------------------------
    def serve(self):
        fake = self.fake = self.server.fake
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urllib.parse.urlsplit(self.path)
        path = parts.path[len(PREFIX):] if parts.path.startswith(PREFIX) else parts.path
        self.seen = Request(self.command, path, dict(urllib.parse.parse_qsl(parts.query)), body,
                            {k.lower(): v for k, v in self.headers.items()},
                            connection=self.connection_number)
        with fake.lock:
            fake.requests.append(self.seen)
        fault = self.claim_fault()
        if fault:
            return getattr(self, f"fault_{fault.kind}")(fault.arg)
        return self.answer(*self.act())

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = serve

    def claim_fault(self):
        with self.fake.lock:
            for fault in self.fake.faults:
                if fault.method not in ("*", self.seen.method):
                    continue
                if not re.search(fault.path, self.seen.path):
                    continue
                if fault.times is not None and fault.seen >= fault.times:
                    continue
                fault.seen += 1
                return fault
        return None

    def act(self):
        """Returns (status, object or None, extra headers)."""
        if not self.authorised():
            return self.error(401, "unauthenticated", "Authentication required")
        body = None
        if self.seen.body:
            try:
                body = json.loads(self.seen.body)
            except ValueError:
                return self.error(400, "invalid_request", "the body is not JSON")
        with self.fake.lock:
            for method, pattern, scope, act in Handler.ROUTES:
                match = re.fullmatch(pattern, self.seen.path)
                if match and method == self.seen.method:
                    if scope and scope not in self.fake.scopes:
                        return self.error(403, "missing_scope", f"needs {scope}")
                    return act(self, body, *match.groups())
        return self.error(404, "not_found", f"no route {self.seen.path}")

    def authorised(self):
        bearer = self.headers.get("Authorization")
        plain = self.headers.get("X-API-Key")
        if self.fake.shape.auth == "x-api-key":
            return bearer is None and plain == self.fake.key
        if bearer is not None:
            return bearer == f"Bearer {self.fake.key}"
        return self.fake.shape.auth == "any" and plain == self.fake.key

    # -- the resources -----------------------------------------------------------------------
    def me(self, body):
        if not self.fake.shape.me_answers:
            return self.error(404, "not_found", "no such route")
        return self.success({"business_id": "b-fake", "scopes": self.fake.scopes,
                             "expires_at": None})

    def summary(self, page):
        kept = ["id", "name", "tags", "status", *self.fake.shape.summary]
        return self.linked({k: page[k] for k in kept if k in page}, page)

    def full(self, page):
        out = copy.deepcopy(page)
        if not self.fake.shape.timestamps:
            for key in ("created_at", "updated_at", "version"):
                out.pop(key, None)
        return self.linked(out, page)

    def linked(self, out, page):
        if self.fake.shape.console_url:
            out["console_url"] = f"https://console.amdahl.co/fake/pages/{page['id']}"
        return out

    def list_pages(self, body):
        shape, query = self.fake.shape, self.seen.query
        live = [p for p in self.fake.pages.values() if p["status"] != "archived"]
        if query.get("updated_at_gte"):
            if shape.since == "refused":
                return self.error(400, "invalid_argument", "no such filter")
            live = self.updated_since(live, query["updated_at_gte"])
        return self.paged([self.summary(p) for p in live], shape, query)

    def updated_since(self, pages, when):
        """Times of this server have no fraction."""
        when = when.replace(".000Z", "Z")
        kept = {"ignored": lambda p: True, "honoured": lambda p: p["updated_at"] >= when,
                "later": lambda p: p["updated_at"] > when, "nothing": lambda p: False,
                "coarse": lambda p: p["updated_at"][:13] >= when[:13]}
        return [p for p in pages if kept[self.fake.shape.since](p)]

    def paged(self, rows, shape, query):
        limit = min(int(query.get("limit", 50)), 200)
        extra, start, stop = {}, 0, len(rows)
        if shape.paging == "offset":
            start = int(query.get("offset", 0))
            stop = start + limit
            extra = {"limit": limit, "offset": start, "total": len(rows),
                     "has_more": stop < len(rows)}
        elif shape.paging == "cursor":
            start = int(query.get("cursor", "c0")[1:])
            stop = start + limit
            extra = {"next_cursor": f"c{stop}" if stop < len(rows) else None}
        part = rows[start:stop]
        if shape.envelope == "bare":
            return 200, part, {}
        if shape.envelope == "data.items":
            return 200, {"data": {"items": part, **extra}}, {}
        key = {"other": "workspace_pages"}.get(shape.envelope, shape.envelope)
        return self.success({key: part, **extra})

    def get_page(self, body, page_id):
        page = self.fake.pages.get(page_id)
        if not page:
            return self.error(404, "not_found", "no such page")
        return self.success(self.full(page))

    def stored(self, value):
        return normalised(value) if self.fake.shape.normalise else value

    def create_page(self, body):
        if not isinstance(body, dict) or not body.get("name") or "spec" not in body:
            return self.error(400, "invalid_argument", "name and spec are required",
                              {"field": "name"})
        verdict = verify(body["spec"], body.get("declared_queries"))
        if not verdict["ok"]:
            return self.refused(verdict)
        fields = {k: v for k, v in body.items()
                  if k not in ("name", "spec", "declared_queries", "id")}
        page_id = self.fake.add_page(body["name"], self.stored(body["spec"]),
                                     self.stored(body.get("declared_queries", [])), **fields)
        return self.success(self.full(self.fake.pages[page_id]), self.fake.shape.create_status)

    def patch_page(self, body, page_id):
        page = self.fake.pages.get(page_id)
        if not page:
            return self.error(404, "not_found", "no such page")
        verdict = verify(body.get("spec", page["spec"]),
                         body.get("declared_queries", page["declared_queries"]))
        if not verdict["ok"]:
            return self.refused(verdict)
        self.fake.change_page(page_id, **{k: self.stored(v) for k, v in body.items()
                                          if k != "id"})
        if not self.fake.shape.patch_answers_page:
            return self.success({"ok": True, "id": page_id})
        return self.success(self.full(page))

    def validate(self, body):
        return self.success(verify(body.get("spec"), body.get("declared_queries")))

    def render(self, body, page_id):
        page = self.fake.pages.get(page_id)
        if not page or page["status"] == "archived":
            return self.error(404, "not_found", "no such page")
        results = {q["name"]: {"rows": self.fake.rows.get(q["name"], [{"n": 1}])}
                   for q in page["declared_queries"]}
        return self.success({"results": results})

    def data_query(self, body):
        sql = (body or {}).get("sql")
        if not isinstance(sql, str) or not set(body) <= {"sql", "limit"}:
            return self.error(400, "invalid_argument", "sql, and limit perhaps")
        if not sql.lstrip().lower().startswith("select"):
            return self.error(400, "invalid_argument", "one plain SELECT, please",
                              {"line": 1, "column": 1})
        rows = self.fake.tables.get(sql.strip(), [{"n": 1}])
        if self.fake.shape.rows == "rowCount":
            return self.success({"rowCount": len(rows), "truncated": False, "rows": rows})
        columns = list(dict.fromkeys(key for row in rows for key in row))
        return self.success({"columns": columns, "rows": rows, "row_count": len(rows),
                             "duration_ms": 1})

    def data_explore(self, body):
        return self.success({"tables": [{"name": "interactions", "columns": []}]})

    def archive(self, body, page_id):
        page = self.fake.pages.get(page_id)
        if not page or page["status"] == "archived":
            return self.error(404, "not_found", "no such page")
        self.fake.change_page(page_id, status="archived")
        if self.fake.shape.delete_empty:
            return 204, None, {}
        return self.success({"id": page_id, "archived": True})

    def list_templates(self, body):
        return self.success({"items": [{"slug": s, "name": t["name"], "intent": "to test"}
                                       for s, t in self.fake.templates.items()]})

    def get_template(self, body, slug):
        found = self.fake.templates.get(slug)
        if not found:
            return self.error(404, "not_found", "no such template")
        return self.success({"slug": slug, "intent": "to test", **found})

    # -- answers ----------------------------------------------------------------------------
    def success(self, value, status=200):
        return status, {"data": value} if self.fake.shape.wrap else value, {}

    def refused(self, verdict):
        where = self.fake.shape.verdict
        if where == "ok_status":
            return self.success(verdict)
        if where == "body":
            return 422, verdict, {}
        details = {"verdict": verdict} if where == "details.verdict" else verdict
        return 422, {"error": {"code": "invalid_argument", "message": "the verifier refuses",
                               "details": details}}, {}

    def error(self, status, code, message, details=None):
        shapes = {
            "object": {"error": {"code": code, "message": message}},
            "code": {"error": code, "message": message},
            "sentence": {"error": message, "code": code},
            "flat": {"code": code, "message": message},
            "string": {"error": message},
            "success_false": {"data": {"success": False,
                                       "error": {"code": code, "message": message}}},
        }
        kind = self.fake.shape.errors
        body = shapes[kind]
        if details and kind == "object":
            body["error"]["details"] = details
        # Only a refused operation hides in a 2xx; a missing key is always a 401.
        return (200 if kind == "success_false" and status != 401 else status), body, {}

    def answer(self, status, value, headers=None):
        data = b"" if value is None else json.dumps(value).encode()
        self.send(status, data, "application/json", headers)

    def send(self, status, data, content_type, headers=None, length=None):
        self.seen.status = status
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(data)
        self.wfile.flush()

    ROUTES = [
        ("GET", r"/me", None, me),
        ("GET", r"/pages", "pages:read", list_pages),
        ("POST", r"/pages", "pages:write", create_page),
        ("GET", r"/pages/templates", "pages:read", list_templates),
        ("GET", r"/pages/templates/([^/]+)", "pages:read", get_template),
        ("POST", r"/pages/validate", "pages:read", validate),
        ("GET", r"/pages/([^/]+)", "pages:read", get_page),
        ("PATCH", r"/pages/([^/]+)", "pages:write", patch_page),
        ("DELETE", r"/pages/([^/]+)", "pages:write", archive),
        ("POST", r"/pages/([^/]+)/render", "pages:read", render),
        ("POST", r"/data/query", "data:read", data_query),
        ("POST", r"/data/explore", "data:read", data_explore),
    ]
