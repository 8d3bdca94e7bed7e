"""A model that answers without one; the source of this file also runs in notebooks."""

from types import SimpleNamespace
from typing import ClassVar

import torch

from clipbook.language import Explanation


class StubAnswerer:
    """Answers that are easy to tell apart: what it looks at moves on by a patch each token."""

    tokenizer = SimpleNamespace(bins=8)
    with_picture: ClassVar = {
        "what colour?": [" red", "<end>"],
        "detect it": ["<loc0000>", "<loc0002>", "<loc0003>", "<loc0007>", " it", "<end>"],
    }

    def explain(self, picture: object, question: str) -> Explanation:
        tokens = [" blue", "<end>"] if picture is None else self.with_picture[question]
        candidates = [
            [(token, 0.75), *((f" other {place}", 0.05 - place / 100) for place in range(4))]
            for token in tokens
        ]
        attention = torch.zeros(len(tokens), 2, 2, 0 if picture is None else 4)
        for k in range(len(tokens)):
            if picture is not None:
                attention[k, :, :, k % 4] = 0.5
                attention[k, 0, 0, (k + 1) % 4] = 0.4
        answer = "".join(token for token in tokens if token != "<end>").strip()
        return Explanation(answer, tokens, candidates, attention)
