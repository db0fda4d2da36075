"""One connection of a client that does what the Python tutorial's multi-connection client does: it counts
the bytes that come back, and looks at nothing else.

    python3 tests/support/python/tutorial_multiconn_client.py HOST PORT
"""
import socket
import sys

MESSAGES = [b"Message 1 from client.", b"Message 2 from client."]

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as conn:
    for message in MESSAGES:
        conn.sendall(message)
    received = 0
    while received != sum(map(len, MESSAGES)) and (piece := conn.recv(1024)):
        print("Received", piece)
        received += len(piece)
print("Closing connection")
