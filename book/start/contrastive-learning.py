# ---
# jupyter:
#   chapter:
#     question: How can a model learn what pictures show, if all it gets is which sentence came
#       with which picture?
#     objectives:
#     - say what the rows, the columns, the diagonal and a cell of the grid are, and read a grid
#     - say what training wants of the grid, and what happens without contrast
#     - say where such a model is used, and which chapter builds which part
#     background: Python
#     note: Nothing about neural networks is assumed; skim code that you don't know yet.
#     minutes: 25
#     place: this is all of it, seen from far away
#     seed:
#       'Picture: the architecture of a vision-language model': [Where such an encoder works, vision-language-model.svg]
#       Components: [Where such an encoder works, projection, language model]
#       Contrastive Vision Encoder: [Where such an encoder works, contrastive vision encoder]
#       What is contrastive learning?: ['Why contrast?', contrastively, batches]
#       An example of the CLIP architecture: ['Two encoders, by hand', encoder, embedding, caption,
#         picture]
#       How well each image feature matches with each text feature: [The grid, how well the two
#           fit]
#       2. How it Works: [From noise to a diagonal, diagonal]
#       Higher scores = stronger matches: [From noise to a diagonal, higher scores are stronger
#           matches]
#       3. Training Objective: ['Why contrast?', training objective]
#       Non-matching pairs (a dog photo with 'red car') have low similarity: ['A dog, a pup and
#           a red car', red car, low]
#       the relationship between visual and textual content: ['A dog, a pup and a red car', which
#           pictures come with that word]
#       Learn meaningful connections without explicit labels: [Pairs instead of labels, labels,
#         captions]
# ---

# %% [markdown]
# # Contrastive learning
#
# Nobody can write down what makes a photograph one of a dog, or has time to label all pictures.
# Yet pictures with a sentence beside them are everywhere. {question}

# %% [markdown]
# ## Eight pairs
#
# Eight pictures from a small world of coloured shapes, which the book draws itself, each with a
# **caption** that is true of it. Picture $i$ is $I_i$, caption $j$ is $T_j$.

# %% mystnb={"image": {"alt": "Eight small pictures of coloured shapes, each above its own caption; the first two hold a circle above a square, with red and blue exchanged."}}
from clipbook.figures import pairs_strip
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
pairs_strip(pictures, captions)

# %% [markdown] predict={"number": 924, "within": 0.05, "shown": "924 of them different"}
# ## Pairs instead of labels
#
# The older way to teach is with **labels**: somebody sorts each picture into a class from a fixed
# list. We draw 1,000 pairs. Predict: how many different captions are among them? (`stream` gives
# random numbers for a named purpose; no other purpose shares them.)

# %%
from clipbook.scenes import sample_pairs
from clipbook.streams import stream

sampled_captions = []
for k in range(10):
    generator = stream("contrastive-learning: pairs", index=k)
    sampled_captions += sample_pairs(100, generator, distinct=False)[1]
different = len(set(sampled_captions))
print(f"{len(sampled_captions)} captions, {different} of them different")
assert different > 800
print(*sampled_captions[5:8], sep="\n")

# %% [markdown]
# As a label, nearly every caption would be a class of its own, and a list of classes says nothing
# of what "red circle" and "red square" have in common. So we ask what every collection of pairs
# answers by itself: **which of these captions came with this picture?**

# %% [markdown]
# ## Two encoders, by hand
#
# To compare a picture with a sentence, both must become the same kind of thing: a list of numbers
# (a *vector*), called an **embedding**. An **encoder** makes it. **CLIP** (contrastive
# language–image pre-training), which this book builds, has two. Ours for captions counts the eight
# colour words. Then it divides by the root of the sum of squares, the vector's *length*, so that
# naming more colours is no advantage.

# %%
import numpy as np

from clipbook.scenes import COLOURS


def encode_caption(caption):
    words = caption.split()
    counts = np.array([words.count(colour) for colour in COLOURS])  # (8,)
    return counts / np.linalg.norm(counts)  # now of length 1


print(captions[0])
dict(zip(COLOURS, encode_caption(captions[0]).round(2).tolist(), strict=True))

# %% [markdown]
# The other does the same with a picture: 32 rows of 32 pixels, each with three numbers from 0 to
# 255, for red, green and blue. For each colour it counts the pixels that differ from it by less
# than 40 in all three.

# %%
from clipbook.scenes import RGB


