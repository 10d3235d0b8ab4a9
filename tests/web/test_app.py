from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.record import StepOutputs
from edge.core.status import NodeStatus, RunStatus
from edge.core.subruns import SubRun
from edge.web.app import create_app
from edge.web.context import WebContext
from edge.workflow.model import ParamDef
from tests.web import fakes

EVIL = "<script>alert(1)</script>"


class Pages:
    """A browser without a screen: keeps the cookie, posts forms with the token."""

    def __init__(self, ctx: WebContext, base: str = "") -> None:
        self.ctx = ctx
        self.app = create_app(ctx)
        self.client = self.app.test_client()
        self.base = base
        self.token = ""

    async def get(self, path: str, status: int = 200, **kwargs: Any) -> str:
        headers = {"Host": "localhost:8080"} | kwargs.pop("headers", {})
        reply = await self.client.get(path, headers=headers, **kwargs)
        text = str(await reply.get_data(as_text=True))
        assert reply.status_code == status, text
        found = re.search(r'name="csrf" value="([^"]+)"', text)
        if found:
            self.token = found[1]
        self.headers = reply.headers
        return text

    async def post(self, path: str, status: int = 303, **form: str) -> str:
        reply = await self.client.post(
            path,
            form={"csrf": self.token} | {k.replace("__", "."): v for k, v in form.items()},
            headers={"Host": "localhost:8080", "Origin": "http://localhost:8080"},
        )
        text = str(await reply.get_data(as_text=True))
        assert reply.status_code == status, text
        self.headers = reply.headers
        return text


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[WebContext]:
    value = fakes.context(tmp_path)
    yield value
    value.store.close()


async def test_empty_state_says_what_to_do(ctx: WebContext) -> None:
    text = await Pages(ctx).get("/dags")
    assert "edge example --write" in text
    assert str(ctx.settings.paths.dags_dir) in text


async def test_list_shows_last_run_schedule_and_errors(ctx: WebContext, tmp_path: Path) -> None:
    good = fakes.entry(tmp_path, fakes.dag(description="Reads the pump", labels=("site=a",)))
    broken = fakes.FakeEntry(tmp_path / "bad.yaml", "bad", None, f"bad.yaml:3:1: steps {EVIL}")
    ctx.catalog.items = [good, broken]  # type: ignore[attr-defined]
    fakes.keep(ctx, fakes.record(status=RunStatus.FAILED))
    text = await Pages(ctx).get("/dags")
    assert "Reads the pump" in text
    assert "site=a" in text
    assert "Failed" in text
    assert "bad.yaml:3:1" in text
    assert EVIL not in text
    assert "+02:00" in text or "+01:00" in text


async def test_workers_are_listed(tmp_path: Path) -> None:
    workers = [fakes.FakeWorker("gw-1", {"site": "hall"}, "warning")]
    ctx = fakes.context(tmp_path, workers=workers)
    text = await Pages(ctx).get("/dags")
    ctx.store.close()
    assert "gw-1" in text
    assert "site=hall" in text
    assert "Warning" in text


async def test_start_form_posts_and_redirects(ctx: WebContext, tmp_path: Path) -> None:
    params = [ParamDef(name="SITE", default="a"), ParamDef(name="NOTE")]
    ctx.catalog.items = [fakes.entry(tmp_path, fakes.dag(params=params))]  # type: ignore[attr-defined]
    pages = Pages(ctx)
    assert 'name="param.SITE" value="a"' in await pages.get("/dags/pump")
    await pages.post("/dags/pump/start", param__SITE='b "c"', param__NOTE="", run_id="my-run")
    assert pages.headers["Location"].endswith("/dag-runs/pump/my-run")
    assert ctx.control.started == [("pump", 'SITE="b \\"c\\""', "my-run")]  # type: ignore[attr-defined]


