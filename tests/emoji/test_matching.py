"""Drawings find their emoji by code point, or by any name that it goes by."""

from clipbook.emoji import matching

EMOJI = {
    "1F415": {"label": "dog", "tags": ["Pet", "dog", "perro ñ"]},
    "1F436": {"label": "dog face", "tags": ["puppy"]},
    "1F495": {"label": "two hearts"},
    "2764": {"label": "red heart"},
}
CODED = [
    (
        {"1f436": "dog-face", "2764-fe0f": "red-heart"},
        {"aliases": {
            "puppy-face": {"parent": "dog-face"},
            "dog-face-left": {"parent": "dog-face", "hFlip": True},
        }},
    )
]  # fmt: skip
CODES = matching.codes_by_name(
    EMOJI, [{"1F495": ["2hearts", "hearts"]}, {"1F415": "hearts"}], CODED
)


def test_an_emoji_goes_by_all_its_names():
    assert CODES["dogface"] == CODES["puppyface"] == "1F436"
    assert CODES["redheart"] == CODES["heavyblackheart"] == "2764"  # Unicode's own name
    assert CODES["twohearts"] == CODES["2hearts"] == "1F495"


def test_of_two_claims_the_first_counts():
    assert CODES["hearts"] == "1F495"


def test_a_mirror_image_is_no_other_name():
    assert "dogfaceleft" not in CODES


def test_a_set_without_code_points_is_matched_by_name():
    icons = {"icons": {"2hearts": {}, "DogFace": {}, "hearts": {}, "nothing": {}}}
    assert matching.drawings(icons, {}, CODES) == {"1F495": "2hearts", "1F436": "DogFace"}


def test_a_set_with_code_points_says_it_itself():
    icons = {"icons": {"any": {}}}
    assert matching.drawings(icons, {"2764-fe0f": "any"}, CODES) == {"2764": "any"}


def test_too_few_artists_and_what_no_picture_tells_are_left_out():
    entries = {
        "A": {"label": "dog", "group": 0, "order": 2},
        "B": {"label": "cat", "group": 0, "order": 1},
        "C": {"label": "flag: Chad", "group": 1, "order": 3},
        "D": {"label": "OK button", "group": 2, "order": 4},
        "1F468-200D-1F373": {"label": "man cook", "group": 3, "order": 5},
        "E": {"label": "woman: beard", "group": 3, "order": 6},
        "F": {"label": "rare", "group": 0, "order": 7},
    }
    groups = {0: "animals-nature", 1: "flags", 2: "symbols", 3: "people-body"}
    four = {artist: dict.fromkeys(entries, "x") for artist in ("a", "b", "c", "d", "noto-v1")}
    del four["d"]["F"]  # Noto's first version is no artist of its own
    kept, left_out = matching.choose(entries, four, groups)
    assert kept == ["B", "A"]
    assert left_out == {
        "flags and parts of emoji": 1,
        "letters on buttons": 1,
        "people told apart by sex, hair or family alone": 2,
        "fewer than 4 artists": 1,
    }


def test_keywords_are_plain_words_beside_the_name():
    assert matching.keywords_of(EMOJI["1F415"]) == ("pet",)


def test_names_are_in_lower_case_with_plain_apostrophes():
    assert matching.plain("Four O’Clock (red)") == "four o'clock"
