"""`python -m tests.bench [--edge CMD] [--only NAME]... [--quick] [--json] [--dir DIR]`.

Measures the lines of DESIGN section 7 that exist, in turn with the real binary (EDGE_DAGU_BINARY,
else `dagu` of the PATH), and says which budget is met. Exit code 1 when one is missed or fails.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.bench.lines import LINES, Measured, Plan, default_directory
from tests.bench.targets import Dagu, Edge, find_dagu


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--edge", help="the command to measure, e.g. a frozen build")
    parser.add_argument("--only", action="append", choices=[line.name for line in LINES])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no 5,000 steps")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", type=Path, default=default_directory(), help="on a real disk")
    options = parser.parse_args()

    rows: list[Measured] = []
    faults: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="edge-bench-", dir=options.dir) as home:
        binary = find_dagu()
        edge = Edge(options.edge, Path(home) / "edge")
        dagu = Dagu(binary, Path(home) / "dagu") if binary else None
        plan = Plan(edge, dagu, options.quick)
        against = f"dagu {dagu.version()}" if dagu else "no real binary (EDGE_DAGU_BINARY)"
        print(f"edge {edge.version()} beside {against}", file=sys.stderr)
        for line in LINES:
            if options.only and line.name not in options.only:
                continue
            if options.quick and not options.only and line.name == "seq-5000":
                continue
            print(f"  {line.name} ...", file=sys.stderr, flush=True)
            try:
                rows.extend(line.run(plan))
            except (RuntimeError, OSError) as exc:
                faults[line.name] = str(exc)
    busy = os.getloadavg()[0] - 1
    if busy > 1:
        print(
            f"other programs kept about {busy:.0f} CPUs busy: times are too long", file=sys.stderr
        )
    print(_json(rows, faults) if options.json else _table(rows, faults))
    return 1 if faults or any(row.is_met is False for row in rows) else 0


def _json(rows: list[Measured], faults: dict[str, str]) -> str:
    found = [{**dataclasses.asdict(row), "ratio": row.ratio, "met": row.is_met} for row in rows]
    return json.dumps({"lines": found, "faults": faults}, indent=2)


def _table(rows: list[Measured], faults: dict[str, str]) -> str:
    words = {None: "", True: "ok", False: "MISSED"}
    out = [f"{'':46} {'edge':>10} {'real':>10} {'ratio':>7} {'budget':>12}"]
    for row in rows:
        limit = ""
        if row.budget is not None:
            limit = f"{'≥' if row.is_floor else '≤'} {row.budget:g}"
        if row.ratio_budget is not None:
            limit += f" {row.ratio_budget:g}x"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        real = "-" if row.real is None else f"{row.real:.2f}"
        out.append(
            f"{row.label:46} {row.ours:10.2f} {real:>10} {ratio:>7} {limit:>12} {row.unit:7}"
            f" {words[row.is_met]}"
        )
    out.extend(f"{name:46} not measured: {text}" for name, text in faults.items())
    return "\n".join(out)


if __name__ == "__main__":
    sys.exit(main())