async def test_start_form_shows_types(ctx: WebContext, tmp_path: Path) -> None:
    """spec 31 section 11.2: type, enum, required, default."""
    params = [
        ParamDef(name="I", type="integer", minimum=1, description="how <many>", required=True),
        ParamDef(name="E", enum=("x", "y"), default="y"),
    ]
    ctx.catalog.items = [fakes.entry(tmp_path, fakes.dag(params=params))]  # type: ignore[attr-defined]
    text = await Pages(ctx).get("/dags/pump")
    assert '<input name="param.I" value="" type="number" step="1" min="1"' in text
    assert "integer, at least 1, required · how &lt;many&gt;" in text
    assert '<select name="param.E">' in text
    assert '<option value="y" selected>y</option>' in text
    assert '<option value="x">x</option>' in text


async def test_start_error_is_one_line_and_keeps_the_form(ctx: WebContext, tmp_path: Path) -> None:
    ctx.catalog.items = [  # type: ignore[attr-defined]
        fakes.entry(tmp_path, fakes.dag(params=[ParamDef(name="SITE", default="a")]))
    ]
    ctx.control.refuse = "no worker matches site=b"  # type: ignore[attr-defined]
    pages = Pages(ctx)
    await pages.get("/dags/pump")
    text = await pages.post("/dags/pump/start", 400, param__SITE="b")
    assert "no worker matches site=b" in text
    assert 'name="param.SITE" value="b"' in text


@pytest.mark.parametrize("run_id", ["latest", "a b", "x" * 65])
async def test_start_refuses_bad_run_ids(ctx: WebContext, tmp_path: Path, run_id: str) -> None:
    ctx.catalog.items = [fakes.entry(tmp_path, fakes.dag())]  # type: ignore[attr-defined]
    pages = Pages(ctx)
    await pages.get("/dags/pump")
    assert "dag-run ID" in await pages.post("/dags/pump/start", 400, run_id=run_id)
    assert not ctx.control.started  # type: ignore[attr-defined]


async def test_broken_dag_cannot_be_started(ctx: WebContext, tmp_path: Path) -> None:
    item = fakes.entry(tmp_path, fakes.dag(), error="pump.yaml:1:1: bad")
    ctx.catalog.items = [item, fakes.entry(tmp_path, fakes.dag("ok"))]  # type: ignore[attr-defined]
    pages = Pages(ctx)
    await pages.get("/dags/ok")
    text = await pages.get("/dags/pump")
    assert "pump.yaml:1:1: bad" in text
    assert 'action="/dags/pump/start"' not in text
    await pages.post("/dags/pump/start", 400)
    assert not ctx.control.started  # type: ignore[attr-defined]


async def test_post_without_token_or_from_elsewhere_is_refused(
    ctx: WebContext, tmp_path: Path
) -> None:
    ctx.catalog.items = [fakes.entry(tmp_path, fakes.dag())]  # type: ignore[attr-defined]
    pages = Pages(ctx)
    await pages.get("/dags")
    token, pages.token = pages.token, "x" * 43
    assert "out of date" in await pages.post("/dags/pump/start", 403)
    pages.token = ""
    await pages.post("/dags/pump/start", 403)
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:9999"},
    ):
        reply = await pages.client.post(
            "/dags/pump/start", form={"csrf": token}, headers={"Host": "localhost:8080"} | headers
        )
        assert reply.status_code == 403
    assert not ctx.control.started  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1@evil.example"])
async def test_foreign_host_names_are_refused(ctx: WebContext, host: str) -> None:
    assert "loopback" in await Pages(ctx).get("/dags", 403, headers={"Host": host})


async def test_run_page_shows_picture_table_and_stop(ctx: WebContext, tmp_path: Path) -> None:
    out = tmp_path / "logs" / "a.out"
    run = fakes.record(
        params="SITE=a",
        nodes=[
            fakes.node("read", NodeStatus.SUCCEEDED, stdout=str(out), stderr=str(out) + "2"),
            fakes.node("report", NodeStatus.RUNNING, depends=["read"], retry_count=2),
        ],
        handlers={"onExit": fakes.node("onExit")},
    )
    fakes.keep(ctx, run)
    pages = Pages(ctx)
    text = await pages.get("/dag-runs/pump/r1")
    assert 'data-active="1"' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert 'href="#step-1"' in text
    assert 'class="node run"' in text
    assert 'id="step-onExit" class="handler"' in text
    assert "2 retries" in text
    assert "SITE=a" in text
    assert "/dag-runs/pump/r1/steps/read/log?stream=stderr" in text
    await pages.post("/dag-runs/pump/r1/stop")
    assert [str(ref) for ref in ctx.control.stopped] == ["pump:r1"]  # type: ignore[attr-defined]


