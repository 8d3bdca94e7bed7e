"""The JavaScript's arithmetic, run by node, against torch's, matplotlib's and the package's.

What is hand-worked stands in ``arithmetic.test.mjs``; this module works out the rest for it.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path

import hypothesis
import matplotlib
import numpy as np
import pytest
import regex
import torch
from hypothesis import strategies as st

from clipbook.image import patchify
from clipbook.pairs import info_nce, sigmoid_loss
from clipbook.text import Tokenizer, split_words
from clipbook.widgets import kit
from clipbook.widgets.encoding import quantise
from clipbook.widgets.tokenizer_explorer import character_classes
from tests.tiny import tokenizer

HERE, WIDGETS = Path(__file__).parent, Path(kit.__file__).parent
SCRIPTS = sorted(path for path in WIDGETS.glob("*_*.js") if path.with_suffix(".py").exists())
TEMPERATURES = [1e-3, 0.01, 0.07, 10.0]
AWKWARD = [
    "",
    " ",
    "Pepper the aussie pup",
    "a  small\tred\r\n\r\n circle \r\n",
    "don't! stop… 3.14 ½ ² Ⅷ ٣٤",
    "naïve nai\u0308ve café cafe\u0301 — ÅÉ ǅ ﬁ",
    "日本語のテキスト 한국어 ไทย हिन्दी",
    "שלום עולם مرحبا بالعالم \u202eevil\u202c",
    "👩\u200d👩\u200d👧 🐶🏽 🇳🇱 ❤\ufe0f",
    "\x00\x1c\x1f\x85\xa0\u180e\u2007\u2028\u3000\ufeff x",
    "<start><end><pad>",
    "aaaaaaaaaaaaaaa",
    "\U0001e030\U00011f04\U0001d7d8\U00031350\U0010ffff\uffff",  # in few browsers yet
]
PIECES = ["a small red", " circle", "  ", "\r\n", "é", "e\u0301", "👧🏽", "12", "!", "aaa", " the"]


def plain(value):
    """Arrays and tensors as lists of numbers."""
    return value.tolist() if hasattr(value, "tolist") else value


def case(values: list, expected, within: float = 0) -> dict:
    """What a function gets, and what it must give within a distance."""
    return {
        "values": [plain(value) for value in values],
        "expected": plain(expected),
        "within": within,
    }


def random_logits(rows: int, columns: int, temperature: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + columns)
    cosines = torch.rand(rows, columns, generator=generator, dtype=torch.float64) * 2 - 1
    return cosines / temperature


def softmaxes() -> list[dict]:
    cases = []
    for (rows, columns), tau in product([(1, 1), (3, 5), (8, 8), (5, 2)], TEMPERATURES):
        logits = random_logits(rows, columns, tau)
        for along, dimension in (("row", 1), ("column", 0)):
            values = [logits.flatten(), rows, columns, along]
            cases.append(case(values, logits.softmax(dimension).flatten(), 1e-6))
    return cases


def losses_and_gradients() -> tuple[list[dict], list[dict]]:
    losses, gradients = [], []
    for size, tau in product([1, 2, 8, 64], TEMPERATURES):
        logits = random_logits(size, size, tau).requires_grad_()
        own = torch.arange(size)
        entropy = torch.nn.functional.cross_entropy
        loss = (entropy(logits, own) + entropy(logits.T, own)) / 2
        assert info_nce(logits).item() == pytest.approx(loss.item(), rel=1e-6, abs=1e-6)
        within = 1e-6 * max(1, loss.item())
        info_nce(logits).backward()
        flat = logits.detach()
        losses.append(case([flat.flatten(), size], loss.item(), within))
        shares = [flat.softmax(1).flatten(), flat.softmax(0).flatten(), size]
        gradients.append(case(shares, logits.grad.flatten(), 1e-6 / size))
    return losses, gradients


def sigmoids() -> tuple[list[dict], list[dict], list[dict]]:
    probabilities, losses, gradients = [], [], []
    pairs = torch.eye(8, dtype=torch.float64)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    for tau, bias in product(TEMPERATURES, [-10.0, 0.0, 3.5]):
        logits = (random_logits(8, 8, tau) + bias).requires_grad_()
        loss = entropy(logits, pairs, reduction="sum").item() / 8
        sigmoid_loss(logits).backward()
        flat = logits.detach().flatten()
        probabilities.append(case([flat], flat.sigmoid(), 1e-6))
        losses.append(case([flat, 8], loss, 1e-6 * max(1, loss)))
        gradients.append(case([flat.sigmoid(), 8], logits.grad.flatten(), 1e-9))
    return probabilities, losses, gradients


def colours() -> list[dict]:
    """To eight levels of 256, since the page has eleven colours of each scale."""
    cases = []
    for shares, name in product([np.linspace(0, 1, 101)], ["cividis", "RdBu_r"]):
        colourmap = matplotlib.colormaps[name]
        stops = colourmap(np.linspace(0, 1, 11))[:, :3] * 255
        expected = colourmap(shares)[:, :3] * 255
        cases += [
            case([stops, share], rgb, 8)
            for share, rgb in zip(shares.tolist(), expected, strict=True)
        ]
    return cases


def quantised() -> list[dict]:
    ranges = {True: np.linspace(-1, 1, 101), False: np.linspace(0, 1, 101)}
    return [
        {"signed": signed, "values": plain(values), "bytes": list(quantise(values, signed=signed))}
        for signed, values in ranges.items()
    ]


def attention_rows() -> list[dict]:
    scores = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(5))
    weights = (2 * scores).softmax(-1)
    cases = []
    for layer, head, query in product([0, 2, "mean"], [0, 3, "mean"], range(5)):
        layers = weights if layer == "mean" else weights[[layer]]
        heads = layers if head == "mean" else layers[:, [head]]
        values = [weights.flatten(), list(weights.shape), layer, head, query]
        cases.append(case(values, heads.mean(dim=(0, 1))[query], 1e-6))
    return cases


def flattened() -> list[dict]:
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    patches = patchify(torch.from_numpy(image).permute(2, 0, 1)[None].float(), 4)[0]
    opaque = np.dstack([image, np.full((16, 24), 255, np.uint8)])
    tiles = opaque.reshape(4, 4, 6, 4, 4).swapaxes(1, 2).reshape(24, -1)
    return [case([tile], patch) for tile, patch in zip(tiles, patches, strict=True)]


def hypothesis_texts(count: int) -> list[str]:
    """Texts of every kind that hypothesis thinks of: any Unicode, and captions torn to pieces."""
    texts: list[str] = []

    @hypothesis.settings(max_examples=count, database=None)
    @hypothesis.given(st.text() | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
    def collect(text):
        texts.append(text)

    collect()
    return texts


def random_texts(count: int) -> list[str]:
    """Texts of characters from one small part of Unicode each, as real scripts are."""
    dice, texts = random.Random(0), []
    while len(texts) < count:
        start = dice.choice([*range(0, 0x30000, 64)])
        block = [chr(start + k) for k in range(64) if not 0xD800 <= start + k < 0xE000]
        texts.append("".join(dice.choice([*block, " ", "7"]) for _ in range(16 if block else 0)))
    return texts


def where_classes_change() -> str:
    """A text with the characters around which Unicode's classes change, or a browser's may."""
    kinds = [regex.compile(kind) for kind in (r"\p{L}", r"\p{N}", r"\p{White_Space}")]
    characters, before = [], None
    for number in (*range(0xD800), *range(0xE000, 0x110000)):
        kind = [bool(pattern.match(chr(number))) for pattern in kinds]
        if kind != before or number % 500 == 0:
            characters += [chr(number - 1)] if number not in (0, 0xE000) else []
            characters += [chr(number)]
        before = kind
    assert len(characters) > 5_000
    return "".join(f"a{character}1 {character}." for character in characters)


def frames() -> list[dict]:
    short, cases = Tokenizer(context_length=6), []
    for text in ("abcd", "abcdefgh"):
        row = short.batch([text])[0][0].tolist()
        cases.append(case([short.encode(text), 6], {"row": row, "cut": max(0, len(text) - 4)}))
    return [*cases, case([[], 6], {"row": [1, 2, 0, 0, 0, 0], "cut": 0})]


def tokenizers() -> dict:
    """A tokenizer, and what it makes of a thousand texts."""
    texts = [*AWKWARD, *hypothesis_texts(600), *random_texts(500)]
    assert len(texts) >= 1_000
    ours, edges = tokenizer(), where_classes_change()
    few = [*AWKWARD, "a small red circle above a blue square, there is a picture"]
    return {
        "merges": [token_id for pair in ours.merges for token_id in pair],
        "classes": character_classes(),
        "ids": [(text, ours.encode(text)) for text in texts],
        "steps": [(text, ours.steps(text)) for text in few],
        "text": edges,
        "words": split_words(edges),
    }


def functions() -> list[dict]:
    """Which functions there are to try, with what they get and must give."""
    losses, gradients = losses_and_gradients()
    probabilities, sigmoid_losses, sigmoid_gradients = sigmoids()
    cases = {
        ("similarity_matrix", "softmax"): softmaxes(),
        ("similarity_matrix", "infoNCE"): losses,
        ("similarity_matrix", "gradient"): gradients,
        ("similarity_matrix", "sigmoid"): probabilities,
        ("similarity_matrix", "sigmoidLoss"): sigmoid_losses,
        ("similarity_matrix", "sigmoidGradient"): sigmoid_gradients,
        ("colours", "colour"): colours(),
        ("attention_explorer", "weightsOf"): attention_rows(),
        ("patch_explorer", "flatten"): flattened(),
        ("tokenizer", "frame"): frames(),
    }
    return [
        {"module": module, "name": name, "cases": tries} for (module, name), tries in cases.items()
    ]


@pytest.fixture(scope="module")
def node():
    """Runs node with arguments, and fails with all that it has printed."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is missing, which runs the widgets' JavaScript: apt-get install nodejs")

    def run(*arguments: str, **environment: str) -> str:
        command = [program, *arguments]
        environment = os.environ | environment
        process = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    return run


