# ---
# jupyter:
#   chapter:
#     question: How does a row of patches become one vector for the whole picture, and what must
#       a transformer learn about pictures that nobody told it?
#     objectives:
#     - build a ViT's forward pass by hand, from pixels to the image embeddings $I_1 \dots I_n$,
#       and count its parameters and operations
#     - read attention maps and position maps, and say what each does and does not show
#     - give a trained ViT pictures of another size, and name what a CNN has built in and a ViT
#       has not
#     needs: [image/patching, text/attention, text/text-encoder]
#     minutes: 50
#     place: this is the image encoder, the box that ends in $I_1 \dots I_n$
#     band: ViT
#     builds: [clipbook.image.ViT]
#     seed:
#       Image Encoder: [Vision transformer, picture, vector]
#       2. For Vision Transformer (ViT): [From patches to tokens, patch, token]
#       Transformer encoder layers process patch relationships: [Where it looks, attention, patch]
#       Image embeddings (I₁, I₂, I₃, ..., Iₙ): [The whole encoder, I_1, lengths]
# ---

# %% [markdown]
# # Vision transformer
#
# The transformer that reads captions takes a row of anything, so of patches, too. {question} We
# take our trained model apart.

# %% [markdown]
# ## From patches to tokens
#
# Our trained model, and three of the eight pictures of the running example.

# %% mystnb={"image": {"alt": "Three of the eight pictures: a red circle above a blue square, the large yellow star, a green ring beside an orange cross."}}
import torch

import clipbook
from clipbook.figures import picture_row
from clipbook.image import patchify
from clipbook.scenes import EXAMPLE, render

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
model, tokenizer = clipbook.load("shapes")
vit = model.image_encoder
scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
pixels = model.preprocess(pictures)  # (8, 3, 32, 32)
picture_row({f"picture {k + 1}": pictures[k] for k in (0, 2, 4)})

# %% [markdown] predict={"ask": "The last one", "choices": ["(8, 16, 96)", "(8, 16, 192)", "(8, 96, 16)"], "right": "(8, 16, 96)", "shown": "x (8, 16, 96)"}
# As in the last chapter, a patch is 192 numbers; the matrix $E$ turns them into $w = 96$, the **width**,
# and a row of $P$ says where the patch lies. Predict the three shapes.

# %%
patches = patchify(pixels, 8)
E = vit.patch_embedding.weight.detach().T  # (192, 96)
P = vit.positions.detach()  # (16, 96)
x = patches @ E + P
stages = {"patches": patches, "patches @ E": patches @ E, "x": x}
for name, values in stages.items():
    print(f"{name:12}", tuple(values.shape))

# %% [markdown]
# (pictures, patches, width): patches are tokens now, and from here on the encoder needn't know that it
# looks at a picture.

# %% [markdown]
# ## One vector for the picture
#
# The blocks keep one vector per token, and we want one per picture. The first ViT, like CLIP, puts a
# **class token** in front: a learned vector $c$, the same for all pictures, that gathers by
# attention what the patches know. Predict: by how much does it differ between our eight pictures
# (standard deviation) before the first block, and by how much after it?

# %%
from clipbook.image import ViT, ViTConfig

torch.manual_seed(0)
config = ViTConfig(width=96, heads=4, mlp_width=384, pooling="first")
untrained = ViT(config).eval()
with torch.no_grad():
    x = patches @ untrained.patch_embedding.weight.T  # (8, 16, 96)
    c = untrained.class_embedding.expand(8, 1, -1)  # (8, 1, 96)
    x = torch.cat([c, x], dim=1) + untrained.positions  # (8, 17, 96)
    x = untrained.input_norm(x)
    print("before ", x[:, 0].std(dim=0).mean())  # over the pictures
    for k, block in enumerate(untrained.blocks):
        x = block(x)
        print("block", k + 1, x[:, 0].std(dim=0).mean())

# %% [markdown]
# Zero: it has seen no pixel. Each block lets it look at the patches once more. Our small model has no
# class token; it takes the **mean** of all patches after the last block.

# %% [markdown]
# ## The whole encoder
#
# Patches and positions, a norm (CLIP's addition), the blocks, another norm, and a last matrix into the
# space that pictures share with captions:


# %%
@torch.no_grad()
def encode(pixels, vit):
    x = patchify(pixels, vit.config.patch_size) @ vit.patch_embedding.weight.T
    if vit.config.pooling == "first":
        x = torch.cat([vit.class_embedding.expand(len(x), 1, -1), x], dim=1)
    x = vit.input_norm(x + vit.positions)
    for block in vit.blocks:
        x = block(x)  # (8, 16 or 17, 96)
    x = x[:, 0] if vit.config.pooling == "first" else x.mean(dim=1)  # (8, 96)
    return vit.projection(vit.norm(x))  # (8, 64)


for encoder in (vit, untrained):
    assert torch.allclose(encode(pixels, encoder), encoder(pixels), atol=1e-5)
encode(pixels, vit).shape

# %% [markdown]
# The same numbers as the package's `ViT`. Divided by their lengths these eight rows are the embeddings
# $I_1 \dots I_8$, the rows of the [similarity matrix](../pairs/similarity-matrix.ipynb). Do they
# find their captions?

