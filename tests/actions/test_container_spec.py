"""What is asked of the engine, without one (spec 13 section 4)."""

from __future__ import annotations

import base64
import json
import re

import pytest

from edge.actions.base import ActionError
from edge.actions.container import wrapped
from edge.actions.container_inputs import canonical
from edge.actions.container_spec import container_spec, pull_policy, with_spec
from edge.actions.engine_endpoint import Endpoint, read_endpoint
from edge.actions.engine_frames import FrameError, FrameReader, LineWatch, ProgressReader
from edge.actions.registry_auth import auth_header, image_parts, registry_of
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.model import Container
from edge.workflow.model_steps import Healthcheck


# spec 13 section 4.1: which daemon
@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, Endpoint(url="unix:///var/run/docker.sock", path="/var/run/docker.sock")),
        (
            {
                "DAGU_CONTAINER_RUNTIME": "docker",
                "DOCKER_HOST": "unix:///x",
                "DOCKER_API_VERSION": "1.44",
            },
            Endpoint(url="unix:///x", path="/x", prefix="/v1.44"),
        ),
        (
            {"DOCKER_HOST": "tcp://h"},
            Endpoint(url="tcp://h", host="h", port=2375),
        ),
        (
            {"DOCKER_HOST": "tcp://h:99", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"},
            Endpoint(
                url="tcp://h:99", host="h", port=99, is_tls=True, verifies_tls=True, cert_path="/c"
            ),
        ),
        (
            {"DAGU_CONTAINER_RUNTIME": "podman", "DOCKER_HOST": "unix:///x"},
            Endpoint(url="unix:///run/podman/podman.sock", path="/run/podman/podman.sock"),
        ),
        (
            {"DAGU_CONTAINER_RUNTIME": "podman", "DAGU_PODMAN_HOST": "unix:///p"},
            Endpoint(url="unix:///p", path="/p"),
        ),
    ],
)
def test_endpoints(environ: dict[str, str], found: Endpoint) -> None:
    assert read_endpoint(environ) == found


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        (
            {"DAGU_CONTAINER_RUNTIME": "lxc"},
            r'invalid container runtime "lxc" \(supported: docker, podman\)',
        ),
        ({"DOCKER_HOST": "nope"}, "unable to parse docker host `nope`"),
        ({"DOCKER_HOST": "tcp://[::1"}, "unable to parse docker host"),
    ],
)
def test_endpoints_that_cannot_be(environ: dict[str, str], error: str) -> None:
    """spec 13 section 4.1: a bad setting."""
    with pytest.raises(ActionError, match=error):
        read_endpoint(environ)


# spec 13 section 4.1: the framing, however it is cut
@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 100])
def test_frames_in_pieces(size: int) -> None:
    data = b"\x01\0\0\0\0\0\0\x03out" + b"\x02\0\0\0\0\0\0\x00" + b"\x02\0\0\0\0\0\0\x04oops"
    reader = FrameReader()
    found = [b"", b""]
    for at in range(0, len(data), size):
        for is_stderr, part in reader.feed(data[at : at + size]):
            found[is_stderr] += part
    assert found == [b"out", b"oops"]


def test_other_streams() -> None:
    """spec 13 section 4.1: a TTY has no frames; what is none is an error."""
    assert list(FrameReader(is_tty=True).feed(b"\x09raw")) == [(False, b"\x09raw")]
    with pytest.raises(FrameError, match="unrecognized stream: 72"):
        list(FrameReader().feed(b"HTTP/1.1"))


# spec 13 section 4.3: `log_pattern` is searched line by line
@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((b"not\nrea", b"dy 80\n"), True),
        ((b"ready 80",), True),
        ((b"ready\n 80\n",), False),
        ((b"\xff ready 8\n",), True),
        ((), False),
    ],
)
def test_a_line_is_found_however_it_is_cut(pieces: tuple[bytes, ...], found: bool) -> None:
    watch = LineWatch(re.compile(r"ready \d+"))
    for piece in pieces:
        watch.feed(piece)
    assert (watch.has_matched or watch.finish()) is found


def test_progress_keeps_the_first_error() -> None:
    """spec 13 section 4.5: the pull stream is read to its end."""
    reader = ProgressReader()
    for piece in (b'{"status":"a"}\r\nno json\n[1]\n{"err', b'or":"first"}\n{"error":"second"}'):
        reader.feed(piece)
    assert reader.finish() == "first"
    reader = ProgressReader()
    reader.feed(b'{"errorDetail":{"message":"deep"}}')
    assert reader.finish() == "deep"


