"""Debian's sshd on a free loopback port, with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server, and what a client needs."""

    port: int
    user: str
    key: Path
    known_hosts: Path
    log: Path

    @property
    def options(self) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "key": str(self.key),
            "known_host_file": str(self.known_hosts),
        }


@contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """Serve until the block ends; skip where no sshd can run."""
    if not os.access(_SSHD, os.X_OK) or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd here (Debian: openssh-server)")
    for name in ("host", "id"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    shutil.copy(folder / "id.pub", folder / "authorized")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n"
        "PermitRootLogin yes\nPasswordAuthentication no\n"
        "Subsystem sftp internal-sftp\n"
    )
    host_key = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    if os.geteuid() == 0:
        # where sshd wants to lock itself in
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    with open(folder / "sshd.log", "wb") as log:
        server = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(config)], stderr=log)
    try:
        _wait(port, server, folder / "sshd.log")
        yield Sshd(
            port, getpass.getuser(), folder / "id", folder / "known_hosts", folder / "sshd.log"
        )
    finally:
        server.terminate()
        server.wait()


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None:
                pytest.skip(f"sshd does not run here: {log.read_text().strip()[-200:]}")
            time.sleep(0.02)
        else:
            return
    raise AssertionError("sshd did not listen")
