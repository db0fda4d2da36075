"""The message protocol with the mistake that is named. The programs beside this one use it."""
import json
import pickle
import struct


def encode(value, mistake="none"):
    if mistake == "no-result":
        value = {"answer": value["result"]}
    if mistake == "pickled":
        return pickle.dumps(value)
    content = json.dumps(value, ensure_ascii=False).encode("utf-8")
    length = len(content.decode("utf-8")) if mistake == "counts-characters" else len(content)
    fields = {
        "byteorder": "little",
        "content-type": "text/json",
        "content-encoding": "utf-8",
        "content-length": length,
    }
    if mistake == "content-off-by-one":
        fields["content-length"] += 1
    if mistake == "length-is-a-text":
        fields["content-length"] = str(length)
    if mistake == "another-type":
        fields["content-type"] = "text/plain"
    if mistake == "lacks-a-key":
        del fields["byteorder"]
    if mistake == "adds-a-line-end":
        content += b"\n"
    if mistake == "says-application-json":
        fields["content-type"] = "application/json"
    header = json.dumps(fields).encode("utf-8")
    if mistake == "ends-its-header-with-a-line":
        return prefix(len(header), len(content), mistake) + header + b"\n" + content
    if mistake == "no-framing":
        return content + b"\n"
    return prefix(len(header), len(content), mistake) + header + content


def prefix(header, content, mistake):
    if mistake == "swapped":
        return struct.pack("<H", header)
    if mistake == "four-bytes":
        return struct.pack(">I", header)
    if mistake == "one-byte":
        return struct.pack(">B", header)
    if mistake == "no-prefix":
        return b""
    if mistake == "digits":
        return b"%04d" % header
    if mistake == "header-off-by-one":
        return struct.pack(">H", header + 1)
    if mistake == "counts-the-prefix":
        return struct.pack(">H", header + 2)
    if mistake == "counts-the-content":
        return struct.pack(">H", header + content)
    if mistake == "counts-all":
        return struct.pack(">H", 2 + header + content)
    return struct.pack(">H", header)


def exactly(conn, length):
    data = b""
    while len(data) < length:
        more = conn.recv(length - len(data))
        if not more:
            raise EOFError("the connection ended in the middle")
        data += more
    return data


def receive(conn, mistake="none"):
    """Reads a message; it has the mistake that messages of the other side would need."""
    if mistake == "no-framing":
        line = b""
        while not line.endswith(b"\n"):
            line += exactly(conn, 1)
        return json.loads(line)
    form = {"swapped": "<H", "four-bytes": ">I", "one-byte": ">B"}.get(mistake, ">H")
    (length,) = struct.unpack(form, exactly(conn, struct.calcsize(form)))
    if not 0 < length <= 8192:
        raise ValueError("wrong length of the header")
    header = json.loads(exactly(conn, length).decode("utf-8"))
    for key in ("byteorder", "content-type", "content-encoding", "content-length"):
        if key not in header:
            raise ValueError("a key is missing")
    size = header["content-length"]
    if type(size) is not int or not 0 <= size <= 1 << 20:
        raise ValueError("wrong content-length")
    content = exactly(conn, size + 1)[:-1] if mistake == "waits-for-one-more" else exactly(conn, size)
    if header["content-type"] != "text/json":
        return content
    return json.loads(content.decode("latin-1" if mistake == "takes-latin-1" else header["content-encoding"]))
