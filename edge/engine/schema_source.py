"""The schema of parameters that stands in a file or behind a URL (spec 10 section 9)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import trio

from edge.core.errors import PeerError, UserError

if TYPE_CHECKING:
    from edge.core.jsontypes import JsonObject
    from edge.workflow.model import DAG

__all__ = ["read_schema"]

_LIMIT_S = 30.0
_MAX_BYTES = 1 << 20
_LIMITER = trio.CapacityLimiter(2)


async def read_schema(reference: str, dag: DAG) -> JsonObject:
    """Return the schema that a workflow refers to.

    A URL must answer with 200 within 30 s; a file is looked for in the current directory, the
    workflow's `working_dir` and beside the workflow. At most 1 MiB. Raises: UserError, PeerError.
    """
    if reference.startswith(("http://", "https://")):
        try:
            with trio.fail_after(_LIMIT_S):
                body = await trio.to_thread.run_sync(
                    _fetch, reference, abandon_on_cancel=True, limiter=_LIMITER
                )
        except trio.TooSlowError:
            raise PeerError(f"params schema {reference}: no answer within {_LIMIT_S:g} s") from None
    else:
        body = await trio.to_thread.run_sync(_read, reference, dag, limiter=_LIMITER)
    if len(body) > _MAX_BYTES:
        raise UserError(f"params schema {reference} is larger than {_MAX_BYTES >> 10} KiB")
    return _parsed(body, reference)


def _fetch(url: str) -> bytes:
    from urllib import request
    from urllib.error import HTTPError, URLError

    # only HTTP, also where it redirects to
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    try:
        with opener.open(url, timeout=_LIMIT_S) as answer:
            if answer.status != 200:
                raise PeerError(f"params schema {url}: status {answer.status}, not 200")
            found: bytes = answer.read(_MAX_BYTES + 1)
            return found
    except HTTPError as exc:
        raise PeerError(f"params schema {url}: status {exc.code}, not 200") from exc
    except URLError as exc:
        raise PeerError(f"params schema {url}: {exc.reason}") from exc
    except (OSError, ValueError) as exc:
        raise PeerError(f"params schema {url}: {exc}") from exc


def _read(reference: str, dag: DAG) -> bytes:
    tried: list[str] = []
    for folder in _folders(dag):
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(reference)))
        if path in tried:
            continue
        tried.append(path)
        try:
            with open(path, "rb") as file:
                return file.read(_MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        except OSError as exc:
            raise UserError(f"params schema {path}: {exc.strerror}") from exc
        except ValueError as exc:
            raise UserError(f"params schema {reference!r}: {exc}") from exc
    raise UserError(f'params schema "{reference}" not found; tried: {", ".join(tried)}')


def _folders(dag: DAG) -> list[str]:
    beside = os.path.dirname(os.path.abspath(dag.source_file)) if dag.source_file else ""
    folders = [os.getcwd()]
    if dag.working_dir and "$" not in dag.working_dir:
        folders.append(os.path.join(beside, os.path.expanduser(dag.working_dir)))
    return [*folders, beside] if beside else folders


def _parsed(body: bytes, reference: str) -> JsonObject:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UserError(f"params schema {reference} is no JSON: {exc}") from exc
    if isinstance(found, bool):
        return {} if found else {"not": {}}
    if not isinstance(found, dict):
        raise UserError(f"params schema {reference} must be a JSON object")
    return found
