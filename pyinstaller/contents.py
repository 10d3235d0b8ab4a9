"""What goes into the frozen binary and what stays out, with the reason for each.

Read by `edge.spec` (which PyInstaller executes) and by the tests. Pure but for looking at the file
tree and the installed distributions; it must run without PyInstaller.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = [
    "COMPRESSION",
    "DATA_PATTERNS",
    "EXCLUDES",
    "FROZEN_EXTRAS",
    "ONEDIR_ONLY",
    "SIZE_LIMIT_BYTES",
    "edge_data",
    "edge_modules",
    "is_kept_data",
    "is_kept_hook",
    "is_onedir_only",
    "licence_text",
    "module_typecode",
    "runtime_distributions",
]

#: Upper bound of the one-file binary (DESIGN section 7).
SIZE_LIMIT_BYTES = 26_000_000

#: zlib level of the archive of modules. Unpacking costs 10 ms of every start (8 % of the time to
#: the first step), so the installed form goes without: 7 MB more on disk.
COMPRESSION: dict[str, int] = {"onedir": 0, "onefile": 9}

#: Module -> why the frozen binary does without it. The same list is in README.md beside this file.
EXCLUDES: dict[str, str] = {
    "edge.testing": "in-memory twins for tests",
    "grpc_tools": "protoc, 8 MB: the generated modules are committed",
    "hypothesis": "test tool that attrs, trio and others offer hooks for",
    "pytest": "test tool",
    "_pytest": "test tool",
    "trio.testing": "test tool",
    "trio_asyncio._tests": "tests",
    "greenlet.tests": "tests",
    "unittest": "test tool",
    "doctest": "test tool",
    "lib2to3": "source converter",
    "mypy": "development tool",
    "IPython": "trio and Quart look for it, nobody needs it on a gateway",
    "rich": "hypercorn and werkzeug use it when it happens to be there",
    "pygments": "as rich; pdb would colour with it",
    "setuptools": "build tool",
    "pkg_resources": "build tool",
    "tkinter": "no display",
    "turtle": "no display",
    "curses": "progress is drawn with plain escape codes",
    "readline": "no prompt; saves libreadline and libtinfo",
    "pydoc_data": "texts of help()",
    "grpc.experimental.gevent": "another concurrency library",
    "werkzeug.debug": "the debugger page is never served",
    "uvloop": "another event loop",
    "distutils": "build tool",
    "invoke": "paramiko runs `Match exec` of an ssh configuration with it; edge reads none",
    "cffi": "PyNaCl needs only its compiled back end",
    "pycparser": "as cffi",
    "_pydecimal": "the compiled one is there",
}

#: Packages that only the one-dir form has -> why. A step that wants one says so.
ONEDIR_ONLY: dict[str, str] = {
    "paramiko": "SSH: with its libraries 5 MB more than the one-file form may have",
    "cryptography": "as paramiko",
    "nacl": "as paramiko",
    "bcrypt": "as paramiko",
    "_cffi_backend": "as paramiko",
}
#: Extras of the project whose libraries are frozen too; their licences travel along.
FROZEN_EXTRAS = ("httpx", "paramiko")

#: Files beside the modules that `edge` reads at run time (as in pyproject's package-data).
DATA_PATTERNS = (
    "samples/*.yaml",
    "web/templates/**/*",
    "web/static/**/*",
    "store/*.sql",
)

#: PyInstaller's runtime hooks run before our first line. They repair `inspect.getsource`,
#: `pkgutil`, `multiprocessing` and `setuptools` in frozen programs; we use none of these there,
#: and each imports what it repairs: together they cost 100 ms at every start.
_KEPT_HOOKS: frozenset[str] = frozenset()

_UNWANTED_DATA = re.compile(
    r"""\.(?:pyi|h|cc|c|pyx|pxd)$        # sources that grpc and greenlet leave in their wheels
      | \.dist-info/(?:RECORD|INSTALLER|WHEEL|REQUESTED|top_level\.txt|entry_points\.txt)$
      | \.dist-info/licenses/            # all licences travel in one file, licence_text()
      | \.dist-info/LICEN[CS]E""",
    re.VERBOSE,
)


def edge_modules(root: Path) -> list[str]:
    """Name every module of the package under `root`; commands and actions are imported by name."""
    names = []
    for path in sorted((root / "edge").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        name = ".".join(parts)
        if not any(name == out or name.startswith(f"{out}.") for out in EXCLUDES):
            names.append(name)
    return names


def edge_data(root: Path) -> list[tuple[str, str]]:
    """List `(file, directory inside the bundle)` for the package's data files."""
    found = []
    for pattern in DATA_PATTERNS:
        for path in sorted((root / "edge").glob(pattern)):
            if path.is_file():
                found.append((str(path), str(path.parent.relative_to(root))))
    return found


def is_kept_hook(script_name: str) -> bool:
    """Say whether a script of the analysis stays; runtime hooks go, the entry stays."""
    return not script_name.startswith("pyi_rth_") or script_name in _KEPT_HOOKS


def is_onedir_only(name: str) -> bool:
    """Say whether a module, library or data file stays out of the one-file form.

    `name` is dotted for a module, a path inside the bundle for a file.
    """
    top = re.split(r"[./]", name, maxsplit=1)[0]
    if "dist-info" in name:
        top = name.rpartition("/")[0].split("-", 1)[0]
    return top.lower() in ONEDIR_ONLY


def is_kept_data(name: str) -> bool:
    """Say whether a data file of a library is wanted at run time."""
    return _UNWANTED_DATA.search(name) is None


def module_typecode(name: str) -> str:
    """Choose how a module is compiled: libraries without docstrings and asserts, ours with both.

    Our asserts guard the store's invariants and stay; what libraries lose makes the start 5 %
    faster and the binary 0.5 MB smaller.
    """
    return "PYMODULE" if name == "edge" or name.startswith("edge.") else "PYMODULE-2"


def runtime_distributions(
    name: str = "edge-workflows", extras: Iterable[str] = FROZEN_EXTRAS
) -> list[str]:
    """Name the distributions that `name` and the frozen `extras` need at run time, sorted."""
    seen: set[str] = set(extras)
    waiting = [name, *seen]
    while waiting:
        for requirement in importlib.metadata.requires(waiting.pop()) or ():
            if ";" in requirement and "extra" in requirement.split(";", 1)[1]:
                continue
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert match is not None, requirement
            other = re.sub(r"[-_.]+", "-", match.group()).lower()
            if other in seen:
                continue
            try:
                importlib.metadata.distribution(other)
            except importlib.metadata.PackageNotFoundError:
                continue  # behind a marker for another Python version or system
            seen.add(other)
            waiting.append(other)
    return sorted(seen)


def licence_text(distributions: Iterable[str]) -> str:
    """Join the licence files of `distributions`; their terms ask that the texts travel along."""
    return "\n".join(_licence_parts(distributions))


def _licence_parts(distributions: Iterable[str]) -> Iterator[str]:
    for name in distributions:
        found = importlib.metadata.distribution(name)
        yield f"==== {found.metadata['Name']} {found.version} ===="
        for path in found.files or ():
            if re.search(r"(?i)dist-info/.*(?:licen[cs]e|copying|notice|authors)", str(path)):
                yield path.read_text(encoding="utf-8")
