"""The client of the platform's Python guide (docs.amdahl.co/sdk/python), its Set-up, Data
and Pages sections and its helpers pasted together as a reader of the guide would: so that
the tests know when amdahl-local stops working for it. Not ours, so not in our style.
"""
from __future__ import annotations

import os

AMDAHL_URL = os.environ["AMDAHL_URL"]
API_KEY = os.environ["API_KEY"]
BASE = f"{AMDAHL_URL}/api/platform/v1"

import json
import time
from dataclasses import dataclass
from typing import Any, Iterator, Optional

import requests


class AmdahlError(Exception):
    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        body: Any = None,
    ) -> None:
        super().__init__(f"[{status} {code}] {message}")
        self.status = status
        self.code = code
        self.body = body


class AmdahlClient:
    def __init__(
        self,
        base_url: str = BASE,
        api_key: str = API_KEY,
        timeout: float = 30.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {api_key}",
                "Content-Type": "application/json",
            }
        )
        self.timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        params: Optional[dict[str, Any]] = None,
    ) -> Any:
        url = f"{self.base_url}{path}"
        resp = self.session.request(
            method,
            url,
            json=json_body,
            params=params,
            timeout=self.timeout,
        )
        text = resp.text
        payload: Any = json.loads(text) if text else None
        if not resp.ok:
            err = (payload or {}).get("error", {}) if isinstance(payload, dict) else {}
            raise AmdahlError(
                status=resp.status_code,
                code=err.get("code", "unknown"),
                message=err.get("message", f"HTTP {resp.status_code}"),
                body=payload,
            )
        return payload

    # Shorthand verbs
    def get(self, path: str, **kwargs: Any) -> Any:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, json_body: Any = None) -> Any:
        return self.request("POST", path, json_body=json_body)

    def patch(self, path: str, json_body: Any = None) -> Any:
        return self.request("PATCH", path, json_body=json_body)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)


def query_data(client: AmdahlClient, sql: str) -> dict[str, Any]:
    return client.post("/data/query", json_body={"sql": sql})


def list_pages(client: AmdahlClient) -> dict[str, Any]:
    return client.get("/pages")


def get_page(client: AmdahlClient, page_id: str) -> dict[str, Any]:
    return client.get(f"/pages/{page_id}")


def create_page(client: AmdahlClient, payload: dict[str, Any]) -> dict[str, Any]:
    return client.post("/pages", json_body=payload)


def update_page(client: AmdahlClient, page_id: str, patch: dict[str, Any]) -> dict[str, Any]:
    return client.patch(f"/pages/{page_id}", json_body=patch)


def archive_page(client: AmdahlClient, page_id: str) -> None:
    client.delete(f"/pages/{page_id}")


import random


def with_retry(fn, *, max_attempts: int = 4, base_s: float = 0.5):
    last: Exception | None = None
    for attempt in range(1, max_attempts + 1):
        try:
            return fn()
        except AmdahlError as err:
            last = err
            retryable = err.status == 429 or err.status >= 500
            if not retryable or attempt == max_attempts:
                raise
            delay = base_s * (2 ** (attempt - 1)) + random.random() * 0.2
            time.sleep(delay)
    if last:
        raise last


def iter_pages(client: AmdahlClient, items_key: str = "items") -> Iterator[dict[str, Any]]:
    cursor: Optional[str] = None
    while True:
        params: dict[str, Any] = {"limit": 100}
        if cursor:
            params["cursor"] = cursor
        page = client.get("/<list-endpoint>", params=params)
        for row in page.get(items_key, []):
            yield row
        cursor = page.get("next_cursor")
        if not cursor:
            return
