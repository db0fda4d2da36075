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
SMALL = (  # read into a buffer of 4096 bytes
    "loses-the-last-of-its-buffer",
    "sends-full-buffers-twice",
    "ends-full-buffers-with-a-zero",
)
one_at_a_time = threading.Lock()
only_one = threading.Lock()


def serve(conn):
    with conn:
        try:
            if MISTAKE == "locks-while-it-reads":
                with one_at_a_time:
                    return answer(conn)
            if MISTAKE in ("turns-away-the-second", "says-that-it-is-busy"):
                return answer_one(conn)
            answer(conn)
        except OSError:
            pass  # the client has gone


def answer_one(conn):
    """Answers one client, and turns away those who come meanwhile."""
    if only_one.acquire(timeout=1):  # the client before may not be noticed to have gone
        try:
            return answer(conn)
        finally:
            only_one.release()
    if MISTAKE == "says-that-it-is-busy":
        conn.sendall(b"busy\n")
        conn.shutdown(socket.SHUT_WR)
        read_on(conn)


def read_on(conn):
    """Reads to the end, and does nothing with it."""
    while conn.recv(65536):
        pass


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
            return read_on(conn)
        if MISTAKE == "falls-silent-at-long-messages" and len(data) > 1000:
            return read_on(conn)
        if MISTAKE == "ends-at-a-single-byte" and len(data) == 1:
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
        elif MISTAKE == "ends-full-buffers-with-a-zero" and len(data) == 4096:
            data = data[:-1] + b"\0"
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
            return read_on(conn)
        if MISTAKE == "answers-once-and-closes":
            return
    if MISTAKE == "says-goodbye":
        conn.sendall(b"bye")


listener = socket.create_server(("127.0.0.1", PORT), backlog=1000)
print("Listening", flush=True)
while True:
    conn, _ = listener.accept()
    threading.Thread(target=serve, args=(conn,), daemon=True).start()
