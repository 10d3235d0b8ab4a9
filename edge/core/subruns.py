"""Child runs as the record of their parent's node names them (spec 12 section 17, `Sub`)."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["StatusDetail", "SubRun", "read_details", "read_sub_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubRun:
    """One child run; empty members are left out of the record."""

    run_id: str
    name: str = ""
    #: as the caller gave them: `K="v"`
    params: str = ""
    #: the item of a fan-out; a map as JSON
    item: str = ""

    def to_json(self) -> JsonObject:
        """Return the `Sub` object."""
        members: JsonObject = {
            "dagRunId": self.run_id,
            "params": self.params,
            "parallelItem": self.item,
            "dagName": self.name,
        }
        return {key: value for key, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class StatusDetail:
    """One line of `statusDetails`: a child run, or an item, and the number of its status."""

    label: str
    status: int

    def to_json(self) -> JsonObject:
        """Return the object of the record."""
        return {"label": self.label, "status": self.status}


def read_sub_runs(value: JsonValue) -> tuple[SubRun, ...]:
    """Read a list of `Sub`. Raises: ValueError naming the member that has the wrong type."""
    return tuple(
        SubRun(
            run_id=_text(item, "dagRunId"),
            name=_text(item, "dagName"),
            params=_text(item, "params"),
            item=_text(item, "parallelItem"),
        )
        for item in _objects(value, "children")
    )


def read_details(value: JsonValue) -> tuple[StatusDetail, ...]:
    """Read `statusDetails`. Raises: ValueError."""
    found = []
    for item in _objects(value, "statusDetails"):
        status = item.get("status", 0)
        if isinstance(status, bool) or not isinstance(status, int):
            raise ValueError("statusDetails: expected an integer")
        found.append(StatusDetail(_text(item, "label"), status))
    return tuple(found)


def _objects(value: JsonValue, name: str) -> list[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list, got {type(value).__name__}")
    found = []
    for item in value:
        if not isinstance(item, dict):
            raise ValueError(f"{name}: expected an object, got {type(item).__name__}")
        found.append(item)
    return found


def _text(item: JsonObject, name: str) -> str:
    value = item.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a string, got {type(value).__name__}")
    return value
