"""A short seed of the fuzz campaign (`tests/long/fuzz_loader.py`), spec 10 sections 1.1 and 1.2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.long.fuzz_loader import corpus, inputs, try_input


@pytest.mark.parametrize("seed", range(4))
def test_no_input_breaks_the_loader(seed: int, tmp_path: Path) -> None:
    for data in inputs(seed, 150):
        failure = try_input(data, tmp_path / "input.yaml")
        assert failure is None, f"{failure.kind}: {failure.text}\n{data[:2000]!r}"


def test_the_corpus_holds_the_recordings() -> None:
    assert len(corpus()) > 200


def test_the_guard_sees_what_reaches_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_args: object, **_options: object) -> None:
        (tmp_path / "written").write_text("x")

    monkeypatch.setattr("tests.long.fuzz_loader.load_dag", load)
    failure = try_input(b"steps: []", tmp_path / "input.yaml")
    assert failure is not None
    assert failure.kind == "reached out"


def test_an_exception_of_ours_is_no_failure_and_another_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert try_input(b"steps: [", tmp_path / "input.yaml") is None

    def fault(*_args: object, **_options: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("tests.long.fuzz_loader.load_dag", fault)
    failure = try_input(b"steps: []", tmp_path / "input.yaml")
    assert failure is not None
    assert failure.kind == "traceback"
