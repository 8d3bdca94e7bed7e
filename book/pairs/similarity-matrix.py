# ---
# jupyter:
#   chapter:
#     question: Which caption belongs to which picture?
#     objectives:
#     - compute one cell of the grid by hand, then all of it with one matrix product
#     - say why the vectors have unit length, and what the temperature does
#     - turn the grid into choices, by row and by column, and say what training wants of it
#     needs: [start/contrastive-learning]
#     note: The encoders may stay closed boxes.
#     minutes: 30
#     place: this is the grid in the middle, where both encoders end
#     band: matrix
#     builds: [clipbook.pairs.similarity, clipbook.pairs.CLIP, clipbook.widgets.SimilarityMatrix]
#     seed:
#       Paired with text embeddings to form similarity matrix: [The whole grid, rows, columns]
#       Similarity Matrix: [The similarity matrix, grid]
#       The pair's dot product should have a high value (e.g. I1 * T1): ['One cell, by hand', dot
#           product, I_1 \cdot T_1, high]
#       1. Matrix Structure: [The whole grid, cell]
#       'Rows: Image features': [The whole grid, rows are pictures]
#       'Columns: Text features': [The whole grid, columns are captions]
#       'Each cell (Iᵢ·Tⱼ): Similarity score': [The whole grid, I_i \cdot T_j]
#       Lower scores = weaker matches: [Watch the diagonal emerge, the rest sinks]
#       Maximize scores for matching image-text pairs: [What training wants of the grid, maximise
#           the diagonal]
#       Minimize scores for non-matching pairs: [What training wants of the grid, minimise the rest]
#       Matching pairs (a dog photo with 'aussie pup') have high similarity: ['Matching, not matching,
#           nearly matching', aussie pup]
# ---

# %% [markdown]
# # The similarity matrix
#
# A caption has become a vector, and so has a picture. {question} We compare every picture with
# every caption, write the results into a grid, and let its rows and columns choose.

# %% [markdown]
# ## Eight pairs
#
# The pairs of the first chapter again, $I_1$ to $I_8$ above $T_1$ to $T_8$. Python counts from 0,
# so picture 1 is `pictures[0]`.

# %% mystnb={"image": {"alt": "Eight small pictures of coloured shapes, each above its own caption; the first two hold a circle above a square, with red and blue exchanged."}}
from clipbook.figures import pairs_strip
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
pairs_strip(pictures, captions)

# %% [markdown]
# An **encoder** makes a vector of each, its **embedding**: a
# [text encoder](../text/text-encoder.ipynb) of a caption, a [ViT](../image/vit.ipynb) or
# [CNN](../image/cnn.ipynb) of a picture. We load a small trained model, with a ViT.

# %%
import torch

import clipbook

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
model, tokenizer = clipbook.load("shapes")
with torch.no_grad():
    image_embeddings = model.encode_image(model.preprocess(pictures))
    text_embeddings = model.encode_text(*tokenizer.batch(captions))
image_embeddings.shape, text_embeddings.shape

# %% [markdown]
# All have 64 numbers, and since the encoders were trained together, these can be compared.

# %% [markdown] predict={"choices": ["higher", "lower"], "right": "lower", "shown": "0.69 = 0.74 − 0.05 a small red circle above a blue square -0.38"}
# ## One cell, by hand
#
# How alike are picture 1 and caption 1? Multiply the two vectors number by number and add up:
# their **dot product**, $I_1 \cdot T_1$. Predict: will $I_1 \cdot T_3$, with "a large yellow
# star", be higher or lower?


# %%
def dot(a, b):
    total = 0.0
    for k in range(len(a)):
        total += a[k].item() * b[k].item()
    return total


for j in (0, 2):
    products = image_embeddings[0] * text_embeddings[j]  # (64,)
    up, down = products.clamp(min=0).sum(), -products.clamp(max=0).sum()
    cell = dot(image_embeddings[0], text_embeddings[j])
    print(f"{cell:5.2f} = {up:.2f} − {down:.2f}   {captions[j]}")

# %% [markdown]
# Where the two vectors have the same sign, a product adds to the sum; where the signs differ, it
# takes away. The first number is the cell, the others are what was added and taken away.

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
# A matrix product does just this: rows of the first times columns of the second. Transposed, each
# caption's embedding stands in a column: (8, 64) times (64, 8) makes (8, 8).