def test_arithmetic_is_pythons(node, tmp_path):
    expected = {"functions": functions(), "quantised": quantised(), "tokenizer": tokenizers()}
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    tests = HERE.glob("*.test.mjs")
    report = node("--test", *map(str, tests), EXPECTED=str(tmp_path / "expected.json"))
    assert "# fail 0" in report


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_host_is_served_is_one_module_without_imports(node, tmp_path, script):
    module, _ = kit.sources(str(script))
    assert not re.search(r"^\s*import\b", module, re.MULTILINE)
    (tmp_path / "module.mjs").write_text(module, "utf-8")
    node("--check", str(tmp_path / "module.mjs"))


DECLARED = re.compile(r"^(?:export )?(?:const|let|class|function)\b([^=(;]*)", re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_name_is_declared_twice_in_what_is_joined(script):
    """Widget and kit become one module, so what the kit declares no widget may declare again."""
    names = [
        name
        for match in DECLARED.findall(kit.joined(script))
        for name in re.findall(r"[\w$]+", match)
    ]
    twice = [name for name, times in Counter(names).items() if times > 1]
    assert not twice, (
        f"{script.name} and what it imports both declare {', '.join(twice)}; rename the former's"
    )


def test_a_module_that_two_import_is_joined_once_and_before_both(tmp_path):
    for name, text in {
        "base": "export const base = 1;\n",
        "left": 'import { base } from "./base.js";\nexport const left = base;\n',
        "top": 'import { base } from "./base.js";\nimport {\n  left,\n} from "./left.js";\n'
        "export const top = [base, left];\n",
    }.items():
        (tmp_path / f"{name}.js").write_text(text)
    assert kit.joined(tmp_path / "top.js") == (
        "const base = 1;\nconst left = base;\nexport const top = [base, left];\n"
    )
