# A right echo server: a thread for each client, and a backlog of its own.
#
#   python3 tests/support/python/threaded_echo_server.py <backlog> [port]
import socket
import sys
import threading

backlog = int(sys.argv[1])
port = int(sys.argv[2]) if len(sys.argv) > 2 else 0  # 0: a free one


def echo(conn):
    with conn:
        try:
            while received := conn.recv(16_384):
                conn.sendall(received)
        except OSError:
            pass  # this client has gone


with socket.create_server(("127.0.0.1", port), backlog=backlog) as listener:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            continue  # this client had gone before it was accepted
        threading.Thread(target=echo, args=[conn], daemon=True).start()
