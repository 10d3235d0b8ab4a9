"""Fuzz campaign against the loader: mutated workflow files, and texts made to hurt.

    python -m tests.long.fuzz_loader --inputs 200000            all cores, prints its seed
    python -m tests.long.fuzz_loader --seed 7 --inputs 1000     the same inputs again

Each input is read, validated and loaded as `edge validate` and `edge start` would. It fails on any
exception that is not our own error, on more than 2 s of processor time or 200 MB for one input, and
on anything that reaches out of the process: a program started, a socket opened, a file written
(an audit hook watches). Failing inputs are kept in a directory that is named at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.config.dagfiles import read_text
from edge.core.errors import EdgeError
from edge.workflow.load import load_dag, validate_text
from tests.long.hostile import TOKENS, VALUES, hostile

__all__ = ["Failure", "corpus", "inputs", "try_input"]

DATA = Path(__file__).parent.parent / "data"
SAMPLES = Path(__file__).parent.parent.parent / "edge" / "samples"
LIMIT_S = 2.0
LIMIT_BYTES = 200_000_000
MAX_BYTES = 1_000_000

_FORBIDDEN = (
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "socket.connect",
    "os.remove",
    "os.rename",
    "os.mkdir",
)


@dataclass(frozen=True)
class Failure:
    """An input that broke a promise, and how."""

    kind: str
    text: str
    data: bytes


def corpus() -> list[bytes]:
    """Return every workflow file of the recordings and samples."""
    paths = [*DATA.rglob("*.yaml"), *SAMPLES.glob("*.yaml")]
    return [path.read_bytes() for path in sorted(paths)]


def inputs(seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` inputs; the same for the same seed."""
    rng = random.Random(seed)
    files = corpus()
    for number in range(count):
        if number % 50 == 49:
            yield hostile(rng)[:MAX_BYTES]
        else:
            yield _mutated(rng, files)[:MAX_BYTES]


def _mutated(rng: random.Random, files: list[bytes]) -> bytes:
    data = bytearray(rng.choice(files))
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 20))):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(8)
        if what == 0:
            data[at:at] = rng.choice(TOKENS)
        elif what == 1:
            del data[at : at + rng.randrange(1, 20)]
        elif what == 2 and data:
            data[at % len(data)] = rng.randrange(256)
        elif what == 3:
            other = rng.choice(files)
            start = rng.randrange(len(other) + 1)
            data[at:at] = other[start : start + rng.randrange(200)]
        elif what == 4:
            _swap_lines(rng, data)
        elif what == 5:
            _replace_value(rng, data)
        elif what == 6:
            data[at:at] = bytes(data[at : at + rng.randrange(1, 60)]) * rng.choice((1, 2, 30))
        else:
            _indent(rng, data)
    return bytes(data)


