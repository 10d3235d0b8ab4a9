"""`archive.*` (spec 13 section 8)."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edge.actions.archive_formats import format_of_name
from edge.core.jsontypes import JsonObject
from tests.actions.context import act

KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out" / "d").mkdir(parents=True)
    (tmp_path / "out" / "f").write_text("hello")
    (tmp_path / "out" / "f").chmod(0o640)
    (tmp_path / "out" / "d" / "g.txt").write_text("g")
    (tmp_path / "out" / "l").symlink_to("f")
    return tmp_path


async def _do(folder: Path, operation: str, code: int = 0, **options: Any) -> Any:
    outcome, printed = await act(f"archive.{operation}", options, cwd=folder)
    assert outcome.code == code, outcome.error
    if outcome.error:
        assert printed == ""
        return outcome.error.replace(str(folder), "F")
    return json.loads(printed)


@pytest.mark.parametrize("kind", KINDS)
async def test_there_and_back(folder: Path, kind: str) -> None:
    """spec 13 section 8: create, list, extract."""
    made = await _do(folder, "create", source="out", destination=f"x.{kind}")
    assert list(made) == (
        "operation source destination filesAdded bytesArchived duration verifyPerformed".split()
    )
    assert made["filesAdded"] == 5
    sizes = [os.lstat(folder / name).st_size for name in ("out", "out/d", "out/l")]
    assert made["bytesArchived"] == 6 + sum(sizes)
    listed = await _do(folder, "list", source=f"x.{kind}", verify_integrity=True)
    assert list(listed) == "operation source totalFiles totalSize files verified duration".split()
    names = {entry["path"].rstrip("/"): entry for entry in listed["files"]}
    assert set(names) == {"out", "out/d", "out/d/g.txt", "out/f", "out/l"}
    assert (listed["totalFiles"], listed["verified"]) == (5, True)
    assert names["out/f"]["mode"] == "-rw-r-----"
    assert names["out/l"]["mode"] == "Lrwxrwxrwx"
    assert names["out/d"]["isDir"]
    taken = await _do(folder, "extract", source=f"x.{kind}", destination="new")
    assert list(taken) == (
        "operation source destination filesExtracted bytesExtracted filesSkipped duration"
        " verifyPerformed".split()
    )
    assert (taken["filesExtracted"], taken["bytesExtracted"], taken["filesSkipped"]) == (3, 6, 0)
    assert (folder / "new" / "out" / "f").read_text() == "hello"
    assert (folder / "new" / "out" / "f").stat().st_mode & 0o777 == 0o640
    assert os.readlink(folder / "new" / "out" / "l") == "f"
    assert sorted(os.listdir(folder)) == ["new", "out", f"x.{kind}"]


# spec 13 section 8: options of extract
@pytest.mark.parametrize(
    ("options", "files", "skipped"),
    [
        ({"strip_components": 1}, ["d/g.txt", "f", "l"], 0),
        ({"preserve_paths": False}, ["f", "g.txt", "l"], 0),
        ({"include": ["**/*.txt"]}, ["out/d/g.txt"], 2),
        ({"exclude": "out/d/**"}, ["out/f", "out/l"], 1),
        ({"include": ["**/g.txt", "**/f"], "exclude": ["**/f"]}, ["out/d/g.txt"], 2),
        ({"strip_components": 1, "include": ["*"]}, ["f", "l"], 1),
        ({"strip_components": 9}, [], 3),
        ({"dry_run": True}, [], 0),
    ],
)
async def test_extracting(
    folder: Path, options: JsonObject, files: list[str], skipped: int
) -> None:
    await _do(folder, "create", source="out", destination="x.tgz")
    found = await _do(folder, "extract", source="x.tgz", destination="new", **options)
    new = folder / "new"
    names = sorted(
        str(path.relative_to(new))
        for path in new.rglob("*")
        if not path.is_dir() or path.is_symlink()
    )
    assert names == files
    assert found["filesSkipped"] == skipped


async def test_the_content_says_the_format(folder: Path) -> None:
    """spec 13 section 8: from content; destination `.` when none is given."""
    await _do(folder, "create", source="out/f", destination="x.data", format="tbz")
    (folder / "sub").mkdir()
    os.rename(folder / "x.data", folder / "sub" / "y")
    found = await _do(folder / "sub", "extract", source="y")
    assert found["destination"] == "."
    assert (folder / "sub" / "f").read_text() == "hello"


# spec 13 section 8: exit codes and texts
@pytest.mark.parametrize(
    ("operation", "options", "code", "error"),
    [
        ("list", {"source": "no.zip"}, 3, "archive: source not found: F/no.zip"),
        ("create", {"source": "no", "destination": "x.zip"}, 3, "archive: source not found: F/no"),
        ("create", {"source": "out"}, 1, "destination is required for create"),
        (
            *("create", {"source": "out", "destination": "x.zip", "password": "p"}, 1),
            "password is only supported for extract/list operations",
        ),
        (
            "create",
            {"source": "out", "destination": "x.foo"},
            5,
            "archive: format detection failed",
        ),
        ("create", {"source": "out", "destination": "x", "format": "foo"}, 5, "unsupported format"),
        ("create", {"source": "out", "destination": "x.gz"}, 5, "gz holds no archive"),
        (
            *("create", {"source": "out", "destination": "x.tar.zst"}, 5),
            "format tar.zst is not available in this build of edge",
        ),
        ("list", {"source": "x.7z"}, 5, "format 7z is not available in this build of edge"),
        ("list", {"source": "text"}, 5, "archive: format detection failed: unknown archive format"),
        ("list", {"source": "bad.zip"}, 12, "archive: corrupted archive: "),
        ("list", {"source": "bad.tgz"}, 12, "archive: corrupted archive: "),
        ("extract", {"source": "cut.tgz", "destination": "n"}, 6, "archive: extraction failed: "),
        (
            *("extract", {"source": "cut.tgz", "verify_integrity": True, "destination": "n"}, 12),
            "archive: corrupted archive: ",
        ),
        (
            *("extract", {"source": "ok.tar", "destination": "out"}, 4),
            "archive: extraction failed: handling file: f: archive: destination error: destination"
            ' "F/out/f" exists (overwrite disabled)',
        ),
        (
            "extract",
            {"source": "ok.tar", "destination": "out/f"},
            4,
            "archive: destination error: ",
        ),
        ("list", {"source": "ok.tar", "include": ["["]}, 1, 'invalid glob pattern "["'),
        ("create", {"source": "out", "destination": "text/x.zip"}, 7, "archive: creation failed: "),
        (
            *("list", {"source": "ok.tar", "strip_components": "x"}, 1),
            "failed to set up step: invalid archive config: strip_components",
        ),
    ],
)
async def test_errors(
    folder: Path, operation: str, options: JsonObject, code: int, error: str
) -> None:
    (folder / "x.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    (folder / "text").write_text("no archive")
    (folder / "bad.zip").write_bytes(b"PK\x03\x04 broken")
    (folder / "bad.tgz").write_bytes(b"\x1f\x8b broken")
    with tarfile.open(folder / "ok.tar", "w") as tar:
        tar.add(folder / "out" / "f", "f")
    with tarfile.open(folder / "cut.tgz", "w:gz") as tar:
        info = tarfile.TarInfo("big")
        info.size = 200_000
        tar.addfile(info, io.BytesIO(os.urandom(200_000)))
    os.truncate(folder / "cut.tgz", 100_000)
    before = sorted(os.listdir(folder))
    assert error in await _do(folder, operation, code, **options)
    assert [name for name in sorted(os.listdir(folder)) if name != "n"] == before
    assert (folder / "out" / "f").read_text() == "hello"


def _tar(path: Path, *members: tuple[str, bytes, str]) -> None:
    """Write (name, tar type, link target)."""
    with tarfile.open(path, "w") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"bad"))


# spec 13 section 8: names that leave the destination, absolute or escaping link targets
@pytest.mark.parametrize(
    "members",
    [
        [("../evil", tarfile.REGTYPE, "")],
        [("/evil", tarfile.REGTYPE, "")],
        [("a/../../evil", tarfile.REGTYPE, "")],
        [("..\\evil", tarfile.REGTYPE, "")],
        [("l", tarfile.SYMTYPE, "/etc/passwd")],
        [("l", tarfile.SYMTYPE, "../evil")],
        [("l", tarfile.LNKTYPE, "../secret")],
        [("l", tarfile.LNKTYPE, "/etc/passwd")],
        [("d/l", tarfile.SYMTYPE, "../../evil")],
        [
            ("a", tarfile.SYMTYPE, "b/.."),
            ("b", tarfile.SYMTYPE, "."),
            ("a/../x", tarfile.REGTYPE, ""),
        ],
        [("there/x", tarfile.REGTYPE, "")],
    ],
)
async def test_nothing_leaves_the_destination(folder: Path, members: list[Any]) -> None:
    (folder / "secret").write_text("s")
    (folder / "new").mkdir()
    (folder / "new" / "there").symlink_to(folder)
    _tar(folder / "x.tar", *members)
    options: JsonObject = {"source": "x.tar", "destination": "new", "overwrite": True}
    error = await _do(folder, "extract", 6, **options)
    assert error.startswith("archive: extraction failed: handling file: ")
    assert "escapes destination" in error
    assert not (folder / "evil").exists()
    assert not (folder / "x").exists()
    found = await _do(folder, "extract", 0, continue_on_error=True, **options)
    assert "escapes destination" in found["errors"][0]


async def test_a_link_of_a_zip_that_escapes(folder: Path) -> None:
    """spec 13 section 26: archive escape by link."""
    with zipfile.ZipFile(folder / "x.zip", "w") as file:
        info = zipfile.ZipInfo("l")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc")
    assert "escapes destination" in await _do(folder, "extract", 6, source="x.zip", destination="n")


async def test_overwriting_replaces_a_link_and_not_its_target(folder: Path) -> None:
    """spec 13 section 8: overwrite."""
    (folder / "keep").write_text("keep")
    (folder / "new").mkdir()
    (folder / "new" / "f").symlink_to("../keep")
    with tarfile.open(folder / "x.tar", "w") as tar:
        tar.add(folder / "out" / "f", "f")
    await _do(folder, "extract", source="x.tar", destination="new", overwrite=True)
    assert (folder / "keep").read_text() == "keep"
    assert (folder / "new" / "f").read_text() == "hello"


async def test_special_entries_are_skipped(folder: Path) -> None:
    """spec 13 section 8: devices and pipes are never made."""
    _tar(folder / "x.tar", ("p", tarfile.FIFOTYPE, ""), ("c", tarfile.CHRTYPE, ""))
    found = await _do(folder, "extract", source="x.tar", destination="n")
    assert (found["filesSkipped"], os.listdir(folder / "n")) == (2, [])


async def test_creating_filters_and_follows(folder: Path) -> None:
    """spec 13 section 8: include, follow_symlinks, dry_run; the archive is not in itself."""
    found = await _do(folder, "create", source="out", dry_run=True)
    assert found["filesAdded"] == 5
    options: JsonObject = {"follow_symlinks": True, "exclude": ["**/*.txt"]}
    await _do(folder, "create", source="out", destination="out/x.tar", **options)
    with tarfile.open(folder / "out" / "x.tar") as tar:
        assert sorted(tar.getnames()) == ["out", "out/d", "out/f", "out/l"]
        assert tar.getmember("out/l").isreg()
    # create always overwrites
    await _do(folder, "create", source="out/f", destination="out/x.tar")


# spec 13 section 8: format from name
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.zip", "zip"),
        ("a.TGZ", "tar.gz"),
        ("a.tar.gz", "tar.gz"),
        ("a.tbz", "tar.bz2"),
        ("a.tbz2", "tar.bz2"),
        ("a.txz", "tar.xz"),
        ("a.tar.zstd", "tar.zst"),
        ("a.gz", "gz"),
        ("a.rar", "rar"),
        ("zip", ""),
    ],
)
def test_formats(name: str, kind: str) -> None:
    assert format_of_name(name) == kind
