# Prints what Python's struct makes of many formats and values, as JSON. The boundaries of each code:
#
#   python3 tests/support/python/struct_vectors.py | deno fmt --ext=json - > tests/support/data/struct_vectors.json
#
# Or random formats: python3 tests/support/python/struct_vectors.py SEED COUNT
import json
import math
import random
import struct
import sys

INTEGERS = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "l": 4, "L": 4, "q": 8, "Q": 8}
FLOATS = {
    "e": [65504.0, 65519.99, 65520.0, -65520.0, 2.0**-14, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0001,
          2.0**-24 * 1.5, 2.0**-24 * 2.5, 2.0**-14 - 2.0**-25, 1 + 2.0**-11, 1 + 3 * 2.0**-11,
          1 + 2.0**-11 + 2.0**-40, 2047.5 / 1024, 1e-300],
    "f": [3.4028234663852886e38, 3.4028235677973366e38, 3.4028235677973362e38, -1e39, 1e-45,
          7e-46, 2.0**-149, 2.0**-150, 2.0**-126 - 2.0**-150, 1 + 2.0**-24, 1 + 3 * 2.0**-24],
    "d": [1.7976931348623157e308, 5e-324, 2.2250738585072014e-308],
}
COMMON = [0.0, -0.0, 1.0, -1.5, 0.1, math.pi, math.inf, -math.inf, math.nan]


def boundaries():
    for order in "<>!":  # "=" depends on the machine
        for code, size in INTEGERS.items():
            high = 2 ** (8 * size - code.islower())
            low = -high if code.islower() else 0
            for value in [low - 1, low, low + 1, -1, 0, 1, high // 2 + 3, high - 1, high]:
                yield packed(order + code, [value])
            yield packed(f"{order}3{code}", [low, 1, high - 1])
            yield packed(f"{order}x2{code}x", [1, high])
            yield from unpacked(f"{order}2{code}", size * 2)
        for code, values in FLOATS.items():
            for value in values + COMMON:
                yield packed(order + code, [value])
            yield from unpacked(f"{order}3{code}", struct.calcsize(f"<3{code}"))
        for values in [[True], [False]]:
            yield packed(order + "?", values)
        yield packed(order + "c", [b"\xff"])
        yield packed(order + "c", [b""])
        yield packed(order + "c", [b"ab"])
        for length in [0, 1, 2, 3, 256, 300]:
            for value in [b"", b"\0", b"ab", b"\xff" * length, b"z" * 254, b"z" * 255]:
                if len(value) <= length:
                    yield packed(f"{order}{length}s", [value])
                if len(value) < length and len(value) < 256:
                    yield packed(f"{order}{length}p", [value])
        for raw in [b"\0abc", b"\1abc", b"\3abc", b"\4abc", b"\xffabc"]:
            yield from [unpacked_bytes(order + "4p", raw), unpacked_bytes(order + "1pxxx", raw)]
        for raw in [b"\0", b"\1", b"\2", b"\xff"]:
            yield unpacked_bytes(order + "?", raw)
    yield packed(">HI", [1])
    yield packed(">HI", [1, 2, 3])
    yield packed(">0H3x0s", [b""])
    yield packed("< h\t2h\n\v\f\rh ", [1, 2, 3, 4])
    for raw in [b"", b"a", b"abc"]:
        yield unpacked_bytes(">H", raw)
    for format in [">", "<5x", ">03H", ">0H", "> H", ">3 H", ">H ", " >H", ">3", ">H3", ">0", ">-1H",
                   ">n", ">N", ">P", ">HH>H", ">\x1cH", "!5s5p5x", "=bhilqefd?", ">1000B",
                   ">4000000000H", ">99999999999999999999H", ">.5H", ">1.5H", ">+1H"]:
        yield sized(format)


def at_random(count):
    codes = list(INTEGERS) + list(FLOATS) + list("?cspx")
    for _ in range(count):
        format, values = random.choice("<>!="), []
        for _ in range(random.randrange(8)):
            code = random.choice(codes)
            length = random.choice([None, None, None, 0, 1, 2, 3, 12])
            if code == "p" and length == 0:
                length = 1  # Python writes outside of its buffer
            format += random.choice(["", "", " ", "\n"]) + ("" if length is None else str(length)) + code
            length = 1 if length is None else length
            if code in "sp":
                values.append(random.randbytes(random.randrange(length + 1 if code == "s" else length)))
            elif code != "x":
                values += [random_value(code) for _ in range(length)]
        if random.random() < 0.05:
            values = values[:-1]
        yield packed(format, values)
        yield from unpacked(format, struct.calcsize(format))


def random_value(code):
    if code == "?":
        return random.random() < 0.5
    if code == "c":
        return random.randbytes(1)
    if code in FLOATS:
        if random.random() < 0.3:
            return random.choice(FLOATS[code] + COMMON)
        exponent = {"e": 18, "f": 130, "d": 1000}[code]
        return random.uniform(-2, 2) * 2.0 ** random.randint(-exponent - 10, exponent - 3)
    bits = INTEGERS[code] * 8
    value = random.getrandbits(random.randint(1, bits))
    if random.random() < 0.01:
        return value + 2**bits
    return value - 2 ** (bits - 1) if code.islower() and value >= 2 ** (bits - 1) else value


def packed(format, values):
    try:
        result = struct.pack(format, *values).hex()
    except (struct.error, OverflowError):
        result = None
    return {"format": format, "values": [text(value) for value in values], "packed": result}


def unpacked(format, size):
    for _ in range(2):
        yield unpacked_bytes(format, random.randbytes(size))


def unpacked_bytes(format, raw):
    try:
        result = [text(value) for value in struct.unpack(format, raw)]
    except struct.error:
        result = None
    return {"format": format, "bytes": raw.hex(), "unpacked": result}


def sized(format):
    try:
        size = struct.calcsize(format)
    except struct.error:
        size = None
    return {"format": format, "size": size}


def text(value):
    """The type and the value, in words that JavaScript understands too."""
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if isinstance(value, bool):
        return "boolean " + str(value).lower()
    if isinstance(value, int):
        return f"integer {value}"
    name = "Infinity" if value > 0 else "-Infinity"
    return "float " + ("NaN" if math.isnan(value) else name if math.isinf(value) else repr(value))


seed, count = (int(argument) for argument in (sys.argv[1:] or [1, 0]))
random.seed(seed)
vectors = at_random(count) if count else boundaries()
print("[" + ",\n".join(json.dumps(vector) for vector in vectors) + "]")
