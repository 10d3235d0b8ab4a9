"""`file.*` (spec 13 section 9)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edge.actions import file_trees
from edge.actions.base import Outcome
from edge.actions.files import go_mode, rfc3339_ns
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, act


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tree of the recording `seq-file`."""
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "a").write_text("abc")
    (tmp_path / "b").write_text("zz")
    (tmp_path / "l").symlink_to("a")
    (tmp_path / "dang").symlink_to("nowhere")
    (tmp_path / "d" / "e" / "f").write_text("1\n")
    return tmp_path


async def _do(
    folder: Path, operation: str, more: dict[str, Any] | None = None, **options: Any
) -> Any:
    """Return what was printed, decoded, or the error with the folder as F."""
    outcome, printed = await act(f"file.{operation}", {**options, **(more or {})}, cwd=folder)
    if outcome.error:
        assert outcome.code == 1
        assert printed == ""
        return outcome.error.replace(str(folder), "F")
    assert printed.endswith("\n")
    assert printed.count("\n") == 1
    return json.loads(printed.replace(str(folder), "F"))


# spec 13 section 9: results
@pytest.mark.parametrize(
    ("operation", "options", "result"),
    [
        ("stat", {"path": "gone", "missing_ok": True}, {"path": "F/gone", "exists": False}),
        ("write", {"path": "n", "content": ""}, {"path": "F/n", "created": True}),
        (
            "write",
            {"path": "a", "content": "new", "overwrite": True, "atomic": False},
            {"path": "F/a", "bytes": 3, "created": True},
        ),
        (
            "write",
            {"path": "a", "content": "new", "overwrite": True},
            {"path": "F/a", "bytes": 3, "created": True},
        ),
        (
            "write",
            {"path": "x/y/z", "content": "c", "create_dirs": True},
            {"path": "F/x/y/z", "bytes": 1, "created": True},
        ),
        (
            "write",
            {"path": "n", "content": "c", "dry_run": True},
            {"path": "F/n", "bytes": 1, "dryRun": True, "created": False},
        ),
        (
            "copy",
            {"source": "a", "destination": "b", "overwrite": True},
            {"source": "F/a", "destination": "F/b", "files": 1, "bytes": 3, "copied": True},
        ),
        (
            "copy",
            {"source": "l", "destination": "l2"},
            {"source": "F/l", "destination": "F/l2", "files": 1, "copied": True},
        ),
        (
            "copy",
            {"source": "l", "destination": "l2", "follow_symlinks": True},
            {"source": "F/l", "destination": "F/l2", "files": 1, "bytes": 3, "copied": True},
        ),
        (
            "copy",
            {"source": "d", "destination": "d2", "recursive": True},
            {
                **{"source": "F/d", "destination": "F/d2", "files": 1, "directories": 1},
                **{"bytes": 2, "copied": True},
            },
        ),
        (
            "copy",
            {"source": "a", "destination": "x/y", "create_dirs": True, "dry_run": True},
            {
                **{"source": "F/a", "destination": "F/x/y", "files": 1, "bytes": 3},
                **{"dryRun": True, "copied": False},
            },
        ),
        (
            "move",
            {"source": "a", "destination": "x/y", "create_dirs": True},
            {"source": "F/a", "destination": "F/x/y", "moved": True},
        ),
        (
            "move",
            {"source": "a", "destination": "b", "overwrite": True},
            {"source": "F/a", "destination": "F/b", "moved": True},
        ),
        (
            "move",
            {"source": "d", "destination": "n", "dry_run": True},
            {"source": "F/d", "destination": "F/n", "dryRun": True, "moved": False},
        ),
        ("delete", {"path": "l"}, {"path": "F/l", "deleted": True}),
        ("delete", {"path": "d", "recursive": True}, {"path": "F/d", "deleted": True}),
        (
            "delete",
            {"path": "d", "recursive": True, "dry_run": True},
            {"path": "F/d", "dryRun": True, "deleted": False},
        ),
        (
            "delete",
            {"path": "gone", "missing_ok": True},
            {"path": "F/gone", "exists": False, "deleted": False},
        ),
        ("mkdir", {"path": "n/m"}, {"path": "F/n/m", "created": True}),
        ("mkdir", {"path": "d"}, {"path": "F/d", "created": True}),
        (
            "mkdir",
            {"path": "n", "dry_run": True},
            {"path": "F/n", "dryRun": True, "created": False},
        ),
    ],
)
async def test_results(
    folder: Path, operation: str, options: JsonObject, result: dict[str, Any]
) -> None:
    found = await _do(folder, operation, options)
    assert found == {"operation": operation, **result}
    assert list(found) == ["operation", *result]


