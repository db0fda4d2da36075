"""A solution of the exercises "An echo server" and "Many clients": a thread for each client.

    python3 tests/solutions/many_clients.py [PORT]
"""
import socket
import sys
import threading


def echo(conn):
    with conn:
        try:
            while received := conn.recv(16_384):
                conn.sendall(received)  # before the next read, or the memory grows
        except OSError as error:
            print(f"Connection lost: {error}", file=sys.stderr)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 65432
with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        try:
            conn, _ = listener.accept()
        except OSError as error:  # Linux: no file descriptor is left, for example
            print(f"Cannot accept: {error}", file=sys.stderr)
            continue
        threading.Thread(target=echo, args=[conn], daemon=True).start()