# %% mystnb={"image": {"alt": "The diagonal is deep red: each picture is most similar to its own caption."}}
from clipbook.figures import similarity_heatmap

similarities = image_embeddings @ text_embeddings.T
assert torch.allclose(similarities, by_hand, atol=1e-5)
assert torch.equal(similarities.argmax(dim=1), torch.arange(8))
similarity_heatmap(similarities, pictures, captions)

# %% [markdown]
# **The diagonal stands out:** on it lie the matching pairs. A cell off it is a picture with the
# caption of another.

# %% [markdown]
# ## Why unit length
#
# We make $T_2$ ten times longer and keep its direction; it should still say what it said. Predict:
# which pictures choose it now?

# %%
longer = text_embeddings.clone()
longer[1] *= 10
after = (image_embeddings @ longer.T).argmax(dim=1).tolist()
assert after[0] == 1
print("before:", similarities.argmax(dim=1).tolist())
print("after: ", after)

# %% [markdown]
# Each list holds, for pictures 1 to 8, where the highest cell of the row is, counted from 0. A picture
# falls for $T_2$ if ten times its cell in that column is more than its own caption gets. The remedy
# is to divide each vector by its length.


# %%
def to_unit_length(rows):
    return rows / rows.norm(dim=1, keepdim=True)  # (N, 64) / (N, 1)


to_unit_length(torch.tensor([[3.0, 4], [0, 10]]))

# %% [markdown]
# Before this step, what our encoders return differs in length, too. Does it matter? We take eight
# times 256 fresh pairs, from a stream of random numbers of their own: no training batch shares it.
# Each picture chooses in both ways. How many are right in one way only?

# %%
from clipbook.scenes import sample_pairs
from clipbook.streams import stream


def fresh_pairs(k):
    """The k-th batch: pixels, and token ids with their mask."""
    generator = stream("similarity-matrix: fresh pairs", index=k)
    scenes, captions = sample_pairs(256, generator)
    pixels = model.preprocess([render(scene) for scene in scenes])
    return pixels, tokenizer.batch(captions)


pixels, texts = fresh_pairs(0)
with torch.no_grad():
    lengths = model.text_encoder(*texts).norm(dim=1)  # (256,)
print(f"captions' lengths: {lengths.min():.1f} to {lengths.max():.1f}")

# %%
only = {"as they are": 0, "unit length": 0}  # of 2,048 pictures
for k in range(8):
    pixels, texts = fresh_pairs(k)
    with torch.no_grad():
        raw_images = model.image_encoder(pixels)  # (256, 64)
        raw_texts = model.text_encoder(*texts)  # (256, 64)
    right = []
    for way in (torch.clone, to_unit_length):
        choices = (way(raw_images) @ way(raw_texts).T).argmax(dim=1)
        right.append(choices == torch.arange(256))
    only["as they are"] += (right[0] & ~right[1]).sum().item()
    only["unit length"] += (right[1] & ~right[0]).sum().item()
print("right in one way only:", only)
assert only["unit length"] > 2 * only["as they are"]

# %% [markdown]
# Uneven lengths cost some choices and win hardly any; the model was trained with unit length. Now
# only the direction counts, and the dot product is the **cosine** of the angle between two vectors:
# 1 for the same direction, 0 for a right angle, −1 for opposite ones.
#
# $$\cos(I_i, T_j) = \frac{I_i \cdot T_j}{\lVert I_i \rVert \, \lVert T_j \rVert}$$
#
# `encode_image` and `encode_text` return unit length; from here on, *similarity* means this cosine.
# The package's `similarity` is our matrix product, and refuses rows of any other length.

# %%
from clipbook.pairs import similarity

cosines = to_unit_length(raw_images) @ to_unit_length(raw_texts).T  # (256, 256)
with torch.no_grad():
    unit_images = model.encode_image(pixels)  # (256, 64)
    packaged = similarity(unit_images, model.encode_text(*texts))
assert torch.allclose(cosines, packaged, atol=1e-5)
assert torch.equal(similarity(image_embeddings, text_embeddings), similarities)
low, high = cosines.min(), cosines.max()
print(f"all 65,536 cells lie between {low:.2f} and {high:.2f}")

