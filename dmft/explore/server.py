"""The server of `dmft explore`: bound to this machine, for readers who know its token.

Only the loopback address is bound.  The page is given to requests that carry the token, which is part of the address that is
printed; web sockets are accepted from pages of this server alone, so that a page of another origin cannot use it.
"""

from __future__ import annotations

import hmac
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn

from dmft.explore.explorer import Explorer
from dmft.explore.page import Page

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind((ADDRESS, 0))
        return int(found.getsockname()[1])


def serve(tables: Mapping[str, Any], port: int, told: Callable[[str], None], *, show: bool) -> None:
    """Serve pages that begin with these tables until interrupted; `told` is given the address."""
    token = secrets.token_urlsafe(16)
    address = f"http://{ADDRESS}:{port}/?token={token}"

    def page() -> Any:
        given = (pn.state.session_args or {}).get("token", [b""])[0]
        if not hmac.compare_digest(given, token.encode()):
            return pn.pane.Str("Wanted the address with its token, as `dmft explore` printed it.")
        return Page(Explorer(tables)).layout

    server: Any = pn.serve(
        page,
        address=ADDRESS,
        port=port,
        websocket_origin=[f"{ADDRESS}:{port}"],
        title="dmft explore",
        show=False,
        start=False,
        verbose=False,
    )
    told(address)
    if show:
        import webbrowser

        webbrowser.open(address)
    # A signal that arrives while a page is solved must end the server, not the page alone.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.io_loop.add_callback_from_signal(server.io_loop.stop))
    server.start()
    try:
        server.io_loop.start()
    finally:
        server.stop()
