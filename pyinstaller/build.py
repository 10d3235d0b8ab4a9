"""Build the frozen binary: `python pyinstaller/build.py [--onedir | --onefile | --all]`.

Runs with the interpreter that called it and takes the modules that this interpreter has installed;
writes to `dist/` and `build/` (both ignored by git): `dist/edge/edge` with its `_internal`
directory, and `dist/edge-onefile`. README.md beside this file says what is left out and why.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from contents import SIZE_LIMIT_BYTES

__all__ = ["main", "report"]

_ROOT = Path(__file__).resolve().parent.parent
_FORMS = ("onedir", "onefile")


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py", description="Freeze edge with PyInstaller.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--onedir", dest="forms", action="store_const", const=("onedir",))
    which.add_argument("--onefile", dest="forms", action="store_const", const=("onefile",))
    which.add_argument("--all", dest="forms", action="store_const", const=_FORMS)
    parser.add_argument("--dist", type=Path, default=_ROOT / "dist", help="where the result goes")
    parser.add_argument("--work", type=Path, default=_ROOT / "build", help="scratch directory")
    parser.add_argument("--no-strip", dest="strip", action="store_false", help="keep symbols")
    parser.add_argument("--verbose", action="store_true", help="show PyInstaller's own lines")
    parser.set_defaults(forms=_FORMS)
    return parser.parse_args(argv)


def _missing_tool(strip: bool) -> str | None:
    """Name what has to be installed first, or None."""
    if importlib.util.find_spec("PyInstaller") is None:
        return (
            "PyInstaller is not installed for this Python; "
            "run: python -m pip install -c constraints.txt -e '.[freeze]'"
        )
    if importlib.util.find_spec("grpc") is None:
        return "edge's dependencies are not installed for this Python; see README.md"
    for tool in ("objdump", "objcopy", *(("strip",) if strip else ())):
        if shutil.which(tool) is None:
            return f"{tool} is missing; run: apt-get install binutils"
    return None


def _tree_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def report(forms: Sequence[str], dist: Path) -> tuple[list[str], bool]:
    """Say what was built and how big it is; False when the one-file binary is over its limit."""
    lines = []
    fits = True
    for form in forms:
        path = dist / ("edge" if form == "onedir" else "edge-onefile")
        size = _tree_bytes(path)
        shown = path / "edge" if form == "onedir" else path
        lines.append(f"{form:8} {size / 1e6:6.1f} MB  {shown}")
        if form == "onefile" and size > SIZE_LIMIT_BYTES:
            lines.append(f"over the limit of {SIZE_LIMIT_BYTES / 1e6:.0f} MB")
            fits = False
    return lines, fits


def main(argv: Sequence[str]) -> int:
    """Build what `argv` asks for; exit code 0 when it was built and fits the size limit."""
    options = _arguments(argv)
    missing = _missing_tool(options.strip)
    if missing is not None:
        print(f"Error: {missing}", file=sys.stderr)
        return 1
    command = [
        sys.executable,
        *("-m", "PyInstaller", "--noconfirm", "--clean"),
        *("--log-level", "INFO" if options.verbose else "WARN"),
        *("--distpath", str(options.dist), "--workpath", str(options.work)),
        str(_ROOT / "pyinstaller" / "edge.spec"),
    ]
    environ = os.environ | {
        "EDGE_FREEZE_FORMS": ",".join(options.forms),
        "EDGE_FREEZE_STRIP": "1" if options.strip else "0",
        # PyInstaller's cache of stripped libraries; inside the scratch directory so that a build
        # leaves nothing in the home directory.
        "PYINSTALLER_CONFIG_DIR": str(options.work / "cache"),
    }
    # From the scratch directory: with the tree as working directory our folder `pyinstaller`
    # would be the package PyInstaller on a file system that ignores case.
    options.work.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, env=environ, cwd=options.work, check=False)
    if done.returncode != 0:
        print("Error: PyInstaller failed; --verbose shows its lines", file=sys.stderr)
        return 1
    lines, fits = report(options.forms, options.dist)
    print("\n".join(lines))
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
