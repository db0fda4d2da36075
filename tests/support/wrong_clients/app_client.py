"""An application client with the mistake that is named:

python3 tests/support/wrong_clients/app_client.py MISTAKE HOST PORT
"""
import json
import socket
import struct
import sys
import time

MISTAKE, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
TIMEOUT = None if MISTAKE == "hangs" else 3.0  # seconds
MAX_LENGTH = 1024 * 1024  # bytes


def message(content):
    header = json.dumps({
        "byteorder": sys.byteorder,
        "content-type": "text/json",
        "content-encoding": "utf-8",
        "content-length": len(content) + (1 if MISTAKE == "says-one-too-many" else 0),
    }).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


def receive(conn, length):
    if MISTAKE == "reads-once":
        return conn.recv(length)
    data = b""
    while len(data) < length:
        piece = conn.recv(min(length - len(data), 4096))
        if not piece:
            raise ConnectionError("the connection ended")
        data += piece
    return data


def receive_text(conn, length):
    """Counts characters."""
    text = receive(conn, length).decode("utf-8", "ignore")
    while len(text) < length:
        text += receive(conn, 1).decode("utf-8", "ignore")
    return text


def receive_response(conn):
    (length,) = struct.unpack(">H", receive(conn, 2))
    header = json.loads(receive(conn, length).decode("utf-8"))
    _, _, encoding, size = (
        header[key] for key in ("byteorder", "content-type", "content-encoding", "content-length")
    )
    if not isinstance(size, int) or size < 0:
        raise ValueError("wrong length")
    if MISTAKE == "has-no-limit":
        conn.settimeout(None)  # it has begun
    elif size > MAX_LENGTH:
        raise ValueError("too long")
    if MISTAKE == "counts-characters":
        return receive_text(conn, size)
    return receive(conn, size).decode(encoding)


def connect():
    while True:
        try:
            return socket.create_connection((HOST, PORT), timeout=TIMEOUT)
        except OSError:
            if MISTAKE != "tries-forever":
                raise
            time.sleep(0.1)


try:
    with connect() as conn:
        conn.sendall(message(json.dumps({"action": "search", "value": "ring"}).encode("utf-8")))
        result = json.loads(receive_response(conn))["result"]
    print("Got result:", result if MISTAKE == "prints-raw" else json.dumps(result))
except (OSError, ValueError, LookupError, TypeError, struct.error) as error:
    if MISTAKE == "succeeds-silently":
        sys.exit()
    print("No response:", repr(error), file=sys.stderr)
    sys.exit(0 if MISTAKE == "succeeds-always" else 1)
