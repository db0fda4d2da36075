"""A server that counts, with the mistake that is named, with a thread for each client:

    python3 tests/support/python/cases/count_servers.py MISTAKE PORT
"""
import socket
import struct
import sys
import threading

MISTAKE, PORT = sys.argv[1], int(sys.argv[2])
FORMS = {"swapped": "<II", "eight-bytes": ">QQ", "two-bytes": ">HH", "native": "@qi"}
MAX_COUNTED = 1 << 20
kept = []
total = 0


def count(conn):
    number = 0
    if MISTAKE == "takes-a-pause-for-the-end":
        conn.settimeout(0.5)
    try:
        while data := conn.recv(65536):
            number += len(data.strip() if MISTAKE == "strips" else data)
    except TimeoutError:
        pass
    return min(number, MAX_COUNTED) if MISTAKE == "has-a-limit" else number


def serve(conn, client):
    global total
    try:
        number = count(conn)
        total += number
        if MISTAKE == "adds-up":
            number = total
        answer = struct.pack(FORMS.get(MISTAKE, ">II"), number & 65535 if MISTAKE == "two-bytes" else number, client)
        if MISTAKE == "text":
            answer = f"{number} {client}\n".encode()
        elif MISTAKE == "other-order":
            answer = struct.pack(">II", client, number)
        elif MISTAKE == "swaps-the-clients":
            answer = struct.pack(">I", number) + struct.pack("<I", client)
        conn.sendall(answer)
    except OSError:
        pass  # the client has gone
    if MISTAKE == "stays-open":
        kept.append(conn)
    else:
        conn.close()


listener = socket.create_server(("127.0.0.1", PORT), backlog=1000)
print("Listening", flush=True)
clients = 0
while True:
    conn, _ = listener.accept()
    clients += 1
    threading.Thread(target=serve, args=(conn, clients), daemon=True).start()
