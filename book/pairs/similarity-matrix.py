# %% [markdown]
# # The similarity matrix
#
# Eight pictures and eight captions lie shuffled on a table. **How does a model tell which caption
# belongs to which picture?** It turns each of them into a vector, compares every picture with
# every caption, and writes the results into a grid. We build that grid.

# %% [markdown]
# After this chapter you can
#
# 1. compute one cell of the grid by hand, then all of it with one matrix product;
# 2. say why the vectors have unit length, and what the temperature does;
# 3. turn the grid into choices, by row and by column, and say what training wants of it.

# %% [markdown]
# **You need** Python and PyTorch's tensors; no other chapter. **Time:** 20 minutes to read, 35
# with the exercise. On the [map of the whole model](../index.md) this is the grid in the middle,
# where both encoders end.

# %% tags=["hide-input"]
# Set-up. On Colab this installs the book's package; where that is there already, it does nothing.
import importlib.util
import subprocess
import sys

PACKAGE = "git+https://github.com/OWNER/clipbook"
if importlib.util.find_spec("clipbook") is None:
    if "/OWNER/" in PACKAGE:
        raise RuntimeError("This copy has no address: run `make repository URL=...` in the book.")
    command = [sys.executable, "-m", "pip", "install", PACKAGE]
    if subprocess.run(command, capture_output=True).returncode:
        raise RuntimeError(f"Cannot install clipbook: no network? See: !pip install {PACKAGE}")
    importlib.invalidate_caches()
    torch = importlib.import_module("torch")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    print(f"GPU: {gpu}" if gpu else "No GPU, so slower; Runtime > Change runtime type offers one.")

# %% [markdown]
# ## Eight pairs
#
# This is the running example of the book: pictures from a small world of coloured shapes, each
# with a caption that is true of it. Pairs 1 and 2 differ in nothing but the colours. Python counts
# from 0, so picture 1, $I_1$, is `pictures[0]`.

# %% mystnb={"image": {"alt": "Eight small pictures of coloured shapes, each above its own caption; the first two hold a circle above a square, with red and blue exchanged."}}
from clipbook.figures import pairs_strip
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
pairs_strip(pictures, captions)

# %% [markdown]
# An **encoder** turns a picture into a vector, its **embedding**; a second encoder does the same
# with a caption. Other chapters build the two. Here we load the small model that this book
# trained.

# %%
import torch

import clipbook
from clipbook.image import preprocess

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
model, tokenizer = clipbook.load("shapes")
with torch.no_grad():
    image_embeddings = model.encode_image(preprocess(pictures))
    text_embeddings = model.encode_text(*tokenizer.batch(captions))
image_embeddings.shape, text_embeddings.shape

# %% [markdown]
# Twice (8, 64): 64 numbers for each picture, and 64 for each caption. Both kinds live in the same
# space, so we can compare them. A single number of an embedding means nothing to us; the direction
# of the whole does.

# %% [markdown]
# ## One cell, by hand
#
# How alike are picture 1 and caption 1? Multiply the two vectors number by number and add up:
# their **dot product**, $I_1 \cdot T_1$. Predict: will $I_1 \cdot T_3$, with "a large yellow
# star", be larger or smaller?


# %%
def dot(a, b):
    total = 0.0
    for k in range(len(a)):
        total += a[k].item() * b[k].item()
    return total


for j in (0, 2):
    cell = dot(image_embeddings[0], text_embeddings[j])
    print(f"{cell:5.2f}  {captions[j]}")

# %% [markdown]
# The picture's own caption scores high, the star far lower. Where both vectors have a large
# number of the same sign at the same place, the sum grows; where the signs differ, it shrinks.

# %% [markdown]
# ## The whole grid
#
# **Rows are pictures, columns are captions**, and cell $(i, j)$ holds $I_i \cdot T_j$: 64 dot
# products.

# %%
by_hand = torch.zeros(8, 8)
for i in range(8):
    for j in range(8):
        by_hand[i, j] = dot(image_embeddings[i], text_embeddings[j])
by_hand[0]

# %% [markdown]
# A matrix product does just this: rows of the first times columns of the second. We transpose the
# captions' embeddings, so that each stands in a column: (8, 64) times (64, 8) makes (8, 8).

# %% mystnb={"image": {"alt": "The diagonal is deep red: each picture is most similar to its own caption."}}
from clipbook.figures import similarity_heatmap

similarities = image_embeddings @ text_embeddings.T
assert torch.allclose(similarities, by_hand, atol=1e-5)
assert torch.equal(similarities.argmax(dim=1), torch.arange(8))
similarity_heatmap(similarities, pictures, captions)

# %% [markdown]
# **The diagonal stands out.** The matching pairs lie on it; a cell off it is a picture with the
# caption of another. Nobody told the model what a star is: it was shown pairs, nothing else. A
# green triangle, as in row 8, was in none of them.

