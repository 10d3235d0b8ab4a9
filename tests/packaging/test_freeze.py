"""The pure parts of the freeze: what goes in, what stays out, and that the README says so."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load(root: Path, name: str) -> ModuleType:
    path = root / "pyinstaller" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"freeze_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def contents(root: Path) -> ModuleType:
    return _load(root, "contents")


@pytest.fixture
def build(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", list(sys.path))
    return _load(root, "build")


def test_every_module_of_ours_goes_in_but_test_twins(root: Path, contents: ModuleType) -> None:
    names = contents.edge_modules(root)
    assert "edge" in names
    assert "edge.core.ids" in names
    assert not [name for name in names if name.startswith("edge.testing")]
    for name in names:
        path = root.joinpath(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_data_files_keep_their_places(root: Path, contents: ModuleType) -> None:
    data = dict(contents.edge_data(root))
    assert data[str(root / "edge" / "samples" / "backup.yaml")] == "edge/samples"
    assert not [path for path in data if path.endswith(".py")]


def test_libraries_lose_asserts_and_ours_keep_them(contents: ModuleType) -> None:
    assert contents.module_typecode("trio._core") == "PYMODULE-2"
    assert contents.module_typecode("edgelord") == "PYMODULE-2"
    assert contents.module_typecode("edge") == "PYMODULE"
    assert contents.module_typecode("edge.store.schema") == "PYMODULE"


def test_runtime_hooks_are_dropped_and_the_entry_stays(contents: ModuleType) -> None:
    assert not contents.is_kept_hook("pyi_rth_inspect")
    assert not contents.is_kept_hook("pyi_rth_multiprocessing")
    assert contents.is_kept_hook("entry")
    assert contents.is_kept_hook("pyiboot01_bootstrap")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("grpc/_cython/cygrpc.pyi", False),
        ("quart-0.22.0.dist-info/RECORD", False),
        ("attrs-26.1.0.dist-info/licenses/LICENSE", False),
        ("quart-0.22.0.dist-info/METADATA", True),
        ("grpc/_cython/_credentials/roots.pem", True),
        ("edge/web/templates/base.html", True),
        ("THIRD_PARTY_LICENSES.txt", True),
        ("base_library.zip", True),
    ],
)
def test_leftovers_of_wheels_stay_out(contents: ModuleType, name: str, kept: bool) -> None:
    assert contents.is_kept_data(name) is kept


def test_licences_of_all_bundled_libraries_travel_along(contents: ModuleType) -> None:
    names = contents.runtime_distributions()
    assert {"trio", "grpcio", "protobuf", "quart", "werkzeug", "greenlet"} <= set(names)
    assert {"httpx", "paramiko", "cryptography"} <= set(names)
    assert not {"pytest", "pyinstaller", "mypy"} & set(names)
    text = contents.licence_text(["trio", "werkzeug"])
    assert "==== trio " in text
    assert "Pallets" in text


def test_the_readme_lists_what_is_left_out(root: Path, contents: ModuleType) -> None:
    text = (root / "pyinstaller" / "README.md").read_text()
    for name, why in contents.EXCLUDES.items():
        assert f"| `{name}` | {why} |" in text
    for name, why in contents.ONEDIR_ONLY.items():
        assert f"| `{name}` | {why} |" in text


@pytest.mark.parametrize(
    ("name", "is_out"),
    [
        ("paramiko", True),
        ("paramiko.client", True),
        ("paramikology", False),
        ("cryptography/hazmat/bindings/_rust.abi3.so", True),
        ("cryptography-50.0.2.dist-info/METADATA", True),
        ("_cffi_backend.cpython-311-x86_64-linux-gnu.so", True),
        ("grpc/_cython/cygrpc.cpython-311-x86_64-linux-gnu.so", False),
        ("edge.actions.ssh_run", False),
    ],
)
def test_what_stays_out_of_the_one_file_form(contents: ModuleType, name: str, is_out: bool) -> None:
    assert contents.is_onedir_only(name) is is_out


def test_needed_modules_are_not_left_out(contents: ModuleType) -> None:
    needed = ("multiprocessing", "pdb", "ssl", "asyncio", "werkzeug.serving", "unicodedata")
    assert not [name for name in needed if name in contents.EXCLUDES]


def test_a_binary_over_the_limit_fails_the_build(
    tmp_path: Path, build: ModuleType, contents: ModuleType
) -> None:
    onefile = tmp_path / "edge-onefile"
    onefile.write_bytes(b"")
    assert build.report(["onefile"], tmp_path)[1]
    with onefile.open("wb") as file:
        file.truncate(contents.SIZE_LIMIT_BYTES + 1)
    lines, fits = build.report(["onefile"], tmp_path)
    assert not fits
    assert lines[-1] == "over the limit of 26 MB"


def test_a_missing_pyinstaller_is_one_clear_line(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    assert build.main([]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: PyInstaller is not installed")
    assert error.count("\n") == 1


def test_a_missing_strip_is_one_clear_line(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert build.main(["--onedir"]) == 1
    assert "apt-get install binutils" in capsys.readouterr().err
