"""The site works as a site: search, navigation, copying, missing pages, previews, its own links."""

import struct
from urllib.parse import quote, unquote, urldefrag, urljoin, urlparse

import pytest
import yaml

from bookkit import ROOT
from bookkit.address import address, pages_address
from bookkit.browser import violations
from tests.site.conftest import soup_of

pytestmark = pytest.mark.site


@pytest.mark.browser
def test_icon_of_the_search_field_stands_before_its_words(visit, origin):
    form = visit(f"{origin}/search.html", allowed=origin).tab.locator(".bd-main form.bd-search")
    icon, field = form.locator("i").bounding_box(), form.locator("input").bounding_box()
    assert icon["x"] + icon["width"] < field["x"]


@pytest.mark.browser
def test_search_finds_a_term_and_leads_there(visit, origin):
    seen = visit(f"{origin}/search.html?q=temperature", allowed=origin)
    result = seen.tab.locator("#search-results li a", has_text="similarity matrix").first
    result.click()
    seen.tab.wait_for_url("**/pairs/similarity-matrix.html*")
    assert "temperature" in seen.tab.locator("article").inner_text()
    assert seen.errors == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("EOS", "reference/glossary.html#term-EOS"),
        ("EOT", "reference/glossary.html#term-EOT"),
        ("BOS", "reference/glossary.html#term-BOS"),
        ("[CLS]", "reference/glossary.html#term-CLS"),
        ("fine-tuning", "reference/glossary.html#term-fine-tuning"),
        ("prompt", "language/paligemma.html#"),
        ("color", ".html#"),
        ("OpenCLIP", "text/tokenization.html#clip-s-own-tokenizer"),
        ("license", "reference/glossary.html#term-licence"),
    ],
)
def test_search_finds_what_readers_call_it_and_leads_to_its_section(visit, origin, asked, place):
    seen = visit(f"{origin}/search.html?q={quote(asked)}", allowed=origin)
    link = seen.tab.locator(f"#search-results li a[href*='{place}']").first
    link.wait_for()
    snippet = link.locator("xpath=..").locator("p.context")
    assert len(snippet.inner_text()) > 20
    link.click()
    seen.tab.wait_for_url(f"**{place}*")
    assert seen.errors == []


@pytest.mark.browser
def test_search_shows_an_entry_of_the_glossary_once_with_its_term(visit, origin):
    tab = visit(f"{origin}/search.html?q=gradient+accumulation", allowed=origin).tab
    tab.get_by_text("Search finished").wait_for()
    found = tab.locator("#search-results li:has(a[href*='reference/glossary'])")
    wanted = found.locator("p.context", has_text="gradient accumulation: Adding up")
    wanted.first.wait_for()  # each is fetched by itself
    texts = found.locator("p.context").all_inner_texts()
    assert texts and len(set(texts)) == len(texts)
    assert any("gradient accumulation: Adding up" in text for text in texts)
    assert "Results: " in tab.locator(".search-summary").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("asked", ["prompt", "EOS", "color"])
def test_search_shows_what_teaches_before_what_lists(visit, origin, asked):
    tab = visit(f"{origin}/search.html?q={asked}", allowed=origin).tab
    tab.get_by_text("Search finished").wait_for()
    links = tab.locator("#search-results > ul > li > a").evaluate_all(
        "all => all.map((a) => a.href)"
    )
    listing = [
        any(part in link for part in ("changelog", "reference/api", "bibliography", "instructors/"))
        for link in links
    ]
    assert any(listing) and not all(listing)
    assert listing == sorted(listing)


