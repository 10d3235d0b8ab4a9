"""The lines of the budget table: how each is measured, and what it may cost (DESIGN section 7)."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import trio

from edge.config.settings import load_settings
from edge.core.ids import RunRef
from edge.scheduler.catalog import Catalog
from edge.store import RunFilter, Store
from edge.workflow.load import validate_text
from tests.bench.probe import Finished, measure, wait_until
from tests.bench.targets import Dagu, Edge, Server, Target

__all__ = ["LINES", "Line", "Measured", "Plan"]

_MB_LIMIT_S = 120.0


@dataclass(frozen=True)
class Measured:
    """One number. `budget` None means that the line has none; `ratio_budget` is real / ours."""

    label: str
    unit: str
    ours: float
    real: float | None = None
    budget: float | None = None
    #: the budget is a floor (runs per second), not a ceiling
    is_floor: bool = False
    ratio_budget: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return how many times better ours is."""
        if self.real is None or not self.ours or not self.real:
            return None
        return self.ours / self.real if self.is_floor else self.real / self.ours

    @property
    def is_met(self) -> bool | None:
        met = None
        if self.budget is not None:
            met = self.ours >= self.budget if self.is_floor else self.ours <= self.budget
        if self.ratio_budget is not None and self.ratio is not None:
            met = met is not False and self.ratio >= self.ratio_budget
        return met


