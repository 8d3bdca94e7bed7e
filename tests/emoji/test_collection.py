"""Pictures by name and artist; and, drawn from the packages, all of the data."""

import json

import numpy as np
import pytest
import torch

from clipbook import emoji as package
from clipbook.emoji import ARTIST_NAMES, ARTISTS, EXAMPLE, HELD_OUT, load_emoji, sheets
from clipbook.emoji import __main__ as command
from clipbook.emoji.dropped import DROPPED
from tests import tiny


def test_a_picture_is_found_by_name_and_artist():
    small = tiny.emoji()
    picture = small.picture("dog face", "noto", background="red")
    assert picture.mode == "RGB" and picture.size == (64, 64)
    assert picture.getpixel((0, 0)) == (255, 0, 0)
    row = [k for k in small.rows_of("noto") if small.names[small.concept_of[k]] == "dog face"]
    assert np.asarray(picture)[32, 32].tolist() == small.pictures[row[0], 32, 32, :3].tolist()


def test_who_is_not_there_is_named_with_a_remedy():
    small = tiny.emoji()
    with pytest.raises(ValueError, match="'unicorn'.*'dog face'"):
        small.place("unicorn")
    with pytest.raises(ValueError, match="'Picasso'; try twemoji or"):
        small.rows_of("Picasso")
    with pytest.raises(ValueError, match="emojione has no dog face; try twemoji or noto"):
        small.picture("dog face", "emojione")


def test_rows_of_several_artists():
    small = tiny.emoji()
    rows = small.rows_of("twemoji", "openmoji")
    assert set(small.artist_of[rows].tolist()) == {0, len(ARTIST_NAMES) - 1}
    assert len(rows) == 2 * len(small.concepts)


@pytest.fixture(scope="module")
def real():
    return load_emoji()


@pytest.mark.slow
def test_the_data_are_as_many_as_the_book_says(real):
    counts = {name: len(real.rows_of(name)) for name in ARTIST_NAMES}
    assert len(real.concepts) == 1322
    assert counts["twemoji"] == counts["noto"] == 1322
    assert len(real.pictures) == sum(counts.values()) == 7914
    assert len({concept.code for concept in real.concepts}) == len(real.concepts)
    assert len(set(real.names)) == len(real.names)


@pytest.mark.slow
def test_every_picture_shows_something_and_fills_its_frame(real):
    alpha = real.pictures[..., 3] > 8
    rows, columns = alpha.any(dim=2).sum(dim=1), alpha.any(dim=1).sum(dim=1)
    longer = torch.maximum(rows, columns)  # 60 px within the margins, thin ends fade
    assert longer.min() >= 48 and (longer < 58).float().mean() < 0.01


@pytest.mark.slow
def test_no_picture_is_a_silhouette_that_only_one_artist_has(real):
    """A drawing whose parts were lost is one dark patch; others draw the same thing in colours."""
    opaque = real.pictures[..., 3:].float() / 255
    weight = opaque.sum(dim=(1, 2, 3))
    level = (real.pictures[..., :3].float() * opaque).sum(dim=(1, 2, 3)) / weight / 3
    dark = (level < 3) & (weight > 0.6 * 60 * 60)  # one patch that covers much of the frame
    for row in dark.nonzero()[:, 0].tolist():
        others = level[real.concept_of == real.concept_of[row]]
        assert others.median() < 60, real.names[real.concept_of[row]]


@pytest.mark.slow
def test_what_was_dropped_was_there_and_is_gone(real):
    for artist, name in DROPPED:
        assert name in real.names
        assert artist not in real.artists_of(name)


@pytest.mark.slow
def test_held_out_and_example_are_among_the_names_and_have_names_in_other_languages(real):
    for name in [*HELD_OUT, *(name for name, _ in EXAMPLE)]:
        assert "twemoji" in real.artists_of(name)
        assert real.concepts[real.place(name)].names["de"]
    dog = real.concepts[real.place("dog face")]
    assert dog.names["de"] == "hundegesicht" and "puppy" in dog.keywords
    assert {"en", "de", "ja", "ru"} <= dog.names.keys()


@pytest.mark.slow
def test_sheets_are_made_once(real, monkeypatch):
    monkeypatch.setattr(sheets, "_write", lambda *paths: pytest.fail("drawn again"))
    folder = sheets.make_sheets()
    assert {path.stem for path in folder.glob("*.webp")} == set(ARTIST_NAMES)
    table = json.loads((folder / sheets.TABLE).read_text("utf-8"))
    assert sum(table["left out"].values()) + len(table["concepts"]) > 1_900


def test_another_version_lies_elsewhere(monkeypatch):
    before = sheets.sheets_folder()
    monkeypatch.setattr(sheets, "VERSION", sheets.VERSION + 1)
    assert sheets.sheets_folder() != before


def test_a_failure_leaves_no_half_made_sheets(monkeypatch, tmp_path):
    def fails(folder, archives):
        (folder / "twemoji.webp").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setenv("CLIPBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(sheets.packages, "fetch", lambda *arguments: None)
    monkeypatch.setattr(sheets, "_write", fails)
    with pytest.raises(KeyboardInterrupt):
        sheets.make_sheets()
    assert not any(tmp_path.rglob("*.webp"))


def test_the_command_says_in_one_sentence_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CLIPBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(sheets.packages, "which", lambda name: None)
    load_emoji.cache_clear()
    assert command.main() == 1
    out, complaint = capsys.readouterr()
    assert "npm is missing" in complaint and complaint.count("\n") == 1 and not out


def test_the_command_says_how_many_there_are(monkeypatch, capsys):
    monkeypatch.setattr(command, "load_emoji", tiny.emoji)
    assert command.main() == 0
    count = len(tiny.emoji().pictures)
    assert f"{count:,} pictures of {len(tiny.emoji().concepts)} emoji" in capsys.readouterr().out


def test_every_artist_is_credited():
    for artist in ARTISTS:
        assert artist.credit and artist.licence and artist.source.startswith("https://")
    assert package.ARTISTS is ARTISTS


@pytest.mark.parametrize("table", ["", "[]", "{}", '{"concepts": [], "pictures": {}}', "[" * 10**5])
def test_sheets_that_are_damaged_are_named_with_the_remedy(monkeypatch, capsys, tmp_path, table):
    (tmp_path / sheets.TABLE).write_text(table)
    monkeypatch.setattr(package.collection, "make_sheets", lambda: tmp_path)
    load_emoji.cache_clear()
    assert command.main() == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"{tmp_path} is damaged (")
    assert complaint.endswith("); delete it, and the sheets are made anew\n")
