"""An echo client that is right, but does something that few clients do:

    python3 tests/support/wrong_clients/odd_client.py ODDITY HOST PORT
"""

import os
import signal
import socket
import subprocess
import sys
import time

oddity, host, port = sys.argv[1:]
message = b"x" * 65536 if oddity == "long-message" else b"Hello"

if oddity == "prints-single-bytes":
    for _ in range(150_000):
        os.write(1, b".")
if oddity == "prints-before":
    for line in range(20_000):
        print(f"line {line} of what it says before its echo")
if oddity == "prints-no-echo":
    os.write(1, b"\x1b" * 50_000)
if oddity == "leaves-a-daemon":
    # A session of its own, which a signal to the client's group of processes does not reach.
    daemon = subprocess.Popen(
        ["sleep", "1000"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    print(f"daemon {daemon.pid}", file=sys.stderr, flush=True)
    os._exit(3)
if oddity == "real-time-signal":
    os.kill(os.getpid(), signal.SIGRTMIN + 6)  # 40 on Linux
    time.sleep(10)

sock = socket.create_connection((host, int(port)), timeout=20)
if oddity == "never-ends":
    while True:
        sock.sendall(b"x" * 65536)
sock.sendall(message)
sock.shutdown(socket.SHUT_WR)
echo = b""
while chunk := sock.recv(65536):
    echo += chunk
if echo != message:
    sys.exit("No echo")
print("" if oddity == "prints-no-echo" else message.decode())
