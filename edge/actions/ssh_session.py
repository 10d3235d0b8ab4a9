"""An SSH connection in a worker thread, by paramiko (spec 13 section 5).

The thread owns the connection. It dials with the target's timeout, verifies every host key, and
ends within moments of `interrupt`, which the event loop may call at any time.
"""

from __future__ import annotations

import logging
import os
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.actions.base import ActionError
from edge.actions.inprocess import SET_UP
from edge.actions.net_errors import DialError, blocking_socket, dial
from edge.actions.ssh_target import SET_UP_SSH, Hop, Target

if TYPE_CHECKING:
    import paramiko

__all__ = ["SshSession", "check_files", "connect"]

_POLL_MS = 200
_CHUNK_BYTES = 65_536
_KEEPALIVE_S = 15
#: how long data may stay unacknowledged before the system gives a silent peer up
_SILENT_MS = 60_000
_STOP_MS = 1_000
_FAILED = "failed to create SSH session: "

Write = Callable[[bytes], None]


def check_files(target: Target) -> None:
    """Read the keys and the known hosts, before anybody is called. Raises: ActionError."""
    for hop in (target.bastion, target.hop):
        if hop is not None and hop.key:
            _load_key(hop.key)
    if target.strict_host_key:
        try:
            with open(target.known_host_file, "rb"):
                pass
        except OSError as exc:
            raise _no_known_hosts(target.known_host_file, exc) from exc


def _no_known_hosts(path: str, exc: OSError) -> ActionError:
    reason = (exc.strerror or str(exc)).lower()
    return ActionError(
        f"{SET_UP_SSH}failed to setup host key verification:"
        f" open {path}: {reason}; `strict_host_key: false` accepts any host key"
    )


async def connect(target: Target) -> SshSession:
    """Dial the first hop, which a cancel ends at once. Raises: ActionError."""
    first = target.bastion or target.hop
    try:
        stream = await dial(first.host, first.port, timeout_s=target.timeout_s)
    except DialError as exc:
        if target.bastion is not None:
            raise _bastion_error(str(exc)) from exc
        raise ActionError(f"{_FAILED}{exc}") from exc
    try:
        return SshSession(target, blocking_socket(stream))
    finally:
        # closing one of two handles never blocks
        stream.socket.close()


def _bastion_error(text: str) -> ActionError:
    # what is to be set up before a connection says so itself
    if text.startswith(SET_UP):
        return ActionError(text)
    return ActionError(f"{_FAILED}failed to connect to bastion host: {text.removeprefix(_FAILED)}")