# %% [markdown]
# ## Matching, not matching, nearly matching
#
# Picture 3 plays the puppy of the first chapter: $T_3$ is its "aussie pup", and $T_4$, a pink
# heart, its "red car". Predict: which wrong pair scores highest in the whole grid?

# %%
wrong = similarities.clone().fill_diagonal_(-2)  # lower than any cosine
i, j = divmod(wrong.argmax().item(), 8)
assert {i, j} == {0, 1}
print(f"picture 3, own caption:  {similarities[2, 2]:5.2f}")
print(f"picture 3, 'red car':    {similarities[2, 3]:5.2f}")
print(f"mean of all wrong pairs: {wrong[wrong > -2].mean():5.2f}")
print(f"highest wrong pair:      {wrong[i, j]:5.2f}")
print(f"    picture {i + 1}: {captions[i]}")
print(f"    caption {j + 1}: {captions[j]}")

# %% [markdown]
# It is a **hard negative**: every word of the wrong caption fits the picture, only the colours
# have changed places. To score it low, the encoders must know which colour goes with which shape.
# To tell the star from the heart, they needn't.

# %% [markdown]
# ## From similarities to choices
#
# Picture 1 looks along its row: which caption is mine? **Softmax** makes probabilities of the row:
# raise $e$ to each number, divide by the sum. Before that, we divide the cosines by a
# **temperature** τ.
#
# $$p_{ij} = \frac{e^{\,I_i \cdot T_j / \tau}}{\sum_k e^{\,I_i \cdot T_k / \tau}}$$
#
# Predict: what does a small τ do to the row, what a large one?

# %% mystnb={"image": {"alt": "At temperature 1 picture 1 spreads its choice over all captions; at 0.2 its own caption leads; at 0.05 its own caption takes nearly all."}}
from clipbook.figures import temperature_bars


def softmax(numbers):
    powers = torch.exp(numbers)
    return powers / powers.sum()


row = similarities[0]  # (8,)
temperature_bars({t: softmax(row / t) for t in (1.0, 0.2, 0.05)}, own=0)

# %% [markdown]
# A small temperature sharpens the choice, a large one evens it out; the order stays. At 1, with
# bare cosines, no choice is clear. CLIP learns its temperature along with everything else. Its
# inverse is the **scale**, and a similarity times the scale is a **logit**.

# %%
scale = model.scale.item()
own = (similarities * scale).softmax(dim=1).diagonal()  # (8,)
print(f"scale {scale:.1f}, so temperature {1 / scale:.3f}")
print(f"the least sure picture gives its own caption {own.min():.4f}")

# %% [markdown]
# Too sharp to see anything. We take τ = 0.2, where the runners-up still show. **Rows:** each
# picture chooses among the captions.

# %% mystnb={"image": {"alt": "Softmax over rows: the diagonal is bright, each picture gives most to its own caption."}}
from clipbook.figures import probability_heatmap

tau = 0.2
over_rows = torch.stack([softmax(row / tau) for row in similarities])
assert torch.allclose(over_rows, (similarities / tau).softmax(dim=1))
probability_heatmap(over_rows, pictures)

# %% [markdown] predict={"choices": ["yes", "no"], "right": "no", "shown": "its numbers differ from those over rows"}
# **Columns:** each caption chooses among the pictures. Predict: are the numbers the same?

# %% mystnb={"image": {"alt": "Softmax over columns: the diagonal is bright again, but its numbers differ from those over rows."}}
columns = [softmax(column / tau) for column in similarities.T]
over_columns = torch.stack(columns, dim=1)
assert torch.allclose(over_columns, (similarities / tau).softmax(dim=0))
probability_heatmap(over_columns, pictures)

# %%
both = torch.stack([over_rows.diagonal(), over_columns.diagonal()])  # (2, 8)
assert not torch.allclose(both[0], both[1], atol=0.01)
both

# %% [markdown]
# A cell's power of $e$ is divided by the sum of its row (upper line), or of its column (lower line).

