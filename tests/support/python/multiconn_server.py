"""An echo server for many connections over selectors, of the kind the Python tutorial builds.

    python3 multiconn_server.py <host> <port>
"""

import selectors
import socket
import sys

selector = selectors.DefaultSelector()


def accept(listener, _):
    connection, address = listener.accept()
    connection.setblocking(False)
    print("Accepted connection from", address, flush=True)
    state = {"address": address, "pending": b"", "ended": False}
    selector.register(connection, selectors.EVENT_READ, (serve, state))


def serve(connection, events):
    state = selector.get_key(connection).data[1]
    if events & selectors.EVENT_READ:
        received = connection.recv(1024)
        state["ended"] = not received
        state["pending"] += received
    if state["pending"]:
        print(f"Echoing {state['pending']!r} to {state['address']}", flush=True)
        sent = connection.send(state["pending"])
        state["pending"] = state["pending"][sent:]
    if state["ended"] and not state["pending"]:
        print("Closing connection to", state["address"], flush=True)
        selector.unregister(connection)
        connection.close()
        return
    wanted = selectors.EVENT_WRITE if state["pending"] else selectors.EVENT_READ
    selector.modify(connection, wanted, (serve, state))


listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
listener.setblocking(False)
print("Listening on", listener.getsockname(), flush=True)
selector.register(listener, selectors.EVENT_READ, (accept, None))
while True:
    for key, events in selector.select():
        key.data[0](key.fileobj, events)
