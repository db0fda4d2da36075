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
    global total
    number = 0
    if MISTAKE == "takes-a-pause-for-the-end":
        conn.settimeout(0.5)
    try:
        while data := conn.recv(64 if MISTAKE == "reads-once" else 65536):
            number += len(data.strip() if MISTAKE == "strips" else data)
            if MISTAKE == "has-one-counter":
                total += len(data)
            if MISTAKE == "leaves-one-out":
                number -= 1
            if MISTAKE == "reads-once":
                break
    except TimeoutError:
        pass
    return min(number, MAX_COUNTED) if MISTAKE == "has-a-limit" else number


def serve(conn, client):
    global total
    try:
        number = count(conn)
        if MISTAKE == "counts-the-end":
            number += 1
        if MISTAKE == "ends-at-much" and number > 65536:
            return conn.close()
        if MISTAKE == "has-one-counter":
            number, total = total, 0
        if MISTAKE == "adds-up":
            total += number
            number = total
        answer = struct.pack(FORMS.get(MISTAKE, ">II"), number & 65535 if MISTAKE == "two-bytes" else number, client)
        if MISTAKE == "text":
            answer = f"{number} {client}\n".encode()
        elif MISTAKE == "other-order":
            answer = struct.pack(">II", client, number)
        elif MISTAKE == "swaps-the-clients":
            answer = struct.pack(">I", number) + struct.pack("<I", client)
        if MISTAKE != "never-answers":
            conn.sendall(answer)
    except OSError:
        pass  # the client has gone
    if MISTAKE in ("stays-open", "never-answers"):
        kept.append(conn)
    else:
        conn.close()


listener = socket.create_server(("127.0.0.1", PORT), backlog=1000)
print("Listening", flush=True)
clients = 0
while True:
    conn, _ = listener.accept()
    clients += 1
    if MISTAKE == "one-at-a-time":
        serve(conn, clients)
        continue
    threading.Thread(target=serve, args=(conn, clients), daemon=True).start()
