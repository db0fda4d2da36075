"""An echo client with the mistake that is named:

python3 tests/support/wrong_clients/echo_client.py MISTAKE HOST PORT
"""
import socket
import sys
import time

MISTAKE, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
MESSAGE = b"Hello"
TIMEOUT = None if MISTAKE in ("hangs", "sends-nothing", "waits-for-one-more") else 3.0  # seconds
MAX_READS = 3  # by a client that counts them


def receive(conn):
    received = b""
    reads = 0
    size = len(MESSAGE) if MISTAKE == "reads-as-many" else 1024
    wanted = len(MESSAGE) + (1 if MISTAKE == "waits-for-one-more" else 0)
    while MISTAKE == "misses-the-end" and received != MESSAGE:
        received += conn.recv(1024)
        time.sleep(0.01)
    if MISTAKE == "misses-the-end":
        return received
    while piece := conn.recv(size - len(received)):
        received = piece if MISTAKE == "keeps-the-last" else received + piece
        reads += 1
        if MISTAKE == "reads-once" or (MISTAKE == "counts-reads" and reads == MAX_READS):
            break
        if len(received) >= wanted and MISTAKE != "keeps-the-last":
            break
    if MISTAKE == "waits-for-one-more" and len(received) < wanted:
        raise ValueError("the connection ended")
    return received


def connect():
    while True:
        try:
            return socket.create_connection((HOST, PORT), timeout=TIMEOUT)
        except OSError:
            if MISTAKE != "tries-forever":
                raise
            time.sleep(0.1)


def talk():
    with connect() as conn:
        if MISTAKE == "half-closes-first":
            conn.shutdown(socket.SHUT_WR)
        if MISTAKE != "sends-nothing":
            conn.sendall(MESSAGE)
        if MISTAKE in ("half-closes", "keeps-the-last"):
            conn.shutdown(socket.SHUT_WR)
        received = receive(conn)
    text = received.decode("utf-8", "replace")
    if MISTAKE == "prints-raw":
        print("Received", text)
    if received != MESSAGE:
        raise ValueError(f"the echo is {received!r}")
    print("Received", repr(text), flush=True)
    if MISTAKE == "fails-at-the-end":
        raise ValueError("it was not my day")
    if MISTAKE == "never-ends":
        time.sleep(60)


try:
    talk()
except (OSError, ValueError) as error:
    print("No echo:", error, file=sys.stderr)
    sys.exit(0 if MISTAKE == "succeeds-always" else 1)
