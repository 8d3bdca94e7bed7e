"""What a reader does with a page beside reading it: predict, unfold code, choose exercises."""

import csv
import io
import re
from urllib.parse import unquote

import pytest

from bookkit.chapters import names, read

pytestmark = [pytest.mark.site, pytest.mark.browser]
CHAPTER = "pairs/contrastive-loss"
PHONE = {"width": 390, "height": 844}


def test_a_prediction_is_compared_and_opens_what_happens(visit, origin):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin).tab
    first, number = tab.locator("form.guess").nth(0), tab.locator("form.guess:has(input)").first
    shown = tab.locator(f".prediction-{first.get_attribute('data-prediction')} .cell_output")
    assert not shown.is_visible()
    first.get_by_role("button", name="picture 1").click()
    assert shown.is_visible()
    assert first.get_by_role("status").inner_text() == (
        "You said picture 1; it is picture 2. 0 of 1 guessed right on this page."
    )
    first.get_by_role("button", name="picture 2").click(force=True)  # too late
    assert "You said picture 1" in first.get_by_role("status").inner_text()
    number.get_by_role("textbox", name="For 8 pairs").fill("many")
    number.get_by_role("textbox").press("Enter")
    assert "Write a number" in number.get_by_role("status").inner_text()
    number.get_by_role("textbox").fill("2.1")
    number.get_by_role("textbox").press("Enter")
    assert "Right; it is 2.08. 1 of 2 guessed" in number.get_by_role("status").inner_text()
    tab.reload()
    assert shown.is_visible(), "the browser forgot"
    assert "You said picture 1" in first.get_by_role("status").inner_text()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("language/paligemma", "50 %"),
        ("language/paligemma", "0,500"),
        (CHAPTER, "2,1"),
        ("image/patching", "1,000,000"),
        ("image/patching", "1048576"),
        ("language/paligemma", "0.55"),  # 10 % above, which floats put a little further off
    ],
)
def test_a_number_is_read_as_its_reader_writes_it(visit, origin, place, said):
    tab = visit(f"{origin}/{place}.html", allowed=origin).tab
    form = tab.locator("form.guess:has(input)").first
    form.get_by_role("textbox").fill(said)
    form.get_by_role("textbox").press("Enter")
    wanted = form.get_attribute("data-number")
    right = form.get_by_role("status").inner_text().split(" ", 3)
    assert right[:3] == ["Right;", "it", "is"]
    assert float(right[3].split(". ")[0].replace(",", "")) == float(wanted)


def test_a_reader_may_ask_to_be_shown_and_guess_nothing(visit, origin):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin).tab
    fold = tab.locator("details.prediction").first
    fold.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert fold.locator(".cell_output").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_happens_is_open_on_paper_and_without_scripts(visit, origin, scripts):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin, java_script_enabled=scripts).tab
    if scripts:
        tab.emulate_media(media="print")
    outputs = tab.locator(".prediction .cell_output")
    assert outputs.count() > 5
    assert all(one.is_visible() for one in outputs.all())
    assert not any(one.is_visible() for one in tab.locator(".guess, .prediction > summary").all())


def test_code_on_a_phone_is_a_line_and_one_switch_shows_all(visit, origin):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin, viewport=PHONE).tab
    line, other = (tab.locator(".code-purpose").nth(k) for k in (0, 1))
    code = tab.locator(".cell_input:has(> .code-purpose) pre")
    assert not code.nth(0).is_visible()
    line.click()
    assert code.nth(0).is_visible() and not code.nth(1).is_visible()
    assert line.get_attribute("aria-expanded") == "true"
    tab.get_by_role("button", name="Show all code").click()
    assert all(one.is_visible() for one in code.all())
    tab.reload()
    assert code.nth(1).is_visible() and other.get_attribute("aria-expanded") == "true"


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "java_script_enabled": False}])
def test_code_is_there_on_wide_screens_and_without_scripts(visit, origin, options):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin, **options).tab
    code = tab.locator(".cell_input:has(> .code-purpose) pre")
    assert code.count() > 10
    assert all(one.is_visible() for one in code.all())