# %% [markdown]
# ## Why unit length
#
# We make $T_2$ ten times longer and keep its direction. The caption still says what it said.
# Predict: which caption does picture 1 choose now?

# %%
longer = text_embeddings.clone()
longer[1] *= 10
after = (image_embeddings @ longer.T).argmax(dim=1).tolist()
assert after[0] == 1
print("before:", similarities.argmax(dim=1).tolist())
print("after: ", after)

# %% [markdown]
# A list holds, for pictures 1 to 8, the index of the highest cell in the row. Picture 1 has fallen
# for caption 2: length wins over meaning. The encoders' raw outputs do differ in length.

# %%
with torch.no_grad():
    raw_images = model.image_encoder(preprocess(pictures))
    raw_texts = model.text_encoder(*tokenizer.batch(captions))
print("pictures:", raw_images.norm(dim=1))
print("captions:", raw_texts.norm(dim=1))

# %% [markdown]
# So each vector is divided by its length. What the dot product then measures is the **cosine** of
# the angle between the two: 1 for the same direction, 0 for a right angle, −1 for opposite ones.
#
# $$\cos(I_i, T_j) = \frac{I_i \cdot T_j}{\lVert I_i \rVert \, \lVert T_j \rVert}$$
#
# `encode_image` and `encode_text` have already done this. From here on, *similarity* means this
# cosine.


# %%
def to_unit_length(rows):
    return rows / rows.norm(dim=1, keepdim=True)  # (N, 64) / (N, 1)


cosines = to_unit_length(raw_images) @ to_unit_length(raw_texts).T
assert torch.allclose(cosines, similarities, atol=1e-5)
cosines.min(), cosines.max()

# %% [markdown]
# ## Matching, not matching, nearly matching
#
# CLIP's authors draw a photograph of a puppy with "Pepper the aussie pup". With "red car", the
# photograph would be no pair. Our world has neither dogs nor cars, so let picture 3 be the dog:
# $T_3$ is its "aussie pup", and $T_7$, an orange square, its "red car". Predict: which wrong pair
# scores highest in the whole grid?

# %%
wrong = similarities.clone().fill_diagonal_(-2)  # lower than any cosine
i, j = divmod(wrong.argmax().item(), 8)
assert {i, j} == {0, 1}
print(f"picture 3, own caption:  {similarities[2, 2]:5.2f}")
print(f"picture 3, 'red car':    {similarities[2, 6]:5.2f}")
print(f"mean of all wrong pairs: {wrong[wrong > -2].mean():5.2f}")
print(f"highest wrong pair:      {wrong[i, j]:5.2f}")
print(f"    picture {i + 1}: {captions[i]}")
print(f"    caption {j + 1}: {captions[j]}")

# %% [markdown]
# It is a **hard negative**: every word of the wrong caption fits the picture, only the colours
# have changed places. To score it low, an encoder has to know which colour goes with which shape.
# An easy negative, the star with the square, teaches nothing of the kind.

# %% [markdown]
# ## Watch the diagonal emerge
#
# While the model was trained, its grid for these eight pairs was recorded. Predict, then press
# *Play*:
#
# - What does the grid of an untrained model look like?
# - Which pictures find their caption first, and which last?

# %%
from clipbook.pretrained import training_history
from clipbook.widgets import SimilarityMatrix

history = training_history("shapes")
steps = history.snapshot_steps
SimilarityMatrix(history.snapshots, pictures, captions, steps=steps)

# %% [markdown]
# Point at a cell, or walk with the arrow keys, to see what is in it. At step 0 all rows look alike:
# an untrained encoder gives every picture nearly the same embedding, so a caption fits all of them
# equally well. Then the diagonal rises and the rest sinks, though not everywhere at once. When did
# each picture last choose a wrong caption?

# %%
grids = torch.tensor(history.snapshots)  # (snapshots, 8, 8)
fails = grids.argmax(dim=2) != torch.arange(8)  # (snapshots, 8)
for k in range(8):
    last = max(torch.tensor(steps)[fails[:, k]].tolist(), default=0)
    print(f"picture {k + 1}: step {last:4}   {captions[k]}")
assert grids[0].std(dim=0).max() < 0.1  # down a column, little changes

# %% [markdown]
# Pictures 1 and 2, the pair whose colours are exchanged, come right last, and long after the others.

# %% [markdown]
# ## From similarities to choices
#
# Picture 1 looks along its row: which caption is mine? **Softmax** makes probabilities of the row:
# raise $e$ to each number, divide by the sum. Cosines lie too close together for a clear choice,
# so we first divide them by a **temperature** τ.
#
# $$p_{ij} = \frac{e^{\,I_i \cdot T_j / \tau}}{\sum_k e^{\,I_i \cdot T_k / \tau}}$$
#
# Predict: what does a small τ do to the row, what a large one?

