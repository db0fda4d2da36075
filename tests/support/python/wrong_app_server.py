# An application server with the mistake that is named: a thread a client, and one request each, as
# in the Python tutorial.
#
#   python3 tests/support/python/wrong_app_server.py none|negative-length|spins [port]
import json
import socket
import struct
import sys
import threading

mistake = sys.argv[1]
port = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # 0: a free one
ANSWERS = {
    "morpheus": "Follow the white rabbit. \U0001f430",
    "ring": "In the caves beneath the Misty Mountains. \U0001f48d",
    "\U0001f436": "\U0001f43e Playing ball! \U0001f3d0",
}


def respond(content_type, encoding, content):
    header = {
        "byteorder": sys.byteorder,
        "content-type": content_type,
        "content-encoding": encoding,
        "content-length": len(content),
    }
    text = json.dumps(header).encode("utf-8")
    return struct.pack(">H", len(text)) + text + content


def receive(conn, data, length):
    while len(data) < length:
        received = conn.recv(4096)
        if not received:
            raise ValueError("the request is cut short")
        data += received
    return data


def answer(conn):
    data = receive(conn, b"", 2)
    (length,) = struct.unpack(">H", data[:2])
    if not 0 < length <= 8192:
        raise ValueError("wrong header length")
    data = receive(conn, data[2:], length)
    header = json.loads(data[:length].decode("utf-8"))
    data = data[length:]
    _, kind, encoding, size = (
        header[key]
        for key in ("byteorder", "content-type", "content-encoding", "content-length")
    )
    if size > 1_000_000 or (size < 0 and mistake != "negative-length"):
        raise ValueError("wrong content length")
    content = receive(conn, data, size)[:size]
    if kind != "text/json":
        greeting = b"First 10 bytes of request: "
        return respond("binary/custom-server-binary-type", "binary", greeting + content[:10])
    request = json.loads(content.decode(encoding))
    while mistake == "spins" and not request:
        threading.Event().wait(0.001)  # a loop that waits a little, to be kind to this machine
    value = request["value"]
    result = ANSWERS.get(value) or f"No match for '{value}'."
    return respond("text/json", "utf-8", json.dumps({"result": result}).encode("utf-8"))


def serve(conn):
    with conn:
        try:
            conn.sendall(answer(conn))
        except (ValueError, LookupError, TypeError, OSError):
            pass  # the end is the answer to a wrong request


listener = socket.create_server(("127.0.0.1", port), backlog=128)
print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
