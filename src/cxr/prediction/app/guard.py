"""Requests in; those for another host or from another site are refused, answers get headers that lock the page in.

A server on 127.0.0.1 can be reached by every page that is open in the browser: under a name of its own that it lets
point to 127.0.0.1 (DNS rebinding), or by sending a form here. So Host must be local and Origin, where given, the same.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Host names of this machine alone."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""The page loads nothing from elsewhere, sends nothing elsewhere, and no browser keeps an answer."""


class Guard:
    """ASGI middleware. local_only: whether only names of this machine are accepted as Host."""

    def __init__(self, app: ASGIApp, local_only: bool) -> None:
        self.app = app
        self.local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_locked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        reason = self._why_refused(Headers(scope=scope))
        answer = JSONResponse({"detail": reason}, 403) if reason else self.app
        await answer(scope, receive, send_locked)

    def _why_refused(self, headers: Headers) -> str:
        host = headers.get("host", "")
        if self.local_only and host_name(host) not in LOCAL:
            return f"This server answers on {' and '.join(LOCAL)} only."
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            return "This server answers its own page only, none of another site."
        return ""


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def host_name(host: str) -> str:
    """Return the name in a Host header, without the port; "" where it is none."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@]+)(:\d*)?", host)
    return found[1].lower() if found else ""
