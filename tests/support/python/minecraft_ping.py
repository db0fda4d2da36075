"""Captures how a Minecraft client asks a server for its status: minecraft_ping.py client|server > FILE

Both sides run here, after the description of the protocol, and share no code with the package.
The capture is what the client, or the server, has sent.
"""

import json
import socket
import struct
import sys
import threading


def varint(value):
    result = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        result.append(low | 0x80 if value else low)
        if not value:
            return bytes(result)


def text(value):
    return varint(len(value.encode())) + value.encode()


def packet(kind, body=b""):
    return varint(len(varint(kind) + body)) + varint(kind) + body


def read_varint(stream):
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def read_packet(stream):
    body = stream.read(read_varint(stream))
    return body[0], body[1:]


STATUS = {
    "version": {"name": "1.21.11", "protocol": 774},
    "players": {"max": 20, "online": 0, "sample": []},
    "description": {"text": "Das Kaninchen läuft 🐇"},
    "favicon": "data:image/png;base64," + "A" * 20_000,  # so that the length takes three bytes
}


class Recorder:
    def __init__(self, sock):
        self.sock = sock
        self.sent = b""

    def send(self, data):
        self.sock.sendall(data)
        self.sent += data


def serve(listener, recorders):
    conn, _ = listener.accept()
    with conn, conn.makefile("rb") as stream:
        server = recorders["server"] = Recorder(conn)
        read_packet(stream)  # the handshake
        read_packet(stream)  # the status request
        server.send(packet(0, text(json.dumps(STATUS, ensure_ascii=False))))
        _, number = read_packet(stream)  # the ping
        server.send(packet(1, number))


def main():
    recorders = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, recorders))
        thread.start()
        with socket.create_connection(listener.getsockname()) as conn, conn.makefile("rb") as stream:
            client = recorders["client"] = Recorder(conn)
            handshake = varint(774) + text("localhost") + struct.pack(">H", 25565) + varint(1)
            client.send(packet(0, handshake))
            client.send(packet(0))
            read_packet(stream)
            client.send(packet(1, struct.pack(">q", 1234567890123)))
            assert read_packet(stream) == (1, struct.pack(">q", 1234567890123))
        thread.join()
    sys.stdout.buffer.write(recorders[sys.argv[1]].sent)


main()