# spec 13 section 4.5: registries and references
@pytest.mark.parametrize(
    ("image", "registry", "name", "tag"),
    [
        ("alpine", "docker.io", "alpine", "latest"),
        ("a/b:1", "docker.io", "a/b", "1"),
        ("ghcr.io/a/b:1", "ghcr.io", "ghcr.io/a/b", "1"),
        ("localhost/a", "localhost", "localhost/a", "latest"),
        ("h:5000/a", "h:5000", "h:5000/a", "latest"),
        ("a@sha256:00", "docker.io", "a", "sha256:00"),
        ("a:1@sha256:00", "docker.io", "a", "sha256:00"),
    ],
)
def test_references(image: str, registry: str, name: str, tag: str) -> None:
    assert (registry_of(image), image_parts(image)) == (registry, (name, tag))


_BASE = base64.b64encode(b"u:p:q").decode()


# spec 13 section 4.5: forms of credentials, and DOCKER_AUTH_CONFIG
@pytest.mark.parametrize(
    ("auths", "environ", "found"),
    [
        ({"h.io": _BASE}, {}, ("u", "p:q")),
        ({"h.io": '{"username": "u", "password": "p"}'}, {}, ("u", "p")),
        ({"h.io": {"auth": _BASE}}, {}, ("u", "p:q")),
        (json.dumps({"auths": {"h.io": {"auth": _BASE}}}), {}, ("u", "p:q")),
        ({"https://h.io": _BASE}, {}, ("u", "p:q")),
        (
            {},
            {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"h.io": {"auth": _BASE}}})},
            ("u", "p:q"),
        ),
        ({"other": _BASE}, {}, None),
        ("", {}, None),
    ],
)
def test_credentials(
    auths: JsonObject | str, environ: dict[str, str], found: tuple[str, str] | None
) -> None:
    header = auth_header("h.io/a", auths, environ)
    if found is None:
        assert header == ""
        return
    sent = json.loads(base64.urlsafe_b64decode(header))
    assert (sent["username"], sent["password"], sent["serveraddress"]) == (*found, "h.io")


@pytest.mark.parametrize(
    "auths", ["{", "[]", {"h.io": "no base64!"}, {"h.io": "{nope"}, {"h.io": [1]}]
)
def test_credentials_that_cannot_be_read(auths: JsonObject | str) -> None:
    """spec 13 section 4.5: an error names the setting, never the secret."""
    with pytest.raises(ActionError, match="registry_auths") as caught:
        auth_header("h.io/a", auths, {})
    assert "no base64!" not in str(caught.value)


def _spec(**members: object) -> object:
    made = Container(**{"image": "i", **members})  # type: ignore[arg-type]
    return container_spec(made, (), cwd="/w", environ={"HOME": "/h", "V": "vol"})


# spec 13 section 4.3: what fails at set-up
@pytest.mark.parametrize(
    ("members", "error"),
    [
        (
            {"volumes": ("a",)},
            r"failed to parse volumes: container.volumes\[0\]: invalid volume format: a",
        ),
        ({"volumes": ("a:b:rx",)}, "invalid volume format: a:b:rx"),
        (
            {"volumes": ("x:/x", "$NO:/y")},
            r"container.volumes\[1\]: environment variable NO is not",
        ),
        ({"ports": ("x",)}, "failed to parse ports: invalid port format: x"),
        ({"ports": ("80:80/icmp",)}, "failed to parse ports: invalid port format: 80:80/icmp"),
        ({"ports": ("70000:80",)}, "failed to parse ports"),
        ({"startup": "command"}, "startup 'command' requires non-empty command array"),
        ({"startup": "other"}, 'invalid startup "other"'),
        ({"wait_for": "luck"}, 'invalid wait_for "luck"'),
        ({"restart_policy": "on-failure"}, 'invalid restart_policy "on-failure"'),
    ],
)
def test_what_cannot_be_created(members: dict[str, object], error: str) -> None:
    with pytest.raises(ActionError, match=error):
        _spec(**members)


# spec 13 section 4.3: sources of volumes
@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("./d:/d", "/w/d:/d:rw"),
        ("a/b:/d", "/w/a/b:/d:rw"),
        ("~/d:/d:ro", "/h/d:/d:ro"),
        ("/abs/../x:/d", "/x:/d:rw"),
        ("named:/d", "named:/d:rw"),
        ("${V}:/d", "vol:/d:rw"),
    ],
)
def test_volumes(text: str, bind: str) -> None:
    made = container_spec(
        Container(image="i", volumes=(text,)), (), cwd="/w", environ={"HOME": "/h", "V": "vol"}
    )
    assert made.host["Binds"] == [bind]


