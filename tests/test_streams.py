"""Streams of different purposes, seeds or indices share nothing; equal ones are the same."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.evaluation import scenes as evaluation
from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.streams import stream, torch_stream
from clipbook.training import PRESETS, SceneBatches, data
from tests import tiny

TRIPLES = st.tuples(st.text(min_size=1), st.integers(0, 2**70), st.integers(0, 2**70))


def first(generator: np.random.Generator) -> tuple[int, ...]:
    return tuple(generator.integers(0, 2**63, 4).tolist())


@given(TRIPLES, TRIPLES)
def test_two_streams_agree_only_where_all_three_names_do(one, other):
    assert (first(stream(*one)) == first(stream(*other))) == (one == other)
    seeds = [torch_stream(*names).initial_seed() for names in (one, other)]
    assert (seeds[0] == seeds[1]) == (one == other)


def test_zeros_at_the_end_make_another_stream():
    # NumPy's own seeds pad with zeros, which is what `stream` is there to prevent
    assert first(np.random.default_rng(0)) == first(np.random.default_rng((0, 0)))
    assert first(stream("training")) not in (first(np.random.default_rng(0)), first(stream("t")))


@pytest.mark.parametrize("names", [("", 0, 0), ("a", -1, 0), ("a", 0, -1)])
def test_a_name_that_makes_no_sense_is_refused(names):
    with pytest.raises(ValueError, match="name what is drawn for|count from 0"):
        stream(*names)


def test_a_seed_that_is_no_integer_is_refused():
    with pytest.raises(TypeError):
        stream("a", 0.5)


ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src/clipbook").rglob("*.py"))
CHAPTERS = sorted((ROOT / "book").rglob("*.py"))
MAKERS = {"stream", "torch_stream"}
SEEDS = range(5)


def calls(source: str) -> list[tuple[str, ast.Call]]:
    """Every call in the source, with the last part of the name that is called."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            found.append((name if isinstance(name, str) else getattr(name, "id", ""), node))
    return found


def purpose(call: ast.Call) -> str:
    """The purpose that a call names, as a regular expression: `.*` where a value is put in."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return re.escape(first.value)
    assert isinstance(first, ast.JoinedStr), f"line {call.lineno}: write the purpose out"
    parts = [part.value if isinstance(part, ast.Constant) else None for part in first.values]
    assert parts[0], f"line {call.lineno}: begin the purpose with words"
    return "".join(".*" if part is None else re.escape(part) for part in parts)


def purposes(paths: list[Path]) -> list[tuple[str, Path]]:
    return [
        (purpose(call), path)
        for path in paths
        for name, call in calls(path.read_text("utf-8"))
        if name in MAKERS and path.name != "streams.py"
    ]


def may_be_equal(one: str, other: str) -> bool:
    """Whether a text can be of both purposes; where both have values in them, roughly."""
    if ".*" in one and ".*" in other:
        heads = one.split(".*")[0], other.split(".*")[0]
        return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    plain = [re.sub(r"\\(.)", r"\1", text) for text in (one, other)]
    return bool(re.fullmatch(one, plain[1]) or re.fullmatch(other, plain[0]))


def test_the_purposes_of_the_package_are_read():
    assert {"training", "evaluation,\\ .*", "evaluation,\\ pairs"} <= {
        one for one, _ in purposes(SOURCES)
    }


def test_no_two_files_draw_for_the_same_purpose():
    found = purposes([*SOURCES, *CHAPTERS])
    for one, path in found:
        for other, elsewhere in found:
            assert path == elsewhere or not may_be_equal(one, other), (
                f"{path} and {elsewhere} both draw for {one!r}; give each a purpose of its own"
            )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ('stream("a")', 'stream("a", 1)', True),
        ('stream("a")', 'stream("b")', False),
        ('stream("a 1")', 'stream(f"a {k}")', True),
        ('stream("b 1")', 'stream(f"a {k}")', False),
        ('stream(f"a {k}")', 'torch_stream(f"a {k}, more")', True),
        ('stream(f"a {k}")', 'stream(f"b {k}")', False),
        ('stream("a.c")', 'stream("abc")', False),
    ],
)
def test_purposes_that_can_be_equal_are_found(one, other, expected):
    assert may_be_equal(*(purpose(calls(text)[0][1]) for text in (one, other))) == expected


@pytest.mark.parametrize("source", ["stream()", "stream(name)", 'stream(f"{name}")', "stream(3)"])
def test_a_purpose_that_is_not_written_out_is_refused(source):
    with pytest.raises(AssertionError, match="write the purpose out|begin the purpose with words"):
        purpose(calls(source)[0][1])


OTHER_SEEDS = {"default_rng", "RandomState", "SeedSequence", "manual_seed", "seed", "seed_all"}


def other_seeds(source: str) -> list[int]:
    """Lines that make a random stream otherwise than by `stream` and `torch_stream`."""
    return [
        call.lineno
        for name, call in calls(source)
        if (name in OTHER_SEEDS and "torch_stream" not in ast.unparse(call))
        or re.match(r"(np|numpy)\.random\.|random\.", ast.unparse(call.func))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_package_makes_its_streams_in_one_place(path):
    if path.name != "streams.py":
        assert other_seeds(path.read_text("utf-8")) == []


def test_streams_that_are_made_elsewhere_are_found():
    source = """
