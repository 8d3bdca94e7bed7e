# ---
# jupyter:
#   chapter:
#     question: How does a convolutional network make one vector of a picture, and does it serve
#       our pairs better than a ViT?
#     objectives:
#     - compute a convolution by hand, and say what it shares, what it keeps and what it costs
#     - follow a picture through a CNN, scale by scale, and work out how far each number sees
#     - compare a ViT and a CNN fairly, and say why the image encoder of PaliGemma is a ViT
#     needs: [image/vit]
#     minutes: 45
#     place: this is the image encoder once more, the same box with another inside
#     band: or CNN
#     builds: [clipbook.image.CNN]
#     seed:
#       A Vision Transformer (ViT) or CNN: ['ViT against CNN: the sizes', ViT, CNN]
#       or process through conv layers (for CNN): ['Colours in, channels out', layer]
#       '3. For CNN-based: Image → Convolutional layers': [A stage, stage, layer|conv]
#       Feature maps at different scales: [Feature maps at three scales, map]
#       Global pooling for final representation: [From feature maps to one vector, global average pooling]
#       PaliGemma is ViT-based rather than CNN-based: [Why PaliGemma's encoder is a ViT, PaliGemma,
#         SigLIP, ViT]
# ---

# %% [markdown]
# # Convolutional networks
#
# A ViT must learn that neighbouring pixels belong together. In a convolutional network that is
# built in. {question} We take our second trained model apart, then let both kinds race.

# %% [markdown]
# ## One window, nine weights
#
# A picture $x$ of 6 × 6 grey values holds a bright bar. We lay a **kernel** $K$ of 3 × 3 weights over
# its top left corner, add up the nine products, and move on by a pixel. At place ($r$, $c$):
#
# $$y_{rc} = \sum_{i=0}^{2} \sum_{j=0}^{2} K_{ij}\, x_{r+i,\,c+j}$$
#
# This kernel subtracts the window's left column from its right one. Predict: where is $y$ above zero,
# where below, and what is its shape?

# %% mystnb={"image": {"alt": "A grid of six by six numbers: a bar of ones, four high and two wide, on zeros."}}
import torch

from clipbook.figures import number_grid

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
x = torch.zeros(6, 6)
x[1:5, 2:4] = 1
K = torch.tensor([[-1.0, 0, 1], [-1, 0, 1], [-1, 0, 1]])
number_grid(x)


# %% mystnb={"image": {"alt": "A grid of four by four numbers: the two left columns hold 2 and 3, the two right ones minus 2 and minus 3."}}
def convolve(x, K):
    size = len(K)
    y = torch.zeros(x.shape[0] - size + 1, x.shape[1] - size + 1)
    for r in range(y.shape[0]):
        for c in range(y.shape[1]):
            y[r, c] = (K * x[r : r + size, c : c + size]).sum()
    return y


y = convolve(x, K)
number_grid(y)

# %% [markdown]
# Above zero at the bar's left edge, below at its right. The result, a **feature map**, has shape
# (4, 4): a window of 3 fits four times into 6. A kernel asks one question, here "does it get brighter
# to the right?", at every place.

# %% [markdown]
# (Mathematicians call this a *cross-correlation*; their convolution flips the kernel first.)
# PyTorch takes many pictures, (batch, channels, height, width), and many kernels:

# %%
from torch.nn import functional as F

assert torch.equal(F.conv2d(x[None, None], K[None, None])[0, 0], y)
F.conv2d(x[None, None], K[None, None]).shape

# %% [markdown]
# We put the same question to the star. $K$ transposed asks the other one: "brighter downwards?".
# Predict which edges of the star each one finds.

# %% mystnb={"image": {"alt": "Two maps of the star: in the first, edges with the bright side on the right are red and those with it on the left blue; in the second the same for edges with the bright side below and above."}}
from clipbook.figures import signed_maps
from clipbook.image import preprocess
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
pixels = preprocess(pictures)  # (8, 3, 32, 32)
grey = pixels[2].mean(dim=0)  # (32, 32)
edges = {"brighter to the right": convolve(grey, K)}
edges["brighter downwards"] = convolve(grey, K.T)
signed_maps(edges, across="column", up="row")

# %% [markdown]
# In a CNN nobody writes such kernels: training finds the weights.

# %% [markdown]
# ## The same weights everywhere
#
# Our CNN's first layer makes 16 maps of 16 × 16 out of a picture of 3 × 32 × 32, with 16 kernels: nine
# weights for each of the three colours. How many weights is that, and how many if each output had its
# own weight for each pixel?

# %%
inputs, outputs = 3 * 32 * 32, 16 * 16 * 16
print(f"own weights everywhere: {inputs * outputs:12,}")
print(f"same at all places:     {16 * 3 * 3 * 3:12,}")

# %% [markdown]
# Two beliefs about pictures are built in: an output needs only a neighbourhood (*locality*), and
# the same question makes sense at every place (*weight sharing*). Move the star six pixels to the
# right. Predict its feature map.

# %% mystnb={"image": {"alt": "The feature map of the star and that of the star moved by six pixels: the same map, six columns further to the right."}}
moved = grey.roll(6, dims=1)
before, after = convolve(grey, K), convolve(moved, K)  # (30, 30)
assert torch.equal(after[:, 6:], before[:, :-6])
both = {"the star": before, "moved by 6": after}
signed_maps(both, across="column", up="row")

