# ---
# jupyter:
#   chapter:
#     question: What has to happen to a picture before a model may see it, and what is lost on the
#       way?
#     objectives:
#     - read a picture as numbers, and name four ways in which a file can lie about them
#     - resize without aliasing and crop, by hand, and say what the model never gets to see
#     - normalise pixels, undo it, and notice when somebody forgot
#     background: Python and PyTorch's tensors
#     minutes: 30
#     place: this is the first step of the image side
#     band: pixels
#     builds: [clipbook.image.open_picture, clipbook.image.preprocess, clipbook.image.normalise]
#     seed:
#       1. Image Preprocessing: [Preprocessing, picture]
#       Original Image: [A picture is numbers, picture, pixel]
#       Resize: [Resize without aliasing, resize]
#       Normalize: [Normalise, mean, deviation]
# ---

# %% [markdown]
# # Preprocessing
#
# The **image encoder** of CLIP turns a picture into a vector. It takes one shape only, with
# numbers around zero; a photograph has any size and file format, and perhaps lies on its side.
# {question}

# %% [markdown] predict={"choices": ["width", "height"], "right": "height", "shown": "array (300, 451, 3) uint8 Pillow (451, 300)"}
# ## A picture is numbers
#
# Our photograph is of Chelsea, a cat that comes with scikit-image. Predict: which comes first in her
# array, width or height?

# %% mystnb={"image": {"alt": "A photograph of a tabby cat, wider than it is high: green eyes, long white whiskers, fine fur."}}
import numpy as np
import skimage.data
import torch
from PIL import Image

from clipbook.figures import picture_row

array = skimage.data.chelsea()
photo = Image.fromarray(array)
print("array ", array.shape, array.dtype)
print("Pillow", photo.size, photo.mode)
picture_row({"Chelsea": photo})

# %% [markdown]
# The array says (height, width, channels), 300 rows of 451 pixels; Pillow says (width, height).
# `uint8` means whole numbers from 0 to 255, **levels** of brightness, one each for red, green and
# blue. Here are a few, at the edge of an eye.

# %% mystnb={"image": {"alt": "Eight by eight numbers, each on a square as bright as it is: high on the left, falling to low values where the pupil begins."}}
from clipbook.figures import number_grid

print("one pixel, red green blue:", array[102, 158])
number_grid(array[98:106, 158:166, 0])  # the red channel, (8, 8)

# %% [markdown]
# No cat, only brightness at places. How many such numbers are there, and how many in one of the
# book's own small pictures?

# %%
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
star = render(scenes[2])  # "a large yellow star"
print(f"Chelsea: {array.size:,} numbers")
levels = np.asarray(star)
print(f"{captions[2]}: {levels.shape}, {levels.size:,} numbers")

# %% [markdown]
# ## Four ways in which a file can lie
#
# Not every file holds red, green and blue. We make four others of a smaller Chelsea. Predict what
# each array holds: how many channels, and which range?

# %%
import io

little = photo.reduce(3)  # (151, 100)
grey = little.convert("L")
palette = little.quantize(16)
alpha = Image.new("L", little.size, 255)
alpha.paste(0, (76, 0, 151, 100))  # the right half is transparent
half = little.copy()
half.putalpha(alpha)
sideways, exif = io.BytesIO(), Image.Exif()
exif[0x0112] = 6  # the tag "orientation"; 6 is "turn me a quarter clockwise"
little.transpose(Image.Transpose.ROTATE_90).save(sideways, "JPEG", exif=exif)
for name, picture in {"grey": grey, "palette": palette, "alpha": half}.items():
    values = np.asarray(picture)
    print(f"{name:8} mode {picture.mode:5} {values.shape} max {values.max()}")
read = Image.open(sideways).size
print("JPEG     width, height", read, "of an upright", little.size)

# %% [markdown]
# - **Grey** has two axes only: code that takes the last one for the channels finds 151 of them.
# - **Palette**: each number is a place in a list of colours, here 0 to 15, not a brightness.
# - **Alpha**, a fourth channel, says how opaque a pixel is; a transparent pixel still has a colour.
# - **EXIF**: a camera may store the picture on its side, with a note on how to turn it.
#
# Predict what a program sees that ignores the last three:

# %% mystnb={"image": {"alt": "Read carelessly, the palette picture looks like a wrongly shaded cat, the transparent half shows what it hid, and the photograph lies on its side."}}
careless = {
    "list numbers as greys": np.asarray(palette) * 17,  # 0 to 15 -> 0 to 255
    "alpha dropped": np.asarray(half)[..., :3],
    "EXIF ignored": np.asarray(Image.open(sideways)),
}
picture_row(careless)

