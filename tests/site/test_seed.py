"""The book teaches all of its seed: the outline that it began from, line by line.

Each line of the outline stands beside the page and the section that teach it, and beside words that
this section must hold.
"""

import re
from pathlib import Path

import jupytext
import pytest

from tests.site.conftest import soup_of

BOOK = Path(__file__).resolve().parents[2] / "book"

START = "start/contrastive-learning"
TOKENS, EMBEDDINGS = "text/tokenization", "text/embeddings"
ATTENTION, TEXT = "text/attention", "text/text-encoder"
PIXELS, PATCHES = "image/preprocessing", "image/patching"
VIT, CNN = "image/vit", "image/cnn"
MATRIX, LOSS = "pairs/similarity-matrix", "pairs/contrastive-loss"
ZERO_SHOT = "pairs/zero-shot"

SEED = {
    # headings and pictures
    "Picture: the architecture of a vision-language model": (
        START, "Where such an encoder works", "vision-language-model.svg"),
    "Components": (START, "Where such an encoder works", "projection; language model"),
    "Contrastive Vision Encoder": (
        START, "Where such an encoder works", "contrastive vision encoder"),
    "What is contrastive learning?": (START, "Why contrast?", "contrastively; batches"),
    "Picture: a contrastive encoder": ("index", "The CLIP Book", "{model-map}"),
    "An example of the CLIP architecture": (
        START, "Two encoders, by hand", "encoder; embedding; caption; picture"),
    # the text encoder
    "Text Encoder": (TEXT, "The text encoder", "caption; vector"),
    "A Transformer-based architecture, similar to GPT or BERT": (
        TEXT, "Who speaks for the caption?", "GPT; BERT"),
    "1. Input Processing": (TOKENS, "Tokenization", "text"),
    "Text is first tokenized into sub-words": (TOKENS, "Why not characters?", "sub-words; token"),
    "Example: Pepper the aussie pup": (TOKENS, "A word it has never met", "Pepper; aussie"),
    "2. Token Embeddings (T1, T2, T3 ... Tn)": (EMBEDDINGS, "A row of a table", "$T_1$; $T_4$"),
    "Each token is converted into an embedding vector": (
        EMBEDDINGS, "A row of a table", "embed; row; table"),
    "Positional encodings are added": (EMBEDDINGS, "A vector for each place", "place; $P$"),
    "to maintain sequence order": (EMBEDDINGS, "The order is lost", "order"),
    "3. Transformer Processing": (TEXT, "The stack", "block"),
    "[CLS] aggregates sequence info": (TEXT, "Who speaks for the caption?", "[CLS]"),
    "tokens → Transformer Layers": (TEXT, "The stack", "block"),
    "Self-attention processes relationships between words": (
        ATTENTION, "All tokens at once", "self-attention|tokens"),
    "Feed-forward networks process token representations": (
        TEXT, "What attention leaves undone", "feed-forward network"),
    "Final text embedding": (TEXT, "The stack", "projection"),
    # the image encoder
    "Image Encoder": (VIT, "Vision transformer", "picture; vector"),
    "A Vision Transformer (ViT) or CNN": (CNN, "ViT against CNN: the sizes", "ViT; CNN"),
    "1. Image Preprocessing": (PIXELS, "Preprocessing", "picture"),
    "Original Image": (PIXELS, "A picture is numbers", "picture; pixel"),
    "Resize": (PIXELS, "Resize: what a pixel must answer for", "resize"),
    "Normalize": (PIXELS, "Normalise", "mean; deviation"),
    "Split into patches (for ViT)": (PATCHES, "Cut with a knife", "patch"),
    "or process through conv layers (for CNN)": (CNN, "Colours in, channels out", "layer"),
    "2. For Vision Transformer (ViT)": (VIT, "From patches to tokens", "patch; token"),
    "Image patches → Linear projection": (PATCHES, "A vector for each patch", "projection|matrix"),
    "+ position embeddings": (PATCHES, "Where a patch lies", "position"),
    "Transformer encoder layers process patch relationships": (
        VIT, "Where it looks", "attention; patch"),
    "Image embeddings (I₁, I₂, I₃, ..., Iₙ)": (VIT, "The whole encoder", "I_1; lengths"),
    "Paired with text embeddings to form similarity matrix": (
        MATRIX, "The whole grid", "rows; columns"),
    "3. For CNN-based: Image → Convolutional layers": (CNN, "A stage", "stage; layer|conv"),
    "Feature maps at different scales": (CNN, "Feature maps at three scales", "map"),
    "Global pooling for final representation": (CNN, "One vector", "global average pooling"),
    "PaliGemma is ViT-based rather than CNN-based": (
        CNN, "Why PaliGemma's encoder is a ViT", "PaliGemma; SigLIP; ViT"),
    # the similarity matrix
    "Similarity Matrix": (MATRIX, "The similarity matrix", "grid"),
    "How well each image feature matches with each text feature": (
        START, "The grid", "how well the two fit"),
    "The pair's dot product should have a high value (e.g. I1 * T1)": (
        MATRIX, "One cell, by hand", "dot product; I_1 \\cdot T_1; high"),
    "1. Matrix Structure": (MATRIX, "The whole grid", "cell"),
    "Rows: Image features": (MATRIX, "The whole grid", "rows are pictures"),
    "Columns: Text features": (MATRIX, "The whole grid", "columns are captions"),
    "Each cell (Iᵢ·Tⱼ): Similarity score": (MATRIX, "The whole grid", "I_i \\cdot T_j"),
    "2. How it Works": (START, "From noise to a diagonal", "diagonal"),
    "Higher scores = stronger matches": (
        START, "From noise to a diagonal", "higher scores are stronger matches"),
    "Lower scores = weaker matches": (MATRIX, "Watch the diagonal emerge", "the rest sinks"),
    "Maximize scores for matching image-text pairs": (
        MATRIX, "What training wants of the grid", "maximise the diagonal"),
    "Minimize scores for non-matching pairs": (
        MATRIX, "What training wants of the grid", "minimise the rest"),
    "3. Training Objective": (START, "Why contrast?", "training objective"),
    "Matching pairs (a dog photo with 'aussie pup') have high similarity": (
        MATRIX, "Matching, not matching, nearly matching", "aussie pup"),
    "Non-matching pairs (a dog photo with 'red car') have low similarity": (
        START, "A dog, a pup and a red car", "red car; low"),
    "This pushes the model to understand": (LOSS, "Push and pull", "pulled; pushed"),
    "the relationship between visual and textual content": (
        START, "A dog, a pup and a red car", "which pictures come with that word"),
    "Learn meaningful connections without explicit labels": (
        START, "Pairs instead of labels", "labels; captions"),
    "for every concept": (ZERO_SHOT, "Classes are captions", "class; caption"),
}  # fmt: skip

