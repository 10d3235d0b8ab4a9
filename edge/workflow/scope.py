"""What value references can see: an immutable chain of named values, and views of other steps.

The engine fills a scope; `values.resolve` reads it (spec 11 sections 7.1, 8 and 13). Nothing here
evaluates a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum

from edge.core.jsontypes import JsonValue

__all__ = ["Scope", "Source", "StepView"]


class Source(StrEnum):
    """Where a value of the scope comes from."""

    PROCESS = "process"
    PROFILE = "profile"
    PARAM = "param"
    MANAGED = "managed"
    DAG_ENV = "dag_env"
    DOTENV = "dotenv"
    OUTPUT = "output"
    SECRET = "secret"
    STEP_ENV = "step_env"


def _no_path() -> str | None:
    return None


#: parameters, root environment and secrets: a child gets nothing of a single step
_INHERITED = (Source.PROFILE, Source.PARAM, Source.DAG_ENV, Source.DOTENV, Source.SECRET)


class StepView:
    """One step as other texts see it (spec 11 sections 8.2 and 8.6).

    `stdout` and `stderr` return the path of the log file and may create it; None = the step has
    none. `output` is what mechanism B or C gave (a structured output as JSON text), `declared` the
    outputs of mechanism A and `published` those of D; each None when there are none.
    """

    __slots__ = ("declared", "exit_code", "output", "published", "stderr", "stdout")

    def __init__(
        self,
        *,
        stdout: Callable[[], str | None] = _no_path,
        stderr: Callable[[], str | None] = _no_path,
        exit_code: int = 0,
        output: str | None = None,
        declared: Mapping[str, str] | None = None,
        published: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.exit_code = exit_code
        self.output = output
        self.declared = declared
        self.published = published


class _Declared(Mapping[str, Mapping[str, str]]):
    """The declared outputs of steps, each looked up when a reference names it."""

    def __init__(self, steps: Mapping[str, StepView]) -> None:
        self._steps = steps

    def __getitem__(self, name: str) -> Mapping[str, str]:
        declared = self._steps[name].declared
        if declared is None:
            raise KeyError(name)
        return declared

    def __iter__(self) -> Iterator[str]:
        return (name for name, view in self._steps.items() if view.declared is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Scope:
    """What references can see; the innermost value of a name wins.

    `consts`, `params` and `context` are what `${consts.x}`, `${params.x}` and `${context.a.b}` read
    (`params` holds positional ones too, under "1", "2", ...); `payload` is `${params}`; `host` is
    the engine's own whole environment, the last resort where a field may read it. `steps` holds the
    visible steps by id and `declared` the outputs that `${steps.<id>.outputs.<name>}` may read;
    `foreach` what `${foreach...}` reads: `index`, `key`, the item's name, and `<name>.<field>`.
    `warn` takes the warnings for the run's log.
    """

    __slots__ = (
        "_pairs",
        "_parent",
        "_source",
        "consts",
        "context",
        "declared",
        "foreach",
        "host",
        "params",
        "payload",
        "steps",
        "warn",
    )

    def __init__(
        self,
        *,
        consts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        context: Mapping[str, str] | None = None,
        host: Mapping[str, str] | None = None,
        payload: str | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.consts: Mapping[str, str] = consts or {}
        self.params: Mapping[str, str] = params or {}
        self.context: Mapping[str, str] = context or {}
        self.host: Mapping[str, str] = host or {}
        self.payload = payload
        self.warn = warn
        self.steps: Mapping[str, StepView] = {}
        self.declared: Mapping[str, Mapping[str, str]] = {}
        self.foreach: Mapping[str, str] = {}
        self._pairs: dict[str, str] = {}
        self._source: Source | None = None
        self._parent: Scope | None = None

    def child(self, pairs: Iterable[tuple[str, str]], source: Source) -> Scope:
        """Return a scope with further values over this one; later pairs win."""
        inner = self._copy()
        inner._pairs = dict(pairs)
        inner._source = source
        inner._parent = self
        return inner

    def with_context(self, extra: Mapping[str, str]) -> Scope:
        """Return a scope with further context fields."""
        inner = self._copy()
        inner.context = {**self.context, **extra}
        return inner

    def with_steps(self, steps: Mapping[str, StepView], *, strict: bool = True) -> Scope:
        """Return a scope that sees just these steps, by id.

        A step sees its transitive predecessors, a handler all steps; `strict` False (handlers)
        hides them from `${steps.<id>.outputs.<name>}`.
        """
        inner = self._copy()
        inner.steps = steps
        inner.declared = _Declared(steps) if strict else {}
        return inner

    def with_foreach(self, values: Mapping[str, str]) -> Scope:
        """Return the scope of one item of a `foreach` body."""
        inner = self._copy()
        inner.foreach = values
        return inner

    def _copy(self) -> Scope:
        inner = Scope.__new__(Scope)
        for slot in Scope.__slots__:
            setattr(inner, slot, getattr(self, slot))
        return inner

    def get(self, name: str, *, with_process: bool) -> str | None:
        """Return the innermost value; entries of the process count only when asked for."""
        scope: Scope | None = self
        while scope is not None:
            value = scope._pairs.get(name)
            if value is not None and (with_process or scope._source is not Source.PROCESS):
                return value
            scope = scope._parent
        return None

    def of_source(self, source: Source) -> dict[str, str]:
        """Return every value of one source, also one that another layer shadows."""
        found: dict[str, str] = {}
        scope: Scope | None = self
        while scope is not None:
            if scope._source is source:
                found = {**scope._pairs, **found}
            scope = scope._parent
        return found

    def inherited(self) -> dict[str, str]:
        """Return what a child run takes over, inner over outer: all but process and run values."""
        merged: dict[str, str] = {}
        scope: Scope | None = self
        while scope is not None:
            if scope._source in _INHERITED:
                merged = {**scope._pairs, **merged}
            scope = scope._parent
        return merged

    def environ(self) -> dict[str, str]:
        """Return every value, inner over outer: the environment of a step process."""
        chain = []
        scope: Scope | None = self
        while scope is not None:
            chain.append(scope._pairs)
            scope = scope._parent
        merged: dict[str, str] = {}
        for pairs in reversed(chain):
            merged.update(pairs)
        return merged
