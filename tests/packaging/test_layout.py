"""The repository holds what DESIGN section 2 names, and the package carries its data."""

from __future__ import annotations

import filecmp
import fnmatch
import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

_ALLOWED = {
    "LICENSE",
    "README.md",
    "constraints.txt",
    "docs",
    "edge",
    "firmware_profiles",
    "proto",
    "pyinstaller",
    "pyproject.toml",
    "systemd",
    "tests",
}


def _tracked(root: Path) -> list[str]:
    try:
        done = subprocess.run(
            ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return done.stdout.splitlines()


def _files(root: Path) -> list[Path]:
    """Every file that belongs to the tree: what git knows, else what an archive unpacked."""
    tracked = [root / name for name in _tracked(root)]
    if tracked:
        return [path for path in tracked if path.is_file()]
    tops = [root / name for name in _ALLOWED]
    return [
        path
        for top in tops
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_the_top_level_holds_only_what_the_design_names(root: Path) -> None:
    tops = {path.relative_to(root).parts[0] for path in _files(root)}
    assert {name for name in tops if not name.startswith(".")} == _ALLOWED


def test_the_specification_is_the_shared_one(root: Path) -> None:
    shared = root.parent / "shared" / "spec"
    ours = sorted(path.name for path in (root / "docs" / "spec").iterdir())
    assert len(ours) == 8
    if not shared.is_dir():
        print(f"nothing to compare with: {shared} is absent")
        return
    names = sorted(path.name for path in shared.iterdir())
    assert ours == names
    _, differing, unreadable = filecmp.cmpfiles(
        root / "docs" / "spec", shared, names, shallow=False
    )
    assert (differing, unreadable) == ([], [])


def test_every_data_file_is_declared_as_package_data(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["edge"]
    plain = [pattern.replace("**/", "") for pattern in patterns]
    data = [
        str(path.relative_to(root / "edge"))
        for path in _files(root)
        if path.is_relative_to(root / "edge") and path.suffix != ".py"
    ]
    assert data
    assert [name for name in data if not any(fnmatch.fnmatch(name, p) for p in plain)] == []


def test_the_frozen_binary_gets_the_same_data_as_an_installation(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    declared = set(project["tool"]["setuptools"]["package-data"]["edge"])
    text = (root / "pyinstaller" / "contents.py").read_text()
    frozen = set(re.findall(r'^    "([\w./*]+/[\w./*]+)",$', text, re.MULTILINE))
    # Type stubs and the typing marker are for people who import the package.
    assert declared - {"py.typed", "cluster/pb/*.pyi"} == frozen


def test_no_file_names_the_machine_it_was_written_on(root: Path) -> None:
    words = re.compile(rb"/wo" + rb"rk/(?:main|shared)|/tm" + rb"p/(?:venv|oracle|brief)")
    found = [
        str(path.relative_to(root)) for path in _files(root) if words.search(path.read_bytes())
    ]
    assert found == []


def test_the_distribution_has_one_version() -> None:
    import edge

    assert importlib.metadata.version("edge-workflows") == edge.__version__


def _pins(root: Path) -> dict[str, str]:
    pins = {}
    for line in (root / "constraints.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, separator, version = line.partition("==")
        assert separator, f"constraints.txt: {line!r} is no exact version"
        pins[_normal(name)] = version
    return pins


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_constraints_pin_everything_that_an_installation_pulls_in(root: Path) -> None:
    pins = _pins(root)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    waiting = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        waiting += extra
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        match = re.match(r"[\w.-]+", requirement)
        assert match is not None
        name = _normal(match.group())
        if name in seen or re.search(
            r";.*(?:extra|python_version|sys_platform|os_name)", requirement
        ):
            continue
        seen.add(name)
        assert name in pins, f"constraints.txt does not pin {name}"
        try:
            waiting += importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here: its own name is checked
    assert {"trio", "grpcio", "pyinstaller", "pytest"} <= seen


def test_the_build_backend_is_pinned(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert all("==" in requirement for requirement in project["build-system"]["requires"])


@pytest.mark.parametrize("name", ["trio", "grpcio", "protobuf", "quart", "hypercorn", "pyyaml"])
def test_what_runs_here_is_what_is_pinned(root: Path, name: str) -> None:
    assert importlib.metadata.version(name) == _pins(root)[name]