async def test_run_page_links_child_runs(ctx: WebContext) -> None:
    """spec 31 section 11.2: a step's child runs, and the way back."""
    node = fakes.node("call", NodeStatus.SUCCEEDED)
    node.children = (
        SubRun(run_id="c1", name="kid", item="<a>"),
        SubRun(run_id="c2", name="kid", params="V=2"),
    )
    root = fakes.record(status=RunStatus.SUCCEEDED, nodes=[node])
    fakes.keep(ctx, root)
    child = fakes.record(status=RunStatus.RUNNING, nodes=[fakes.node("inner")])
    child.name, child.run_id = "kid", "c1"
    child.root = child.parent = root.ref
    fakes.keep(ctx, child)
    pages = Pages(ctx)
    text = await pages.get("/dag-runs/pump/r1")
    assert '<a href="/dag-runs/pump/r1?subDAGRunId=c1">kid (&lt;a&gt;)</a>' in text
    assert '<a href="/dag-runs/pump/r1?subDAGRunId=c2">kid (V=2)</a>' in text
    text = await pages.get("/dag-runs/pump/r1?subDAGRunId=c1")
    assert 'id="step-0"' in text
    assert "inner" in text
    assert '<a href="/dag-runs/pump/r1">pump</a>' in text
    assert "stop-confirm" not in text
    await pages.get("/dag-runs/pump/r1?subDAGRunId=c2", 404)
    assert "c1" not in await pages.get("/dag-runs")


async def test_run_page_shows_outputs(ctx: WebContext) -> None:
    """spec 11 section 8.4: of the run, then what its steps declared."""
    node = fakes.node("read", NodeStatus.SUCCEEDED)
    shown = StepOutputs(variable="TANK_LEVEL", value="<42>", declared={"x": "y" * 3000})
    node.publish(shown, shown)
    fakes.keep(ctx, fakes.record(status=RunStatus.SUCCEEDED, nodes=[node]))
    text = await Pages(ctx).get("/dag-runs/pump/r1")
    assert "tankLevel" in text
    assert "&lt;42&gt;" in text
    assert ".outputs.x" in text
    assert "y" * 2000 + " …" in text
    assert "y" * 2001 not in text


async def test_a_run_without_outputs_has_no_table_of_them(ctx: WebContext) -> None:
    """spec 11 section 8.4: nothing published, nothing shown."""
    fakes.keep(ctx, fakes.record(status=RunStatus.SUCCEEDED))
    assert "Outputs" not in await Pages(ctx).get("/dag-runs/pump/r1")


async def test_stop_of_a_finished_run_is_refused(ctx: WebContext, tmp_path: Path) -> None:
    ctx.catalog.items = [fakes.entry(tmp_path, fakes.dag())]  # type: ignore[attr-defined]
    fakes.keep(ctx, fakes.record(status=RunStatus.SUCCEEDED))
    pages = Pages(ctx)
    await pages.get("/dags")
    text = await pages.get("/dag-runs/pump/r1")
    assert "/stop" not in text
    assert "ended already (Succeeded)" in await pages.post("/dag-runs/pump/r1/stop", 400)
    assert not ctx.control.stopped  # type: ignore[attr-defined]