# %% mystnb={"image": {"alt": "At temperature 1 picture 1 spreads its choice over all captions; at 0.2 its own caption leads; at 0.05 its own caption takes most."}}
from clipbook.figures import temperature_bars


def softmax(numbers):
    powers = torch.exp(numbers)
    return powers / powers.sum()


row = similarities[0]  # (8,)
temperature_bars({t: softmax(row / t) for t in (1.0, 0.2, 0.05)}, own=0)

# %% [markdown]
# A small temperature sharpens the choice, a large one evens it out; the order stays. CLIP learns
# its temperature along with everything else. It works with the inverse, the **scale**, and calls a
# similarity times the scale a **logit**.

# %%
scale = model.scale.item()
print(f"scale {scale:.1f}, so temperature {1 / scale:.3f}")

# %% [markdown]
# **Rows:** each picture chooses among the captions, here at τ = 0.2, where the runners-up still
# show.

# %% mystnb={"image": {"alt": "Softmax over rows: the diagonal is bright, each picture gives most to its own caption."}}
from clipbook.figures import probability_heatmap

tau = 0.2
over_rows = torch.stack([softmax(row / tau) for row in similarities])
assert torch.allclose(over_rows, (similarities / tau).softmax(dim=1))
probability_heatmap(over_rows, pictures)

# %% [markdown]
# **Columns:** each caption chooses among the pictures. Same cosines, same τ. Predict: are the
# numbers the same?

# %% mystnb={"image": {"alt": "Softmax over columns: the diagonal is bright again, but its numbers differ from those over rows."}}
columns = [softmax(column / tau) for column in similarities.T]
over_columns = torch.stack(columns, dim=1)
assert torch.allclose(over_columns, (similarities / tau).softmax(dim=0))
probability_heatmap(over_columns, pictures)

# %%
torch.stack([over_rows.diagonal(), over_columns.diagonal()])

# %% [markdown]
# They are not: the same cell is divided by the sum of its row or of its column. A picture may be
# sure of its caption while the caption hesitates between two pictures. The widget above shows
# both; move its temperature, too.

# %% [markdown]
# ## What training wants of the grid
#
# **Maximise the diagonal, minimise the rest.** One number says how far we are. Take the
# probability that a picture gives to its own caption; its −ln is 0 when the picture is sure and
# grows with doubt. Average this over the rows, then over the columns, then over both. This is the
# **InfoNCE** loss.

# %%
import math

from clipbook.pairs import info_nce

picture_costs = -over_rows.diagonal().log()  # (8,)
caption_costs = -over_columns.diagonal().log()  # (8,)
loss = (picture_costs.mean() + caption_costs.mean()) / 2
assert torch.isclose(loss, info_nce(similarities / tau))
print(f"untrained {info_nce(grids[0] / tau):.2f}, trained {loss:.2f}")
print(f"a guess among eight costs ln 8 = {math.log(8):.2f}")

# %% [markdown]
# The untrained model does about as well as guessing. Training changes both encoders so that the
# number falls. It needs no label such as "star" or "green", only which caption came with which
# picture; the other seven captions are the contrast.

# %% [markdown]
# ## The package's version
#
# `similarity` is our matrix product; besides, it refuses rows that are not of unit length.

# %%
from clipbook.pairs import similarity

ours = image_embeddings @ text_embeddings.T
assert torch.equal(similarity(image_embeddings, text_embeddings), ours)
similarity(image_embeddings, text_embeddings).diagonal()

# %% [markdown]
# ## Common mistakes
#
# **"Cosines" above 1 → the rows were not normalised.**

# %%
print(f"largest 'cosine': {(raw_images @ raw_texts.T).max():.1f}")
try:
    similarity(raw_images, raw_texts)
except ValueError as error:
    print(*str(error).split("; "), sep="\n")

# %% [markdown]
# **Captions choose where pictures should → the grid is transposed.** A square grid hides it, and
# even the diagonal is right. Three captions show it:

# %%
few = text_embeddings[:3]
(few @ image_embeddings.T).shape, similarity(image_embeddings, few).shape

# %% [markdown]
# **Rows don't add up to 1 → softmax went along the wrong axis.** `dim=1` runs along a row.

# %%
few_logits = similarity(image_embeddings, few) / tau  # (8, 3)
print("dim=0:", few_logits.softmax(dim=0).sum(dim=1))
print("dim=1:", few_logits.softmax(dim=1).sum(dim=1))

# %% [markdown]
# **A good model has a terrible loss → captions and pictures are in different orders**, as when
# only one of them is shuffled. Each picture still has its favourite, but off the diagonal.

