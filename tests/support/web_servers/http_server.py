"""A web server by Python's http.server, with a page and an echo, as the checker wants it.

python3 http_server.py <port>
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_LENGTH = 1024 * 1024  # bytes


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # the header and the body share a write

    def do_GET(self):
        if self.path.split("?")[0] != "/":
            return self.answer(404, b"Not found\n")
        self.answer(200, b"<h1>Hello</h1>", "text/html")

    do_HEAD = do_GET

    def do_POST(self):
        if self.path != "/echo":
            return self.answer(404, b"Not found\n")
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_LENGTH:
            self.close_connection = True
            return self.answer(413, b"")
        self.answer(200, self.rfile.read(length))

    def answer(self, status, body, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    print(f"Listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
