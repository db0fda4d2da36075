# An echo server with select, and with one outbox for all of its clients.
import select, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
print("Listening", flush=True)
clients = set()
outbox = b""
while True:
    readable, writable, _ = select.select([listener, *clients], clients if outbox else [], [])
    for conn in readable:
        if conn is listener:
            new, _ = listener.accept()
            new.setblocking(False)
            clients.add(new)
            continue
        try:
            data = conn.recv(4096)
        except OSError:
            data = b""
        outbox += data
        if not data:
            clients.discard(conn)
            conn.close()
    for conn in writable:
        try:
            outbox = outbox[conn.send(outbox):]
        except OSError:
            pass  # it is closed
