"""An application or chat server with the mistake that is named, with a thread for each client:

    python3 tests/support/python/cases/message_servers.py app|chat MISTAKE PORT

A mistake in its messages is one in both directions; with "answers-" before it, in its own alone.
"""
import socket
import sys
import threading
import unicodedata

from messages import encode, receive

KIND, MISTAKE, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
SENDS = MISTAKE.removeprefix("answers-")
RECEIVES = "none" if MISTAKE.startswith("answers-") else MISTAKE
ANSWERS = {
    "morpheus": "Follow the white rabbit. \U0001f430",
    "ring": "In the caves beneath the Misty Mountains. \U0001f48d",
    "\U0001f436": "\U0001f43e Playing ball! \U0001f3d0",
}
members = {}
lock = threading.RLock()


def key_of(name):
    return unicodedata.normalize("NFKC", name).lower()


def send(conn, value):
    conn.sendall(encode(value, SENDS))


def answer_app(conn):
    if MISTAKE == "reads-to-the-end":
        data = b""
        while more := conn.recv(4096):
            data += more
        return send(conn, {"result": ANSWERS["morpheus"]})
    if MISTAKE == "closes-at-once":
        return None
    while True:
        request = receive(conn, RECEIVES)
        if MISTAKE == "answers-twice":
            answer = encode({"result": ANSWERS["morpheus"]}, SENDS)
            conn.sendall(answer + answer)
        elif MISTAKE == "answers-again-at-the-end":
            send(conn, {"result": ANSWERS["morpheus"]})
            while conn.recv(4096):
                pass
            return send(conn, {"result": ANSWERS["morpheus"]})
        elif MISTAKE == "knows-no-answer":
            send(conn, {"result": "No match"})
        else:
            value = request["value"]
            send(conn, {"result": ANSWERS.get(value, f"No match for '{value}'.")})


def tell(value, but=None):
    with lock:
        for conn in list(members.values()):
            if conn is but:
                continue
            try:
                send(conn, value)
            except OSError:
                pass


def answer_chat(conn):
    name = None
    try:
        while True:
            try:
                said = receive(conn, RECEIVES)
            except (EOFError, OSError):
                return
            except ValueError as error:
                return refuse(conn, str(error))
            kind = said.get("type")
            if name is None:
                wanted = said.get("name", "")
                if kind != "join" or MISTAKE == "lets-nobody-in":
                    return refuse(conn, "join first")
                with lock:
                    if key_of(wanted) in members or not wanted.isalnum():
                        return refuse(conn, "no name, or taken")
                    members[key_of(wanted)] = conn
                name = wanted
                if MISTAKE == "tells-only-the-one-who-joins":
                    send(conn, {"type": "join", "name": name})
                else:
                    tell({"type": "join", "name": name}, conn if MISTAKE == "tells-only-others" else None)
            elif kind == "say":
                tell({"type": "say", "name": name, "text": said["text"]})
            elif kind == "who":
                send(conn, {"type": "who", "names": list(members)})
            elif kind == "pong" and MISTAKE.endswith("answers-pongs"):
                send(conn, {"type": "pong"})
            elif kind == "pong" and MISTAKE == "pings-at-pongs":
                send(conn, {"type": "ping"})
            elif kind == "leave":
                return None
    finally:
        if name is not None:
            tell({"type": "leave", "name": name})
            members.pop(key_of(name))


def refuse(conn, reason):
    if MISTAKE != "gives-no-reason":
        send(conn, {"type": "error", "reason": reason})
    if MISTAKE == "stays-open-after-errors":
        while conn.recv(4096):
            pass


def serve(conn):
    with conn:
        try:
            (answer_app if KIND == "app" else answer_chat)(conn)
        except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, LookupError):
            pass


listener = socket.create_server(("127.0.0.1", PORT), backlog=1000)
print("Listening", flush=True)
while True:
    conn, _ = listener.accept()
    if MISTAKE == "one-at-a-time":
        serve(conn)
    else:
        threading.Thread(target=serve, args=(conn,), daemon=True).start()
