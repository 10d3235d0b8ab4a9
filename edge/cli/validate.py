"""`edge validate`: check a workflow file; runs nothing (spec 10 section 14)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.workflow.model import DAG
    from edge.workflow.problems import Notice, ValidationReport

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG definition>",
        "Check a workflow file. Prints nothing when it is valid.",
        (
            Flag("show-unresolved", "", "bool", "also references that only a run can resolve"),
            Flag("json", "", "bool", "findings as JSON on stdout"),
            Flag("managed", "", "bool", "also the rules of a managed server", hidden=True),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Return 0 for a valid file, 1 for a faulty one."""
    from edge.config.dagfiles import read_text, resolve_dag_file

    settings = parsed.settings()
    argument = parsed.positionals[0]
    path = resolve_dag_file(argument, settings)
    as_json = parsed.flag("json")
    try:
        text = read_text(path)
    except UserError as exc:
        if as_json:
            _print_json([_finding(path, 0, 0, "", "error", exc.message)])
        else:
            _print_failure(argument, [exc.message])
        return 1
    shown, report = _verdict(parsed, settings, path, text)
    if as_json:
        _print_json(_findings(path, report, parsed))
    elif report.errors:
        places = [f"{path}:{item}" for item in report.errors if item.line]
        _print_failure(shown, [*report.bullets], places)
    else:
        _log(argument, report, parsed)
    return 1 if report.errors else 0


def _verdict(
    parsed: Parsed, settings: Settings, path: Path, text: str
) -> tuple[str, ValidationReport]:
    """Return the name to show and the verdict.

    A file that is named by its path is checked raw first, one found by name after loading.
    """
    from edge.config.dagfiles import load_options, read_base
    from edge.workflow.load import load_dag, validate_text

    argument = parsed.positionals[0]
    by_name = not Path(argument).exists()
    base, options = read_base(settings), load_options(settings)

    def check(*, raw: bool) -> ValidationReport:
        return validate_text(
            text,
            source_file=str(path),
            base_text=base,
            default_name=path.stem,
            raw_checks=raw,
            options=options,
        )

    shown = argument
    if by_name:
        report = check(raw=False)
        if report.errors:
            return shown, report
        shown = str(path)
    report = check(raw=True)
    if report.errors:
        return shown, report
    if parsed.flag("managed"):
        dag = load_dag(
            text,
            source_file=str(path),
            base_text=base,
            default_name=path.stem,
            options=options,
        )
        report = _with_boundary(report, dag, settings)
    return shown, report


def _with_boundary(report: ValidationReport, dag: DAG, settings: Settings) -> ValidationReport:
    """Add what a managed server would not run (spec 40 section 7)."""
    from dataclasses import replace

    from edge.workflow.managed import Boundary, blocked
    from edge.workflow.problems import Problem

    paths = settings.paths
    folders = (paths.dags_dir, paths.work_dir, paths.log_dir, paths.artifact_dir)
    boundary = Boundary(
        folders=[str(folder) for folder in folders],
        credentials=os.environ.get("CREDENTIALS_DIRECTORY", ""),
        shell=settings.default_shell or os.environ.get("SHELL") or "sh",
    )
    found = blocked(dag, boundary)
    problems = tuple(Problem(step.line, 1, "", text) for step, text in found)
    return replace(report, errors=problems, bullets=tuple(text for _, text in found))


def _log(argument: str, report: ValidationReport, parsed: Parsed) -> None:
    from edge.config.log import get_logger

    log = get_logger().bind(file=argument)
    for warning in report.warnings:
        log.warning(warning)
    for notice in _shown(report.notices, parsed):
        reason = {"reason": notice.reason} if notice.reason else {}
        tell = log.warning if notice.kind == "defect" else log.info
        tell(notice.message, **reason)


def _findings(path: Path, report: ValidationReport, parsed: Parsed) -> list[dict[str, str | int]]:
    findings = [
        _finding(path, item.line, item.column, item.field, "error", item.message)
        for item in report.errors
    ]
    findings += [_finding(path, 0, 0, "", "warning", text) for text in report.warnings]
    findings += [
        _finding(path, item.line, item.column, item.field, "notice", item.message)
        for item in _shown(report.notices, parsed)
    ]
    return findings


def _shown(notices: Iterable[Notice], parsed: Parsed) -> list[Notice]:
    """Leave out what only a run can resolve, unless it is asked for."""
    everything = parsed.flag("show-unresolved")
    return [notice for notice in notices if everything or notice.kind == "defect"]


def _print_failure(shown: str, bullets: list[str], places: list[str] | None = None) -> None:
    print(f"Error: Validation failed for {shown}", file=sys.stderr)
    for bullet in bullets:
        print("- " + bullet.replace("\n", "\n  "), file=sys.stderr)
    for place in places or ():
        print(f"  {place}", file=sys.stderr)


def _finding(
    path: Path, line: int, column: int, field: str, severity: str, message: str
) -> dict[str, str | int]:
    return {
        "file": str(path),
        "line": line,
        "column": column,
        "field": field,
        "severity": severity,
        "message": message,
    }


def _print_json(findings: list[dict[str, str | int]]) -> None:
    print(json.dumps(findings, indent=2, ensure_ascii=False))
