"""CLIP's tokenizer gives open_clip's ids, and takes nothing in a text for a special token."""

import gzip
import importlib.util
import random
import warnings
from functools import cache
from pathlib import Path

import pytest
import transformers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clipbook.text import CLIPTokenizer, Tokenizer
from clipbook.text.clip_tokenizer import MERGES, clean
from tests.plain import plain_python

START, END = 49_406, 49_407
PEPPER = "Pepper the aussie pup"
TEXTS = [
    PEPPER,
    "Hello World!",
    "  Two  spaces\n\tand lines ",
    "it's they're I'LL don't 'SMART' can’t o'clock",
    "in 2021, 3.14 or 1234567890 ½ ² Ⅷ ٣٤٥",
    "naïve café — ÅÉ İstanbul ẞ ſ 'ſ K",
    "日本語のテキスト 한국어 العربية עברית हिन्दी ไทย Ελληνικά кириллица",
    "👩\u200d👩\u200d👧 🐶🏽 ♥️ 🇪🇺",
    "&amp;amp; &lt;b&gt; &eacute; &#28; &#xD800; &unknown;",
    "<b> &amp;amp;lt; &amp;amp;amp;",  # in which ftfy leaves names of characters alone
    "i'd we've i'm you're she'll 'D 'VE 'M 'RE",
    "schÃ¶n â€” ﬁne ＦＵＬＬ “curly”",
    "\x00\x1b[31m\x1c\x85\u2028\ufeff",
    "solidgoldmagikarp petertodd",
    "<|startoftext|> <|endoftext|> </w> <pad>",
    "a" * 300,
    "word " * 100,
]
# Whatever cuts, cleans or repairs a text stands in these, beside characters of every script.
PARTS = [
    "a small", " red", "'s", "'LL", "ſ", "42", "½", "é", "Ã©", "日本", "👧", "&amp;",
    "&#", ";", "\u200d", "  ", "\n", "\x1c", "\xa0", "_", "-", "…", "“", "<", "|",
    ">", "</w>", "İ", "ﬁ", "Ａ",
]  # fmt: skip
ANY = st.text() | st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=12).map("".join)
NAMES = ("<start_of_text>", "<end_of_text>")  # of open_clip's special tokens


@cache
def ours() -> CLIPTokenizer:
    return CLIPTokenizer.load()


@cache
def theirs():
    """open_clip's tokenizer, by its file alone: the package itself needs torchvision."""
    (folder,) = importlib.util.find_spec("open_clip").submodule_search_locations
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", f"{folder}/tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the file open
        patch.setenv("TOKENIZERS_PARALLELISM", "false")  # which it sets
        spec.loader.exec_module(module)
    return module._tokenizer


def says_a_name(text: str) -> bool:
    """Whether the text holds a name of open_clip's special tokens, for which ſ is an s too."""
    return any(name in clean(text).replace("ſ", "s") for name in NAMES)


@pytest.mark.parametrize(
    ("text", "ids"),
    [("Hello World!", [3306, 1002, 256]), (PEPPER, [8253, 518, 14424, 11302])],
)
def test_ids_that_others_published(text, ids):
    assert ours().encode(text) == ids
    token_ids, mask = ours().batch([text])
    assert token_ids.shape == (1, 77)
    assert token_ids[mask].tolist() == [START, *ids, END]
    assert not token_ids[~mask].any()  # padding is 0


def test_the_vocabulary_is_clips():
    assert (ours().vocab_size, ours().start_id, ours().end_id) == (49_408, START, END)
    assert len(ours().merges) == MERGES
    assert [ours().token(START), ours().token(END)] == ["<|startoftext|>", "<|endoftext|>"]


def agrees(text: str) -> None:
    """Equal ids, rows of a batch and texts from ids."""
    ids = theirs().encode(text)
    assert ours().encode(text) == ids
    assert ours().decode(ids) == theirs().decode(ids).removesuffix(" ")
    if ids and text.strip():
        assert ours().batch([text])[0].tolist() == theirs()([text]).tolist()


@given(ANY.filter(lambda text: not says_a_name(text)))
@settings(max_examples=300)
def test_equals_open_clip(text):
    agrees(text)


def drawn(generator: random.Random) -> str:
    """Characters of any script and PARTS; drawn by hand, in a third of hypothesis' time."""
    pieces = []
    for _ in range(generator.randrange(13)):
        if generator.random() < 0.5:
            pieces.append(generator.choice(PARTS))
        else:
            code = generator.randrange(generator.choice([0x80, 0x250, 0x3000, 0x110000]))
            pieces.append(chr(code) if not 0xD800 <= code < 0xE000 else "\ud7ff")
    return "".join(pieces)


@pytest.mark.slow
@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_equals_open_clip_for_ten_thousand_texts(seed):
    generator = random.Random(seed)
    with plain_python():  # shapes are checked by the three hundred texts above
        for text in [drawn(generator) for _ in range(100)]:
            if not says_a_name(text):
                agrees(text)