# %% [markdown]
# No error is raised. `open_picture` mends all four: three channels, upright, transparent parts on
# white.

# %% mystnb={"image": {"alt": "Read with care, the three pictures show the cat in its colours and upright, the transparent half white."}}
from clipbook.image import open_picture

mended = {
    "palette": open_picture(palette),
    "alpha": open_picture(half),
    "EXIF": open_picture(Image.open(sideways)),
}
assert mended["EXIF"].size == little.size
assert mended["alpha"].getpixel((140, 50)) == (255, 255, 255)
assert open_picture(grey).mode == "RGB"
picture_row(mended)

# %% [markdown] predict={"choices": ["the same stripes", "even grey", "all white"], "right": "all white", "shown": "every second: [255, 255, 255, 255, 255, 255, 255, 255]"}
# ## Resize without aliasing
#
# The obvious way to halve a picture is to keep every second pixel. Predict what becomes of black and
# white stripes, one pixel wide.

# %%
stripes = torch.tensor([255.0, 0.0]).repeat(8)  # (16,)
print("every second:", stripes[::2].int().tolist())
print("every third: ", stripes[::3].int().tolist())
print("mean of two: ", stripes.reshape(8, 2).mean(dim=1).tolist())

# %% [markdown]
# Every second pixel: all white. Every third: stripes three times too wide. Detail finer than the
# new pixels comes back as something that was never there: **aliasing**. The cure is to average:
# each new pixel takes the mean of all the old ones that it covers, and the stripes become grey.

# %% [markdown]
# CLIP resizes with a finer average, **bicubic**. An old pixel at distance $t$ from the new pixel's
# centre gets the weight
#
# $$w(t) = \begin{cases} 1.5\,t^3 - 2.5\,t^2 + 1 & t < 1 \\
# 0.5\,(1 - t)\,(2 - t)^2 & 1 \le t < 2 \\ 0 & \text{else} \end{cases}$$
#
# That is 1 at the centre, 0 at a distance of 1, a little below zero up to 2. The unit of $t$ is the
# width of the larger pixels: of the new ones when a picture shrinks, so that all the old ones below
# take part (**antialiasing**), of the old ones when it grows.


# %%
def cubic(t):
    t = t.abs()
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = 0.5 * (1 - t) * (2 - t) ** 2
    return torch.where(t < 1, near, torch.where(t < 2, far, 0.0))


def weights(old, new):
    """(new, old): how much each old pixel adds to each new one."""
    step = old / new  # width of a new pixel, in old ones
    centres = (torch.arange(new) + 0.5) * step - 0.5  # of old pixel 0: at 0
    t = (torch.arange(old) - centres[:, None]) / max(step, 1)  # (new, old)
    return cubic(t) / cubic(t).sum(dim=1, keepdim=True)


torch.set_printoptions(precision=3, sci_mode=False, linewidth=74)
weights(16, 8)[3]  # of the sixteen old pixels, in the fourth new one

# %% [markdown]
# The two middle pixels count most; the small negative weights keep edges crisp. A row adds up to 1,
# so a grey wall keeps its grey. CLIP makes the short side as long as the encoder wants, here 64, and
# the long one in proportion, rounded down. Each axis has its own weights: $X W_w^\top$ takes 451
# columns to 96, then $W_h$ in front takes 300 rows to 64. Predict: does Pillow get the same levels?

