"""Names, and shell-style words without expansion: shells, shebangs, the words of a command."""

from __future__ import annotations

__all__ = ["is_env_name", "is_name", "split_words"]


def is_env_name(text: str) -> bool:
    """Return whether the text is an environment name: `[A-Za-z_][A-Za-z0-9_]*`."""
    return text.isascii() and text.isidentifier()


def is_name(text: str) -> bool:
    """Return whether the text is a name of the language: `[A-Za-z][A-Za-z0-9_]*`."""
    return text.isascii() and text.isidentifier() and text[0] != "_"


def split_words(text: str) -> list[str] | None:
    """Split at blanks with `'..'`, `".."` and backslash escapes; None for an unterminated quote."""
    if "'" not in text and '"' not in text and "\\" not in text:
        return text.split()
    words: list[str] = []
    word: list[str] | None = None
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        at += 1
        if char in " \t\r\n":
            if word is not None:
                words.append("".join(word))
                word = None
            continue
        if word is None:
            word = []
        if char == "'":
            close = text.find("'", at)
            if close < 0:
                return None
            word.append(text[at:close])
            at = close + 1
        elif char == '"':
            while True:
                if at >= end:
                    return None
                char = text[at]
                at += 1
                if char == '"':
                    break
                if char == "\\" and at < end and text[at] in '"\\$`\n':
                    char = text[at]
                    at += 1
                word.append(char)
        elif char == "\\":
            if at < end:
                word.append(text[at])
                at += 1
        else:
            word.append(char)
    if word is not None:
        words.append("".join(word))
    return words
