"""`artifact.*` (spec 13 section 13)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.actions.artifact_paths import ArtifactPathError, prepare_artifact
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, act


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    (folder / "r").mkdir(parents=True)
    (folder / "r" / "x.txt").write_text("abc")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("secret")
    (folder / "l").symlink_to(tmp_path / "outside")
    (folder / "in").symlink_to("r/x.txt")
    return folder


async def _do(root: Path, operation: str, options: JsonObject) -> Any:
    env = {"DAG_RUN_ARTIFACTS_DIR": str(root)}
    outcome, printed = await act(f"artifact.{operation}", options, env=env)
    if outcome.error:
        assert (outcome.code, printed) == (1, "")
        return outcome.error.replace(str(root), "R")
    return json.loads(printed)


# spec 13 section 13: results
@pytest.mark.parametrize(
    ("operation", "options", "result"),
    [
        ("write", {"path": "n/y", "content": "ab"}, {"path": "n/y", "bytes": 2, "created": True}),
        ("write", {"path": "./n", "content": ""}, {"path": "n", "created": True}),
        (
            "write",
            {"path": "r/x.txt", "content": "n", "overwrite": True},
            {"path": "r/x.txt", "bytes": 1, "created": False},
        ),
        ("list", {"path": "r", "pattern": "y"}, {"path": "r"}),
    ],
)
async def test_results(
    root: Path, operation: str, options: JsonObject, result: dict[str, Any]
) -> None:
    assert await _do(root, operation, options) == {"operation": operation, **result}


# spec 13 section 13: errors
@pytest.mark.parametrize(
    ("operation", "options", "error"),
    [
        (
            "write",
            {"path": "r/x.txt", "content": "c"},
            "artifact write r/x.txt: open R/r/x.txt: file exists",
        ),
        ("read", {"path": "no"}, "artifact read no: lstat R/no: no such file or directory"),
        ("read", {"path": "r"}, "artifact read r: path is a directory"),
        (
            "read",
            {"path": "in", "max_bytes": 2},
            "artifact read in: file size 3 exceeds max_bytes 2",
        ),
        ("list", {"path": "no"}, "artifact list no: stat R/no: no such file or directory"),
        ("list", {"path": "in"}, "artifact list in: path must be a directory"),
        *(
            (operation, {"path": "l/f", "content": "c"}, 'path "l/f" escapes artifact directory')
            for operation in ("write", "read")
        ),
        ("list", {"path": "l"}, 'path "l" escapes artifact directory'),
        ("read", {"path": "../outside/f"}, "artifact path must not contain .."),
        ("read", {"path": "r/../r/x.txt"}, "artifact path must not contain .."),
        ("read", {"path": "r\\..\\x"}, "artifact path must not contain .."),
        ("read", {"path": "/etc/passwd"}, "artifact path must be relative"),
        ("read", {"path": "~/x"}, "artifact path must be relative"),
        ("read", {"path": "C:/x"}, "artifact path must be relative"),
        ("read", {"path": "a\0b"}, "artifact path must not contain a NUL character"),
        (
            "write",
            {"path": "x", "content": "c", "overwrite": True, "atomic": False},
            "overwrite requires atomic writes",
        ),
    ],
)
async def test_errors(root: Path, operation: str, options: JsonObject, error: str) -> None:
    options = {
        key: value for key, value in options.items() if operation == "write" or key != "content"
    }
    found = await _do(root, operation, options)
    if not error.startswith("artifact r") and not error.startswith(("artifact w", "artifact l")):
        error = f"artifact: configuration error: {error}"
    assert found.removeprefix("failed to set up step: ") == error
    assert (root.parent / "outside" / "f").read_text() == "secret"


async def test_read(root: Path) -> None:
    """spec 13 section 13: as file.read; links inside are followed."""
    context = Context("artifact.read", {"path": "in"}, env={"DAG_RUN_ARTIFACTS_DIR": str(root)})
    assert (await context.run()).error == ""
    assert context.out == b"abc"
    found = await _do(root, "read", {"path": "in", "format": "json"})
    assert list(found) == "operation path exists type size mode modTime bytes content".split()
    assert (found["path"], found["content"]) == ("in", "abc")


async def test_list(root: Path) -> None:
    """spec 13 section 13: paths and pattern are relative to the artifact root."""
    found = await _do(root, "list", {"path": "r", "pattern": "r/*"})
    assert [entry["path"] for entry in found["entries"]] == ["r/x.txt"]
    assert (found["path"], found["files"]) == ("r", 1)


async def test_an_empty_directory(tmp_path: Path) -> None:
    """spec 13 section 13: prints only operation and path."""
    assert await _do(tmp_path, "list", {}) == {"operation": "list", "path": "."}


async def test_no_directory() -> None:
    """spec 13 section 13: artifacts are off."""
    outcome, _ = await act("artifact.list")
    assert outcome.error == (
        "artifact: configuration error: DAG_RUN_ARTIFACTS_DIR is not set; enable artifacts for"
        " this DAG"
    )


# spec 12 section 18: a relative path that names a file, not through links out of the directory
@pytest.mark.parametrize("name", [".", "d/", "../x", "/x", "l/x", "~x"])
def test_paths_of_stream_artifacts(root: Path, name: str) -> None:
    with pytest.raises(ArtifactPathError):
        prepare_artifact(str(root), name)


def test_a_stream_artifact(root: Path) -> None:
    """spec 12 section 18: its directories are made."""
    assert prepare_artifact(str(root), "logs/o/out.txt") == f"{root}/logs/o/out.txt"
    assert (root / "logs" / "o").is_dir()
