"""Every line of a table is a row, part of one, or named; no row takes another with it."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipbook.text import Tokenizer
from clipbook.training.folder import LONGEST, read_pairs
from clipbook.training.table import read_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five pictures and what is none; each test writes its own table."""
    folder = tmp_path_factory.mktemp("pairs")
    for k in range(5):
        Image.new("RGB", (9, 9)).save(folder / f"{k}.png")
    (folder / "loop").symlink_to("loop")
    (folder / "text").write_text("no picture")
    os.mkfifo(folder / "pipe")
    return folder


def read(folder, table: str | bytes, name: str = "captions.csv"):
    """Captions of the pairs, and the problems."""
    for old in folder.glob("captions.*"):
        old.unlink()
    data = table if isinstance(table, bytes) else table.encode("utf-8", "surrogatepass")
    (folder / name).write_bytes(data)
    pairs, problems = read_pairs(folder)
    return [pair.caption for pair in pairs], problems


def csv_of(*rows: str) -> str:
    return "\n".join(["picture,caption", *rows]) + "\n"


# rows, captions that come back, lines that are named
OPEN = {
    "never closed": (['0.png,"a star', "1.png,a ring"], ["a ring"], [2]),
    "in the last row": (["0.png,a star", '1.png,"a ring'], ["a star"], [3]),
    "in a middle row": (
        ["0.png,a star", '1.png,"a ring', "2.png,a heart"], ["a star", "a heart"], [3],
    ),
    "in every row": (['0.png,"a star', '1.png,"a ring'], [], [2, 3]),
    "closed by the next quoted caption": (
        ['0.png,"a star', '1.png,"a ring"', "2.png,a heart"], ["a ring", "a heart"], [2],
    ),
    "closed far away": (
        ['0.png,"a star', "1.png,a ring", "2.png,a heart", '3.png,a dot"', "4.png,a cross"],
        ["a ring", "a heart", "a cross"], [2, 5],
    ),
    "closed at the next row's end": (['0.png,"a star', '1.png,a ring"'], [], [2, 3]),
    "in the picture's cell": (['"0.png,a star', "1.png,a ring"], ["a ring"], [2]),
    "around two rows": (['"0.png,a star', '1.png",a ring', "2.png,a heart"], ["a heart"], [2, 3]),
    "inside a quoted caption": (['0.png,"a "big" star"', "1.png,a ring"], ["a ring"], [2]),
    "longer than a cell may be": (
        ['0.png,"a star', *["2.png,"] * 20_000, "1.png,a ring"], ["a ring"], [*range(2, 20_003)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "captions", "bad"), OPEN.values(), ids=OPEN)
def test_a_quotation_mark_left_open_costs_only_its_own_row(folder, rows, captions, bad):
    found, problems = read(folder, csv_of(*rows))
    assert found == captions
    assert [int(problem.split("line ")[1].split(":")[0]) for problem in problems] == bad


def test_a_quotation_mark_left_open_is_named_where_the_last_line_has_no_end(folder):
    captions, (problem,) = read(folder, 'picture,caption\n0.png,"a star\n1.png,a ring')
    assert captions == ["a ring"]
    assert problem.startswith("captions.csv, line 2: ")
    assert "is a quotation mark left open" in problem


def test_a_quoted_caption_may_go_over_several_lines(folder):
    table = csv_of('0.png,"a star', "", 'with ""five"" points"', "1.png,a ring")
    assert read(folder, table) == (['a star\n\nwith "five" points', "a ring"], [])
    _, (problem,) = read(folder, csv_of('gone.png,"a star', 'with points"'))
    assert problem.startswith("captions.csv, lines 2 to 3: gone.png is not there")


@pytest.mark.parametrize("columns", ["picture caption", "caption who picture", "x picture caption"])
@pytest.mark.parametrize("opened", range(3))
@pytest.mark.parametrize("closed", range(1, 4))
def test_a_line_that_may_be_a_row_is_never_part_of_a_caption(folder, columns, opened, closed):
    rows = []
    for k in range(4):
        caption = '"' * (k == opened) + f"a star of {k} points" + '"' * (k == closed)
        cells = {"picture": f"{k}.png", "caption": caption}
        rows.append(",".join(cells.get(name, "me") for name in columns.split()))
    captions, problems = read(folder, "\n".join([columns.replace(" ", ","), *rows]))
    assert not any("\n" in caption for caption in captions)
    assert len(captions) + len(problems) == 4
    whole = {f"a star of {k} points" for k in range(4) if k not in (opened, closed)}
    assert whole <= set(captions)


BAD_JSON = {
    "a name of 300 characters": ({"picture": "n" * 300, "caption": "a"}, "nnn is not there"),
    "half a character in a name": ({"picture": "\ud800.png", "caption": "a"}, "half a character"),
    "half a character": ({"picture": "0.png", "caption": "\udfff"}, "holds half a character"),
    "NUL": ({"picture": "0.png\0", "caption": "a"}, "is not in UTF-8"),
    "a number": ({"picture": 7, "caption": "a"}, "picture is 7; it must be a text"),
    "null": ({"picture": "0.png", "caption": None}, "caption is None; it must be a text"),
    "a list": ({"picture": "0.png", "caption": ["a"]}, "caption is ['a']; it must be a text"),
    "no caption": ({"picture": "0.png"}, "caption is None; it must be a text"),
    "spaces": ({"picture": "0.png", "caption": " \n"}, "it must be a text"),
    "ten million characters": ({"picture": "0.png", "caption": "a" * 10**7}, "10000000 characters"),
    "a name as long": ({"picture": "a" * 10**7, "caption": "a"}, "10000000 characters"),
    "a link to itself": ({"picture": "loop", "caption": "a"}, "loop is not there"),
    "a folder": ({"picture": ".", "caption": "a"}, ". is not there as a file"),
    "outside": ({"picture": "/etc/hostname", "caption": "a"}, "lies outside the folder"),
    "up": ({"picture": "x/../../y.png", "caption": "a"}, "lies outside the folder"),
    "backslashes": ({"picture": "more\\0.png", "caption": "a"}, "write / between folders"),
    "a pipe": ({"picture": "pipe", "caption": "a"}, "pipe is not there as a file"),
    "no picture": ({"picture": "text", "caption": "a"}, "text can't be read as a picture"),
    "a deep list": ('{"picture": "0.png", "caption": ' + "[" * 500 + "]" * 500 + "}", "a text"),
    "5,000 digits": ('{"picture": "0.png", "caption": "a", "n": ' + "9" * 5_000 + "}", "no JSON"),
    "100,000 brackets": ("[" * 100_000, "no JSON (it is nested too deeply)"),
    "as many, in an object": ('{"a":' * 100_000, "no JSON (it is nested too deeply)"),
    "a name twice": (
        '{"picture": "0.png", "caption": "a", "caption": "b"}',
        "'caption' stands in one object twice",
    ),
    "NaN": ('{"picture": "0.png", "caption": "a", "n": NaN}', "NaN is no JSON"),
    "no object": ('"picture"', "line 2: 'picture' is no object with names"),
}


@pytest.mark.parametrize(("row", "said"), BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_line_of_json_is_named_and_the_others_come_back(folder, row, said):
    good = [json.dumps({"picture": f"{k}.png", "caption": f"a {k}"}) for k in range(2)]
    row = row if isinstance(row, str) else json.dumps(row)
    captions, (problem,) = read(folder, "\n".join([good[0], row, good[1]]), "captions.jsonl")
    assert captions == ["a 0", "a 1"]
    assert problem.startswith("captions.jsonl, line 2: ")
    assert said in problem
    assert len(problem) < 1_000


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("n" * 300 + ",a", "n is not there"),
        ("loop,a", "loop is not there"),
        ("0.png\0,a", "is not in UTF-8"),
        ("0.png,\ud800", "is not in UTF-8"),
        ("0.png," + "a" * LONGEST + "a", "characters; shorten it"),
        ("0.png," + "a" * 10**7, "field larger than field limit"),
        ("0.png,a,b,c", "2 cells too many"),
        (",", "picture is ''"),
        ("more\\0.png,a", "write / between folders"),
    ],
    ids=lambda one: one[:12],
)
def test_a_bad_row_of_csv_is_named_and_the_others_come_back(folder, row, said):
    captions, (problem,) = read(folder, csv_of("0.png,a star", row, "1.png,a ring"))
    assert captions == ["a star", "a ring"]
    assert problem.startswith("captions.csv, line 3: ")
    assert said in problem
    assert len(problem) < 1_000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_blank_lines_byte_order_marks_and_any_line_end_are_read(folder, end, mark):
    rows = ["", "picture , caption", "", "0.png,a star", " ", '1.png,"a ring, red"', "", ""]
    assert read(folder, mark + end.join(rows)) == (["a star", "a ring, red"], [])
    lines = ["", '{"picture": "0.png", "caption": "a star"}', " ", ""]
    assert read(folder, mark + end.join(lines), "captions.jsonl") == (["a star"], [])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "is empty"),
        ("\n \r\n", "is empty"),
        (csv_of("0.png,a star").encode("utf-16"), "is in UTF-16; save it in UTF-8"),
        (csv_of("0.png,a star").encode("utf-16-le"), "name the columns picture and caption"),
        ("picture,caption,caption\n0.png,a,b", "each once"),
        ("picture,picture,caption\n0.png,1.png,b", "each once"),
        ("picture;caption\n0.png;a", "name the columns picture and caption"),
        ('"picture,caption\n0.png,a', "unexpected end of data"),
        ('picture,"caption\n0.png",a', "unexpected end of data"),
    ],
)
def test_a_table_that_is_none_is_refused_by_name(folder, table, said):
    with pytest.raises(ValueError, match=rf"captions\.csv.*{said}"):
        read(folder, table)


