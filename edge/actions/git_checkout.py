"""`git.checkout` by the system's git (spec 13 section 20).

Credentials go through the environment, never over the command line, where other users of the
machine read them.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import trio

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.inprocess import in_thread, run_in_process
from edge.actions.inputs import Inputs, resolve_path
from edge.core.gojson import GoRecord, go_json

__all__ = ["Credentials", "git_environ", "ref_candidates", "run_git"]

_HEX = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_MISSING = (
    "repository not found",
    "does not exist",
    "does not appear to be a git repository",
    "not found",
)
_OUTPUT_MAX_BYTES = 1 << 20
_STOP_S = 5.0
_DIR_MODE = 0o750


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to log in at the remote; all empty = as anybody."""

    username: str = ""
    password: str = ""
    ssh_key_path: str = ""


async def run_git(context: ActionContext) -> Outcome:
    """Check a repository out at a path."""
    return await run_in_process(context, _checkout)


async def _checkout(context: ActionContext, inputs: Inputs) -> None:
    credentials = _credentials(context, inputs)
    repository = _repository(context, inputs.text("repository").strip())
    if repository.startswith("-"):
        raise ActionError("git: repository must not begin with -")
    path = inputs.path("path")
    ref = inputs.text("ref").strip()
    environ = {**context.scope.environ(), **git_environ(credentials, repository)}
    git = _Git(path, environ)
    is_new = await in_thread(_is_absent, path)
    before = ""
    if is_new:
        await _clone(git, repository, path, inputs.integer("depth"))
    else:
        before = await git.text("rev-parse", "--verify", "-q", "HEAD", may_fail=True)
        await _fetch(git, repository, inputs.integer("depth"))
    commit = await _find(git, ref)
    force = ("--force",) if inputs.flag("force") else ()
    code, text = await git.run("checkout", "-q", "--detach", *force, commit)
    if code:
        raise ActionError(f"git checkout: {_reason(text)}")
    result = GoRecord(operation="checkout", path=path)
    if ref:
        result["ref"] = ref
    result.update(commit=commit, cloned=is_new, changed=before != commit)
    context.write_stdout(go_json(result).encode() + b"\n")


def _credentials(context: ActionContext, inputs: Inputs) -> Credentials:
    token, key = inputs.text("token"), inputs.text("ssh_key_path")
    username, password = inputs.text("username"), inputs.text("password")
    # once more for values that were references when the file was loaded
    if key and (token or username or password):
        raise ActionError("git: ssh_key_path cannot be combined with token or password")
    if inputs.text("ssh_passphrase"):
        raise ActionError("git: ssh_passphrase is not available in this build of edge")
    if token and (username or password):
        raise ActionError("git: token cannot be combined with username/password")
    return Credentials(
        username="git" if token else username,
        password=token or password,
        ssh_key_path=resolve_path(context, key, expand_home=True) if key else "",
    )


def _repository(context: ActionContext, text: str) -> str:
    """Return a URL, or an absolute path for a local one."""
    if "://" in text or re.match(r"[\w.-]+@?[\w.-]*:", text):
        return text
    return resolve_path(context, text)


def git_environ(credentials: Credentials, repository: str) -> dict[str, str]:
    """Return the variables that make git ask nobody and log in with these credentials. Pure."""
    found = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "LC_ALL": "C"}
    if credentials.password or credentials.username:
        pair = f"{credentials.username}:{credentials.password}".encode("utf-8", "surrogateescape")
        parts = urlsplit(repository)
        # only for this server: a submodule or redirect elsewhere must not get it
        found.update(
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0=f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraHeader",
            GIT_CONFIG_VALUE_0=f"Authorization: Basic {base64.b64encode(pair).decode()}",
        )
    command = "ssh -o BatchMode=yes"
    if credentials.ssh_key_path:
        key = shlex.quote(credentials.ssh_key_path)
        command = f"ssh -o BatchMode=yes -o IdentitiesOnly=yes -i {key}"
    found["GIT_SSH_COMMAND"] = command
    return found


def _is_absent(path: str) -> bool:
    """Tell whether the path is to be cloned into. Raises: ActionError when it is taken."""
    if os.path.exists(os.path.join(path, ".git")):
        return False
    if not os.path.lexists(path):
        return True
    if os.path.isdir(path) and not os.listdir(path):
        return True
    raise ActionError("git checkout: target directory is not a git repository and is not empty")


