"""The Python client of the platform's guide works against amdahl-local as it is printed,
and what it does is seen in a mount."""
import importlib
import json
import os

import pytest


@pytest.fixture
def guide(local, monkeypatch):
    pytest.importorskip("requests")
    monkeypatch.setenv("AMDAHL_URL", local.url)
    monkeypatch.setenv("API_KEY", local.keys["author"])
    import guide_client
    return importlib.reload(guide_client)


def test_data(guide):
    result = guide.query_data(
        guide.AmdahlClient(),
        "SELECT channel, COUNT(*) AS events FROM interactions "
        "GROUP BY channel ORDER BY events DESC LIMIT 5")
    assert result["rows"]
    for row in result["rows"]:
        assert row["channel"] and row["events"] > 0


PAYLOAD = {
    "name": "Weekly sentiment",
    "tags": ["weekly", "sentiment"],
    "declared_queries": [
        {"name": "by_channel",
         "sql": "SELECT channel, COUNT(*) AS events FROM interactions GROUP BY channel"}
    ],
    "spec": {
        "type": "Section",
        "children": [{"type": "Table", "data": {"$query": "by_channel"}}],
    },
}


def test_pages(guide, local):
    client = guide.AmdahlClient()
    page = guide.create_page(client, PAYLOAD)
    assert page["id"]
    assert guide.get_page(client, page["id"])["spec"] == PAYLOAD["spec"]
    assert page["id"] in [p["id"] for p in guide.list_pages(client)["items"]]
    changed = guide.update_page(client, page["id"], {"tags": ["other"]})
    assert changed["tags"] == ["other"]
    guide.archive_page(client, page["id"])
    assert page["id"] not in [p["id"] for p in guide.list_pages(client)["items"]]


def test_cursors(guide, local):
    """iter_pages of the guide, with its list endpoint filled in."""
    client = guide.AmdahlClient()
    for i in range(120):
        guide.create_page(client, {**PAYLOAD, "name": f"n{i}"})
    get = client.get
    client.get = lambda path, **kw: get("/pages", **kw)
    ids = [p["id"] for p in guide.iter_pages(client)]
    assert len(ids) == len(set(ids)) >= 120


def test_errors(guide):
    client = guide.AmdahlClient()
    with pytest.raises(guide.AmdahlError) as err:
        guide.get_page(client, "nobody")
    assert (err.value.status, err.value.code) == (404, "not_found")
    with pytest.raises(guide.AmdahlError) as err:
        guide.create_page(client, {"name": "x", "spec": {"type": "Nonsense"}})
    assert 400 <= err.value.status < 500 and err.value.code != "unknown"
    with pytest.raises(guide.AmdahlError) as err:
        guide.AmdahlClient(api_key="wrong").get("/me")
    assert err.value.status == 401


def test_what_the_guide_made_is_in_the_mount(guide, local, mount_at):
    page = guide.create_page(guide.AmdahlClient(), PAYLOAD)
    mount = mount_at(local)
    where = mount.path / "by-id" / page["id"]
    assert json.loads((where / "spec.json").read_text()) == PAYLOAD["spec"], "the bare form"
    assert json.loads((where / "page.json").read_text())["id"] == page["id"]
    rows = json.loads((where / "render.json").read_text())["results"]["by_channel"]["rows"]
    assert rows[0]["events"] > 0
