"""Every page in a browser: by itself, without errors, at every width and in both modes."""

import re
import threading

import pytest

from bookkit import serve
from bookkit.browser import draw_widgets, violations
from tests.site.conftest import soup_of

pytestmark = [pytest.mark.site, pytest.mark.browser]

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


@pytest.mark.parametrize(
    ("scheme", "viewport", "from_folder"),
    [("light", DESKTOP, False), ("dark", PHONE, True)],
    ids=["light-desktop-served", "dark-phone-from-a-folder"],
)
def test_page_is_whole_readable_and_usable_by_everyone(
    visit, origin, site, page, scheme, viewport, from_folder
):
    place = site.as_uri() if from_folder else origin
    seen = visit(f"{place}/{page}.html", allowed=place, color_scheme=scheme, viewport=viewport)
    tab = seen.tab
    draw_widgets(tab)
    tab.evaluate("document.fonts.ready")
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]
    assert tab.locator("html").get_attribute("data-theme") == scheme
    text, ground = tab.evaluate(
        "() => [getComputedStyle(document.querySelector('article p')).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    assert (luminance(text) < luminance(ground)) == (scheme == "light")
    bright, dark = sorted([luminance(text), luminance(ground)], reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5
    if page.split("/")[0] in ("text", "image", "pairs"):
        shows_its_place_on_the_map(tab, viewport["width"])
    assert violations(tab) == []  # which takes seconds, so that what comes late has come
    assert seen.foreign == [], "it asks another host"
    assert seen.errors == []
    pictures = tab.locator(".widget > .widget-picture").all()
    assert len(pictures) == tab.locator("script[type$='widget-view+json']").count()
    assert not any(picture.is_visible() for picture in pictures)
    tab.emulate_media(media="print", color_scheme=scheme)
    assert all(picture.is_visible() for picture in pictures), "a widget has no picture on paper"
    live = tab.locator(".widget > :not(.widget-picture)")
    assert not any(part.is_visible() for part in live.all())
    ink, code = tab.evaluate(
        """() => ["article p", "article .highlight pre span"].map((place) => {
          const node = document.querySelector(place) ?? document.body
          return getComputedStyle(node).color
        })"""
    )
    assert max(luminance(ink), luminance(code)) < 0.2, "paper is white"


def shows_its_place_on_the_map(tab, width: int) -> None:
    """The band above a chapter about a part of the model marks that part, and fits."""
    band = tab.locator("nav.band")
    assert band.locator("[aria-current=page]").count() == 1
    box = band.bounding_box()
    assert box["height"] <= 215  # six rows, one of them in two lines on a phone
    assert box["x"] + box["width"] <= width


def test_what_a_page_asks_of_another_host_is_noted_and_never_comes(visit, tmp_path):
    """Any other browser would find this host: on this machine, whatever network there is."""
    with serve.bind(str(tmp_path), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        other = f"http://other.localhost:{server.server_port}/page.html"
        address = tmp_path / "page.html"
        address.write_text(f'<title>Page</title><img src="{other}">', "utf-8")
        seen = visit(address.as_uri(), allowed=tmp_path.as_uri(), until="networkidle")
        server.shutdown()
    assert seen.foreign == [other]
    assert "net::ERR_NAME_NOT_RESOLVED" in seen.errors[0]


def test_a_pale_word_among_many_words_of_code_is_found(browser):
    context = browser.new_context()
    tab = context.new_page()
    shown = [
        ("black", "#000"),
        ("black", "#000"),
        ("=", "#ddd"),
        ("pale", "#ddd"),
        ("pale", "#ddd"),
    ]
    words = "".join(f'<span style="color: {ink}">{word}</span> ' for word, ink in shown)
    tab.set_content(
        f'<html lang="en"><title>Code</title><main><h1>Code</h1><div class="highlight"><pre>{words}'
        "</pre></div></main></html>"
    )
    (fault,) = violations(tab)
    assert "contrast" in fault
    context.close()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_code_that_is_laid_out_late_has_its_room_from_the_start(visit, origin, viewport):
    tab = visit(f"{origin}/text/attention.html", allowed=origin, viewport=viewport).tab
    draw_widgets(tab)
    asleep, before, after = tab.evaluate(
        """() => {
          const blocks = [...document.querySelectorAll(".late")]
          const near = {contentVisibilityAuto: true}
          const asleep = blocks.filter((one) => !one.lastElementChild.checkVisibility(near)).length
          const rooms = () => [
            document.querySelector("article").getBoundingClientRect().height,
            ...blocks.map((one) => one.parentElement.scrollWidth),
          ]
          const before = rooms()
          for (const one of blocks) one.style.contentVisibility = "visible"
          return [asleep, before, rooms()]
        }"""
    )
    assert asleep > 10
    assert before == pytest.approx(after, abs=2)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_columns_of_formulas_stay_when_their_fonts_come_late(browser, origin, viewport):
    context = browser.new_context(viewport=viewport)
    tab = context.new_page()
    late = []
    tab.route("**/KaTeX_*.woff2", lambda route: late.append(route))
    tab.goto(f"{origin}/reference/notation.html", wait_until="domcontentloaded")
    cells = tab.locator("article th, article td")
    columns = "all => all.map((one) => [one.offsetLeft, one.offsetWidth])"
    before = cells.evaluate_all(columns)
    assert len(late) > 1
    for route in late:
        route.continue_()
    tab.evaluate("document.fonts.ready")
    assert cells.evaluate_all(columns) == before
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_first_drawn_as_the_system_is_light_or_dark(browser, origin, scheme):
    context = browser.new_context(color_scheme=scheme)
    context.route("**/*.js*", lambda route: route.abort())  # only what the page itself says
    tab = context.new_page()
    tab.goto(f"{origin}/search.html")
    assert tab.locator("html").get_attribute("data-theme") == scheme
    assert tab.locator(".navbar-brand img:visible").count() == 1
    context.close()


def luminance(colour: str) -> float:
    """Relative luminance of a CSS rgb() colour, as WCAG defines it."""
    parts = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_formulas_and_widgets_are_there_without_scripts(visit, origin, page):
    seen = visit(f"{origin}/{page}.html", allowed=origin, java_script_enabled=False)
    formulas = seen.tab.locator(":is(article span.math, article div.math)")
    assert seen.tab.locator(".katex-html").count() >= formulas.count()
    found = formulas.evaluate_all(
        """all => all.filter(one => one.checkVisibility()).map(one =>
            [one.querySelectorAll("math").length, one.getBoundingClientRect().width])"""
    )
    assert found or page != "reference/notation", "no formula where there are dozens"
    for spoken, width in found:
        assert spoken == 1, "nothing for a screen reader"
        assert width > 0
    stills = seen.tab.locator(".widget > .widget-picture").all()
    assert len(stills) == seen.tab.locator("script[type$='widget-view+json']").count()
    assert all(still.is_visible() for still in stills)
    colours = "all => all.map((node) => getComputedStyle(node).color)"
    words, links = (
        set(seen.tab.locator(f"article {place}").evaluate_all(colours))
        for place in ("p", "p a:not(.headerlink)")
    )
    assert not links or links - words, "links look like words"


def test_every_picture_has_alternative_text(site, page):
    soup = soup_of(site / f"{page}.html")
    images = soup.select("article img")
    assert images or page != "pairs/similarity-matrix", "no picture where there are many"
    for image in images:
        assert image.get("alt", "").strip(), f"no alternative text: {str(image)[:120]}"
        assert not re.search(r"\.(png|svg|jpe?g)$", image["alt"]), "a file name says nothing"
    for drawing in soup.select("article svg[role=img]"):
        named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.find("title")
        assert named, f"a drawing without a name: {str(drawing)[:120]}"
