"""Every notebook keeps the house rules: source, table of contents, length of cells."""

from bookkit import BOOK, chapters, notebooks


def test_every_notebook_is_in_the_table_of_contents(toc):
    assert notebooks.sources().keys() <= set(toc)


def test_every_page_of_the_table_of_contents_exists(toc):
    missing = [p for p in toc if not any((BOOK / f"{p}{e}").exists() for e in (".md", ".ipynb"))]
    assert missing == []


def test_notebook_is_in_step_with_its_source_and_holds_no_outputs(chapter):
    assert (BOOK / f"{chapter}.ipynb").read_text("utf-8") == notebooks.text(chapter)
    for cell in notebooks.notebook(chapter).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_a_cell_fits_at_a_glance(chapter):
    for cell in chapters.cells(BOOK / f"{chapter}.py")[1]:
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 20, f"a cell of {len(lines)} lines begins with {lines[0]!r}"


def test_a_line_of_code_fits_a_page_and_a_slide(chapter):
    for cell in chapters.cells(BOOK / f"{chapter}.py")[1]:
        is_check = "nbgrader" in cell.metadata and not cell.metadata["nbgrader"]["solution"]
        if cell.cell_type == "code" and not is_check:
            assert [line for line in cell.source.splitlines() if len(line) > 80] == []
