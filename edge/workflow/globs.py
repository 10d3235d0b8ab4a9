"""Globs over slash paths: `*` stays inside a part, `**` crosses parts (spec 13 sections 8 and 9).

Also `?`, `[a-z]`, `[!a]`, `{a,b}` and backslash escapes. Matching is linear in pattern times path,
whatever the pattern: no translation to regular expressions, which can be made to hang. Pure.
"""

from __future__ import annotations

__all__ = ["Glob"]

_MAX_ALTERNATIVES = 256
_ANY = ""


class Glob:
    """A compiled pattern. Raises (constructor): ValueError for a pattern that cannot be read."""

    def __init__(self, pattern: str) -> None:
        self._forms = [_parts(text) for text in _alternatives(pattern)]

    def matches(self, path: str) -> bool:
        """Return whether the whole path matches."""
        names = path.split("/")
        return any(_match_parts(form, names) for form in self._forms)


def _alternatives(pattern: str) -> list[str]:
    """Return the pattern once for each choice of its braces."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        text = waiting.pop()
        found = _first_braces(text)
        if found is None:
            done.append(text)
        else:
            start, end, choices = found
            waiting.extend(text[:start] + choice + text[end:] for choice in choices)
        if len(done) + len(waiting) > _MAX_ALTERNATIVES:
            raise ValueError("too many alternatives")
    return done


def _first_braces(text: str) -> tuple[int, int, list[str]] | None:
    """Return place and choices of the first braces. Raises: ValueError when they do not close."""
    start, depth, at, cuts = -1, 0, 0, [0]
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "[" and "]" in text[at + 2 :]:
            at = text.index("]", at + 2)
        elif char == "{":
            if depth == 0:
                start, cuts = at, [at + 1]
            depth += 1
        elif char == "," and depth == 1:
            cuts.append(at + 1)
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                ends = [*(cut - 1 for cut in cuts[1:]), at]
                return start, at + 1, [text[a:b] for a, b in zip(cuts, ends, strict=True)]
        at += 1
    if depth:
        raise ValueError("unclosed braces")
    return None


def _parts(text: str) -> list[list[object]]:
    """Return the items of each part; `**` is a part of its own, given as an empty list."""
    return [[] if part == "**" else _items(part) for part in _split(text)]


def _split(text: str) -> list[str]:
    """Split at slashes that are not inside a set."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "[" and "]" in text[at + 2 :]:
            at = text.index("]", at + 2)
        elif text[at] == "/":
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _items(part: str) -> list[object]:
    items: list[object] = []
    at = 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            if not items or items[-1] != _ANY:
                items.append(_ANY)
        elif char == "?":
            items.append(None)
        elif char == "[":
            item, at = _set(part, at)
            items.append(item)
        elif char == "\\":
            if at == len(part):
                raise ValueError("a backslash at the end")
            items.append(part[at])
            at += 1
        else:
            items.append(char)
    # an empty name has no items, and must not read as `**`
    return items or [()]


def _set(part: str, at: int) -> tuple[tuple[bool, tuple[tuple[str, str], ...]], int]:
    negated = part[at : at + 1] in ("!", "^")
    at += negated
    ranges: list[tuple[str, str]] = []
    while at < len(part) and (part[at] != "]" or not ranges):
        at += part[at] == "\\"
        low = part[at : at + 1]
        at += 1
        high = low
        if part[at : at + 1] == "-" and part[at + 1 : at + 2] not in ("", "]"):
            high = part[at + 1]
            at += 2
        if not low or low > high:
            raise ValueError("a bad range")
        ranges.append((low, high))
    if at >= len(part):
        raise ValueError("an unclosed set")
    return (negated, tuple(ranges)), at + 1


def _match_parts(form: list[list[object]], names: list[str]) -> bool:
    # reached: how many names the parts so far can have taken
    reached = {0}
    for part in form:
        if not part:
            reached = set(range(min(reached), len(names) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(names) and _match(part, names[n])}
        if not reached:
            return False
    return len(names) in reached


def _match(items: list[object], name: str) -> bool:
    """Match one part; after a failure only the last `*` takes one character more."""
    if items == [()]:
        return not name
    at = item = 0
    star = mark = -1
    while at < len(name):
        if item < len(items) and items[item] == _ANY:
            star, mark = item, at
            item += 1
        elif item < len(items) and _is_one(items[item], name[at]):
            item += 1
            at += 1
        elif star >= 0:
            mark += 1
            item, at = star + 1, mark
        else:
            return False
    return all(rest == _ANY for rest in items[item:])


def _is_one(item: object, char: str) -> bool:
    if isinstance(item, tuple):
        negated, ranges = item
        return bool(negated) != any(low <= char <= high for low, high in ranges)
    return item is None or item == char
