"""Boot a Debian with the frozen binary as its service and run the samples under the unit.

    python -m tests.long.unit_boot [--frozen dist/edge] [--base DIRECTORY] [--keep]

Needs root, systemd-nspawn, nsenter, and debootstrap for the first time (it makes the base system,
some 250 MB, kept in the cache directory). The container is removed at the end; nothing outside it
is touched. What is shown, each as one line of the report:

- the unit becomes active (so the service said READY) and answers `edge status`;
- every sample succeeds as a step of a unit with exactly the service's restrictions;
- a run started on the page of the service itself succeeds;
- kill -9 of the service: systemd starts it again and it becomes active;
- stopping ends with success and leaves no process of the unit's user behind.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["Machine", "install", "main", "sample_unit"]

_ROOT = Path(__file__).resolve().parents[2]
_UNIT = _ROOT / "systemd" / "edge-server.service"
_BASE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "edge-unit-boot"
_DEBOOTSTRAP = ("debootstrap", "--variant=minbase", "--include=systemd-sysv,dbus")


def sample_unit(text: str) -> str:
    """Turn the server's unit into a template that runs one command line under the same lines.

    Only what makes it a notifying, restarting service is replaced; every line about the account,
    the directories and the hardening stays.
    """
    dropped = ("Type=", "NotifyAccess=", "Restart", "WatchdogSec=", "ExecStart=", "RuntimeDir")
    lines = [line for line in text.splitlines() if not line.startswith(dropped)]
    at = lines.index("[Service]") + 1
    lines[at:at] = [
        "Type=oneshot",
        "ExecStart=/usr/local/bin/edge start %i --config=/etc/edge/config.yaml",
        "StandardOutput=append:/var/log/samples.log",
        "StandardError=inherit",
    ]
    return "\n".join(lines) + "\n"


def install(system: Path, frozen: Path) -> None:
    """Put the one-dir build, the unit and its files where systemd/README.md puts them."""
    version = subprocess.run(
        [frozen / "edge", "version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    versions = system / "opt" / "edge" / "versions"
    versions.mkdir(parents=True)
    shutil.copytree(frozen, versions / version, symlinks=True)
    (system / "opt/edge/current").symlink_to(f"versions/{version}")
    (system / "usr/local/bin/edge").symlink_to("/opt/edge/current/edge")
    (system / "etc/edge").mkdir()
    shutil.copy(_ROOT / "systemd" / "config.yaml", system / "etc/edge/config.yaml")
    shutil.copy(_ROOT / "systemd" / "edge.sysusers.conf", system / "usr/lib/sysusers.d/edge.conf")
    units = system / "etc/systemd/system"
    shutil.copy(_UNIT, units / _UNIT.name)
    (units / "edge-sample@.service").write_text(sample_unit(_UNIT.read_text()))
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / _UNIT.name).symlink_to(f"/etc/systemd/system/{_UNIT.name}")


class Machine:
    """A booted container; `stop` ends it. Commands enter its namespaces from outside."""

    def __init__(self, system: Path) -> None:
        self.console = system.parent / "console.log"
        with self.console.open("wb") as out:
            self._nspawn = subprocess.Popen(
                [
                    *("systemd-nspawn", "-q", "-D", str(system), "--boot"),
                    *("--register=no", "--keep-unit", "--private-network", "--console=pipe"),
                    *("--machine=edge-unit-boot", "--link-journal=no"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._init = self._wait_for_init()

    def _wait_for_init(self) -> int:
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        for _ in range(100):
            if self._nspawn.poll() is not None:
                break
            found = children.read_text().split()
            if found and Path(f"/proc/{found[0]}/comm").read_text().strip() == "systemd":
                return int(found[0])
            time.sleep(0.1)
        raise SystemExit(f"the container did not boot:\n{self.console.read_text()}")

    def run(self, *words: str, namespaces: str = "-a") -> subprocess.CompletedProcess[str]:
        """Run a command inside; with `namespaces` "-n" in its network only."""
        return subprocess.run(
            ["nsenter", "-t", str(self._init), namespaces, "--", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def wait_for(self, wanted: Callable[[], bool], limit_s: float) -> bool:
        """Ask until `wanted` holds; False when it did not within the limit."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if wanted():
                return True
            time.sleep(0.2)
        return wanted()

    def state(self, unit: str) -> str:
        """Give systemd's word for the unit: active, activating, failed, ..."""
        return self.run("systemctl", "is-active", unit).stdout.strip()

    def shown(self, unit: str, name: str) -> str:
        """Give one property of the unit."""
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def stop(self) -> None:
        """Power the container off; after 30 s without mercy."""
        self.run("systemctl", "--no-block", "poweroff")
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


class _Report:
    """Lines of `ok` and `FAIL`, printed as they come."""

    def __init__(self) -> None:
        self.failed = 0

    def line(self, passed: bool, what: str, detail: str = "") -> bool:
        print(f"{'ok  ' if passed else 'FAIL'}  {what}", flush=True)
        if not passed:
            self.failed += 1
            if detail.strip():
                print("      " + detail.strip().replace("\n", "\n      "), flush=True)
        return passed