# %%
X = torch.tensor(array).permute(2, 0, 1).float()  # (3, 300, 451)
W_h = weights(300, 64)  # (64, 300)
W_w = weights(451, 451 * 64 // 300)  # (96, 451)
shorter = (X @ W_w.T).round().clamp(0, 255)  # (3, 300, 96)
small = (W_h @ shorter).round().clamp(0, 255)  # (3, 64, 96)

pillow = photo.resize((96, 64), Image.Resampling.BICUBIC)
difference = (small - torch.tensor(np.asarray(pillow)).permute(2, 0, 1)).abs()
assert difference.max() <= 1
same = (difference == 0).float().mean()
print(f"{same:.2%} of the levels are Pillow's, the rest off by one")

# %% [markdown]
# Nearly all; `clamp` was needed because negative weights can push a level past white. Now three ways
# side by side; PyTorch's bicubic looks, unless told otherwise, at 4 × 4 old pixels only. Predict what
# becomes of the white whiskers.

# %% mystnb={"image": {"alt": "The bottom left quarter, enlarged: without averaging the whiskers break up into rows of white dots and the fur turns to grain; with antialiasing whiskers are faint lines and the fur is smooth."}}
from torch.nn.functional import interpolate

four_by_four = interpolate(X[None], (64, 96), mode="bicubic")[0]
four_by_four = four_by_four.round().clamp(0, 255)
nearest = photo.resize((96, 64), Image.Resampling.NEAREST)
ways = {
    "nearest pixel": np.asarray(nearest),
    "bicubic, 4 × 4": four_by_four.permute(1, 2, 0).byte(),
    "antialiased": small.permute(1, 2, 0).byte(),
}
quarters = {name: picture[32:, :48] for name, picture in ways.items()}
picture_row(quarters)  # bottom left

# %% [markdown]
# Two ways turn whiskers into dots and fur into grain: "bicubic" in the name does not help. How far
# from ours, in levels?

# %%
wide = interpolate(X[None], (64, 96), mode="bicubic", antialias=True)[0]
off = (four_by_four - small).abs().mean(), (wide - small).abs().mean()
print(f"4 × 4:       off by {off[0]:.1f} levels, mean")
print(f"antialiased: off by {off[1]:.1f} levels, mean")
assert (wide - small).abs().max() < 2

# %% [markdown]
# ## Crop: what the model never sees
#
# 64 rows, 96 columns; the encoder wants 64 × 64. CLIP keeps the **centre**. What share is thrown
# away?

# %% mystnb={"image": {"alt": "The middle square of the photograph is bright and holds both eyes and the nose; dark strips at the left and the right are cut off."}}
size = 64
left = (96 - size) // 2
cropped = small[:, :, left : left + size]  # (3, 64, 64)
dimmed = small / 4
dimmed[:, :, left : left + size] = cropped
print(f"cut off: {1 - cropped.numel() / small.numel():.0%}")
picture_row(
    {
        "what the crop keeps": dimmed.permute(1, 2, 0).byte(),
        "the result": cropped.permute(1, 2, 0).byte(),
    }
)

# %% [markdown]
# A third is gone, here whiskers and part of an ear. It may be what the caption is about:

# %% mystnb={"image": {"alt": "A wide picture of a heart, a star and an orange square; after the centre crop only the star is left."}}
triple = Image.new("RGB", (96, 32))
for k, number in enumerate((3, 2, 6)):
    triple.paste(render(scenes[number]), (32 * k, 0))
print("a pink heart, a yellow star and an orange square")
picture_row({"before": triple, "after the crop": triple.crop((32, 0, 64, 32))})

# %% [markdown]
# Training on this pair punishes the model for not seeing a heart. (Squeezing the picture distorts it;
# filling it up with plain strips wastes pixels. Do what was done in training.)

# %% [markdown]
# ## Normalise
#
# Levels 0 to 255 become numbers around zero: divide by 255, subtract a mean $\mu_c$, divide by a
# standard deviation $\sigma_c$, with $c$ the channel and $p_c$ the level. CLIP took $\mu$ and $\sigma$
# from its training pictures, and they travel with its weights.
#
# $$x_c = \frac{p_c / 255 - \mu_c}{\sigma_c}$$

# %% mystnb={"image": {"alt": "Before, all values lie between 0 and 1 with a mean near one half; after, they spread on both sides of zero with a deviation near one half."}}
from clipbook.figures import channel_histograms

mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])  # red, green, blue
std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
unit = cropped / 255  # (3, 64, 64), in [0, 1]
pixels = (unit - mean[:, None, None]) / std[:, None, None]  # (3, 64, 64)
channel_histograms({"before": unit, "after": pixels})

# %% [markdown]
# Only the scale changes; zero now means "as bright as usual". Chelsea's own mean isn't quite 0, nor
# her deviation 1: the constants describe *all* those pictures.

# %% [markdown]
# Why? A layer begins with dot products, and lists of positive numbers all point in much the same
# direction: "bright". The **cosine** says how much: 1 for the same direction, 0 for a right angle,
# below 0 for opposite. Predict Chelsea's with a cup of coffee, before and after.

# %%
from torch.nn.functional import normalize

from clipbook.image import preprocess

