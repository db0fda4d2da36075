"""An application client that does what the Python tutorial's does: it reads until the response is there,
prints it as it is, and reports an error without an exit code.

    python3 tests/support/python/tutorial_app_client.py HOST PORT
"""
import json
import socket
import struct
import sys
import traceback

from app_server import message

KEYS = ("byteorder", "content-length", "content-type", "content-encoding")


class Response:
    def __init__(self, conn):
        self.conn = conn
        self.data = b""

    def take(self, length):
        while len(self.data) < length:
            piece = self.conn.recv(4096)
            if not piece:
                raise RuntimeError("Peer closed")
            self.data += piece
        taken, self.data = self.data[:length], self.data[length:]
        return taken


try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as conn:
        content = json.dumps({"action": "search", "value": "morpheus"}).encode("utf-8")
        conn.sendall(message(content, "text/json", "utf-8"))
        response = Response(conn)
        (length,) = struct.unpack(">H", response.take(2))
        header = json.loads(response.take(length).decode("utf-8"))
        for key in KEYS:
            if key not in header:
                raise ValueError(f"Missing required header '{key}'")
        content = response.take(header["content-length"])
        print("Got result:", json.loads(content.decode(header["content-encoding"]))["result"])
except Exception:
    traceback.print_exc()