# %%
I = torch.nn.functional.normalize(encode(pixels, vit), dim=1)  # noqa: E741
with torch.no_grad():
    assert torch.allclose(I, model.encode_image(pixels), atol=1e-5)
    T = model.encode_text(*tokenizer.batch(captions))  # (8, 64)
print("each picture's best caption:", (I @ T.T).argmax(dim=1).tolist())

# %% [markdown]
# ## What it costs
#
# A block of width $w$ holds four $w \times w$ matrices (query, key, value, output) and two of
# $w \times 4w$ in the feed-forward network: $12w^2$ weights. Their biases are $4w$ and $4w + w$
# numbers, its two norms $2w$ each: $13w$ more. $E$ and the last matrix have no bias. Where are most
# parameters: in the patches, the positions or the blocks?

# %%
w, n, blocks, out = 96, 16, 3, 64
counts = {
    "patch embedding": 192 * w,
    "positions": n * w,
    "blocks": blocks * (12 * w**2 + 13 * w),
    "two norms": 2 * 2 * w,
    "projection": w * out,
}
for name, count in counts.items():
    print(f"{name:16} {count:8,}")
assert sum(counts.values()) == sum(part.numel() for part in vit.parameters())

# %% [markdown]
# Nearly all in the blocks. Now the operations for one picture. A product of ($a$, $b$) and ($b$,
# $d$) takes $abd$ multiplications and as many additions: $2abd$ **FLOPs**. The blocks' matrices
# meet each of $n$ tokens; attention compares and mixes all $n^2$ pairs. Like PyTorch's counter, we
# count matrix products only.

# %%
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

matrices = blocks * 2 * n * 12 * w**2
pairs = blocks * 2 * (2 * n**2 * w)  # scores, then weights @ values
ends = 2 * n * 192 * w + 2 * w * out  # patch embedding and projection
counter = FlopCounterMode(display=False)
with counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
    vit(pixels[:1])  # MATH: attention in plain products, which the counter sees
print(f"matrices {matrices:,}  pairs {pairs:,}  ends {ends:,}")
assert counter.get_total_flops() == matrices + pairs + ends

# %% [markdown] predict={"ask": "With patches half as wide, the parameters", "choices": ["stay about the same", "double", "become four times as many"], "right": "stay about the same", "shown": "ViT-B/32 50 87,849,216 8.8 1% ViT-B/16 197 86,192,640"}
# The counter agrees; with 16 tokens the pairs cost little. And in CLIP? (The device "meta" builds its
# encoders without memory for the weights.) ViT-B/32 and ViT-B/16 differ in the patch size alone. Predict
# what that does to tokens, parameters and work.

# %%
sizes = {"ViT-B/32": (32, 768, 12, 12, 512), "ViT-B/16": (16, 768, 12, 12, 512)}
sizes["ViT-L/14"] = (14, 1024, 24, 16, 768)
print("            tokens  parameters   GFLOPs   of them pairs")
for name, (patch, w, blocks, heads, out) in sizes.items():
    mlp = 4 * w
    config = ViTConfig(224, patch, w, blocks, heads, mlp, out, pooling="first")
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in ViT(config).parameters())
    n = config.patches + 1
    pairs = blocks * 4 * n**2 * w
    ends = 2 * config.patches * 3 * patch**2 * w + 2 * w * out
    total = blocks * 24 * n * w**2 + pairs + ends
    print(f"{name:12} {n:5}  {count:11,}", end="  ")
    print(f"{total / 1e9:7.1f}  {pairs / total:10.0%}")

# %% [markdown]
# Half the patch size: four times the tokens, about four times the work, and even a few parameters
# fewer, for $E$ has shrunk more than $P$ has grown. Detail costs time, not weights.

# %% [markdown]
# ## Where it looks
#
# Each patch is a query and a key; the attention weights of one query sum to 1. Choose a patch of
# the ring below, then one of the empty background, and go through the three blocks ("layers" 0 to
# 2). Predict first: will empty patches look at their neighbours, at themselves or at the things?
# Then try a picture of your own: on the page in the field below the figure, in a notebook in
# `my_picture`.

# %% tags=["live"]
from clipbook.widgets import AttentionExplorer

my_picture = pictures[4]  # or, cut square, Image.open("mine.png")
with torch.no_grad():
    weights = vit.attention_weights(pixels)  # (blocks, pictures, heads, 16, 16)
    mine = vit.attention_weights(model.preprocess([my_picture]))[:, 0]
AttentionExplorer(mine, image=my_picture, query=5)

# %% [markdown]
# To count instead of looking, we must know which patches hold a thing: those that change with its
# colour. We take 200 new scenes: `stream` gives random numbers that no training batch shares.

# %%
from dataclasses import replace

from clipbook.scenes import sample
from clipbook.streams import stream


def thing_patches(scenes):
    """(scenes, 16): 1 where a patch holds a piece of a thing."""
    replacement, painted = {"red": "blue"}, []  # all else becomes red
    for scene in scenes:
        things = [
            replace(o, colour=replacement.get(o.colour, "red"))
            for o in scene.objects
        ]
        painted.append(render(replace(scene, objects=tuple(things))))
    drawn = model.preprocess([render(scene) for scene in scenes])
    differs = model.preprocess(painted) != drawn
    return patchify(differs.float(), 8).amax(dim=2)