@pytest.mark.parametrize("text", TEXTS)
def test_equals_open_clip_on_awkward_texts(text):
    agrees(text)


# Characters that every version of Unicode since 2018 agrees about. Without marks: one of them,
# U+0345, is a letter only for those who overlook capitals, as CLIP's code does while it cuts words.
SETTLED = st.text(st.characters(max_codepoint=0x2FFF, categories=["L", "N", "P", "S", "Zs"]))


@given(st.lists(st.sampled_from(PARTS) | SETTLED, max_size=12).map("".join))
def test_equals_hugging_face_on_clean_texts(text):
    text = clean(text)
    assume(clean(text) == text)  # lower case may look as if decoded wrongly
    assume(not any(name in text for name in CLIP_NAMES))
    assert in_hugging_face().encode(text, add_special_tokens=False) == ours().encode(text)


CLIP_NAMES = ("<|startoftext|>", "<|endoftext|>")  # in OpenAI's code and Hugging Face's


@cache
def in_hugging_face():
    tokens = [*map(ours()._name, range(START)), *CLIP_NAMES]
    merges = [(tokens[left], tokens[right]) for left, right in ours().merges]
    vocabulary = {token: token_id for token_id, token in enumerate(tokens)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges)


@pytest.mark.parametrize("name", [*NAMES, *CLIP_NAMES])
def test_a_special_token_that_a_user_types_is_not_special(name):
    ids = ours().encode(f"a {name} b")
    assert not {START, END} & {*ids}
    assert ours().decode(ids).replace(" ", "") == f"a{name}b"
    row, mask = ours().batch([f"a {name} b"])
    assert (row[mask] == END).sum() == 1


def test_open_clip_takes_the_names_of_its_special_tokens_for_these():
    assert theirs().encode("<start_of_text> <end_of_text>") == [START, END]
    assert len(ours().encode("<start_of_text> <end_of_text>")) > 2
    assert theirs().encode(" ".join(CLIP_NAMES)) == ours().encode(" ".join(CLIP_NAMES))


def test_hugging_face_takes_those_of_clip_for_special():
    text = " ".join(CLIP_NAMES)
    assert in_hugging_face().encode(text, add_special_tokens=False) == [START, END]
    assert len(ours().encode(text)) > 2


def test_truncation_keeps_the_end_token_in_the_last_of_77_places():
    texts = ["pup " * 75, "pup " * 76, "pup " * 74]
    token_ids, mask = ours().batch(texts)
    assert token_ids[:, -1].tolist() == [END, END, 0]
    assert mask.sum(dim=1).tolist() == [77, 77, 76]
    assert token_ids.tolist() == theirs()(texts).tolist()
    with pytest.raises(ValueError, match=r"text 1 .*76 tokens, 75 fit.*truncate=True"):
        ours().batch(texts, truncate=False)


@pytest.mark.parametrize("text", ["", " \n", "&nbsp;", "&amp;nbsp; "])
def test_a_text_of_which_cleaning_leaves_nothing_is_refused(text):
    with pytest.raises(ValueError, match="text 1 is .*says nothing; leave the pair out"):
        ours().batch(["a pup", text])


def test_another_context_cuts_elsewhere():
    shorter = CLIPTokenizer(ours().merges[:9], context_length=5)
    assert shorter.batch(["a b c d e"])[0].tolist() == [[521, *shorter.encode("a b c"), 522]]
    assert CLIPTokenizer.load(context_length=5).context_length == 5


def test_special_tokens_are_left_out_of_a_text():
    assert ours().decode([START, *ours().encode(PEPPER), END, END]) == "pepper the aussie pup"
    assert ours().decode([]) == ours().decode([START, END]) == ""


@pytest.mark.parametrize("token_id", [-1, 49_408])
def test_an_id_outside_the_vocabulary_is_refused(token_id):
    for take in (ours().token, lambda one: ours().decode([one])):
        with pytest.raises(ValueError, match=f"token id {token_id} is outside.*0 to 49407"):
            take(token_id)


def test_tokens_can_be_looked_at():
    assert [ours().token(k) for k in ours().encode("don't é")] == ["don</w>", "'t</w>", "é</w>"]
    assert [ours().token(k) for k in (0, 256, 188, 188 + 256)] == ["!", "!</w>", "\0", "\0</w>"]
    assert ours().token(ours().encode("👧")[0]).startswith(r"\xf0\x9f")


def test_a_space_is_a_byte_like_any_other_to_look_at():
    space = CLIPTokenizer._alphabet.index(b" ")
    assert [ours().token(space), ours().token(space + 256)] == [" ", " </w>"]
    assert [ours()._name(space), ours()._name(space + 256)] == ["Ġ", "Ġ</w>"]


