"""The script that draws widgets where no kernel runs."""

import base64

import pytest

pytestmark = pytest.mark.browser
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="

COUNTER = """
globalThis.loaded = (globalThis.loaded ?? 0) + 1;
export default {
  initialize({ model }) { model.set("initialised", (model.get("initialised") ?? 0) + 1); },
  render({ model, el, signal }) {
    const button = document.createElement("button");
    const draw = () => (button.textContent = `count ${model.get("count")}`);
    button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); };
    model.on("change:count", draw);
    draw();
    el.append(button, String(model.get("initialised")), String(signal.aborted));
    return () => { sessionStorage.setItem("cleaned", "yes"); };
  },
};"""


def model(esm: str, css: str = "", **state) -> dict:
    state = {"_esm": esm, "_css": css} | state
    return {"model_module": "anywidget", "model_name": "AnyModel", "state": state}


def test_two_views_share_a_model_that_is_initialised_once(open_page, embed_page):
    page = open_page(embed_page({"a": model(COUNTER, count=1)}, ["a", "a"], {"a": PIXEL}))
    buttons = page.get_by_role("button")
    buttons.nth(1).click()
    assert buttons.all_inner_texts() == ["count 2", "count 2"]
    assert page.locator("main").inner_text().count("1false") == 2


def test_a_module_and_a_style_are_loaded_once_for_many_models(open_page, embed_page):
    models = {name: model(COUNTER, "b { color: red }", count=0) for name in "abc"}
    page = open_page(embed_page(models, ["a", "b", "c"], dict.fromkeys("abc", PIXEL)))
    page.wait_for_function("document.querySelectorAll('[data-hydrated]').length == 3")
    assert page.evaluate("loaded") == 1
    styles = page.locator("head style").evaluate_all("all => all.map((one) => one.textContent)")
    assert styles.count("b { color: red }") == 1
    page.get_by_role("button").first.click()
    assert page.get_by_role("button").all_inner_texts() == ["count 1", "count 0", "count 0"]


def test_a_module_may_give_a_function_that_makes_the_widget(open_page, embed_page):
    esm = "export default async () => ({ render: ({ el }) => el.append('made') })"
    page = open_page(embed_page({"a": model(esm)}, ["a"], {"a": PIXEL}))
    page.get_by_text("made").wait_for()


def test_binary_values_arrive_as_bytes_where_they_belong(open_page, embed_page):
    esm = """export default { render({ model, el }) {
        const { deep } = model.get("nested");
        el.append(`${deep[1].getUint8(0)} ${model.get("data").byteLength}`);
    } }"""
    saved = model(esm, nested={"deep": [0, None]})
    saved["buffers"] = [
        {"encoding": "base64", "path": path, "data": base64.b64encode(data).decode()}
        for path, data in ((["nested", "deep", 1], b"\x07"), (["data"], b"1234"))
    ]
    page = open_page(embed_page({"a": saved}, ["a"], {"a": PIXEL}))
    page.get_by_text("7 4").wait_for()


def test_listeners_can_be_removed_one_by_one_and_all_together(open_page, embed_page):
    esm = """export default { render({ model, el }) {
        const heard = [];
        const one = () => heard.push("one"), two = () => heard.push("two");
        model.on("change:x", one);
        model.on("change:x", two);
        model.on("change", () => heard.push("any"));
        model.set("x", 1); model.set("x", 1);
        model.off("change:x", one); model.set({ x: 2 });
        model.off("change:x"); model.set("x", 3);
        model.off(); model.set("x", 4);
        el.append(heard.join(" "));
    } }"""
    page = open_page(embed_page({"a": model(esm)}, ["a"], {"a": PIXEL}))
    page.get_by_text("one two any two any any", exact=True).wait_for()


def test_a_widget_that_fails_leaves_its_static_picture(open_page, embed_page):
    broken = model("export default { render({ el }) { el.append('half'); throw Error('no') } }")
    page = open_page(
        embed_page(
            {"a": broken, "b": model(COUNTER, count=0)}, ["a", "b"], {"a": PIXEL, "b": PIXEL}
        )
    )
    page.get_by_role("button").wait_for()
    wrapper = page.locator('[data-model-id="a"]')
    assert wrapper.get_attribute("data-hydrated") is None
    assert wrapper.locator("img").is_visible()
    assert wrapper.inner_text() == ""
    assert len(open_page.faults) == 1 and "no" in open_page.faults.pop()


def test_a_widget_is_drawn_when_it_comes_near(open_page, embed_page):
    models = {"a": model(COUNTER, count=0), "b": model(COUNTER, count=5)}
    html = embed_page(models, ["a", "b"], dict.fromkeys("ab", PIXEL))
    page = open_page(html.replace("</style>", ".widget { margin-bottom: 3000px }</style>"))
    page.get_by_role("button", name="count 0").wait_for()
    far = page.locator('[data-model-id="b"]')
    assert far.get_attribute("data-hydrated") is None
    assert far.locator("img").is_visible()
    assert far.get_by_role("button").count() == 0
    far.scroll_into_view_if_needed()
    far.get_by_role("button", name="count 5").wait_for()


def test_other_libraries_widgets_say_that_they_need_a_kernel(open_page, embed_page):
    slider = {
        "model_module": "@jupyter-widgets/controls",
        "model_name": "IntSliderModel",
        "state": {},
    }
    page = open_page(embed_page({"a": slider}, ["a"], {}))
    page.get_by_text(
        "This figure needs a running kernel: open the page in Colab or Jupyter."
    ).wait_for()


def test_a_view_without_a_wrapper_is_drawn_in_its_place(open_page, embed_page):
    page = open_page(embed_page({"a": model(COUNTER, count=5)}, ["a"], {}))
    page.get_by_role("button", name="count 5").wait_for()


def test_widgets_clean_up_when_the_page_goes(open_page, embed_page):
    html = embed_page({"a": model(COUNTER, count=0)}, ["a"], {"a": PIXEL})
    page = open_page(html)
    page.get_by_role("button").wait_for()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert page.evaluate("sessionStorage.getItem('cleaned')") is None
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }))")
    assert page.evaluate("sessionStorage.getItem('cleaned')") == "yes"
