"""The tokenizer loses nothing, learns what a hand would, and agrees with Hugging Face's."""

import json
from itertools import pairwise

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from clipbook.scenes import EXAMPLE
from clipbook.text import WORD, CLIPTokenizer, Tokenizer
from clipbook.text.merges import merge
from clipbook.text.tokenizer import END_ID, FIRST_BYTE, PAD_ID, START_ID
from tests.plain import plain_python
from tests.tiny import tokenizer as trained

PEPPER = "Pepper the aussie pup"
TEXTS = [
    PEPPER,
    "",
    " ",
    "a  small\tred\n\n circle ",
    "don't! stop… 3.14",
    "naïve café — ÅÉ",
    "日本語のテキスト",
    "👩\u200d👩\u200d👧 🐶",
    "\x00\x1c\x85\u2028\ufeff",
    "<start><end><pad>",
    "aaaaaaaaaaaaaaa",
]
MIXED = st.lists(
    st.sampled_from(["a small red", " circle", "  ", "\n", "é", "👧", "12", "!", "aaa"]), max_size=8
).map("".join)
# Characters that every version of Unicode since 2018 agrees about.
SETTLED = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cn", "Cs"]))


def byte(character: str) -> int:
    return FIRST_BYTE + ord(character)


def as_bytes(token: int, tokenizer: Tokenizer) -> bytes:
    """A token as the bytes that it stands for, found through its merges."""
    if token < FIRST_BYTE + 256:
        return bytes([token - FIRST_BYTE])
    left, right = tokenizer.merges[token - FIRST_BYTE - 256]
    return as_bytes(left, tokenizer) + as_bytes(right, tokenizer)