def _swap_lines(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    data[:] = b"\n".join(lines)


def _replace_value(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(b": ")
    if colon:
        lines[at] = key + colon + rng.choice(VALUES)
    data[:] = b"\n".join(lines)


def _indent(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    at = rng.randrange(len(lines))
    for line in range(at, min(len(lines), at + rng.randrange(1, 6))):
        lines[line] = lines[line][1:] if rng.random() < 0.3 else b"  " + lines[line]
    data[:] = b"\n".join(lines)


class _Guard:
    """Notes what reaches out of the process while an input is read."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.is_on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self.is_on:
            return
        if event.startswith(_FORBIDDEN):
            self.events.append(f"{event} {args!r:.200}")
        elif event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            self.events.append(f"open for writing: {args[0]!r}")


_GUARDS: list[_Guard] = []


def try_input(data: bytes, path: Path) -> Failure | None:
    """Read, validate and load one input; `path` is a scratch file. Returns what went wrong."""
    if not _GUARDS:
        _GUARDS.append(_Guard())
    guard = _GUARDS[0]
    path.write_bytes(data)
    guard.events.clear()
    guard.is_on = True
    took = 0.0
    try:
        for work in (_validate, _load):
            begin = time.process_time()
            try:
                work(path)
            except EdgeError:
                pass
            took = max(took, time.process_time() - begin)
    except Exception:
        return Failure("traceback", traceback.format_exc(limit=-6), data)
    finally:
        guard.is_on = False
    if guard.events:
        return Failure("reached out", "; ".join(guard.events[:3]), data)
    if took > LIMIT_S:
        return Failure("too slow", f"{took:.1f} s for {len(data)} bytes", data)
    return None


def _validate(path: Path) -> None:
    validate_text(read_text(path), source_file=str(path), default_name="fuzz")


def _load(path: Path) -> None:
    load_dag(read_text(path), source_file=str(path), default_name="fuzz")


def _worker(seed: int, count: int, folder: Path) -> int:
    """Try the inputs of one seed; print a line of JSON per failure and one at the end."""
    path = folder / f"input-{seed}.yaml"
    path.write_text("steps: [{run: a}]\n")
    try_input(path.read_bytes(), path)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT_BYTES, resource.RLIM_INFINITY))
    slowest = 0.0
    for number, data in enumerate(inputs(seed, count)):
        begin = time.process_time()
        failure = try_input(data, path)
        slowest = max(slowest, time.process_time() - begin)
        if failure is not None:
            kept = folder / f"failure-{seed}-{number}.yaml"
            kept.write_bytes(failure.data)
            told = {"kind": failure.kind, "text": failure.text, "input": str(kept)}
            print(json.dumps(told), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"done": count, "slowest_s": slowest, "peak_kb": peak}), flush=True)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the campaign; return 1 when any input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.long.fuzz_loader", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--chunk", type=int, default=2_000, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker is not None:
        return _worker(options.seed, options.inputs, options.worker)
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="edge-fuzz-"))
    print(f"seed {seed}, {options.inputs} inputs, {options.workers} workers", flush=True)
    tally = _campaign(seed, options.inputs, options.workers, options.chunk, folder)
    failed = sum(tally.failures.values())
    kinds = ", ".join(f"{kind}: {n}" for kind, n in sorted(tally.failures.items())) or "none"
    print(
        f"{tally.done} inputs tried; failures: {kinds}; slowest {tally.slowest_s:.2f} s,"
        f" peak {tally.peak_kb / 1024:.0f} MB"
    )
    if failed:
        print(f"failing inputs: {folder}")
    return 1 if failed or tally.done < options.inputs else 0


class _Tally:
    """What all workers have found."""

    def __init__(self) -> None:
        self.done = 0
        self.slowest_s = 0.0
        self.peak_kb = 0
        self.failures: dict[str, int] = {}

    def add(self, line: str) -> None:
        told = json.loads(line)
        if "done" in told:
            self.done += told["done"]
            self.slowest_s = max(self.slowest_s, told["slowest_s"])
            self.peak_kb = max(self.peak_kb, told["peak_kb"])
            return
        kind = told["kind"]
        self.failures[kind] = self.failures.get(kind, 0) + 1
        if self.failures[kind] <= 20:
            print(f"{kind}: {told['input']}\n{told['text']}", flush=True)


def _campaign(seed: int, count: int, workers: int, chunk: int, folder: Path) -> _Tally:
    """Run chunks in processes of their own, so that a crash or a hang is one chunk's."""
    chunks = [(seed + n, min(chunk, count - n * chunk)) for n in range(-(-count // chunk))]
    running: list[tuple[subprocess.Popen[str], int]] = []
    tally = _Tally()
    while chunks or running:
        while chunks and len(running) < workers:
            own_seed, size = chunks.pop(0)
            words = ["--worker", str(folder), "--seed", str(own_seed), "--inputs", str(size)]
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.long.fuzz_loader", *words],
                stdout=subprocess.PIPE,
                text=True,
            )
            running.append((process, own_seed))
        process, own_seed = running.pop(0)
        try:
            out, _ = process.communicate(timeout=1200)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            tally.failures["hang"] = tally.failures.get("hang", 0) + 1
            print(f"hang: seed {own_seed}", flush=True)
        for line in out.splitlines():
            tally.add(line)
        if process.returncode not in (0, -9):
            tally.failures["crash"] = tally.failures.get("crash", 0) + 1
            print(f"crash: seed {own_seed}, exit {process.returncode}", flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