class SshSession:
    """One connection. `open`, `run` and `close` are for the thread, `interrupt` for the loop.

    Resource handling: `close` closes everything that `open` has opened, also after it failed.
    """

    def __init__(self, target: Target, line: socket.socket) -> None:
        """`line` is connected to the first hop; the session closes it."""
        self._target = target
        self._clients: list[paramiko.SSHClient] = []
        self._socket = line
        self._channel: paramiko.Channel | None = None
        self._is_stopped = False

    def interrupt(self) -> None:
        """End the thread's work: a command at work is sent TERM, anything else loses its line."""
        self._is_stopped = True
        if self._channel is None:
            _shut(self._socket)
        else:
            # the thread sees the flag at its next poll; a dead line must not hold it there
            _limit_silence(self._socket, _STOP_MS)

    def open(self) -> None:
        """Connect and log in. Raises: ActionError."""
        target = self._target
        _limit_silence(self._socket, _SILENT_MS)
        if target.bastion is None:
            self._log_in(target.hop, self._socket)
            return
        try:
            self._log_in(target.bastion, self._socket)
        except ActionError as exc:
            raise _bastion_error(str(exc)) from exc
        self._log_in(target.hop, self._tunnel(target.hop))

    @property
    def client(self) -> paramiko.SSHClient:
        """Return the logged-in client of the target."""
        return self._clients[-1]

    def close(self) -> None:
        """Close everything. Safe to call twice."""
        for client in reversed(self._clients):
            client.close()
        self._clients.clear()
        self._socket.close()

    # -- connecting

    def _tunnel(self, hop: Hop) -> paramiko.Channel:
        import paramiko

        transport = self.client.get_transport()
        assert transport is not None
        try:
            return transport.open_channel(
                "direct-tcpip",
                (hop.host, hop.port),
                ("127.0.0.1", 0),
                timeout=self._target.timeout_s,
            )
        except (paramiko.SSHException, OSError, EOFError) as exc:
            raise ActionError(f"{_FAILED}failed to dial target through bastion: {exc}") from exc

    def _log_in(self, hop: Hop, line: socket.socket | paramiko.Channel) -> None:
        import paramiko

        _silence_log()
        key = _load_key(hop.key) if hop.key else None
        client = paramiko.SSHClient()
        self._clients.append(client)
        client.set_missing_host_key_policy(self._policy(hop))
        if self._target.strict_host_key:
            self._load_known_hosts(client)
        limit = self._target.timeout_s
        try:
            client.connect(
                hop.host,
                hop.port,
                username=hop.user or os.environ.get("USER", "root"),
                pkey=key,
                password=None if key else hop.password,
                timeout=limit,
                banner_timeout=limit,
                auth_timeout=limit,
                channel_timeout=limit,
                allow_agent=False,
                look_for_keys=False,
                sock=line,
            )
        except paramiko.BadHostKeyException as exc:
            raise ActionError(self._host_key_text(hop, exc.key, "has changed")) from exc
        except paramiko.AuthenticationException as exc:
            raise ActionError(f"{_FAILED}ssh: handshake failed: {exc}") from exc
        except (paramiko.SSHException, OSError, EOFError, ValueError) as exc:
            reason = str(exc) or "the connection was closed"
            raise ActionError(f"{_FAILED}ssh: handshake failed: {reason}") from exc
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(_KEEPALIVE_S)

    def _load_known_hosts(self, client: paramiko.SSHClient) -> None:
        path = self._target.known_host_file
        try:
            client.load_host_keys(path)
        except OSError as exc:
            raise _no_known_hosts(path, exc) from exc

    def _policy(self, hop: Hop) -> paramiko.MissingHostKeyPolicy:
        import paramiko

        session = self

        class Unknown(paramiko.MissingHostKeyPolicy):
            def missing_host_key(
                self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
            ) -> None:
                if session._target.strict_host_key:
                    raise ActionError(session._host_key_text(hop, key, "is not known"))

        return Unknown()

    def _host_key_text(self, hop: Hop, key: paramiko.PKey, fault: str) -> str:
        return (
            f"{_FAILED}the host key of {hop.address} {fault} ({key.get_name()}"
            f" {key.fingerprint}, looked for in {self._target.known_host_file}); add it to that"
            " file, or set `strict_host_key: false` to accept any host key"
        )

    # -- running

    def run(self, command: str, text: str, write_stdout: Write, write_stderr: Write) -> int:
        """Run a command with a text as its input; return its exit code, -1 without one.

        Raises: ActionError when the connection is lost.
        """
        import paramiko

        transport = self.client.get_transport()
        assert transport is not None
        try:
            channel = transport.open_session(timeout=self._target.timeout_s)
            channel.exec_command(command)
            channel.settimeout(self._target.timeout_s)
            self._channel = channel
            channel.sendall(text.encode("utf-8", "surrogateescape"))
            channel.shutdown_write()
            self._pump(channel, write_stdout, write_stderr)
        except (paramiko.SSHException, OSError, EOFError) as exc:
            raise ActionError(f"ssh execution failed: {str(exc) or 'connection lost'}") from exc
        if self._is_stopped:
            raise ActionError("context canceled")
        if not channel.exit_status_ready():
            raise ActionError(
                "ssh execution failed: wait: remote command exited without exit status"
            )
        return channel.recv_exit_status()

    def _pump(self, channel: paramiko.Channel, write_stdout: Write, write_stderr: Write) -> None:
        """Hand the output on until the command has ended and all of it is read."""
        poll = select.poll()
        poll.register(channel.fileno(), select.POLLIN)
        while True:
            if self._is_stopped:
                _send_signal(channel, "TERM")
                return
            # asked before the buffers: what comes with the end is in them by then
            is_over = channel.closed or channel.eof_received
            has_read = False
            while channel.recv_ready():
                write_stdout(channel.recv(_CHUNK_BYTES))
                has_read = True
            while channel.recv_stderr_ready():
                write_stderr(channel.recv_stderr(_CHUNK_BYTES))
                has_read = True
            if has_read:
                continue
            if is_over and (channel.closed or channel.exit_status_ready()):
                return
            poll.poll(_POLL_MS)


def _load_key(path: str) -> paramiko.PKey:
    import paramiko

    try:
        return paramiko.PKey.from_path(path)
    except OSError as exc:
        reason = f"open {path}: {(exc.strerror or str(exc)).lower()}"
    except Exception as exc:
        # cryptography has errors of its own for each way in which a file is no key
        reason = str(exc) or type(exc).__name__
    raise ActionError(f"{SET_UP_SSH}failed to load SSH key from {path}: {reason}")


def _send_signal(channel: paramiko.Channel, name: str) -> None:
    """Ask the server to signal the command (RFC 4254 section 6.9), which may live on else."""
    import paramiko
    from paramiko.common import cMSG_CHANNEL_REQUEST

    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string(name)
    transport = channel.get_transport()
    # paramiko has no public way to send this request
    transport._send_user_message(message)  # type: ignore[attr-defined]


def _limit_silence(line: socket.socket, limit_ms: int) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


def _shut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _silence_log() -> None:
    """Keep paramiko's own log off standard error: what matters is in the step's error."""
    log = logging.getLogger("paramiko")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
        log.propagate = False
