"""A solution of the exercise "A chat bot": when a guest says `sum 2 3`, it says `sum 2 3 = 5`.

    python3 tests/solutions/bot.py HOST PORT [NAME [PATIENCE]]
"""
import json
import socket
import struct
import sys

MAX_LENGTH = 1024 * 1024  # bytes of a content


def send(conn, **content):
    body = json.dumps(content).encode("utf-8")
    header = json.dumps({
        "byteorder": sys.byteorder,
        "content-type": "text/json",
        "content-encoding": "utf-8",
        "content-length": len(body),
    }).encode("utf-8")
    conn.sendall(struct.pack(">H", len(header)) + header + body)


def receive(stream):
    """The next message, or None at the end."""
    prefix = stream.read(2)  # a buffered stream reads on until it has as many bytes
    if not prefix:
        return None
    (length,) = struct.unpack(">H", prefix)
    size = json.loads(stream.read(length))["content-length"]
    if not 0 <= size <= MAX_LENGTH:
        raise ValueError(f"a content of {size} bytes")
    return json.loads(stream.read(size))


def answer(text):
    """What to say to a text, or None."""
    words = text.split()
    if len(words) < 2 or words[0] != "sum":
        return None
    try:
        return f"{text} = {sum(map(int, words[1:]))}"
    except ValueError:
        return None


def chat(conn, me):
    stream = conn.makefile("rb")
    send(conn, type="join", name=me)
    while (message := receive(stream)) is not None:
        kind = message["type"]
        if kind == "error":
            raise ValueError(message["reason"])
        if kind == "ping":
            send(conn, type="pong")
        if kind == "say" and message["name"] != me and (text := answer(message["text"])):
            send(conn, type="say", text=text)


host, port = sys.argv[1], int(sys.argv[2])
name = sys.argv[3] if len(sys.argv) > 3 else "adder"
patience = float(sys.argv[4]) if len(sys.argv) > 4 else 30.0  # seconds without even a ping
try:
    with socket.create_connection((host, port), timeout=patience) as conn:
        chat(conn, name)
except (OSError, ValueError, LookupError, TypeError, struct.error) as error:
    sys.exit(f"Cannot chat: {error!r}")
