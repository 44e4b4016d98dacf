"""The fault server of the annotation tests with another model: a judge of answers that say `grade=7` of themselves.

It likes the higher grade, much so from a distance of 3. A prompt with BIASED in it gets A>B, whatever stands there; one
with POISON, and a request whose fault is bad_label, something that is no verdict; one with ENDLESS a verdict that is
said to be cut.

    python judge_server.py <log file> '<options as JSON>'        prints its port
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import fault_server

MALFORMED = ("A>B", "[[A>>>B]]", "[[A>B]], or is it [[B>A]]?", "[[a>b]]", "[[A>B]]\nSo much for that.", "[A=B]", "")
FENCED = r"\[\[(\w{16}) prompt\]\]\n(.*)\n\[\[\1 answer A\]\]\n(.*)\n\[\[\1 answer B\]\]\n(.*)\n\[\[\1 end\]\]"


class JudgeServer(fault_server.Server):
    def response(self, kind, body):
        status, headers, data = super().response(kind, body)
        if "ENDLESS" in body["messages"][1]["content"]:
            data = data.replace(b'"finish_reason": "stop"', b'"finish_reason": "length"')
        return status, headers, data

    def answer(self, kind, body):
        user = body["messages"][1]["content"]
        _, prompt, first, second = re.search(FENCED, user, re.DOTALL).groups()
        if kind == "bad_label" or "POISON" in prompt:
            return MALFORMED[self.number % len(MALFORMED)], None
        if kind == "empty":
            return "", None
        return (
            f"One is better than the other.\n\n[[{'A>B' if 'BIASED' in prompt else self.verdict(first, second)}]]",
            None,
        )

    @staticmethod
    def verdict(first, second):
        grades = [int(found[1]) if (found := re.search(r"grade=(\d)", text)) else 0 for text in (first, second)]
        ahead = grades[1] - grades[0]
        return "A=B" if ahead == 0 else ("B", "A")[ahead < 0] + ">" * (1 + (abs(ahead) >= 3)) + ("A", "B")[ahead < 0]


if __name__ == "__main__":
    fault_server.main(JudgeServer)
