"""`edge example`: the sample workflows that ship inside edge."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError

__all__ = ["command", "run", "samples"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "[number] | --write [directory]",
        "List the sample workflows, print one, or write them to the workflow directory.",
        (Flag("write", "", "bool", "write the files; existing ones are left alone"),),
        0,
        1,
    )


def samples() -> list[tuple[str, str]]:
    """Return (file name, text) of every sample, by name."""
    folder = resources.files("edge").joinpath("samples")
    return sorted(
        (item.name, item.read_text(encoding="utf-8"))
        for item in folder.iterdir()
        if item.name.endswith(".yaml")
    )


def run(parsed: Parsed) -> int:
    """List, print or write."""
    found = samples()
    if parsed.flag("write"):
        return _write(parsed, found)
    if not parsed.positionals:
        for number, (name, text) in enumerate(found, 1):
            print(f"{number:2}  {name.removesuffix('.yaml'):<24} {_about(text)}")
        print("\n`edge example N` prints one, `edge example --write` puts all into the workflow")
        print("directory, where `edge start-all` shows them.")
        return 0
    word = parsed.positionals[0]
    if not word.isdigit():
        raise UserError(f'invalid example ID "{word}": must be a number between 1 and {len(found)}')
    number = int(word)
    if not 1 <= number <= len(found):
        raise UserError(f'invalid example ID "{word}": must be between 1 and {len(found)}')
    name, text = found[number - 1]
    print(f"# {name}\n# edge example --write puts it into the workflow directory\n{text}", end="")
    return 0


def _write(parsed: Parsed, found: list[tuple[str, str]]) -> int:
    from edge.config.home import prepare_home

    settings = parsed.settings()
    if parsed.positionals:
        folder = Path(parsed.positionals[0]).absolute()
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    else:
        prepare_home(settings)
        folder = settings.paths.dags_dir
    for name, text in found:
        path = folder / name
        try:
            with open(path, "x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError:
            print(f"kept     {path} (it exists)")
        else:
            print(f"written  {path}")
    return 0


def _about(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("description:"):
            return line.removeprefix("description:").strip().strip("\"'")
    return ""
