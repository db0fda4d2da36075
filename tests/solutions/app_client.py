"""A solution of the exercise "An application client".

    python3 tests/solutions/app_client.py HOST PORT ACTION VALUE [TIMEOUT]
"""
import json
import socket
import struct
import sys
import time

KEYS = ["byteorder", "content-type", "content-encoding", "content-length"]
MAX_LENGTH = 1024 * 1024  # bytes of a content
MAX_HEADER_LENGTH = 8 * 1024  # bytes


def request(action, value):
    content = json.dumps({"action": action, "value": value}).encode()
    header = json.dumps({
        "byteorder": sys.byteorder,
        "content-type": "text/json",
        "content-encoding": "utf-8",
        "content-length": len(content),
    }).encode()
    return struct.pack(">H", len(header)) + header + content


def exactly(conn, length, end):
    """Reads this many bytes until a time that single bytes do not move."""
    received = b""
    while len(received) < length:
        conn.settimeout(max(0.001, end - time.monotonic()))
        chunk = conn.recv(length - len(received))
        if not chunk:
            raise ValueError("the connection ended in the middle")
        received += chunk
    return received


def response(conn, end):
    (length,) = struct.unpack(">H", exactly(conn, 2, end))
    if length > MAX_HEADER_LENGTH:
        raise ValueError(f"the header has {length} bytes")
    header = json.loads(exactly(conn, length, end).decode())
    for key in KEYS:
        if key not in header:
            raise ValueError(f"the header has no {key}")
    length = header["content-length"]
    if type(length) is not int or not 0 <= length <= MAX_LENGTH:
        raise ValueError(f"the content has {length} bytes")
    content = json.loads(exactly(conn, length, end).decode(header["content-encoding"]))
    return content["result"]


def escaped(text):
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


try:
    host, port, action, value, *rest = sys.argv[1:]
    end = time.monotonic() + (float(rest[0]) if rest else 8)
    with socket.create_connection((host, int(port)), timeout=end - time.monotonic()) as conn:
        conn.sendall(request(action, value))
        result = response(conn, end)
    print(f"Got result: {escaped(result if isinstance(result, str) else json.dumps(result))}")
except (OSError, ValueError, KeyError, TypeError, LookupError) as error:
    sys.exit(f"No response: {escaped(str(error))}")
