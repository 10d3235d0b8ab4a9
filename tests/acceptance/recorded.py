"""The recorded invocations, and where `edge` differs from them on purpose.

The texts of `tests/data/cli/invocations.jsonl` become patterns. What is replaced there matches
anything of its kind; what `edge` adds to every message is taken away from ours first: the place
`file:line:column` below a fault of a workflow file, and the nearest known name.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["CONFIGS", "DIFFERENT", "NOT_BUILT", "Recorded", "load", "matches"]

_DATA = Path(__file__).parents[1] / "data/cli"

_PATTERNS = {
    "<TIME>": r"\d{4}-?\d\d-?\d\d[T_. ]?\d\d:?\d\d:?\d\d[\d.]*(?:Z|[+-]\d\d:\d\d)?",
    "<ID>": r"[0-9A-Za-z]+",
    "<USAGE>": r"(?s:.*\nUsage:\n.*)",
    "<TEXT>": r"(?s:.+)",
    "<LAYOUT>": r".*",
    # Durations are as measured.
    "(0s)": r"\((?:0|\d+\.\d)s\)",
    "(1.0s)": r"\(\d+\.\ds\)",
    "< 1s": r"(?:< 1s|\ds  )",
}
_PLACE = re.compile(r"^ +<ROOT>/home/dags/[^ ]+\.yaml:\d+:\d+: .*\n", re.MULTILINE)
_NEAR = re.compile(r'; did you mean "[^"]*"\?')


class Recorded(NamedTuple):
    """One invocation and what it gave."""

    n: int
    argv: list[str]
    code: int
    out: str
    err: str
    env: dict[str, str]
    note: str


class Different(NamedTuple):
    """Our texts in place of the recorded ones, and why. None = as recorded."""

    why: str
    err: str | None = None
    out: str | None = None
    code: int | None = None


#: commands that a later issue builds; each says so
NOT_BUILT = frozenset("enqueue dequeue ps ls exec rm cleanup".split())

#: note of an invocation -> the configuration that it names, `<ROOT>/work/alt.yaml`
CONFIGS = {
    "no auth.mode": "",
    "basePath: /x": "basePath: /x",
    "nonsense: 1": "nonsense: 1",
    "port: 70000": "port: 70000",
    "port: lots": "port: lots",
    "scheduler.lock_retry_interval: soon": "scheduler: {lock_retry_interval: soon}",
    "tz: Mars/Base": "tz: Mars/Base",
    "proc.heartbeat_interval: 90s": "proc: {heartbeat_interval: 90s}",
    "broken YAML": "port: [",
    "log_format: json": "log_format: json",
}

_ALT = "<ROOT>/work/alt.yaml"
_STOP_LOG = "the log of a stop tells of the reference's files; ours has none (spec 30 section 1.8)"
_PLACED = "the message names the place as well (issue 3, bad input)"
_NO_RUNS = "No DAG runs found matching the specified filters.\n"

DIFFERENT = {
    1: Different("the version of edge", out="0.1.0\n"),
    13: Different(
        "text of spec 30 section 1.8, without Go's time layout",
        'Error: invalid --schedule-time value "tomorrow": must be RFC 3339 format\n',
    ),
    23: Different(
        "the flag's value is unquoted once, also for the log line",
        'time=<TIME> level=INFO msg="Executing root dag-run" dag=brew run-id=<ID>'
        ' params="BEAN=quoted one"\n<TEXT>',
    ),
    26: Different(
        "said once (spec 11 section 4)",
        'Error: unknown parameter(s): "NOPE"; accepted parameters are: BEAN, CUPS\n',
    ),
    33: Different("the caret line is ours", "Error: failed to load DAG from notyaml: <TEXT>"),
    35: Different(
        "lines of a child name the child alone",
        "<TEXT>dag=outer run-id=out1<TEXT>dag=hello run-id=<ID><TEXT>"
        "dag=outer run-id=out1<TEXT>status=succeeded<TEXT>",
    ),
    44: Different(
        "a path is looked up in the working directory only (spec 30 section 1.4)",
        "Error: failed to extract DAG name: failed to read DAG metadata from file boom.yaml:"
        " <TEXT>",
    ),
    48: Different("the caret line is ours", "Error: Validation failed for notyaml\n- <TEXT>"),
    91: Different(_STOP_LOG, ""),
    93: Different(_STOP_LOG, ""),
    101: Different(
        "refused before anything changes (spec 30 section 1.8)",
        'Error: step "nope" not found in DAG-run r1\n',
        "",
    ),
    102: Different(
        "refused before anything changes (spec 30 section 1.8)",
        'Error: cannot retry step "after": its dependency "boom" has not succeeded\n',
        "",
        1,
    ),
    107: Different(
        "one warning that the selector is ignored (spec 30 section 1.8)",
        '<TEXT> level=WARN msg="worker_selector is ignored: <TEXT>status=succeeded<TEXT>',
    ),
    139: Different("our files (DESIGN section 4)", out="Config file: <TEXT>Executable: <TEXT>"),
    142: Different(
        "the schema of the configuration is a later issue",
        "Error: schema navigation failed: <TEXT>\n<USAGE>",
    ),
    143: Different(
        "our samples", 'Error: invalid example ID "999": must be between 1 and 5\n<USAGE>'
    ),
    144: Different(
        "no contexts here (spec 30 section 1.9)",
        'Error: unknown command "context" for "edge"\n<TEXT>',
        "",
        1,
    ),
    145: Different(
        "no contexts here (spec 30 section 1.9)", "Error: unknown flag: --context\n<USAGE>"
    ),
    161: Different(
        _PLACED,
        f"Error: initialization error: {_ALT}: config file uses legacy camelCase keys;"
        " migrate to snake_case: basepath -> base_path\n",
    ),
    162: Different(
        "an unknown key is named (spec 30 section 2.8)",
        f'time=<TIME> level=WARN msg="{_ALT}:3: unknown key nonsense is ignored<TEXT>' + _NO_RUNS,
    ),
    163: Different(
        _PLACED,
        f"Error: initialization error: failed to build config: {_ALT}:3:"
        " invalid port number: 70000\n",
    ),
    165: Different(
        _PLACED,
        f"Error: initialization error: failed to unmarshal config: {_ALT}:3:"
        " 'port' cannot parse value as 'int' (value: lots)\n",
    ),
    167: Different(
        _PLACED,
        f"Error: initialization error: failed to build config: {_ALT}:3: failed to set timezone:"
        " failed to load timezone: unknown time zone Mars/Base\n",
    ),
    170: Different(
        _PLACED,
        f"Error: initialization error: failed to read config: While parsing config: {_ALT}: <TEXT>",
    ),
    172: Different(
        _PLACED,
        "Error: initialization error: failed to unmarshal config: DAGU_PORT:"
        " 'port' cannot parse value as 'int' (value: abc)\n",
    ),
    173: Different(
        "says what to do",
        "Error: worker.coordinators is required; give --worker.coordinators=<TEXT>",
    ),
    175: Different(
        _PLACED,
        "Error: initialization error: failed to unmarshal config: --port:"
        " 'port' cannot parse value as 'int' (value: notaport)\n",
    ),
}


def load() -> dict[int, Recorded]:
    """Return the recorded invocations without a signal or input, by number, ours where different.

    The program's name in the texts is ours.
    """
    found = {}
    for line in (_DATA / "invocations.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if "signal" in item or "stdin" in item:
            continue
        n, code = item["n"], item["exit"]
        out, err = (item[name].replace("dagu", "edge") for name in ("stdout", "stderr"))
        ours = DIFFERENT.get(n)
        if ours is not None:
            out = out if ours.out is None else ours.out
            err = err if ours.err is None else ours.err
            code = code if ours.code is None else ours.code
        elif item["argv"] and item["argv"][0] in NOT_BUILT:
            code, out = 1, ""
            err = f"Error: {item['argv'][0]} is not available in this version of edge yet\n"
        found[n] = Recorded(
            n, item["argv"], code, out, err, item.get("env", {}), item.get("note", "")
        )
    return found


def matches(pattern: str, text: str, root: Path) -> bool:
    """Tell whether a text of ours is the recorded one."""
    ours = _NEAR.sub("", _PLACE.sub("", text.replace(str(root), "<ROOT>")))
    parts = re.split(f"({'|'.join(map(re.escape, _PATTERNS))})", pattern)
    expected = "".join(_PATTERNS.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expected, ours) is not None
