"""Addresses of coordinators: spec 20 section 15.1."""

from __future__ import annotations

import pytest

from edge.cluster.addresses import default_worker_id, parse_address, usable_addresses


def test_usable() -> None:
    usable, warnings = usable_addresses(
        ["hub:50055", " [::1]:1 ", "", "foo", "a:0", "a:70000", "a:x", "::1:5", "hub:50055"]
    )
    assert usable == ["hub:50055", "[::1]:1"]
    assert warnings == [
        'Invalid coordinator address "foo": address foo: missing port in address',
        'Invalid coordinator address "a:0": port must be between 1 and 65535',
        'Invalid coordinator address "a:70000": port must be between 1 and 65535',
        'Invalid coordinator address "a:x": port must be between 1 and 65535',
        'Invalid coordinator address "::1:5": address ::1:5: missing port in address',
    ]


def test_parts() -> None:
    assert parse_address("[fe80::1]:50055") == ("fe80::1", 50055)
    with pytest.raises(ValueError, match="missing port"):
        parse_address(":5")


def test_worker_ids() -> None:
    assert default_worker_id("pi", 77) == "pi@77"
    assert default_worker_id("", 77) == "unknown@77"
