"""Old forms of a step and what they are now: the table of spec 10 section 13.3."""

from __future__ import annotations

import json
from collections.abc import Collection

from yaml.nodes import MappingNode, SequenceNode

from edge.workflow.dialect_keys import EXECUTORS, snake
from edge.workflow.migrate_source import Piece, Source, nested, plain, render
from edge.workflow.yaml_writer import scalar_source

__all__ = ["Left", "StepForm"]

#: executor -> where its `command` goes in `with`, and its action
_BY_COMMAND = {
    "ssh": ("command", "ssh.run"),
    "docker": ("command", "docker.run"),
    "container": ("command", "container.run"),
    "k8s": ("command", "k8s.run"),
    "kubernetes": ("command", "kubernetes.run"),
    "jq": ("filter", "jq.filter"),
    "postgres": ("query", "postgres.query"),
    "sqlite": ("query", "sqlite.query"),
    "harness": ("prompt", "harness.run"),
}
#: executor -> where its `script` goes
_BY_SCRIPT = {
    "jq": "data",
    "postgres": "query",
    "sqlite": "query",
    "template": "template",
    "harness": "stdin",
}
#: the first word of `command` is the operation
_OPERATIONS = frozenset("archive s3 file artifact state data wait git outputs".split())
_WHOLE = {"mail": "mail.send", "log": "log.write", "noop": "noop", "template": "template.render"}
_LOCAL = frozenset(("", "command", "shell"))
_CALLS = frozenset(("dag", "subworkflow", "parallel", "dag_enqueue"))
_SHELL = ("shell", "shell_args", "shell_packages")
#: keys that a plain command step ignores (section 13.3)
_IGNORED = ("params", "value", "routes", "llm", "config")
_EXECUTION = frozenset(
    ("command", "script", "exec", "executor", "type", "config", "call", "messages", *_SHELL)
)


class Left(Exception):
    """An old form that has no new one; the text says which and why."""