@pytest.mark.parametrize("place", ["language/paligemma", "text/embeddings"])
def test_on_a_phone_most_outputs_fit_and_what_goes_on_beyond_the_edge_fades(visit, origin, place):
    tab = visit(f"{origin}/{place}.html", allowed=origin, viewport=PHONE).tab
    tab.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
    wide, fit = tab.evaluate(
        """async () => {
          const frame = () => new Promise(requestAnimationFrame);
          const boxes = [...document.querySelectorAll("article :is(pre, div)")];
          const wide = boxes.filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth &&
            getComputedStyle(one).overflowX !== "visible");
          const fade = (one) => getComputedStyle(one).getPropertyValue("--fade");
          const fades = (one) => Number.parseFloat(fade(one));
          await frame();
          const before = wide.map(fades);
          for (const one of wide) one.scrollLeft = one.scrollWidth;
          await frame(), await frame();
          const outputs = [...document.querySelectorAll(".cell_output pre")];
          const fit = outputs.filter((one) => one.scrollWidth <= one.clientWidth).length;
          return [wide.map((one, k) => [before[k] > 0, fades(one) > 0]), fit / outputs.length];
        }"""
    )
    assert wide and all(at == [True, False] for at in wide)
    assert fit > 0.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_figure_has_the_colours_of_its_page_and_paper_is_light(visit, origin, mode):
    tab = visit(f"{origin}/image/patching.html", allowed=origin, color_scheme=mode).tab

    def shown(one: str) -> set[bool]:
        figures = tab.locator(f"div.cell_output:not(details *) img.only-{one}").all()
        assert len(figures) > 3
        return {figure.is_visible() for figure in figures}

    other = {"light": "dark", "dark": "light"}[mode]
    assert (shown(mode), shown(other)) == ({True}, {False})
    tab.get_by_role("button", name="Enlarge Figure 3").click()
    assert f".only-{mode}." in tab.locator("dialog img").get_attribute("src")
    tab.keyboard.press("Escape")
    tab.emulate_media(media="print")
    assert (shown("light"), shown("dark")) == ({True}, {False})


def test_the_index_of_exercises_shows_those_that_are_chosen(visit, origin):
    tab = visit(f"{origin}/instructors/exercises.html", allowed=origin).tab
    tab.get_by_label("part").select_option("pairs")
    tab.get_by_label("difficulty").select_option("easy")
    shown = [one for one in tab.locator("li[class*='minutes-']").all() if one.is_visible()]
    assert 0 < len(shown) < 10
    assert all("easy" in one.inner_text() for one in shown)
    assert tab.locator(".exercise-filter [role=status]").inner_text().startswith(f"{len(shown)} of")
    assert not tab.get_by_role("article").get_by_text("Tokenization").is_visible()
    table = unquote(tab.get_by_role("link", name="These as CSV").get_attribute("href"))
    rows = list(csv.DictReader(io.StringIO(table.partition(",")[2])))
    assert len(rows) == len(shown) and {row["difficulty"] for row in rows} == {"easy"}
    minutes, points = (sum(int(row[what]) for row in rows) for what in ("minutes", "points"))
    status = tab.locator(".exercise-filter [role=status]")
    assert status.inner_text().endswith(f"exercises, {minutes} minutes, {points} points")
    lines = tab.locator("article p:has(+ ul > li[class*='minutes-'])")
    counted = [re.findall(r"(\d+) (?:ex|min|po)", one) for one in lines.all_inner_texts() if one]
    sums = [sum(int(numbers[k]) for numbers in counted) for k in range(3)]
    assert sums == [len(shown), minutes, points], "a chapter's line counts what isn't shown"
    assert not tab.get_by_text("In all").is_visible()
    tab.reload()  # the choice is in the address
    assert status.inner_text().startswith(f"{len(shown)} of")
    tab.goto(f"{origin}/instructors/exercises.html#part=start&difficulty=hard&at+most=10+minutes")
    tab.reload()
    assert status.inner_text().startswith("No exercise is like that")
    assert tab.locator(".exercise-done").count() == 0