# %% [markdown]
# ## Watch the diagonal emerge
#
# A recording of the training holds the grid of our eight pairs before the first step, after the last,
# and in between; the [first chapter](../start/contrastive-learning.ipynb) played it, too. *Show* has
# seven views, the cosines and:
#
# - **logits**: cosines divided by τ;
# - **softmax over each row**, or **each column**: who chooses whom;
# - **sigmoid of each cell**: asked for itself, are these two a pair?
# - **gradient of InfoNCE**, or **of the sigmoid loss**, two losses that chapters build later: where
#   training raises a cell (below 0, blue) or lowers it (above 0, red).
#
# Predict what pictures choose before training, then press *Play*.

# %%
from clipbook.pretrained import training_history
from clipbook.widgets import SimilarityMatrix

history = training_history("shapes")
steps = history.snapshot_steps
begin = {"view": "row", "temperature": tau, "bias": -2.0, "step": 0}
SimilarityMatrix(history.snapshots, pictures, captions, steps=steps, **begin)

# %% [markdown]
# Choose a cell, or walk with the arrow keys, to read it in all seven views. At step 0 all rows look
# alike: an untrained encoder gives every picture nearly the same embedding. Then the diagonal
# rises and the rest sinks. When did each picture last choose a wrong caption?

# %%
grids = torch.tensor(history.snapshots)  # (snapshots, 8, 8)
fails = grids.argmax(dim=2) != torch.arange(8)  # (snapshots, 8)
for k in range(8):
    last = max(torch.tensor(steps)[fails[:, k]].tolist(), default=0)
    print(f"picture {k + 1}: step {last:4}   {captions[k]}")
assert grids[0].std(dim=0).max() < 0.1  # down a column, little changes

# %% [markdown]
# Pictures 1 and 2, each with the other's caption as its hard negative, come last by far.

# %% [markdown]
# ## Captions of your own
#
# No picture owns these four captions. Predict which picture each fits best.

# %%
four_captions = [
    "a circle above a square",
    "no red circle",
    "something blue",
    "Pepper the aussie pup",
]
with torch.no_grad():
    four = model.encode_text(*tokenizer.batch(four_captions))  # (4, 64)
best, chosen = (image_embeddings @ four.T).max(dim=0)  # (4,), (4,)
for caption, value, k in zip(four_captions, best, chosen, strict=True):
    print(f"{caption:24} {value:5.2f}  picture {k + 1}: {captions[k]}")

# %% [markdown]
# The first is true of pictures 1 and 2. The second is true of all but picture 1, and the model takes
# picture 2, with a circle and something red: no caption in training said "no". "Something blue" fits the
# green triangle as well as picture 1, where a square is blue: no caption in training said "something". And
# the pup fits one best, too, as some picture always does. A low cosine is all that the model can say
# against a caption. Now write your own: on the page below the matrix, in a notebook here, in `my_captions`.

# %% tags=["live"]
my_captions = four_captions
with torch.no_grad():
    mine = model.encode_text(*tokenizer.batch(my_captions))  # (4, 64)
own = image_embeddings @ mine.T  # (8, 4)
SimilarityMatrix(own, pictures, my_captions, selected=(1, 0))

# %% [markdown]
# ## A cell that answers for itself
#
# What if a picture's own caption is missing? Softmax shares out a probability of 1 among whatever
# is there. A **sigmoid** judges each cell alone; a bias $b$ below 0 makes "no" the usual answer.
# CLIP's sibling SigLIP learns with it.
#
# $$\frac{1}{1 + e^{-(I_i \cdot T_j / \tau + b)}}$$
#
# We take away $T_1$. Predict what the best of the others gets from picture 1.

# %%
tau_here, b = 0.07, -7.0  # chosen by eye: our model was trained with softmax
others = similarities[0, 1:]  # (7,)
print(f"softmax, best of the others: {softmax(others / tau_here).max():.2f}")
answers = torch.sigmoid(similarities[0] / tau_here + b)  # (8,)
print(f"sigmoid, best of the others: {answers[1:].max():.2f}")
print(f"sigmoid, own caption:        {answers[0]:.2f}")

# %% [markdown]
# Softmax is nearly certain of the hard negative, since the others are worse still. The sigmoid can
# say no. For the whole grid, go back to the figure with *Play*: have it show the *sigmoid of each
# cell*, and set τ to 0.07 and $b$ to −7.