async def test_everything_untrusted_is_escaped(ctx: WebContext, tmp_path: Path) -> None:
    out = tmp_path / "logs" / "a.out"
    out.write_text(f"\x1b[31m{EVIL}\x1b[0m\n")
    run = fakes.record(
        status=RunStatus.FAILED,
        error=EVIL,
        params=f"A={EVIL}",
        nodes=[
            fakes.node(
                EVIL,
                NodeStatus.FAILED,
                run=EVIL,
                error=EVIL,
                stdout=str(out),
                step={"description": EVIL, "preconditions": [{"condition": EVIL, "error": EVIL}]},
            )
        ],
    )
    fakes.keep(ctx, run)
    pages = Pages(ctx)
    for path in ("/dag-runs/pump/r1", "/dag-runs", "/dags"):
        text = await pages.get(path)
        assert EVIL not in text
        if path != "/dags":
            assert "&lt;script&gt;" in text
    log_url = re.search(r'href="([^"]*/log\?stream=stdout)"', await pages.get("/dag-runs/pump/r1"))
    assert log_url is not None
    text = await pages.get(log_url[1].replace("&amp;", "&"))
    assert "&lt;script&gt;alert(1)" in text
    assert EVIL not in text
    assert "\x1b" not in text


async def test_unreachable_run_says_what_is_known(ctx: WebContext) -> None:
    condition = {
        "type": "Reachable",
        "status": "Unknown",
        "reason": "LeaseOverdue",
        "message": "no report for 40 s",
        "checkedAt": "2026-09-21T12:00:00+02:00",
    }
    fakes.keep(ctx, fakes.record(worker_id="gw-1", extra={"conditions": [condition]}))
    text = await Pages(ctx).get("/dag-runs/pump/r1")
    assert "Worker unreachable" in text
    assert "as of 2026-09-21T12:00:00+02:00" in text


async def test_fragment_has_no_frame_and_an_etag(ctx: WebContext) -> None:
    fakes.keep(ctx, fakes.record())
    pages = Pages(ctx)
    await pages.get("/dag-runs/pump/r1")
    text = await pages.get("/dag-runs/pump/r1?fragment=1")
    assert "<html" not in text
    assert 'id="live"' in text
    etag = pages.headers["ETag"]
    await pages.get("/dag-runs/pump/r1?fragment=1", 304, headers={"If-None-Match": etag})
    ctx.clock.value_ms += 5000  # type: ignore[attr-defined]
    await pages.get("/dag-runs/pump/r1?fragment=1", 200, headers={"If-None-Match": etag})


async def test_runs_list_filters(ctx: WebContext) -> None:
    fakes.keep(ctx, fakes.record("pump", "r1", RunStatus.FAILED))
    fakes.keep(ctx, fakes.record("backup", "r2", RunStatus.SUCCEEDED))
    pages = Pages(ctx)
    text = await pages.get("/dag-runs")
    assert "/dag-runs/pump/r1" in text
    assert "/dag-runs/backup/r2" in text
    text = await pages.get("/dag-runs?status=failed")
    assert "/dag-runs/pump/r1" in text
    assert "/dag-runs/backup/r2" not in text
    text = await pages.get("/dag-runs?name=BACK")
    assert "/dag-runs/backup/r2" in text
    assert "/dag-runs/pump/r1" not in text
    assert "No run matches" in await pages.get("/dag-runs?name=zzz")
    await pages.get("/dag-runs?status=%3Cb%3E&days=zz&limit=-5")


async def test_latest_names_the_newest_run(ctx: WebContext) -> None:
    fakes.keep(ctx, fakes.record(run_id="old", started_ms=fakes.NOW_MS - 90_000, created_ms=1))
    fakes.keep(ctx, fakes.record(run_id="new"))
    assert "new" in await Pages(ctx).get("/dag-runs/pump/latest")


async def test_spec_page_shows_the_file_with_its_errors(ctx: WebContext, tmp_path: Path) -> None:
    text = "steps:\n  - run: echo <b>\n"
    item = fakes.entry(tmp_path, fakes.dag(), text, error="pump.yaml:2:5: unknown field")
    ctx.catalog.items = [item]  # type: ignore[attr-defined]
    page = await Pages(ctx).get("/dags/pump/spec")
    assert "echo &lt;b&gt;" in page
    assert "pump.yaml:2:5: unknown field" in page