# spec 13 section 4.3: what a kept container runs
@pytest.mark.parametrize(
    ("startup", "command", "entrypoint", "cmd"),
    [
        ("", (), [], ["sh", "-c", "while true; do sleep 86400; done"]),
        ("entrypoint", (), None, None),
        ("command", ("serve", "-p"), None, ["serve", "-p"]),
    ],
)
def test_startups(
    startup: str, command: tuple[str, ...], entrypoint: JsonValue, cmd: JsonValue
) -> None:
    made = Container(image="i", startup=startup, command=command)
    body = container_spec(made, (), cwd="/", environ={}).create_body(keep_alive=True)
    assert (body.get("Entrypoint"), body.get("Cmd")) == (entrypoint, cmd)


def test_healthchecks() -> None:
    """spec 13 section 4.3: `healthcheck`, durations in nanoseconds."""
    check = Healthcheck(test=("CMD", "ok"), interval="1.5s", timeout="2s", retries=3)
    made = container_spec(Container(image="i", healthcheck=check), (), cwd="/", environ={})
    assert made.config["Healthcheck"] == {
        **{"Test": ["CMD", "ok"], "Interval": 1_500_000_000, "Timeout": 2_000_000_000},
        **{"StartPeriod": 0, "Retries": 3},
    }


@pytest.mark.parametrize(
    ("network", "has_endpoint"),
    [("bridge", False), ("host", False), ("none", False), ("container:x", False), ("lan", True)],
)
def test_networks(network: str, has_endpoint: bool) -> None:
    """spec 13 section 4.3: `network`."""
    made = container_spec(Container(image="i", network=network), (), cwd="/", environ={})
    assert made.host["NetworkMode"] == network
    assert bool(made.network) is has_endpoint


# spec 13 section 4.2: keys of the raw objects
@pytest.mark.parametrize(
    ("written", "found"),
    [
        ({"working_dir": "/w", "ENV": ["a"]}, {"WorkingDir": "/w", "Env": ["a"]}),
        ({"labels": {"my_key": "1"}}, {"Labels": {"my_key": "1"}}),
        (
            {"port_bindings": {"80/tcp": [{"host_port": "8"}]}},
            {"PortBindings": {"80/tcp": [{"HostPort": "8"}]}},
        ),
        (
            {"RestartPolicy": {"maximum_retry_count": 2}},
            {"RestartPolicy": {"MaximumRetryCount": 2}},
        ),
        ({"some_new_key": 1}, {"somenewkey": 1}),
        (None, {}),
    ],
)
def test_raw_objects(written: JsonValue, found: JsonObject) -> None:
    assert canonical(written) == found


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "container_name or image must be specified"),
        (
            {"image": "i", "exec": {"User": "u"}},
            r"'exec' options require 'container_name' \(exec-in-existing mode\)",
        ),
    ],
)
def test_inputs_that_do_not_fit(values: JsonObject, error: str) -> None:
    """spec 13 section 4.2: what is needed."""
    with pytest.raises(ActionError, match=error):
        with_spec(values, cwd="/", environ={})


def test_shortcuts_and_removal() -> None:
    """spec 13 section 4.2: `working_dir`, `volumes`, `auto_remove`, `host.AutoRemove`."""
    values: JsonObject = {
        **{"image": "i", "working_dir": "/w", "volumes": ["v:/v"]},
        **{"host": {"auto_remove": True, "Binds": ["a:/a"]}, "container": {"Env": ["A=1"]}},
    }
    spec = with_spec(values, cwd="/", environ={})
    assert spec.removes
    assert spec.host == {"Binds": ["a:/a", "v:/v:rw"]}
    assert spec.config == {"Env": ["A=1"], "WorkingDir": "/w"}
    assert not with_spec({"image": "i"}, cwd="/", environ={}).removes


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "missing"),
        (True, "always"),
        (False, "never"),
        ("1", "always"),
        ("Fallback", "fallback"),
    ],
)
def test_pull_words(value: JsonValue, word: str) -> None:
    """spec 13 section 4.5: the values of `pull`."""
    assert pull_policy(value) == word


# spec 13 section 4.2: `shell`
@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ((), ("echo", "a b")),
        (("sh",), ("sh", "-c", "echo 'a b'")),
        (("/bin/sh", "-e"), ("/bin/sh", "-e", "-c", "echo 'a b'")),
        (("/bin/sh", "-e", "-c"), ("/bin/sh", "-e", "-c", "echo 'a b'")),
        (("bash", "-ec"), ("bash", "-ec", "echo 'a b'")),
    ],
)
def test_shells(shell: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert wrapped("echo 'a b'", shell) == words