# spec 13 section 9: errors
@pytest.mark.parametrize(
    ("operation", "options", "error"),
    [
        (
            "copy",
            {"source": "a", "destination": "b"},
            "file copy F/a to F/b: open destination: open F/b: file exists",
        ),
        (
            "copy",
            {"source": "d", "destination": "b", "recursive": True},
            "file copy: destination F/b exists and is not a directory",
        ),
        (
            "copy",
            {"source": "d", "destination": "n"},
            "file copy F/d to F/n: recursive is required to copy a directory",
        ),
        (
            "copy",
            {"source": "d", "destination": "d/e/n", "recursive": True},
            "file copy F/d to F/d/e/n: destination must not be inside source",
        ),
        (
            "copy",
            {"source": "pipe", "destination": "n"},
            "file copy F/pipe to F/n: F/pipe: special files cannot be copied",
        ),
        (
            "copy",
            {"source": "gone", "destination": "n"},
            "file copy F/gone to F/n: lstat F/gone: no such file or directory",
        ),
        (
            "copy",
            {"source": "a", "destination": "a", "overwrite": True},
            "file copy F/a to F/a: source and destination are the same file",
        ),
        (
            "copy",
            {"source": "a", "destination": "no/n"},
            "file copy F/a to F/no/n: open destination: open F/no/n: no such file or directory",
        ),
        (
            "move",
            {"source": "a", "destination": "b"},
            "file move F/a to F/b: destination exists",
        ),
        (
            "move",
            {"source": "gone", "destination": "n"},
            "file move F/gone to F/n: lstat F/gone: no such file or directory",
        ),
        (
            "move",
            {"source": "d", "destination": "d/e/n"},
            "file move F/d to F/d/e/n: destination must not be inside source",
        ),
        (
            "stat",
            {"path": "dang", "follow_symlinks": True},
            "file stat F/dang: stat F/dang: no such file or directory",
        ),
        ("stat", {"path": "gone"}, "file stat F/gone: lstat F/gone: no such file or directory"),
        (
            "stat",
            {"path": "a/b", "missing_ok": True},
            "file stat F/a/b: lstat F/a/b: not a directory",
        ),
        ("read", {"path": "d"}, "file read F/d: path is a directory"),
        ("read", {"path": "a", "max_bytes": 2}, "file read F/a: file size 3 exceeds max_bytes 2"),
        (
            "read",
            {"path": "a", "max_bytes": 2, "format": "json"},
            "file read F/a: file size 3 exceeds max_bytes 2",
        ),
        ("write", {"path": "a", "content": "c"}, "file write F/a: open F/a: file exists"),
        (
            "write",
            {"path": "a", "content": "c", "dry_run": True},
            "file write F/a: open F/a: file exists",
        ),
        (
            "write",
            {"path": "no/n", "content": "c"},
            "file write F/no/n: open F/no/n: no such file or directory",
        ),
        (
            "write",
            {"path": "d", "content": "c", "overwrite": True},
            "file write F/d: open F/d: is a directory",
        ),
        ("delete", {"path": "/"}, "file delete /: refusing to delete filesystem root"),
        ("delete", {"path": "d"}, "file delete F/d: recursive is required to delete a directory"),
        ("delete", {"path": "gone"}, "file delete F/gone: lstat F/gone: no such file or directory"),
        ("mkdir", {"path": "a"}, "file mkdir F/a: mkdir F/a: not a directory"),
        ("mkdir", {"path": "a/b"}, "file mkdir F/a/b: mkdir F/a/b: not a directory"),
        ("list", {"path": "nope"}, "file list F/nope: stat F/nope: no such file or directory"),
        ("list", {"path": "b"}, "file list F/b: path must be a directory"),
        (
            "list",
            {"path": ".", "pattern": "["},
            'file: configuration error: invalid pattern "[": an unclosed set',
        ),
        (
            "write",
            {"path": "n", "content": "c", "mode": "9"},
            "failed to set up step: file: configuration error: mode must be an octal text such as"
            ' "0644", got "9"',
        ),
    ],
)
async def test_errors(folder: Path, operation: str, options: JsonObject, error: str) -> None:
    os.mkfifo(folder / "pipe")
    assert await _do(folder, operation, options) == error
    assert (folder / "a").read_text() == "abc"


