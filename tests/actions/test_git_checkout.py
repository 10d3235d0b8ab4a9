"""`git.checkout` with local repositories (spec 13 section 20)."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from edge.actions.base import Outcome
from edge.actions.git_checkout import Credentials, git_environ, ref_candidates
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, ended_by_stop

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")


def _git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *name, "-C", str(folder), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Remote:
    """A repository with two commits on main, a branch and a tag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        _git(folder, "init", "-q")
        self.first = self.commit("one")
        _git(folder, "tag", "v1")
        _git(folder, "branch", "side")
        self.second = self.commit("two")

    def commit(self, text: str) -> str:
        (self.folder / "f").write_text(text)
        _git(self.folder, "add", ".")
        _git(self.folder, "commit", "-qm", text)
        return _git(self.folder, "rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "remote")


async def _checkout(remote: Remote, **options: Any) -> tuple[Outcome, dict[str, Any]]:
    cwd = remote.folder.parent
    values: JsonObject = {"repository": "remote", "path": "copy", **options}
    context = Context("git.checkout", values, cwd=cwd, env={"PATH": "/usr/bin:/bin"})
    outcome = await context.run()
    return outcome, json.loads(context.out) if context.out else {}


# spec 13 section 20: `ref`: branch, tag, commit; default the remote's HEAD
@pytest.mark.parametrize(
    ("ref", "wanted"), [("", "second"), ("main", "second"), ("side", "first"), ("v1", "first")]
)
async def test_a_clone_at_a_ref(remote: Remote, ref: str, wanted: str) -> None:
    outcome, result = await _checkout(remote, **({"ref": ref} if ref else {}))
    copy = remote.folder.parent / "copy"
    commit = getattr(remote, wanted)
    assert outcome == Outcome(0)
    assert list(result) == [
        *("operation", "path"),
        *(["ref"] if ref else []),
        *("commit", "cloned", "changed"),
    ]
    assert result["path"] == str(copy)
    assert (result["commit"], result["cloned"], result["changed"]) == (commit, True, True)
    assert _git(copy, "rev-parse", "HEAD") == commit
    assert (copy / "f").read_text() == {"first": "one", "second": "two"}[wanted]


async def test_a_commit_by_its_hash(remote: Remote) -> None:
    """spec 13 section 20: the order begins with a commit hash."""
    _, result = await _checkout(remote, ref=remote.first[:10])
    assert result["commit"] == remote.first


async def test_what_is_there_is_fetched(remote: Remote) -> None:
    """spec 13 section 20: clone, else fetch; `changed` is false when HEAD was already there."""
    await _checkout(remote)
    _, result = await _checkout(remote)
    assert (result["cloned"], result["changed"]) == (False, False)
    third = remote.commit("three")
    _, result = await _checkout(remote, ref="main")
    assert (result["commit"], result["cloned"], result["changed"]) == (third, False, True)
    _git(remote.folder, "tag", "-f", "v1")
    _, result = await _checkout(remote, ref="v1")
    assert result["commit"] == third


async def test_a_shallow_clone(remote: Remote) -> None:
    """spec 13 section 20: `depth`."""
    url = f"file://{remote.folder}"
    outcome, _ = await _checkout(remote, repository=url, depth=1)
    assert outcome == Outcome(0)
    copy = remote.folder.parent / "copy"
    assert _git(copy, "rev-list", "--count", "HEAD") == "1"


async def test_force_drops_local_changes(remote: Remote) -> None:
    """spec 13 section 20: `force`."""
    await _checkout(remote)
    copy = remote.folder.parent / "copy"
    (copy / "f").write_text("mine")
    outcome, _ = await _checkout(remote, ref="v1")
    assert outcome.code == 1
    assert outcome.error.startswith("git checkout: ")
    outcome, _ = await _checkout(remote, ref="v1", force=True)
    assert (outcome, (copy / "f").read_text()) == (Outcome(0), "one")


# spec 13 section 20: errors
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ref": "nope"}, 'git checkout: ref "nope" not found'),
        ({"ref": "-x"}, 'git checkout: ref "-x" not found'),
        ({"ref": "0123456789abcdef"}, 'git checkout: ref "0123456789abcdef" not found'),
        ({"repository": "missing"}, "git checkout: clone failed: repository not found"),
        (
            {"path": "full"},
            "git checkout: target directory is not a git repository and is not empty",
        ),
        (
            {"ssh_key_path": "$S", "token": "$S"},
            "git: ssh_key_path cannot be combined with token or password",
        ),
        (
            {"username": "$S", "token": "$S"},
            "git: token cannot be combined with username/password",
        ),
    ],
)
async def test_errors(remote: Remote, options: dict[str, Any], error: str) -> None:
    full = remote.folder.parent / "full"
    full.mkdir()
    (full / "x").touch()
    outcome, result = await _checkout(remote, **options)
    assert outcome.code == 1
    assert outcome.error.removeprefix("failed to set up step: ") == error
    assert result == {}


async def test_no_git_is_said(remote: Remote) -> None:
    """spec 13 section 20: no git, a clear error."""
    context = Context(
        "git.checkout", {"repository": "r", "path": "p"}, cwd=remote.folder, env={"PATH": "/none"}
    )
    outcome = await context.run()
    assert outcome.error == "git: no program `git` is on the PATH of the step; install git"


def test_credentials_go_through_the_environment() -> None:
    """spec 13 section 20: never on the command line, and only to their server."""
    found = git_environ(Credentials(username="git", password="t0k"), "https://h.example:8443/a.git")
    assert found["GIT_TERMINAL_PROMPT"] == "0"
    assert found["GIT_CONFIG_KEY_0"] == "http.https://h.example:8443/.extraHeader"
    scheme, _, sent = found["GIT_CONFIG_VALUE_0"].partition("Basic ")
    assert scheme == "Authorization: "
    assert base64.b64decode(sent) == b"git:t0k"
    found = git_environ(Credentials(ssh_key_path="/a b"), "git@h:a.git")
    assert "-i '/a b'" in found["GIT_SSH_COMMAND"]
    assert "GIT_CONFIG_COUNT" not in found


@pytest.mark.parametrize(
    ("ref", "first"),
    [
        ("", "refs/remotes/origin/HEAD"),
        ("abcdef1", "abcdef1"),
        ("main", "refs/remotes/origin/main"),
        ("refs/tags/v1", "refs/tags/v1"),
    ],
)
def test_the_order_of_refs(ref: str, first: str) -> None:
    """spec 13 section 20: ref order."""
    assert ref_candidates(ref)[0] == first


async def test_a_stop_ends_a_clone() -> None:
    """spec 13 section 26: a server that never answers."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    values: JsonObject = {"repository": f"git://127.0.0.1:{port}/a", "path": "/tmp/edge-no-clone"}
    context = Context("git.checkout", values, env={"PATH": "/usr/bin:/bin"})
    assert await ended_by_stop(context)
    await listeners[0].aclose()