@pytest.mark.browser
def test_search_shows_prose_and_neither_code_nor_contents(visit, origin):
    seen = visit(f"{origin}/search.html?q=softmax", allowed=origin)
    seen.tab.get_by_text("Search finished").wait_for()
    seen.tab.locator("#search-results li p.context").nth(5).wait_for()
    for snippet in seen.tab.locator("#search-results li p.context").all_inner_texts():
        assert "import " not in snippet and "Contents" not in snippet
        assert snippet.count("\n") == 0


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_word_of_the_glossary_is_explained_by_mouse_and_by_keyboard(visit, origin, width):
    window = {"width": width, "height": 800}
    tab = visit(f"{origin}/pairs/contrastive-loss.html", allowed=origin, viewport=window).tab
    word, card = tab.locator("a.explained").first, tab.locator("#glossary-card")
    word.focus()
    assert len(card.inner_text()) > 20
    assert word.get_attribute("aria-describedby") == "glossary-card"
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    tab.keyboard.press("Escape")
    assert not card.is_visible()
    word.blur()
    tab.locator("a.explained").nth(1).hover()
    assert card.is_visible()
    card.hover()
    assert card.is_visible(), "it goes before it can be read with a magnifier"
    tab.locator("h1:visible").hover()
    assert not card.is_visible()
    word.click()
    tab.wait_for_url("**/reference/glossary.html#term-*")


@pytest.mark.browser
def test_a_word_of_the_glossary_is_explained_by_a_tap_and_a_second_one_leads_there(visit, origin):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = visit(f"{origin}/pairs/contrastive-loss.html", allowed=origin, **phone).tab
    word, other = (tab.locator("a.explained").nth(k) for k in (0, 1))
    card = tab.locator("#glossary-card")
    for _ in range(2):
        word.tap()
        assert "Tap again" in card.inner_text()
        box = card.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        tab.locator("h1:visible").tap()
        assert not card.is_visible()
    word.tap()
    other.tap()
    assert other.get_attribute("aria-describedby") == "glossary-card"
    assert tab.url.endswith("contrastive-loss.html")
    other.tap()
    tab.wait_for_url("**/reference/glossary.html#term-*")


def test_the_foot_of_a_page_says_how_to_cite_which_version_and_which_licence(site, page):
    foot = soup_of(site / f"{page}.html").find("footer", class_="bd-footer-content")
    said = " ".join(foot.get_text().split())
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"]
    assert f"Version {version}, " in said
    assert "MIT (code), CC BY 4.0 (text)" in said
    assert f"version = {{{version}}}" in " ".join(said.split())


@pytest.mark.browser
def test_search_for_a_name_that_every_object_has_finds_nothing_and_says_so(visit, origin):
    seen = visit(f"{origin}/search.html", allowed=origin)
    names = seen.tab.evaluate("Object.getOwnPropertyNames(Object.prototype)")
    assert {"constructor", "__proto__"} <= set(names)
    for name in names:
        seen.tab.goto(f"{origin}/search.html?q={name}")
        seen.tab.get_by_text("Your search did not match any documents").wait_for()
    assert seen.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("name", "place"), [("index", ".bd-article"), ("search", "#search-results")]
)
def test_no_word_widens_a_page(visit, origin, name, place, width):
    window = {"width": width, "height": 900}
    tab = visit(f"{origin}/{name}.html?q={'q' * 200}", allowed=origin, viewport=window).tab
    script = (
        "(place, tag) => place.appendChild(document.createElement(tag)).append('n'.repeat(200))"
    )
    for tag in ("p", "h2", "li", "code", "blockquote"):
        tab.locator(place).evaluate(script, tag)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_contents_on_a_phone_make_way_for_what_was_chosen(visit, origin):
    phone = {"width": 390, "height": 844}
    tab = visit(f"{origin}/pairs/contrastive-loss.html", allowed=origin, viewport=phone).tab
    tab.locator(".secondary-toggle").click()
    contents = tab.locator("#pst-secondary-sidebar-modal")
    link = contents.get_by_role("link", name="Push and pull")
    link.click()
    contents.wait_for(state="hidden")
    tab.wait_for_timeout(300)  # the focus goes back to where it was, and must not scroll
    assert 0 <= tab.locator("#push-and-pull h2").bounding_box()["y"] < 300


