# ---
# jupyter:
#   chapter:
#     question: How does a picture become a sequence, as a caption is one?
#     objectives:
#     - cut pictures into patches by `reshape` and `permute`, and put them back exactly
#     - turn patches into vectors by a matrix or by a strided convolution, and carry weights across
#     - say what a patch size costs, and what is lost within patches and between them
#     needs: [image/preprocessing, text/embeddings]
#     minutes: 35
#     place: this is the step between a picture and the image encoder
#     band: patches
#     builds: [clipbook.image.patchify, clipbook.image.unpatchify, clipbook.widgets.PatchExplorer]
#     seed:
#       Split into patches (for ViT): [Cut into patches by hand, patch]
#       Image patches → Linear projection: [A vector for each patch, projection|matrix]
#       + position embeddings: [Where a patch lies, position]
# ---

# %% [markdown]
# # Patching
#
# A transformer takes a row of vectors. A caption is a row already; a picture is a plane of
# pixels. {question}

# %% [markdown] predict={"ask": "Pairs of pixels, at 32 × 32", "number": 1048576, "within": 0.1, "shown": "32 px: 1,024 pixels, 1,048,576 pairs"}
# ## Why not one token for each pixel?
#
# The plainest sequence is pixel after pixel, row by row. But a transformer compares every token with
# every token. Predict how many pairs that makes in a picture of ours, 32 × 32 pixels, and in one of
# CLIP's, 224 × 224; then with squares of 8 × 8 pixels for tokens.