class StepForm:
    """One step mapping, as pieces; `convert` turns its execution form into the new one."""

    def __init__(
        self, source: Source, node: MappingNode, *, is_v1: bool, custom: Collection[str] = ()
    ) -> None:
        self._source = source
        self._flow = bool(node.flow_style)
        self._is_v1 = is_v1
        self._custom = custom
        self.column = node.value[0][0].start_mark.column
        self.pieces = source.pieces(node)
        self.notes: list[str] = []

    def has(self, key: str) -> bool:
        return any(piece.key == key for piece in self.pieces)

    @property
    def is_old(self) -> bool:
        """Tell whether the execution form is an old one."""
        return any(piece.key in _EXECUTION for piece in self.pieces)

    def text(self) -> str:
        return render(self.pieces, self.column, flow=self._flow)

    def convert(self) -> None:
        """Rewrite the pieces. Raises: Left."""
        self._open_executor()
        kind = self._kind()
        if self.has("run") or self.has("action"):
            raise Left("run and action cannot be used together with old execution keys")
        if self.has("exec"):
            self._drop("type")
            self._rename("exec", "with")
            self._before("with", "action", "exec")
        elif self.has("call") or kind in _CALLS:
            self._call(kind)
        elif kind == "router":
            self._with("router.route", {"value": "value", "routes": "routes"})
        elif kind in _LOCAL:
            self._local()
        elif kind in self._custom:
            self._with(kind, {})
        else:
            self._builtin(kind)

    # -- forms

    def _local(self) -> None:
        self._drop("type")
        command, script = self._given("command"), self._given("script")
        if command is not None and script is not None:
            raise Left("command together with script has no new form")
        if self.has("with") or self.has("config"):
            raise Left("with on a plain command has no new form")
        for key in _IGNORED:
            if self._drop(key):
                self.notes.append(f"{key} was ignored here and is left out")
        shells = [piece for piece in self.pieces if piece.key in _SHELL]
        if command is not None:
            self._drop("script")
            command.key = "run"
        elif script is not None:
            self._drop("command")
            script.key = "run"
            self._as_script(script)
        elif self.has("messages"):
            self._chat()
            return
        else:
            raise Left("a step without command or script has no new form")
        if shells:
            self._move(shells, "run")

    def _as_script(self, piece: Piece) -> None:
        """Keep a script a script: a text with a newline, trimmed as the old form was."""
        text = plain(piece.node)
        if not isinstance(text, str):
            return
        body = text.strip()
        style = getattr(piece.node, "style", None)
        if style in ("|", ">") and body == text.rstrip():
            if "\n" in text:
                return
        if self._flow:
            piece.value = " " + scalar_source(body + "\n")
        else:
            pad = "\n" + " " * (self.column + 2)
            # an own indentation indicator keeps blanks at the start of a line
            piece.value = " |" + pad + pad.join(body.split("\n"))
            piece.node = None

    def _call(self, kind: str) -> None:
        call = self._given("call")
        if call is None:
            raise Left(f"type {kind} without call has no new form")
        if self._given("command") is not None or self._given("script") is not None:
            raise Left("call together with command or script has no new form")
        self._drop("command")
        self._drop("script")
        action = "dag.enqueue" if kind == "dag_enqueue" else "dag.run"
        self._with(action, {"call": "dag", "params": "params"})

    def _builtin(self, kind: str) -> None:
        command, script = self._given("command"), self._given("script")
        if command is None:
            self._drop("command")
        if script is None:
            self._drop("script")
        if any(self.has(key) for key in _SHELL):
            raise Left(f"a shell of type {kind} has no new form")
        if kind == "http":
            self._http(command, script)
        elif kind == "sftp":
            self._sftp()
        elif kind == "redis":
            self._redis(command, script)
        elif kind == "chat":
            self._chat()
        elif kind in _OPERATIONS:
            self._operation(kind, command, script)
        elif kind in _BY_COMMAND:
            self._by_command(kind, command, script)
        elif kind in _WHOLE:
            if command is not None or (script is not None and kind not in _BY_SCRIPT):
                raise Left(f"command or script of type {kind} has no new form")
            self._with(_WHOLE[kind], {"script": _BY_SCRIPT.get(kind, "")})
        else:
            raise Left(f"type {kind} has no new form")

    def _by_command(self, kind: str, command: Piece | None, script: Piece | None) -> None:
        target, action = _BY_COMMAND[kind]
        moved = {"command": target}
        if script is not None:
            if kind not in _BY_SCRIPT or (_BY_SCRIPT[kind] == target and command is not None):
                raise Left(f"script of type {kind} has no new form")
            moved["script"] = _BY_SCRIPT[kind]
        if kind in ("postgres", "sqlite") and command is None and script is None:
            action = f"{kind}.import"
        self._with(action, moved)

    def _operation(self, kind: str, command: Piece | None, script: Piece | None) -> None:
        word = plain(command.node) if command is not None else None
        if script is not None or not isinstance(word, str) or len(word.split()) != 1:
            raise Left(f"type {kind} without a single operation as command has no new form")
        self._drop("command")
        self._with(f"{kind}.{word.strip()}", {})

    def _http(self, command: Piece | None, script: Piece | None) -> None:
        extra: list[Piece] = []
        if command is not None:
            words = plain(command.node)
            parts = words.split(None, 1) if isinstance(words, str) else []
            if len(parts) != 2:
                raise Left("an http command that is not METHOD URL has no new form")
            extra = [_new("method", parts[0]), _new("url", parts[1].strip())]
            self._drop("command")
        if script is not None:
            try:
                config = json.loads(str(plain(script.node)))
            except ValueError:
                config = None
            if not isinstance(config, dict):
                raise Left("an http script that is not a JSON object has no new form")
            self._drop("script")
            self._drop("with")
            self._drop("config")
            for key, value in config.items():
                written = json.dumps(value, ensure_ascii=False)
                extra.append(Piece(scalar_source(key), f" {written}"))
        self._with("http.request", {}, extra)

    def _sftp(self) -> None:
        options = self._options()
        found = [piece for piece in options if piece.key == "direction"]
        way = plain(found[0].node) if found else "upload"
        if way not in ("upload", "download"):
            raise Left("an sftp direction that is not upload or download has no new form")
        self._with(f"sftp.{way}", {}, without="direction")

    def _redis(self, command: Piece | None, script: Piece | None) -> None:
        found = [piece for piece in self._options() if piece.key == "command"]
        word = plain(found[0].node) if found else None
        if command is not None or script is not None or not isinstance(word, str):
            raise Left("a redis step without with.command has no new form")
        self._with(f"redis.{word.strip().lower()}", {}, without="command")

    def _chat(self) -> None:
        llm = self._given("llm")
        extra: list[Piece] = []
        if llm is not None:
            if not isinstance(llm.node, MappingNode):
                raise Left("llm that is no mapping has no new form")
            extra = self._source.pieces(llm.node)
            self._drop("llm")
        self._with("chat.completion", {"messages": "messages"}, extra)

    # -- moves

    def _open_executor(self) -> None:
        """Put `type` and `config` in the place of `executor`."""
        at = next((i for i, piece in enumerate(self.pieces) if piece.key == "executor"), None)
        if at is None:
            return
        piece = self.pieces[at]
        parts: list[Piece] = []
        if isinstance(piece.node, MappingNode):
            parts = self._source.pieces(piece.node)
        elif plain(piece.node):
            parts = [Piece("type", piece.value, piece.node, column=piece.column)]
        if parts:
            parts[0].lead = piece.lead
        self.pieces[at : at + 1] = parts

    def _kind(self) -> str:
        piece = next((piece for piece in self.pieces if piece.key == "type"), None)
        value = plain(piece.node) if piece is not None else ""
        return value.strip() if isinstance(value, str) else ""

    def _given(self, key: str) -> Piece | None:
        """Return a piece that is not null or blank."""
        piece = next((piece for piece in self.pieces if piece.key == key), None)
        if piece is None or isinstance(piece.node, (MappingNode, SequenceNode)):
            return piece
        value = plain(piece.node)
        is_blank = value is None or (isinstance(value, str) and not value.strip())
        return None if is_blank else piece

    def _options(self) -> list[Piece]:
        """Return the entries of `with` or `config`; an alias becomes a merge key."""
        for piece in self.pieces:
            if piece.key in ("with", "config") and isinstance(piece.node, MappingNode):
                if piece.value.lstrip().startswith("*"):
                    return [Piece("<<", piece.value)]
                return self._source.pieces(piece.node) if piece.node.value else []
        return []

    def _with(
        self,
        action: str,
        moved: dict[str, str],
        extra: Collection[Piece] = (),
        *,
        without: str = "",
    ) -> None:
        """Write `action`, and `with` from the options, the moved keys and what is new."""
        is_builtin = action.partition(".")[0] in EXECUTORS
        inner: list[Piece] = []
        for key, new in moved.items():
            piece = self._given(key)
            if piece is not None and new:
                inner.append(_renamed(_trimmed(piece) if key == "script" else piece, new))
        for piece in self._options():
            if piece.key != without:
                key = snake(piece.key) if self._is_v1 and is_builtin else piece.key
                inner.append(_renamed(piece, key))
        inner += extra
        gone = {"type", "with", "config", *moved}
        old = [piece for piece in self.pieces if piece.key in gone]
        at = self.pieces.index(old[0]) if old else len(self.pieces)
        written = [_new("action", action, column=self.column)]
        written[0].lead = "".join(piece.lead for piece in old if piece.key not in moved)
        if inner:
            written.append(nested("with", inner, self.column, flow=self._flow))
        self.pieces = [piece for piece in self.pieces if piece.key not in gone]
        self.pieces[at:at] = written

    def _move(self, pieces: list[Piece], after: str) -> None:
        """Put pieces under `with`, behind another key."""
        self.pieces = [piece for piece in self.pieces if piece not in pieces]
        at = next(i for i, piece in enumerate(self.pieces) if piece.key == after)
        self.pieces.insert(at + 1, nested("with", pieces, self.column, flow=self._flow))

    def _drop(self, key: str) -> bool:
        before = len(self.pieces)
        self.pieces = [piece for piece in self.pieces if piece.key != key]
        return len(self.pieces) != before

    def _rename(self, old: str, new: str) -> None:
        for piece in self.pieces:
            if piece.key == old:
                piece.key = new

    def _before(self, key: str, new: str, value: str) -> None:
        at = next(i for i, piece in enumerate(self.pieces) if piece.key == key)
        piece = _new(new, value, column=self.column)
        piece.lead, self.pieces[at].lead = self.pieces[at].lead, ""
        self.pieces.insert(at, piece)


def _new(key: str, value: str, *, column: int = 0) -> Piece:
    return Piece(key, f" {scalar_source(value)}", column=column)


def _trimmed(piece: Piece) -> Piece:
    """Return a script without the blanks around it, which the old form did not keep."""
    text = plain(piece.node)
    if not isinstance(text, str) or text == text.strip():
        return piece
    head, _, body = piece.value.partition("\n")
    if head.strip() in ("|", ">") and text.rstrip("\n") == text.strip():
        return Piece(
            piece.key, f"{head}-\n{body}", piece.node, lead=piece.lead, column=piece.column
        )
    return Piece(piece.key, f" {scalar_source(text.strip())}", piece.node, lead=piece.lead)


def _renamed(piece: Piece, key: str) -> Piece:
    return Piece(key, piece.value, piece.node, lead=piece.lead, column=piece.column)
