from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.errors import EdgeError
from edge.engine.schema_source import read_schema
from tests.engine.helpers import make_dag

STEPS = "steps: [{run: a}]\n"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cwd"
    for name in ("cwd", "flow", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(folder)
    return folder


async def found(tmp_path: Path, reference: str = "s.json") -> object:
    dag = make_dag(STEPS, source_file=str(tmp_path / "flow" / "f.yaml"))
    return await read_schema(reference, replace(dag, working_dir=str(tmp_path / "work")))


async def test_a_file_is_looked_for_in_three_places(tmp_path: Path, cwd: Path) -> None:
    """spec 10 section 9: tried in cwd, working_dir, workflow dir; failure lists tried paths."""
    with pytest.raises(EdgeError) as caught:
        await found(tmp_path)
    places = [tmp_path / name / "s.json" for name in ("cwd", "work", "flow")]
    assert caught.value.message == (
        f'params schema "s.json" not found; tried: {", ".join(map(str, places))}'
    )
    for place in reversed(places):
        place.write_text(f'{{"title": "{place.parent.name}"}}')
        assert await found(tmp_path) == {"title": place.parent.name}
    assert await found(tmp_path, str(places[1])) == {"title": "work"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # spec 10 section 9: a schema file that is none
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[1]", "must be a JSON object"),
        (" " * (1 << 20) + "{}", "is larger than 1024 KiB"),
    ],
)
async def test_bad_files(tmp_path: Path, cwd: Path, text: str, message: str) -> None:
    (cwd / "s.json").write_text(text)
    with pytest.raises(EdgeError, match=message):
        await found(tmp_path)


async def test_boolean_schemas(tmp_path: Path, cwd: Path) -> None:
    """spec 10 section 9: `true` and `false` are schemas."""
    (cwd / "s.json").write_text("true")
    assert await found(tmp_path) == {}
    (cwd / "s.json").write_text("false")
    assert await found(tmp_path) == {"not": {}}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/x")
            self.end_headers()
            return
        self.send_response({"/s": 200, "/none": 404, "/empty": 204}[self.path])
        self.end_headers()
        if self.path == "/s":
            self.wfile.write(b'{"type": "object"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_url_must_answer_with_200(tmp_path: Path, cwd: Path, url: str) -> None:
    """spec 10 section 9: http(s) must be 200."""
    assert await found(tmp_path, f"{url}/s") == {"type": "object"}
    for path, message in (
        ("none", "status 404, not 200"),
        ("empty", "status 204, not 200"),
        ("away", "ftp"),
    ):
        with pytest.raises(EdgeError, match=message):
            await found(tmp_path, f"{url}/{path}")
    with pytest.raises(EdgeError, match="refused"):
        await found(tmp_path, "http://127.0.0.1:1/s")
    with pytest.raises(EdgeError):
        await found(tmp_path, "http://[/s")
