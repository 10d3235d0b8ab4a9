"""How each field of a workflow is evaluated, when, and what it can see (spec 11 section 3).

The one table: the run looks policies up here, inspection (`notices`) reads the same rows. A field
that is not listed is literal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

__all__ = ["FIELDS", "FieldPolicy", "Policy", "policy_of"]


#: words of the policies that read the process environment for `$X`: what the filter lets through,
#: the whole one too, and the whole one for `${env.X}` as well
_PROCESS = ("value_process", "value_os", "value_host", "dynamic")
_HOST = ("value_os", "value_host", "dynamic")
_ENV_OF_HOST = ("value_host", "dynamic")


class Policy(Enum):
    """How a text is evaluated; which field has which is the table of this module."""

    # attributes and not sets of members: the hash of a member is slow, and this is the step path
    def __init__(self, word: str) -> None:
        self.reads_process = word in _PROCESS
        self.reads_host = word in _HOST
        self.reads_env_of_host = word in _ENV_OF_HOST
        self.keeps_slash = word in ("value_shell", "value_interpreter", "value_powershell")
        self.has_expressions = word not in ("value_shell", "value_simple", "value_powershell")

    #: as written
    LITERAL = "literal"
    #: references only
    STRICT = "strict"
    #: references and `$1`; `$X` is left for the shell that reads the text
    VALUE_SHELL = "value_shell"
    #: references and `$X`, the process environment excluded
    VALUE = "value"
    #: as VALUE, without the expressions of section 7.3
    VALUE_SIMPLE = "value_simple"
    #: as VALUE, but a backslash before `$X` is plain text: stdout and stderr paths
    VALUE_PATH = "value_path"
    #: as VALUE, for the text of an interpreter that is no Unix shell; `\\$X` keeps its backslash
    VALUE_INTERPRETER = "value_interpreter"
    #: as VALUE_INTERPRETER, without expressions and without `$env:X`
    VALUE_POWERSHELL = "value_powershell"
    #: as VALUE, and what the filter lets through of the process environment
    VALUE_PROCESS = "value_process"
    #: as VALUE, and the whole process environment for `$X`
    VALUE_OS = "value_os"
    #: as VALUE_OS, for `${env.X}` too: root `env`
    VALUE_HOST = "value_host"
    #: as VALUE_HOST; the engine also runs the commands of the text
    DYNAMIC = "dynamic"


class FieldPolicy:
    """One row: the policy, the moment, and the namespaces that can have values there."""

    __slots__ = ("namespaces", "policy", "when")

    def __init__(self, policy: Policy, when: str, namespaces: frozenset[str]) -> None:
        self.policy = policy
        self.when = when
        self.namespaces = namespaces


_CONSTS = frozenset(("consts",))
_SETTINGS = _CONSTS | {"params", "env"}
_RUN = _SETTINGS | {"context"}
_ALL = _RUN | {"steps"}
_ITEM = _ALL | {"foreach"}
_NONE: frozenset[str] = frozenset()

_ROWS: tuple[tuple[str, Policy, str, frozenset[str]], ...] = (
    ("consts[]", Policy.STRICT, "load", _CONSTS),
    ("params[].default", Policy.LITERAL, "run input", _NONE),
    ("params[].eval", Policy.DYNAMIC, "run input", frozenset(("params", "env"))),
    ("env", Policy.VALUE_HOST, "run setup", _RUN),
    ("dotenv[]", Policy.VALUE_OS, "before loading files", _SETTINGS),
    ("shell", Policy.VALUE, "before choosing the shell", _SETTINGS),
    ("shell_args[]", Policy.VALUE, "before choosing the shell", _SETTINGS),
    ("steps[].with.shell", Policy.VALUE, "before choosing the shell", _SETTINGS),
    ("steps[].with.shell_args[]", Policy.VALUE, "before choosing the shell", _SETTINGS),
    ("working_dir", Policy.VALUE_PROCESS, "before use", _RUN),
    ("steps[].working_dir", Policy.VALUE_OS, "step start", _ITEM),
    # of root and step alike
    ("preconditions[].condition", Policy.VALUE_SIMPLE, "before the check", _ALL),
    ("preconditions[].condition of a comparison", Policy.VALUE, "before the check", _ALL),
    ("preconditions[].condition without a shell", Policy.VALUE_OS, "before the check", _ALL),
    ("preconditions[].expected", Policy.LITERAL, "before the check", _NONE),
    ("preconditions[].eval", Policy.DYNAMIC, "before the check", _ALL),
    ("container", Policy.VALUE, "before use / step start", _ALL),
    ("container.env", Policy.VALUE, "step start", _ALL),
    ("steps[].run", Policy.VALUE_SHELL, "step start", _ALL),
    ("steps[].run of an interpreter", Policy.VALUE_INTERPRETER, "step start", _ALL),
    ("steps[].run of PowerShell", Policy.VALUE_POWERSHELL, "step start", _ALL),
    ("steps[].run without a shell", Policy.VALUE_OS, "step start", _ALL),
    ("steps[].with of exec", Policy.VALUE_OS, "step start", _ALL),
    ("steps[].run over SSH", Policy.VALUE, "step start", _ALL),
    ("steps[].run over SSH without a shell", Policy.VALUE_SIMPLE, "step start", _ALL),
    ("steps[].run in a container", Policy.VALUE, "step start", _ALL),
    ("steps[].with", Policy.VALUE, "step start", _ALL),
    ("steps[].env", Policy.VALUE, "step setup", _ALL),
    ("steps[].retry_policy", Policy.VALUE_OS, "step prepare", _ALL),
    ("steps[].repeat_policy", Policy.VALUE_OS, "step prepare", _ALL),
    ("steps[].repeat_policy.condition", Policy.VALUE, "each repeat check", _ALL),
    ("steps[].stdout", Policy.VALUE_PATH, "step prepare", _ALL),
    ("steps[].stderr", Policy.VALUE_PATH, "step prepare", _ALL),
    ("steps[].stdout.artifact", Policy.VALUE_PATH, "step prepare", _ALL),
    ("steps[].stderr.artifact", Policy.VALUE_PATH, "step prepare", _ALL),
    ("steps[].output", Policy.VALUE_SIMPLE, "after the step succeeded", _ALL),
    ("steps[].stdout.outputs.fields", Policy.VALUE_SIMPLE, "after the step succeeded", _ALL),
    ("steps[].with.dag", Policy.VALUE, "before the child request", _ALL),
    ("steps[].with.params", Policy.VALUE, "before the child request", _ALL),
    ("steps[].parallel", Policy.VALUE, "before fan-out", _ALL),
    ("steps[].foreach", Policy.VALUE, "before / per item / after item success", _ITEM),
    ("worker_selector", Policy.VALUE, "after base-config merge", _SETTINGS),
    ("steps[].worker_selector", Policy.VALUE, "before the child request", _ALL),
    ("steps[].approval.prompt", Policy.VALUE, "step start", _ALL),
    ("steps[].messages[].content", Policy.VALUE, "step start", _ALL),
    ("steps[].llm", Policy.VALUE, "step start", _ALL),
    ("steps[].with.template", Policy.LITERAL, "–", _NONE),
    ("secrets[]", Policy.LITERAL, "–", _NONE),
)

#: field -> its row. `[]` is any item; a map or an object stands for every text inside it; ` of ...`
#: and ` without ...` are variants that the step's shell or action decides
FIELDS: Mapping[str, FieldPolicy] = {
    name: FieldPolicy(policy, when, namespaces) for name, policy, when, namespaces in _ROWS
}


def policy_of(field: str) -> Policy:
    """Return how the texts of a field of the table are evaluated."""
    return FIELDS[field].policy
