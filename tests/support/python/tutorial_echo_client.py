"""An echo client that does what the Python tutorial's does: it sends, reads once, and prints.

    python3 tests/support/python/tutorial_echo_client.py HOST PORT
"""
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as conn:
    conn.sendall(b"Hello, world")
    print("Received", conn.recv(1024))