new_scenes = sample(200, stream("vit: where it looks"))
new_pixels = model.preprocess([render(s) for s in new_scenes])
on_things = thing_patches(new_scenes)
print(thing_patches(scenes)[4].reshape(4, 4).int())

# %% [markdown]
# Which share of an empty patch's attention goes to its neighbours (up to eight; they may hold a thing),
# which to itself, which to things? Compare the share of the *places*, what each would get if the patch
# looked everywhere alike.


# %%
rows, columns = torch.arange(16) // 4, torch.arange(16) % 4
down, along = rows[:, None] - rows, columns[:, None] - columns
away = torch.maximum(down.abs(), along.abs())  # (16, 16)
targets = {"neighbours": away == 1, "itself": away == 0}
targets["things"] = on_things[:, None]
empty = on_things == 0  # (200, 16)
torch.manual_seed(0)
print("                      places   block 1       2       3")
for name, encoder in {"untrained": ViT(vit.config), "trained": vit}.items():
    with torch.no_grad():
        looks = encoder.attention_weights(new_pixels)
        looks = looks.mean(dim=2)  # over the heads: (3, 200, 16, 16)
    for target, where in targets.items():
        where = where.float().expand(200, 16, 16)
        share = (looks * where).sum(dim=-1)[:, empty].mean(dim=1)  # (3,)
        places = where.mean(dim=-1)[empty].mean()
        told = [f"{number:7.2f}" for number in share]
        print(f"{name:9} {target:10} {places:7.2f}", *told)
assert share[-1] > 1.2 * places  # trained, things, last block

# %% [markdown]
# Untrained, each gets about its share of the places. Trained, an empty patch looks at its neighbours
# first, and away from things; in the last block mostly at things, near or far, and hardly at itself,
# though nobody ever marked a thing in a picture.

# %% [markdown]
# ## Attention is not importance
#
# Does attention show what the result *depends* on? A weight says how much of a value is taken, not
# what it holds. Harder evidence is **occlusion**: cover a patch with background, and see how far
# the picture's embedding turns (1 minus the cosine). The star lies in patches 5, 6, 9 and 10. Which
# does the model need most?


# %%
from clipbook.image import unpatchify


def turned_by_covering(scenes):
    """(scenes, 16): how far an embedding turns when this patch is covered."""
    pixels = model.preprocess([render(scene) for scene in scenes])
    empty = thing_patches(scenes) == 0
    patches, turned = patchify(pixels, 8), []
    first = empty.float().argmax(dim=1)  # the first empty patch
    ground = patches[torch.arange(len(scenes)), first]  # (scenes, 192)
    with torch.no_grad():
        whole = model.encode_image(pixels)
        for k in range(16):
            covered = patches.clone()
            covered[:, k] = ground
            images = model.encode_image(unpatchify(covered, 8))
            turned.append(1 - (images * whole).sum(dim=1))
    return torch.stack(turned, dim=1)


# %% mystnb={"image": {"alt": "Three squares: the star; the attention that each patch receives in the last block, strongest in its upper left quarter; the change when a patch is covered, largest in the two lower quarters of the star."}}
received = weights[-1, 2].mean(dim=(0, 1))  # (16,), over heads and queries
maps = {"attention received": received}
maps["change when covered"] = turned_by_covering(scenes)[2]
panels = {"the star": pictures[2]}
for name, values in maps.items():
    print(f"{name:19}", *(f" {k}: {values[k]:.3f}" for k in (5, 6, 9, 10)))
    panels[name] = (255 * values / values.max()).reshape(4, 4)
picture_row(panels)

# %% [markdown]
# Of the four, patch 5 receives most attention and 9 least, yet covering 9 turns the embedding furthest.
# Is the star an exception? In how many of the 200 new pictures is the patch that receives most
# attention the one whose covering turns the embedding most?

# %%
with torch.no_grad():
    last = vit.attention_weights(new_pixels)[-1]  # (200, 4, 16, 16)
received = last.mean(dim=(1, 2))  # (200, 16)
agree = received.argmax(dim=1) == turned_by_covering(new_scenes).argmax(dim=1)
print(f"{agree.sum()} of 200; if chosen blindly, about {200 / 16:.0f}")

# %% [markdown]
# Far more than by chance, far from all: a patch also keeps its vector in the residual and counts in the
# mean. Read an attention map as a hint; cover things up before you claim anything.

# %% [markdown]
# ## What it learned about places
#
# To a fresh ViT patch 5 is no nearer to patch 6 than to patch 15: the rows of $P$ are random. And
# after training? We compare three rows with all 16, by their cosine.


# %% mystnb={"image": {"alt": "Three maps of four by four: besides the patch itself, which is darkest red, its neighbours are reddish and far patches bluish."}}
from clipbook.figures import signed_maps


def position_cosines(P):
    rows = P / P.norm(dim=1, keepdim=True)
    return rows @ rows.T  # (16, 16)


learned = position_cosines(P).reshape(16, 4, 4)
maps = {f"patch {k}": learned[k] for k in (0, 5, 14)}
signed_maps(maps, across="column", up="row")

# %% [markdown]
# The row of a patch points a little the way of its neighbours'. Over all pairs, by distance:

# %% mystnb={"image": {"alt": "The trained model's cosines fall from clearly positive between neighbours to below zero far apart; those of random rows stay near zero at all distances."}}
from clipbook.figures import curves

places = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))  # (16, 2)
distance = torch.cdist(places, places).round(decimals=2)
random_rows = torch.randn(16, 96, generator=torch.Generator().manual_seed(0))
steps = distance.unique()[1:]
lines = {
    name: (steps, [position_cosines(rows)[distance == d].mean() for d in steps])
    for name, rows in {"trained": P, "random": random_rows}.items()
}
print("distance", steps)
for name, (_, cosines) in lines.items():
    print(f"{name:8}", torch.stack(cosines))
curves(lines, across="distance, in patches", up="mean cosine")

# %% [markdown]
# Neighbours are far from alike (that would be 1), but their mean cosine is clearly above 0, and falls with
# the distance; random rows stay near 0. The model drew that map itself, from pictures and captions.

# %% [markdown]
# ## A larger picture
#
# A picture of 48 × 48 pixels has 36 patches, and $P$ has 16 rows. But neighbours' rows have something in
# common, so we lay $P$ out as a 4 × 4 map and stretch that to 6 × 6: each new place takes a mean of the old
# places round it, at most four, the nearer the more (**bilinear** interpolation). Does the model
# still find the captions?


# %%
def stretched(P, new):
    old = round(len(P) ** 0.5)
    grid = P.T.reshape(1, -1, old, old)  # (1, 96, 4, 4): width as channels
    grid = torch.nn.functional.interpolate(grid, (new, new), mode="bilinear")
    return grid.flatten(2)[0].T  # (new², 96)


def at_size(size, positions):
    larger = ViT(replace(vit.config, image_size=size)).eval()
    larger.load_state_dict(vit.state_dict() | {"positions": positions})
    return larger


assert torch.allclose(stretched(P, 4), P)
stretched(P, 6).shape

# %% [markdown]
# We draw 200 scenes at several sizes; how many find their own among 200 captions? For comparison we
# leave $P$ as it is and fill it up with random rows. Then row 4, which began the second row of patches,
# comes to lie in the first.


# %%
import numpy as np

from clipbook.scenes import sample_pairs

new_pairs, their_captions = sample_pairs(200, stream("vit: new pairs"))
with torch.no_grad():
    texts = model.encode_text(*tokenizer.batch(their_captions))
texts.shape

# %%
from clipbook.image import preprocess

generator = torch.Generator().manual_seed(0)
extended = torch.cat([P, torch.randn(64, 96, generator=generator)])
with torch.no_grad():
    for size in (32, 40, 48, 64):
        new = size // 8
        batch = preprocess([render(scene, size) for scene in new_pairs], size)
        ways = {"stretched": stretched(P, new), "filled up": extended[: new**2]}
        for name, rows in ways.items():
            choices = (at_size(size, rows)(batch) @ texts.T).argmax(dim=1)
            right = (choices == torch.arange(200)).float().mean()
            print(f"{size} px, {name:10} {right:.2f}")

# %% [markdown]
# Stretching saves most of it, filling up little. The further from 32, the worse, also because a patch now
# shows a smaller piece of a thing than any in training. So a ViT is trained on after stretching: CLIP's
# largest, for one more epoch at 336 pixels.

# %% [markdown]
# ## Equal to CLIP's
#
# Would the weights of others fit into our encoder? We let `transformers` make a small CLIP with random
# weights, and carry them over.

# %%
from transformers import CLIPConfig, CLIPModel

from clipbook.pretrained import from_transformers

tower = {"hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 192}
tower["num_hidden_layers"] = 2
text = tower | {"vocab_size": 99, "bos_token_id": 97, "eos_token_id": 98}
vision = tower | {"image_size": 32, "patch_size": 8}
torch.manual_seed(0)
config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=64)
theirs = CLIPModel(config).eval()
ours = from_transformers(theirs).image_encoder
with torch.no_grad():
    want = theirs.visual_projection(theirs.vision_model(pixels).pooler_output)
assert torch.allclose(encode(pixels, ours), want, atol=1e-5)
ours.config

# %% [markdown]
# The same, with a class token and another activation, `quick_gelu`.

# %% [markdown]
# ## Patches in another order
#
# Exchange patches in *every* picture of the world, always in the same way. Predict: would a ViT find
# its task harder?

# %% mystnb={"image": {"alt": "The star, and its sixteen patches in a random order, in which no star can be seen."}}
order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
jigsaw = unpatchify(patches[:, order], 8)
reordered = at_size(32, P[order])
assert torch.allclose(encode(jigsaw, reordered), encode(pixels, vit), atol=1e-4)
levels = torch.tensor(np.asarray(pictures[2])).permute(2, 0, 1)[None]
mixed = unpatchify(patchify(levels.float(), 8)[:, order], 8)[0].permute(1, 2, 0)
picture_row({"the world": pictures[2], "a jigsaw world": mixed.byte()})

# %% [markdown]
# No harder at all. With the rows of $P$ in the same order every embedding stays the same; and as a
# fresh $P$ is random, one order is as good a start as another. Nothing in the ViT says that patches
# lie in a plane. What a [CNN](cnn.ipynb) takes for granted, that near things belong together and look
# the same wherever they lie, is its **inductive bias**.