# %% [markdown]
# This is **equivariance** (to translation): the map moves with the picture, number for number. A
# ViT's patch embedding has it for moves by whole patches, until positions are added.

# %% [markdown]
# ## Colours in, channels out
#
# Three things make it a layer. A kernel covers all $C$ input **channels** (three colours at first) and
# adds up over them; each of the $D$ maps has its own: weights of shape ($D$, $C$, $k$, $k$).
# **Padding** lays $p$ rows of zeros round the picture; **stride** $s$ moves the window by $s$ pixels. A
# side of $n$ becomes
#
# $$\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$

# %% [markdown] predict={"ask": "Without padding", "choices": ["(8, 16, 30, 30)", "(8, 16, 32, 32)", "(8, 16, 29, 29)"], "right": "(8, 16, 30, 30)", "shown": "padding 0, stride 1: (8, 16, 30, 30)"}
# Predict the shapes from 16 kernels of 3 × 3: without padding, with $p = 1$, and with stride 2, too.

# %%
import clipbook

model, tokenizer = clipbook.load("shapes-cnn")
cnn = model.image_encoder
kernels = cnn.stages[0].down[0].weight.detach()  # (16, 3, 3, 3)
for padding, stride in ((0, 1), (1, 1), (1, 2)):
    y = F.conv2d(pixels, kernels, padding=padding, stride=stride)
    side = (32 + 2 * padding - 3) // stride + 1
    assert y.shape == (8, 16, side, side)
    print(f"padding {padding}, stride {stride}:", tuple(y.shape))

# %% [markdown]
# Padding of 1 keeps the size, stride 2 halves it. With $k = s = 8$ it is the ViT's [patch
# embedding](patching.ipynb).

# %% [markdown]
# ## A stage
#
# Our CNN has three **stages** of two convolutions. The first halves the picture with stride 2; what
# the second finds is added as a correction: a residual, as in the transformer. After each, **batch
# norm** keeps the numbers at one scale. ReLU, which sets what is below zero to 0, follows the first
# norm and the sum. Batch norm is, per channel,
#
# $$\frac{y - \mu}{\sqrt{\sigma^2 + \epsilon}}\, g + b$$
#
# with learned $g$ and $b$ and a tiny $\epsilon$. In training the mean $\mu$ and the variance $\sigma^2$
# are those of the batch; afterwards, averages kept from training.


# %%
def batch_norm(y, norm):
    statistics = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, variance, gain, shift = (one[:, None, None] for one in statistics)
    return (y - mean) / (variance + norm.eps).sqrt() * gain + shift


def run_stage(x, stage):
    x = F.conv2d(x, stage.down[0].weight, stride=2, padding=1)
    x = batch_norm(x, stage.down[1]).relu()
    correction = F.conv2d(x, stage.refine[0].weight, padding=1)
    return (x + batch_norm(correction, stage.refine[1])).relu()


# %% [markdown]
# The stages have 16, 32 and 64 channels. Predict the shapes of their outputs.

# %%
with torch.no_grad():
    maps, x = [], pixels
    for stage in cnn.stages:
        x = run_stage(x, stage)
        maps.append(x)
    theirs = cnn.intermediates(pixels)  # what each part hands on, by name
    for k, ours in enumerate(maps, 1):
        assert torch.allclose(ours, theirs[f"stage {k}"], atol=1e-4)
        print(f"stage {k}:", tuple(ours.shape))

# %% [markdown]
# Half the side, twice the channels, from stage to stage.

# %% [markdown]
# ## Feature maps at three scales
#
# The ring and the cross, seen by 16 channels of each stage. Bright is a strong answer, on each map's
# own scale.


# %% mystnb={"image": {"alt": "Sixteen maps from each of three stages. In the first, the ring, the cross and the stripes can be recognised; in the second there are coarse blobs; in the third four by four squares, of which a few are bright."}}
from clipbook.figures import picture_row


def mosaic(maps):
    """(at least 16, side, side) -> sixteen maps as one grey picture, 4 × 4."""
    maps = maps[:16] / maps[:16].amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    scale = 32 // maps.shape[1]
    maps = maps.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    # (16, 32, 32), then a white border around each
    maps = F.pad(maps, (2, 2, 2, 2), value=1).reshape(4, 4, 36, 36)
    return 255 * maps.permute(0, 2, 1, 3).reshape(144, 144)


names = ("16 × 16 places", "8 × 8", "4 × 4")
mosaics = [mosaic(stage_maps[4]) for stage_maps in maps]
picture_row(dict(zip(names, mosaics, strict=True)))

# %% [markdown]
# First outlines and filled forms, then blobs, at last a few squares that look like nothing. What do
# they know? A **probe** tells: average each map over its places, fit a linear classifier to these
# averages on 800 new pictures (least squares), and test it on 400. (`stream` gives random numbers
# that no training batch shares.) Predict: which stage suffices for the colour, which for the shape?

# %%
from clipbook.scenes import COLOURS, SHAPES, sample
from clipbook.streams import stream