torch.manual_seed(torch_stream("initial weights").initial_seed())
generator = torch.Generator()
np.random.default_rng(0)
torch.Generator().manual_seed(0)
np.random.rand(3)
random.shuffle(names)
"""
    assert other_seeds(source) == [4, 5, 6, 7]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_chapter_draws_from_streams_with_a_purpose(path):
    seeded = [call.lineno for name, call in calls(path.read_text("utf-8")) if name == "default_rng"]
    assert seeded == [], "use clipbook.streams.stream, whose purpose nothing else has"


def numbers(expression: ast.expr | None) -> range | list[int]:
    """Of a seed or an index: its value where it is written out, else the first twenty."""
    if expression is None:
        return [0]
    return [expression.value] if isinstance(expression, ast.Constant) else range(20)


def drawn_elsewhere() -> set[tuple[str, int, int]]:
    """Purpose, seed and index of what evaluation and chapters draw from; for values in a purpose,
    some that stand there."""
    found = set()
    for path in [*SOURCES, *CHAPTERS]:
        for name, call in calls(path.read_text("utf-8")):
            if name not in MAKERS or path.name in ("streams.py", "data.py"):
                continue
            given = dict(zip(("seed", "index"), call.args[1:], strict=False))
            given |= {one.arg: one.value for one in call.keywords}
            texts = {purpose(call).replace(".*", put) for put in ("train", "held_out", "0", "1")}
            found |= {
                (re.sub(r"\\(.)", r"\1", text), seed, index)
                for text in texts
                for seed in numbers(given.get("seed"))
                for index in numbers(given.get("index"))
            }
    return found


@pytest.mark.slow
def test_no_batch_of_any_preset_begins_as_another_or_as_what_anything_else_draws():
    steps = max(preset.training.steps for preset in PRESETS.values())
    named = {("training", seed, k) for seed in SEEDS for k in range(steps)}
    elsewhere = drawn_elsewhere()
    assert ("evaluation, pairs", 3, 0) in elsewhere
    assert not named & elsewhere
    named |= elsewhere | {("tokenizer", 0, 0)}
    assert len({first(stream(*one)) for one in named}) == len(named)


@pytest.mark.slow
def test_no_scene_of_the_evaluation_is_in_a_batch(monkeypatch):
    evaluated, trained = set(), set()
    sample = evaluation.sample

    def noting(*arguments, **choices):
        scenes = sample(*arguments, **choices)
        evaluated.update(scenes)
        return scenes

    def drawn(scenes, size):
        trained.update(scenes)
        return torch.zeros(len(scenes), size, size, 3, dtype=torch.uint8)

    monkeypatch.setattr(evaluation, "sample", noting)
    monkeypatch.setattr(evaluation, "PAIRS_OF_SCENES", 20)
    monkeypatch.setattr(data, "draw", drawn)
    for seed in range(2):
        evaluate_scenes(tiny.clip(), tiny.tokenizer(), scenes=200, seed=seed)
        for k in (*range(20), 1_000, 2_399):
            SceneBatches(tiny.tokenizer(), 64, seed=seed, twins=0.4)[k]
    assert len(evaluated) >= 2 * 400
    assert len(trained) > 2 * 1_000
    assert not evaluated & trained
