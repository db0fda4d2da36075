"""An application client as the tutorial's: python3 app_client.py PORT ACTION VALUE. Prints the response."""
import json
import socket
import sys

from app_server import message, receive_message

port, action, value = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if action == "search":
    content = json.dumps({"action": action, "value": value}, ensure_ascii=False).encode("utf-8")
    request = message(content, "text/json", "utf-8")
else:
    request = message(
        (action + value).encode("utf-8"), "binary/custom-client-binary-type", "binary"
    )

with socket.create_connection(("127.0.0.1", port), timeout=10) as conn:
    conn.sendall(request)
    header, content = receive_message(conn)
if header["content-type"] == "text/json":
    print(json.loads(content.decode(header["content-encoding"]))["result"])
else:
    print(repr(content))
