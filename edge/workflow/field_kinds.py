"""What a line of the table of fields is made of (the table itself: `fields`)."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Field", "Kind", "Merge"]


class Kind(StrEnum):
    """Shape of a value, as far as the table checks it."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    TEXT_LIST = "text_list"
    #: text to text
    TEXT_MAP = "text_map"
    #: a mapping with a context of its own (`Field.struct`)
    STRUCT = "struct"
    #: a list of such mappings
    STRUCTS = "structs"
    #: checked by the part that builds it
    FREE = "free"
    # shapes with decoders of their own; a wrong shape stops the load like a wrong type
    ENV = "env"
    SHELL = "shell"
    SCHEDULE = "schedule"
    LABELS = "labels"
    DOTENV = "dotenv"
    DEPENDS = "depends"
    CONTINUE_ON = "continue_on"
    LOG_OUTPUT = "log_output"
    #: text or a number: a port
    PORT = "port"
    #: text or a list of texts: mail recipients, files
    TEXTS = "texts"


class Merge(StrEnum):
    """How a root field of a document meets that of the base configuration (spec 10 section 5)."""

    #: the document's unless it is zero or empty
    VALUE = "value"
    #: base entries first
    CONCAT = "concat"
    #: the document's unless its list is empty
    LIST = "list"
    #: by key, the document wins
    KEYS = "keys"
    #: the document's whenever the key is there
    WHOLE = "whole"
    #: field by field, each by `VALUE`
    STRUCT = "struct"
    #: has its own rule in `base`
    OWN = "own"
    #: never taken from the base
    NEVER = "never"


class Field:
    """One key of a mapping.

    `struct` names the context of a STRUCT or STRUCTS field, `shapes` the JSON types of a FREE one;
    one that is `deprecated` is accepted for old files, and `validate` shows that text. (No
    dataclass: this module is read at every start.)
    """

    __slots__ = (
        "default",
        "deprecated",
        "help",
        "kind",
        "merge",
        "name",
        "shapes",
        "struct",
    )

    def __init__(
        self,
        name: str,
        kind: Kind,
        help_text: str,
        default: str = "",
        *,
        struct: str = "",
        merge: Merge = Merge.VALUE,
        shapes: tuple[str, ...] = (),
        deprecated: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help_text
        self.default = default
        self.struct = struct
        self.merge = merge
        self.shapes = shapes
        self.deprecated = deprecated
