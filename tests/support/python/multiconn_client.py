"""A client with many connections over selectors, of the kind the Python tutorial builds.

    python3 multiconn_client.py <host> <port> <num_connections>
"""

import selectors
import socket
import sys

MESSAGES = [b"Message 1 from client.", b"Message 2 from client."]
TOTAL = sum(map(len, MESSAGES))

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
selector = selectors.DefaultSelector()
for number in range(1, count + 1):
    print("Starting connection", number, "to", (host, port))
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex((host, port))
    state = {"number": number, "messages": list(MESSAGES), "pending": b"", "received": b""}
    selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, state)

while selector.get_map():
    for key, events in selector.select(timeout=10):
        connection, state = key.fileobj, key.data
        if events & selectors.EVENT_READ:
            received = connection.recv(1024)
            print(f"Received {received!r} from connection {state['number']}")
            state["received"] += received
            if not received or len(state["received"]) == TOTAL:
                print("Closing connection", state["number"])
                selector.unregister(connection)
                connection.close()
                if state["received"] != b"".join(MESSAGES):
                    sys.exit(f"Connection {state['number']} got {state['received']!r}")
                continue
        if events & selectors.EVENT_WRITE:
            if not state["pending"] and state["messages"]:
                state["pending"] = state["messages"].pop(0)
            if state["pending"]:
                print(f"Sending {state['pending']!r} to connection {state['number']}")
                sent = connection.send(state["pending"])
                state["pending"] = state["pending"][sent:]
            else:
                selector.modify(connection, selectors.EVENT_READ, state)
