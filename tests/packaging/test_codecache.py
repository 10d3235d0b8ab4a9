"""Code compiled by the build is what a start would compile (pyinstaller/codecache.py)."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

_CHECK = """
import dataclasses, json, re, sys
@dataclasses.dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int = 2
a, b = Point(1), Point(x=0, y=5)
pattern = re.compile(r"(?P<k>\\w+)=(\\d{2,})", re.I)
print(json.dumps([repr(a), a > b, hash(a) == hash(Point(1, 2)), repr(pattern),
    pattern.search("Ab=123").groupdict(), dataclasses.__name__]))
"""


@pytest.fixture
def codecache(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("codecache", root / "pyinstaller/codecache.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_runs_the_same_with_and_without(root: Path, tmp_path: Path) -> None:
    (tmp_path / "sample_module.py").write_text(_CHECK.replace("print(", "TEXT = ("))
    made = tmp_path / "codecache.bin"
    task = {"path": [str(tmp_path), *sys.path], "modules": ["sample_module"], "workflows": []}
    subprocess.run(
        [sys.executable, "-S", str(root / "pyinstaller/codecache.py"), str(made), json.dumps(task)],
        check=True,
        capture_output=True,
    )
    install = (
        f"import sys; sys._MEIPASS = {str(tmp_path)!r};"
        f"sys.path.insert(0, {str(root / 'pyinstaller')!r}); import codecache;"
        "codecache.install()\n"
    )
    assert _run(install + _CHECK) == _run(_CHECK)


def test_the_cache_survives_its_file(codecache: ModuleType) -> None:
    cache = codecache.Cache({"x = 1": b"code"}, {("a+", 0): (0, (1, 2), 0, {}, ())})
    again = codecache.Cache.from_bytes(cache.to_bytes())
    assert (again.sources, again.patterns) == (cache.sources, cache.patterns)


def test_what_is_not_in_the_cache_is_compiled_as_ever(codecache: ModuleType) -> None:
    cache = codecache.Cache()
    names: dict[str, object] = {}
    cache.exec("value = 6 * 7", names)
    assert names["value"] == 42
    code = cache.compile("1 + 1", "<test>", "eval")
    assert eval(code) == 2


def test_a_missing_or_torn_file_changes_nothing(
    codecache: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(sys.meta_path)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    codecache.install()
    (tmp_path / codecache.FILE).write_bytes(b"torn")
    codecache.install()
    assert sys.meta_path == before
    assert re.compile("a+").match("aa")
