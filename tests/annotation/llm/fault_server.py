"""An OpenAI-compatible server in a process of its own that fails on purpose and writes down all that it is asked.

    python fault_server.py <log file> '<options as JSON>'        prints its port

Its model reads `domain=Legal` and the like in the fenced text, and abstains where nothing of that kind stands there. A
text with POISON in it never gets a valid label. Each line of the log says when, which prompt, what was sent back.
"""

import asyncio
import contextlib
import hashlib
import json
import math
import random
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = ("429", "500", "cut", "timeout", "bad_json", "bad_label", "empty")
ANSWERED = "answered"


@dataclass
class Options:
    fault_rate: float = 0.0
    faults: list[str] = field(default_factory=lambda: list(FAULTS))
    seed: int = 0
    delay_s: float = 0.0
    hang_s: float = 3.0
    retry_after: str = "0.2"
    first_faults: list[str] = field(default_factory=list)  # of the first requests, in order


def prompt_key(messages):
    return hashlib.sha256("\x00".join(message["content"] for message in messages).encode()).hexdigest()


def count_tokens(text):
    return -(-len(text.encode()) * 10 // 37)


class Server:
    def __init__(self, log, options):
        self.log, self.options, self.draw, self.number = log, options, random.Random(options.seed), 0

    def fault(self):
        self.number += 1
        if self.number <= len(self.options.first_faults):
            return self.options.first_faults[self.number - 1]
        return self.draw.choice(self.options.faults) if self.draw.random() < self.options.fault_rate else ANSWERED

    async def connection(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self.request(reader, writer):
                pass
        writer.close()

    async def request(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])
        body = json.loads(await reader.readexactly(length))
        arrived = time.time()
        kind = self.fault()
        if kind == "timeout":
            self.note(arrived, kind, body)
            await asyncio.sleep(self.options.hang_s)
        else:
            await asyncio.sleep(self.options.delay_s)
        status, headers, data = self.response(kind, body)
        if kind == ANSWERED and "POISON" in body["messages"][1]["content"]:
            kind = "bad_label"
        if kind != "timeout":
            self.note(arrived, kind, body)
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
        payload = head.encode() + data
        writer.write(payload[: len(payload) - 20] if kind == "cut" else payload)
        await writer.drain()
        return kind not in ("cut", "timeout")

    def note(self, arrived, kind, body):
        row = {"time": arrived, "key": prompt_key(body["messages"]), "kind": kind, "body": {**body, "messages": None}}
        self.log.write(json.dumps(row) + "\n")
        self.log.flush()

    def response(self, kind, body):
        if kind == "429":
            return 429, f"retry-after: {self.options.retry_after}\r\n", b'{"error": {"message": "slow down"}}'
        if kind in ("500", "400", "401"):
            return int(kind), "", json.dumps({"error": {"message": f"fault {kind}"}}).encode()
        if kind == "bad_json":
            return 200, "", b'{"choices": [{"message": '
        content, logprobs = self.answer(kind, body)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        prompt_tokens = sum(count_tokens(message["content"]) for message in body["messages"])
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": count_tokens(content)}
        return 200, "", json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()

    def answer(self, kind, body):
        user = body["messages"][1]["content"]
        is_wrong = kind == "bad_label" or "POISON" in user
        text = re.search(r"\[\[(\w{16}) prompt\]\]\n(.*)\[\[\1 end\]\]", user, re.DOTALL)[2]
        if kind == "empty":
            return "", {"content": []} if body.get("logprobs") else None
        if body.get("logprobs"):
            letters = dict(re.findall(r"^([B-Z])\. (.+)$", user, re.MULTILINE))
            category = re.search(r"^Labels of (\w+):$", user, re.MULTILINE)[1]
            wanted = self.label(category, list(letters.values()), text)
            letter = next(letter for letter, label in letters.items() if label == wanted)
            tokens = [{"token": "Hello" if is_wrong else letter, "logprob": math.log(0.75)}]
            tokens += [{"token": " " + other, "logprob": math.log(0.01)} for other in letters if other != letter]
            return tokens[0]["token"], {"content": [{**tokens[0], "top_logprobs": tokens}]}
        shown = dict(re.findall(r"^Labels of (\w+): (.+)$", user, re.MULTILINE))
        labels = {category: listed.split(", ") for category, listed in shown.items()}
        if "response_format" in body:
            properties = body["response_format"]["json_schema"]["schema"]["properties"]
            assert {name: sorted(entry["enum"]) for name, entry in properties.items()} == {
                name: sorted(listed) for name, listed in labels.items()
            }
        answers = {category: self.label(category, listed, text) for category, listed in labels.items()}
        return json.dumps(dict.fromkeys(answers, "Nonsense") if is_wrong else answers), None

    @staticmethod
    def label(category, labels, text):
        said = re.search(rf"{category}=(\w+)", text)
        abstain = "Unsure" if "Unsure" in labels else "Unspecified"
        return said[1] if said and said[1] in labels else abstain


async def main(log_path, options):
    with Path(log_path).open("a") as log:
        server = await asyncio.start_server(Server(log, options).connection, "127.0.0.1", 0, limit=2**26)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Options(**json.loads(sys.argv[2]))))
