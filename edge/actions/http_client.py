"""One HTTP request over httpx, with the errors and redirects of spec 13 section 3.

`http.request` and `wait.http` use it. The caller sets the deadline by a trio scope around it.
"""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO

import httpx
import trio

import edge
from edge.actions.http_call import Answer
from edge.actions.net_errors import causes, dial_reason

__all__ = ["HttpFailure", "Request", "Sent", "exchange", "method_word", "shown_url"]

#: requests of one exchange; the redirect that would need one more fails
_REQUESTS_MAX = 10
_CLEAN_UP_S = 5.0
_PASSWORD = re.compile(r"(//[^/?#@:]*:)[^/?#]*@")
#: names of the environment are read by httpx: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY
_ENCODING = "gzip"


class HttpFailure(Exception):
    """No answer, or none that could be read to its end; the text is the step's error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes over the wire. `files` are field, file name and the open file."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    form: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str, IO[bytes]], ...] = ()
    skip_tls_verify: bool = False


class Sent:
    """An answer whose body is still to be read."""

    def __init__(self, response: httpx.Response, *, decode: bool) -> None:
        self._response = response
        self._url = str(response.request.url)
        packed = response.headers.get("content-encoding", "").lower() == _ENCODING
        self._gunzip = _Gunzip() if decode and packed else None
        hidden = {"transfer-encoding"}
        if self._gunzip is not None:
            # the body that the step sees has another encoding and length
            hidden |= {"content-encoding", "content-length"}
        self.answer = Answer(
            response.status_code,
            _reason(response),
            tuple(
                (name, value)
                for name, value in (
                    (raw.decode("latin-1"), text.decode("latin-1"))
                    for raw, text in response.headers.raw
                )
                if name.lower() not in hidden
            ),
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces. Raises: HttpFailure."""
        with _mapped(self._response.request.method, self._url):
            async for piece in self._response.aiter_raw():
                if self._gunzip is None:
                    yield piece
                    continue
                for data in self._gunzip.feed(piece):
                    yield data
            if self._gunzip is not None:
                self._gunzip.finish()


@asynccontextmanager
async def exchange(request: Request) -> AsyncIterator[Sent]:
    """Send a request, follow redirects, and give the answer; all is closed at the end.

    Raises: HttpFailure.
    """
    async with AsyncExitStack() as stack:
        yield await _send(request, stack)


async def _send(request: Request, stack: AsyncExitStack) -> Sent:
    own_encoding = any(name.lower() == "accept-encoding" for name, _ in request.headers)
    with _mapped(request.method, request.url):
        clients: dict[bool, httpx.AsyncClient] = {}
        first = await _client(request.url, request, clients, stack)
        outgoing: httpx.Request | None = _build(first, request, own_encoding)
    count = 0
    location = request.url
    while True:
        assert outgoing is not None
        with _mapped(request.method, location):
            client = await _client(str(outgoing.url), request, clients, stack)
            response = await client.send(outgoing, stream=True)
        stack.push_async_callback(_close, response)
        count += 1
        outgoing = response.next_request
        if outgoing is None:
            return Sent(response, decode=not own_encoding)
        location = response.headers["location"]
        if count >= _REQUESTS_MAX:
            word = method_word(request.method)
            raise HttpFailure(
                f'{word} "{shown_url(location)}": stopped after {_REQUESTS_MAX} redirects'
            )
        await _close(response)


async def _close(response: httpx.Response) -> None:
    with trio.move_on_after(_CLEAN_UP_S, shield=True):
        await response.aclose()


async def _client(
    url: str, request: Request, clients: dict[bool, httpx.AsyncClient], stack: AsyncExitStack
) -> httpx.AsyncClient:
    """Return the client for a URL; certificates are loaded only for one that needs them."""
    is_verified = url.lower().startswith("https:") and not request.skip_tls_verify
    if is_verified not in clients:
        verify: ssl.SSLContext | bool = False
        if is_verified:
            verify = await trio.to_thread.run_sync(_trust)
        # nothing is kept between requests, so no cookie goes from one redirect to the next
        cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))
        client = httpx.AsyncClient(verify=verify, timeout=None, cookies=cookies)
        # httpx would send Accept and Connection, too
        client.headers.clear()
        clients[is_verified] = await stack.enter_async_context(client)
    return clients[is_verified]


