"""An OpenAI-compatible server that serves exported model folders by transformers alone, and fails on purpose.

    python chat_server.py <log file>        prints its port

The name of a model is its folder. The server knows nothing of treasure: prompts are written by the folder's chat
template, `structured_outputs` holds an answer to a regular expression, `stop` ends it. Each line of the log holds a
request's body, its fault, and the ids of its prompt. What is posted to /set are new `Options`, and empties the log.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import jinja2
import regex
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList

sys.path.insert(0, str(Path(__file__).parents[2]))

from http_server import HttpServer, completion, failure, serve_forever

POISON = "POISON"


@dataclass
class Options:
    first_faults: list[str] = field(default_factory=list)  # of the first requests, in order
    poison: str = "500"  # what a prompt with POISON in it always gets
    ignores_kwargs: bool = False
    counts_tokens: bool = True


class Held(LogitsProcessor):
    """Leaves the tokens with which the text can still match, and the end where it does."""

    def __init__(self, expression, allowed, tokenizer, width):
        self.expression, self.tokenizer, self.width = regex.compile(expression), tokenizer, width
        self.allowed = set(range(len(tokenizer)) if allowed is None else allowed)
        self.pieces = [tokenizer.decode([i]) for i in range(len(tokenizer))]

    def __call__(self, input_ids, scores):
        text = self.tokenizer.decode(input_ids[0, self.width :])
        fits = [
            i in self.allowed and bool(piece) and self.expression.fullmatch(text + piece, partial=True) is not None
            for i, piece in enumerate(self.pieces)
        ]
        fits[self.tokenizer.eos_token_id] = self.expression.fullmatch(text) is not None
        allowed = torch.tensor(fits + [False] * (scores.shape[-1] - len(fits)))
        return scores.masked_fill(~allowed, -torch.inf)


class Server(HttpServer):
    options = Options()

    @staticmethod
    @cache
    def load(folder):
        return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)

    def set(self, options):
        self.options, self.number = Options(**options), 0
        self.log.truncate(0)

    async def request(self, reader, writer):
        head, body = await self.read(reader)
        if head.startswith("POST /set "):
            self.set(body)
            writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n")
            return False
        self.number += 1
        faults = self.options.first_faults
        fault = faults[self.number - 1] if self.number <= len(faults) else ""
        if any(POISON in message["content"] for message in body["messages"]):
            fault = self.options.poison
        row = {"body": body, "fault": fault}
        response = self.failure(fault) or self.answer(body, row)
        self.note(row)
        if fault == "timeout":
            await asyncio.sleep(5)
        await self.send(writer, response, is_cut=fault == "cut")
        return fault not in ("cut", "timeout")

    def failure(self, fault):
        bodies = {
            "no_choices": "{}",
            "no_text": '{"choices": [{"message": {"role": "assistant", "content": null}}]}',
        }
        return (200, "", bodies[fault].encode()) if fault in bodies else failure(fault, "0.1")

    def answer(self, body, row):
        model, tokenizer = self.load(body["model"])
        kwargs = {} if self.options.ignores_kwargs else body.get("chat_template_kwargs", {})
        try:
            text = tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, tokenize=False, **kwargs)
        except jinja2.TemplateError as error:
            return 400, "", json.dumps({"error": {"message": str(error)}}).encode()
        row["ids"] = ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        expression = body.get("structured_outputs", {}).get("regex")
        held = [] if expression is None else [Held(expression, body.get("allowed_token_ids"), tokenizer, len(ids))]
        temperature = body.get("temperature", 1.0)
        sampling = {"top_p": body.get("top_p", 1.0), "top_k": 0} if temperature else {}
        torch.manual_seed(body.get("seed", 0))
        output = model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=body["max_completion_tokens"],
            do_sample=temperature > 0,
            temperature=temperature or None,
            stop_strings=body.get("stop"),
            tokenizer=tokenizer,
            logits_processor=LogitsProcessorList(held),
            **sampling,
        )[0, len(ids) :].tolist()
        content = tokenizer.decode(output, skip_special_tokens=True)
        is_stopped = output[-1] == tokenizer.eos_token_id
        for stop in body.get("stop", []):
            is_stopped |= stop in content
            content = content.partition(stop)[0]
        choice = {
            "index": 0,
            "finish_reason": "stop" if is_stopped else "length",
            "message": {"role": "assistant", "content": content},
        }
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(output)} if self.options.counts_tokens else None
        return completion(choice, usage)


if __name__ == "__main__":
    torch.set_num_threads(1)
    asyncio.run(serve_forever(Server, sys.argv[1]))
