"""Code that Python would compile again at every start, compiled once when the binary is built.

Dataclasses and attrs write the source of each `__init__` and `__eq__` and compile it when the class
is made, and `re` compiles patterns in Python: 560 little compilations on the way to the first step,
a quarter of its time (measured). The build imports everything once, records text -> code, and the
binary looks the text up. The key is the whole source text (a pattern with its flags), and the
interpreter is the one that recorded, so a hit is exactly what would be compiled; what is not found
is compiled as ever.

As a module of the binary it must import next to nothing. As a program it is the recorder:
`python -S codecache.py OUTPUT JSON`, where JSON is `{"path": [...], "modules": [...],
"workflows": [...]}`.
"""

import marshal
import sys

__all__ = ["FILE", "Cache", "install", "record"]

FILE = "codecache.bin"

TYPE_CHECKING = False  # not from `typing`, which would cost what this module saves
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, ModuleType
    from typing import Any


class Cache:
    """The two tables: source text to marshalled code, (pattern, flags) to `_sre` arguments."""

    def __init__(
        self,
        sources: "dict[str, bytes] | None" = None,
        patterns: "dict[tuple[str | bytes, int], tuple[Any, ...]] | None" = None,
    ) -> None:
        self.sources = {} if sources is None else sources
        self.patterns = {} if patterns is None else patterns

    def to_bytes(self) -> bytes:
        return marshal.dumps((self.sources, self.patterns))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Cache":
        return cls(*marshal.loads(data))

    # What replaces `exec` in dataclasses and `compile` in attrs.

    def exec(self, source: "Any", namespace: "dict[str, Any]", local: "Any" = None) -> None:
        found = self.sources.get(source) if type(source) is str else None
        exec(source if found is None else marshal.loads(found), namespace, local)

    def compile(self, source: "Any", filename: str, mode: str, *rest: "Any") -> "CodeType":
        found = self.sources.get(source) if type(source) is str and mode == "exec" else None
        if found is None:
            return compile(source, filename, mode, *rest)  # type: ignore[no-any-return]
        code: CodeType = marshal.loads(found)
        return code

    def regex(self, compiler: "ModuleType") -> "Callable[..., Any]":
        """Wrap `re._compiler.compile`."""
        plain, make, patterns = compiler.compile, compiler._sre.compile, self.patterns

        def compile_pattern(pattern: "Any", flags: int = 0) -> "Any":
            try:
                known = patterns.get((pattern, flags))
            except TypeError:  # a parsed pattern, which has no hash
                known = None
            if known is None or type(flags) is not int:
                return plain(pattern, flags)
            return make(pattern, known[0], list(known[1]), *known[2:])

        return compile_pattern


class _Recorder(Cache):
    """Compiles as ever and keeps what it compiled."""

    def exec(self, source: "Any", namespace: "dict[str, Any]", local: "Any" = None) -> None:
        code = self.compile(source, "<string>", "exec") if type(source) is str else source
        exec(code, namespace, local)

    def compile(self, source: "Any", filename: str, mode: str, *rest: "Any") -> "CodeType":
        code: CodeType = compile(source, filename, mode, *rest)
        if type(source) is str and mode == "exec":
            # The file name of attrs holds a counter; tracebacks do with one name for all.
            self.sources[source] = marshal.dumps(code.replace(co_filename="<generated>"))
        return code

    def regex(self, compiler: "ModuleType") -> "Callable[..., Any]":
        plain, real, patterns = compiler.compile, compiler._sre, self.patterns

        class Spy:
            """Stands in for `_sre` and keeps the arguments of the last call."""

            last: "tuple[Any, ...]" = ()

            def __getattr__(self, name: str) -> "Any":
                return getattr(real, name)

            def compile(self, pattern: "Any", *arguments: "Any") -> "Any":
                self.last = arguments
                return real.compile(pattern, *arguments)

        spy = Spy()
        compiler.__dict__["_sre"] = spy

        def compile_pattern(pattern: "Any", flags: int = 0) -> "Any":
            made = plain(pattern, flags)
            if type(pattern) in (str, bytes) and type(flags) is int:
                first, code, *rest = spy.last
                # The compiler's constants are subclasses of int, which marshal refuses.
                patterns[(pattern, flags)] = (int(first), tuple(map(int, code)), *rest)
            return made

        return compile_pattern


class _Hooks:
    """A finder that puts the cache into three modules while they are being imported."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._before = {
            "dataclasses": ("exec", cache.exec),
            "attr._make": ("compile", cache.compile),
        }
        self._waiting = {*self._before, "re._compiler"}

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name not in self._waiting:
            return None
        self._waiting.discard(name)
        if not self._waiting:
            sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
                return spec
        return None

    def run(self, module: "Any", loader: "Any") -> None:
        module.__loader__ = module.__spec__.loader = loader
        if module.__name__ in self._before:
            word, replacement = self._before[module.__name__]
            module.__dict__[word] = replacement  # a global shadows the builtin of that name
        loader.exec_module(module)
        if module.__name__ == "re._compiler":
            module.compile = self._cache.regex(module)


class _Loader:
    def __init__(self, loader: "Any", hooks: _Hooks) -> None:
        self._loader, self._hooks = loader, hooks

    def create_module(self, spec: "Any") -> "Any":
        return self._loader.create_module(spec)

    def exec_module(self, module: "Any") -> None:
        self._hooks.run(module, self._loader)


def install(cache: "Cache | None" = None) -> None:
    """Look code up in `cache`, else in the file inside the binary; without one, do nothing."""
    if cache is None:
        try:
            with open(f"{sys._MEIPASS}/{FILE}", "rb") as file:  # type: ignore[attr-defined]
                cache = Cache.from_bytes(file.read())
        except (OSError, ValueError, EOFError, TypeError):
            return
    hooks = _Hooks(cache)
    hooks._waiting -= sys.modules.keys()
    if hooks._waiting:
        sys.meta_path.insert(0, hooks)
    compiler = sys.modules.get("re._compiler")
    if compiler is not None:
        compiler.compile = cache.regex(compiler)  # type: ignore[attr-defined]


def record(modules: "list[str]", workflows: "Mapping[str, str]") -> Cache:
    """Import `modules`, load `workflows` (name to text), and return what was compiled meanwhile."""
    cache = _Recorder()
    install(cache)
    import importlib

    for name in modules:
        importlib.import_module(name)
    if workflows:
        load = importlib.import_module("edge.workflow.load")
        for name, text in workflows.items():
            load.load_dag(text, default_name=name)
    return cache


def _main() -> None:
    output, given = sys.argv[1:]
    import json
    from pathlib import Path

    task = json.loads(given)
    sys.path[:] = task["path"]
    workflows = {Path(path).stem: Path(path).read_text() for path in task["workflows"]}
    cache = record(task["modules"], workflows)
    Path(output).write_bytes(cache.to_bytes())
    print(f"compiled beforehand: {len(cache.sources)} sources, {len(cache.patterns)} patterns")


if __name__ == "__main__":
    _main()