names = ["coffee", "astronaut", "rocket"]
others = [getattr(skimage.data, name)() for name in names]
photos = [photo, *map(Image.fromarray, others)]
four = preprocess(photos, size)  # all our steps in one: (4, 3, 64, 64)
before = four * std[:, None, None] + mean[:, None, None]
for title, batch in {"before": before, "after": four}.items():
    rows = normalize(batch.flatten(1), dim=1)  # (4, 12288), unit length
    cosines = zip(names, (rows[0] @ rows[1:].T).tolist(), strict=True)
    print(f"{title:6}", *(f"{name} {cosine:.2f} " for name, cosine in cosines))

# %% [markdown]
# Before, the cat is about equally like all three. After, what pictures share is mostly gone, and the rest
# tells them apart.

# %% [markdown]
# ## And back, for looking
#
# Most tools clip what is below 0. To show a normalised picture, undo the steps in reverse order, and
# round before `byte()`, which cuts off what follows the point.

# %% mystnb={"image": {"alt": "Shown without undoing the normalisation, the cat is black in many places; undone, it looks as it did before."}}
levels = (pixels * std[:, None, None] + mean[:, None, None]) * 255
levels = levels.round().clamp(0, 255).byte()
assert torch.equal(levels, cropped.byte())  # nothing was lost
clipped = (pixels.clamp(0, 1) * 255).byte()
both = {"forgot to undo": clipped, "undone": levels}
picture_row({name: picture.permute(1, 2, 0) for name, picture in both.items()})

# %% [markdown]
# ## The package's version, and transformers'
#
# `preprocess` does it all for a batch of pictures or files: open, resize, crop, normalise.

# %%
ours = preprocess(photo, size=64)
level = 1 / 255 / std.min()  # one level, after normalising
assert (ours[0] - pixels).abs().max() < 1.01 * level
same = (ours[0] == pixels).float().mean()
print(ours.shape, f"{same:.2%} equal to ours by hand")

# %% [markdown]
# (batch, channels, height, width): every image encoder in this book takes this shape. `transformers`,
# a library of published models, has a *processor* that does the same for CLIP, at 224 pixels. Where the
# crop can't lie exactly in the middle, ours and this one round down (`//`); OpenAI's own code crops by
# torchvision, which rounds halves to even: one pixel further for a rest of 3, 7, 11 …

# %%
from transformers import CLIPImageProcessorPil

theirs = np.stack(CLIPImageProcessorPil()(photo)["pixel_values"])
theirs = torch.as_tensor(theirs)  # (1, 3, 224, 224)
ours = preprocess(photo, size=224)
assert ours.shape == theirs.shape
assert (ours - theirs).abs().max() < 1e-5
print(ours.shape, "largest difference", (ours - theirs).abs().max().item())
for rest in (1, 2, 3, 5, 7):
    left, torchvisions = rest // 2, round(rest / 2)
    print(f"a rest of {rest}: left = {left}, torchvision's {torchvisions}")

# %% [markdown]
# ## Common mistakes
#
# **A good model turns poor and nothing complains → the normalisation was forgotten**, or done
# twice. The book's small CLIP, trained on pictures like the star, turns pictures and captions into
# vectors and chooses for each picture the caption with the largest dot product. We ask it about 200
# new ones (`stream` has random numbers that no training batch shares): how many choose their own
# caption?

# %%
import clipbook
from clipbook.scenes import sample_pairs
from clipbook.streams import stream

model, tokenizer = clipbook.load("shapes")
new, new_captions = sample_pairs(200, stream("preprocessing: new pairs"))
right = preprocess([render(scene) for scene in new])  # (200, 3, 32, 32)
in_unit = right * std[:, None, None] + mean[:, None, None]
twice = (right - mean[:, None, None]) / std[:, None, None]
ways = {"as trained": right, "0 to 1": in_unit, "0 to 255": in_unit * 255}
ways["twice"] = twice
with torch.no_grad():
    texts = model.encode_text(*tokenizer.batch(new_captions))
    for name, batch in ways.items():
        choices = (model.encode_image(batch) @ texts.T).argmax(dim=1)
        print(f"{name:10} {(choices == torch.arange(200)).sum():3} of 200")

# %% [markdown]
# From nearly all to a third or less, and no error message.
#
# **Colours are odd, yet shapes are right → the channels stand in another order.** OpenCV, for one,
# reads blue, green, red.

# %% mystnb={"image": {"alt": "With red and blue exchanged the ginger cat turns bluish."}}
rows_first = np.asarray(pillow)  # (64, 96, 3)
orders = {"red, green, blue": rows_first}
picture_row(orders | {"blue, green, red": rows_first[..., ::-1]})

# %% [markdown]
# **A picture becomes coloured noise → `reshape` was used in place of `permute`.** Both give
# (3, 64, 96); only one moves the channels to the front.

