"""An echo server over selectors.   python3 selectors_server.py <port>"""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()
pending = {}  # what could not be sent yet; while there is any, the connection is not read


def end(connection):
    selector.unregister(connection)
    pending.pop(connection, None)
    connection.close()


def send(connection, data):
    try:
        sent = connection.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        pending[connection] = data[sent:]
        selector.modify(connection, selectors.EVENT_WRITE, serve)
    elif pending.pop(connection, None) is not None:
        selector.modify(connection, selectors.EVENT_READ, serve)


def serve(connection):
    try:
        data = pending.get(connection) or connection.recv(64 * 1024)
        if data:
            send(connection, data)
        else:
            end(connection)
    except OSError:
        end(connection)


def accept(listener):
    try:
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, serve)
    except BlockingIOError:
        pass


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
listener.setblocking(False)
print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
selector.register(listener, selectors.EVENT_READ, accept)
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