# %%
mixed = similarities[:, torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])]
print(f"loss {info_nce(similarities / tau):.2f}")
print(f"in mixed order {info_nce(mixed / tau):.2f}")
print("highest in each row:", mixed.max(dim=1).values)

# %% [markdown]
# ## Exercise: the rank of the own caption
#
# *3 points, 15 minutes.* Among a thousand captions, "is the own one the highest?" is a harsh
# question. Ask for its **rank**: 1 if no other caption is as similar, 2 if one other is as similar
# or more, and so on. So a tie counts against it; else a model that finds everything equal would
# look perfect.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The own cells are `similarities.diagonal()`, of shape (N,). In row $i$, count the cells that are
# at least as high as own cell $i$; the own cell counts itself. To compare every row with its own
# number at once, the numbers must stand in a column, (N, 1).
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "caption-ranks", "schema_version": 3, "task": false}
def caption_ranks(similarities):
    """Rank of each picture's own caption, 1 to N: (N, N) -> (N,)."""
    ### BEGIN SOLUTION
    own = similarities.diagonal()[:, None]  # (N, 1)
    return (similarities >= own).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "caption-ranks-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

rows = [[4, 8, 6, 7], [0, 0, -2, 4], [7, 0, 2, 1], [1, -2, 5, 6]]
grid = torch.tensor(rows) / 10
mistakes = {
    "ranks begin at 1; the own cell counts itself": [3, 2, 1, 0],
    "a tie counts against the own caption; see row 2": [4, 2, 2, 1],
    "a picture looks along its row, not its column": [2, 3, 3, 2],
    "compare row i with own cell i: shape (N, 1)": [4, 1, 3, 2],
    "rank 1 is the most similar, not the least": [1, 3, 3, 4],
    "argsort tells who is k-th, not the rank of k": [2, 1, 4, 2],
    "count the captions that are as similar": [0, 0, 0, 1],
}
with check("Caption ranks"):
    ranks = caption_ranks(grid)
    close(ranks, [4, 3, 2, 1], "caption_ranks(grid)", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "caption-ranks-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other matrices.
### BEGIN HIDDEN TESTS
with check("Caption ranks, other matrices"):
    many = torch.rand(9, 9, generator=torch.Generator().manual_seed(3)) * 2 - 1
    before = many.clone()
    ordered = [sorted(line, reverse=True) for line in many.tolist()]
    expected = [line.index(many[k, k].item()) + 1 for k, line in enumerate(ordered)]
    close(caption_ranks(many), expected, "the ranks in a 9×9 matrix")
    assert torch.equal(many, before), "caption_ranks changes the matrix it is given; copy it"
    close(caption_ranks(torch.zeros(3, 3)), [3, 3, 3], "the ranks where everything is equal")
    close(caption_ranks(torch.tensor([[0.4]])), [1], "the rank of the only caption")
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We halve the temperature. What can change: which caption has the highest probability, how
# high it is, or its rank?
#
# <details><summary>Answer</summary>
#
# Only how high it is; it rises. Halving τ doubles every logit, which keeps their order, so neither
# the favourite nor a rank can change. For another favourite you would need other cosines, that is,
# other embeddings.
#
# </details>

# %% [markdown]
# **2.** Picture 3 gives 0.9 to caption 3. Does caption 3 give 0.9 to picture 3?
#
# <details><summary>Answer</summary>
#
# Not in general. Both start from the same cosine, but one divides by a sum over the row, the other
# by a sum over the column. That the grid is square doesn't make it symmetric: cell (3, 5) is
# picture 3 with caption 5, cell (5, 3) is picture 5 with caption 3.
#
# </details>

# %% [markdown]
# **3.** We add a photograph of a puppy as a ninth picture. Can our model answer "none of these
# captions"?
#
# <details><summary>Answer</summary>
#
# No. Softmax spreads a probability of 1 over whatever captions are there, and a cosine exists for
# any two vectors, also for things that training never showed. A high score says "nearest of
# these", not "true". A lower temperature doesn't help: it makes the same choice look surer.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the grid of a contrastive model, from one dot product to its loss.
#
# - Rows are pictures, columns are captions; a cell is the cosine of two embeddings of unit length.
# - Divided by a temperature, a row's softmax is a picture's choice of caption, a column's is a
#   caption's choice of picture.
# - Training raises the diagonal and lowers the rest; which caption came with which picture is all
#   that it is told.
#
# Next: **[why this loss, and what does it do to each cell?](contrastive-loss.ipynb)**

# %% [markdown]
# **Sources.** The grid and the puppy, the loss, the learned temperature:
# {cite:t}`radford2021clip`, figures 1 and 3, §2.3. InfoNCE: {cite:t}`van_den_oord2018cpc`, §2.3.