# %%
for side in (32, 224):
    pixels, squares = side**2, (side // 8) ** 2
    print(f"{side:3} px: {pixels:6,} pixels, {pixels**2:13,} pairs", end="; ")
    print(f"{squares:3} squares of 8 px, {squares**2:7,} pairs")

# %% [markdown]
# 2.5 billion comparisons in every layer, each between two dots. So we take squares, **patches**, as a
# [tokenizer](../text/tokenization.ipynb) takes pieces of words, not letters.

# %% [markdown]
# ## Cut into patches by hand
#
# We take the third of our eight pictures, the star, as a tensor of shape ($C$, $H$, $W$): 3 colours
# (channels), 32 rows, 32 columns. With a patch size of $p = 8$ pixels, four rows of four patches fill
# it. Number them row by row from 0: which ones hold a part of the star?

# %% mystnb={"image": {"alt": "The yellow star, and patches 5, 6, 9 and 10, each of which holds one quarter of it."}}
import numpy as np
import torch

from clipbook.figures import picture_row
from clipbook.scenes import EXAMPLE, render

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
star = torch.tensor(np.array(pictures[2])).permute(2, 0, 1)  # (3, 32, 32)
p = 8
tiles = {"the star": star}
for k in (5, 6, 9, 10):
    top, left = k // 4 * p, k % 4 * p
    tiles[f"patch {k}"] = star[:, top : top + p, left : left + p]  # (3, 8, 8)
picture_row({name: tile.permute(1, 2, 0) for name, tile in tiles.items()})

# %% [markdown]
# Only the four in the middle. A transformer wants vectors, so we **flatten** each patch: all its reds,
# row by row, then the greens, then the blues, 3 · 8 · 8 = 192 numbers.


# %%
def cut(picture, p):
    """(C, H, W) -> (patches, C·p·p), patches row by row."""
    _, H, W = picture.shape
    patches = []
    for r in range(0, H, p):
        for c in range(0, W, p):
            patches.append(picture[:, r : r + p, c : c + p].flatten())
    return torch.stack(patches)


cut(star, p).shape

# %% [markdown]
# (Patches, numbers), as a caption is (tokens, numbers) after its embedding. Here is the sequence of
# Chelsea, the cat. Choose a patch, change the size, then press *Shuffle*: at which sizes do you
# still recognise a cat in the shuffled row? Then cut a picture of your own: on the page in the
# field below the figure, in a notebook in `my_picture`.

# %% tags=["live"]
import skimage.data
from PIL import Image, ImageOps

from clipbook.widgets import PatchExplorer

my_picture = Image.fromarray(skimage.data.chelsea())  # Image.open("mine.jpg")
PatchExplorer(ImageOps.fit(my_picture, (96, 96)), patch_size=16)

# %% [markdown]
# A large patch may show an eye; small ones say something only by where they lie.

# %% [markdown]
# ## All patches in one step
#
# The same without a loop: split axes, reorder them, join. We watch numbers instead of colours: 4 rows,
# 6 columns, $p = 2$. Predict the six patches, flattened.

# %% mystnb={"image": {"alt": "The numbers 0 to 23 in four rows of six, with lines that cut them into two rows of three patches; the first holds 0, 1, 6 and 7."}}
from clipbook.figures import number_grid

H, W, p = 4, 6, 2
x = torch.arange(H * W).reshape(H, W)
number_grid(x, lines=p)

# %% [markdown]
# Pixel ($r$, $c$) lies in patch row $i$, at row $a$ inside it, and in patch column $j$, at column
# $b$ inside it:
#
# $$r = p\,i + a, \qquad c = p\,j + b$$
#
# `reshape` splits each axis into its two parts, in this order: ($i$, $a$, $j$, $b$). `permute` puts
# $i$ and $j$ in front. A second `reshape` joins $i$ with $j$, and $a$ with $b$.

# %% mystnb={"image": {"alt": "Six rows of four numbers, a patch in each: the first row reads 0, 1, 6, 7, the last 16, 17, 22, 23."}}
split = x.reshape(H // p, p, W // p, p)  # (2, 2, 3, 2): i, a, j, b
grid = split.permute(0, 2, 1, 3)  # (2, 3, 2, 2): i, j, a, b
rows = grid.reshape(-1, p * p)  # (6, 4): a patch in each row
assert torch.equal(rows, cut(x[None], p))
number_grid(rows)

# %% [markdown]
# Without the `permute` a row would hold four pixels in succession, a strip. A batch in colour has two
# axes more: $N$ pictures stay in front, $C$ colours go inside the patch.


# %%
from clipbook.image import patchify, preprocess


def patches_of(X, p):
    """(N, C, H, W) -> (N, patches, C·p·p)."""
    N, C, H, W = X.shape
    split = X.reshape(N, C, H // p, p, W // p, p)  # N, C, i, a, j, b
    grid = split.permute(0, 2, 4, 1, 3, 5)  # N, i, j, C, a, b
    return grid.reshape(N, -1, C * p * p)


X = preprocess(pictures)  # (8, 3, 32, 32), normalised
patches = patches_of(X, 8)  # (8, 16, 192)
assert torch.equal(patches, torch.stack([cut(picture, 8) for picture in X]))
assert torch.equal(patches, patchify(X, 8))
patches.shape

# %% [markdown]
# (Pictures, patches, numbers): the package's `patchify` agrees.

# %% [markdown]
# ## And back
#
# In reverse: split the row of patches into $i$ and $j$, the 192 numbers into $C$, $a$ and $b$; put $a$
# behind $i$ and $b$ behind $j$; join. The sequence doesn't say in how many rows the patches lay, so
# we must. Predict what the star becomes with two rows in place of four.


# %% mystnb={"image": {"alt": "Put together in four rows, the star is whole; in two rows its upper and its lower half stand side by side in a long picture."}}
from clipbook.image import unpatchify


def put_together(patches, p, rows):
    """(N, n, C·p·p) -> (N, C, H, W), of so many rows of patches."""
    N, n, values = patches.shape
    C = values // p**2
    grid = patches.reshape(N, rows, n // rows, C, p, p)  # N, i, j, C, a, b
    split = grid.permute(0, 3, 1, 4, 2, 5)  # N, C, i, a, j, b
    return split.reshape(N, C, rows * p, -1)


assert torch.equal(put_together(patches, 8, 4), X)
assert torch.equal(unpatchify(patches, 8), X)
row = cut(star, 8)[None]  # (1, 16, 192)
laid = {f"{k} rows": put_together(row, 8, k)[0] for k in (4, 2)}
picture_row({name: picture.permute(1, 2, 0) for name, picture in laid.items()})

# %% [markdown]
# Cutting loses no number, only the square.

# %% [markdown]
# ## A vector for each patch
#
# A token looks up its row in a table. For patches the table would need a row for every patch that can
# occur. Predict: how many digits has their number?

# %%
possible = 256**192  # 192 numbers, each from 0 to 255
print(f"a number of {len(str(possible))} digits; CLIP has 49,408 tokens")

# %% [markdown]
# Instead, one matrix $E$ of shape (192, $w$), the **linear projection**, turns the numbers of a patch
# into $w$ others; $w$ is the **width** of the transformer. A token *chooses* one row of its table; a
# patch *mixes* all rows of $E$, as much of each as its numbers say. We take $E$ from the book's
# trained model, $w = 96$.

# %%
import clipbook

model, tokenizer = clipbook.load("shapes")
vit = model.image_encoder
E = vit.patch_embedding.weight.detach().T  # (192, 96); kept as (out, in)
Z = patches @ E  # (8, 16, 192) @ (192, 96)
mixed = sum(patches[2, 5, k] * E[k] for k in range(192))  # (96,)
assert torch.allclose(mixed, Z[2, 5], atol=1e-4)
print("numbers:", Z.shape, " weights in E:", E.numel())
print("two corners of the background, alike:", torch.equal(Z[2, 0], Z[2, 3]))

# %% [markdown]
# The same $E$ serves all places, so equal patches become equal vectors, wherever they lie.

# %% [markdown] predict={"choices": ["(96, 3, 8, 8)", "(96, 192, 8, 8)", "(3, 96, 4, 4)"], "right": "(96, 3, 8, 8)", "shown": "weights: (96, 3, 8, 8)"}
# ## The same as a convolution
#
# Much published code, CLIP's too, has a **convolution** instead: a small window of weights, the
# **kernel**, is laid over the picture, multiplied and added up, then moved on by its **stride**. If
# the stride equals the window, the windows *are* the patches. Predict the shape of the weights of 96
# kernels.

# %%
from torch import nn

conv = nn.Conv2d(3, 96, kernel_size=8, stride=8, bias=False)
print("weights:", tuple(conv.weight.shape), " E:", tuple(E.shape))
with torch.no_grad():
    conv.weight.copy_(E.T.reshape(96, 3, 8, 8))
    maps = conv(X)  # (8, 96, 4, 4)
as_rows = maps.flatten(2).transpose(1, 2)  # (8, 96, 16) -> (8, 16, 96)
assert torch.allclose(as_rows, Z, atol=1e-4)
maps.shape, as_rows.shape

# %% [markdown]
# Column $k$ of $E$ is kernel $k$, flattened: colour, row, column; hence this order in our patches.
# The convolution returns a map for each of the 96 numbers; `flatten` and `transpose` make rows of
# it.

# %% [markdown]
# ## Where a patch lies
#
# Patch 3 is followed by patch 4. Are they neighbours? And 1 and 5?

# %%
for first, second in ((3, 4), (1, 5)):
    (i, j), (k, m) = divmod(first, 4), divmod(second, 4)  # row, column
    distance = abs(i - k) + abs(j - m)
    print(f"{first} at {i, j}, {second} at {k, m}: distance {distance}")

# %% [markdown] predict={"ask": "Without P the two answers are", "choices": ["both right", "equal", "both “top left”"], "right": "equal", "shown": "without ['top right', 'top right']"}
# 3 and 4 touch in the sequence and lie at opposite edges of the picture. So each place gets a vector
# of its own, as in captions: patch $k$ enters the transformer as $z_k + P_k$, with row $k$ of $Z$ and
# of the positions $P$, (16, $w$). We move the heart two patches to the right and two down, and ask
# the model where it is, with $P$ and without. Predict all four answers.

# %% mystnb={"image": {"alt": "The pink heart in the top left corner, and the same heart in the bottom right corner."}}
moved = X[3:4].roll((16, 16), dims=(2, 3))  # (1, 3, 32, 32)
heart = torch.tensor(np.array(pictures[3]))  # (32, 32, 3), to look at
picture_row({"the heart": heart, "moved": heart.roll((16, 16), dims=(0, 1))})

# %%
import copy

corners = ["top left", "top right", "bottom left", "bottom right"]
blind = copy.deepcopy(model)
blind.image_encoder.positions.data.zero_()
both = torch.cat([X[3:4], moved])
with torch.no_grad():
    sentences = [f"a pink heart in the {corner}" for corner in corners]
    texts = model.encode_text(*tokenizer.batch(sentences))
    for name, clip in {"with P": model, "without": blind}.items():
        embeddings = clip.encode_image(both)  # (2, 64)
        answers = [corners[k] for k in (embeddings @ texts.T).argmax(dim=1)]
        distance = (embeddings[0] - embeddings[1]).norm()
        print(f"{name:8}", answers, f"embeddings {distance:.2f} apart")
assert distance < 1e-4

# %% [markdown]
# Without $P$ both pictures are the same bag of patches: one embedding, one answer, which can't be
# right for both. Nobody tells the model that the places form a square, either; the [next
# chapter](vit.ipynb) shows what it finds out.

# %% [markdown]
# ## What a patch size costs
#
# A picture of side $s$ gives $n = (s / p)^2$ patches. A transformer is a stack of equal blocks. In each,
# matrices of $12w^2$ weights ([counted in the next chapter](vit.ipynb)) meet every patch: $12\,n\,w^2$
# multiplications. Besides, all $n^2$ pairs are compared, $w$ multiplications each, then mixed, as many
# again: $2\,n^2 w$. Half the patch size: by what factor does each part grow?

# %%
from clipbook.figures import curves

s, w = 224, 768  # CLIP's base models
sizes = np.array([56, 32, 28, 16, 14, 8, 7, 4, 2])
n = (s // sizes) ** 2
matrices, pairs = 12 * n * w**2 / 1e6, 2 * n**2 * w / 1e6  # in millions
print("patch patches  numbers  matrices     pairs")
for row in zip(sizes, n, 3 * sizes**2, matrices, pairs, strict=True):
    print("{:5} {:7,} {:8,} {:9,.0f} {:9,.1f}".format(*row))

# %% mystnb={"image": {"alt": "Both costs rise as patches shrink; the pairs are far cheaper at 32 pixels, rise twice as steeply and overtake the matrices between 4 and 2 pixels."}}
lines = {"matrices": matrices[::-1], "pairs": pairs[::-1]}
curves(
    {name: (sizes[::-1], counts) for name, counts in lines.items()},
    across="patch size, in pixels",
    up="million multiplications a block",
    log=("x", "y"),
)

# %% [markdown]
# Four times and sixteen times. At CLIP's sizes of 32, 16 and 14 pixels the matrices still lead;
# pairs overtake them at $n = 6w$, where $2\,n^2 w = 12\,n\,w^2$. Does the clock agree?

# %%
from timeit import repeat

from clipbook.transformer import Block

block = Block(w, 12, 4 * w).eval()
seconds = {}
operations = dict(zip(sizes.tolist(), matrices + pairs, strict=True))
with torch.no_grad():
    for size in (32, 16, 8):
        tokens = torch.randn(1, (s // size) ** 2, w)
        took = repeat("block(tokens)", globals=globals(), number=1, repeat=4)
        seconds[size] = min(took)  # the first one warms up
        times = seconds[size] / seconds[32]
        count = operations[size] / operations[32]
        ms = 1000 * seconds[size]
        print(f"{size:2} px {ms:5.0f} ms", end=", ")
        print(f"times {times:4.1f}; counted {count:4.1f}")
assert seconds[8] > seconds[32]

# %% [markdown]
# In the order, not in the factors: multiplications aren't seconds. The patch size trades time for
# detail, but can't be changed after training: $E$ has a row for each number of a patch, $P$ one for
# each place.

# %% [markdown]
# ## What is lost within a patch
#
# $E$ makes 96 numbers of 192, so many different patches give the same 96. The plainest of them, with
# normalised values nearest to zero, comes from $E$'s pseudo-inverse, its inverse as far as there is
# one. We replace each patch by that twin. Predict what picture and twin have in common.

# %% mystnb={"image": {"alt": "Star, ring and cross keep form and colour in their twins, among coloured noise; the plain and the striped background have vanished in the noise."}}
from clipbook.image import MEAN, STD

mean, std = (torch.tensor(triple)[:, None, None] for triple in (MEAN, STD))
twins = unpatchify(Z @ torch.linalg.pinv(E), 8)  # (8, 3, 32, 32)
assert torch.allclose(patchify(twins, 8) @ E, Z, atol=1e-3)
levels = ((twins * std + mean) * 255).round().clamp(0, 255).byte()
star_twin, ring_twin = levels[[2, 4]].permute(0, 2, 3, 1)  # (32, 32, 3) each
picture_row(
    {
        "star": pictures[2],
        "the same to E": star_twin,
        "ring, cross": pictures[4],
        "the same to E ": ring_twin,
    }
)

# %% [markdown]
# To the model the two are *one* (but for the rounding here): all later layers get the same numbers.
# Things keep form and colour; the background, which captions never mention, can be noise. CLIP's ViT-B/32
# makes 768 of a patch's 3,072 numbers; ViT-B/16 makes 768 of 768, and nothing need be lost.

# %% [markdown]
# Something else is lost within: that pixels are neighbours. To $E$ the 192 numbers are a list. Reorder
# them in *all* patches, and the rows of $E$ in the same way:

# %%
order = torch.randperm(192, generator=torch.Generator().manual_seed(0))
assert torch.allclose(patches[:, :, order] @ E[order], Z, atol=1e-4)
print("the same vectors from exchanged pixels")

# %% [markdown]
# ## What is lost between patches
#
# Patches are cut without a look at what they hold. Move the heart by one pixel and every patch on
# it holds other numbers; at eight pixels they are the old patches again, elsewhere. How much does a
# patch of the moved picture differ, number for number, from the most similar one of the unmoved?
# Predict the curve, a mean over the patches, for three patch sizes.

# %% mystnb={"image": {"alt": "The difference rises with the shift and falls back to zero each time the shift is a multiple of the patch size; the larger the patches, the higher it rises."}}
shifts = range(21)
lines = {}
for p in (4, 8, 16):
    old = patchify(X[3:4], p)[0]  # (patches, values)
    away = []
    for shift in shifts:
        new = patchify(X[3:4].roll(shift, dims=3), p)[0]
        nearest = torch.cdist(new, old).amin(dim=1)  # (patches,)
        away.append(nearest.mean() / old.shape[1] ** 0.5)  # for each number
    lines[f"p = {p}"] = (shifts, away)
curves(lines, across="shift, in pixels", up="difference from the nearest")

# %% [markdown]
# Zero at every multiple of $p$, high in between, and higher for larger patches. With $p = 8$ the
# cuts can cross one heart in $8 \cdot 8$ ways, and the model must learn that all are hearts.

# %% [markdown]
# ## Common mistakes
#
# **The picture comes back as strips → `reshape` without `permute`.** The shapes are right.

# %% mystnb={"image": {"alt": "Cut by reshape alone, the star falls into thin strips spread over all patches; cut with permute it is whole."}}
strips = star.reshape(1, 16, 192)
picture_row(
    {
        "reshape alone": unpatchify(strips, 8)[0].permute(1, 2, 0),
        "with permute": unpatchify(cut(star, 8)[None], 8)[0].permute(1, 2, 0),
    }
)

# %% [markdown]
# **Loaded weights, and poor answers → patches are flattened in another order.** Some libraries put
# the colour last: row, column, colour. How many of 200 new pictures choose their own caption? (`stream`
# has random numbers that no training batch shares.)

# %%
from clipbook.scenes import sample_pairs
from clipbook.streams import stream

new, new_captions = sample_pairs(200, stream("patching: new pairs"))
new_pixels = preprocess([render(scene) for scene in new])
first = patchify(new_pixels, 8)  # (200, 16, 192)
last = first.reshape(200, 16, 3, 64).transpose(2, 3).reshape(200, 16, 192)
with torch.no_grad():
    texts = model.encode_text(*tokenizer.batch(new_captions))
    for name, order in {"first": first, "last": last}.items():
        images = model.encode_image(unpatchify(order, 8))
        right = (images @ texts.T).argmax(dim=1) == torch.arange(200)
        print(f"colour {name:5} {right.sum():3} of 200")

# %% [markdown]
# **What lies at the right edge is never seen → a convolution drops the rest in silence.** A picture
# of 38 × 38 pixels leaves six over. `patchify` refuses, the convolution doesn't:

# %%
larger = torch.randn(1, 3, 38, 38)
changed = larger.clone()
changed[:, :, :, 32:] = 0
with torch.no_grad():
    print("the same:", torch.equal(conv(larger), conv(changed)))
    print("shape:   ", tuple(conv(larger).shape))
try:
    patchify(larger, 8)
except ValueError as error:
    print(error)

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: find the pixel
#
# Colour 0, 1 or 2 of the pixel at (`row`, `column`) is one number: in
# which patch of the sequence is it, and which of the patch's numbers? Both count from 0, in the order
# of this chapter. Return (patch, number), for a picture of any `width` that `patch_size` divides. The
# check asks for every pixel of pictures of several sizes.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `divmod(row, patch_size)` gives $i$ and $a$, the column gives $j$ and $b$. How many patches come
# before the first one of patch row $i$? How many numbers before the first one of this colour, and of
# row $a$ in it?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "find-pixel", "schema_version": 3, "task": false}
def find_pixel(colour, row, column, width, patch_size):
    """(place of the patch in the sequence, of the number in the patch)."""
    ### BEGIN SOLUTION
    i, a = divmod(row, patch_size)
    j, b = divmod(column, patch_size)
    patch = i * (width // patch_size) + j
    return patch, (colour * patch_size + a) * patch_size + b
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "find-pixel-check", "schema_version": 3, "task": false}
import numpy as np

from clipbook.exercises import ask, check, close
from clipbook.image import patchify

mistakes = {
    "first the place of the patch, then the number in it": [39, 16],
    "rows and columns are exchanged; the row comes first in both": [26, 45],
    "the patch is wrong: patches go row by row, i before j": [26, 39],
    "the number is wrong: inside a patch, too, rows come before columns": [
        16,
        45,
    ],
    "a row holds width / patch_size patches; that is not the width in pixels": [
        52,
        39,
    ],
    "a row holds width / patch_size patches; that is not patch_size": [12, 39],
    "a row holds width / patch_size patches, not one more": [18, 39],
    "numbers go colour, row, column; yours has the colour last": [16, 23],
    "yours is among the reds; they come first, then the greens, then the blues": [
        16,
        7,
    ],
    "a colour holds patch_size² numbers, not patch_size": [16, 15],
    "inside a patch count from its own corner: use the rest, %": [16, 87],
    "// and % are exchanged: the quotient names the patch, the rest the pixel": [
        9,
        44,
    ],
    "divide without a rest, by //; half a patch is none": [18.25, 39],
    "count from 0, not from 1": [17, 40],
}
with check("Find the pixel"):
    got = ask(find_pixel, 2, 9, 19, 24, 4)
    close(got, [16, 39], "find_pixel(2, 9, 19, 24, 4)", mistakes=mistakes)
    for height, width, size in ((4, 6, 2), (9, 3, 3), (5, 20, 5), (2, 3, 1)):
        sheet = torch.arange(3 * height * width).reshape(3, height, width)
        rows = patchify(sheet[None].float(), size)[0]  # (patches, numbers)
        for place in np.ndindex(3, height, width):
            what = "find_pixel({}, {}, {}, {}, {})".format(*place, width, size)
            want = (rows == sheet[place]).nonzero()[0]
            close(ask(find_pixel, *place, width, size), want, what)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "find-pixel-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other pictures.
### BEGIN HIDDEN TESTS
with check("Find the pixel, elsewhere"):
    for height, width, size in (
        (6, 18, 6),
        (28, 14, 7),
        (3, 5, 1),
        (32, 48, 16),
    ):
        sheet = torch.arange(3 * height * width).reshape(3, height, width)
        rows = patchify(sheet[None].float(), size)[0]
        for place in [*np.ndindex(3, height, width)][::7]:
            what = "find_pixel({}, {}, {}, {}, {})".format(*place, width, size)
            want = (rows == sheet[place]).nonzero()[0]
            close(ask(find_pixel, *place, width, size), want, what)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: carry the weights over
#
# Somebody flattens patches in the order **row, column, colour**. You have the weights of a
# convolution as PyTorch keeps them, (width, colours, $p$, $p$), where the last two axes are row and
# column. Return the matrix for these patches, ($p \cdot p \cdot$ colours, width), such that
# `patches @ matrix` equals the convolution, for any width, number of colours and $p$.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Row $k$ of the matrix belongs to number $k$ of a patch. First bring the axes into that order,
# `permute`, then join the first three, `reshape`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "kernel-matrix", "schema_version": 3, "task": false}
def kernel_matrix(kernel):
    """(width, colours, p, p) -> (p·p·colours, width), patches colour last."""
    ### BEGIN SOLUTION
    return kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0])
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "kernel-matrix-check", "schema_version": 3, "task": false}
import numpy as np
from torch.nn.functional import conv2d

from clipbook.exercises import ask, check, close, numbers

kernel = torch.arange(60.0).reshape(5, 3, 2, 2)  # width, colours, rows, columns


def ordered(*axes, of=kernel, shape=(12, 5)):
    return of.permute(*axes).reshape(shape)


mistakes = {
    "that is for patches flattened colour first": ordered(1, 2, 3, 0),
    "after the permute the width is the last axis: reshape to (-1, width)": ordered(
        2, 3, 1, 0, shape=(5, 12)
    ),
    "after the permute the width is the last axis: reshape to (-1, width), no .T": ordered(
        2, 3, 1, 0, shape=(5, 12)
    ).T,
    "reshape alone mixes the kernels; bring the axes into order first": kernel.reshape(
        12, 5
    ),
    "a column for each kernel, a row for each number; yours is turned": ordered(
        0, 2, 3, 1, shape=(5, 12)
    ),
    "yours is turned, and has the colour first": ordered(
        0, 1, 2, 3, shape=(5, 12)
    ),
    "rows come before columns": ordered(3, 2, 1, 0),
    "the colour comes last, behind row and column": ordered(2, 1, 3, 0),
    "the width comes last, behind the colour": ordered(2, 3, 0, 1),
    "the width is kernel.shape[0]; shape[1] is the number of colours": ordered(
        2, 3, 1, 0, shape=(20, 3)
    ),
    "PyTorch lays a kernel down as it is; don't flip it": ordered(
        2, 3, 1, 0, of=kernel.flip(2, 3)
    ),
}


def check_against_convolution(*shape):
    """Four patches, flattened row, column, colour, times the matrix."""
    draw = torch.Generator().manual_seed(shape[0])
    patches = torch.randn(4, *shape[1:], generator=draw)
    kernel = torch.randn(shape, generator=draw)
    # (4, width)
    got, want = ask(kernel_matrix, kernel), conv2d(patches, kernel).flatten(1)
    matrix = numbers(got, "the matrix")
    what = f"the matrix of a kernel of {shape}"
    size = (kernel[0].numel(), len(kernel))
    assert matrix.shape == size, (
        f"{what} has shape {tuple(matrix.shape)}, expected {size}"
    )
    flat = [
        [one[:, r, c] for r, c in np.ndindex(one.shape[1:])]
        for one in patches.double()
    ]
    flat = torch.stack([torch.cat(one) for one in flat])  # (4, numbers)
    close(flat @ matrix, want, f"four patches times {what}", tolerance=1e-4)


with check("Carry the weights over"):
    close(
        ask(kernel_matrix, kernel),
        ordered(2, 3, 1, 0),
        "kernel_matrix(kernel)",
        mistakes=mistakes,
    )
    for shape in ((4, 3, 4, 4), (7, 1, 2, 2), (1, 2, 3, 3), (2, 4, 1, 1)):
        check_against_convolution(*shape)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "kernel-matrix-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes.
### BEGIN HIDDEN TESTS
with check("Carry the weights over, other sizes"):
    for shape in ((3, 3, 8, 8), (96, 1, 5, 5), (2, 6, 2, 2), (1, 1, 1, 1)):
        check_against_convolution(*shape)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: patches that overlap
#
# To lose less between patches, let them overlap: the window has
# `patch_size` pixels a side, but moves on by `stride`. Return (batch, patches, $C \cdot p \cdot p$):
# all windows that fit whole into the picture, row by row, each flattened colour, row, column. Pictures
# need not be square, and strides may leave a rest at the edges, or gaps between windows.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only the corners of `cut` change. The last window begins at $H - p$ or before it, and `range` stops
# *before* its end. Slices of a batch, `pixels[:, :, r : r + p, c : c + p]`, are flattened from axis 1
# on.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "overlapping", "schema_version": 3, "task": false}
def overlapping(pixels, patch_size, stride):
    """(batch, C, H, W) -> (batch, patches, C·p·p)."""
    ### BEGIN SOLUTION
    p = patch_size
    height, width = pixels.shape[2:]
    tops = range(0, height - p + 1, stride)
    lefts = range(0, width - p + 1, stride)
    windows = [
        pixels[:, :, r : r + p, c : c + p].flatten(1)
        for r in tops
        for c in lefts
    ]
    return torch.stack(windows, dim=1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "overlapping-check", "schema_version": 3, "task": false}
from torch.nn.functional import conv2d

from clipbook.exercises import ask, check, close, numbers

sheet = torch.arange(12.0).reshape(1, 1, 3, 4)
rows = torch.tensor([0, 1, 2, 4, 5, 6])[:, None]  # where the six windows begin
want = (rows + torch.tensor([0, 1, 4, 5]))[None]  # (1, 6, 4)
mistakes = {
    "the window moves on by stride, not by patch_size": want[:, [0, 2]],
    "the last window is missing in each direction: range stops before its end": want[
        :, :2
    ],
    "the lowest row of windows is missing: range stops before its end": want[
        :, :3
    ],
    "the last window of each row is missing: "
    "it begins at width - patch_size, and range stops before its end": want[
        :, [0, 1, 3, 4]
    ],
    "windows go row by row; yours go down the columns": want[
        :, [0, 3, 1, 4, 2, 5]
    ],
    "inside a window rows come first; yours are flattened by columns": want[
        :, :, [0, 2, 1, 3]
    ],
    "patches come before their numbers; exchange the last two axes": want.transpose(
        1, 2
    ),
    "keep the axis of the batch": want[0],
    "the batch comes first, the windows second: stack them along dim=1": want.transpose(
        0, 1
    ),
    "stack the windows along an axis of their own; cat makes one long row": want.reshape(
        1, 24
    ),
    "flatten the windows to (batch, patches, numbers)": want.reshape(
        1, 6, 2, 2
    ),
    "keep the axis of the batch, and flatten the windows": want.reshape(
        6, 2, 2
    ),
    "patch_size and stride are exchanged": torch.tensor(
        [[[0], [2], [8], [10]]]
    ),
}


def check_against_convolution(batch, colours, height, width, size, stride):
    """Windows times five kernels are what a convolution of that stride makes."""
    draw = torch.Generator().manual_seed(10 * height + width)
    pixels = torch.randn(batch, colours, height, width, generator=draw)
    kernels = torch.randn(5, colours, size, size, generator=draw).double()
    what = f"overlapping({tuple(pixels.shape)}, {size}, {stride})"
    windows = numbers(ask(overlapping, pixels, size, stride), what)
    # (N, 5, down, across)
    maps = conv2d(pixels.double(), kernels, stride=stride)
    shape = (batch, maps[0, 0].numel(), kernels[0].numel())
    assert windows.shape == shape, (
        f"{what} has shape {tuple(windows.shape)}, expected {shape}"
    )
    last = kernels.reshape(5, size, size, colours).permute(0, 3, 1, 2)
    mistakes = {
        "numbers go colour, row, column": conv2d(
            pixels.double(), last, stride=stride
        ),
        "inside a window rows come first": conv2d(
            pixels.double(), kernels.mT, stride=stride
        ),
        "windows go row by row": maps.mT,
    }
    mistakes = {hint: one.flatten(2).mT for hint, one in mistakes.items()}
    mixed = (
        pixels.double()
        .unfold(2, size, stride)
        .unfold(3, size, stride)
        .reshape(shape)
    )
    mistakes["colours and patches are mixed; put the colours inside"] = (
        mixed @ kernels.flatten(1).T
    )
    close(
        windows @ kernels.flatten(1).T, maps.flatten(2).mT, f"{what} times five kernels",
        tolerance=1e-4, mistakes=mistakes,
    )  # fmt: skip


with check("Patches that overlap"):
    close(
        ask(overlapping, sheet, 2, 1),
        want,
        "overlapping(sheet, 2, 1)",
        mistakes=mistakes,
    )
    for sizes in (
        (2, 3, 6, 9, 3, 2),
        (3, 2, 7, 5, 4, 1),
        (2, 1, 9, 7, 2, 3),
        (1, 2, 3, 4, 3, 5),
    ):
        check_against_convolution(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "overlapping-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes, and patches that don't overlap.
### BEGIN HIDDEN TESTS
from clipbook.image import patchify

with check("Patches that overlap, other sizes"):
    for sizes in (
        (2, 3, 9, 12, 4, 2),
        (3, 2, 8, 7, 3, 2),
        (1, 1, 5, 5, 1, 1),
        (4, 3, 16, 8, 8, 7),
    ):
        check_against_convolution(*sizes)
    pixels = torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))
    close(
        ask(overlapping, pixels, 3, 3),
        patchify(pixels, 3),
        "overlapping((2, 3, 6, 9), 3, 3)",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** Pictures of 224 × 224, patches of 16 pixels instead of 32. What happens to the length of the
# sequence, to the pairs, and to the number of weights in $E$?
#
# <details><summary>Answer</summary>
#
# Four times as many patches (49 become 196), sixteen times as many pairs, a quarter of the weights
# in $E$, for a patch has a quarter of the numbers. "Twice as many patches" forgets the second
# direction; "more detail, more weights" mistakes work for weights.
#
# </details>

# %% [markdown]
# **2.** You replace the patches of a picture by exactly the same patches in another order, and add
# no positions. Does a trained encoder notice? And if you exchange the pixels within each patch?
#
# <details><summary>Answer</summary>
#
# The first no: a bag of patches has no order. The second yes: $E$ has a row for each place within a
# patch, and these rows stay as they are. "Neither, both are only reordered" overlooks $E$; "both"
# takes the order of a row for something that attention sees.
#
# </details>

# %% [markdown]
# **3.** Can `nn.Conv2d(3, 96, kernel_size=8, stride=4)` take over the weights of our $E$? What does it
# return for 32 × 32 pixels?
#
# <details><summary>Answer</summary>
#
# It can: the stride has no weights. It returns maps of 7 × 7, $(32 - 8) / 4 + 1$ windows a side,
# 49 vectors of which 16 are our old ones. Not 8 × 8: the eighth window would hang over the edge.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have turned pictures into sequences of vectors, the shape in which a transformer takes captions.
#
# - Cutting is `reshape`, `permute`, `reshape`, and can be undone exactly; the matrix $E$ behind it is
#   a convolution whose stride equals its window.
# - Half the patch size costs four times the patches and sixteen times the pairs.
# - Within a patch, what $E$ drops is gone; between patches, neighbourhood is gone, and only $P$ tells
#   places apart.
#
# Next: **[how does a row of patches become one vector for the whole picture?](vit.ipynb)**

# %% [markdown]
# **Sources.** Patches, their projection and positions: {cite:t}`dosovitskiy2021vit`, §3.1. CLIP's
# patch sizes: {cite:t}`radford2021clip`, §2.5. The patch size as a dial, and one model for all of
# them: {cite:t}`beyer2023flexivit`. Why a coarse cut makes training harder, and small overlapping
# convolutions in its place: {cite:t}`xiao2021early`. Chelsea, by Stéfan van der Walt, is released
# under CC0 and comes with scikit-image.