def encode_picture(picture):
    pixels = np.array(picture, dtype=float)  # (32, 32, 3)
    counts = []
    for colour in COLOURS:
        difference = abs(pixels - RGB[colour]).max(axis=2)  # (32, 32)
        counts.append((difference < 40).sum())
    return np.array(counts) / np.linalg.norm(counts)  # (8,)


encode_picture(pictures[0]).round(2)

# %% [markdown] predict={"choices": ["1 and 2", "3 and 4", "none"], "right": "1 and 2", "shown": "pictures 1 and 2 fit captions 1 and 2 equally well"}
# ## The grid
#
# Picture and caption agree where both have large numbers in the same places. So multiply number by
# number and add up: the **dot product** $I_i \cdot T_j$. For vectors of length 1, as ours, it is
# also called their *cosine*: 1 for equal ones, here 0 for nothing in common. We compare every
# picture with every caption. Predict: which pictures fit two captions equally well?

# %% mystnb={"image": {"alt": "With encoders that only know colours most of the diagonal is red, but pictures 1 and 2 fit captions 1 and 2 equally well."}}
from clipbook.figures import similarity_heatmap

rows = [encode_picture(picture) for picture in pictures]
columns = [encode_caption(caption) for caption in captions]
by_hand = np.zeros((8, 8))
for i in range(8):
    for j in range(8):
        by_hand[i, j] = sum(rows[i] * columns[j])  # I_i · T_j
similarity_heatmap(by_hand, pictures, captions)

# %% [markdown]
# **Rows are pictures, columns are captions, and a cell says how well the two fit:** their
# **similarity**. The **diagonal** holds the pairs that belong together.
#
# Pictures 1 and 2 have the same colours, so both captions fit both; and picture 5, mostly green,
# fits the green triangle of caption 8 nearly as well as its own. We could add rules for shapes and
# "above"; for photographs nobody knows how. So both encoders, our **model**, get very many
# adjustable numbers (*parameters*) instead, and **learn**.

# %% [markdown]
# ## From noise to a diagonal
#
# Here is the grid of a model whose adjustable numbers are random. Its embeddings have 64 numbers,
# to which nobody gave a meaning, and cells can be negative, down to −1. Is there a diagonal?

# %% mystnb={"image": {"alt": "Untrained: every row looks alike, there is no diagonal."}}
from clipbook.pretrained import training_history

history = training_history("shapes")
untrained = np.array(history.snapshots[0])  # (8, 8)
similarity_heatmap(untrained, pictures, captions)

# %% [markdown]
# No: the rows are alike. Then it was trained. In each of 10,000 steps it saw 128 freshly drawn
# pairs, a **batch**, and changed its numbers a little, to make a picture's cell with its own
# caption higher and the others lower. Predict which of our pictures find their caption last, then
# press *Play*. The other controls can wait.

# %%
from clipbook.widgets import SimilarityMatrix

steps = history.snapshot_steps
SimilarityMatrix(history.snapshots, pictures, captions, steps=steps)

# %% [markdown]
# The diagonal stands out: higher scores are stronger matches. Pictures 1 and 2 come last, for they
# differ only in which colour is on which shape.
#
# That was a recording; now we ask the finished model. Is a cell still a dot product?

# %%
import torch

import clipbook
from clipbook.pairs import similarity

model, tokenizer = clipbook.load("shapes")
with torch.no_grad():  # use it, don't train it
    # preprocess and tokenizer, which later chapters build, prepare the inputs
    image_embeddings = model.encode_image(model.preprocess(pictures))  # (8, 64)
    text_embeddings = model.encode_text(*tokenizer.batch(captions))  # (8, 64)
trained = similarity(image_embeddings, text_embeddings)  # (8, 8)
assert np.allclose(trained, history.snapshots[-1], atol=0.02)
cell = sum(image_embeddings[0] * text_embeddings[0])  # I_1 · T_1
assert torch.isclose(cell, trained[0, 0], atol=1e-5)
print(f"{sum(p.numel() for p in model.parameters()):,} adjustable numbers")
print(f"by hand {cell:.2f}, by the package {trained[0, 0]:.2f}")

# %% [markdown] predict={"ask": "All cells will be", "choices": ["near 1", "near 0", "high on the diagonal alone"], "right": "near 1", "shown": "every cell of the grid is close to 1"}
# ## Why contrast?
#
# Why push the other cells down? Would it not do to pull matching pairs together? A fresh, smaller
# model tries, with 60 batches of 64 pairs. For each, `goal` makes one number of the grid, the
# **loss**: the lower, the better. Ours is minus the mean of the diagonal. Look only at lines with a
# comment. Predict the grid.

