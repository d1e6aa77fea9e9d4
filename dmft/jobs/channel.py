"""The channel between a pool and its worker processes: JSON messages in frames over a private pair of sockets.

Frames carry their length.  The worker process inherits its end by number; nothing else writes to it, whatever is printed.
"""

from __future__ import annotations

import json
from multiprocessing.connection import Connection
from typing import Any

Message = dict[str, Any]


def send(connection: Connection, message: Message) -> None:
    """Send a message.  Raises OSError if the other end is closed."""
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> Message:
    """Wait for a message.  Raises EOFError or OSError if the other end is closed."""
    return json.loads(connection.recv_bytes())
