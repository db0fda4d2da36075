# An echo server with the mistake that is named: a single thread, and sockets that do not block.
#
#   python3 tests/support/python/wrong_echo_server.py none|resets|sends-once|drops|keeps|ends [port]
import selectors
import socket
import sys

mistake = sys.argv[1]
port = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # 0: a free one
# Bytes that may wait to be sent.
LIMIT = {"drops": 8 * 1024 * 1024, "keeps": 1024 * 1024 * 1024}.get(mistake, 64 * 1024)
RESETS = () if mistake in ("resets", "keeps") else (ConnectionError,)

selector = selectors.DefaultSelector()
listener = socket.create_server(("127.0.0.1", port), backlog=1024)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ)
print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)


class Client:
    waiting = bytearray()
    done = False


def serve(conn, client, events):
    if events & selectors.EVENT_READ:
        received = conn.recv(65_536)
        client.done = not received
        client.waiting = client.waiting + received
    if client.waiting:
        try:
            sent = conn.send(client.waiting)
        except BlockingIOError:
            sent = 0
        client.waiting = bytearray() if mistake == "sends-once" else client.waiting[sent:]
    if client.done and (mistake == "drops" or not client.waiting):
        return False
    wanted = 0
    if client.waiting:
        wanted |= selectors.EVENT_WRITE
    if not client.done and len(client.waiting) < LIMIT:
        wanted |= selectors.EVENT_READ
    selector.modify(conn, wanted, client)
    return True


while True:
    for key, events in selector.select():
        if key.fileobj is listener:
            try:
                conn, _ = listener.accept()
            except OSError:
                continue
            conn.setblocking(False)
            selector.register(conn, selectors.EVENT_READ, Client())
            continue
        try:
            stays = serve(key.fileobj, key.data, events)
        except RESETS:
            stays = False
        if not stays:
            selector.unregister(key.fileobj)
            key.fileobj.close()
            if mistake == "ends":
                sys.exit()