# %% [markdown]
# What isn't built in must be learned. A small race: in which of five places (top left … middle) does
# the one thing lie? A CNN and two ViTs get 1,000 pictures and 75 steps. The ViTs differ in the
# deviation of $P$'s random start: 1 or 0.1. Predict the order. Luck, or a learning rate that suits one of
# them, could decide, so we take four starts at each of two rates. (The training loop is folded.)


# %%
from clipbook.image import CNN, CNNConfig
from clipbook.scenes import PLACES

single_scenes = sample(2600, stream("vit: one thing in a place"), objects=1)
single_scenes = [scene for scene in single_scenes if scene.objects[0].place]
single_scenes = single_scenes[:1400]
inputs = model.preprocess([render(scene) for scene in single_scenes])
places = [scene.objects[0].place for scene in single_scenes]
labels = torch.tensor([PLACES.index(place) for place in places])  # (1400,)


def racers(seed):
    sizes = {"depth": 1, "mlp_width": 128, "embed_dim": 5}
    torch.manual_seed(seed)
    encoders = {"CNN": CNN(CNNConfig(widths=(16, 32), embed_dim=5))}
    for spread in (1.0, 0.1):
        torch.manual_seed(seed)
        config = ViTConfig(**sizes, position_std=spread)
        encoders[f"ViT, P of {spread:g}"] = ViT(config)
    return encoders


def size(racer):
    return sum(parameter.numel() for parameter in racer.parameters())


print({name: size(racer) for name, racer in racers(0).items()})


# %% tags=["hide-input"]
def race(racer, seed, rate):
    draw = torch.Generator().manual_seed(seed)  # the same batches for all three
    optimiser, right = torch.optim.AdamW(racer.parameters(), lr=rate), []
    for step in range(76):
        if step % 25 == 0:
            with torch.no_grad():
                choices = racer.eval()(inputs[1000:]).argmax(dim=1)
            right.append((choices == labels[1000:]).float().mean().item())
        pick = torch.randint(1000, (64,), generator=draw)
        optimiser.zero_grad()
        answers = racer.train()(inputs[pick])
        torch.nn.functional.cross_entropy(answers, labels[pick]).backward()
        optimiser.step()
    return right  # after 0, 25, 50 and 75 steps


# %% mystnb={"image": {"alt": "Right answers over 75 steps, means of eight runs: after 50 and 75 steps the CNN leads, the ViT with large positions follows, and the ViT with small positions is hardly better than guessing."}}
runs = {name: [] for name in racers(0)}
for rate, seed in ((r, s) for r in (5e-4, 2e-3) for s in range(4)):
    for name, racer in racers(seed).items():
        runs[name].append(race(racer, seed, rate))
for name, shares in runs.items():
    told = [f"{share[-1]:.2f}" for share in shares]
    print(f"{name:13} after 75 steps:", *told)
lines = {}
for name, shares in runs.items():
    lines[name] = range(0, 76, 25), torch.tensor(shares).mean(dim=0)
curves(lines, across="step", up="right answers")

# %% [markdown]
# In all eight runs the CNN, with the fewest parameters, is ahead after 75 steps, and the ViT with a
# small $P$ is last. (How the CNN knows places, the next chapter tells.) On a large scale it's alike:
# trained on ImageNet's 1.3 million pictures ViTs stayed behind CNNs of like size, on 300 million they
# won.

# %% [markdown]
# ## Common mistakes
#
# **Loaded weights give nearly the right features → another activation.** CLIP's `quick_gelu`,
# $x\,\sigma(1.702x)$ with the sigmoid $\sigma$, is close to GELU.

# %%
almost = ViT(replace(ours.config, activation="gelu")).eval()
almost.load_state_dict(ours.state_dict())
with torch.no_grad():
    gap = (almost(pixels) - want).abs().max()
print(f"largest difference {gap:.3f}", end=", ")
print(f"largest number {want.abs().max():.3f}")
assert not torch.allclose(encode(pixels, almost), want, atol=1e-5)

# %% [markdown]
# **Every picture gets the same features → the class token is read where it has seen nothing**, in
# front of the blocks.

# %%
blind = ViT(ViTConfig(depth=0, pooling="first"))
with torch.no_grad():
    print("differs between pictures by", blind(pixels).std(dim=0).max().item())

# %% [markdown]
# **After stretching, even the old size finds almost nothing → `reshape` where the width must move.**
# From (16, 96) to (96, 4, 4) both run; only `.T` first keeps a place's numbers together. Of the 200
# scenes, which share still finds its caption?

# %%
scrambled = P.reshape(1, 96, 4, 4).flatten(2)[0].T
transposed = P.T.reshape(1, 96, 4, 4).flatten(2)[0].T
batch = model.preprocess([render(scene) for scene in new_pairs])
for name, rows in {"reshape": scrambled, "T, then reshape": transposed}.items():
    choices = (encode(batch, at_size(32, rows)) @ texts.T).argmax(dim=1)
    print(f"{name:16} {(choices == torch.arange(200)).float().mean():.2f}")

