"""A solution of the exercise "An echo client".

    python3 tests/solutions/echo_client.py HOST PORT [TIMEOUT]
"""
import socket
import sys
import time

MESSAGE = b"Hello, world"


def echo(host, port, timeout):
    """Sends the message, and returns what comes back until the end."""
    end = time.monotonic() + timeout  # single bytes do not move it
    with socket.create_connection((host, port), timeout=timeout) as conn:
        conn.sendall(MESSAGE)
        conn.shutdown(socket.SHUT_WR)  # half-close: the server sends the rest, and closes
        received = b""
        while len(received) <= len(MESSAGE):
            conn.settimeout(max(0.001, end - time.monotonic()))
            chunk = conn.recv(1024)
            if not chunk:
                break
            received += chunk
        return received


try:
    host, port, *rest = sys.argv[1:]
    received = echo(host, int(port), float(rest[0]) if rest else 8)
    if received != MESSAGE:
        sys.exit(f"The echo differs: {received!r}")  # !r escapes what could harm a terminal
    print(f"Received {received!r}")
except OSError as error:
    sys.exit(f"No echo: {error}")
