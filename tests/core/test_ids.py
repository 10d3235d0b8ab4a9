"""Identifiers: spec 12 section 1, spec 20 section 2."""

from __future__ import annotations

import pytest

from edge.core import ids
from edge.core.errors import UserError
from edge.core.ids import RunRef


def test_generated_run_id_is_22_characters_and_sorts_by_time() -> None:
    made = [ids.run_id_from(ms, bytes([255 - i] * 10)) for i, ms in enumerate(range(1, 200, 7))]
    assert {len(item) for item in made} == {22}
    assert made == sorted(made)


def test_generated_run_id_is_a_version_7_uuid() -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for char in ids.run_id_from(1_795_373_837_100, bytes(range(10))):
        value = value * 62 + alphabet.index(char)
    assert value >> 80 == 1_795_373_837_100
    assert (value >> 76) & 0xF == 7
    assert (value >> 62) & 0b11 == 0b10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must not be empty"),
        ("bad id", "must only contain alphanumeric characters, dashes, and underscores"),
        ("ü", "must only contain alphanumeric characters, dashes, and underscores"),
        ("x" * 65, "length must be less than 64 characters"),
        ("a\n", "must only contain alphanumeric characters, dashes, and underscores"),
    ],
)
def test_bad_run_ids_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ids.check_run_id(text)


@pytest.mark.parametrize("text", ["a", "x" * 64, "A-b_9"])
def test_good_run_ids_pass(text: str) -> None:
    assert ids.check_run_id(text) == text


@pytest.mark.parametrize("text", [".", "..", "a b", "", "a/b"])
def test_bad_dag_names_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="must only contain"):
        ids.check_dag_name(text)


def test_a_dag_name_has_at_most_40_bytes() -> None:
    assert ids.check_dag_name("x" * 40)
    with pytest.raises(UserError, match="less than 40"):
        ids.check_dag_name("x" * 41)


@pytest.mark.parametrize(
    ("root", "run", "attempt", "key"),
    [
        (RunRef("etl", "r1"), RunRef("etl", "r1"), "a1", "b50cc46c00f3ee73:a1"),
        (RunRef("etl", "r1"), RunRef("child", "c1"), "b2", "b5ffb05f2393b401:b2"),
    ],
)
def test_attempt_key_test_vectors(root: RunRef, run: RunRef, attempt: str, key: str) -> None:
    assert ids.attempt_key(root, run, attempt) == key


def test_safe_names_and_history_directories() -> None:
    assert ids.safe_name("a b/c.d") == "a_b_c_d"
    assert len(ids.safe_name("x" * 300)) == 100
    assert ids.dag_dir_name("plain") == "plain"
    changed = ids.dag_dir_name("a.b")
    assert changed.startswith("a_b-")
    assert len(changed) == len("a_b-") + 4


def test_work_directory_names_are_short_and_stable() -> None:
    name = ids.run_dir_hash("r1")
    assert name == ids.run_dir_hash("r1") == name.lower()
    assert len(name) == 26
    assert name != ids.run_dir_hash("r2")


def test_attempt_id_is_six_hex_digits() -> None:
    assert ids.attempt_id_from(b"\x4b\xe0\x1cxyz") == "4be01c"


# spec 12 section 1: recorded ids of child runs
@pytest.mark.parametrize(
    ("call", "extra", "run_id"),
    [
        (
            ("run-sub-basic", "a", "kid", 'X="1 2" Y="q"'),
            "",
            "GtY87kEXUDZNGsPVpdAsG67nQn7zHccB4XAbkJfZ5K5L",
        ),
        (("run-sub-fail", "a", "kid", ""), "", "4VnFSMpcxsGziqwH6iH7PAB2xmqkuEaA9HM8U6TFTP2d"),
        (
            ("run-par-basic", "a", "kid", 'V="3"'),
            "",
            "EgUyTjJK11FqpTeXFDd9Cjqki2x1KtJuLVYBJX4ekRfB",
        ),
    ],
)
def test_sub_run_ids(call: tuple[str, str, str, str], extra: str, run_id: str) -> None:
    """spec 12 section 1: SHA-256 in base58."""
    assert ids.sub_run_id(*call, extra=extra) == run_id
    assert ids.sub_run_id(*call, extra="\0item") != run_id


def test_a_sub_run_id_takes_any_text() -> None:
    """spec 12 section 1, for parameters that are no UTF-8."""
    assert len(ids.sub_run_id("r", "a", "kid", "V=\udc80")) in (43, 44)
