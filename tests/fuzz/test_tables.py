"""Whatever lies in a folder of pairs: pairs that can be trained on, and sentences for the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipbook.text import Tokenizer
from clipbook.training.folder import FolderBatches, read_pairs
from tests.fuzz.strategies import JSON, TEXTS, damaged, picture_files
from tests.tiny import tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::PIL")]

NAMES = ["0.png", "1.jpg", "odd.bin", "none.png", "in/2.png", "../out.png", "loop", "in", ""]


@pytest.fixture(scope="module")
def own(folder):
    """A folder with readable pictures, one that isn't, one outside, and a link to itself."""
    Image.new("RGB", (6, 4), "red").save(folder / "out.png")
    own = folder / "own"
    (own / "in").mkdir(parents=True)
    Image.new("RGB", (6, 4), "red").save(own / "0.png")
    Image.new("L", (6, 4), 9).save(own / "1.jpg")
    Image.new("P", (6, 4), 9).save(own / "in/2.png")
    (own / "loop").symlink_to(own / "loop")
    return own


def check(own, name: str, table: bytes, readable: int = 0) -> None:
    """Every pair can be used, and so can all of them together."""
    for old in own.glob("captions.*"):
        old.unlink()
    (own / name).write_bytes(table)
    try:
        pairs, problems = read_pairs(own)
    except ValueError as error:
        assert name in str(error)
        return
    assert len(pairs) >= readable
    assert all(isinstance(sentence, str) and sentence for sentence in problems)
    if not pairs:
        return
    for pair in pairs:
        assert pair.picture.is_file()
        assert pair.picture.is_relative_to(own)
        assert pair.caption.strip()
    captions = [pair.caption for pair in pairs]
    Tokenizer.train(captions, 270)
    pictures, token_ids, mask = FolderBatches(pairs, tokenizer(), len(pairs), 8)[0]
    assert pictures.shape == (len(pairs), 8, 8, 3)
    assert token_ids.shape == mask.shape == (len(pairs), tokenizer().context_length)


CELLS = st.one_of(st.sampled_from(NAMES), TEXTS).map(
    lambda text: text.encode(errors="surrogatepass")
)


HEADS = [b"picture,caption", b"caption,picture,note", b"picture,picture,caption", b"a,b", b""]
HEADS.append(b"\xef\xbb\xbf" + HEADS[0])


@st.composite
def csv_tables(draw: st.DrawFn) -> bytes:
    """Rows of any cells, quoted or not, as people and programs write them."""
    head = draw(st.sampled_from(HEADS))
    quoted = CELLS.map(lambda cell: b'"' + cell.replace(b'"', b'""') + b'"')
    rows = draw(st.lists(st.lists(CELLS | quoted, max_size=4), max_size=6))
    return draw(st.sampled_from([b"\n", b"\r\n"])).join([head, *map(b",".join, rows)])


@given(csv_tables(), damaged(picture_files()))
def test_tables_of_any_cells(own, clock, table, odd):
    (own / "odd.bin").write_bytes(odd)
    with clock:
        check(own, "captions.csv", table)


@given(damaged([b'picture,caption\n0.png,"a star"\n1.jpg,a ring\nin/2.png,"a, ""b"""\n']))
def test_damaged_tables(own, clock, table):
    with clock:
        check(own, "captions.csv", table)


ROWS = st.one_of(
    st.fixed_dictionaries({"picture": st.sampled_from(NAMES) | TEXTS, "caption": TEXTS}),
    st.fixed_dictionaries({"picture": JSON, "caption": JSON}),
    JSON,
).map(lambda row: json.dumps(row).encode())
ODD_ROWS = {
    "brackets": b"[" * 100_000,
    "digits": b"1" * 5_000,
    "digits in a cell": b'{"picture": "0.png", "caption": ' + b"1" * 5_000 + b"}",
    "half a character": b'{"picture": "0.png", "caption": "\\ud83d"}',
    "nothing": b"{}",
}


@given(st.lists(ROWS | st.sampled_from(sorted(ODD_ROWS)), max_size=5), st.integers(0, 5))
def test_lines_of_any_json_cost_only_themselves(own, clock, rows, place):
    good = b'{"picture": "0.png", "caption": "the one that everybody can read"}'
    lines = [ODD_ROWS.get(row, row) for row in rows]
    lines.insert(place, good)
    with clock:
        check(own, "captions.jsonl", b"\n".join(lines), readable=1)


@given(
    damaged([b'{"picture": "0.png", "caption": "a star"}\n{"picture": "1.jpg", "caption": "b"}'])
)
def test_damaged_lines(own, clock, table):
    with clock:
        check(own, "captions.jsonl", table)