def test_steps_lead_from_bytes_to_the_tokens():
    steps = ours().steps("Pup pups")
    assert [ours().token(k) for k in steps[0]] == ["p", "u", "p</w>", "p", "u", "p", "s</w>"]
    assert steps[-1] == ours().encode("pup pups")
    assert [len(step) for step in steps] == sorted({len(step) for step in steps}, reverse=True)


@pytest.mark.parametrize("text", ["a red \ud800 circle", None, 7, b"pup"])
def test_what_is_no_text_is_refused(text):
    with plain_python(), pytest.raises(ValueError, match="text="):
        ours().encode(text)


def test_its_kind_can_be_trained():
    trained = CLIPTokenizer.train(["LOW low"] * 5 + ["lower"] * 2 + ["42 42"], vocab_size=600)
    learned = [trained.token(k) for k in range(512, trained.vocab_size - 2)]
    # 12 and 10 times, then twice each; of "e r", "w e" and "lo w" the e comes first, then the w.
    assert learned == ["lo", "low</w>", "er</w>", "wer</w>", "lower</w>"]
    assert trained.encode("Low lower") == [513, 516]
    assert (type(trained), trained.context_length) == (CLIPTokenizer, 77)
    assert CLIPTokenizer.train(["LOW"], 514, context_length=5).context_length == 5


def test_a_size_without_room_for_its_alphabet_is_refused():
    with pytest.raises(ValueError, match="vocab_size=513 has no room.*try 514"):
        CLIPTokenizer.train(["a"], vocab_size=513)


def test_a_plain_file_is_read_as_the_compressed_one(tmp_path):
    with gzip.open(installed(), "rt", encoding="utf-8") as lines:
        text = "".join(["#version: 0.2\n", *list(lines)[1 : 1 + MERGES]])
    (tmp_path / "merges.txt").write_bytes(text.encode())
    read = CLIPTokenizer.load(tmp_path / "merges.txt")
    assert read.merges == ours().merges
    read.save(tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == text.encode()


def installed() -> Path:
    (folder,) = importlib.util.find_spec("open_clip").submodule_search_locations
    return Path(folder) / "bpe_simple_vocab_16e6.txt.gz"


def test_a_file_may_have_the_line_ends_of_windows(tmp_path):
    (tmp_path / "merges.txt").write_bytes(b"#version: 0.2\r\np u\r\npu p</w>\r\n")
    read = CLIPTokenizer.load(str(tmp_path / "merges.txt"))
    assert read.decode(read.encode("pup")) == "pup"
    assert read.encode("pup") == [513]


HEAD = b"#version: 0.2\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1 is ''"),
        (b"p u\npu p</w>\n", "line 1 is 'p u'"),
        (HEAD + b"p u\npupp y\n", "line 3 is 'pupp y'.*made above"),
        (HEAD + b"p\n", "line 2 is 'p'.*no two tokens"),
        (HEAD + b"p u p\n", "line 2 is 'p u p'"),
        (HEAD + b"\n", "line 2 is ''"),
        (HEAD + "p 日\n".encode(), "line 2 is"),
        (HEAD + b"p u\np u\n", "which token 512 is already"),
        (HEAD + b"p</w> u\n", "where a word ends"),
        (HEAD + "Ġ u\n".encode(), "where a word ends, or has a space"),
        (HEAD + b"p \xff\n", "can't decode"),
        (b"\x1f\x8b", "ended"),
        (gzip.compress(HEAD, mtime=0)[:-5], "ended"),
        (gzip.compress(HEAD, mtime=0)[:12] + b"\xff" * 9, ""),
        (gzip.compress(HEAD, mtime=0)[:10] + b"\xff" * 9, "invalid"),
    ],
)
def test_a_foreign_file_is_refused_by_name_and_line(tmp_path, data, said):
    (tmp_path / "merges.txt").write_bytes(data)
    with pytest.raises(ValueError, match=rf"merges\.txt is no file of.*{said}") as refused:
        CLIPTokenizer.load(tmp_path / "merges.txt")
    assert "give merges.txt of a CLIP model" in str(refused.value)


def test_a_folder_is_refused_and_a_missing_file_named(tmp_path):
    with pytest.raises(ValueError, match="no file of CLIP's merges"):
        CLIPTokenizer.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"gone\.txt does not exist"):
        CLIPTokenizer.load(tmp_path / "gone.txt")


def test_a_tokenizer_of_the_other_kind_is_no_file_of_merges(tmp_path):
    Tokenizer.train(["low"] * 5, 262).save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=r"tokenizer\.json is no file of CLIP's merges"):
        CLIPTokenizer.load(tmp_path / "tokenizer.json")
    ours().save(tmp_path / "merges.txt")
    with pytest.raises(ValueError, match=r"merges\.txt was not saved by"):
        Tokenizer.load(tmp_path / "merges.txt")


def test_without_the_file_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("clipbook.text.clip_tokenizer.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps open-clip-torch"):
        CLIPTokenizer.load()