# spec 13 section 9: what is shown of a file
@pytest.mark.parametrize(
    ("path", "follow", "type_", "size", "mode"),
    [
        ("a", False, "file", 3, "-rw-r-----"),
        ("l", False, "symlink", 1, "Lrwxrwxrwx"),
        ("l", True, "file", 3, "-rw-r-----"),
        ("d", False, "directory", None, "drwxr-x---"),
        ("p", False, "other", None, "prw-r-----"),
    ],
)
async def test_stat(
    folder: Path, path: str, follow: bool, type_: str, size: int | None, mode: str
) -> None:
    os.mkfifo(folder / "p", 0o640)
    (folder / "a").chmod(0o640)
    (folder / "d").chmod(0o750)
    os.utime(folder / path, ns=(0, 1_700_000_000_120_000_000), follow_symlinks=follow)
    found = await _do(folder, "stat", path=path, follow_symlinks=follow)
    found.pop("size", None) if size is None else None
    expected = {
        **{"operation": "stat", "path": f"F/{path}", "exists": True, "type": type_},
        **({} if size is None else {"size": size}),
        **{"mode": mode, "modTime": "2023-11-14T22:13:20.12Z"},
    }
    assert found == expected
    assert list(found) == list(expected)


# spec 13 section 9: modes and times as Go prints them
@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (0o100644, "-rw-r--r--"),
        (0o041777, "dtrwxrwxrwx"),
        (0o104755, "urwxr-xr-x"),
        (0o102755, "grwxr-xr-x"),
        (0o020620, "Dcrw--w----"),
        (0o060660, "Drw-rw----"),
        (0o140755, "Srwxr-xr-x"),
    ],
)
def test_modes(mode: int, text: str) -> None:
    assert go_mode(mode) == text


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (10**30, "0001-01-01T00:00:00Z"),
    ],
)
def test_times(at_ns: int, text: str) -> None:
    """spec 13 section 1.5: nanoseconds trimmed of zeros."""
    assert rfc3339_ns(at_ns) == text


async def test_read(folder: Path) -> None:
    """spec 13 section 9: raw is the file's bytes, json has its content."""
    (folder / "raw").write_bytes(b"\xff\n<a>")
    context = Context("file.read", {"path": "raw"}, cwd=folder)
    assert (await context.run()).error == ""
    assert context.out == b"\xff\n<a>"
    found = await _do(folder, "read", path="raw", format="json")
    assert (found["content"], found["bytes"], found["type"]) == ("\ufffd\n<a>", 5, "file")
    (folder / "empty").touch()
    found = await _do(folder, "read", path="empty", format="json")
    assert found["content"] == ""
    assert "bytes" not in found


# spec 13 section 9: modes of what is made
@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ({}, 0o600),
        ({"mode": "0640"}, 0o640),
        ({"mode": "0o666"}, 0o666),
        ({"mode": "644", "overwrite": True}, 0o644),
        ({"mode": "644", "overwrite": True, "atomic": False}, 0o644),
    ],
)
async def test_modes_of_written_files(folder: Path, options: JsonObject, mode: int) -> None:
    await _do(folder, "write", {"path": "n", "content": "c", **options})
    assert (folder / "n").stat().st_mode & 0o777 == mode
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.mark.parametrize(("atomic", "mode"), [(True, 0o640), (False, 0o604)])
async def test_the_mode_of_a_replaced_file(folder: Path, atomic: bool, mode: int) -> None:
    """spec 13 section 9: mode is applied to new files only when not atomic."""
    (folder / "a").chmod(0o604)
    options: JsonObject = {"path": "a", "content": "c", "mode": "0640", "overwrite": True}
    await _do(folder, "write", {**options, "atomic": atomic})
    assert (folder / "a").stat().st_mode & 0o777 == mode
    assert (folder / "a").read_text() == "c"


async def test_modes_of_directories(folder: Path) -> None:
    """spec 13 section 9: mkdir 0750, create_dirs 0750."""
    await _do(folder, "mkdir", path="n/m")
    await _do(folder, "mkdir", path="o", mode="0701")
    await _do(folder, "write", path="c/n", content="", create_dirs=True)
    modes = [(folder / name).stat().st_mode & 0o777 for name in ("n", "n/m", "o", "c")]
    assert modes[:3] == [0o750, 0o750, 0o701]
    assert modes[3] & ~0o750 == 0