# %%
from clipbook.image import normalise
from clipbook.pairs import info_nce
from clipbook.training import PRESETS


def learn(goal, steps=60):
    run = PRESETS["cpu"].build(seed=0)  # random numbers inside
    optimiser = torch.optim.AdamW(run.model.parameters(), lr=1e-3)
    for step in range(steps):
        batch, token_ids, mask = run.batches[step]
        grid = run.model(normalise(batch), token_ids, mask)  # (64, 64), scaled
        loss = goal(grid)  # the lower, the better
        optimiser.zero_grad()
        loss.backward()  # how should each number inside change?
        optimiser.step()  # change them a little that way
    run.model.eval()
    return run


# %% mystnb={"image": {"alt": "After pulling pairs together, every cell of the grid is close to 1: everything matches everything."}}
def grid_of(run):
    with torch.no_grad():
        images = run.model.encode_image(run.model.preprocess(pictures))
        return images @ run.model.encode_text(*run.tokenizer.batch(captions)).T


def only_pull(grid):
    return -grid.diagonal().mean()


pulled = grid_of(learn(only_pull))
assert pulled.min() > 0.8
similarity_heatmap(pulled, pictures, captions)

# %% [markdown]
# A perfect diagonal, and worthless: everything fits everything, for all embeddings have become
# nearly the same (*collapse*). Now the same beginning and the same batches with contrast: the loss
# `info_nce` wants each cell of the diagonal to **stand out from its row and its column**. Predict:
# what is the mean of the other cells?


# %%
def means(grid):
    others = grid[~torch.eye(8, dtype=torch.bool)]  # (56,)
    own = grid.diagonal()  # (8,)
    return f"matching cells {own.mean():5.2f}, others {others.mean():5.2f}"


contrasted = grid_of(learn(info_nce))
assert contrasted.diagonal().mean() - contrasted.mean() > 0.2
print("pull only:    ", means(pulled))
print("with contrast:", means(contrasted))
print("fully trained:", means(trained))

# %% [markdown]
# The matching cells, those of the diagonal, are lower than before and worth more: the others are far
# below. That is the **training objective**: *maximise the similarity of matching pairs, minimise
# that of all others*. A [later chapter](../pairs/contrastive-loss.ipynb) makes a formula of it.
# Hence the name: a model learns **contrastively**, from what goes together against what doesn't.

# %% [markdown]
# ## A dog, a pup and a red car
#
# CLIP's authors explain their model with a photograph of a puppy and "Pepper the aussie pup". This
# pair should score high, the photograph with "red car" low. In our world let picture 3, the star,
# be the dog. Predict which of these captions it likes.

# %% mystnb={"image": {"alt": "The yellow star is red in the columns 'a yellow star' and 'a star' and nearly white or blue in those of other shapes; columns of unknown words are coloured too."}}
my_captions = [
    "a yellow star",
    "a star",
    "a red star",
    "a small pink heart",
    "a green triangle",
    "a red car",
]  # change these, and run the cell again
with torch.no_grad():
    mine = model.encode_text(*tokenizer.batch(my_captions))
swapped = similarity(image_embeddings, mine)  # (8, 6)
similarity_heatmap(swapped, pictures, my_captions)

# %% [markdown]
# "A yellow star" is its pup, "a small pink heart" its red car. Nobody told the model what a star
# is; it has only seen which pictures come with that word. **Swap the captions**: run this chapter
# with the rocket at the top of the page.

# %% [markdown]
# ## Where such an encoder works
#
# In a **vision–language model**, which answers questions about pictures, the image encoder of a
# contrastive model becomes the eye:

# %% [markdown]
# ![A picture goes through a contrastive image encoder and a linear projection and becomes a row of image tokens; a question goes through a tokenizer and becomes a row of text tokens; a language model reads both rows and writes the answer.](../images/vision-language-model.svg)

# %% [markdown]
# 1. The **contrastive vision encoder**, trained on pairs, turns the picture into vectors: here not
#    one for the whole picture, but one for each small square of it.
# 2. A **linear projection**, a product with one table of numbers (a matrix), gives each vector as
#    many numbers as the language model's own have.
# 3. The **language model** has a vector for each piece of a word, a *token*. It reads the picture's
#    vectors in front of the question's, as if they were words too, and writes the answer.
#
# PaliGemma is such a model. Its eye is the vision transformer (ViT) of SigLIP, a CLIP with another
# loss. In [the last part](../language/paligemma.ipynb) we build a small one.

