"""The application protocol over asyncio streams, for comparison: persistent connections, no output."""
import asyncio
import json
import struct

from app_server import answer


async def serve(reader, writer):
    try:
        while True:
            (length,) = struct.unpack(">H", await reader.readexactly(2))
            header = json.loads((await reader.readexactly(length)).decode("utf-8"))
            content = await reader.readexactly(header["content-length"])
            writer.write(answer(header, content))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"Listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
