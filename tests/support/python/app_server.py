"""An application server as the tutorial's: one request, one response, then it closes.

    python3 app_server.py [port]
"""
import json
import socket
import struct
import sys

SEARCH = {
    "morpheus": "Follow the white rabbit. \U0001f430",
    "ring": "In the caves beneath the Misty Mountains. \U0001f48d",
    "\U0001f436": "\U0001f43e Playing ball! \U0001f3d0",
}


def receive(conn, length):
    data = b""
    while len(data) < length:
        chunk = conn.recv(length - len(data))
        if not chunk:
            raise ConnectionError("peer closed")
        data += chunk
    return data


def receive_message(conn):
    (length,) = struct.unpack(">H", receive(conn, 2))
    header = json.loads(receive(conn, length).decode("utf-8"))
    return header, receive(conn, header["content-length"])


def message(content, content_type, encoding):
    header = {
        "byteorder": sys.byteorder,
        "content-type": content_type,
        "content-encoding": encoding,
        "content-length": len(content),
    }
    header = json.dumps(header, ensure_ascii=False).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


def answer(header, content):
    if header["content-type"] != "text/json":
        first = b"First 10 bytes of request: " + content[:10]
        return message(first, "binary/custom-server-binary-type", "binary")
    request = json.loads(content.decode(header["content-encoding"]))
    if request["action"] == "search":
        value = request["value"]
        result = SEARCH.get(value) or f"No match for '{value}'."
    else:
        result = f"Error: invalid action '{request['action']}'."
    content = json.dumps({"result": result}, ensure_ascii=False).encode("utf-8")
    return message(content, "text/json", "utf-8")


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0  # 0: a free one
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            conn, _ = listener.accept()
            with conn:
                try:
                    conn.sendall(answer(*receive_message(conn)))
                except (ConnectionError, ValueError, KeyError) as error:
                    print(f"error: {error!r}", file=sys.stderr, flush=True)