# %% [markdown] exercise={"minutes": 15, "difficulty": "easy"}
# ## Exercise: the class token's map
#
# What does CLIP's class token look at? Given the attention weights of
# one picture, (layers, heads, tokens, tokens), class token first and a square of patches behind it,
# return its map in the **last** layer: average the heads, leave out its look at itself, then divide so
# that the map sums to 1. Any number of layers, heads and patches must do.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Rows are queries. One row of the averaged matrix is the class token's; its first entry is the look
# at itself.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "class-map", "schema_version": 3, "task": false}
def class_map(weights):
    """(layers, heads, 1 + side², 1 + side²) -> (side, side), summing to 1."""
    ### BEGIN SOLUTION
    looks = weights[-1].mean(dim=0)[0, 1:]
    side = round(len(looks) ** 0.5)
    return (looks / looks.sum()).reshape(side, side)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "class-map-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

# layers, heads, a class token and 2 × 2 patches
heads_two = torch.full((2, 2, 5, 5), 0.2)
heads_two[1, 0, 0] = torch.tensor([0.6, 0.1, 0.2, 0.05, 0.05])
heads_two[1, 1, 0] = torch.tensor([0.4, 0.3, 0.0, 0.2, 0.1])
heads_two[1, :, 1:, 0] = torch.tensor([0.12, 0.2, 0.32, 0.36])
heads_two[1, :, 1:, 1:] = (1 - heads_two[1, :, 1:, :1]) / 4
heads_two[0, :, 0] = torch.tensor([0.2, 0.08, 0.32, 0.16, 0.24])
mistakes = {
    "divide by the sum of what is left": [[0.2, 0.1], [0.125, 0.075]],
    "rows are queries; that is who looks at the class token": [
        [0.12, 0.2],
        [0.32, 0.36],
    ],
    "that is the first layer": [[0.1, 0.4], [0.2, 0.3]],
    "that is the first head alone; average the heads": [
        [0.25, 0.5],
        [0.125, 0.125],
    ],
    "that is the last head alone; average the heads": [
        [0.5, 0],
        [0.33333, 0.16667],
    ],
    "average the heads first, then divide": [[0.375, 0.25], [0.22917, 0.14583]],
    "the last layer alone, not the mean over layers": [
        [0.21538, 0.32308],
        [0.21923, 0.24231],
    ],
    "patches go row by row; yours go down the columns": [
        [0.4, 0.25],
        [0.2, 0.15],
    ],
    "they are weights already; divide, no second softmax": [
        [0.2692, 0.24359],
        [0.24976, 0.23758],
    ],
}


def hide(wanted, layers, heads):
    """Weights of which `wanted` is the map: random ones, but for the last layer's class token."""
    draw = torch.Generator().manual_seed(heads)
    tokens = 1 + wanted.numel()
    weights = torch.randn(
        layers, heads, tokens, tokens, generator=draw
    ).softmax(dim=-1)
    # how the heads differ
    apart = torch.rand(heads, tokens, generator=draw) / tokens / 4
    apart = (
        apart
        - apart.mean(dim=0)
        - apart.mean(dim=1, keepdim=True)
        + apart.mean()
    )
    weights[-1, :, 0] = (
        torch.cat([torch.tensor([0.4]), 0.6 * wanted.flatten()]) + apart
    )
    return weights


with check("Class map"):
    got = ask(class_map, heads_two)
    close(
        got,
        [[0.4, 0.2], [0.25, 0.15]],
        "class_map(weights)",
        tolerance=1e-4,
        mistakes=mistakes,
    )
    for side, layers, heads in ((3, 1, 4), (4, 3, 1), (2, 4, 3), (1, 2, 5)):
        wanted = 1 + torch.rand(
            side, side, generator=torch.Generator().manual_seed(side)
        )
        wanted = wanted / wanted.sum()
        what = f"the map of {side} × {side} patches, {heads} heads, {layers} layers"
        close(ask(class_map, hide(wanted, layers, heads)), wanted, what)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "class-map-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: a real encoder, and larger squares.
### BEGIN HIDDEN TESTS
from clipbook.image import ViT, ViTConfig

with check("Class map, of encoders"), torch.no_grad():
    for side, layers, heads in ((1, 1, 1), (5, 2, 3), (7, 12, 6)):
        torch.manual_seed(side)
        tried = ViT(
            ViTConfig(8 * side, 8, 12, layers, heads, 16, 4, pooling="first")
        )
        found = tried.attention_weights(torch.randn(1, 3, 8 * side, 8 * side))[
            :, 0
        ]
        looks = found[layers - 1, :, 0, 1:].double().sum(dim=0)
        want = (looks / looks.sum()).reshape(side, side)
        what = f"the map of {side} × {side} patches, {heads} heads, {layers} layers"
        close(ask(class_map, found), want, what)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: count them