# %% [markdown]
# ## What training wants of the grid
#
# **Maximise the diagonal, minimise the rest.** One number says how far we are, the **InfoNCE**
# loss: low where every picture and every caption surely chooses its partner. The next chapter
# builds it. Among eight, an even guess costs $\ln 8$.

# %%
import math

from clipbook.pairs import info_nce

losses = [info_nce(grid / tau).item() for grid in grids]
for k in (0, 1, 2, len(steps) - 1):
    right = 8 - fails[k].sum()
    print(
        f"step {steps[k]:5}: loss {losses[k]:.2f}, {right} of 8 pictures right"
    )
print(f"a guess: {math.log(8):.2f}")
assert losses[-1] < 0.5 < 1.8 < losses[0]

# %% [markdown]
# The untrained model does about as well as guessing. Training changes both encoders so that the
# number falls. All it needs is which caption came with which picture; the others are the contrast.

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
three_texts = text_embeddings[:3]
turned = three_texts @ image_embeddings.T
turned.shape, similarity(image_embeddings, three_texts).shape

# %% [markdown]
# **Rows don't add up to 1 → softmax went along the wrong axis.** `dim=1` runs along a row.

# %%
three_logits = similarity(image_embeddings, three_texts) / tau  # (8, 3)
print("dim=0:", three_logits.softmax(dim=0).sum(dim=1))
print("dim=1:", three_logits.softmax(dim=1).sum(dim=1))

# %% [markdown]
# **A good model has a terrible loss → captions and pictures are in different orders**, as when only
# one of them is shuffled. Each picture still has a favourite, but off the diagonal.

# %%
mixed = similarities[:, torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])]
print(f"loss {info_nce(similarities / tau):.2f}")
print(f"in mixed order {info_nce(mixed / tau):.2f}")
print("highest in each row:", mixed.max(dim=1).values)

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: a grid from vectors of any length
#
# Given $N$ pictures' and $M$ captions' vectors, of any length, return
# all their cosines: rows are pictures, columns are captions. A vector of zeros has no direction;
# **let its cosines be 0**. The check tries several sizes, very short and very long vectors, and
# looks whether what you are given is unchanged.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Both sides need unit length, each row by itself; `keepdim=True` keeps the lengths in a column, so
# that division goes row by row. Zero divided by zero is `nan`: `clamp(min=...)` lifts a length to
# something above 0, far below all that occur.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "cosine-grid", "schema_version": 3, "task": false}
def cosine_grid(images, texts):
    """Cosine of each picture with each caption, 0 for zeros.

    (N, d) and (M, d) -> (N, M).
    """
    ### BEGIN SOLUTION
    image_lengths = images.norm(dim=1, keepdim=True).clamp(min=1e-12)  # (N, 1)
    text_lengths = texts.norm(dim=1, keepdim=True).clamp(min=1e-12)  # (M, 1)
    return (images / image_lengths) @ (texts / text_lengths).T
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "cosine-grid-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.pairs import similarity