def in_hugging_face(tokenizer: Tokenizer) -> tokenizers.Tokenizer:
    """The same bytes, merges and split, in the `tokenizers` library."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2 shows these as they are
    others = [number for number in range(256) if number not in plain]
    shown = {number: chr(number) for number in plain}
    shown |= {number: chr(256 + k) for k, number in enumerate(others)}

    def name(token: int) -> str:
        return "".join(shown[number] for number in as_bytes(token, tokenizer))

    vocabulary = {name(token): token for token in range(FIRST_BYTE, tokenizer.vocab_size)}
    pairs = [(name(left), name(right)) for left, right in tokenizer.merges]
    theirs = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(WORD.pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return theirs


@given(st.text())
@settings(max_examples=300)
def test_any_text_comes_back(text):
    assert trained().decode(trained().encode(text)) == text
    assert Tokenizer().decode(Tokenizer().encode(text)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_awkward_texts_come_back(text):
    assert trained().decode(trained().encode(text)) == text


def test_a_hand_worked_merge_sequence():
    # aaabdaaabac → Zabd Zabac → ZYdZYac → XdXac, with Z=aa, Y=ab, X=ZY (Gage 1994's example)
    tokenizer = Tokenizer.train(["aaabdaaabac"], vocab_size=1_000)
    z, y, x = range(FIRST_BYTE + 256, FIRST_BYTE + 259)
    a, b = byte("a"), byte("b")
    assert tokenizer.merges == [(a, a), (a, b), (z, y)]  # and no pair is left that occurs twice
    assert tokenizer.encode("aaabdaaabac") == [x, byte("d"), x, a, byte("c")]
    assert tokenizer.vocab_size == 262
    assert [tokenizer.token(one) for one in (z, y, x)] == ["aa", "ab", "aaab"]


def test_words_count_as_often_as_they_occur():
    texts = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3
    tokenizer = Tokenizer.train(texts, vocab_size=FIRST_BYTE + 256 + 4)
    learned = [tokenizer.token(FIRST_BYTE + 256 + k) for k in range(4)]
    assert learned == ["es", "est", "lo", "low"]  # 9, 9, 7 and 7 times


def test_training_stops_at_the_size_asked_for():
    assert Tokenizer.train(["abab"] * 9, vocab_size=259).merges == []
    assert Tokenizer.train(["abab"] * 9, vocab_size=260).vocab_size == 260


def test_merges_do_not_cross_words():
    tokenizer = Tokenizer.train(["a b a b a b"], vocab_size=300)
    assert all(" " not in tokenizer.token(one)[1:] for one in range(259, tokenizer.vocab_size))


def test_training_depends_on_the_texts_alone():
    texts = ["a red circle above a blue square", PEPPER, "the red pup"] * 3
    assert Tokenizer.train(texts, 300).merges == Tokenizer.train(texts[::-1], 300).merges


def test_merge_goes_from_left_to_right():
    assert merge([1, 1, 1, 2, 1, 1], (1, 1), 9) == [9, 1, 2, 9]
    assert merge([], (1, 1), 9) == []


@given(MIXED | SETTLED)
@settings(max_examples=300)
def test_equals_hugging_face(text):
    assert trained().encode(text) == in_hugging_face_trained.encode(text).ids


in_hugging_face_trained = in_hugging_face(trained())


@pytest.mark.parametrize("text", [*TEXTS, *(caption for _, caption in EXAMPLE)])
def test_equals_hugging_face_on_awkward_texts(text):
    assert trained().encode(text) == in_hugging_face_trained.encode(text).ids


@given(MIXED | st.text())
def test_steps_lead_from_bytes_to_the_tokens(text):
    steps = trained().steps(text)
    assert steps[0] == [FIRST_BYTE + number for number in text.encode()]
    assert steps[-1] == trained().encode(text)
    assert all(len(after) < len(before) for before, after in pairwise(steps))
    assert all(trained().decode(step) == text for step in steps)


def test_a_merge_a_step():
    for before, after in pairwise(trained().steps("a small red circle above a blue square")):
        (new,) = set(after) - set(before)
        assert merge(before, trained().merges[new - FIRST_BYTE - 256], new) == after


def test_merges_shorten_what_they_were_learned_from():
    caption = "a small red circle above a blue square"
    assert len(trained().encode(caption)) < 0.6 * len(caption)


def test_words_kept_ready_are_bounded_in_number_and_change_nothing():
    tokenizer, words = Tokenizer.train(["21 21 21"], 262), [str(k) for k in range(10_002)]
    first = [tokenizer.encode(word) for word in words]
    assert len(tokenizer._words) <= 10_000
    assert [tokenizer.encode(word) for word in words] == first
    assert [Tokenizer(tokenizer.merges).encode(word) for word in words[-3:]] == first[-3:]


@pytest.mark.parametrize("text", ["a red \ud800 circle", "\udfff"])
def test_half_a_character_is_refused(text):
    with pytest.raises(ValueError, match=r"lone surrogate.*try"):
        Tokenizer().encode(text)
    with pytest.raises(ValueError, match="lone surrogate"):
        Tokenizer.train([text])


def test_special_tokens_are_never_made_from_text_nor_into_text():
    ids = trained().encode("<start> <end> <pad>")
    assert min(ids) >= FIRST_BYTE
    assert trained().decode([START_ID, *trained().encode("pup"), END_ID, PAD_ID]) == "pup"


def test_tokens_can_be_looked_at():
    tokenizer = Tokenizer()
    assert [tokenizer.token(k) for k in range(3)] == ["<pad>", "<start>", "<end>"]
    assert tokenizer.token(byte("A")) == "A"
    assert tokenizer.token(FIRST_BYTE) == "\0"
    assert tokenizer.token(FIRST_BYTE) == "\0"
    assert tokenizer.token(FIRST_BYTE + 0xC3) == r"\xc3"


def test_a_character_cut_in_two_decodes_to_the_replacement_character():
    assert Tokenizer().decode(Tokenizer().encode("é")[:1]) == "\ufffd"


@pytest.mark.parametrize("token_id", [-1, 259, 10_000, "a", 1.5, None])
def test_an_id_outside_the_vocabulary_is_refused(token_id):
    with plain_python(), pytest.raises(ValueError, match=f"id {token_id!r} is outside.*0 to 258"):
        Tokenizer().decode([token_id])
    with plain_python(), pytest.raises(ValueError, match=f"id {token_id!r} is outside.*0 to 258"):
        Tokenizer().token(token_id)


@given(st.lists(MIXED.filter(str.strip), min_size=1, max_size=4), st.integers(2, 12))
def test_a_batch_is_framed_padded_and_masked(texts, context):
    tokenizer = Tokenizer(trained().merges, context)
    token_ids, mask = tokenizer.batch(texts)
    assert token_ids.shape == mask.shape == (len(texts), context)
    assert (token_ids.dtype, mask.dtype) == (torch.int64, torch.bool)
    for text, row, real in zip(texts, token_ids.tolist(), mask.tolist(), strict=True):
        body = tokenizer.encode(text)[: context - 2]
        used = len(body) + 2
        assert row == [START_ID, *body, END_ID] + [PAD_ID] * (context - used)
        assert real == [True] * used + [False] * (context - used)


def test_truncation_keeps_the_end_token():
    token_ids, mask = Tokenizer(context_length=6).batch(["abcdefgh", "abcd", "abc"])
    ids = [byte(character) for character in "abcd"]
    assert token_ids.tolist()[:2] == [[START_ID, *ids, END_ID]] * 2
    assert mask.sum(dim=1).tolist() == [6, 6, 5]


def test_a_caption_too_long_is_an_error_if_asked():
    tokenizer = Tokenizer(context_length=6)
    assert tokenizer.batch(["abcd"], truncate=False)[0].shape == (1, 6)
    with pytest.raises(ValueError, match=r"text 1 \('abcde.*5 tokens, 4 fit.*truncate=True"):
        tokenizer.batch(["abcd", "abcde"], truncate=False)


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_an_empty_caption_is_refused(text):
    with pytest.raises(ValueError, match="text 1 is .*says nothing.*leave the pair out"):
        Tokenizer().batch(["a pup", text])


def test_no_texts_are_refused():
    with pytest.raises(ValueError, match="texts is empty.*at least one"):
        Tokenizer().batch([])


def test_a_string_is_no_batch():
    with pytest.raises(ValueError, match=r"one string; try a list: \['a pup'\]"):
        Tokenizer().batch("a pup")


def test_sizes_without_room_are_refused():
    with pytest.raises(ValueError, match="vocab_size=258 has no room.*try 259"):
        Tokenizer.train(["a"], vocab_size=258)
    with pytest.raises(ValueError, match="context_length=1 has no room.*try 2"):
        Tokenizer(context_length=1)


@pytest.mark.parametrize("size", ["300", 300.0, None, [300], True, 10**12])
def test_a_size_that_is_no_whole_number_is_refused(size):
    with plain_python():
        with pytest.raises(ValueError, match="context_length="):
            Tokenizer(context_length=size)
        if size != 10**12:  # a vocabulary may be as large as it likes: training stops earlier
            with pytest.raises(ValueError, match="vocab_size="):
                Tokenizer.train(["a"], size)


@pytest.mark.parametrize("pair", [(3.0, 4), ("a", "b"), "ab", (3,), (3, 4, 5), None, 3, [[3], [4]]])
def test_a_merge_that_is_no_pair_of_ids_is_refused_by_its_place(pair):
    with plain_python(), pytest.raises(ValueError, match=r"merges\[1\]=.* is no pair of token ids"):
        Tokenizer([(100, 101), pair])


@pytest.mark.parametrize(
    "merges",
    [
        [(100, 101), (100, 101)],
        [(100, 101), (101, 102), (259, 102), (100, 260)],  # ab + c and a + bc
        [(100, 100), (259, 100), (100, 259)],
    ],
)
def test_a_token_made_in_two_ways_is_refused(merges):
    name = rf"merges\[{len(merges) - 1}\]"
    with pytest.raises(ValueError, match=rf"{name}=.* which token \d+ is already; leave it out"):
        Tokenizer(merges)


@given(st.lists(st.text("ab", max_size=9) | st.text("abc ", max_size=20), min_size=1))
def test_training_never_makes_a_token_in_two_ways(texts):
    assert Tokenizer.train(texts * 3, 400).vocab_size >= 259  # which would be refused


@pytest.mark.parametrize("pair", [(259, 100), (100, 259), (0, 100), (-1, 100)])
def test_a_merge_of_what_does_not_exist_is_refused(pair):
    with pytest.raises(ValueError, match="isn't made yet.*3 to 258"):
        Tokenizer([pair])


def test_saved_and_loaded_it_is_the_same(tmp_path):
    path = tmp_path / "tokenizer.json"
    texts = ["café 👧 日本 \x85\n"] * 3 + [caption for _, caption in EXAMPLE] * 2
    tokenizer = Tokenizer.train(texts, 400, context_length=17)
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert (loaded.merges, loaded.context_length) == (tokenizer.merges, 17)
    assert all(loaded.encode(text) == tokenizer.encode(text) for text in TEXTS)


def test_a_file_shows_bytes_as_characters_in_utf_8(tmp_path):
    Tokenizer([(byte("\xc3"), byte("\xa9"))]).save(tmp_path / "tokenizer.json")
    assert '["Ã", "©"]'.encode() in (tmp_path / "tokenizer.json").read_bytes()


@st.composite
def merge_tables(draw) -> list[tuple[int, int]]:
    """Pairs of ids of which each makes a new token, of any bytes."""
    made = [b"", b"", b"", *(bytes([k]) for k in range(256))]
    merges = []
    few = st.sampled_from([0x61, 0x62, 0x20, 0x0A, 0x22, 0x5C, 0x85, 0xC3, 0xFF, 0x00])
    for left, right in draw(st.lists(st.tuples(few | st.integers(0), few | st.integers(0)))):
        pair = tuple(FIRST_BYTE + k % (len(made) - FIRST_BYTE) for k in (left, right))
        if made[pair[0]] + made[pair[1]] not in made:
            made.append(made[pair[0]] + made[pair[1]])
            merges.append(pair)
    return merges


@given(merge_tables(), st.integers(2, 65_536))
def test_any_table_of_merges_comes_back_from_its_file(tmp_path_factory, merges, context):
    path = tmp_path_factory.getbasetemp() / "any.json"
    Tokenizer(merges, context).save(path)
    loaded = Tokenizer.load(path)
    assert (loaded.merges, loaded.context_length) == (merges, context)


def test_the_file_can_be_read(tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer.train(["low"] * 5 + [" low"] * 5, 262)
    tokenizer.save(path)
    saved = json.loads(path.read_text("utf-8"))
    assert saved["context_length"] == 32
    assert saved["merges"] == [["l", "o"], ["lo", "w"], [" ", "low"]]
    lines = path.read_text("utf-8").splitlines()
    assert '  ["lo", "w"],' in lines  # a merge a line


GOOD = {
    "context_length": 32,
    "special_tokens": ["<pad>", "<start>", "<end>"],
    "merges": [["a", "b"], ["ab", "c"]],
}
DAMAGED = {
    "context_length": ["32", None, 1, 0, -1, 2.5, 32.0, True, [32], {}, 10**12, 10**400],
    "special_tokens": [None, [], "<pad>", ["<pad>", "<end>", "<start>"], [0, 1, 2]],
    "merges": [
        None,
        "ab",
        7,
        {"a": "b"},
        [["a", "b"], ["abc", "d"]],  # what is not made yet
        [["ab", "c"], ["a", "b"]],  # out of order
        [["a", "b"], ["a", "b"]],  # twice
        [["a", "b"], ["b", "c"], ["ab", "c"], ["a", "bc"]],  # in two ways
        *([[pair]] for pair in (["a"], ["a", "b", "c"], ["a", ""], ["a", "→"], "ab", [1, 2], None)),
        [{"a": 1, "b": 2}],
        [["<pad>", "a"]],
    ],
}


@pytest.mark.parametrize(("field", "value"), [(k, v) for k, vs in DAMAGED.items() for v in vs])
def test_a_field_that_save_did_not_write_is_refused_by_file_and_name(tmp_path, field, value):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(GOOD), "utf-8")
    assert Tokenizer.load(path).vocab_size == 261
    path.write_text(json.dumps(GOOD | {field: value}), "utf-8")
    with pytest.raises(ValueError, match=rf"tokenizer\.json was not saved by.*{field}"):
        Tokenizer.load(path)


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_and_a_strange_one_are_refused(tmp_path, field):
    path = tmp_path / "tokenizer.json"
    for fields in ({k: v for k, v in GOOD.items() if k != field}, GOOD | {"surprise": 1}):
        path.write_text(json.dumps(fields), "utf-8")
        with pytest.raises(ValueError, match="json was not saved by.*not the fields"):
            Tokenizer.load(path)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe\x00",
        json.dumps(GOOD).encode("utf-16"),
        json.dumps(GOOD).replace("ab", "é").encode("latin-1"),
        json.dumps(GOOD).replace("{", '{"merges": [], ').encode(),
        json.dumps(GOOD).replace("32", "9" * 5_000).encode(),
        json.dumps(GOOD).replace("32", "NaN").encode(),
        json.dumps(GOOD).replace("32", "[" * 100_000).encode(),
    ],
    ids=lambda damage: repr(damage[:20]),
)
def test_a_foreign_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"tokenizer\.json was not saved by.*save it again"):
        Tokenizer.load(path)


def test_a_folder_is_refused_and_a_missing_file_named(tmp_path):
    with pytest.raises(ValueError, match="was not saved by"):
        Tokenizer.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"gone\.json does not exist"):
        Tokenizer.load(tmp_path / "gone.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=3),
)


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, VALUES)) | VALUES | st.binary())
def test_nothing_but_a_value_error_comes_from_any_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "hostile.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ValueError, match=r"hostile\.json was not saved by"):
        Tokenizer.load(path)


def test_a_tokenizer_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    trained().save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("clipbook.files.os.fsync", full)
    for tokenizer in (trained(), CLIPTokenizer([])):
        with pytest.raises(OSError, match=r"no space left\); make room there"):
            tokenizer.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="missing is no folder; make it first"):
        trained().save(tmp_path / "missing/tokenizer.json")
    with pytest.raises(IsADirectoryError, match="is a folder; give a file in it"):
        trained().save(tmp_path)