def test_a_table_that_is_a_folder_is_refused_by_name(tmp_path):
    (tmp_path / "captions.csv").mkdir()
    with pytest.raises(ValueError, match=r"captions\.csv can't be read \(Is a directory\)"):
        read_pairs(tmp_path)


PIECES = [
    *('"', '""', ",", "\n", "\r\n", "\r", "\n\n", " ", "\0", "é", "\ufffd", "{", "[", ":"),
    *("0.png", "1.png", "a star", '{"picture": "0.png", "caption": "a"}', "picture", "caption"),
]
TABLES = st.binary() | st.lists(st.sampled_from(PIECES)).map(lambda parts: "".join(parts).encode())
HEADS = st.sampled_from(
    [b"picture,caption\n", b"caption,picture\r\n", b"who,picture,caption\n", b""]
)


@given(HEADS, TABLES, st.sampled_from(["csv", "jsonl"]))
def test_every_line_that_is_not_blank_is_in_just_one_row(folder, head, table, kind):
    path = folder / f"any.{kind}"
    path.write_bytes(head + table)
    try:
        spans = [(first, last) for first, last, _ in read_rows(path)]
    except ValueError as error:
        assert path.name in str(error)
        return
    covered = [n for first, last in spans for n in range(first, last + 1)]
    assert covered == sorted(set(covered))
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        filled = [n for n, line in enumerate(file, 1) if line.strip()]
    assert set(filled if kind == "jsonl" else filled[1:]) <= set(covered)
    assert {n for span in spans for n in span} <= set(filled)


@given(HEADS, TABLES, st.sampled_from(["captions.csv", "captions.jsonl"]))
def test_any_table_gives_pairs_and_problems_or_the_documented_error(folder, head, table, name):
    try:
        captions, problems = read(folder, head + table, name)
    except ValueError as error:
        assert name in str(error)
        return
    assert all(problem.startswith(f"{name}, line") for problem in problems)
    assert len(captions) + len(problems) == len(list(read_rows(folder / name)))
    if captions:
        Tokenizer.train(captions)
        Tokenizer().batch(captions)


BAD = st.text(st.sampled_from('",ab.\0é ') | st.characters(exclude_characters="\n\r"), min_size=1)


@given(st.lists(BAD.filter(str.strip), max_size=6), st.randoms())
def test_good_rows_come_back_whatever_stands_between_them(folder, bad, dice):
    good = [f"{k}.png,a star of {k} points" for k in range(5)]
    rows = [*bad]
    for row in good:
        rows.insert(dice.randrange(len(rows) + 1), row)
    captions, problems = read(folder, csv_of(*rows))
    assert {row.partition(",")[2] for row in good} <= set(captions)
    assert len(problems) <= len(bad)
