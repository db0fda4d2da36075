"""An application client or a bot with the mistake that is named:

    python3 tests/support/python/cases/message_clients.py app|bot MISTAKE HOST PORT
"""
import json
import socket
import struct
import sys
import time

from messages import encode, exactly, receive

KIND, MISTAKE, HOST, PORT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
REQUEST = {"action": "search", "value": "\U0001f436"}


def read_answer(conn):
    if MISTAKE == "reads-to-the-end":
        data = b""
        while more := conn.recv(4096):
            data += more
        (length,) = struct.unpack(">H", data[:2])
        return json.loads(data[2 + length:])
    if MISTAKE == "reads-too-far":
        (length,) = struct.unpack(">H", conn.recv(1024)[:2])
        header = json.loads(exactly(conn, length))
        return json.loads(exactly(conn, header["content-length"]))
    return receive(conn, MISTAKE.removeprefix("receives-"))


def ask(conn):
    if MISTAKE == "sends-nothing":
        sys.stdin.read()
        time.sleep(1)
        return
    if MISTAKE == "speaks-http":
        conn.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    else:
        conn.sendall(encode(REQUEST, MISTAKE))
    try:
        answer = read_answer(conn)["result"]
    except TypeError:
        raise ValueError("the answer is no object") from None
    printable = "".join(c if c.isprintable() else "?" for c in answer)
    if MISTAKE == "prints-nothing":
        return
    print(printable, file=sys.stderr if MISTAKE == "prints-on-stderr" else sys.stdout, flush=True)
    if MISTAKE == "never-ends":
        time.sleep(60)
    if MISTAKE == "fails-at-the-end":
        raise ValueError("it was not my day")


messages = []  # that came together


def receive_whole(conn):
    """Takes the messages in what a read returns, and forgets what is left of it."""
    while not messages:
        data = conn.recv(65536)
        if not data:
            raise EOFError("the end")
        while len(data) > 2:
            end = 2 + int.from_bytes(data[:2], "big")
            try:
                length = json.loads(data[2:end])["content-length"]
                messages.append(json.loads(data[end:end + length]))
            except ValueError:
                break
            data = data[end + length:]
    return messages.pop(0)


def connect():
    while True:
        try:
            return socket.create_connection((HOST, PORT), timeout=3)
        except OSError:
            if MISTAKE != "tries-forever":
                raise
            time.sleep(0.1)


def chat(conn):
    if MISTAKE == "waits-first":
        receive(conn)
    if MISTAKE == "talks-first":
        conn.sendall(encode({"type": "say", "text": "hello"}))
    conn.sendall(encode({"type": "join", "name": "adder"}, MISTAKE))
    while True:
        try:
            said = receive_whole(conn) if MISTAKE == "keeps-no-part" else receive(conn)
        except EOFError:
            if MISTAKE == "never-ends":
                time.sleep(1000)
            return
        if said["type"] == "error":
            raise ValueError(said["reason"])
        if said["type"] == "ping":
            conn.sendall(encode({"type": "pong"}))
        if MISTAKE == "fails-at-itself" and said["type"] == "say" and said["name"] == "adder":
            raise ValueError("the name is mine")
        if said["type"] != "say" or said["name"] == "adder" or MISTAKE == "never-answers":
            continue
        words = said["text"].split()
        if MISTAKE == "falls-silent-at-words" and words[0] != "sum":
            while conn.recv(65536):
                pass
            return
        if not words or words[0] != "sum":
            if MISTAKE != "finds-sum-anywhere" or "sum" not in words:
                continue
            words = words[words.index("sum"):]
        numbers = []
        if MISTAKE == "fails-at-minus" and "-" in said["text"]:
            raise ValueError("no digit")
        if MISTAKE == "knows-no-minus" and not all(word.isdigit() for word in words[1:]):
            continue
        for word in words[1:]:
            try:
                numbers.append(int(word))
            except ValueError:
                if MISTAKE == "fails-at-words":
                    raise
                if MISTAKE != "skips-words":
                    numbers = None
                    break
        if numbers or (numbers == [] and MISTAKE == "adds-nothing"):
            text = f"{said['text']} = {sum(numbers)}"
            if MISTAKE == "says-the-sum-alone":
                text = f"{sum(numbers)}"
            for _ in range(2 if MISTAKE == "says-it-twice" else 1):
                conn.sendall(encode({"type": "say", "text": text}))
            if MISTAKE == "drops-the-rest":
                conn.setblocking(False)
                try:
                    conn.recv(65536)
                except BlockingIOError:
                    pass  # there is none
                conn.settimeout(3)


try:
    with connect() as conn:
        (ask if KIND == "app" else chat)(conn)
except (OSError, ValueError, EOFError, LookupError, TypeError, struct.error) as error:
    sys.exit(0 if MISTAKE == "succeeds-silently" else f"No answer: {error}")
