"""A web server with a page and an echo. A thread for each client.

python3 web_server.py <port>
"""

import re
import socket
import sys
import threading

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"  # or a stranger's form could put a script into the site
PAGE = "<!DOCTYPE html><title>Mine</title><h1>Hello from Python 🐍</h1>".encode()
MAX_LINE = 8 * 1024  # bytes
MAX_HEADER = 64 * 1024  # bytes
MAX_BODY = 1024 * 1024  # bytes
TIMEOUT = 30  # seconds
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
REASONS |= {413: "Content Too Large", 431: "Request Header Fields Too Large"}
REASONS |= {501: "Not Implemented"}
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


class Refusal(Exception):
    """A request after which nobody knows where the next one begins."""

    def __init__(self, status):
        self.status = status


def read_line(file):
    line = file.readline(MAX_LINE)
    if line.endswith(b"\r\n"):
        return line[:-2].decode("latin-1")
    raise Refusal(431 if len(line) == MAX_LINE else 400)


def read_request(file):
    """Returns the method, the path, the body, and whether it is the last; None is the end."""
    if file.peek(1) == b"":
        return None
    first = re.fullmatch(rf"({TOKEN}) (/[!-~]*) HTTP/1\.([01])", read_line(file))
    if not first:
        raise Refusal(400)
    fields = {}
    length = 0
    while (line := read_line(file)) != "":
        field = re.fullmatch(rf"({TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f]*)", line)
        if not field:
            raise Refusal(400)
        name = field[1].lower()
        if name in fields and name in ("content-length", "host"):
            raise Refusal(400)
        fields[name] = field[2].rstrip(" \t")
        length += len(line)
        if length > MAX_HEADER:
            raise Refusal(431)
    is_old = first[3] == "0"
    if not is_old and "host" not in fields:
        raise Refusal(400)
    if "transfer-encoding" in fields:
        raise Refusal(400 if "content-length" in fields else 501)
    digits = fields.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,20}", digits):
        raise Refusal(400)
    if int(digits) > MAX_BODY:
        raise Refusal(413)
    body = file.read(int(digits))
    if len(body) < int(digits):
        raise Refusal(400)
    is_last = is_old or "close" in fields.get("connection", "").lower()
    return first[1], first[2].split("?")[0], body, is_last


def find_answer(method, path, body):
    if path == "/":
        return (200, HTML, PAGE) if method in ("GET", "HEAD") else (405, TEXT, b"")
    if path == "/echo":
        return (200, TEXT, body) if method == "POST" else (405, TEXT, b"")
    return 404, TEXT, b"Not found\n"


def encode(method, status, content_type, body, is_last):
    lines = [f"HTTP/1.1 {status} {REASONS[status]}"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    if is_last:
        lines.append("Connection: close")
    header = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
    return header if method == "HEAD" else header + body


def serve(conn):
    with conn, conn.makefile("rb") as file:
        try:
            while request := read_request(file):
                method, path, body, is_last = request
                conn.sendall(encode(method, *find_answer(method, path, body), is_last))
                if is_last:
                    break
        except Refusal as refusal:
            conn.sendall(encode("", refusal.status, TEXT, b"", True))
            conn.shutdown(socket.SHUT_WR)
            while file.read1(65536):  # or a reset would destroy the answer
                pass


def run(conn):
    try:
        conn.settimeout(TIMEOUT)
        serve(conn)
    except OSError:
        pass  # the client is gone


with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128) as listener:
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=run, args=(conn,), daemon=True).start()