@pytest.mark.browser
def test_copy_button_copies_the_code(visit, origin, site):
    chapter = "pairs/similarity-matrix"
    seen = visit(
        f"{origin}/{chapter}.html",
        allowed=origin,
        permissions=["clipboard-read", "clipboard-write"],
    )
    block = seen.tab.locator(".cell_input:visible .highlight").first
    block.hover()
    block.locator("button.copybtn").click()
    seen.tab.wait_for_function("async () => (await navigator.clipboard.readText()).length > 0")
    copied = seen.tab.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == block.locator("pre").inner_text().strip()


def test_next_and_previous_follow_the_table_of_contents(site, toc):
    for k, page in enumerate(toc):
        here = site / f"{page}.html"
        links = {}
        for name in ("left", "right"):
            link = soup_of(here).select_one(f"a.{name}-prev, a.{name}-next")
            if link:
                target = (here.parent / link["href"]).resolve().relative_to(site.resolve())
                links[name] = target.with_suffix("").as_posix()
        assert links.get("left") == (toc[k - 1] if k else None)
        assert links.get("right") == (toc[k + 1] if k + 1 < len(toc) else None)


def test_every_link_and_every_place_on_a_page_exists(site):
    pages = [p for p in site.rglob("*.html") if not {"_static", "vendor"} & set(p.parts)]
    soups = {page.resolve(): soup_of(page) for page in pages}
    places = {page: {one["id"] for one in soup.select("[id]")} for page, soup in soups.items()}
    broken = []
    for page, soup in soups.items():
        at_pages = urlparse(pages_address(address())).path + "/"  # where links of 404.html begin
        for element in soup.select("a[href], link[href], img[src], script[src]"):
            written = element.get("href") or element.get("src")
            target, fragment = urldefrag(written)
            if element.name == "link" and "canonical" in element.get("rel", []):
                continue
            if urlparse(target).scheme or written == "#":
                continue
            if page.name == "404.html" and target.startswith(at_pages):
                target = target.removeprefix(at_pages)
            path = (page.parent / unquote(target.split("?")[0])).resolve() if target else page
            there = places.get(path) if fragment else None
            if not path.exists() or (there and unquote(fragment) not in there):
                broken.append(f"{page.name}: {written}")
    assert broken == []


def test_no_id_stands_twice_on_a_page(site, page):
    ids = [element["id"] for element in soup_of(site / f"{page}.html").select("[id]")]
    assert sorted({name for name in ids if ids.count(name) > 1}) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_missing_page_leads_back_from_any_folder(visit, origin, site, width):
    lost, window = f"{origin}/pairs/nothing-here.html", {"width": width, "height": 800}
    seen = visit(f"{origin}/search.html", allowed=origin, viewport=window)
    text = (site / "404.html").read_text("utf-8")
    seen.tab.route(lost, lambda route: route.fulfill(body=text, content_type="text/html"))
    seen.tab.goto(lost)
    assert violations(seen.tab) == []
    if width < 600:
        seen.tab.locator("button.primary-toggle:visible").click()
    seen.tab.get_by_role("link", name="Zero-shot").click()
    seen.tab.wait_for_url("**/pairs/zero-shot.html")
    assert seen.errors == []


def test_missing_page_asks_for_what_lies_where_pages_serves_the_repository(site):
    sheet = soup_of(site / "404.html").select_one("link[rel=stylesheet]")["href"]
    assert urljoin(pages_address(address()), sheet).startswith(f"{pages_address(address())}/_st")