async def test_a_copied_tree(folder: Path) -> None:
    """spec 13 section 9: links as links, modes kept, an existing directory is gone into."""
    (folder / "d" / "ln").symlink_to("../a")
    (folder / "d" / "e" / "f").chmod(0o755)
    (folder / "d" / "e").chmod(0o500)
    (folder / "t").mkdir()
    found = await _do(folder, "copy", source="d", destination="t", recursive=True)
    assert (found["files"], found["directories"], found["bytes"]) == (2, 1, 2)
    assert os.readlink(folder / "t" / "ln") == "../a"
    assert (folder / "t" / "e" / "f").read_text() == "1\n"
    assert (folder / "t" / "e" / "f").stat().st_mode & 0o777 == 0o755
    assert (folder / "t" / "e").stat().st_mode & 0o777 == 0o500
    (folder / "d" / "e").chmod(0o700)
    (folder / "t" / "e").chmod(0o700)


async def test_a_circle_of_links(folder: Path) -> None:
    """spec 13 section 9: followed links may lead back."""
    (folder / "d" / "up").symlink_to("..")
    error = await _do(
        folder,
        "copy",
        source="d",
        destination="/nowhere/x",
        recursive=True,
        follow_symlinks=True,
        dry_run=True,
    )
    assert error.endswith("too many levels of symbolic links")


async def test_links_in_a_deleted_tree_are_not_followed(folder: Path) -> None:
    """spec 13 section 9."""
    outside = folder / "keep"
    outside.mkdir()
    (outside / "x").touch()
    (folder / "d" / "out").symlink_to(outside)
    await _do(folder, "delete", path="d", recursive=True)
    assert (outside / "x").exists()
    assert not (folder / "d").exists()


@pytest.mark.parametrize(
    ("source", "options", "error"),
    [
        ("a", {}, ""),
        ("d", {"recursive": True}, ""),
        ("d", {}, "recursive is required to move a directory to another filesystem"),
        ("d", {"recursive": True, "overwrite": True, "destination": "t"}, "destination exists"),
    ],
)
async def test_moves_to_another_file_system(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, options: JsonObject, error: str
) -> None:
    """spec 13 section 9: copy + delete, a directory needs recursive and an absent destination."""
    (folder / "t").mkdir()

    def refuse(*_: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(file_trees.os, "rename", refuse)
    found = await _do(folder, "move", {"source": source, "destination": "n", **options})
    if error:
        assert found.endswith(error)
        assert (folder / source).exists()
    else:
        assert found["moved"] is True
        assert (folder / "n").exists()
        assert not (folder / source).exists()


# spec 13 section 9: list
@pytest.mark.parametrize(
    ("options", "names", "files"),
    [
        ({}, ["a", "b", "dang", "l"], 2),
        ({"include_dirs": True}, ["a", "b", "d", "dang", "l"], 2),
        ({"recursive": True}, ["a", "b", "d/e/f", "dang", "l"], 3),
        ({"recursive": True, "include_dirs": True, "pattern": "d/**"}, ["d", "d/e", "d/e/f"], 1),
        ({"recursive": True, "pattern": "*"}, ["a", "b", "dang", "l"], 2),
        ({"recursive": True, "pattern": "**/f"}, ["d/e/f"], 1),
    ],
)
async def test_list(folder: Path, options: JsonObject, names: list[str], files: int) -> None:
    found = await _do(folder, "list", {"path": ".", **options})
    assert [entry["path"] for entry in found["entries"]] == names
    assert found["files"] == files
    assert found["path"] == "F"
    assert list(found["entries"][0]) == (
        "path type size mode modTime isDir isRegular isSymlink".split()
    )


async def test_an_empty_list(folder: Path) -> None:
    """spec 13 section 9: zero counts and empty lists are left out."""
    assert await _do(folder, "list", path="d") == {"operation": "list", "path": "F/d"}


async def test_home(tmp_path: Path) -> None:
    """spec 13 section 1.6: `~` is expanded for file.*."""
    outcome, printed = await act(
        "file.write", {"path": "~/n", "content": "c"}, cwd="/", env={"HOME": str(tmp_path)}
    )
    assert outcome.error == ""
    assert json.loads(printed)["path"] == f"{tmp_path}/n"


async def test_endless_work_ends_when_the_node_is_killed() -> None:
    """spec 13 section 1.4: at the next safe point of its thread."""

    class StoppedAtOutput(Context):
        def write_stdout(self, data: bytes) -> None:
            self.stop()

    outcome = await StoppedAtOutput("file.read", {"path": "/dev/zero"}).run()
    assert outcome == Outcome(1, "context canceled")


async def test_content_has_a_limit_of_ours() -> None:
    """spec 13 section 9: max_bytes 0 = no limit of the author; memory has one."""
    outcome, _ = await act("file.read", {"path": "/dev/zero", "format": "json"})
    assert "exceeds max_bytes 67108864" in outcome.error
