"""An OpenAI-compatible server in a process of its own that fails on purpose and writes down all that it is asked.

    python fault_server.py <log file> '<options as JSON>'        prints its port

Its model reads `domain=Legal` and the like in the fenced text, and abstains where nothing of that kind stands there. A
text with POISON in it never gets a valid label. Each line of the log says when, which prompt, what was sent back.
"""

import asyncio
import hashlib
import json
import math
import random
import re
import sys
import time
from dataclasses import dataclass, field

from http_server import HttpServer, completion, failure, serve_forever

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


class Server(HttpServer):
    def __init__(self, log, options):
        super().__init__(log)
        self.options, self.draw = options, random.Random(options.seed)

    def fault(self):
        self.number += 1
        if self.number <= len(self.options.first_faults):
            return self.options.first_faults[self.number - 1]
        return self.draw.choice(self.options.faults) if self.draw.random() < self.options.fault_rate else ANSWERED

    async def request(self, reader, writer):
        _, body = await self.read(reader)
        arrived = time.time()
        kind = self.fault()
        if kind == "timeout":
            self.note_request(arrived, kind, body)
            await asyncio.sleep(self.options.hang_s)
        else:
            await asyncio.sleep(self.options.delay_s)
        response = self.response(kind, body)
        if kind == ANSWERED and "POISON" in body["messages"][1]["content"]:
            kind = "bad_label"
        if kind != "timeout":
            self.note_request(arrived, kind, body)
        await self.send(writer, response, is_cut=kind == "cut")
        return kind not in ("cut", "timeout")

    def note_request(self, arrived, kind, body):
        key = prompt_key(body["messages"])
        self.note({"time": arrived, "key": key, "kind": kind, "body": {**body, "messages": None}})

    def response(self, kind, body):
        if failed := failure(kind, self.options.retry_after):
            return failed
        content, logprobs = self.answer(kind, body)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        prompt_tokens = sum(count_tokens(message["content"]) for message in body["messages"])
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": count_tokens(content)}
        return completion(choice, usage)

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


def main(kind):
    """Serves by a server of that kind."""
    options = Options(**json.loads(sys.argv[2]))
    asyncio.run(serve_forever(lambda log: kind(log, options), sys.argv[1]))


if __name__ == "__main__":
    main(Server)
