"""A wide fan-out: what it costs, and what a reader finds afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

from tests.acceptance.edge_home import Edge

_WIDTH = 200
_MAX_MB = 120


def test_a_wide_fan_out_stays_small(tmp_path: Path) -> None:
    """spec 12 section 12: `parallel` over two hundred items, fifty at a time."""
    edge = Edge(tmp_path)
    items = " ".join(map(str, range(_WIDTH)))
    edge.dag(
        "fan",
        "steps:\n  - id: a\n    action: dag.run\n"
        '    with: {dag: kid, params: "V=${ITEM}"}\n'
        f"    parallel: {{items: '{items}', max_concurrent: 50}}\n"
        "---\nname: kid\nparams: {V: x}\n"
        "steps: [{id: k, run: 'echo $V', output: O}]\n",
    )
    process = subprocess.Popen(
        [edge.program, "start", "-q", "fan"],
        cwd=edge.work,
        env=edge.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak_kb = 0
    while process.poll() is None:
        peak_kb = max(peak_kb, _peak_kb(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0
    assert 0 < peak_kb / 1024 < _MAX_MB
    record = json.loads(edge("status", "fan", "--json").out)
    children = record["nodes"][0]["children"]
    assert len({child["dagRunId"] for child in children}) == _WIDTH
    words = ("status", "fan", "--json", "-r", record["dagRunId"], "-s", children[7]["dagRunId"])
    child = json.loads(edge(*words).out)
    assert (child["name"], child["params"]) == ("kid", "V=7")
    assert child["parent"] == {"name": "fan", "id": record["dagRunId"]}
    runs = json.loads(edge("history", "--json").out)
    assert [run["name"] for run in runs] == ["fan"]


def _peak_kb(pid: int) -> int:
    """Return the most memory of a process so far; `ru_maxrss` would count ours before exec."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) if found else 0