async def test_step_log_modes_and_download(ctx: WebContext, tmp_path: Path) -> None:
    out = tmp_path / "logs" / "a.out"
    out.write_text("".join(f"line {n}\n" for n in range(1, 1201)))
    step = fakes.node("re/ad", NodeStatus.SUCCEEDED, stdout=str(out), stderr=str(out) + ".no")
    fakes.keep(ctx, fakes.record(status=RunStatus.SUCCEEDED, nodes=[step]))
    pages = Pages(ctx)
    url = "/dag-runs/pump/r1/steps/re%2Fad/log"
    tail = await pages.get(f"{url}?stream=stdout&lines=100")
    assert 'start="1101"' in tail
    assert "<li>line 1200</li>" in tail
    assert "100 of 1200 lines" in tail
    head = await pages.get(f"{url}?mode=head&lines=100")
    assert "<li>line 1</li>" in head
    assert "line 101<" not in head
    page = await pages.get(f"{url}?mode=page&lines=100&offset=201")
    assert 'start="201"' in page
    assert "offset=301" in page
    assert "offset=101" in page
    assert "No output." in await pages.get(f"{url}?stream=stderr")
    raw = await pages.get(f"{url}/download?stream=stdout")
    assert raw == out.read_text()
    assert pages.headers["Content-Disposition"].startswith("attachment; filename=")


async def test_paths_of_a_remote_worker_stay_in_the_log_directory(
    ctx: WebContext, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("topsecret\n")
    inside = tmp_path / "logs" / "a.out"
    inside.write_text("shown\n")
    nodes = [
        fakes.node("bad", NodeStatus.SUCCEEDED, stdout=str(tmp_path / "logs/../secret")),
        fakes.node("good", NodeStatus.SUCCEEDED, stdout=str(inside)),
    ]
    fakes.keep(ctx, fakes.record(worker_id="gw-1", nodes=nodes))
    pages = Pages(ctx)
    for suffix in ("", "/download"):
        text = await pages.get(f"/dag-runs/pump/r1/steps/bad/log{suffix}", 404)
        assert "topsecret" not in text
        assert "shown" in await pages.get(f"/dag-runs/pump/r1/steps/good/log{suffix}")


async def test_health_and_other_api_paths(ctx: WebContext) -> None:
    pages = Pages(ctx)
    health = json.loads(await pages.get("/api/v1/health"))
    assert health["status"] == "healthy"
    assert health["version"] == "1.2.3"
    assert health["uptime"] == 61
    assert health["timestamp"].startswith("2026-09-21T")
    other = json.loads(await pages.get("/api/v1/dags", 404))
    assert other == {"code": "not_found", "message": "not available in this version of edge yet"}
    reply = await pages.client.post("/api/v1/dags", headers={"Host": "localhost"})
    assert reply.status_code == 404


async def test_unknown_pages_and_wrong_methods(ctx: WebContext) -> None:
    pages = Pages(ctx)
    assert "There is no such page" in await pages.get("/nope", 404)
    for path in ("/dags/none", "/dag-runs/none/r1", "/dag-runs/none/latest", "/static/none.js"):
        await pages.get(path, 404)
    reply = await pages.client.get("/dags/pump/start", headers={"Host": "localhost"})
    assert reply.status_code == 405


async def test_traceback_goes_to_the_log_not_to_the_page(
    ctx: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(query: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(ctx.store, "find_runs", broken)
    text = await Pages(ctx).get("/dag-runs", 500)
    assert "secret detail" not in text
    assert "Traceback" not in text
    level, _, fields = ctx.log.lines[-1]  # type: ignore[union-attr]
    assert level == "error"
    assert "secret detail" in fields["trace"]


async def test_security_headers_and_small_assets(ctx: WebContext) -> None:
    pages = Pages(ctx)
    text = await pages.get("/dags")
    assert "default-src 'none'" in pages.headers["Content-Security-Policy"]
    assert pages.headers["X-Frame-Options"] == "DENY"
    assert pages.headers["X-Content-Type-Options"] == "nosniff"
    cookie = pages.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert " style=" not in text
    assert "://" not in re.sub(r'xmlns="[^"]*"', "", text)
    links = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text))
    assert len(links) == 3
    size = 0
    for link in links:
        size += len(await pages.get(link))
        await pages.get(link, 304, headers={"If-None-Match": pages.headers["ETag"]})
    assert size < 100 * 1024
