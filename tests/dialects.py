"""The realistic workflows that exist in both dialects (tests/data/dialects).

`NAME.v1.yaml` is written for Dagu 1.30, `NAME.v2.yaml` for the newest schema; both mean the same.
`@OUT@` stands for a directory of the run's own.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["NAMES", "NEED_ACTIONS", "text_of"]

FOLDER = Path(__file__).parent / "data" / "dialects"
NAMES = sorted(path.name.removesuffix(".v1.yaml") for path in FOLDER.glob("*.v1.yaml"))
#: need a peer (SSH, HTTP, mail, container engine), or more than commands and scripts
NEED_ACTIONS = {
    "10-poll-until-ready",
    "13-remote-logs",
    "14-http-probe",
    "15-container-job",
    "16-sub-workflow",
    "17-fan-out",
    "18-alarm-mail",
    "19-json-filter",
}


def text_of(name: str, dialect: str, out: Path | str = "/srv/out") -> str:
    """Return the text of a workflow in `v1` or `v2`, its directory put in."""
    path = FOLDER / f"{name}.{dialect}.yaml"
    return path.read_text(encoding="utf-8").replace("@OUT@", str(out))
