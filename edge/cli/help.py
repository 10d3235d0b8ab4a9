"""Usage texts, made from the tables that the parser uses."""

from __future__ import annotations

from edge.cli.flags import BASE_FLAGS, Command, Flag
from edge.cli.main import COMMANDS

__all__ = ["overview", "usage"]


def overview() -> str:
    """Return the text of `edge --help`."""
    width = max(map(len, COMMANDS))
    rows = "".join(f"  {name:<{width}}  {text}\n" for name, (_, text) in COMMANDS.items())
    return (
        "edge runs declarative workflows (DAGs in YAML) on small machines.\n\n"
        "Usage:\n  edge <command> [arguments] [flags]\n\n"
        f"Commands:\n{rows}\n"
        "`edge <command> --help` tells more about one of them.\n"
    )


def usage(command: Command) -> str:
    """Return the text of `edge <command> --help`."""
    pattern = f"edge {command.name} {command.usage}".rstrip()
    text = f"{command.help}\n\nUsage:\n  {pattern} [flags]\n\n"
    own = [flag for flag in command.flags if not flag.hidden]
    if own:
        text += "Flags:\n" + _rows(own) + "\n"
    return text + "Global flags:\n" + _rows([flag for flag in BASE_FLAGS if not flag.hidden])


def _rows(flags: list[Flag]) -> str:
    names = []
    for flag in flags:
        short = f"-{flag.short}, " if flag.short else "    "
        value = "" if flag.kind == "bool" else " string"
        names.append(f"  {short}--{flag.name}{value}")
    width = max(map(len, names))
    return "".join(
        f"{name:<{width}}   {flag.help}{' (required)' if flag.required else ''}\n"
        for name, flag in zip(names, flags, strict=True)
    )