probe_scenes = sample(1200, stream("cnn: probes"), objects=1)
with torch.no_grad():
    drawn = [render(scene) for scene in probe_scenes]
    parts = cnn.intermediates(preprocess(drawn))
for name, words in (("colour", COLOURS), ("shape", SHAPES)):
    values = [getattr(scene.objects[0], name) for scene in probe_scenes]
    labels = torch.tensor([words.index(value) for value in values])  # (1200,)
    truth = F.one_hot(labels, 8).float()  # (1200, 8)
    for stage in ("stage 1", "stage 2", "stage 3"):
        for channels in sorted({16, parts[stage].shape[1]}):
            averages = parts[stage][:, :channels].mean(dim=(2, 3))
            averages = F.pad(averages, (0, 1), value=1)  # and a bias
            fitted = torch.linalg.lstsq(averages[:800], truth[:800]).solution
            right = (averages @ fitted)[800:].argmax(dim=1) == labels[800:]
            share = right.sum() / 400
            print(f"{name:6} {stage}, {channels} channels: {share:.2f}")

# %% [markdown]
# Colours are settled after one stage. Shapes aren't, and not for want of channels: the first 16 of
# the second stage know far more. How much of a thing does one of its numbers see?

# %% [markdown] predict={"ask": "Pixels, along one side", "number": 43, "shown": "pixels: 7 19 43"}
# ## How far it sees
#
# The **receptive field** of a number is the square of pixels that can change it. A layer looks at
# $k$ places in a row, $k - 1$ more than one. They lie $j$ pixels apart, where $j$ is the product of
# the strides of all layers *before* it. So each layer adds $(k - 1)\,j$ pixels. Our stages have two
# layers of $k = 3$, the first with stride 2. Predict the field after the third stage.

# %%
after_1 = 1 + 2 * 1 + 2 * 2  # from one pixel; places 1 pixel wide, then 2
after_2 = after_1 + 2 * 2 + 2 * 4  # 2, then 4
after_3 = after_2 + 2 * 4 + 2 * 8  # 4, then 8
print("pixels:", after_1, after_2, after_3)

# %% [markdown]
# Is it so? Where a pixel can't change a number, the number's gradient is zero. We take one in the middle
# and add up the gradient's size over 200 pictures.