# %% mystnb={"image": {"alt": "Reshaped, the picture is coloured noise in stripes; permuted, it is the cat."}}
wrong = torch.tensor(rows_first).reshape(3, 64, 96)
right = torch.tensor(rows_first).permute(2, 0, 1)
both = {"reshape": wrong, "permute": right}
picture_row({name: one.permute(1, 2, 0) for name, one in both.items()})

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: what the model saw
#
# Find the part of the *original* picture that resize and centre crop
# leave: a box (left, top, right, bottom), in the original's pixels, without rounding. Left and right
# run along the width, top and bottom along the height. Pictures may be wide, high or square, with odd
# sides, too.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The box is a square, as long as the short side. What is left over of the long side is divided
# equally between its two ends.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "seen-box", "schema_version": 3, "task": false}
def seen_box(width, height):
    """What the crop keeps: (left, top, right, bottom), in its own pixels."""
    ### BEGIN SOLUTION
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "seen-box-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

mistakes = {
    "the crop is a square as long as the short side": [0, -75, 600, 525],
    "centre minus half: left and top are half of what is left over": [
        -75,
        0,
        525,
        450,
    ],
    "in pixels of the original, not as shares of it": [0.125, 0, 0.875, 1],
    "in pixels of the original, not of the resized picture": [
        224 / 6,
        0,
        224 * 7 / 6,
        224,
    ],
    "in pixels of the original, not of the resized and rounded picture": [
        37,
        0,
        261,
        224,
    ],
    "the crop takes the centre, not the beginning": [0, 0, 450, 450],
    "the crop takes the centre, not the end": [150, 0, 600, 450],
    "both ends lose alike; divide what is left over by 2": [150, 0, 450, 450],
    "give the right and bottom edges, not width and height": [75, 0, 450, 450],
    "the order is left, top, right, bottom": [75, 525, 0, 450],
    "rows and columns are exchanged; left belongs to the width": [
        0,
        75,
        450,
        525,
    ],
    "nothing is cut off; the result has to be a square": [0, 0, 600, 450],
}
turned = {
    "the crop is a square as long as the short side, here the width": [
        -75,
        0,
        525,
        600,
    ],
    "here the height is long, so the top and the bottom are cut off": [
        75,
        0,
        525,
        450,
    ],
    "the result has to be a square; here the height is to be cut": [
        0,
        0,
        450,
        600,
    ],
}
odd = {
    "do not round: an odd rest has halves": [75, 0, 375, 300],
    "do not round, up neither: an odd rest has halves": [76, 0, 376, 300],
}


def cut_down(width, height):
    """Half a pixel at a time, from both ends of the longer side."""
    left, top, right, bottom = 0, 0, width, height
    while right - left > bottom - top:
        left, right = left + 0.5, right - 0.5
    while bottom - top > right - left:
        top, bottom = top + 0.5, bottom - 0.5
    return left, top, right, bottom


with check("Seen box"):
    for sides, hints in {
        (600, 450): mistakes,
        (450, 600): turned,
        (451, 300): odd,
    }.items():
        what = f"seen_box{sides}"
        close(ask(seen_box, *sides), cut_down(*sides), what, mistakes=hints)
    drawn = torch.randint(
        2, 900, (9, 2), generator=torch.Generator().manual_seed(0)
    ).tolist()
    for sides in [[64, 64], [1, 1], [1, 8], [9, 2], *drawn]:
        close(
            ask(seen_box, *sides),
            cut_down(*sides),
            f"seen_box({sides[0]}, {sides[1]})",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "seen-box-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: many more sizes.
### BEGIN HIDDEN TESTS
with check("Seen box, other sizes"):
    for width in (1, 2, 3, 33, 64, 640, 1001, 6000):
        for height in (1, 2, 5, 32, 64, 427, 1000, 8001):
            ends = [
                (width - min(width, height)) / 2,
                (height - min(width, height)) / 2,
            ]
            want = [*ends, width - ends[0], height - ends[1]]
            close(
                ask(seen_box, width, height),
                want,
                f"seen_box({width}, {height})",
            )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: on white
#
# Lay a transparent picture on white. Alpha says how much of the
# pixel's colour is seen, from 0 (nothing) to 255 (all); the rest is white. Take a tensor (height,
# width, 4) of `uint8`, give (height, width, 3), rounded to the nearest whole levels, as whole numbers or
# floats. The check tries black, white and all degrees of transparency.

# %% [markdown]
# <details><summary>Hint</summary>
#
# With $a = \text{alpha} / 255$, a channel becomes $a \cdot \text{colour} + (1 - a) \cdot 255$.
# Turn the tensor into floats *first*: in `uint8`, 200 + 100 is 44. Alpha needs an axis of its own to
# meet three channels: `rgba[..., 3:]`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "on-white", "schema_version": 3, "task": false}
def on_white(rgba):
    """(height, width, 4), uint8 -> (height, width, 3), whole levels to 255."""
    ### BEGIN SOLUTION
    levels = torch.as_tensor(rgba).float()
    colour, a = levels[..., :3], levels[..., 3:] / 255
    return (a * colour + (1 - a) * 255).round()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "on-white-check", "schema_version": 3, "task": false}