some_images = torch.tensor([[3.0, 4], [-1, 1], [0, 2]])
some_texts = torch.tensor([[2.0, 1], [-5, 12]])
mistakes = {
    "both sides need unit length before the product": [
        [10.0, 33.0],
        [-1.0, 17.0],
        [2.0, 24.0],
    ],
    "the captions don't have unit length yet": [
        [2.0, 6.6],
        [-0.707, 12.021],
        [1.0, 12.0],
    ],
    "the pictures don't have unit length yet": [
        [4.472, 2.538],
        [-0.447, 1.308],
        [0.894, 1.846],
    ],
    "norm(dim=1) goes along rows, yours down columns": [
        [0.425, -0.011],
        [-0.099, 0.511],
        [0.036, 0.435],
    ],
    "divide by the length, not by its square": [
        [0.08, 0.008],
        [-0.1, 0.05],
        [0.1, 0.036],
    ],
    "the length is the root of a sum of squares": [
        [0.476, 0.277],
        [-0.167, 0.5],
        [0.333, 0.706],
    ],
    "a length for each row, not one for all": [
        [0.136, 0.449],
        [-0.014, 0.231],
        [0.027, 0.327],
    ],
    "captions must stand in columns; transpose them": [
        [0.229, 1.007],
        [-0.904, 0.336],
        [-0.385, 0.923],
    ],
    "rows are pictures; yours are captions": [
        [0.894, -0.316, 0.447],
        [0.508, 0.925, 0.923],
    ],
    "a cosine may be below 0; yours has lost its sign": [
        [0.894, 0.508],
        [0.316, 0.925],
        [0.447, 0.923],
    ],
    "a cosine may be below 0; yours is cut off there": [
        [0.894, 0.508],
        [0.0, 0.925],
        [0.447, 0.923],
    ],
    "the vectors need unit length, not the grid's rows": [
        [0.29, 0.957],
        [-0.059, 0.998],
        [0.083, 0.997],
    ],
    "a cosine, not the angle": [[0.464, 1.038], [1.893, 0.391], [1.107, 0.395]],
    "a cosine, not the distance 1 - cosine": [
        [0.106, 0.492],
        [1.316, 0.075],
        [0.553, 0.077],
    ],
    "cosines as they are, without softmax": [
        [0.595, 0.405],
        [0.224, 0.776],
        [0.383, 0.617],
    ],
}
with check("A grid from any vectors"):
    got = ask(cosine_grid, some_images, some_texts)
    want = [[0.894, 0.508], [-0.316, 0.925], [0.447, 0.923]]
    close(
        got,
        want,
        "cosine_grid(some_images, some_texts)",
        tolerance=1e-3,
        mistakes=mistakes,
    )
    for N, M, d in ((4, 7, 5), (3, 3, 8), (1, 1, 2)):
        generator = torch.Generator().manual_seed(N)
        directions = torch.nn.functional.normalize(
            torch.randn(N + M, d, generator=generator)
        )
        lengths = torch.logspace(-4, 3, N + M)[
            torch.randperm(N + M, generator=generator)
        ]
        stretched = directions * lengths[:, None]  # from 0.0001 to 1,000
        got = ask(cosine_grid, stretched[:N], stretched[N:])
        # the package's, before stretching
        want = similarity(directions[:N], directions[N:])
        close(
            got,
            want,
            f"the grid of {N} and {M} vectors of {d} numbers",
            tolerance=1e-4,
        )
    zeros = torch.tensor([[0.0, 0], [3, 4]])
    want = torch.tensor([[0, 0], [0.894, 0.508]])
    got = ask(cosine_grid, zeros, some_texts)
    close(
        got,
        want,
        "the grid of a picture of zeros, and another,",
        tolerance=1e-3,
    )
    got = ask(cosine_grid, some_texts, zeros)
    close(
        got,
        want.T,
        "the grid of a caption of zeros, and another,",
        tolerance=1e-3,
    )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "cosine-grid-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other numbers of pictures, captions and dimensions.
### BEGIN HIDDEN TESTS
from torch.nn.functional import cosine_similarity

from clipbook.exercises import ask, check, close

with check("A grid from any vectors, other sizes"):
    for N, M, d in ((5, 4, 6), (5, 5, 3), (1, 3, 16), (40, 30, 64)):
        generator = torch.Generator().manual_seed(N)
        first, second = torch.randn(2, 40, d, generator=generator)
        # very short, and very long
        first, second = first[:N] * 0.01, second[:M] * 30
        first[-1] = second[1] = 0
        # 0 where one is 0
        expected = cosine_similarity(first[:, None], second[None], dim=-1)
        what = f"the grid of {N} and {M} vectors of {d} numbers, two of zeros,"
        close(ask(cosine_grid, first, second), expected, what, tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the rank of the own caption
#
# Among a thousand captions, "is the own one the highest?" is a
# harsh question. Return its **rank** for each picture: 1 if no other caption is as similar, 2 if
# one other is as similar or more, and so on. So a tie counts against it; else a model that finds
# everything equal would look perfect. Captions without a picture may follow and compete; the check
# tries that, ties, and a single caption.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The matching cells are `similarities.diagonal()`, of shape (N,). In row $i$, count the cells that are
# at least as high as matching cell $i$; it counts itself. To compare all rows at once, the matching cells
# must stand in a column, (N, 1).
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "caption-ranks", "schema_version": 3, "task": false}
def caption_ranks(similarities):
    """Rank of each picture's own caption, 1 to M.

    (N, M), M at least N -> (N,).
    """
    ### BEGIN SOLUTION
    own = similarities.diagonal()[:, None]  # (N, 1)
    return (similarities >= own).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "caption-ranks-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