def _trust() -> ssl.SSLContext:
    """Return the certificates of the system; those of certifi where it has none."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not context.get_ca_certs():
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _build(client: httpx.AsyncClient, request: Request, own_encoding: bool) -> httpx.Request:
    headers: list[tuple[bytes, bytes]] = [
        (_bytes(name), _bytes(value)) for name, value in request.headers
    ]
    known = {name.lower() for name, _ in request.headers}
    if "user-agent" not in known:
        headers.append((b"User-Agent", f"edge/{edge.__version__}".encode()))
    if not own_encoding:
        headers.append((b"Accept-Encoding", _ENCODING.encode()))
    parts: list[tuple[str, tuple[str | None, IO[bytes] | bytes]]] = [
        (name, (None, _bytes(value))) for name, value in request.form
    ]
    parts += [(field, (name, file)) for field, name, file in request.files]
    return client.build_request(
        request.method, request.url, headers=headers, content=request.body, files=parts or None
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _reason(response: httpx.Response) -> str:
    reason = response.extensions.get("reason_phrase", b"")
    return reason.decode("latin-1") if isinstance(reason, bytes) else ""


class _Gunzip:
    """Unpacks a gzip stream in bounded pieces, so that a small body cannot fill the memory."""

    _PIECE_BYTES = 65_536

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(31)
        self._has_data = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece unpacks to. Raises: HttpFailure."""
        try:
            while data:
                if self._inflate.eof:
                    self._inflate = zlib.decompressobj(31)
                self._has_data = True
                out = self._inflate.decompress(data, self._PIECE_BYTES)
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
                if out:
                    yield out
        except zlib.error:
            raise HttpFailure("gzip: invalid header or data") from None

    def finish(self) -> None:
        """Check that the stream is whole. Raises: HttpFailure."""
        if self._has_data and not self._inflate.eof:
            raise HttpFailure("unexpected EOF")


# -- errors


def shown_url(url: str) -> str:
    """Return a URL as errors may show it: without its password."""
    return _PASSWORD.sub(r"\1***@", url, count=1)


def method_word(method: str) -> str:
    """Return a method as errors spell it: `Get`."""
    return method[:1] + method[1:].lower()


@contextmanager
def _mapped(method: str, url: str) -> Iterator[None]:
    """Turn the errors of httpx into the texts of the reference."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as exc:
        raise HttpFailure(f'{method_word(method)} "{shown_url(url)}": {_url_reason(exc)}') from exc
    except httpx.HTTPError as exc:
        raise HttpFailure(f'{method_word(method)} "{shown_url(url)}": {_reason_of(exc)}') from exc
    except httpx.StreamError as exc:
        raise HttpFailure(f'{method_word(method)} "{shown_url(url)}": {exc}') from exc


def _url_reason(exc: Exception) -> str:
    if isinstance(exc, httpx.UnsupportedProtocol):
        return "unsupported protocol scheme"
    return f"invalid URL: {exc}"


def _reason_of(exc: httpx.HTTPError) -> str:
    for cause in causes(exc):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message or str(cause)
            return f"tls: failed to verify certificate: x509: {reason}"
        if isinstance(cause, ssl.SSLError):
            return f"tls: {cause.reason or cause}"
    if isinstance(exc, httpx.ConnectError) and exc._request is not None:
        url = exc.request.url
        return dial_reason(exc, url.host, url.port or (443 if url.scheme == "https" else 80))
    if isinstance(exc, httpx.RemoteProtocolError) and "without sending" in str(exc):
        return "EOF"
    return str(exc) or type(exc).__name__
