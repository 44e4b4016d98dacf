"""What the servers of tests share, which run in processes of their own and fail on purpose."""

import asyncio
import contextlib
import json
import re
from pathlib import Path


class HttpServer:
    """Answers requests one after the other on each connection, and logs to a file; `request` does the rest."""

    def __init__(self, log):
        self.log, self.number = log, 0

    async def connection(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self.request(reader, writer):
                pass
        writer.close()

    async def request(self, reader, writer):
        """Answers one request; False when the connection is to end."""
        raise NotImplementedError

    @staticmethod
    async def read(reader):
        """The head of a request, and its body."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])
        return head, json.loads(await reader.readexactly(length))

    def note(self, row):
        self.log.write(json.dumps(row) + "\n")
        self.log.flush()

    @staticmethod
    async def send(writer, response, *, is_cut):
        """Sends (status, lines of the head, body), or most of it."""
        status, headers, data = response
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
        payload = head.encode() + data
        writer.write(payload[:-20] if is_cut else payload)
        await writer.drain()


def failure(kind, retry_after):
    """The response that is a fault of that kind; None for other kinds."""
    if kind == "429":
        return 429, f"retry-after: {retry_after}\r\n", b'{"error": {"message": "slow down"}}'
    if kind in ("500", "400", "401"):
        return int(kind), "", json.dumps({"error": {"message": f"fault {kind}"}}).encode()
    return (200, "", b'{"choices": [{"message": ') if kind == "bad_json" else None


def completion(choice, usage):
    """The response with an answer."""
    return 200, "", json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()


async def serve_forever(make, log_path):
    """Serves by what `make` makes of the log, and prints the port."""
    with Path(log_path).open("a") as log:
        server = await asyncio.start_server(make(log).connection, "127.0.0.1", 0, limit=2**26)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()
