"""An echo server with the mistake that is named, with a thread for each client:

    python3 tests/support/python/cases/echo_servers.py MISTAKE PORT
"""
import os
import socket
import struct
import sys
import threading
import time

MISTAKE, PORT = sys.argv[1], int(sys.argv[2])
SMALL = ("loses-the-last-of-its-buffer", "sends-full-buffers-twice")  # read into a buffer of 4096 bytes
one_at_a_time = threading.Lock()


def serve(conn):
    with conn:
        try:
            if MISTAKE == "locks-while-it-reads":
                with one_at_a_time:
                    return answer(conn)
            answer(conn)
        except OSError:
            pass  # the client has gone


def answer(conn):
    if MISTAKE == "gives-up-early":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))  # microseconds
    if MISTAKE == "says-its-name":
        conn.sendall(b"220 echo ready\r\n")
    if MISTAKE == "closes-at-once":
        return
    while data := conn.recv(4096 if MISTAKE in SMALL else 65536):
        if MISTAKE == "never-answers":
            continue
        if MISTAKE == "is-slow":
            time.sleep(0.06)
        if MISTAKE == "ends-at-a-q" and b"q" in data:
            return
        if MISTAKE == "ends-long-messages" and len(data) > 1000:
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(65536):
                pass
            return
        if MISTAKE == "leaves-out-a-byte":
            data = data[:-1]
        elif MISTAKE == "adds-a-line-end":
            data += b"\n"
        elif MISTAKE == "adds-a-zero":
            data += b"\0"
        elif MISTAKE == "puts-words-before-it":
            data = b"You said: " + data
        elif MISTAKE == "reverses":
            data = data[::-1]
        elif MISTAKE == "leaves-out-what-is-not-utf-8":
            data = data.decode("utf-8", "ignore").encode()
        elif MISTAKE == "ends-lines-with-cr-lf":
            data = data.replace(b"\n", b"\r\n")
        elif MISTAKE == "loses-the-last-of-its-buffer":
            data = data[:4095]
        elif MISTAKE == "sends-full-buffers-twice" and len(data) == 4096:
            data += data
        elif MISTAKE == "strips":
            data = data.strip()
        elif MISTAKE == "is-a-web-server":
            data = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        elif MISTAKE == "is-a-redis":
            data = b"-ERR unknown command\r\n"
        elif MISTAKE == "ends-by-a-signal" and len(data) > 1000:
            os.abort()
        elif MISTAKE == "takes-1-KiB-only":
            data = data[:1024]
        conn.sendall(data)
        if MISTAKE == "answers-once-and-waits":
            conn.recv(1)
            return
        if MISTAKE == "answers-once-and-closes":
            return
    if MISTAKE == "says-goodbye":
        conn.sendall(b"bye")


listener = socket.create_server(("127.0.0.1", PORT), backlog=1000)
print("Listening", flush=True)
while True:
    conn, _ = listener.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