async def _clone(git: _Git, repository: str, path: str, depth: int) -> None:
    try:
        os.makedirs(os.path.dirname(path), mode=_DIR_MODE, exist_ok=True)
    except OSError as exc:
        raise ActionError(f"git checkout: mkdir {exc.filename}: {exc.strerror}") from exc
    shallow = (f"--depth={depth}", "--no-single-branch") if depth else ()
    words = ("clone", "-q", "--no-checkout", *shallow, "--", repository, path)
    code, text = await git.run(*words, inside=False)
    if code:
        raise ActionError(f"git checkout: clone failed: {_reason(text)}")


async def _fetch(git: _Git, repository: str, depth: int) -> None:
    shallow = (f"--depth={depth}",) if depth else ()
    specs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    code, text = await git.run("remote", "set-url", "origin", repository)
    if code:
        code, text = await git.run("remote", "add", "origin", repository)
    if not code:
        code, text = await git.run("fetch", "-q", "--force", "--tags", *shallow, "origin", *specs)
    if code:
        raise ActionError(f"git checkout: fetch failed: {_reason(text)}")
    # what the remote calls its default may have moved
    await git.run("remote", "set-head", "origin", "--auto")


def ref_candidates(ref: str) -> list[str]:
    """Return what a ref may stand for, in order. Pure."""
    if not ref:
        return ["refs/remotes/origin/HEAD", "HEAD"]
    first = [ref] if _HEX.fullmatch(ref) else []
    # a branch means the remote's: a clone of earlier holds an old one of its own
    places = ("refs/remotes/origin/", "refs/heads/", "refs/tags/")
    named = [ref] if ref.startswith("refs/") else []
    return [*first, *named, *(place + ref for place in places)]


async def _find(git: _Git, ref: str) -> str:
    if ref.startswith("-"):
        raise ActionError(f'git checkout: ref "{ref}" not found')
    for name in ref_candidates(ref):
        found = await git.text("rev-parse", "--verify", "-q", f"{name}^{{commit}}", may_fail=True)
        if found:
            return found
    if ref and not _HEX.fullmatch(ref):
        raise ActionError(f'git checkout: ref "{ref}" not found')
    if not ref:
        raise ActionError("git checkout: the repository has no commit")
    # a commit that no branch holds: some servers give it when asked
    code, _ = await git.run("fetch", "-q", "origin", ref)
    found = await git.text("rev-parse", "--verify", "-q", f"{ref}^{{commit}}", may_fail=True)
    if code or not found:
        raise ActionError(f'git checkout: ref "{ref}" not found')
    return found


def _reason(text: str) -> str:
    """Return the last line that says something, without git's own prefix."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = next(
        (line for line in lines if line.startswith(("fatal:", "error:"))),
        lines[-1] if lines else "",
    )
    shown = shown.removeprefix("fatal: ").removeprefix("error: ")
    if any(part in shown.lower() for part in _MISSING):
        return "repository not found"
    return shown or "git failed"


class _Git:
    """Calls of the git program; a cancel ends the one at work."""

    def __init__(self, path: str, environ: dict[str, str]) -> None:
        self._path = path
        self._environ = {name: value for name, value in environ.items() if _can_pass(name, value)}
        self._program = shutil.which("git", path=environ.get("PATH"))

    async def text(self, *words: str, may_fail: bool = False) -> str:
        """Return what a call prints, stripped; "" when it fails and may."""
        code, text = await self.run(*words)
        if code and not may_fail:
            raise ActionError(f"git checkout: {_reason(text)}")
        return "" if code else text.strip()

    async def run(self, *words: str, inside: bool = True) -> tuple[int, str]:
        """Return exit code and output of a call."""
        if self._program is None:
            raise ActionError("git: no program `git` is on the PATH of the step; install git")
        place: Sequence[str] = ("-C", self._path) if inside else ()
        done = await trio.run_process(
            [self._program, *place, *words],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=self._environ,
            start_new_session=True,
            deliver_cancel=_terminate,
        )
        output = done.stdout if not done.returncode else done.stdout + done.stderr
        return done.returncode, output[-_OUTPUT_MAX_BYTES:].decode("utf-8", "replace")


def _can_pass(name: str, value: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name + value


async def _terminate(process: trio.Process) -> None:
    """End git and the helpers that it has started, which share its process group."""
    _signal(process, signal.SIGTERM)
    with trio.move_on_after(_STOP_S, shield=True):
        await process.wait()
    _signal(process, signal.SIGKILL)


def _signal(process: trio.Process, number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
