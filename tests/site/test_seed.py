"""The book teaches all of its seed: the outline that it began from, line by line.

A chapter's facts name the lines that it teaches, each with a section and words that it must hold.
"""

import re

import pytest

from bookkit import BOOK, chapters, notebooks
from tests.site.conftest import soup_of

LINES = (
    "Picture: the architecture of a vision-language model",
    "Components",
    "Contrastive Vision Encoder",
    "What is contrastive learning?",
    "Picture: a contrastive encoder",
    "An example of the CLIP architecture",
    "Text Encoder",
    "A Transformer-based architecture, similar to GPT or BERT",
    "1. Input Processing",
    "Text is first tokenized into sub-words",
    "Example: Pepper the aussie pup",
    "2. Token Embeddings (T1, T2, T3 ... Tn)",
    "Each token is converted into an embedding vector",
    "Positional encodings are added",
    "to maintain sequence order",
    "3. Transformer Processing",
    "[CLS] aggregates sequence info",
    "tokens → Transformer Layers",
    "Self-attention processes relationships between words",
    "Feed-forward networks process token representations",
    "Final text embedding",
    "Image Encoder",
    "A Vision Transformer (ViT) or CNN",
    "1. Image Preprocessing",
    "Original Image",
    "Resize",
    "Normalize",
    "Split into patches (for ViT)",
    "or process through conv layers (for CNN)",
    "2. For Vision Transformer (ViT)",
    "Image patches → Linear projection",
    "+ position embeddings",
    "Transformer encoder layers process patch relationships",
    "Image embeddings (I₁, I₂, I₃, ..., Iₙ)",
    "Paired with text embeddings to form similarity matrix",
    "3. For CNN-based: Image → Convolutional layers",
    "Feature maps at different scales",
    "Global pooling for final representation",
    "PaliGemma is ViT-based rather than CNN-based",
    "Similarity Matrix",
    "How well each image feature matches with each text feature",
    "The pair's dot product should have a high value (e.g. I1 * T1)",
    "1. Matrix Structure",
    "Rows: Image features",
    "Columns: Text features",
    "Each cell (Iᵢ·Tⱼ): Similarity score",
    "2. How it Works",
    "Higher scores = stronger matches",
    "Lower scores = weaker matches",
    "Maximize scores for matching image-text pairs",
    "Minimize scores for non-matching pairs",
    "3. Training Objective",
    "Matching pairs (a dog photo with 'aussie pup') have high similarity",
    "Non-matching pairs (a dog photo with 'red car') have low similarity",
    "This pushes the model to understand",
    "the relationship between visual and textual content",
    "Learn meaningful connections without explicit labels",
    "for every concept",
)

TERMS = (
    "contrastive learning", "CLIP", "text encoder", "transformer", "sub-word", "token embedding",
    "positional encoding", "[CLS]", "self-attention", "feed-forward network", "embedding",
    "image encoder", "ViT", "CNN", "resize", "normalise", "patch", "linear projection",
    "position embedding", "convolutional layer", "feature map", "pooling", "PaliGemma",
    "similarity matrix", "dot product", "similarity", "features", "label",
)  # fmt: skip


TAUGHT = {
    "Picture: a contrastive encoder": ("index", "The CLIP Book", "{model-map}"),
    **{
        line: (chapter.page, *place)
        for chapter in chapters.read_all()
        for line, place in chapter.facts.seed.items()
    },
}


def sections(page: str) -> dict[str, str]:
    """What stands under each heading of the first two ranks, code included."""
    source = BOOK / f"{page}.py"
    if source.exists():
        cells = notebooks.notebook(page).cells
        text = "\n".join(
            cell.source if cell.cell_type == "markdown" else re.sub("^#", " #", cell.source)
            for cell in cells
        )
    else:
        text = (BOOK / f"{page}.md").read_text("utf-8")
    found = re.split(r"^##? (.+)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_no_chapter_names_a_line_that_the_seed_lacks():
    assert TAUGHT.keys() <= set(LINES)


@pytest.mark.parametrize("line", LINES)
def test_a_section_teaches_this_line_of_the_seed(line):
    page, heading, *words = TAUGHT[line]
    assert heading in sections(page)
    text = " ".join(sections(page)[heading].split()).lower()
    for choice in words:
        found = any(word in text for word in choice.lower().split("|"))
        assert found, f"{heading!r} lacks {choice!r}"


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_explains_this_word_of_the_seed(term):
    lines = (BOOK / "reference/glossary.md").read_text("utf-8").splitlines()
    assert term in lines


@pytest.mark.site
def test_the_built_pages_have_an_anchor_for_each_section(site):
    for page, heading, *_ in TAUGHT.values():
        html = soup_of(site / f"{page}.html")
        titles = {
            title.get_text().removesuffix("#").strip().replace("’", "'"): title
            for title in html.select("article h1, article h2")
        }
        assert heading in titles, f"{page} has no section {heading!r}"
        assert titles[heading].find_parent("section")["id"]
