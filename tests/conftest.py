"""Shared by all tests: a clean environment and repeatable property tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time; HYPOTHESIS_PROFILE=search looks for new ones, with more of them.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("search", max_examples=2_000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A shell starts what it runs in the background deaf to SIGINT, and steps would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Read by tests: where the frozen build and the real binary are.
_FOR_TESTS = ("EDGE_FROZEN", "EDGE_DAGU_BINARY")

#: The tree that is under test.
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the caller's EDGE_* and DAGU_* away: a developer's own home must not be touched."""
    for name in list(os.environ):
        if name.startswith(("EDGE_", "DAGU_")) and name not in _FOR_TESTS:
            monkeypatch.delenv(name)


@pytest.fixture
def root() -> Path:
    """The repository's top directory."""
    return ROOT


@pytest.fixture
def frozen_edge() -> Path:
    """The frozen binary named by EDGE_FROZEN; the test is skipped where none is named."""
    named = os.environ.get("EDGE_FROZEN")
    if not named:
        pytest.skip("EDGE_FROZEN does not name a frozen build (python pyinstaller/build.py)")
    path = Path(named).resolve()
    assert path.is_file(), f"EDGE_FROZEN: {path} is not there"
    return path