# %% [markdown]
# ## The map
#
# | part of the grid | chapter | what you will have built |
# |---|---|---|
# | columns | [tokenization](../text/tokenization.ipynb) | a caption cut into tokens, sub-words |
# | | [embeddings](../text/embeddings.ipynb) | a vector for each token and its place |
# | | [attention](../text/attention.ipynb) | words that look at each other |
# | | [text encoder](../text/text-encoder.ipynb) | a caption's embedding $T_j$ |
# | rows | [preprocessing](../image/preprocessing.ipynb) | any picture as numbers of one size |
# | | [patching](../image/patching.ipynb) | a picture cut into small squares |
# | | [vision transformer](../image/vit.ipynb) | a picture's embedding $I_i$ |
# | | [CNN](../image/cnn.ipynb) | the same in another way |
# | cells | [similarity matrix](../pairs/similarity-matrix.ipynb) | the grid, and choices made from it |
# | | [contrastive loss](../pairs/contrastive-loss.ipynb) | the grid as one number |
# | all | [training](../pairs/training.ipynb) | a diagonal of your own |
# | | [zero-shot](../pairs/zero-shot.ipynb) | a classifier without labels |

# %% [markdown]
# ## Common mistakes
#
# **A high similarity is taken for "true" → the grid only compares.** For a caption about something
# that no picture shows, some picture is still nearest.

# %%
column, caption = swapped[:, -1], my_captions[-1]
print(f"{caption}: picture {column.argmax() + 1}, with {column.max():.2f}")

# %% [markdown]
# **Good encoders, and no diagonal → they come from different models.** Only encoders that were
# trained together agree on what each of the 64 numbers means. Here another trained model encodes
# the captions:

# %%
stranger, _ = clipbook.load("shapes-cnn")
with torch.no_grad():
    foreign = stranger.encode_text(*tokenizer.batch(captions))
both = {"trained together": text_embeddings, "strangers": foreign}
for name, texts in both.items():
    choices = similarity(image_embeddings, texts).argmax(dim=1)  # (8,)
    right = (choices == torch.arange(8)).sum()
    print(f"{name}: {right} of 8 pictures find their caption")

# %% [markdown]
# **The loss is 0 from the start, and nothing is learned → a batch of one pair.** The only caption
# is always the best one: no others, no contrast.

# %%
info_nce(trained[:1, :1])

# %% [markdown] exercise={"minutes": 15, "difficulty": "easy"}
# ## Exercise: how many are right
#
# A pair is right if its cell stands out: if it is **higher than every
# other cell of its row and of its column**. Return the share of the $N$ pairs that are right, from
# 0 to 1. Columns after the $N$-th are captions without a picture; in the rows they compete. The
# check tries several sizes, a single pair, and cells that are equal.

# %% [markdown]
# <details><summary>Hint</summary>
#
# For each $i$: the matching cell is `similarities[i, i]`, its row `similarities[i]`, its column
# `similarities[:, i]`. In each, count the cells that are at least as high. The matching cell counts
# itself, so both counts must be 1.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "share-right", "schema_version": 3, "task": false}
def share_right(similarities):
    """Share of pairs that stand out from row and column.

    (N, M), N to M pairs -> one number.
    """
    ### BEGIN SOLUTION
    right = 0
    for i in range(len(similarities)):
        own = similarities[i, i]
        in_row = (similarities[i] >= own).sum()  # counts the own cell itself
        in_column = (similarities[:, i] >= own).sum()
        right += (in_row == 1) & (in_column == 1)
    return right / len(similarities)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "share-right-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

