"""What a reader does with a page beside reading it: predict, unfold code, choose exercises."""

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


def test_the_index_of_exercises_shows_those_that_are_chosen(visit, origin):
    tab = visit(f"{origin}/instructors/exercises.html", allowed=origin).tab
    tab.get_by_label("part").select_option("pairs")
    tab.get_by_label("difficulty").select_option("easy")
    shown = [one for one in tab.locator("li[class*='minutes-']").all() if one.is_visible()]
    assert 0 < len(shown) < 10
    assert all("easy" in one.inner_text() for one in shown)
    assert tab.locator(".exercise-filter [role=status]").inner_text().startswith(f"{len(shown)} of")
    assert not tab.get_by_role("article").get_by_text("Tokenization").is_visible()


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
    numbers = tab.locator(".figure-number a").all_text_contents()
    assert numbers == [f"Figure {k}" for k in range(1, len(numbers) + 1)]
    tab.locator("details.prediction").evaluate_all("all => all.forEach((one) => (one.open = true))")
    button = tab.get_by_role("button", name="Enlarge Figure 1")
    button.click()
    large = tab.get_by_role("dialog", name="Figure 1")
    assert len(large.get_by_role("img").get_attribute("alt")) > 20
    assert large.bounding_box()["width"] <= width
    tab.keyboard.press("Escape")
    assert not large.is_visible()
    assert button.evaluate("(node) => node === document.activeElement")
