"""Tell systemd how we are: sd_notify(3) without a library."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping

import trio

__all__ = ["Notifier", "watchdog_period_s"]

#: how much of the period the proof may take
_PROOF_FACTOR = 0.8


class Notifier:
    """Sends states to the socket that the service manager named; without one it does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        # A leading @ means the abstract name space.
        self._address = "\0" + name[1:] if name.startswith("@") else name
        if not self._address.startswith(("/", "\0")):
            self._address = ""

    @property
    def is_enabled(self) -> bool:
        return bool(self._address)

    def send(self, *states: str) -> bool:
        """Send states such as `READY=1`; False when nobody takes them. Never raises or waits."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(states).encode(), self._address)
        except OSError:
            return False
        return True

    async def keep_watchdog(
        self, period_s: float, prove: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    ) -> None:
        """Ping at `period_s` for as long as the event loop lives and `prove` returns in time.

        The server proves that its store's writer still writes: when the disk is dead there is no
        ping, and the service manager starts us anew.
        """
        while True:
            with trio.move_on_after(period_s * _PROOF_FACTOR) as scope:
                await prove()
            if not scope.cancelled_caught:
                self.send("WATCHDOG=1")
            await trio.sleep(period_s)


def watchdog_period_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return half of what the service manager asks for; None when it wants no pings of us."""
    usec = environ.get("WATCHDOG_USEC", "")
    owner = environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (owner and owner != str(pid)):
        return None
    return int(usec) / 2_000_000