import numpy as np
from PIL import Image

from clipbook.exercises import ask, check, close
from clipbook.image import open_picture

# one pixel, a fifth opaque
glass = torch.tensor([[[200, 100, 0, 51]]], dtype=torch.uint8)
mistakes = {
    "alpha is dropped; mix the colour with white": [[[200, 100, 0]]],
    "that is on black; add what white shows through": [[[40, 20, 0]]],
    "alpha is used the wrong way round: 255 is opaque": [[[211, 131, 51]]],
    "the rest of the light, 1 - a, is white's share, and white is 255": [
        [[41, 21, 1]]
    ],
    "white is added whole; only 1 - a of it shows through": [[[295, 275, 255]]],
    "nothing is seen of the colour, and a fifth should be": [[[255, 255, 255]]],
    "the colour's share is missing, or uint8 has overflowed: floats first": [
        [[204, 204, 204]]
    ],
    "all is black: has uint8 overflowed? turn the tensor into floats first": [
        [[0, 0, 0]]
    ],
    "divide alpha by 255": [[[-2550, -7650, -12750]]],
    "on the scale of 0 to 255, not of 0 to 1": [
        [[244 / 255, 224 / 255, 204 / 255]]
    ],
    "the channels come last: (height, width, 3)": [[[244]], [[224]], [[204]]],
    "the fourth channel, alpha, has no place in the result": [
        [[244, 224, 204, 51]]
    ],
}
# (2, 1, 4)
tinted = torch.tensor([[[10, 200, 30, 100]], [[10, 200, 30, 240]]]).byte()
rounding = {
    "round to whole levels": [
        [[158.92, 233.43, 166.76]],
        [[24.41, 203.24, 43.24]],
    ],
    "round to the nearest level; converting to whole numbers cuts off": [
        [[158, 233, 166]],
        [[24, 203, 43]],
    ],
    "round to the nearest level, not up": [[[159, 234, 167]], [[25, 204, 44]]],
}
pane = torch.tensor(
    [[[200, 100, 0, 51], [200, 100, 0, 0], [200, 100, 0, 255]]]
).byte()
axis = {
    "alpha needs an axis of its own to meet three channels: rgba[..., 3:]": [
        [[244, 255, 0]] * 3
    ],
    "black is a colour like others, where it is opaque": [
        [[244, 224, 255], [255, 255, 255], [200, 100, 255]]
    ],
    "255 is all, so divide by 255, not by 256": [
        [[244, 224, 204], [255, 255, 255], [200, 101, 1]]
    ],
}
with check("On white"):
    close(
        ask(on_white, glass),
        [[[244, 224, 204]]],
        "on_white(glass)",
        mistakes=mistakes,
    )
    want = [[[244, 224, 204], [255, 255, 255], [200, 100, 0]]]
    close(ask(on_white, pane), want, "on_white(pane)", mistakes=axis)
    want = [[[159, 233, 167]], [[24, 203, 43]]]
    close(
        ask(on_white, tinted),
        want,
        "on_white(tinted)",
        tolerance=0.01,
        mistakes=rounding,
    )
    ends = torch.cartesian_prod(
        *3 * [torch.tensor([0, 255])], torch.tensor([0, 1, 254, 255])
    )
    drawn = torch.randint(
        0, 256, (7, 5, 4), generator=torch.Generator().manual_seed(0)
    )
    for name, sheet in {
        "black, white": ends.reshape(2, 16, 4),
        "a drawn one": drawn,
    }.items():
        want = open_picture(Image.fromarray(sheet.byte().numpy()))
        close(
            ask(on_white, sheet.byte()),
            np.asarray(want),
            f"on_white of {name}",
            tolerance=0.01,
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "on-white-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: every level at every degree of transparency.
### BEGIN HIDDEN TESTS
with check("On white, everything"):
    colour, alpha = torch.meshgrid(
        torch.arange(256), torch.arange(256), indexing="ij"
    )
    # (256, 256, 4)
    sheet = torch.stack([colour, 255 - colour, colour // 2, alpha], dim=2)
    share = sheet[..., 3:].double() / 255
    exact = share * sheet[..., :3] + (1 - share) * 255
    what = "the picture on white, 256×256"
    close(ask(on_white, sheet.byte()), exact.round(), what, tolerance=0.01)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: the constants of your own pictures
#
# You train from scratch and need your own $\mu$ and $\sigma$. Given a
# list of tensors (height, width, 3), `uint8`, of **different sizes**, compute for each channel the
# mean and the standard deviation (divide by the count, not the count minus 1) over *all pixels of all
# pictures*, on the scale of 0 to 1. Return (2, 3): the means, then the deviations. There may be one
# picture or many, and a plain one has a deviation of 0.

# %% [markdown]
# <details><summary>Hint</summary>
#
# A large picture must count for more, so averaging the pictures' means won't do. Put all pixels into
# one tensor, (pixels, 3), or add up count, sum and sum of squares: the variance is the mean of the
# squares minus the square of the mean. (Rounding may take that below 0: use `float64`, and clamp.)
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "channel-constants", "schema_version": 3, "task": false}
def channel_constants(pictures):
    """Means and deviations over all pixels, in [0, 1].

    List of (height, width, 3) -> (2, 3).
    """
    ### BEGIN SOLUTION
    rows = [torch.as_tensor(one).reshape(-1, 3) for one in pictures]
    all_pixels = torch.cat(rows).double() / 255  # (pixels, 3)
    deviations = all_pixels.std(dim=0, correction=0)
    return torch.stack([all_pixels.mean(dim=0), deviations])
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "channel-constants-check", "schema_version": 3, "task": false}
import statistics

from clipbook.exercises import ask, check, close, numbers

dot = torch.tensor([[[255, 0, 51]]], dtype=torch.uint8)  # one pixel
# three
bar = torch.tensor([[[0, 0, 51], [0, 255, 51], [0, 0, 51]]], dtype=torch.uint8)
mistakes = {
    "count pixels, not pictures: the bar has three times as many": [
        [1 / 2, 1 / 6, 0.2],
        [0, 2**0.5 / 6, 0],
    ],
    "the deviation within pictures is not that of all pixels": [
        [1 / 4, 1 / 4, 0.2],
        [0, 2**0.5 / 6, 0],
    ],
    "the deviation within pictures misses that the pictures differ, weighted by pixels or not": [
        [1 / 4, 1 / 4, 0.2],
        [0, 2**0.5 / 4, 0],
    ],
    "the variance within pictures misses that the pictures differ; measure from the common mean": [
        [1 / 4, 1 / 4, 0.2],
        [0, (1 / 6) ** 0.5, 0],
    ],
    "the mean is right for pixels, but the deviation is that of the pictures' means": [
        [1 / 4, 1 / 4, 0.2],
        [1 / 2, 1 / 6, 0],
    ],
    "count pixels, not pictures: these are mean and deviation of the pictures' means": [
        [1 / 2, 1 / 6, 0.2],
        [1 / 2, 1 / 6, 0],
    ],
    "on the scale of 0 to 1: divide by 255": [
        [63.75, 63.75, 51],
        [110.418, 110.418, 0],
    ],
    "divide by the count, not the count minus 1: correction=0": [
        [1 / 4, 1 / 4, 0.2],
        [1 / 2, 1 / 2, 0],
    ],
    "the channels come last: reshape to (pixels, 3), not to (3, pixels)": [
        [0.3, 0.3, 0.1],
        [0.17**0.5, 0.17**0.5, 0.1],
    ],
    "divide by the number of pixels; numel counts three numbers for each": [
        [1 / 12, 1 / 12, 1 / 15],
        [11**0.5 / 12, 11**0.5 / 12, 2**0.5 / 15],
    ],
    "that is the variance; take its square root": [
        [1 / 4, 1 / 4, 0.2],
        [3 / 16, 3 / 16, 0],
    ],
    "the means come first, in one row, then the deviations": [
        [1 / 4, 0.4330127],
        [1 / 4, 0.4330127],
        [0.2, 0],
    ],
}


def one_by_one(pictures):
    levels = [
        pixel for one in pictures for row in one.tolist() for pixel in row
    ]
    channels = list(zip(*levels, strict=True))  # three lists of levels
    return [
        [f(c) / 255 for c in channels]
        for f in (statistics.fmean, statistics.pstdev)
    ]


sizes = {
    "three": [(4, 7), (9, 3), (20, 24)],
    "one": [(5, 3)],
    "two alike": [(2, 3), (2, 3)],
}
draw = torch.Generator().manual_seed(0)
with check("Channel constants"):
    want = [[1 / 4, 1 / 4, 0.2], [0.4330127, 0.4330127, 0]]
    got = ask(channel_constants, [dot, bar])
    close(
        got,
        want,
        "channel_constants([dot, bar])",
        tolerance=1e-3,
        mistakes=mistakes,
    )
    for what, shapes in sizes.items():
        some = [
            torch.randint(256, (*hw, 3), generator=draw).byte() // hw[0]
            for hw in shapes
        ]
        got = ask(channel_constants, some)
        close(got, one_by_one(some), f"the constants of {what}", tolerance=1e-4)
    for level in range(0, 256, 5):
        got = ask(
            channel_constants, [torch.full((2, 3, 3), level, dtype=torch.uint8)]
        )
        finite = numbers(got, "the result").isfinite().all()
        assert finite, (
            f"a plain {level} has a deviation of nan: the root of a number below 0?"
        )
        want = [[level / 255] * 3, [0.0] * 3]
        what = f"the constants of a plain {level}"
        close(got, want, what, tolerance=1e-3)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "channel-constants-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: more pictures, and a large one.
### BEGIN HIDDEN TESTS
import numpy as np

with check("Channel constants, other pictures"):
    draw = torch.Generator().manual_seed(2)
    sizes = [(5, 7), (11, 3), (1, 1), (90, 160), (2, 9)]
    some = [
        torch.randint(0, 256, (*hw, 3), generator=draw).byte() // (k + 1)
        for k, hw in enumerate(sizes)
    ]
    flat = np.concatenate([one.numpy().reshape(-1, 3) for one in some]) / 255
    want = np.stack([flat.mean(axis=0), flat.std(axis=0)])
    close(
        ask(channel_constants, some),
        want,
        "the constants of five pictures",
        tolerance=1e-4,
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A picture of 400 × 300 (width × height) goes through `preprocess(picture, size=224)`. What is
# the shape of the result, and what share of the picture is in it?
#
# <details><summary>Answer</summary>
#
# (1, 3, 224, 224), with three quarters of the picture: 300 of its 400 columns, all rows. Not
# (1, 3, 224, 298): that is before the crop. Not (1, 224, 224, 3): in PyTorch channels come first.
#
# </details>

# %% [markdown]
# **2.** We *enlarge* a picture of 20 × 20 to 224 × 224. Does antialiasing change the result?
#
# <details><summary>Answer</summary>
#
# No. Aliasing comes from detail too fine for the new pixels; here the new ones are finer than the
# old, and $t$ counts old pixels either way (`max(step, 1)`). "Yes, it sharpens" is tempting, but no
# resizing brings back what was never recorded.
#
# </details>

# %% [markdown]
# **3.** You have CLIP's weights and your own pictures, all of them X-rays, dark and grey. Should you
# normalise by the mean and the deviation of the X-rays?
#
# <details><summary>Answer</summary>
#
# Not without further training. To the weights a value of 0 means the brightness that it meant in
# their training; other constants make the same grey look like another. "Mean 0 and deviation 1 are
# always best" is said of a training's start, not of weights that have already adapted.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the way from a file to an image encoder's input, equal to what `transformers` does for
# CLIP.
#
# - Open with care: three channels, upright, transparency on white; carelessness raises no error.
# - When shrinking, average over all that a new pixel covers; the centre crop then throws away the
#   ends of the long side.
# - Normalise with the constants that the weights were trained with, and undo it for looking.
#
# Next: **[how does a picture become a sequence, as a caption is one?](patching.ipynb)**

# %% [markdown]
# **Sources.** Resizing, cropping (but for that half pixel) and the constants are those of CLIP,
# {cite:t}`radford2021clip`, in its published code; that $\mu$ and $\sigma$ come from the training pictures,
# [an author said](https://github.com/openai/CLIP/issues/20). The cubic weights:
# {cite:t}`keys1981cubic`, with $a = -0.5$. That libraries alias under the same name, and what it
# costs: {cite:t}`parmar2022aliased`, §3. The photograph, by Stéfan van der Walt, is released under
# CC0 and comes with scikit-image.
