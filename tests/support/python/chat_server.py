# The chat of app/chat_server.ts in plain asyncio, the peer of its benchmark:
#
#   python3 tests/support/python/chat_server.py [port]
#
# It says exactly the same bytes, has the same bound for who falls behind, and checks what it receives.
import asyncio
import json
import re
import socket
import struct
import sys

MAX_HEADER_LENGTH = 8 * 1024  # bytes
MAX_CONTENT_LENGTH = 16 * 1024  # bytes
MAX_QUEUE_LENGTH = 256 * 1024  # bytes
PING_INTERVAL = 15  # seconds
NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,32}")

writers = {}  # by name


def encode(content):
    content = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    header = json.dumps({
        "byteorder": sys.byteorder,
        "content-type": "text/json",
        "content-encoding": "utf-8",
        "content-length": len(content),
    }, separators=(",", ":")).encode()
    return struct.pack(">H", len(header)) + header + content


async def receive(reader):
    (length,) = struct.unpack(">H", await reader.readexactly(2))
    if not 0 < length <= MAX_HEADER_LENGTH:
        raise ValueError("impossible header length")
    header = json.loads(await reader.readexactly(length))
    length = header["content-length"]
    if not 0 <= length <= MAX_CONTENT_LENGTH:
        raise ValueError("impossible content length")
    return json.loads(await reader.readexactly(length))


def push(writer, message):
    writer.write(message)
    if writer.transport.get_write_buffer_size() > MAX_QUEUE_LENGTH:
        print("Dropped a client that reads too slowly", file=sys.stderr)
        writer.transport.abort()


def broadcast(content):
    message = encode(content)
    for writer in list(writers.values()):
        push(writer, message)


async def handle(reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = None
    try:
        name = await join(reader, writer)
        while True:
            message = await asyncio.wait_for(receive(reader), 2 * PING_INTERVAL)
            if message["type"] == "say":
                broadcast({"type": "say", "name": name, "text": str(message["text"])})
            elif message["type"] == "who":
                push(writer, encode({"type": "who", "names": list(writers)}))
            elif message["type"] == "leave":
                break
            elif message["type"] != "pong":
                raise ValueError("impossible type")
    except (OSError, EOFError, asyncio.TimeoutError):
        pass
    except (ValueError, KeyError, TypeError) as error:
        push(writer, encode({"type": "error", "reason": str(error)}))
    finally:
        if name is not None:
            broadcast({"type": "leave", "name": name})
            del writers[name]
        writer.close()


async def join(reader, writer):
    message = await asyncio.wait_for(receive(reader), 10)
    name = message["name"]
    if message["type"] != "join" or not NAME.fullmatch(name) or name in writers:
        raise ValueError("impossible name")
    writers[name] = writer
    broadcast({"type": "join", "name": name})
    return name


async def ping():
    while True:
        await asyncio.sleep(PING_INTERVAL)
        broadcast({"type": "ping"})


async def main(port):
    server = await asyncio.start_server(handle, "127.0.0.1", port)
    print("Listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(server.serve_forever(), ping())


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 65432))