def test_page_has_a_preview(site, page):
    soup = soup_of(site / f"{page}.html")
    tags = {m["property"]: m["content"] for m in soup.select("meta[property]")}
    assert tags["og:title"] == soup.h1.find(string=True).strip()
    assert len(tags["og:description"]) > 20
    assert soup.select_one("meta[name=description]")["content"] == tags["og:description"]
    place = pages_address(address())
    assert tags["og:url"] == f"{place}/{page}.html"
    assert tags["og:image"].startswith(f"{place}/")
    with open(site / tags["og:image"].removeprefix(f"{place}/"), "rb") as picture:
        size = struct.unpack(">II", picture.read(24)[16:])
    assert size == (int(tags["og:image:width"]), int(tags["og:image:height"]))
    assert tags["og:image:alt"].startswith("The CLIP Book: a grid")
    assert soup.select_one("meta[name='twitter:card']")["content"] == "summary_large_image"


@pytest.mark.parametrize(("made", "title"), [("search", "Search"), ("genindex", "Index")])
def test_page_without_a_source_has_a_title_and_a_description(site, made, title):
    soup = soup_of(site / f"{made}.html")
    assert soup.title.text.startswith(title)
    assert len(soup.select_one("meta[name=description]")["content"]) > 20


@pytest.mark.browser
@pytest.mark.parametrize("made", ["search", "genindex"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_page_without_a_source_is_usable_by_everyone(visit, origin, made, scheme, width):
    window = {"width": width, "height": 800}
    seen = visit(f"{origin}/{made}.html", allowed=origin, color_scheme=scheme, viewport=window)
    assert violations(seen.tab) == []


@pytest.mark.browser
def test_links_of_the_index_are_far_enough_apart_for_a_finger(visit, origin):
    phone = {"width": 390, "height": 800}
    tab = visit(f"{origin}/genindex.html", allowed=origin, viewport=phone).tab
    apart = tab.locator(".genindextable ul").evaluate_all(
        """(lists) => lists.flatMap((list) =>
          [...list.children].map((one) => one.getBoundingClientRect().top)
            .map((top, k, all) => top - all[k - 1]).slice(1))"""
    )
    assert len(apart) > 100 and min(apart) >= 24


def test_preview_of_a_chapter_asks_its_question(site, chapter):
    soup = soup_of(site / f"{chapter}.html")
    description = soup.select_one("meta[property='og:description']")["content"]
    assert description.endswith("?")
    assert description in " ".join(soup.article.get_text().split())


def test_nothing_keeps_a_page_from_being_drawn(site, page):
    soup = soup_of(site / f"{page}.html")
    scripts = soup.select("script[src]")
    assert scripts and all(one.has_attr("defer") or one.has_attr("async") for one in scripts)
    assert not [one["src"] for one in scripts if "search" in one["src"] or "awesome" in one["src"]]
    assert not soup.select("link[rel=preload]")
    for state in soup.select("script[type$='widget-state+json']"):
        assert state.find_previous("article") and not state.find_next("main")
    for image in soup.select("article img:not([src^='data:'])"):
        assert image["loading"] == "lazy"
        assert image["src"].endswith(".svg") or {"width", "height"} <= image.attrs.keys()


def test_icon_and_logo_are_our_own_drawings(site, page):
    soup = soup_of(site / f"{page}.html")
    for link in [
        soup.select_one("link[rel=icon]")["href"],
        soup.select_one("img.logo__image")["src"],
    ]:
        assert link.split("?")[0].endswith(".svg")


def test_fonts_that_lines_depend_on_are_asked_for_early_and_are_those_in_use(visit, origin):
    seen = visit(f"{origin}/reference/notation.html", allowed=origin)
    early, loaded = seen.tab.evaluate(
        """() => [[...document.querySelectorAll("link[rel=preload][as=font]")].map(one => one.href),
            performance.getEntriesByType("resource").map(one => one.name)]"""
    )
    assert {font.rpartition("/")[2] for font in early} == {
        "fa-solid-900.woff2", "KaTeX_Main-Regular.woff2", "KaTeX_Math-Italic.woff2",
    }  # fmt: skip
    for font in early:
        assert loaded.count(font) == 1, f"{font} came {loaded.count(font)} times"
