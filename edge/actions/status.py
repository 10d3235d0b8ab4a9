"""How the end of a process reads. Pure."""

from __future__ import annotations

import signal

__all__ = ["describe_signal", "exit_error"]

# The texts of the reference's messages (`signal: terminated`).
_TEXTS = {
    signal.SIGABRT: "aborted",
    signal.SIGALRM: "alarm clock",
    signal.SIGBUS: "bus error",
    signal.SIGCHLD: "child exited",
    signal.SIGCONT: "continued",
    signal.SIGFPE: "floating point exception",
    signal.SIGHUP: "hangup",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupt",
    signal.SIGIO: "I/O possible",
    signal.SIGKILL: "killed",
    signal.SIGPIPE: "broken pipe",
    signal.SIGPROF: "profiling timer expired",
    signal.SIGPWR: "power failure",
    signal.SIGQUIT: "quit",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGSTOP: "stopped (signal)",
    signal.SIGSYS: "bad system call",
    signal.SIGTERM: "terminated",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGTSTP: "stopped",
    signal.SIGTTIN: "stopped (tty input)",
    signal.SIGTTOU: "stopped (tty output)",
    signal.SIGURG: "urgent I/O condition",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGVTALRM: "virtual timer expired",
    signal.SIGWINCH: "window changed",
    signal.SIGXCPU: "CPU time limit exceeded",
    signal.SIGXFSZ: "file size limit exceeded",
}


def describe_signal(number: int) -> str:
    """Return `terminated` for 15; `signal 35` for one without a text."""
    try:
        return _TEXTS[signal.Signals(number)]
    except (ValueError, KeyError):
        return f"signal {number}"


def exit_error(status: int) -> str:
    """Return the error of an exit status (negative = signal); empty for 0."""
    if status == 0:
        return ""
    return f"signal: {describe_signal(-status)}" if status < 0 else f"exit status {status}"
