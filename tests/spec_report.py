"""Which sections of `docs/spec` have tests, and which have none.

    python -m tests.spec_report                 one line a section
    python -m tests.spec_report --cases         with the number of collected test cases (slower)
    python -m tests.spec_report 10 11 --tests   names the tests of two chapters

A test cites a section as `spec 10 section 7.3` or `spec 11 sections 7.2 and 7.4`: in its docstring,
a comment, its decorators, a table that it uses, or the docstring of its module. Sections tagged
[later], headings without rules of their own and those that only tell of the reference need none.
Ends with 1 when a section of a chapter in `REQUIRED` has no test.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "docs" / "spec"
TESTS = ROOT / "tests"
#: chapters whose every section must have a test
REQUIRED = ("10", "11")
#: section -> why it needs no test of its own
EXEMPT: dict[tuple[str, str], str] = {}

_HEADING = re.compile(r"^(#{2,3}) (\d+(?:\.\d+)*)\.? +(.*)$")
_CITED = re.compile(
    r"\bspec (\d\d)((?:,? +(?:sections?|and|to|or)? *\d+(?:\.\d+)*(?![\d]))+)", re.IGNORECASE
)
_NUMBER = re.compile(r"(to +)?(\d+(?:\.\d+)*)")


@dataclass
class Section:
    """One heading with its own lines, up to the next heading."""

    chapter: str
    number: str
    title: str
    lines: list[str] = field(default_factory=list)
    tests: set[str] = field(default_factory=set)

    @property
    def is_later(self) -> bool:
        return "[later]" in self.title and "[core]" not in self.title

    @property
    def rule_rows(self) -> int:
        """Return the number of table rows, without heads and rulers."""
        tables = [line.startswith("|") for line in self.lines]
        heads = sum(
            is_row and not before for is_row, before in zip(tables, [False, *tables], strict=False)
        )
        return max(0, sum(tables) - 2 * heads)

    @property
    def has_rules(self) -> bool:
        return any(line.strip() for line in self.lines)


def read_sections(folder: Path = SPEC) -> list[Section]:
    """Return the sections of every chapter, in order."""
    found: list[Section] = []
    for path in sorted(folder.glob("[0-9][0-9]-*.md")):
        chapter = path.name[:2]
        fenced = False
        current: Section | None = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("```"):
                fenced = not fenced
            heading = None if fenced else _HEADING.match(line)
            if heading is not None:
                current = Section(chapter, heading[2], heading[3])
                found.append(current)
            elif current is not None and not (not fenced and line.startswith("#")):
                current.lines.append(line)
    return found


def cited(text: str) -> set[tuple[str, str]]:
    """Return the (chapter, section) pairs that a text names.

    `sections 1 to 3` names the three; a whole chapter is named by no one.
    """
    found: set[tuple[str, str]] = set()
    joined = re.sub(r"\s*\n\s*(?:#\s*)?", " ", text)
    for match in _CITED.finditer(joined):
        last = ""
        for is_range, number in _NUMBER.findall(match[2]):
            if is_range and last.isdigit() and number.isdigit():
                found.update((match[1], str(n)) for n in range(int(last), int(number) + 1))
            found.add((match[1], number))
            last = number
    return found


def read_citations(folder: Path = TESTS) -> dict[tuple[str, str], set[str]]:
    """Return for each cited section the tests that cite it, as `path::name`."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        for name, text in _tests(source):
            for key in cited(text):
                found.setdefault(key, set()).add(f"{path.relative_to(ROOT)}::{name}")
    return found


def _tests(source: str) -> Iterator[tuple[str, str]]:
    """Yield each test function's name and every text that speaks for it."""
    tree = ast.parse(source)
    lines = source.splitlines()
    general = ast.get_docstring(tree) or ""
    tables = {
        target.id: _segment(node, lines)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("test"):
            continue
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        used = [tables[name] for name in sorted(names & set(tables))]
        yield node.name, "\n".join([general, _segment(node, lines), *used])


def _segment(node: ast.stmt, lines: list[str]) -> str:
    """Return the source of a statement with its decorators and the comment above."""
    start = node.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        start = node.decorator_list[0].lineno
    while start > 1 and lines[start - 2].lstrip().startswith("#"):
        start -= 1
    return "\n".join(lines[start - 1 : node.end_lineno])


def with_tests() -> list[Section]:
    """Return the sections with their tests. A test of `7.3` does not count for `7`."""
    citations = read_citations()
    sections = read_sections()
    for section in sections:
        section.tests = citations.get((section.chapter, section.number), set())
    return sections


def needs_test(section: Section) -> bool:
    """Tell whether a section must have one."""
    if section.chapter not in REQUIRED or section.is_later or not section.has_rules:
        return False
    return (section.chapter, section.number) not in EXEMPT


def unknown_citations() -> list[str]:
    """Return citations of what a required chapter has not: `path::name: spec 10 section 77`."""
    known = {(section.chapter, section.number) for section in read_sections()}
    return sorted(
        f"{test}: spec {chapter} section {number}"
        for (chapter, number), tests in read_citations().items()
        if chapter in REQUIRED and (chapter, number) not in known
        for test in tests
    )


def _cases() -> Counter[str]:
    """Return test -> number of its cases, as pytest collects them."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", str(TESTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Counter(
        line.partition("[")[0]
        for line in done.stdout.splitlines()
        if re.match(r"tests/\S+::", line)
    )


def main(argv: list[str] | None = None) -> int:
    """Print the report; return 1 when a required section has no test."""
    parser = argparse.ArgumentParser(prog="python -m tests.spec_report", description=__doc__)
    parser.add_argument("chapters", nargs="*", help="two digits each; all if none is given")
    parser.add_argument("--cases", action="store_true", help="count the cases of the tests")
    parser.add_argument("--tests", action="store_true", help="name the tests")
    options = parser.parse_args(argv)
    cases = _cases() if options.cases else None
    missing = 0
    print("section       rows tests" + (" cases" if cases is not None else "") + "  title")
    for section in with_tests():
        if options.chapters and section.chapter not in options.chapters:
            continue
        lacks = needs_test(section) and not section.tests
        missing += lacks
        note = "" if section.tests or not section.has_rules else "  (no test)"
        if lacks:
            note = "  NO TEST"
        count = "" if cases is None else f" {sum(cases[test] for test in section.tests):5}"
        print(
            f"{section.chapter} {section.number:<9} {section.rule_rows:5} {len(section.tests):5}"
            f"{count}  {section.title}{note}"
        )
        if options.tests:
            for test in sorted(section.tests):
                print(f"    {test}")
    if missing:
        print(f"{missing} sections of chapters {' and '.join(REQUIRED)} have no test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
