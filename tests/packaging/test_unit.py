"""The unit of the server role: clean, hardened to its level, and in step with the other files."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

_LIMIT = 3.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


class _Repeated(dict[str, str]):
    """A section in which a key that comes again is joined, as systemd does for lists."""

    def __setitem__(self, key: str, value: str) -> None:
        # configparser hands values over as lists of lines first.
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def _service(root: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), dict_type=_Repeated
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(root / "systemd" / "edge-server.service")
    return parser["Service"]


def _copy_with_binary(root: Path, directory: Path) -> Path:
    """Copy the unit with a binary that exists in place of the installed one."""
    text = (root / "systemd" / "edge-server.service").read_text()
    assert "/usr/local/bin/edge " in text
    unit = directory / "edge-server.service"
    unit.write_text(text.replace("/usr/local/bin/edge ", f"{shutil.which('true')} "))
    return unit


@needs_systemd
def test_the_unit_is_clean(root: Path, tmp_path: Path) -> None:
    unit = _copy_with_binary(root, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_exposed_at_most_to_its_limit(root: Path) -> None:
    unit = root / "systemd" / "edge-server.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for edge-server.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found.group(1)) <= _LIMIT


def test_the_unit_does_what_the_specification_asks_for(root: Path) -> None:
    service = _service(root)
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert service["Restart"] == "always"
    assert service["KillMode"] == "mixed"
    assert int(service["WatchdogSec"]) > 0
    assert int(service["TimeoutStopSec"]) > 60, "the drain deadline"
    assert service["ExecStart"].split()[:2] == ["/usr/local/bin/edge", "start-all"]
    assert (service["StateDirectory"], service["LogsDirectory"]) == ("edge", "edge")
    assert service["RuntimeDirectory"] == "edge"


def test_steps_keep_devices_and_home_directories(root: Path) -> None:
    service = _service(root)
    assert service["PrivateDevices"] == "no"
    assert service["ProtectHome"] == "no"
    # Either of these would put a list in front of the devices.
    assert service["ProtectClock"] == "no"
    assert "DeviceAllow" not in service


def test_one_step_out_of_memory_leaves_the_service_alive(root: Path) -> None:
    assert _service(root)["OOMPolicy"] == "continue"


def test_every_relaxed_line_has_a_comment_above_it(root: Path) -> None:
    lines = (root / "systemd" / "edge-server.service").read_text().splitlines()
    relaxed = [
        index
        for index, line in enumerate(lines)
        if line.startswith(("P", "M")) and line.endswith(("=no", "=full", "=default", "=all"))
    ]
    assert len(relaxed) == 9
    for index in relaxed:
        above = index - 1
        while lines[above].startswith(("Protect", "Proc", "Private")):
            above -= 1  # two relaxed lines may share a comment
        assert lines[above].startswith("#"), lines[index]


def test_configuration_and_unit_name_the_same_directories(root: Path) -> None:
    service = _service(root)
    config = yaml.safe_load((root / "systemd" / "config.yaml").read_text())
    for key, path in config["paths"].items():
        top = "/var/log/edge" if "log" in key else "/var/lib/edge"
        assert path == top or path.startswith(f"{top}/"), key
    assert "--config=/etc/edge/config.yaml" in service["ExecStart"]
    sysusers = (root / "systemd" / "edge.sysusers.conf").read_text()
    assert re.search(rf"^u {service['User']} - ", sysusers, re.MULTILINE)


def test_the_configuration_is_accepted(root: Path) -> None:
    from edge.config.settings import load_settings

    settings = load_settings(
        environ={"HOME": "/nonexistent"}, config=str(root / "systemd" / "config.yaml")
    )
    assert settings.paths.data_dir == Path("/var/lib/edge/data")
    assert settings.paths.log_dir == Path("/var/log/edge")
    assert settings.paths.dags_dir == Path("/var/lib/edge/dags")
    assert settings.host == "127.0.0.1"