# %% mystnb={"image": {"alt": "Three squares: the gradient fills a small square in the middle after the first stage, a larger one after the second, and after the third reaches the borders of the picture, but is strong in the middle only."}}
probe = preprocess([render(scene) for scene in probe_scenes[:200]])
probe.requires_grad_()
fields = {}
for stage, side in (("stage 1", 16), ("stage 2", 8), ("stage 3", 4)):
    middle = cnn.intermediates(probe)[stage][:, :, side // 2, side // 2].sum()
    (gradient,) = torch.autograd.grad(middle, probe)
    strength = gradient.abs().sum(dim=(0, 1))  # (32, 32)
    wide = int((strength.sum(dim=0) > 0).sum())
    inner = strength[8:24, 8:24].sum() / strength.sum()
    print(f"{stage}: {wide} pixels wide, {inner:.0%} within the middle 16 × 16")
    fields[f"after {stage}"] = 255 * (strength / strength.max()).sqrt()
picture_row(fields)

# %% [markdown]
# 7 and 19 as computed; 43 is cut off at 32, where the picture ends. The reach isn't used evenly: the
# middle 16 × 16 are a quarter of the picture and have far more of the gradient, because windows overlap
# and more paths go through the middle. A ViT's patch looks at all others
# from the first block on.

# %% [markdown]
# ## From feature maps to one vector
#
# 16 places of 64 channels are left. **Global average pooling** takes the mean over the places, however
# many; a layer norm and a matrix lead into the space of the captions.

# %%
with torch.no_grad():
    pooled = maps[-1].mean(dim=(2, 3))  # (8, 64, 4, 4) -> (8, 64)
    encoded = cnn.projection(cnn.norm(pooled))  # (8, 64)
    assert torch.allclose(encoded, cnn(pixels), atol=1e-4)
    I = F.normalize(encoded, dim=1)  # noqa: E741
    assert torch.allclose(I, model.encode_image(pixels), atol=1e-4)
    T = model.encode_text(*tokenizer.batch(captions))  # (8, 64)
I.shape, T.shape

# %% [markdown]
# Pixels in, (8, 64) out, as with the ViT: all that follows stays as it is. (CLIP's own ResNets pool by
# attention.) Here, too, each picture finds its caption:

# %%
from clipbook.widgets import SimilarityMatrix

SimilarityMatrix(I @ T.T, pictures, captions)

# %% [markdown]
# ## Can it tell where a thing is?
#
# Maps move with the picture, and a mean doesn't care where its terms lie; so a heart top left and one
# bottom right should end in the same vector. Predict: can the CNN tell the corners apart?

# %%
corners = ("top left", "top right", "bottom left", "bottom right")
shifts = ((0, 0), (0, 16), (16, 0), (16, 16))
hearts = torch.stack([pixels[3].roll(shift, dims=(1, 2)) for shift in shifts])
places = [f"a pink heart in the {corner}" for corner in corners]
with torch.no_grad():
    texts = model.encode_text(*tokenizer.batch(places))
    cosines = model.encode_image(hearts) @ texts.T  # (4, 4)
assert cosines.argmax(dim=1).tolist() == [0, 1, 2, 3]
cosines

# %% [markdown]
# It can. The suspect is the padding: zeros round the picture make its border look different, and layer
# by layer that spreads inwards. The test: instead of ending in zeros, let the picture go on at its
# opposite border ("circular").

# %%
from copy import deepcopy

endless = deepcopy(model)
for layer in endless.modules():
    if isinstance(layer, torch.nn.Conv2d):
        layer.padding_mode = "circular"
with torch.no_grad():
    cosines = endless.encode_image(hearts) @ texts.T
assert torch.allclose(cosines, cosines[:1].expand(4, 4), atol=1e-4)
cosines

# %% [markdown]
# All rows the same: without a border the CNN is blind to such shifts, by multiples of 8, the
# product of its strides. Its places came from the border alone; a ViT is given positions.

# %% [markdown] predict={"ask": "Which is larger?", "choices": ["the ViT", "the CNN"], "right": "the ViT", "shown": "ViT: 362,016 parameters, 11.5 MFLOPs a picture CNN: 76,528 parameters"}
# ## ViT against CNN: the sizes
#
# The book's two trained models differ in their image encoder. Predict which is larger, and which
# computes more for a picture.

# %%
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

encoders = {"ViT": clipbook.load("shapes")[0].image_encoder, "CNN": cnn}
for name, encoder in encoders.items():
    count = sum(parameter.numel() for parameter in encoder.parameters())
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        encoder(pixels[:1])
    flops = counter.get_total_flops() / 1e6
    print(f"{name}: {count:8,} parameters, {flops:5.1f} MFLOPs a picture")

# %% [markdown]
# The ViT, both times.

# %% [markdown]
# ## CNN and ViT in equal time
#
# Which learns our pairs faster? Both get fresh weights, the same text encoder, recipe, batches of 64
# pairs and loss (each picture shall choose its own caption among the 64; [the next
# part](../pairs/contrastive-loss.ipynb) builds it), and the same *time*: 5 seconds of the processor,
# however many steps fit in. One run may be luck, so each gets three starts.

# %%
from time import perf_counter, process_time

from clipbook.training import PRESETS, SceneBatches, best_device


def now():
    if device.type == "cpu":
        return process_time()
    torch.cuda.synchronize()  # a GPU's work: by the clock, once it is done
    return perf_counter()


torch.set_num_threads(1)  # cores that wait for each other would count as work
device = best_device()
untrained = PRESETS["shapes-cnn"].build()
maker = SceneBatches(untrained.tokenizer, batch_size=64, twins=0)
batches = [[part.to(device) for part in maker[k]] for k in range(200)]

# %% [markdown]
# The measure: which share of new pictures chooses its own caption among 64? We take the mean over two
# batches of a stream of their own. By chance, one in 64. (The code is folded.)


# %% tags=["hide-input"]
from clipbook.evaluation import recall_at_k
from clipbook.scenes import sample_pairs

tests = []
for k in range(2):
    generator = stream("cnn: tests of the race", index=k)
    new_scenes, new_captions = sample_pairs(64, generator)
    new_pixels = preprocess([render(scene) for scene in new_scenes])
    parts = new_pixels, *untrained.tokenizer.batch(new_captions)
    tests.append([part.to(device) for part in parts])


# %% tags=["hide-input"]
def own_caption_found(model):
    model.eval()
    shares = []
    with torch.no_grad():
        for new_pixels, *new_captions in tests:
            images = model.encode_image(new_pixels)
            cosines = images @ model.encode_text(*new_captions).T  # (64, 64)
            shares.append(recall_at_k(cosines)[0])
    model.train()
    return sum(shares) / len(shares)


print(f"before training: {own_caption_found(untrained.model.to(device)):.2f}")

# %% [markdown]
# The learning rate warms up over 15 steps and falls to zero along a cosine. The clock stands still
# while we measure.


# %%
from math import cos, pi

from clipbook.image import normalise
from clipbook.training import (
    contrastive_step,
    make_optimisers,
    set_learning_rate,
)


def train_step(model, optimisers, step, share):
    rate = min(1, (step + 1) / 15) * 0.5 * (1 + cos(pi * share))
    set_learning_rate(optimisers, rate)
    pictures, token_ids, mask = batches[step % len(batches)]
    pixels = normalise(pictures)
    contrastive_step(model, pixels, token_ids, mask, None).backward()
    for optimiser in optimisers:
        optimiser.step()
    model.zero_grad()


# %%
def race(model, config, seconds=5):
    optimisers = make_optimisers(model.to(device), config)
    spent, step, curve = 0.0, 0, []
    while spent < seconds:
        if spent >= len(curve) * seconds / 5:
            curve.append((step, own_caption_found(model)))
        start = now()
        train_step(model, optimisers, step, spent / seconds)
        spent, step = spent + now() - start, step + 1
    return [*curve, (step, own_caption_found(model))]  # after 0, 1, … 5 seconds


# %% mystnb={"image": {"alt": "Own captions found against seconds of training, means of three starts: the CNN rises first and is well ahead of the ViT after five seconds."}}
from clipbook.figures import curves

shares = {"ViT": [], "CNN": []}
for seed in range(3):
    for name, preset in (("ViT", "shapes"), ("CNN", "shapes-cnn")):
        run = PRESETS[preset].build(seed)
        curve = race(run.model, run.config)
        told = [f" step {k}: {share:.2f}" for k, share in curve[1::2]]
        print(f"start {seed}, {name}:", *told)
        shares[name].append([share for _, share in curve])
means = {name: torch.tensor(runs).mean(dim=0) for name, runs in shares.items()}
means = {name: (range(6), mean) for name, mean in means.items()}
curves(means, across="processor seconds of training", up="own caption found")

# %% [markdown]
# On one core the CNN wins from all three starts: it makes more steps in the same time, and gets
# further with them. (Your seconds give other numbers, a GPU perhaps another order.) How much of
# that is its built-in neighbourhood, and how much its smaller size, the race can't say.

# %% [markdown]
# ## CNN and ViT, trained for longer
#
# The book's models were trained for 1,279 seconds (ViT) and 519 (CNN) on one core, says the model card
# in `clipbook/pretrained/shapes`. Predict the two curves of the loss (0 is perfect).

# %% mystnb={"image": {"alt": "Loss against seconds, logarithmic: the CNN's falls faster and is lower until its training ends; the ViT's goes on falling and ends lower."}}
from clipbook.pretrained import training_history


def smoothed(name, seconds, parts=25):
    loss = torch.tensor(training_history(name).loss)
    middles = (torch.arange(parts) + 0.5) * seconds / parts
    return middles, loss.reshape(parts, -1).mean(dim=1)


long_run = {"ViT": ("shapes", 1279), "CNN": ("shapes-cnn", 519)}
lines = {name: smoothed(*recording) for name, recording in long_run.items()}
for name, (_, loss) in lines.items():
    print(f"{name} ends at {loss[-1]:.3f}")
curves(lines, across="seconds of training", up="loss", log="y")

# %% [markdown]
# The CNN's is lower as long as both train. Part of that is its batch: it chooses among 64 captions,
# the ViT among 128, which is harder. Even so the ViT ends lower, given more than twice the time. The CNN
# was never given 1,279 seconds.

# %% [markdown]
# So we ask both the same, on the same 500 new scenes with a thing whose colour and shape were never
# trained together: does the picture choose its own caption among the 500? The same scenes, so we may
# compare in pairs: where only one of the two is right, which is it?

# %%
generator = stream("cnn: new pairs")
unseen, unseen_captions = sample_pairs(500, generator, "held_out")
unseen_pixels = preprocess([render(scene) for scene in unseen])
right = {}
for name in ("shapes", "shapes-cnn"):
    clip, clip_tokenizer = clipbook.load(name)
    with torch.no_grad():
        texts = clip.encode_text(*clip_tokenizer.batch(unseen_captions))
        cosines = clip.encode_image(unseen_pixels) @ texts.T  # (500, 500)
    right[name] = cosines.argmax(dim=1) == torch.arange(500)
    print(f"{name:11} {right[name].sum()} of 500")
by_vit, by_cnn = right.values()
print(f"only the ViT: {(by_vit & ~by_cnn).sum()}", end=", ")
print(f"only the CNN: {(by_cnn & ~by_vit).sum()}")

# %% [markdown]
# Both are good; where they disagree the ViT is right far more often, for more than twice the time
# and almost five times the parameters. One run and one size of each don't show more: in a second
# run of the same two recipes, says the model card, the CNN came out alike, but the ViT failed at
# relations.

# %% [markdown]
# ## Why PaliGemma's encoder is a ViT
#
# PaliGemma gives pictures to a language model, and takes its image encoder, a ViT, from SigLIP, a
# sibling of CLIP. It wants a row of **tokens** to put in front of the words. A ViT has them: at 224
# pixels with patches of 14,

# %%
print("PaliGemma, picture tokens:", (224 // 14) ** 2)
cells = maps[-1].flatten(2).transpose(1, 2)
print("our CNN could give:       ", tuple(cells.shape))

# %% [markdown]
# A CNN's places would do as well, so tokens aren't the whole reason. Scale speaks for a ViT: from
# hundreds of millions of pictures it can learn what a CNN has built in, and CLIP's authors found their
# ViTs about three times as efficient in computing as their ResNets.

# %% [markdown]
# ## Common mistakes
#
# **A picture's embedding depends on its neighbours in the batch → the model is in training mode**,
# where batch norm uses the batch's own mean. Call `.eval()`.

# %%
training = deepcopy(model).train()
with torch.no_grad():
    for name, clip in {"train": training, "eval": model}.items():
        alone = clip.encode_image(pixels[2:3])[0]
        together = clip.encode_image(pixels)[2]
        print(f"{name:5} cosine of alone and together: {alone @ together:.4f}")

# %% [markdown]
# **Another picture size raises an error in the last layer → flattened rather than pooled.** Only the
# mean has 64 numbers at every size.

# %%
flat = torch.nn.Linear(64 * 4 * 4, 64)
larger = torch.randn(8, 64, 6, 6)  # the last maps of pictures of 48 × 48
print("pooled:", tuple(larger.mean(dim=(2, 3)).shape))
try:
    flat(larger.flatten(1))
except RuntimeError as error:
    print("flattened:", error)

# %% [markdown]
# **The residual can't be added → padding is missing.** Each 3 × 3 layer without it loses a pixel on
# every side.

# %%
thinner = F.conv2d(maps[0], cnn.stages[0].refine[0].weight.detach())
try:
    maps[0] + thinner
except RuntimeError as error:
    print(error)

# %% [markdown] exercise={"minutes": 20, "difficulty": "easy"}
# ## Exercise: a whole layer
#
# Extend `convolve` to a layer: a picture of ($C$, height, width), kernels
# of ($D$, $C$, $k$, $k$), and a stride. No padding. Use sums of your own: the check refuses PyTorch's
# convolutions (`conv2d` and the like). It tries kernels of all sizes, and strides that leave a rest.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The formula above, with $p = 0$, tells the size of the result. The window of place ($r$, $c$)
# begins at pixel ($rs$, $cs$) and has all channels.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "convolve-layer", "schema_version": 3, "task": false}
def convolve_layer(picture, kernels, stride):
    """(C, height, width), (D, C, k, k) -> (D, places down, places across)."""
    ### BEGIN SOLUTION
    size = kernels.shape[-1]
    rows = (picture.shape[1] - size) // stride + 1
    columns = (picture.shape[2] - size) // stride + 1
    y = torch.zeros(len(kernels), rows, columns)
    for r in range(rows):
        for c in range(columns):
            top, left = r * stride, c * stride
            window = picture[:, top : top + size, left : left + size]
            y[:, r, c] = (kernels * window).sum(dim=(1, 2, 3))
    return y
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "convolve-layer-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, without

tried_picture = (torch.arange(70.0) ** 2 % 11).reshape(2, 5, 7)
tried_kernels = (torch.arange(54.0) ** 2 % 7 - 2).reshape(3, 2, 3, 3)
convolutions = (
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.convolution,
    torch.conv_transpose2d,
)


def layer(picture, kernels, stride=2, padding=0):
    return torch.nn.functional.conv2d(
        picture[None], kernels, stride=stride, padding=padding
    )[0]


right = layer(tried_picture, tried_kernels)  # (3, 2, 3)
one_by_one = layer(tried_picture, tried_kernels, stride=1)
mistakes = {
    "the kernel must not be turned round": layer(
        tried_picture, tried_kernels.flip(2, 3)
    ),
    "the kernel's rows and columns are exchanged": layer(
        tried_picture, tried_kernels.mT
    ),
    "the stride is ignored": one_by_one,
    "windows begin at r × stride, c × stride": one_by_one[:, :2, :3],
    "no padding here": layer(tried_picture, tried_kernels, padding=1),
    "add the products, don't average": right / 18,
    "average over channels? add them": right / 2,
    "only the first channel is used": layer(
        tried_picture[:1], tried_kernels[:, :1]
    ),
    "only the last channel is used": layer(
        tried_picture[1:], tried_kernels[:, 1:]
    ),
    "rows and columns of the result are exchanged": right.mT,
    "the last row and column of places are missing": right[:, :-1, :-1],
    "that adds up over kernels; each has a map of its own": right.sum(dim=0),
    "no ReLU here": right.relu(),
}


def check_layer(picture, kernels, stride, what, mistakes=None):
    with without(*convolutions):
        got = ask(convolve_layer, picture, kernels, stride)
    close(
        got,
        layer(picture, kernels, stride),
        what,
        tolerance=1e-3,
        mistakes=mistakes,
    )


with check("A whole layer"):
    what = "convolve_layer(picture, kernels, 2)"
    check_layer(tried_picture, tried_kernels, 2, what, mistakes)
    draw = torch.Generator().manual_seed(0)
    for C, D, height, width, k, stride in (
        (1, 3, 4, 6, 1, 2), (3, 2, 9, 4, 4, 1), (2, 1, 6, 6, 6, 5), (4, 5, 7, 8, 2, 3),
    ):  # fmt: skip
        picture = torch.randn(C, height, width, generator=draw)
        what = f"{D} kernels of {C} × {k} × {k}, stride {stride}, on {height} × {width}"
        check_layer(
            picture, torch.randn(D, C, k, k, generator=draw), stride, what
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "convolve-layer-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes and strides.
### BEGIN HIDDEN TESTS
with check("A whole layer, other sizes"):
    for C, D, height, width, k, stride in (
        (1, 1, 4, 4, 4, 1), (3, 4, 9, 6, 2, 1), (2, 3, 8, 11, 3, 3), (3, 5, 16, 16, 8, 8),
        (8, 6, 5, 12, 5, 4),
    ):  # fmt: skip
        draw = torch.Generator().manual_seed(k)
        picture = torch.randn(C, height, width, generator=draw)
        what = f"{D} kernels of {C} × {k} × {k}, stride {stride}, on {height} × {width}"
        check_layer(
            picture, torch.randn(D, C, k, k, generator=draw), stride, what
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: how far any network sees
#
# Given the layers of a CNN in order, first layer first, each as
# (kernel size, stride), return its receptive field in pixels, along one side, from the first pixel that
# can change a number to the last. There may be kernels of 1, with strides, and no layers at all.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Keep two numbers, as above. A layer's own stride widens the places of the layers *after* it.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "receptive-field", "schema_version": 3, "task": false}
def receptive_field(layers):
    """[(kernel size, stride), …] -> side of the receptive field, in pixels."""
    ### BEGIN SOLUTION
    field, j = 1, 1
    for size, stride in layers:
        field += (size - 1) * j
        j *= stride
    return field
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "receptive-field-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

mistakes = {
    "strides count: a place of a later layer is several pixels wide": 15,
    "a layer's own stride widens only the layers after it": 45,
    "go from the first layer to the last": 21,
    "don't add up the kernel sizes; each layer adds (k − 1) j": 19,
    "before any layer a number sees one pixel, not none": 34,
    "a layer adds (k − 1) j, not k j": 48,
    "fields add, they don't multiply": 600,
    "j is the product of all strides so far, not the last one": 20,
    "that is how far apart two places are": 4,
    "that is how far it sees to one side": 17,
}


def seen(layers):
    """The same, from real layers: how far the gradient of the first number reaches."""
    pixels = torch.zeros(1, 1, 3000, requires_grad=True)
    y = pixels
    for size, stride in layers:
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, size), stride=stride)
    (gradient,) = torch.autograd.grad(y[0, 0, 0], pixels)
    return gradient[0, 0].nonzero().max() + 1


with check("Receptive field"):
    tried = [(3, 2), (5, 1), (5, 2), (2, 1), (4, 1)]
    close(
        ask(receptive_field, tried),
        35,
        f"receptive_field({tried})",
        mistakes=mistakes,
    )
    networks = [
        [],
        [(5, 3)],
        [(1, 2)],
        [(1, 2), (3, 1)],
        [(2, 1), (1, 3), (1, 2), (2, 1)],
    ]
    draw = torch.Generator().manual_seed(0)
    for many in (2, 3, 4, 6):
        sizes = torch.randint(1, 6, (many,), generator=draw).tolist()
        strides = [1, 2, 3] * many
        networks.append(list(zip(sizes, strides[many:], strict=False)))
    for layers in networks:
        close(
            ask(receptive_field, layers),
            seen(layers),
            f"receptive_field({layers})",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "receptive-field-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other networks.
### BEGIN HIDDEN TESTS
with check("Receptive field of other networks"):
    stem = [(7, 2), (3, 2), *[(3, 1)] * 6, (1, 2), *[(3, 1)] * 4]
    for layers in (
        stem,
        [(8, 8), (1, 1), (2, 3), (3, 1)],
        [(14, 14)],
        [(3, 1)] * 40,
    ):
        close(
            ask(receptive_field, layers),
            seen(layers),
            f"receptive_field({layers})",
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: one layer fewer
#
# In eval mode batch norm only multiplies and adds, so it can be fused with the convolution before
# it, and then costs no time. Return the kernels and the bias of *one* convolution that does both.
# Given are the kernels ($D$, $C$, $k$, $k$), which have no bias, and $\mu$, $\sigma^2$, $g$, $b$
# and $\epsilon$ of the norm; a $g$ may be negative or 0. The check compares one convolution with
# two layers.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write batch norm as $y \cdot f + \text{rest}$: what are $f$ and the rest? $y$ is linear in the
# kernels, so a factor for map $d$ may as well multiply kernel $d$. Mind along which dimension.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "melt-norm", "schema_version": 3, "task": false}
def melt(kernels, mean, variance, gain, shift, eps):
    """(D, C, k, k) and four times (D,) -> kernels (D, C, k, k), bias (D,)."""
    ### BEGIN SOLUTION
    factor = gain / (variance + eps).sqrt()
    return kernels * factor[:, None, None, None], shift - mean * factor
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "melt-norm-check", "schema_version": 3, "task": false}
from torch.nn.functional import batch_norm, conv2d

from clipbook.exercises import ask, check, close, numbers

plain = torch.tensor([[2.0, 4], [6, 8]]).reshape(2, 2, 1, 1)
mean, variance = torch.tensor([1.0, 2]), torch.tensor([0.75, 3.75])
gain, shift, eps = torch.tensor([3.0, -5]), torch.tensor([10.0, 20]), 0.25
factor = torch.tensor([3, -2.5])


def scaled(factor):
    return plain * factor[:, None, None, None]


kernel_mistakes = {
    "divide by the root of the variance": scaled(gain / (variance + eps)),
    "ε is missing under the root": scaled(gain / variance.sqrt()),
    "ε belongs under the root": scaled(gain / (variance.sqrt() + eps)),
    "divide by the deviation, don't multiply": scaled(
        gain * (variance + eps).sqrt()
    ),
    "g is missing": scaled(1 / (variance + eps).sqrt()),
    "g keeps its sign": scaled(factor.abs()),
    "the deviation is missing": scaled(gain),
    "the kernels must change, too": plain,
    "factor d belongs to kernel d, not to input channel d": plain
    * factor[:, None, None],
}
bias_mistakes = {
    "the mean is subtracted before it is scaled; scale it, too": shift - mean,
    "the mean is missing": shift,
    "the mean is subtracted, not added": shift + mean * factor,
    "b is missing": -mean * factor,
    "b is added last and isn't scaled": (shift - mean) * factor,
    "g is missing in the mean's part": shift - mean * factor / gain,
    "g keeps its sign": shift - mean * factor.abs(),
    "the deviation is missing in the mean's part": shift - mean * gain,
}


def melted(*given):
    got = ask(melt, *given)
    two = isinstance(got, tuple | list) and len(got) == 2
    assert two, "melt must return two things, the kernels and the bias"
    return numbers(got[0], "the kernels"), numbers(got[1], "the bias")


def compare_with_two_layers(D, C, k, eps):
    draw = torch.Generator().manual_seed(D)
    kernels, x = (
        torch.randn(n, C, k + m, k, generator=draw) for n, m in ((D, 0), (2, 4))
    )
    mean, variance, gain, shift = torch.randn(4, D, generator=draw)
    variance, gain[0], variance[-1] = variance.abs(), 0, 0
    new, bias = melted(kernels, mean, variance, gain, shift, eps)
    shapes = [tuple(new.shape), tuple(bias.shape)]
    wanted = [tuple(kernels.shape), (D,)]
    assert shapes == wanted, (
        f"kernels and bias have shapes {shapes}, expected {wanted}"
    )
    want = batch_norm(conv2d(x, kernels), mean, variance, gain, shift, eps=eps)
    what = f"one layer instead of two, kernels of {tuple(kernels.shape)}"
    close(conv2d(x.double(), new, bias), want, what, tolerance=1e-3)


with check("One layer fewer"):
    kernels, bias = melted(plain, mean, variance, gain, shift, eps)
    close(
        kernels,
        scaled(factor),
        "the kernels",
        tolerance=1e-4,
        mistakes=kernel_mistakes,
    )
    close(bias, [7, 25], "the bias", tolerance=1e-4, mistakes=bias_mistakes)
    for sizes in ((4, 3, 3, 0.5), (3, 5, 1, 0.01), (2, 1, 4, 2.0)):
        compare_with_two_layers(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "melt-norm-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: real layers of the trained CNN, compared on pictures.
### BEGIN HIDDEN TESTS
import clipbook

with check("One layer fewer, in the trained CNN"), torch.no_grad():
    for sizes in ((6, 2, 5, 0.1), (16, 8, 3, 1e-3)):
        compare_with_two_layers(*sizes)
    for stage in clipbook.load("shapes-cnn")[0].image_encoder.stages:
        for conv, norm in (stage.down[:2], stage.refine[:2]):
            kept = (
                norm.running_mean,
                norm.running_var,
                norm.weight.detach(),
                norm.bias.detach(),
            )
            kernels, bias = melted(conv.weight.detach(), *kept, norm.eps)
            x = torch.randn(
                2,
                conv.in_channels,
                6,
                6,
                generator=torch.Generator().manual_seed(0),
            )
            got = conv2d(x.double(), kernels, bias, conv.stride, conv.padding)
            close(
                got,
                norm(conv(x)),
                "one layer of the CNN instead of two",
                tolerance=1e-3,
            )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** The kernels of a trained CNN: must there be one for "star in the top left" and another for
# "star in the bottom right"?
#
# <details><summary>Answer</summary>
#
# No. Each kernel is asked at every place, so one set for "star" serves all. "Yes, or it couldn't
# tell the places apart" is tempting, but *where* is the place in the map and, after the mean, what the
# border's zeros left behind.
#
# </details>

# %% [markdown]
# **2.** After stage 3 the receptive field is larger than the picture. Does each of the last 16
# places then hold the same numbers?
#
# <details><summary>Answer</summary>
#
# No. Each sees (nearly) all, but strongest round its own middle. "The same, for they see the same"
# would be true of a plain sum over the picture.
#
# </details>

# %% [markdown]
# **3.** After five seconds the CNN is far ahead. Does that show that CNNs make the better image
# encoders?
#
# <details><summary>Answer</summary>
#
# It shows who is ahead after five seconds, with these sizes, on this data. "Yes" generalises from one
# point of a curve; "no, the ViT is better" does the same with the long run, where it had more time.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built a CNN from one window of nine weights up to the vector $I$, and raced it.
#
# - A convolution asks one question at every place, with shared weights: its map moves with the
#   picture.
# - The receptive field grows by $(k - 1)\,j$ a layer, and a mean over places makes one vector.
# - What a CNN has built in pays when time and data are short; a ViT makes up for it with more of
#   both.
#
# Next: **[pictures and captions are vectors now: which belongs to
# which?](../pairs/similarity-matrix.ipynb)**

# %% [markdown]
# **Sources.** Shared weights: {cite:t}`lecun1989backprop`; residual stages: {cite:t}`he2016resnet`,
# §3; batch norm: {cite:t}`ioffe2015batchnorm`, §3. Receptive fields: {cite:t}`araujo2019receptive`;
# that the middle counts most: {cite:t}`luo2016receptive`, §2. Places from padding:
# {cite:t}`islam2020position`. Probes: {cite:t}`alain2016probes`. CLIP's ResNets and ViTs:
# {cite:t}`radford2021clip`, §2.4 and 3.2; scale against what is built in:
# {cite:t}`dosovitskiy2021vit`, §4.3; SigLIP: {cite:t}`zhai2023siglip`; PaliGemma:
# {cite:t}`beyer2024paligemma`, §3.1.