@dataclass(frozen=True)
class Plan:
    """What to measure with."""

    edge: Edge
    dagu: Dagu | None
    is_quick: bool

    def times(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full


@dataclass(frozen=True)
class Line:
    """One line or a few that come out of one measurement."""

    name: str
    run: Callable[[Plan], Iterator[Measured]]


def _version(plan: Plan) -> Iterator[Measured]:
    ours, real = _both(plan, lambda target: target.argv("version"), plan.times(15, 5))
    yield Measured("version", "ms", _ms(ours), _maybe(_ms, real), 60)


def _one_step(plan: Plan) -> Iterator[Measured]:
    for target in _targets(plan):
        target.write("one", "true")
    ours, real = _both(plan, lambda target: target.argv("start", "-q", "one"), plan.times(15, 5))
    yield Measured("one-step start", "ms", _ms(ours), _maybe(_ms, real), 200)
    yield Measured("one-step start, peak memory", "MB", _peak(ours), _maybe(_peak, real), 45)


def _sequential(steps: int) -> Callable[[Plan], Iterator[Measured]]:
    def run(plan: Plan) -> Iterator[Measured]:
        for target in _targets(plan):
            target.write(f"seq{steps}", "true", steps)
        with_real = steps < 5000  # the real one is quadratic
        argv = lambda target: target.argv("start", "-q", f"seq{steps}")  # noqa: E731
        rounds = 1 if steps >= 5000 else plan.times(3, 1)
        ours, real = _both(plan, argv, rounds, with_real=with_real)
        seconds = {100: 0.45, 500: 1.4, 5000: 12.0}[steps]
        label = f"{steps:,} sequential steps"
        is_long = steps == 500
        yield Measured(
            label, "s", _s(ours), _maybe(_s, real), seconds, ratio_budget=4 if is_long else None
        )
        written, theirs = _written(ours), _maybe(_written, real)
        yield Measured(
            f"{label}, written",
            "MB",
            written,
            theirs,
            2 if is_long else None,
            ratio_budget=90 if is_long else None,
        )
        yield Measured(f"{label}, peak memory", "MB", _peak(ours), _maybe(_peak, real), None)

    return run


def _forty_runs(plan: Plan) -> Iterator[Measured]:
    found: dict[str, float] = {}
    for target in _targets(plan):
        target.write("nap", "sleep 8")
        with target.server() as server:
            found[target.name] = _in_flight(server, "nap", 40, own_only=False)
    yield Measured(
        "40 runs in flight, PSS with steps",
        "MB",
        found["edge"],
        found.get("dagu"),
        90,
        ratio_budget=3,
    )


def _four_hundred_runs(plan: Plan) -> Iterator[Measured]:
    plan.edge.write("long-nap", "sleep 60")
    with plan.edge.server() as server:
        own = _in_flight(server, "long-nap", 400, own_only=True)
    yield Measured("400 runs in flight, PSS of ours", "MB", own, None, 95)


def _in_flight(server: Server, dag: str, count: int, *, own_only: bool) -> float:
    """Start runs of one `sleep` each; return PSS when all of them sleep."""
    tree = server.tree
    server.start(dag)
    server.start_many(dag, count - 1)
    if not wait_until(lambda: tree.count("sleep") >= count, _MB_LIMIT_S, 0.1):
        raise RuntimeError(f"only {tree.count('sleep')} of {count} runs sleep at a time")
    return tree.pss_mb(tree.own_pids() if own_only else tree.pids())


def _idle(plan: Plan) -> Iterator[Measured]:
    seconds = plan.times(60, 10)
    rss: dict[str, float] = {}
    cpu: dict[str, float] = {}
    for target in _targets(plan):
        target.write("yearly", "true", head='schedule: "0 0 1 1 *"\n')
        with target.server() as server:
            time.sleep(5)
            before = server.tree.cpu_s()
            time.sleep(seconds)
            cpu[target.name] = (server.tree.cpu_s() - before) / seconds * 100
            rss[target.name] = server.tree.rss_mb(server.tree.own_pids()[:1])
            if isinstance(target, Edge):
                with target.worker(server, "a=b") as worker:
                    time.sleep(5)
                    rss["worker"] = worker.rss_mb([worker.root])
    yield Measured("idle memory of start-all, RSS", "MB", rss["edge"], rss.get("dagu"), 75)
    yield Measured("idle CPU of start-all", "% core", cpu["edge"], cpu.get("dagu"), 0.3)
    yield Measured("idle memory of a worker, RSS", "MB", rss["worker"], None, 50)


def _dispatch(plan: Plan) -> Iterator[Measured]:
    target = plan.edge
    target.write("remote", "true", head="worker_selector:\n  pool: bench\n")
    with target.server() as server, target.worker(server, "pool=bench"):
        store = _reader(target)
        server_start = time.monotonic()
        while time.monotonic() < server_start + 15:  # until the worker has called in
            try:
                server.start("remote")
                break
            except RuntimeError:
                time.sleep(0.2)
        latencies = []
        for _ in range(plan.times(30, 8)):
            began = time.perf_counter()
            ref = RunRef("remote", server.start("remote"))
            if not wait_until(lambda ref=ref: _is_final(store, ref), 20, 0.002):  # type: ignore[misc]
                raise RuntimeError(f"{ref} did not end")
            latencies.append((time.perf_counter() - began) * 1000)
        yield Measured(
            "start request to final status, idle worker",
            "ms",
            statistics.median(latencies),
            None,
            80,
        )
        count = plan.times(300, 60)
        done = _finals(store)
        began = time.perf_counter()
        server.start_many("remote", count, threads=8)
        # Seldom: this process shares two cores with those it measures.
        if not wait_until(lambda: _finals(store) >= done + count, 120, 0.2):
            raise RuntimeError("the runs did not end")
        rate = count / (time.perf_counter() - began)
        yield Measured(
            "one-step runs through coordinator and worker", "runs/s", rate, None, 60, is_floor=True
        )
        yield Measured(
            "coordinator after them, RSS",
            "MB",
            server.tree.rss_mb([server.tree.root]),
            None,
            120,
        )
        store.close()


def _load(plan: Plan) -> Iterator[Measured]:
    """Validate one long file, and list many, as the scheduler and the page do."""
    steps = "".join(
        f"  - id: s{n}\n    run: echo ${{steps.s{n - 1}.outputs.x}}\n"
        f"    depends: [{f's{n - 1}' if n else ''}]\n    outputs: [{{name: x}}]\n"
        "    retry_policy: {limit: 2, interval_sec: 5}\n"
        for n in range(500)
    )
    text = f"env: {{A: 1}}\nsteps:\n{steps}"

    def validate() -> None:
        if validate_text(text, default_name="long").errors:
            raise RuntimeError("the long file is not valid")

    times = [_seconds(validate) for _ in range(plan.times(7, 3))]
    yield Measured("validate 500 steps, warm", "ms", min(times) * 1000, None, 150)


def _list(plan: Plan) -> Iterator[Measured]:
    text = "description: d\nschedule: '0 1 * * *'\nlabels: [a=b]\nsteps:\n" + "".join(
        f"  - id: s{n}\n    run: echo {n}\n" for n in range(6)
    )
    with tempfile.TemporaryDirectory(dir=default_directory()) as home:
        settings = load_settings(environ={"DAGU_HOME": home, "HOME": home})
        settings.paths.dags_dir.mkdir(parents=True)
        for number in range(1000):
            (settings.paths.dags_dir / f"d{number}.yaml").write_text(text)
        catalog = Catalog(settings)
        times = [_seconds(lambda: trio.run(catalog.refresh)) for _ in range(4)]
        if len(catalog.entries()) != 1000:
            raise RuntimeError("files are missing in the list")
    yield Measured("list 1,000 files, cold", "s", times[0], None, 2)
    yield Measured("list 1,000 files, unchanged", "ms", min(times[1:]) * 1000, None, 50)


def _seconds(what: Callable[[], object]) -> float:
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin


def _reader(target: Target) -> Store:
    found = list(target.home.glob("**/edge.db"))
    store = Store.open_reader(found[0]) if found else None
    if store is None:
        raise RuntimeError("the server made no store")
    return store


def _is_final(store: Store, ref: RunRef) -> bool:
    found = store.summary_of(ref)
    return found is not None and found.status.is_final


def _finals(store: Store) -> int:
    return sum(row.status.is_final for row in store.find_runs(RunFilter(name="remote", limit=0)))


def _targets(plan: Plan) -> list[Target]:
    return [plan.edge] if plan.dagu is None else [plan.edge, plan.dagu]


def _both(
    plan: Plan,
    argv: Callable[[Target], list[str]],
    rounds: int,
    *,
    with_real: bool = True,
) -> tuple[list[Finished], list[Finished]]:
    """Run a command with both programs in turn, after one warm-up of each when it is short."""
    results: dict[str, list[Finished]] = {"edge": [], "dagu": []}
    targets = _targets(plan) if with_real else [plan.edge]
    for number in range(rounds + (rounds > 3)):
        for target in targets:
            done = measure(argv(target), target.env, target.home)
            if done.code != 0:
                raise RuntimeError(f"{' '.join(argv(target))}: exit code {done.code}")
            if number or rounds <= 3:
                results[target.name].append(done)
    return results["edge"], results["dagu"]


def _ms(runs: list[Finished]) -> float:
    return _s(runs) * 1000


def _s(runs: list[Finished]) -> float:
    return statistics.median(run.seconds for run in runs)


def _peak(runs: list[Finished]) -> float:
    return max(run.peak_mb for run in runs)


def _written(runs: list[Finished]) -> float:
    return statistics.median(run.written_mb for run in runs)


def _maybe(what: Callable[[list[Finished]], float], runs: list[Finished]) -> float | None:
    """Return None where the real program was not measured."""
    return what(runs) if runs else None


def default_directory() -> Path:
    """Return a directory on a real disk: a tmpfs would count no written bytes."""
    return Path("/var/tmp")


LINES = (
    Line("version", _version),
    Line("load", _load),
    Line("list", _list),
    Line("one-step", _one_step),
    Line("seq-100", _sequential(100)),
    Line("seq-500", _sequential(500)),
    Line("seq-5000", _sequential(5000)),
    Line("runs-40", _forty_runs),
    Line("runs-400", _four_hundred_runs),
    Line("idle", _idle),
    Line("dispatch", _dispatch),
)
