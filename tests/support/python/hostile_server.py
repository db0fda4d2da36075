"""An echo server that does what no server should, beside its work:

    python3 tests/support/python/hostile_server.py MISDEED PORT
"""

import os
import select
import signal
import socket
import sys
import threading
import time

misdeed, port = sys.argv[1], int(sys.argv[2])


def echo(conn):
    try:
        while chunk := conn.recv(65536):
            conn.sendall(chunk)
    except OSError:
        pass
    finally:
        conn.close()


def serve(listener):
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            continue
        threading.Thread(target=echo, args=(conn,), daemon=True).start()


def listen():
    return socket.create_server(("127.0.0.1", port), backlog=1024)


def print_forever():
    while True:
        os.write(1, b"\x1b[2J\xff\xfe nonsense " * 5000)


if misdeed == "prints-forever":
    threading.Thread(target=print_forever, daemon=True).start()
elif misdeed == "prints-a-long-line":
    os.write(2, b"\xff\x1b" * 5_000_000)
elif misdeed == "prints-and-ends":
    os.write(2, b"first\n" * 1000 + b"\x1b[31mred\xff " + b"x" * 1000 + b"\nlast\n")
    sys.exit(7)
elif misdeed == "is-a-daemon":
    listener = listen()
    starter = os.getpid()
    if os.fork():
        sys.exit(0)
    os.setsid()
    while os.getppid() == starter:  # it takes a moment to end
        time.sleep(0.01)
    serve(listener)
elif misdeed == "leaves-a-daemon":
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
elif misdeed == "keeps-the-port":
    listener = listen()
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
    serve(listener)
elif misdeed == "ignores-signals":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
elif misdeed.startswith("signal-"):
    os.kill(os.getpid(), int(misdeed.removeprefix("signal-")))
    time.sleep(10)
elif misdeed == "closes-its-listener":
    listener = listen()
    for _ in range(3):  # two checks, and a look after the first
        conn, _ = listener.accept()
        threading.Thread(target=echo, args=(conn,), daemon=True).start()
    conn, _ = listener.accept()  # a look after the second
    listener.close()  # before the answer: who has it may connect again at once
    echo(conn)
    time.sleep(1000)
elif misdeed == "closes-its-listener-late":
    listener = listen()
    for _ in range(4):
        conn, _ = listener.accept()
        threading.Thread(target=echo, args=(conn,), daemon=True).start()
    select.select([listener], [], [])
    listener.close()  # the client that waits there is reset
    time.sleep(1000)
elif misdeed == "dies-of-a-broken-pipe":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    listener = listen()
    echo(listener.accept()[0])  # a check
    conn, _ = listener.accept()  # a look after it
    listener.close()  # so that the next check finds nobody
    echo(conn)
    os.kill(os.getpid(), signal.SIGPIPE)  # as a write to a client that is gone does
elif misdeed == "never-listens":
    time.sleep(1000)
serve(listen())
