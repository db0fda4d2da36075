"""A tunnel with the mistake that is named, from PORT to PORT + 2, with an echo server behind it:

    python3 tests/support/python/cases/tunnels.py MISTAKE PORT
"""
import socket
import struct
import sys
import threading

MISTAKE, ENTRY = sys.argv[1], int(sys.argv[2])
EXIT = ENTRY + 2
READ_SIZE = 65536 if MISTAKE == "wraps-the-length" else 32768


def exactly(conn, length):
    data = b""
    while len(data) < length:
        more = conn.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
        if MISTAKE == "reads-a-frame-once" and length > 2:
            break
    return data


def wrap(plain, framed):
    while data := plain.recv(READ_SIZE):
        framed.sendall(data if MISTAKE == "no-frames" else struct.pack(">H", len(data) & 65535) + data)
    if MISTAKE == "no-frames":
        framed.shutdown(socket.SHUT_WR)
    elif MISTAKE != "never-ends":
        framed.sendall(b"\0\0")


def unwrap(framed, plain):
    while True:
        if MISTAKE == "no-frames":
            data = framed.recv(READ_SIZE)
        else:
            (length,) = struct.unpack(">H", exactly(framed, 2))
            data = exactly(framed, length)
        if not data:
            return plain.shutdown(socket.SHUT_WR)
        plain.sendall(data)


def serve(near, to, is_entry):
    with near, socket.create_connection(("127.0.0.1", to)) as far:
        plain, framed = (near, far) if is_entry else (far, near)

        def run(work, *ends):
            try:
                work(*ends)
            except (OSError, EOFError):
                for conn in (near, far):
                    try:
                        conn.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass  # it has ended already

        wrapping = threading.Thread(target=run, args=(wrap, plain, framed))
        wrapping.start()
        run(unwrap, framed, plain)
        wrapping.join()


def echo(conn):
    with conn:
        try:
            while data := conn.recv(65536):
                conn.sendall(data)
        except OSError:
            pass  # the client has gone


def listen(port, handle, *args):
    listener = socket.create_server(("127.0.0.1", port), backlog=1000)

    def accept():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=handle, args=(conn, *args), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    return listener.getsockname()[1]


echo_port = listen(0, echo)
listen(EXIT, serve, echo_port, False)
listen(ENTRY, serve, EXIT, True)
print("Listening", flush=True)