def test_the_browser_remembers_what_was_read_and_done_and_forgets_it_when_told(visit, origin):
    tab = visit(f"{origin}/{CHAPTER}.html", allowed=origin).tab
    sidebar = tab.locator(".bd-sidebar-primary")
    minutes = read("start/contrastive-learning").facts.minutes
    assert sidebar.get_by_role("link", name=f"Contrastive learning {minutes} minutes").count() == 1
    assert sidebar.locator(".ticked").count() == 0
    tab.locator(".exercise-done input").first.check()
    tab.locator("#what-to-remember").scroll_into_view_if_needed()
    sidebar.locator(".current .ticked").wait_for()
    tab.goto(f"{origin}/index.html")
    assert tab.locator(".contents-list").get_by_role("link", name="loss ✓ read").count() == 1
    tally = tab.locator(".reading-tally")
    assert tally.inner_text().startswith(f"Read: 1 of {len(names())} chapters. Exercises done: 1.")
    tab.get_by_role("link", name="Continue: The contrastive loss").click()
    tab.wait_for_url(f"**/{CHAPTER}.html")
    assert tab.locator(".exercise-done input").first.is_checked()
    tab.goto(f"{origin}/index.html")
    tab.get_by_role("button", name="Forget it").click()
    tab.reload()
    assert tab.locator(".reading-tally, .ticked").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_a_figure_has_a_number_and_can_be_enlarged(visit, origin, width):
    window = {"width": width, "height": 800}
    tab = visit(f"{origin}/{CHAPTER}.html#figure-2", allowed=origin, viewport=window).tab
    numbers = tab.locator(".figure-caption a").all_text_contents()
    assert numbers == [f"Figure {k}" for k in range(1, len(numbers) + 1)]
    captions = tab.locator(".figure-caption span").all_text_contents()
    images = tab.locator(".figure-caption").locator("xpath=preceding-sibling::*[1]")
    seen = images.evaluate_all("all => all.map((one) => (one.querySelector('img') ?? one).alt)")
    assert captions == seen and all(captions)
    tab.locator("details.prediction").evaluate_all("all => all.forEach((one) => (one.open = true))")
    button = tab.get_by_role("button", name="Enlarge Figure 1")
    button.click()
    large = tab.get_by_role("dialog", name="Figure 1")
    assert len(large.get_by_role("img").get_attribute("alt")) > 20
    assert large.bounding_box()["width"] <= width
    tab.keyboard.press("Escape")
    assert not large.is_visible()
    assert button.evaluate("(node) => node === document.activeElement")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_can_be_printed_without_solutions(visit, origin, scripts):
    page = f"{origin}/image/patching.html"
    tab = visit(page, allowed=origin, java_script_enabled=scripts).tab
    assert tab.get_by_text("Show the solution").first.is_visible()
    tab.get_by_role("link", name="Without solutions").click()
    hidden = tab.locator("text=Show the solution").all()
    hidden += tab.locator("#check-yourself details").all()
    assert len(hidden) > 5
    helps = tab.locator("summary:has-text('Hint'), summary:has-text('Show the check')").all()
    assert len(helps) > 3
    for media in ("screen", "print"):
        tab.emulate_media(media=media)
        assert not any(one.is_visible() for one in hidden)
        assert {one.is_visible() for one in helps} == {media == "screen"}
    tab.emulate_media(media="screen")
    tab.get_by_role("link", name="With solutions", exact=True).click()
    assert tab.get_by_text("Show the solution").first.is_visible()
    tab.emulate_media(media="print")
    assert all(one.is_visible() for one in helps)


def test_a_page_that_is_shown_again_as_it_was_left_learns_what_came_since(visit, origin):
    tab = visit(f"{origin}/index.html", allowed=origin).tab
    shown_again = """(changes) => {
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
      for (const [name, value] of Object.entries(changes)) localStorage.setItem(name, value);
      window.asItWasLeft = true;
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    }"""
    tab.evaluate(shown_again, {"theme": "light"})
    tab.wait_for_timeout(300)
    assert tab.evaluate("window.asItWasLeft"), "nothing to learn"
    tab.evaluate(shown_again, {"clip-book": f'{{"read": {{"{CHAPTER}": true}}}}'})
    tab.wait_for_function("!window.asItWasLeft")
    assert "Read: 1 of" in tab.locator(".reading-tally").inner_text()


def test_two_tabs_of_one_chapter_keep_what_was_done_in_both(visit, origin):
    first = visit(f"{origin}/{CHAPTER}.html", allowed=origin).tab
    second = first.context.new_page()
    second.goto(first.url)
    first.get_by_label("Done").nth(0).check()
    second.get_by_label("Done").nth(1).check()
    first.reload()
    assert [first.get_by_label("Done").nth(k).is_checked() for k in (0, 1)] == [True, True]


def test_where_nothing_may_be_kept_all_else_works(visit, origin):
    tab = visit(f"{origin}/404.html", allowed=origin, color_scheme="dark").tab
    tab.context.add_init_script("""Object.defineProperty(window, "localStorage",
      { get() { throw new DOMException("forbidden", "SecurityError"); } });""")
    tab.goto(f"{origin}/{CHAPTER}.html")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    form = tab.locator("form.guess").first
    form.get_by_role("button", name="picture 2").click()
    assert "1 of 1 guessed right" in form.get_by_role("status").inner_text()