_PAGE_START = """
import html, http.cookiejar, re, sys, time, urllib.parse, urllib.request
base = "http://127.0.0.1:8080"
opener = urllib.request.build_opener(
    urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
)
where = f"{base}/dags/disk-and-temperature"
page = opener.open(where, timeout=10).read().decode()
form = re.search(r'<form[^>]*action="([^"]*/start)"[^>]*>(.*?)</form>', page, re.S)
assert form, page
fields = {}
for tag in re.findall(r"<input[^>]*>", form[2]):
    name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
    if name:
        fields[name[1]] = html.unescape(value[1]) if value else ""
request = urllib.request.Request(
    urllib.parse.urljoin(base, form[1]),
    data=urllib.parse.urlencode(fields).encode(),
    headers={"Origin": base, "Referer": where},
)
seen = opener.open(request, timeout=10).geturl()
for _ in range(100):
    if re.search(r"(?i)succeeded", opener.open(seen, timeout=10).read().decode()):
        sys.exit(0)
    time.sleep(0.2)
sys.exit("no success on " + seen)
"""


def _drill(machine: Machine, report: _Report) -> None:
    unit = _UNIT.name
    up = machine.wait_for(lambda: machine.state(unit) == "active", 60)
    journal = machine.run("journalctl", "-u", unit, "--no-pager", "-n", "40").stdout
    if not report.line(up, "the unit is active (READY was said)", journal):
        return
    wrote = machine.run(
        *("runuser", "-u", "edge", "--"),
        *("/usr/local/bin/edge", "example", "--write", "--config=/etc/edge/config.yaml"),
    )
    report.line(wrote.returncode == 0, "edge example --write as the user edge", wrote.stderr)

    for sample in sorted((_ROOT / "edge" / "samples").glob("*.yaml")):
        done = machine.run("systemctl", "start", f"edge-sample@{sample.stem}.service")
        machine.run("journalctl", "--sync")
        text = machine.run("cat", "/var/log/samples.log").stdout
        tail = "\n".join(text.splitlines()[-40:])
        report.line(done.returncode == 0, f"sample {sample.stem} under the restrictions", tail)
    shell = machine.run("grep", "-c", "nologin", "/var/log/samples.log").stdout.strip()
    report.line(shell in ("", "0"), "steps do not run in the account's nologin shell")

    page = machine.run(sys.executable, "-c", _PAGE_START, namespaces="-n")
    report.line(page.returncode == 0, "a run started on the page succeeds", page.stderr[-2000:])
    seen = machine.run(
        *("runuser", "-u", "edge", "--"),
        *("/usr/local/bin/edge", "status", "disk-and-temperature"),
        "--config=/etc/edge/config.yaml",
    )
    report.line(
        seen.returncode == 0 and "Succeeded" in seen.stdout,
        "edge status in a shell shows it",
        seen.stdout + seen.stderr,
    )

    first = machine.shown(unit, "MainPID")
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", unit)
    again = machine.wait_for(
        lambda: (
            machine.shown(unit, "MainPID") not in ("0", first) and machine.state(unit) == "active"
        ),
        60,
    )
    report.line(again, "kill -9: started again and active")
    report.line(machine.shown(unit, "NRestarts") == "1", "exactly one restart was needed")

    began = time.monotonic()
    machine.run("systemctl", "stop", unit)
    took = time.monotonic() - began
    report.line(
        machine.shown(unit, "Result") == "success", f"stop ends with success ({took:.1f} s)"
    )
    left = machine.run("pgrep", "-u", "edge").stdout if _has_pgrep(machine) else ""
    report.line(left == "", "no process is left behind", left)


def _has_pgrep(machine: Machine) -> bool:
    return machine.run("sh", "-c", "command -v pgrep").returncode == 0


def _base(given: Path | None) -> Path:
    base = given or _BASE
    if not (base / "usr/lib/systemd/systemd").exists():
        if shutil.which("debootstrap") is None:
            raise SystemExit("debootstrap is missing; run: apt-get install debootstrap")
        base.parent.mkdir(parents=True, exist_ok=True)
        print(f"making a base system in {base}", flush=True)
        subprocess.run([*_DEBOOTSTRAP, "bookworm", str(base)], check=True, stdout=sys.stderr)
    return base


def main(argv: Sequence[str]) -> int:
    """Run the drill; exit code 0 when every line of the report is ok."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.long.unit_boot",
        description="Boot a Debian with the frozen edge as its service; run the samples there.",
    )
    parser.add_argument("--frozen", type=Path, default=_ROOT / "dist" / "edge")
    parser.add_argument("--base", type=Path, help="a Debian tree with systemd (not changed)")
    parser.add_argument("--keep", action="store_true", help="keep the container's directory")
    options = parser.parse_args(argv)
    if os.geteuid() != 0:
        raise SystemExit("must run as root: it boots a container")
    for tool in ("systemd-nspawn", "nsenter"):
        if shutil.which(tool) is None:
            raise SystemExit(
                f"{tool} is missing; run: apt-get install systemd-container util-linux"
            )
    if not (options.frozen / "edge").is_file():
        raise SystemExit(f"{options.frozen}/edge is missing; run: python pyinstaller/build.py")

    scratch = Path(tempfile.mkdtemp(prefix="edge-unit-boot.", dir="/var/tmp"))
    system = scratch / "system"
    report = _Report()
    try:
        subprocess.run(
            ["cp", "-a", "--reflink=auto", str(_base(options.base)), str(system)], check=True
        )
        install(system, options.frozen)
        machine = Machine(system)
        try:
            _drill(machine, report)
        finally:
            machine.stop()
    finally:
        if options.keep:
            print(f"kept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    text = "all passed" if report.failed == 0 else f"{report.failed} failed"
    print(re.sub(r"\s+", " ", text))
    return 0 if report.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