rows = [
    [7, 5, -2, 0, 1, -3],
    [-3, 2, -2, 4, 7, 0],
    [2, 2, 3, -2, 0, 3],
    [5, 5, -3, 2, 0, 7],
]
grid = torch.tensor(rows) / 10  # (4, 6)
mistakes = {
    "ranks begin at 1; the matching cell counts itself": [0, 2, 1, 3],
    "ranks begin at 1, and a tie counts against the own caption": [0, 2, 0, 3],
    "a tie counts against the own caption; see row 3": [1, 3, 1, 4],
    "a picture looks along its row, not its column": [1, 4, 1, 2],
    "rank 1 is the most similar, not the least": [6, 4, 6, 3],
    "captions without a picture compete as well": [1, 2, 1, 3],
    "argsort tells who is k-th, not the rank of k": [1, 4, 1, 4],
    "argsort tells who is k-th, not the rank of k; ranks begin at 1": [
        0,
        3,
        0,
        3,
    ],
    "a rank, not only whether the own caption is the highest": [1, 0, 1, 0],
    "not only whether the rank is 1": [1, 0, 0, 0],
    "count the captions at least as similar, not the less similar": [
        5,
        3,
        4,
        2,
    ],
}
with check("Caption ranks"):
    close(
        ask(caption_ranks, grid),
        [1, 3, 2, 4],
        "caption_ranks(grid)",
        mistakes=mistakes,
    )
    close(
        ask(caption_ranks, torch.zeros(2, 5)),
        [5, 5],
        "caption_ranks, where everything is equal,",
    )
    for N, M in ((1, 1), (8, 8), (6, 13)):
        generator = torch.Generator().manual_seed(N)
        many = torch.stack(
            [torch.randperm(M, generator=generator) for _ in range(N)]
        )
        want = M - many.diagonal()  # each row holds 0 to M - 1
        for i in range(N):  # whoever is one higher, now ties
            many[i][many[i] == many[i, i] + 1] = many[i, i]
        close(
            ask(caption_ranks, many / M - 0.7),
            want,
            f"caption_ranks of {N}×{M} cells",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "caption-ranks-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other matrices.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("Caption ranks, other matrices"):
    for N, M in ((9, 9), (1, 4), (40, 60)):
        many = (
            torch.rand(N, M, generator=torch.Generator().manual_seed(3)) * 2 - 1
        )
        ordered = [sorted(line, reverse=True) for line in many.tolist()]
        expected = [
            line.index(many[k, k].item()) + 1 for k, line in enumerate(ordered)
        ]
        close(
            ask(caption_ranks, many),
            expected,
            f"caption_ranks of {N}×{M} cells",
        )
    close(
        ask(caption_ranks, torch.zeros(3, 3)),
        [3, 3, 3],
        "caption_ranks, where everything is equal,",
    )
    close(
        ask(caption_ranks, torch.tensor([[0.4]])),
        [1],
        "caption_ranks of the only caption",
    )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "hard"}
# ## Exercise: which temperature?
#
# A picture has cosine `own` with its own caption, and the same lower
# cosine `other` with each of the $N - 1$ wrong ones. At which temperature τ does softmax give its
# own caption the probability `p`, which lies between $1/N$ and 1? Return one number. The check puts
# it into softmax, for other cosines, below 0 too, and for 2 to 1,000 captions.

# %% [markdown]
# <details><summary>Hint</summary>
#
# All wrong captions together get $1 - p$, so each gets $(1 - p)/(N - 1)$. How many times as much
# does the own one get? In softmax that ratio is one power of $e$ divided by another, which is
# $e^{(\text{own} - \text{other})/\tau}$. Take the logarithm of both, and solve for τ.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "which-temperature", "schema_version": 3, "task": false}
import math


def which_temperature(p, own, other, N):
    """Temperature at which own gets p, against N - 1 times other."""
    ### BEGIN SOLUTION
    times = p / ((1 - p) / (N - 1))
    return (own - other) / math.log(times)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "which-temperature-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, numbers

