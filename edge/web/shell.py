"""The ASGI shell around the application: what hypercorn and quart-trio need to part cleanly.

With the last `send` of a response hypercorn hands the application `http.disconnect`; quart-trio
then cancels the request's nursery, and with it that very `send`, before hypercorn has closed or
recycled the connection (measured, DESIGN section 8). So `send` runs in a shielded scope, with a
deadline.
The shell also strips a trailing slash and sets the base path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        Scope,
    )

__all__ = ["SEND_LIMIT_S", "shell"]

#: spec 31 section 1.2: a write may take this long
SEND_LIMIT_S = 60.0

#: no route matches this
_NOWHERE = "/-/-"


def shell(
    app: ASGIFramework, base_path: str = "", send_limit_s: float = SEND_LIMIT_S
) -> ASGIFramework:
    """Return `app` behind the shell. `base_path` is empty, or `/a/b` without a slash at its end."""

    async def serve(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def shielded_send(event: ASGISendEvent) -> None:
            with trio.move_on_after(send_limit_s, shield=True):
                await send(event)

        if scope["type"] == "websocket":
            # No page uses one. Closing before accepting is answered with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": None})
            return
        if scope["type"] == "http":
            scope["root_path"], scope["path"] = _clean(scope["path"], base_path)
        await app(scope, receive, shielded_send)

    return serve


def _clean(path: str, base_path: str) -> tuple[str, str]:
    """Return (root path, path) without a trailing slash; Quart takes the root path off again."""
    if path == base_path or path.startswith(base_path + "/"):
        rest = path[len(base_path) :].rstrip("/") or "/"
        return base_path, base_path + rest
    return "", _NOWHERE
