"""How long a chapter takes, in the sidebar."""

from bs4 import BeautifulSoup

from bookkit import chapters
from bookkit.pages import reading


def test_links_to_chapters_say_their_minutes_and_other_links_nothing():
    menu = BeautifulSoup(
        '<a href="../text/attention.html">A</a><a href="#">B</a><a href="../api.html">C</a>',
        "html.parser",
    )
    reading.add_minutes(menu, "pairs/training")
    attention, training = (
        chapters.read(page).facts.minutes for page in ("text/attention", "pairs/training")
    )
    assert [link.get_text() for link in menu.select("a")] == [
        f"A {attention} minutes",
        f"B {training} minutes",
        "C",
    ]
