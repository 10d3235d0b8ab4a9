"""`http.request` (spec 13 section 3)."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import IO

import trio

from edge.actions.base import ActionContext, ActionError, DeadlineError, Outcome
from edge.actions.http_call import (
    Answer,
    HttpCall,
    parse_body,
    read_call,
    render_head,
    render_json,
)
from edge.actions.http_client import HttpFailure, Request, Sent, exchange, method_word, shown_url
from edge.actions.inprocess import SET_UP, go_error, run_in_process
from edge.actions.inputs import Inputs, resolve_path
from edge.core.jsontypes import JsonValue
from edge.workflow.field_policy import policy_of
from edge.workflow.json_text import decode_json
from edge.workflow.model import ScriptRun
from edge.workflow.values import resolve

__all__ = ["run_http"]

#: a body that is parsed is held in memory; a larger one wants `output`
_PARSED_MAX_BYTES = 64 * 1024 * 1024
_FILE_MODE = 0o600
_DIR_MODE = 0o750


async def run_http(context: ActionContext) -> Outcome:
    """Send the request once and print the answer."""
    return await run_in_process(context, _request)


async def _request(context: ActionContext, inputs: Inputs) -> None:
    call = read_call(_with_script(context, inputs))
    word = method_word(call.method)
    sent: list[Sent] = []
    with trio.CancelScope() as limit:
        if call.timeout_s > 0:
            limit.deadline = trio.current_time() + call.timeout_s
        try:
            await _exchange(context, call, sent)
        except HttpFailure as exc:
            raise ActionError(str(exc)) from exc
    if limit.cancelled_caught:
        moment = "awaiting headers" if not sent else "reading body"
        raise DeadlineError(
            f'{word} "{shown_url(call.url)}": context deadline exceeded'
            f" (Client.Timeout exceeded while {moment})"
        )


def _with_script(context: ActionContext, inputs: Inputs) -> Inputs:
    """Return the inputs; those of the v1 form whose script is the whole of them as JSON."""
    run = context.step.run
    if not isinstance(run, ScriptRun):
        return inputs
    text = resolve(run.text, policy_of("steps[].with"), context.scope)
    try:
        values = decode_json(text)
    except ValueError as exc:
        raise ActionError(f"{SET_UP}http executor: script: {exc}") from None
    if not isinstance(values, dict):
        raise ActionError(f"{SET_UP}http executor: script must be a JSON object")
    return Inputs({**values, **inputs.values}, context)


async def _exchange(context: ActionContext, call: HttpCall, sent: list[Sent]) -> None:
    """Send, print, and fail for an answer that is no success. Raises: HttpFailure, ActionError."""
    with ExitStack() as files:
        request = Request(
            method=call.method,
            url=call.url,
            headers=call.headers,
            body=call.body.encode("utf-8", "surrogateescape") if call.sends_body else None,
            form=call.form,
            files=tuple(_open_file(context, name, path, files) for name, path in call.files),
            skip_tls_verify=call.skip_tls_verify,
        )
        if call.debug:
            _say(context, f"http: > {call.method} {shown_url(call.url)}")
        async with exchange(request) as received:
            sent.append(received)
            answer = received.answer
            if call.debug:
                _say(context, f"http: < {answer.code} {answer.reason}")
            if call.output and answer.is_success:
                await _to_file(context, call, received)
            elif call.is_json:
                await _print_json(context, call, received)
            else:
                await _print_text(context, call, received)
    if not answer.is_success:
        raise ActionError(f"http status code not 2xx: {answer.code}")


def _say(context: ActionContext, text: str) -> None:
    if context.scope.warn is not None:
        context.scope.warn(text)


def _open_file(
    context: ActionContext, field: str, text: str, files: ExitStack
) -> tuple[str, str, IO[bytes]]:
    path = resolve_path(context, text)
    try:
        file = files.enter_context(_open_binary(path))
    except OSError as exc:
        raise ActionError(go_error("open", exc, path)) from exc
    return field, os.path.basename(path), file


# -- printing


async def _print_text(context: ActionContext, call: HttpCall, sent: Sent) -> None:
    if not (call.silent and sent.answer.is_success):
        _print(context, render_head(sent.answer))
    async for piece in sent.chunks():
        context.write_stdout(piece)


async def _print_json(context: ActionContext, call: HttpCall, sent: Sent) -> None:
    data = bytearray()
    async for piece in sent.chunks():
        data += piece
        if len(data) > _PARSED_MAX_BYTES:
            raise ActionError(
                f"http: the body is larger than {_PARSED_MAX_BYTES} bytes, which is too much to"
                " parse; write it to a file with `output`"
            )
    text = data.decode("utf-8", "replace")
    if not text.strip():
        _print(context, _rendered(call, sent.answer, has_body=False))
        return
    try:
        body: JsonValue = parse_body(text)
    except ValueError as exc:
        if not call.output:
            raise ActionError(str(exc)) from None
        body = text
    _print(context, _rendered(call, sent.answer, body=body))


def _rendered(
    call: HttpCall, answer: Answer, *, body: JsonValue = None, has_body: bool = True
) -> str:
    try:
        return render_json(answer, silent=call.silent, body=body, has_body=has_body)
    except ValueError as exc:
        raise ActionError(str(exc)) from None


def _print(context: ActionContext, text: str) -> None:
    context.write_stdout(text.encode("utf-8", "surrogateescape"))


def _open_binary(path: str) -> IO[bytes]:
    return open(path, "rb")


async def _write_all(fd: int, sent: Sent) -> None:
    # a slow card must not hold up the whole service
    async with await trio.open_file(fd, "wb") as file:
        async for piece in sent.chunks():
            await file.write(piece)


async def _to_file(context: ActionContext, call: HttpCall, sent: Sent) -> None:
    """Write the body beside its target and rename it, so that a torn answer replaces nothing."""
    path = resolve_path(context, call.output)
    part = f"{path}.{os.urandom(8).hex()}.part"
    try:
        os.makedirs(os.path.dirname(path), mode=_DIR_MODE, exist_ok=True)
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        try:
            await _write_all(fd, sent)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as exc:
        raise ActionError(go_error("open", exc, path)) from exc
    answer = sent.answer
    if call.is_json:
        _print(context, render_json(answer, silent=call.silent, has_body=False, output=path))
    elif not call.silent:
        _print(context, render_head(answer))
