"""The README's commands are the ones that work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


def _command(root: Path, marker: str) -> str:
    text = (root / "README.md").read_text()
    found = re.search(rf"<!-- {marker} -->\n```sh\n(.*?)\n```", text, re.DOTALL)
    assert found is not None, f"README.md has no command under <!-- {marker} -->"
    return found.group(1)


def test_both_commands_are_one_line_and_pinned(root: Path) -> None:
    for marker in ("run", "test"):
        command = _command(root, marker)
        assert "\n" not in command
        assert "-c constraints.txt" in command
        assert command.startswith("python3 -m venv .venv && ")
    assert _command(root, "test").endswith(".venv/bin/python -m pytest -n 2")
    assert _command(root, "run").endswith(".venv/bin/edge start-all")


def test_the_readme_names_every_sample(root: Path) -> None:
    text = (root / "README.md").read_text()
    for path in (root / "edge" / "samples").glob("*.yaml"):
        assert f"| `{path.stem}` |" in text


def test_the_commands_that_the_readme_types_exist(root: Path) -> None:
    texts = [
        *((root / name).read_text() for name in ("README.md", "systemd/README.md")),
        *(path.read_text() for path in (root / "edge" / "samples").glob("*.yaml")),
    ]
    typed = set()
    for text in texts:
        typed |= set(re.findall(r"(?:^|[`&/ ])edge ([a-z][a-z-]+)(?= |`|$)", text, re.MULTILINE))
    # `edge install` and its like are named as not built yet.
    typed -= {"install", "workflow"}
    assert {"start", "start-all", "validate", "worker", "example"} <= typed
    shown = subprocess.run(
        [sys.executable, "-m", "edge", "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"^ +([a-z][a-z-]*) ", shown, re.MULTILINE))
    assert typed - known == set()


@pytest.mark.parametrize("name", ["README.md", "pyinstaller/README.md", "systemd/README.md"])
def test_links_and_pictures_are_there(root: Path, name: str) -> None:
    text = (root / name).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (root / name).parent.joinpath(target).exists(), target