#
# How many parameters has a ViT **with a class token**? As in this
# chapter: three colour channels, a bias for each matrix of the blocks and no other, a weight and a bias
# for each number in a layer norm. The check builds other ViTs and counts.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Go through `encode` line by line. The feed-forward network is `mlp_width` wide, not always four
# times the width. A block has two norms, and two more stand outside the blocks.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "vit-parameters", "schema_version": 3, "task": false}
def vit_parameters(image_size, patch_size, width, depth, mlp_width, embed_dim):
    """The number of parameters of a ViT that has a class token."""
    ### BEGIN SOLUTION
    tokens = (image_size // patch_size) ** 2 + 1
    before = 3 * patch_size**2 * width + width + tokens * width
    attention = 4 * width**2 + 4 * width
    mlp = 2 * width * mlp_width + mlp_width + width
    norm = 2 * width
    blocks = depth * (attention + mlp + 2 * norm)
    return before + blocks + 2 * norm + width * embed_dim
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "vit-parameters-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.image import ViT, ViTConfig

mistakes = {
    "10 are missing: the class token is a parameter, and has a position as well": 3865,
    "20 are missing: the class token and its position, or a norm outside the blocks": 3855,
    "the two norms outside the blocks are missing": 3835,
    "there are two norms in a block": 3815,
    "a norm has a weight and a bias": 3795,
    "query, key and value have biases, too": 3785,
    "the feed-forward network's biases are missing": 3770,
    "the blocks lack either their norms or the biases of attention": 3755,
    "the projection is missing": 3745,
    "the norms are missing": 3715,
    "the positions are missing": 3705,
    "the biases in the blocks are missing": 3650,
    "the patch embedding has no bias": 3885,
    "the projection has no bias": 3888,
    "patch embedding and projection have no bias": 3898,
    "a patch has three channels": 3555,
    "attention has a fourth matrix, for the output": 3545,
    "a patch has patch_size² pixels": 3515,
    "the patch embedding is missing": 3395,
    "the feed-forward network has two matrices": 3095,
    "there are `depth` blocks, not one": 1845,
    "the feed-forward network is mlp_width wide, here not 4 × width": 4820,
}


def counted(image, patch, width, depth, mlp, dim):
    config = ViTConfig(image, patch, width, depth, 1, mlp, dim, pooling="first")
    with torch.device("meta"):
        return sum(one.numel() for one in ViT(config).parameters())


with check("Count them"):
    got = ask(vit_parameters, 16, 4, 10, 3, 25, 13)
    close(
        got,
        3875,
        "vit_parameters(16, 4, 10, 3, 25, 13)",
        tolerance=0.1,
        mistakes=mistakes,
    )
    for size in (
        (24, 8, 12, 1, 7, 5),
        (35, 7, 6, 0, 24, 11),
        (8, 8, 9, 3, 40, 2),
    ):
        want, what = counted(*size), f"vit_parameters{size}"
        close(ask(vit_parameters, *size), want, what, tolerance=0.1)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "vit-parameters-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: CLIP's own sizes.
### BEGIN HIDDEN TESTS
with check("Count them, at CLIP's sizes"):
    for size in (
        (224, 32, 768, 12, 3072, 512),
        (336, 14, 1024, 24, 4096, 768),
        (9, 3, 4, 0, 6, 3),
    ):
        want, what = counted(*size), f"vit_parameters{size}"
        close(ask(vit_parameters, *size), want, what, tolerance=0.1)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "medium"}
# ## Exercise: stretch CLIP's positions
#
# CLIP's $P$ has one row more, for the class token, which lies nowhere;
# and pictures needn't be square. `old` and `new` are (rows, columns) of patches. Given $P$ of shape
# (1 + old rows · old columns, width), class token first, return that row unchanged, and behind it the
# map stretched bilinearly to the new rows and columns: (1 + new rows · new columns, width). By any
# factor; where it shrinks, without antialiasing.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Take row 0 off first and put it back last. `stretched` shows the way for squares: `interpolate` wants
# (batch, channels, rows, columns). Leave its other settings alone.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "stretch-positions", "schema_version": 3, "task": false}
def stretch_positions(positions, old, new):
    """(1 + old rows · columns, width) -> (1 + new rows · columns, width)."""
    ### BEGIN SOLUTION
    first, rest = positions[:1], positions[1:]
    grid = rest.reshape(1, *old, -1).permute(0, 3, 1, 2)  # (1, width, old, old)
    grid = torch.nn.functional.interpolate(grid, new, mode="bilinear")
    return torch.cat([first, grid[0].flatten(1).T])
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "stretch-positions-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

places_six = torch.tensor(
    [[10, 2], [30, 4], [50, 16], [90, 8], [20, 32], [70, 64.0]]
)
row_first = torch.tensor([[7.0, 9.0]])


def spread(rows, shares="centres", old=(2, 3), new=(4, 6)):
    """The map stretched by hand: each new place takes shares of old rows, then of old columns."""
    taken = []
    for size, many in zip(old, new, strict=True):
        at = ((torch.arange(many) + 0.5) * size / many - 0.5).clamp(0, size - 1)
        if shares == "corners":
            at = torch.arange(many) * (size - 1) / (many - 1)
        if shares == "nearest":
            at = torch.arange(many) * size // many * 1.0
        taken.append(
            (1 - (at[:, None] - torch.arange(size)).abs()).clamp(min=0)
        )
    grid = torch.as_tensor(rows).reshape(*old, -1)
    return torch.einsum("ra,cb,abw->rcw", *taken, grid).flatten(0, 1)


