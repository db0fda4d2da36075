"""An echo client with the mistake that is named:

python3 tests/support/wrong_clients/echo_client.py MISTAKE HOST PORT
"""
import socket
import sys

MISTAKE, HOST, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
MESSAGE = b"Hello"
TIMEOUT = None if MISTAKE == "hangs" else 3.0  # seconds
MAX_READS = 3  # by a client that counts them


def receive(conn):
    received = b""
    reads = 0
    while piece := conn.recv(1024):
        received += piece
        reads += 1
        if MISTAKE == "reads-once" or (MISTAKE == "counts-reads" and reads == MAX_READS):
            break
        if len(received) >= len(MESSAGE):
            break
    return received


def talk():
    with socket.create_connection((HOST, PORT), timeout=TIMEOUT) as conn:
        conn.sendall(MESSAGE)
        if MISTAKE == "half-closes":
            conn.shutdown(socket.SHUT_WR)
        received = receive(conn)
    text = received.decode("utf-8", "replace")
    if MISTAKE == "prints-raw":
        print("Received", text)
    if received != MESSAGE:
        raise ValueError(f"the echo is {received!r}")
    print("Received", repr(text))


try:
    talk()
except (OSError, ValueError) as error:
    print("No echo:", error, file=sys.stderr)
    sys.exit(0 if MISTAKE == "succeeds-always" else 1)
