"""The dashboard as a person's browser uses it: one form token, plain requests."""

from __future__ import annotations

import contextlib
import http.client
import re
from urllib.parse import urlencode

__all__ = ["PageClient"]


class PageClient:
    """Talks to one server. Safe for several threads once `start` has been called."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._field: dict[str, str] | None = None
        self._cookie = ""

    def is_up(self) -> bool:
        """Tell whether the server answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/api/v1/health")[0] == 200
        return False

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page."""
        status, _, text = self._ask("GET", path, "", {})
        return status, text

    def start(self, dag: str) -> str:
        """Start a run with its defaults; return its id."""
        headers = self.post(f"/dags/{dag}/start")
        return headers["location"].rstrip("/").rsplit("/", 1)[1]

    def post(self, path: str) -> dict[str, str]:
        """Send an empty form and return the headers of the redirection."""
        if self._field is None:
            self._take_token(path.rsplit("/", 1)[0])
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self._cookie,
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        status, answer, text = self._ask("POST", path, urlencode(self._field or {}), headers)
        if status != 303:
            words = " ".join(re.sub(r"<[^>]*>", " ", text).split())
            raise RuntimeError(f"POST {path}: HTTP {status}: {words[:2000]}")
        return answer

    def _take_token(self, page: str) -> None:
        _, headers, text = self._ask("GET", page, "", {})
        self._cookie = headers["set-cookie"].split(";")[0]
        found = re.search(r'name="(csrf[^"]*)" value="([^"]+)"', text)
        if found is None:
            raise RuntimeError("the page has no form token")
        self._field = {found[1]: found[2]}

    def _ask(
        self, method: str, path: str, body: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
        finally:
            connection.close()