rows = [
    [8, -1, 9, 5, -2, 6, 9],
    [6, 7, 4, 3, 3, -4, -2],
    [4, -3, 7, -2, -1, 3, -3],
]
rows += [
    [9, -4, 8, -1, 5, 6, 8],
    [6, 9, -4, 9, 7, -4, 0],
    [5, 4, 4, 3, -1, 7, 4],
]
grid = torch.tensor(rows) / 10  # (6, 7)
mistakes = {
    "that is how many; divide by the number of pairs": 1,
    "from 0 to 1, not in per cent": 100 / 6,
    "divide by the number of pairs, not of captions": 1 / 7,
    "that is who stands out from the row; the column counts as well": 3 / 6,
    "that is who stands out from the column; the row counts as well": 2 / 6,
    "row and column, not one of them": 4 / 6,
    "one pair must win both; yours is the mean of two shares": 5 / 12,
    "that is the mean of the diagonal; ask who has the highest cell": 0.5833333,
    "that is who is right; take their share": [0, 0, 0, 0, 0, 1],
}
tied = (
    torch.tensor(
        [[5, 1, 0, 2, 5], [0, 6, 3, 1, 2], [2, 4, 7, 1, 3], [1, 2, 7, 3, 0]]
    )
    / 10
)
tie = {"higher than the others: equal is not enough": 3 / 4}
with check("How many are right"):
    close(ask(share_right, grid), 1 / 6, "share_right(grid)", mistakes=mistakes)
    close(ask(share_right, tied), 1 / 4, "share_right(tied)", mistakes=tie)
    close(
        ask(share_right, torch.zeros(3, 3)),
        0,
        "the share where all cells are equal",
    )
    close(
        ask(share_right, torch.tensor([[-0.3]])),
        1,
        "the share of a single pair",
    )
    for N, M in ((6, 8), (9, 14)):
        generator = torch.Generator().manual_seed(N)
        # all cells below 0
        many = torch.rand(N, M, generator=generator) / 2 - 0.9
        a, b, c, d, *rest = torch.randperm(N, generator=generator).tolist()
        many[a, a] = many[b, b] = -0.95  # two pairs are low,
        for i in (c, d, *rest):
            many[i, i] = -0.1  # the others stand out,
        many[a, c] = many[d, M - 1] = 0  # but one loses its column, one its row
        close(
            ask(share_right, many),
            len(rest) / N,
            f"the share in a {N}×{M} grid below 0",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "share-right-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other grids.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("How many are right, other grids"):
    for N, M in ((5, 5), (2, 3), (40, 60)):
        many = (
            torch.rand(N, M, generator=torch.Generator().manual_seed(N)) * 2 - 1
        )
        many.diagonal()[::2] = 1
        best = torch.stack([many.max(dim=1).values, many.max(dim=0).values[:N]])
        right = (many.diagonal() == best).all(dim=0).sum() - 1
        many[0, M - 1] = 1  # a tie for the first
        if M == N:
            right -= 1  # and for the last
        close(ask(share_right, many), right / N, f"the share in a {N}×{M} grid")
    wide = torch.tensor([[0.5, 0.1, 0.9], [0.2, 0.6, 0.3]])
    close(ask(share_right, wide), 0.5, "the share of 2 pairs among 3 captions")
    close(ask(share_right, torch.eye(3)), 1, "the share in a perfect grid")
    close(
        ask(share_right, torch.tensor([[-0.5, -0.6]])),
        1,
        "the share of a single pair",
    )
    close(
        ask(share_right, torch.tensor([[0.0]])),
        1,
        "the share of a single pair of cosine 0",
    )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: how narrowly
#
# A picture may find its caption by a hair. For each picture, return
# its **margin**: its matching cell minus the highest *other* cell of its row. Above 0 it finds its
# caption; the larger, the more clearly. There are at least two captions, perhaps more than
# pictures; a list of $N$ numbers will do. The check also tries equal cells, rows below 0, and
# margins above 1.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `line = similarities[i].tolist()` is row $i$ as a list; `line[:i] + line[i + 1 :]` is the row
# without its matching cell. Or without a loop: put −2, less than any similarity, into the diagonal of a
# copy, `similarities.clone().fill_diagonal_(-2)`, and take `max(dim=1).values`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "margins", "schema_version": 3, "task": false}
def margins(similarities):
    """Matching cell minus the highest other cell of the row.

    (N, M), M at least N and 2 -> (N,).
    """
    ### BEGIN SOLUTION
    others = similarities.clone().fill_diagonal_(-2)  # below any similarity
    return similarities.diagonal() - others.max(dim=1).values
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "margins-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

grid = torch.tensor([[9, 2, 4, 5], [6, 3, 5, 2], [-4, -2, -1, -7]]) / 10
mistakes = {
    "leave the matching cell out of the search": [0, -0.3, 0],
    "the last row has no cell above 0; put less than 0 in the own one": [
        0.4,
        -0.3,
        -0.1,
    ],
    "own minus other, not the other way round": [-0.4, 0.3, -0.1],
    "a picture looks along its row, not down its column": [0.3, 0.1, -0.6],
    "the highest other cell, not the mean of the others": [
        0.5333333,
        -0.1333333,
        0.3333333,
    ],
    "the highest other cell, not the lowest": [0.7, 0.1, 0.6],
    "the highest other cell is not always the second highest": [0.4, -0.2, 0.1],
    "compare within the row, not with the whole grid": [0.3, -0.3, -0.7],
    "captions without a picture compete as well; see row 1": [0.5, -0.3, 0.1],
    "that is the highest other cell; subtract it from the matching cell": [
        0.5,
        0.6,
        -0.2,
    ],
    "a picture that is wrong has a margin below 0, not above": [0.4, 0.3, 0.1],
    "a picture that is wrong has a margin below 0, not 0": [0.4, 0, 0.1],
    "how narrowly, not only whether": [1, 0, 1],
    "a margin for each picture, not their mean": 0.0666667,
    "a margin for each picture, not the smallest of all": -0.3,
}
with check("How narrowly"):
    close(
        ask(margins, grid), [0.4, -0.3, 0.1], "margins(grid)", mistakes=mistakes
    )
    equal = torch.full((2, 5), 0.4)
    close(ask(margins, equal), [0, 0], "margins, where all cells are equal,")
    far = torch.tensor(
        [[0.9, -0.8, -1, -0.9], [-1, 1, -1, -1], [-1, 0.8, -0.7, -1]]
    )
    close(
        ask(margins, far), [1.7, 2, -1.5], "margins(far), above 1 or below -1,"
    )
    for N, M in ((1, 3), (8, 8), (5, 11)):
        generator = torch.Generator().manual_seed(N)
        many = torch.rand(N, M, generator=generator) / 2 - 1  # from -1 to -0.5
        # above -0.5, below 0
        own, best = torch.rand(2, N, generator=generator) / 2 - 0.5
        where = torch.randint(1, M, (N,), generator=generator)
        for i in range(N):
            many[i, i], many[i, (i + where[i]) % M] = own[i], best[i]
        close(
            ask(margins, many), own - best, f"margins of {N}×{M} cells below 0"
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "margins-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other grids.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("How narrowly, other grids"):
    for N, M in ((1, 2), (2, 2), (40, 60)):
        many = (
            torch.rand(N, M, generator=torch.Generator().manual_seed(N)) * 2 - 1
        )
        expected = [
            line[k] - max(line[:k] + line[k + 1 :])
            for k, line in enumerate(many.tolist())
        ]
        close(ask(margins, many), expected, f"margins of {N}×{M} cells")
    low = torch.tensor([[-0.7, -0.9], [-0.8, -0.95]])
    close(ask(margins, low), [0.2, -0.15], "margins of negative cells")
    close(ask(margins, torch.tensor([[1.0, -1.0]])), [2], "margins of 1 and -1")
    close(
        ask(margins, torch.full((3, 3), -1.0)),
        [0, 0, 0],
        "margins, where all cells are -1,",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** The grid has 8 rows and 8 columns. How many cells should be high, how many low, and what
# stands in row 2, column 5?
#
# <details><summary>Answer</summary>
#
# 8 high, those of the diagonal; 56 low. Row 2, column 5 is picture 2 with caption 5, not picture 5
# with caption 2: rows are pictures.
#
# </details>

# %% [markdown]
# **2.** A model gives 0.95 to each matching pair. Is it good?
#
# <details><summary>Answer</summary>
#
# You can't tell. The model that was only pulled had higher ones, and knew nothing. What counts is
# how far the matching cell stands out from its row and column, so 0.6 may be better.
#
# </details>

# %% [markdown]
# **3.** Which labels did the model need to learn what a star is?
#
# <details><summary>Answer</summary>
#
# None. Somebody did write captions, but there was no list of classes, and nobody said which word
# names a shape. That "star" matters follows from the contrast: without it, pictures could not be
# told from others of their batch.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built a grid with encoders of our own, and watched learned ones do better.
#
# - Rows are pictures, columns are captions, a cell is a similarity; the diagonal holds the pairs.
# - Training maximises the diagonal and minimises the rest; else all embeddings become the same.
# - Pairs replace labels: what pictures show is learned from which captions fit.
#
# Next: **[how does a caption become numbers at all?](../text/tokenization.ipynb)**

# %% [markdown]
# **Sources.** Two encoders, the grid, the puppy: {cite:t}`radford2021clip`, figure 1 and §2.3;
# before, for medical pictures: {cite:t}`zhang2022convirt`, §2; since, at a larger scale:
# {cite:t}`jia2021align`. PaliGemma's parts: {cite:t}`beyer2024paligemma`; SigLIP:
# {cite:t}`zhai2023siglip`. The recorded model: its model card,
# `src/clipbook/pretrained/shapes/README.md`.