right = spread(places_six)
mistakes = {
    "the row of the class token is missing": right,
    "the class token comes first": torch.cat([right, row_first]),
    "the class token's row stays as it is": torch.cat([right[:1] * 0, right]),
    "the class token's row stays as it is, it is no mean": torch.cat(
        [right.mean(0)[None], right]
    ),
} | {
    hint: torch.cat([row_first, rows])
    for hint, rows in {
        "move the width in front; reshape alone mixes it": spread(
            places_six.reshape(2, 6).T
        ),
        "leave align_corners alone": spread(places_six, "corners"),
        "that copies the nearest place; mode is bilinear": spread(
            places_six, "nearest"
        ),
        "old is (rows, columns)": spread(places_six, old=(3, 2)),
        "new is (rows, columns)": spread(places_six, new=(6, 4)),
        "old and new are (rows, columns)": spread(
            places_six, old=(3, 2), new=(6, 4)
        ),
        "yours goes down the columns": right.reshape(4, 6, 2)
        .transpose(0, 1)
        .flatten(0, 1),
    }.items()
}
with check("Stretch positions"):
    given = torch.cat([row_first, places_six])
    got = ask(stretch_positions, given, (2, 3), (4, 6))
    want = torch.cat([row_first, right])
    close(
        got,
        want,
        "stretch_positions(P, (2, 3), (4, 6))",
        tolerance=1e-3,
        mistakes=mistakes,
    )
    for old, new in (
        ((3, 2), (5, 3)), ((2, 4), (2, 4)), ((4, 5), (7, 2)), ((3, 3), (1, 1)), ((1, 2), (3, 5)),
    ):  # fmt: skip
        given = torch.randn(
            1 + old[0] * old[1],
            5,
            generator=torch.Generator().manual_seed(new[0]),
        )
        want = torch.cat([given[:1], spread(given[1:], old=old, new=new)])
        close(
            ask(stretch_positions, given, old, new),
            want,
            f"P from {old} to {new}",
            tolerance=1e-4,
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "stretch-positions-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes, CLIP's among them.
### BEGIN HIDDEN TESTS
with check("Stretch positions, other sizes"):
    for old, new, width in (
        ((7, 7), (12, 12), 64), ((7, 5), (5, 12), 6), ((5, 3), (2, 2), 1), ((1, 1), (3, 2), 3),
    ):  # fmt: skip
        draw = torch.Generator().manual_seed(old[0])
        given = torch.randn(1 + old[0] * old[1], width, generator=draw)
        grid = given[1:].T.reshape(1, width, *old)
        ways = [
            {"mode": "bilinear"},
            {"mode": "bicubic"},
            {"mode": "bilinear", "antialias": True},
        ]
        grids = [
            torch.nn.functional.interpolate(grid, new, **way)[0] for way in ways
        ]
        want, *others = [
            torch.cat([given[:1], one.flatten(1).T]) for one in grids
        ]
        hints = ("mode is bilinear, not bicubic", "without antialiasing")
        mistakes = dict(zip(hints, others, strict=True))
        got = ask(stretch_positions, given, old, new)
        what = f"P from {old} to {new}"
        close(got, want, what, tolerance=1e-4, mistakes=mistakes)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A class token's map is bright on the dog's head. Has the model recognised the dog by its
# head?
#
# <details><summary>Answer</summary>
#
# Not shown. The map says how much is taken from there in one layer; what that value holds, the layers
# before have mixed. "Yes" skips that; "no, maps mean nothing" goes too far: covering the head is the
# test.
#
# </details>

# %% [markdown]
# **2.** Pictures of 448 pixels instead of 224, the same patch size. What happens to the parameters
# and to the work?
#
# <details><summary>Answer</summary>
#
# Four times the tokens: the matrices' work grows four times, the pairs' sixteen times. Only $P$ has
# more rows; all other parameters stay. "Four times the parameters" mistakes a ViT for a network with a
# weight per pixel.
#
# </details>

# %% [markdown]
# **3.** We set all rows of $P$ to zero and train like that. Which captions can the model still learn
# to tell apart: "a red star" from "a blue star", or "a red circle above a blue square" from its
# reverse?
#
# <details><summary>Answer</summary>
#
# The colours: what is in the patches is still there. The relation mostly not: the patches are a bag
# (a hint survives where one patch holds parts of both). "Neither" forgets that a patch brings its
# pixels along.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the image encoder of CLIP, equal to the published one, and looked inside ours.
#
# - Patches are tokens: a matrix, positions, then the same blocks as for texts; a class token or the
#   mean stands for the picture.
# - Smaller patches cost work, not parameters; attention maps hint at what matters, covering tests it.
# - Nearness isn't built in. A ViT learns it, which takes data, and its map can be stretched.
#
# Next: **[what if nearness is built in: does a convolutional network do better on our
# pairs?](cnn.ipynb)**

# %% [markdown]
# **Sources.** The architecture and its class token: {cite:t}`dosovitskiy2021vit`, §3.1; stretching
# positions and training on, §3.2; data against inductive bias, §4.3; position maps, §4.5. The norm
# in front of the blocks: {cite:t}`radford2021clip`, §2.4; one epoch at 336 pixels, §2.5; the sizes, its
# appendix. Attention: {cite:t}`vaswani2017attention`, §3.2; GELU and its approximation:
# {cite:t}`hendrycks2016gelu`.
