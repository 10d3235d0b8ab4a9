from __future__ import annotations

from collections.abc import Mapping

import pytest

from edge.core.jsontypes import JsonValue
from edge.workflow.model import SMTP, SSH
from edge.workflow.model_root import Bastion
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# root `ssh` of spec 10 section 4, defaults of spec 13 section 1.7
@pytest.mark.parametrize(
    ("written", "ssh"),
    [
        ("~", None),
        ("{host: h}", SSH(host="h")),
        ("{host: h, port: 2222}", SSH(host="h", port="2222")),
        ("{host: h, port: '2222'}", SSH(host="h", port="2222")),
        ("{host: h, port: 0}", SSH(host="h", port="22")),
        ("{host: h, port: ''}", SSH(host="h", port="22")),
        (
            "{user: u, key: ~/.ssh/id, password: p, known_host_file: /k, timeout: never}",
            SSH(user="u", key="~/.ssh/id", password="p", known_host_file="/k", timeout="never"),
        ),
        ("{strict_host_key: false}", SSH(strict_host_key=False)),
        ("{strict_host_key: ~}", SSH(strict_host_key=True)),
        ("{shell: bash -e}", SSH(shell=("bash", "-e"))),
        ("{shell: [bash, -e]}", SSH(shell=("bash", "-e"))),
        (
            "{host: h, bastion: {host: b, port: 23, user: u, key: k, password: p}}",
            SSH(host="h", bastion=Bastion(host="b", port="23", user="u", key="k", password="p")),
        ),
        ("{bastion: {host: b}}", SSH(bastion=Bastion(host="b", port="22"))),
    ],
)
def test_ssh(written: str, ssh: SSH | None) -> None:
    assert load(f"ssh: {written}" + STEPS).ssh == ssh


# root `smtp` of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "smtp"),
    [
        ("~", None),
        ("{host: h, port: 25}", SMTP(host="h", port="25")),
        (
            "{host: h, port: '25', username: u, password: p}",
            SMTP(host="h", port="25", username="u", password="p"),
        ),
        ("{username: u, oauth: {client_id: x}}", SMTP(username="u", oauth={"client_id": "x"})),
    ],
)
def test_smtp(written: str, smtp: SMTP | None) -> None:
    assert load(f"smtp: {written}" + STEPS).smtp == smtp


# connection defaults of spec 13 section 1.7
@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        (
            "redis",
            "{host: h, port: 1, tls: true, sentinel_addrs: [a]}",
            {"host": "h", "port": 1, "tls": True, "sentinel_addrs": ["a"]},
        ),
        ("s3", "{bucket: b, force_path_style: true}", {"bucket": "b", "force_path_style": True}),
        ("s3", "{bucket: ~}", {}),
        (
            "kubernetes",
            "{namespace: n, any: {thing: [1]}}",
            {"namespace": "n", "any": {"thing": [1]}},
        ),
        ("kubernetes", "{}", {}),
        ("redis", "~", {}),
    ],
)
def test_defaults_of_actions(field: str, written: str, value: Mapping[str, JsonValue]) -> None:
    assert getattr(load(f"{field}: {written}" + STEPS), field) == value


# `registry_auths` of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "auths"),
    [
        ("~", {}),
        ("'{\"auths\": {}}'", '{"auths": {}}'),
        ("{ghcr.io: dXNlcjpwdw==}", {"ghcr.io": "dXNlcjpwdw=="}),
        ("{r: {username: u, password: 5}}", {"r": {"username": "u", "password": "5"}}),
        ("{r: {auth: '${env.AUTH}', other: x}}", {"r": {"auth": "${env.AUTH}"}}),
        ("{r: ~}", {}),
    ],
)
def test_registry_auths(written: str, auths: object) -> None:
    assert load(f"registry_auths: {written}" + STEPS).registry_auths == auths


# errors of spec 10 section 4
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("ssh: 5", "'ssh' expected a map or struct, got \"uint64\""),
        ("ssh: {hostname: h}", "'ssh' has invalid keys: hostname"),
        ("ssh: {port: true}", "'ssh.port' failed to unmarshal from YAML: "),
        ("ssh: {shell: 5}", "shell must be string or array"),
        ("ssh: {bastion: {hots: b}}", "'ssh.bastion' has invalid keys: hots"),
        ("ssh: {strict_host_key: yes}", "'ssh.strict_host_key' expected type 'bool'"),
        ("smtp: {port: []}", "'smtp.port' failed to unmarshal from YAML: "),
        (
            "smtp: {username: u, password: p, oauth: {a: b}}",
            "field 'smtp': smtp password and oauth are mutually exclusive",
        ),
        ("smtp: {oauth: {a: b}}", "field 'smtp': smtp oauth requires username"),
        ("smtp: {username: u, oauth: x}", "field 'smtp': smtp oauth must be a map"),
        ("redis: {prot: 1}", "'redis' has invalid keys: prot"),
        ("redis: {port: '1'}", "'redis.port' expected type 'int'"),
        ("s3: {acl: x}", "'s3' has invalid keys: acl"),
        ("kubernetes: [a]", "field 'kubernetes': kubernetes must be a map"),
        ("registry_auths: 5", "registry_auths must be a map or a JSON string"),
        ("registry_auths: {r: [a]}", "must be a text, or a map of username, password and auth"),
    ],
)
def test_errors(written: str, message: str) -> None:
    error = refused(written + STEPS)
    assert message in error.message
    assert error.problems[0].line == 1