mistakes = {
    "that is the scale; the temperature is 1 / scale": 6.905225,
    "there are N - 1 wrong captions, not N": 0.1402962,
    "the wrong captions are N - 1, not one": 0.2730718,
    "there are N - 1 wrong captions, and they share 1 - p": 2.387447,
    "compare p with what the others get, 1 - p": 0.3259896,
    "the own caption gets p, not 1": 0.1412265,
    "each wrong caption gets (1 - p) / (N - 1); the ratio is upside down": -2.387447,
    "own minus other, not the other way round": -0.1448179,
    "only the difference of the cosines counts": 0.1689542,
    "the difference of the cosines, not their sum": 0.1930905,
    "the natural logarithm, not that of base 2": 0.1003801,
    "the natural logarithm, not that of base 10": 0.3334555,
    "take the logarithm of the ratio": 0.00952381,
    "the logarithm of the ratio, not of the probability": 5.694733,
    "divide the cosines by the logarithm": 2.485881,
}
with check("Which temperature"):
    found = ask(which_temperature, 0.9, 0.7, 0.1, 8)
    close(
        found,
        0.1448179,
        "which_temperature(0.9, 0.7, 0.1, 8)",
        mistakes=mistakes,
    )
    for asked in (
        (0.8, 0.4, -0.2, 2),
        (0.95, -0.3, -0.4, 1000),
        (0.15, 1, -1, 8),
        (0.5, 0.9, 0, 3),
    ):
        p, own, other, N = asked
        tau_found = numbers(
            ask(which_temperature, *asked), f"which_temperature{asked}"
        )
        cells = torch.tensor([own] + [other] * (N - 1)).double()
        got = (cells / tau_found).softmax(dim=0)[0]
        close(
            got,
            p,
            f"the own caption's share at which_temperature{asked}",
            tolerance=1e-4,
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "which-temperature-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: softmax, at the temperature that you found.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close, numbers

with check("Which temperature, other rows"):
    for asked in (
        (0.7, 0.4, -0.2, 2),
        (0.99, 0.3, 0.2, 32768),
        (0.3, -0.1, -0.9, 16),
        (0.12, 1, -1, 9),
    ):
        p, own, other, N = asked
        tau_found = numbers(
            ask(which_temperature, *asked), f"which_temperature{asked}"
        )
        cells = torch.tensor([own] + [other] * (N - 1)).double()
        got = (cells / tau_found).softmax(dim=0)[0]
        close(
            got,
            p,
            f"the own caption's share at which_temperature{asked}",
            tolerance=1e-4,
        )
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
# the favourite nor a rank can change. Another favourite needs other embeddings.
#
# </details>

# %% [markdown]
# **2.** Picture 3 gives 0.9 to caption 3. Does caption 3 give 0.9 to picture 3?
#
# <details><summary>Answer</summary>
#
# Not in general. Both start from the same cosine, but one is divided by a sum over the row, the
# other by a sum over the column. A square grid needn't be symmetric: cell (3, 5) is picture 3 with
# caption 5, cell (5, 3) is picture 5 with caption 3.
#
# </details>

# %% [markdown]
# **3.** We add a photograph of a puppy as a ninth picture. Can our model answer "none of these
# captions"?
#
# <details><summary>Answer</summary>
#
# No. Softmax spreads a probability of 1 over whatever captions are there. A high score says
# "nearest of these", not "true", and a lower temperature only makes the same choice look surer. A
# sigmoid may say no to all, if the model was trained with it.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the grid of a contrastive model, from one dot product to its choices.
#
# - Rows are pictures, columns are captions; a cell is the cosine of two embeddings of unit length.
# - Divided by a temperature, a row's softmax is a picture's choice of caption, a column's is a
#   caption's choice of picture.
# - Training raises the diagonal and lowers the rest, told only which caption came with which
#   picture.
#
# Next: **[why this loss, and what does it do to each cell?](contrastive-loss.ipynb)**

# %% [markdown]
# **Sources.** The grid and the puppy, the loss, the learned temperature:
# {cite:t}`radford2021clip`, figures 1 and 3, §2.3. InfoNCE: {cite:t}`van_den_oord2018cpc`, §2.3.
# The sigmoid and its bias: {cite:t}`zhai2023siglip`, §3.2.