TERMS = (
    "contrastive learning", "CLIP", "text encoder", "transformer", "sub-word", "token embedding",
    "positional encoding", "[CLS]", "self-attention", "feed-forward network", "embedding",
    "image encoder", "ViT", "CNN", "resize", "normalise", "patch", "linear projection",
    "position embedding", "convolutional layer", "feature map", "pooling", "PaliGemma",
    "similarity matrix", "dot product", "similarity", "features", "label",
)  # fmt: skip


def sections(page: str) -> dict[str, str]:
    """What stands under each heading of the first two ranks, code included."""
    source = BOOK / f"{page}.py"
    if source.exists():
        cells = jupytext.reads(source.read_text("utf-8"), fmt="py:percent").cells
        text = "\n".join(
            cell.source if cell.cell_type == "markdown" else re.sub("^#", " #", cell.source)
            for cell in cells
        )
    else:
        text = (BOOK / f"{page}.md").read_text("utf-8")
    found = re.split(r"^##? (.+)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize("line", SEED)
def test_a_section_teaches_this_line_of_the_seed(line, toc):
    page, heading, words = SEED[line]
    assert page in toc
    assert heading in sections(page)
    text = " ".join(sections(page)[heading].split()).lower()
    for choice in words.lower().split("; "):
        assert any(word in text for word in choice.split("|")), f"{heading!r} lacks {choice!r}"


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_explains_this_word_of_the_seed(term):
    lines = (BOOK / "reference/glossary.md").read_text("utf-8").splitlines()
    assert term in lines


@pytest.mark.site
def test_the_built_pages_have_an_anchor_for_each_section(site):
    for page, heading, _ in SEED.values():
        html = soup_of(site / f"{page}.html")
        titles = {
            title.get_text().removesuffix("#").strip().replace("’", "'"): title
            for title in html.select("article h1, article h2")
        }
        assert heading in titles, f"{page} has no section {heading!r}"
        assert titles[heading].find_parent("section")["id"]
