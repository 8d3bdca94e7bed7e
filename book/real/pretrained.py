# ---
# jupyter:
#   chapter:
#     question: What do CLIP and SigLIP make of photographs, and which failures of our small model are
#       theirs as well?
#     objectives:
#     - load CLIP and SigLIP into the modules that this book built, and say in which four main things
#       they differ
#     - build attention pooling by hand, and read a logit with a bias
#     - 'test a model as a sceptic does: with a control, in pairs, against guessing'
#     needs: [pairs/zero-shot, image/vit, text/text-encoder]
#     minutes: 42
#     place: 'this is the whole of it, with weights that others trained on far more pairs'
#     band: CLIP, SigLIP
#     builds: [clipbook.transformer.AttentionPooling]
# ---

# %% [markdown]
# # CLIP and SigLIP themselves
#
# So far we trained every model ourselves, on drawings. Two famous ones fit into the same modules.
# {question} This chapter is a laboratory: each section asks, you predict, and the weights answer, where
# they can be fetched.

# %% [markdown]
# ## Load CLIP and SigLIP
#
# OpenAI's CLIP is 605 MB, Google's SigLIP 813 MB: fetched once, then kept. Run it in Colab. Where the
# network is missing, the page runs on **stand-ins** and says so: then it shows how each test is made,
# not what CLIP does, and what is known of CLIP is cited.

# %%
import torch

import clipbook


def load_or_stand_in(name, make):
    try:
        return *clipbook.load(name), True
    except ConnectionError:
        print(f"STAND-IN: {name} isn't kept here", end=", ")
        print("and the hub can't be reached.")
        return *make(), False


torch.set_printoptions(precision=3, sci_mode=False, linewidth=80)
name = "openai/clip-vit-base-patch32"
model, tokenizer, real = load_or_stand_in(name, clipbook.load)
if not real:
    print("It is the book's own small model", end=", ")
    print("which has never seen a photograph.")
    print("What it says of one means NOTHING about CLIP", end="; ")
    print("predict for CLIP all the same.")

# %% [markdown]
# It is the same class as ours, with other sizes. `ViT-B/32` has 12 blocks of width 768 and patches of 32
# px; its text encoder 12 blocks of width 512, and 49,408 tokens. A block holds about $12 w^2$ weights.
# Predict for CLIP: how many million weights in all?

# %%
image, text = model.config.image, model.config.text
pooled = image.pooling == "first"
print("a class token" if pooled else "a mean over patches", image.activation)
print(f"pictures of {image.image_size} px", end=", ")
print(f"{image.patches} patches, {image.width} numbers each")
print(f"{text.vocab_size:,} tokens, texts of {text.context_length}", end=", ")
print(f"scale {model.scale:.0f}")
weights = sum(parameter.numel() for parameter in model.parameters())
print(f"{weights / 1e6:.1f} million weights", end=", ")
print(f"for an embedding of {image.embed_dim} numbers")
assert isinstance(model, clipbook.pairs.CLIP)

# %% [markdown]
# CLIP has $12 \cdot 12 \cdot 768^2 \approx 85$ million in the blocks of its ViT, 38 in those of its text encoder,
# 25 in the table of its tokens; with the rest 151 million. At 4 bytes each these are the 605 MB.

# %% [markdown]
# ## Eight photographs
#
# They come with the package scikit-image. Each gets one plain caption.

# %% mystnb={"image": {"alt": "Eight photographs: an astronaut, a cat's face, a cup of coffee, a rocket at night, many galaxies, ancient coins, a man with a camera on a tripod, a brick wall."}}
import skimage.data
from PIL import Image

from clipbook.figures import pairs_strip

names = ["astronaut", "chelsea", "coffee", "rocket"]
names += ["hubble_deep_field", "coins", "camera", "brick"]
photos = [Image.fromarray(getattr(skimage.data, name)()) for name in names]
photos = [photo.convert("RGB") for photo in photos]
things = ["an astronaut", "a cat", "a cup of coffee", "a rocket"]
things += ["galaxies", "old coins", "a man with a camera", "a brick wall"]
captions = [f"a photo of {thing}" for thing in things]
pairs_strip([photo.reduce(4) for photo in photos], captions)

# %% [markdown]
# Predict for CLIP: how large is the cosine of a photograph with its own caption? With another's? Then
# choose *row* in the figure: how certain is each choice?

# %%
from clipbook.widgets import SimilarityMatrix

with torch.no_grad():
    I_all = model.encode_image(model.preprocess(photos))  # (8, embed_dim)
    T_all = model.encode_text(*tokenizer.batch(captions))  # (8, embed_dim)
S = I_all @ T_all.T  # (8, 8)
own = S.diagonal()
others = S[~torch.eye(8, dtype=torch.bool)]
print(f"own caption {own.mean():.2f}, others' {others.mean():.2f}", end=", ")
print(f"right in {(S.argmax(dim=1) == torch.arange(8)).sum()} of 8 rows")
assert S.shape == (8, 8) and S.abs().max() <= 1 + 1e-4
thumbnails = [photo.resize((36, 36)) for photo in photos]
SimilarityMatrix(S, thumbnails, captions, temperature=1 / model.scale.item())

# %% [markdown]
# A model can be certain though its cosines are far from 1: CLIP's scale, which training let rise to its
# cap of 100 ({cite:t}`radford2021clip`, §2.5), makes a lead of 0.05 multiply the odds by
# $e^5 \approx 148$. So a cosine alone means little; its lead over others does.

# %% [markdown]
# ## What SigLIP changes
#
# Above all [the loss](../scale/sigmoid-loss.ipynb), which asks of each pair a question with yes or no. In
# the model mainly four things: texts are read without a causal mask, and the text's vector is taken at
# the last of 64 positions; pictures are stretched to a square, not cropped; a learned query *asks* the
# patches, in place of a class token; and the logits get a bias. (Smaller ones: no projection, no norm
# of what comes in, another mean and deviation.) All are options of our configs. The stand-in has
# SigLIP's form, and random weights.

# %%
from clipbook.image import Preprocessing, ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.text import TextConfig


def siglips_form():
    own = clipbook.load()[1]  # its tokenizer
    without = {"input_norm": False, "projection": False}
    vit = ViTConfig(pooling="attention", norm_eps=1e-6, **without)
    words = TextConfig(own.vocab_size, own.context_length, pooling="last_place")
    halves = Preprocessing("stretch", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    torch.manual_seed(0)
    return CLIP(CLIPConfig(vit, words, 0.1, -10.0, halves)).eval(), own


name = "google/siglip-base-patch16-224"
siglip, siglip_tokenizer, siglip_real = load_or_stand_in(name, siglips_form)
siglip.config.image

# %% [markdown]
# ## Attention pooling, by hand
#
# The mean gives every patch the same weight. SigLIP learns one query, $(w,)$, which the query matrix
# turns into $q$. Each head compares its part of $q$ with the keys of all patches; a softmax makes shares
# of these scores, and with them the values are averaged. Predict the shape of the shares for one
# picture.

# %%
vit = siglip.image_encoder
pool = vit.attention_pooling
with torch.no_grad():
    pixels = siglip.preprocess(photos[:2])
    tokens = list(vit.intermediates(pixels).values())[-3]  # of the last block
    x = vit.norm(tokens)  # (2, patches, w)
    w, heads = x.shape[-1], pool.attention.heads
    qkv = pool.attention.query_key_value
    W, b = qkv.weight, qkv.bias
    q = (pool.query @ W[:w].T + b[:w]).view(heads, w // heads)
    k, v = (x @ W[w:].T + b[w:]).view(2, -1, 2, heads, w // heads).unbind(dim=2)
    scores = torch.einsum("hd,bthd->bht", q, k) / (w // heads) ** 0.5
    shares = scores.softmax(dim=-1)  # (2, heads, patches)
print(tuple(shares.shape), f"sums to {shares.sum(dim=-1).min():.3f}")

# %% [markdown]
# The heads' answers are concatenated and multiplied by the output matrix, and a feed-forward network adds
# what it makes of them. No projection follows: this *is* the embedding, before it is scaled to length 1.

# %%
with torch.no_grad():
    heads_say = torch.einsum("bht,bthd->bhd", shares, v).flatten(1)  # (2, w)
    answer = pool.attention.output(heads_say)
    by_hand = answer + pool.mlp(pool.mlp_norm(answer))
    assert torch.allclose(by_hand, pool(x), atol=1e-3)
    assert torch.allclose(by_hand, vit(pixels), atol=1e-3)
    assert torch.allclose(shares, pool.with_weights(x)[1], atol=1e-5)
kept = shares[0].sort(dim=-1, descending=True).values.cumsum(dim=-1)
few = [int((row < 0.5).sum()) + 1 for row in kept]
print(f"of {shares.shape[-1]} patches of photograph 1", end=", ")
print("each head gives half of its shares to", *few)

# %% [markdown]
# A head that needs few patches is choosy; the mean would need half of them. Random weights choose
# nothing. **Question:** what would a head have to learn that ignores every background?

# %% [markdown] predict={"ask": "A row of the softmax sums to", "choices": ["0", "0.5", "1"], "right": "1", "shown": "softmax: tensor([1.000, 1.000, 1.000, 1.000])"}
# ## A bias, and what it is for
#
# CLIP asks of each picture: *which* caption? SigLIP asks of each pair: do these *belong together*? Its
# probability of a yes is $\sigma(s \cdot \cos + b)$, with the sigmoid $\sigma(x) = 1/(1 + e^{-x})$. Among
# $n^2$ pairs only $n$ belong together, so it starts from $b = -10$, at "no" ({cite:t}`zhai2023siglip`,
# §3.2). Predict: what does a row sum to, with softmax and with sigmoid, for a picture whose caption
# isn't there? And where it is there?

# %%
with torch.no_grad():
    I_s = siglip.encode_image(siglip.preprocess(photos))
    T_s = siglip.encode_text(*siglip_tokenizer.batch(captions))
    logits = siglip.logits(I_s, T_s)  # (8, 8)
by_hand = siglip.scale * I_s @ T_s.T + siglip.bias
assert torch.allclose(logits, by_hand, atol=1e-4)
without_own = logits[:4, 4:]  # the first four pictures, the last four captions
print(f"scale {siglip.scale:.1f}, bias {siglip.bias.item():.1f}")
print("softmax:", without_own.softmax(dim=1).sum(dim=1))
print("sigmoid:", without_own.sigmoid().sum(dim=1))
print("sigmoid, own captions there:", logits[:4, :4].sigmoid().sum(dim=1))
unbiased = (logits - siglip.bias).softmax(dim=1)
assert torch.allclose(logits.softmax(dim=1), unbiased, atol=1e-4)

# %% [markdown]
# A softmax must spend 1, whatever is offered; sigmoids can all say no. (A stand-in of random weights says
# no to everything.) To the softmax the bias is nothing, as the last `assert` checks: it adds the same to
# every logit.

# %% [markdown]
# ## The wording, again
#
# A bare word is a poor caption for a model that read sentences. CLIP's authors gained 1.3 points on
# ImageNet with "A photo of a {label}.", and 3.5 more with a mean over 80 templates, such as for large
# things, small ones, drawings, bad photos ({cite:t}`radford2021clip`, §3.1.4). Here are six of ours.
# Predict which wording gives the right names most probability.

# %%
from clipbook.evaluation import zero_shot

six = ["a photo of {}", "a bad photo of {}", "a close photo of {}"]
six += ["a small picture of {}", "a drawing of {}", "this is {}"]
pixels = model.preprocess(photos)
for name, templates in {"bare": ["{}"], "one": six[:1], "six": six}.items():
    shares = zero_shot(model, tokenizer, pixels, things, templates)  # (8, 8)
    right = (shares.argmax(dim=1) == torch.arange(8)).sum()
    print(f"{name:4}: {right} of 8 right", end=", ")
    print(f"mean probability of the right {shares.diag().mean():.2f}")
    assert torch.allclose(shares.sum(dim=1), torch.ones(8), atol=1e-4)

# %% [markdown]
# Eight pictures decide nothing: one more right is 12.5 points. An interval of ±1.3
# points takes some $0.25 \cdot (1.96/0.013)^2 \approx 5{,}700$ ([Zero-shot](../pairs/zero-shot.ipynb)
# says why).

# %% [markdown]
# ## A word on the picture
#
# We lay a white card on the coffee, and write a name on it. A fair test needs a **control**: the same
# card, empty. Otherwise we don't know whether the word did it, or what the card hides.

# %% mystnb={"image": {"alt": "The cup of coffee three times: as it is, with an empty white card in the corner, and with the word ROCKET on that card."}}
from PIL import ImageDraw, ImageFont

from clipbook.figures import picture_row


def with_card(photo, word):
    photo = photo.resize((224, 224))
    draw = ImageDraw.Draw(photo)
    draw.rectangle((8, 150, 216, 214), fill="white")
    font = ImageFont.load_default(size=44)
    draw.text((20, 156), word, fill="black", font=font)
    return photo


coffee = photos[2].resize((224, 224))
attack = {"as it is": coffee, "empty card": with_card(coffee, "")}
attack["“ROCKET”"] = with_card(coffee, "ROCKET")
picture_row({name: picture.reduce(2) for name, picture in attack.items()})

# %% [markdown]
# Predict for CLIP: what is each called, among the eight names?

# %%
ways = model.preprocess(list(attack.values()))
shares = zero_shot(model, tokenizer, ways, things)  # (3, 8)
for name, row in zip(attack, shares, strict=True):
    print(f"{name:10} {things[row.argmax()]:20}", end=" ")
    print(f"coffee {row[2]:.2f}, rocket {row[3]:.2f}")
# the word changes rows of pixels, but none above the card
rows = (ways[1] != ways[2]).any(dim=0).any(dim=1)
assert rows.any() and not rows[: int(0.6 * len(rows))].any()

# %% [markdown]
# On a stand-in the empty card alone may change the answer: that is what the control is for. Where the word
# does it, it is a **typographic attack**. An apple with "iPod" on a label was an iPod to CLIP
# ({cite:t}`goh2021neurons`): that CLIP has neurons that answer to a thing, to its drawing and to its name
# alike. A caption often says what is written in its picture, so reading pays in training. **Try:** write
# "coffee" on the rocket. Which word changes most answers?

# %% [markdown]
# ## How many, and where
#
# We lay one to five cats on grey, at random places. A caption that says "cats" teaches no number.

# %% mystnb={"image": {"alt": "Five grey pictures with one, two, three, four and five small photographs of the same cat, none upon another."}}
from clipbook.streams import stream

NUMBERS = ["one", "two", "three", "four", "five"]
SPOTS = [(x, y) for y in (8, 80, 152) for x in (8, 80, 152)]


def laid_out(small, count, draw):
    sheet = Image.new("RGB", (224, 224), (160, 160, 160))
    for spot in draw.permutation(9)[:count]:
        sheet.paste(small.resize((64, 64)), SPOTS[spot])
    return sheet


draw = stream("pretrained: counting")
crowds = [laid_out(photos[1], count + 1, draw) for count in range(5)]
small = [crowd.reduce(2) for crowd in crowds]
picture_row(dict(zip(NUMBERS, small, strict=True)))

# %% [markdown]
# Predict how many of 20 such pictures, four of each number, CLIP gets right.

# %%
said = [f"{number} cat{'s' * (number != 'one')}" for number in NUMBERS]
with torch.no_grad():
    photos_of = [f"a photo of {words}" for words in said]
    T_n = model.encode_text(*tokenizer.batch(photos_of))  # (5, embed_dim)
counted = torch.zeros(5, 5)  # how many there are, how many it says
for _ in range(4):
    sheets = [laid_out(photos[1], count + 1, draw) for count in range(5)]
    with torch.no_grad():
        I_n = model.encode_image(model.preprocess(sheets))
    answers = (I_n @ T_n.T).argmax(dim=1)  # (5,)
    counted[torch.arange(5), answers] += 1
assert (counted.sum(dim=1) == 4).all()
print(f"right: {counted.diagonal().sum():.0f} of 20", end="; ")
print(f"a guess, or always the same number: 4; it says {counted.sum(dim=0)}")

# %% [markdown]
# Now places. Two things side by side, once each way round, and two captions with the same words. Both
# pictures must choose their caption: a guess does that in 1 of 4 cases.


# %% mystnb={"image": {"alt": "The cat left of the cup of coffee, and the cup left of the cat, on the same grey."}}
def beside(left, right):
    sheet = Image.new("RGB", (224, 224), (160, 160, 160))
    sheet.paste(left.resize((104, 104)), (4, 60))
    sheet.paste(right.resize((104, 104)), (116, 60))
    return sheet


i, j = 1, 2
picture_row(
    {
        f"{things[i]} on the left": beside(photos[i], photos[j]),
        f"{things[j]} on the left": beside(photos[j], photos[i]),
    }
)

# %% [markdown]
# So for all 28 pairs of our eight photographs.

# %%
both_right, cases = 0, [(i, j) for i in range(8) for j in range(i)]
for i, j in cases:
    sides = (i, j), (j, i)
    sheets = [beside(photos[a], photos[b]) for a, b in sides]
    words = [f"{things[a]} to the left of {things[b]}" for a, b in sides]
    with torch.no_grad():
        I_2 = model.encode_image(model.preprocess(sheets))
        T_2 = model.encode_text(*tokenizer.batch(words))
    chosen = (I_2 @ T_2.T).argmax(dim=1)  # (2,)
    both_right += int((chosen == torch.arange(2)).all())
n = len(cases)
print(f"both right in {both_right} of {n} cases; a guess: {n / 4:.0f}")

# %% [markdown]
# On Winoground, 400 cases of two photographs and two captions with the same words in another order, both
# pictures choose their text in 30.75 % for CLIP's `ViT-B/32`, where guessing gets 25. All four
# comparisons hold in 8.00 %, *below* a guess, which gets 16.67: of the 24 orders of four numbers, 4 put
# both right pairs above both wrong ones ({cite:t}`thrush2022winoground`, table 3).

# %% [markdown]
# ## Does a better model count?
#
# So far we asked one CLIP. open_clip publishes the zero-shot accuracy of 121 models on 38 data sets
# ({cite:t}`openclip2023results`). Here is every twelfth of its lines, sorted by ImageNet: nobody chose
# them. The columns are ImageNet, other photographs of its classes (V2), how many things there are
# (CLEVR), the distance of the nearest (CLEVR), and of the next car (KITTI). Predict which of them rise
# with the first.

# %% tags=["hide-input"]
TABLE = """
coca_ViT-B-32, finetuned       0.0079 0.0067 0.1245 0.2027 0.3010
ViT-B-32, commonpool_m_laion   0.2304 0.1895 0.1623 0.2261 0.2827
nllb-clip-base-siglip, v1      0.3909 0.3439 0.1453 0.2254 0.1927
RN50x4, openai                 0.6627 0.5944 0.2045 0.0905 0.2335
ViT-B-32, metaclip_fullcc      0.6766 0.5957 0.1871 0.2307 0.1871
ViT-B-16, metaclip_400m        0.7080 0.6261 0.3010 0.2245 0.2419
coca_ViT-L-14, laion2b         0.7561 0.6798 0.3781 0.2446 0.1899
ViT-B-16, dfn2b                0.7624 0.6818 0.2327 0.2453 0.1927
ViT-L-14, commonpool_xl_clip   0.7637 0.6953 0.2547 0.2451 0.2982
ViT-bigG-14, laion2b           0.8009 0.7359 0.2989 0.2002 0.1308
ViT-H-14-378, dfn5b            0.8437 0.7833 0.3596 0.2085 0.3966
"""
rows = [row.split()[-5:] for row in TABLE.split("\n")[1:-1]]
accuracies = torch.tensor([list(map(float, row)) for row in rows])
tests = ["ImageNet V2", "CLEVR: how many", "CLEVR: how far", "KITTI: how far"]

# %% mystnb={"image": {"alt": "Accuracy of eleven models against their accuracy on ImageNet: on ImageNet V2 it rises along with it, while counting rises to 0.38 at most, and both distances go up and down without a trend."}}
from clipbook.figures import curves

imagenet, *others = accuracies.T
lines = {name: (imagenet, y) for name, y in zip(tests, others, strict=True)}
curves(lines, across="accuracy on ImageNet", up="accuracy")

# %%
guess = [1 / 1000, 1 / 8, 1 / 6, 1 / 4]  # classes: 1,000, 8, 6, 4
r = torch.corrcoef(accuracies.T)[0, 1:]  # with ImageNet
r_of_ten = torch.corrcoef(accuracies[1:].T)[0, 1:]  # without the first line
best = accuracies.max(dim=0).values[1:]
for k, name in enumerate(tests):
    print(f"{name:16} r = {r[k]:5.2f}", end=" ")
    print(f"({r_of_ten[k]:5.2f}), a guess {guess[k]:.3f}", end=", ")
    print(f"the best {best[k]:.2f}")
assert r[0] > 0.99 and accuracies[:, 3].max() < 0.25

# %% [markdown]
# In brackets: without the first line, a model that was trained further to write captions and can't name
# ImageNet's classes. Over all 121 lines of the published table the correlations are 1.00, 0.57, 0.12 and
# −0.32. So what makes a model better at naming brings something for counting, and still the best of our
# eleven at it is wrong in three of five. For distances our eleven lines show nothing, and 121 little:
# better models don't judge them better. **Question:** which captions would a data set need?

# %% [markdown]
# ## The modality gap
#
# Pictures and texts share a space. Do they share a *place* in it? Take the mean of each kind, and the
# difference of the means: the **modality gap** ({cite:t}`liang2022gap`, §4). Predict: are two pictures
# of unlike things more similar to each other than a picture is to its own caption?

# %%
gap = I_all.mean(dim=0) - T_all.mean(dim=0)  # (embed_dim,)
off = ~torch.eye(8, dtype=torch.bool)
print(f"picture with picture {(I_all @ I_all.T)[off].mean():.2f}", end=", ")
print(f"text with text {(T_all @ T_all.T)[off].mean():.2f}")
print(f"picture with own text {own.mean():.2f}", end="; ")
print(f"length of the gap {gap.norm():.2f}")
# the direction from four pairs, the test on the other four
four = I_all[:4].mean(dim=0), T_all[:4].mean(dim=0)
way, middle = four[0] - four[1], (four[0] + four[1]) / 2
told = torch.cat(
    [(I_all[4:] - middle) @ way > 0, (T_all[4:] - middle) @ way < 0]
)
print(f"{told.sum()} of 8 others are told apart as picture or text; a guess: 4")
assert torch.isclose(S.mean(), I_all.mean(dim=0) @ T_all.mean(dim=0), atol=1e-5)

# %% [markdown]
# In CLIP each kind lies in a narrow cone (all its vectors point nearly the same way), and a plane parts them. The gap is there before any
# training, since each random encoder maps all its inputs into a cone of its own; the contrastive loss at
# a low temperature keeps it ({cite:t}`liang2022gap`, §2 and 4). So a picture's cosine with a picture says
# nothing beside its cosine with a text. **Question:** why doesn't the gap raise the loss? (Which entries
# of $S$ does it compare?)

# %% [markdown]
# ## Which patches does it need?
#
# Cover one patch after another with the mean colour, and see how far the similarity with the caption
# falls. It needs no weights, so this works for every model. Predict where it falls for "a photo of a
# cat".


# %% mystnb={"image": {"alt": "Two maps of how much each patch of the cat's picture counts, for the caption of the cat and for that of the brick wall: red patches lower the similarity when they are covered, blue ones raise it."}}
from clipbook.figures import signed_maps
from clipbook.image import patchify, unpatchify


def needed(photo, caption):
    patches = patchify(model.preprocess(photo), image.patch_size)
    n = patches.shape[1]  # patches: (1, n, 3 p²)
    covered = patches.repeat(n + 1, 1, 1)  # the last picture stays whole
    covered[torch.arange(n), torch.arange(n)] = 0.0  # the mean colour
    with torch.no_grad():
        seen = model.encode_image(unpatchify(covered, image.patch_size))
        told = model.encode_text(*tokenizer.batch([caption]))  # (1, embed_dim)
    cosines = seen @ told[0]  # (n + 1,)
    falls = cosines[-1] - cosines[:-1]  # (n,)
    return falls.view(round(n**0.5), -1), cosines[-1]


cat_map, whole = needed(photos[1], captions[1])
assert torch.isclose(whole, S[1, 1], atol=1e-4)
wall_map, _ = needed(photos[1], captions[7])
signed_maps({"a cat": cat_map, "a brick wall": wall_map}, "column", "row")

# %% [markdown]
# Red patches supported the caption, blue ones spoke against it. If one eye is covered, the other is still
# seen, so neither need be red. **Question:** how would you cover to find that out?

# %% [markdown]
# ## Common mistakes
#
# **Worse, and no error → the other model's preprocessing.** Mean, deviation and
# cropping belong to the weights; `model.preprocess` knows them.

# %%
from clipbook.image import preprocess

wrong = preprocess(photos, image.image_size, siglip.config.preprocessing)
with torch.no_grad():
    moved = (model.encode_image(wrong) * I_all).sum(dim=1)
print("cosine of each picture with itself, by SigLIP's steps", end=": ")
print(f"{moved.min():.2f} to {moved.max():.2f}")
assert moved.min() < 0.999

# %% [markdown]
# **SigLIP's texts are wrong → padded to the longest of the batch.** It reads the last position, so texts are
# padded to the context, always. Our encoder refuses anything else:

# %%
token_ids, mask = siglip_tokenizer.batch(captions)
try:
    siglip.encode_text(token_ids[:, :12], mask[:, :12])
except ValueError as error:
    print(error)
else:
    raise AssertionError("it should have refused")

# %% [markdown]
# **"SigLIP is only 0.2 sure" → a sigmoid was read as a softmax.** Its probabilities don't compete: if every
# other caption gets 0.001, 0.2 is a clear answer.

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: ask the patches
#
# One head, and no matrices: `query` has the shape $(w,)$, `tokens` $(b, t, w)$. Score each token by its
# dot product with the query over $\sqrt w$, make shares of a picture's scores by a softmax, and return the
# mean of its tokens with these shares, $(b, w)$. The check tries other sizes, large scores, and one token alone.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `tokens @ query` is $(b, t)$. The shares sum to one over the *tokens* of a picture, the last of these
# two dimensions. To weigh the tokens, shares need one more: `shares[..., None] * tokens`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "pretrained-ask", "schema_version": 3, "task": false}
def ask_patches(query, tokens):
    """What one query gathers from each picture's tokens.

    (w,), (b, t, w) -> (b, w).
    """
    ### BEGIN SOLUTION
    scores = tokens @ query / query.shape[0] ** 0.5  # (b, t)
    return (scores.softmax(dim=1)[..., None] * tokens).sum(dim=1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "pretrained-ask-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

query_4 = torch.tensor([2.0, 0.0, 1.0, 0.0])
tokens_3 = torch.tensor(
    [
        [[1.0, 0, 0, 2], [0, 2, 2, 0], [3, 1, 0, 0]],
        [[0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 4, 2]],
    ]
)
want = [
    [2.4674652, 1.0, 0.213014, 0.213014],
    [0.2312239, 0.3714683, 2.6543713, 1.4882873],
]
mistakes = {
    "divide the scores by the root of the width": [
        [2.911658, 1.0, 0.0353368, 0.0353368],
        [0.1141952, 0.1562053, 3.4171889, 1.8017846],
    ],
    "divide by the root of the width, not by the width": [
        [1.9402922, 1.0, 0.4238831, 0.4238831],
        [0.291756, 0.5189757, 2.1513169, 1.2538044],
    ],
    "the root is of the width, not of the number of tokens": [
        [2.5856948, 1.0, 0.1657221, 0.1657221],
        [0.2112175, 0.3297915, 2.799408, 1.5516343],
    ],
    "the query has no say in yours; all tokens count alike": [
        [1.3333334, 1.0, 0.6666667, 0.6666667],
        [0.3333333, 0.6666667, 1.6666666, 1.0],
    ],
    "all tokens count, not only the one with the largest score": [
        [3, 1, 0, 0],
        [0, 0, 4, 2],
    ],
    "scores are no shares; what makes them sum to one?": [
        [10, 5, 2, 2],
        [1, 1.5, 8.5, 5],
    ],
    "exponentials are no shares yet; divide by their sum": [
        [62.9748917, 25.5221004, 5.4365635, 5.4365635],
        [2.7182817, 4.367003, 31.2049465, 17.4963951],
    ],
    "shares sum to one over the tokens of a picture, not over the pictures": [
        [2.8156352, 1.7310586, 1.0, 1.2449187],
        [0.5, 0.8775407, 1.4533064, 1.0378828],
    ],
    "shares come from a softmax, not from dividing scores by their sum": [
        [2.0, 1.0, 0.4, 0.4],
        [0.2857143, 0.4285715, 2.4285715, 1.4285715],
    ],
}
with check("Ask the patches"):
    got = ask(ask_patches, query_4, tokens_3)
    close(got, want, "ask_patches(query_4, tokens_3)", mistakes=mistakes)
    for size in ((1, 5, 6), (3, 1, 2), (4, 7, 3), (4, 4, 4)):
        draw = torch.Generator().manual_seed(size[1])
        query = torch.randn(size[2], generator=draw)
        tokens = torch.randn(size, generator=draw)
        got = ask(ask_patches, query, tokens)
        exact = []
        for picture in tokens:
            e = [
                float((query @ token / size[2] ** 0.5).exp())
                for token in picture
            ]
            exact.append(
                sum(k * token for k, token in zip(e, picture, strict=True))
                / sum(e)
            )
        close(
            got, torch.stack(exact), f"the answers for tokens of shape {size}"
        )
        close(
            ask(ask_patches, 0 * query, tokens),
            tokens.mean(dim=1),
            f"the answers to a query of zeros for tokens of shape {size}",
        )
        largest = (tokens @ query).argmax(dim=1)
        close(
            ask(ask_patches, 10_000 * query, tokens),
            tokens[torch.arange(size[0]), largest],
            f"the answers to large scores for tokens of shape {size}",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "pretrained-ask-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: scores in the thousands, and the order of the tokens.
### BEGIN HIDDEN TESTS
with check("Ask the patches, large scores"):
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(8, generator=draw)
    tokens = torch.randn(5, 9, 8, generator=draw)
    largest = (tokens @ query).argmax(dim=1)
    got = ask(ask_patches, 100_000 * query, tokens)
    close(
        got,
        tokens[torch.arange(5), largest],
        "with a query 100,000 times as long, the answers",
    )
    got = ask(ask_patches, query, tokens.flip(1))
    close(
        got,
        ask(ask_patches, query, tokens),
        "with the tokens in another order, the answers",
    )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: all four comparisons
#
# `S` holds $n$ cases of two pictures and two texts, $(n, 2, 2)$, rows pictures; the right pairs lie on
# the diagonals. Return the share of cases in which **each picture** prefers its text **and each text** its
# picture, strictly: a tie isn't right. The check tries one case alone, a tie in each comparison, and
# negative cosines.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The right ones: `right = S.diagonal(dim1=1, dim2=2)`, $(n, 2)$. The wrong ones are the diagonal of
# `S.flip(1)`. How many comparisons must hold at once? A picture's text against its other text, and a
# text's picture against its other picture.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "pretrained-group", "schema_version": 3, "task": false}
def group_score(S):
    """Share of cases with all four comparisons right: (n, 2, 2) -> ()."""
    ### BEGIN SOLUTION
    right = S.diagonal(dim1=1, dim2=2).min(dim=1).values  # (n,)
    wrong = S.flip(1).diagonal(dim1=1, dim2=2).max(dim=1).values
    return (right > wrong).float().mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "pretrained-group-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

ten = torch.tensor(
    [[[9, 2], [1, 8]], [[7, 6], [3, 9]], [[5, 3], [1, 2]], [[8, 7], [3, 6]], [[6, 5], [3, 4]],
     [[3, 4], [2, 7]], [[6, 6], [2, 7]], [[2, 3], [4, 1]], [[8, 1], [9, 2]], [[4, 3], [5, 6]]]
)  # fmt: skip
mistakes = {
    "texts must choose their picture, too": 0.6,
    "pictures must choose their text, too": 0.4,
    "a tie isn't right": 0.3,
    "each comparison counts by itself; yours adds up the diagonals": 0.8,
    "a case is right or not; yours counts single comparisons": 0.7,
    "return the share of the cases, not their number": 2.0,
    "both pictures and both texts; yours looks at the first ones only": 0.5,
    "all four must hold; for yours, one is enough": 0.9,
}
with check("All four comparisons"):
    got = ask(group_score, ten / 10)
    close(got, 0.2, "group_score(ten / 10)", mistakes=mistakes)
    ties = [[4, 4, 1, 6], [6, 1, 4, 4], [4, 1, 4, 6], [6, 4, 1, 4]]
    for tie in torch.tensor(ties).view(4, 1, 2, 2) / 8:
        what = f"the share of one case, {tie[0].tolist()},"
        got = ask(group_score, tie)
        close(got, 0.0, what, mistakes={"a tie isn't right": 1.0})
    for n in (1, 4, 60):
        S_n = (
            2 * torch.rand(n, 2, 2, generator=torch.Generator().manual_seed(n))
            - 1
        )
        hits = [min(a, d) > max(b, c) for (a, b), (c, d) in S_n.tolist()]
        close(
            ask(group_score, S_n),
            sum(hits) / n,
            f"the share of {n} random cases",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "pretrained-group-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: many random cases, of which one in six is right, and equal cosines.
### BEGIN HIDDEN TESTS
with check("All four comparisons, many cases"):
    S_n = torch.rand(900, 2, 2, generator=torch.Generator().manual_seed(5))
    hits = [min(a, d) > max(b, c) for (a, b), (c, d) in S_n.tolist()]
    close(
        ask(group_score, S_n), sum(hits) / 900, "the share of 900 random cases"
    )
    close(
        ask(group_score, torch.full((3, 2, 2), 0.25)),
        0.0,
        "the share where all cosines are equal",
    )
    close(
        ask(group_score, torch.eye(2).expand(5, 2, 2)),
        1.0,
        "the share where all are right",
    )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: close the gap
#
# Take from each picture's embedding the mean of all pictures, from each text's the mean of all texts, bring
# the rows back to unit length, and return the matrix of their cosines, (images, texts). The check tries
# matrices that aren't square, and refuses a change of what you were given. There are at least two of each
# kind: one row less its own mean is 0.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The mean of the rows is `rows.mean(dim=0)`, one vector for each kind. After the subtraction a row no
# longer has length 1: divide it by `row.norm(dim=1, keepdim=True)`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "pretrained-gap", "schema_version": 3, "task": false}
def without_gap(images, texts):
    """Cosines after each kind's mean is taken away.

    (n, d), (m, d) -> (n, m).
    """
    ### BEGIN SOLUTION
    I_0, T_0 = images - images.mean(dim=0), texts - texts.mean(dim=0)
    I_0 = I_0 / I_0.norm(dim=1, keepdim=True)
    T_0 = T_0 / T_0.norm(dim=1, keepdim=True)
    return I_0 @ T_0.T
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "pretrained-gap-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

I_4 = torch.tensor(
    [[0.6, 0.8, 0.0], [0.0, 0.8, 0.6], [0.8, 0.6, 0.0], [0.0, 0.6, 0.8]]
)
T_3 = torch.tensor([[0.6, 0.0, 0.8], [0.0, 0.0, 1.0], [0.0, 0.6, 0.8]])
want = [
    [0.5175298, -0.8449079, 0.0667779],
    [-0.8848092, 0.6035057, 0.4674464],
    [0.853382, -0.6446208, -0.4075856],
    [-0.573167, 0.8287982, 0.0],
]
mistakes = {
    "nothing was taken away": [
        [0.36, 0.0, 0.48], [0.48, 0.6, 0.96], [0.48, 0.0, 0.36], [0.64, 0.8, 1.0]
    ],
    "bring the rows back to unit length": [
        [0.1033333, -0.1166667, 0.0133333], [-0.1766667, 0.0833334, 0.0933333],
        [0.2233333, -0.1166667, -0.1066667], [-0.15, 0.15, 0.0],
    ],
    "the texts have a mean, too": [
        [-0.294392, -0.792594, -0.498202], [-0.0226456, 0.5661385, 0.588784],
        [-0.0172774, -0.604708, -0.5874306], [0.2591605, 0.7774816, 0.518321],
    ],
    "the pictures have a mean, too": [
        [0.1769304, -0.895443, 0.4423259], [-0.4423258, -0.2558407, 0.6192563],
        [0.4423259, -0.895443, 0.1769304], [-0.383349, -0.04264, 0.4128377],
    ],
    "each kind has a mean of its own; yours is one of all": [
        [-0.4096866, -0.9508734, -0.6648209], [-0.8909065, -0.1950166, 0.7603803],
        [-0.0506544, -0.8129812, -0.8877544], [-0.3902827, 0.4572178, 0.9999999],
    ],
    "the mean is over the rows, one vector; yours is one number a row": [
        [-0.8461537, -0.9707252, -0.5], [-0.4999999, 0.2773501, 0.8846155],
        [-0.4999999, -0.9707252, -0.8461539], [-0.0384616, 0.6933753, 1.0],
    ],
    "take the mean away; yours adds it": [
        [0.4883391, 0.334635, 0.5864031], [0.6428642, 0.6273186, 0.8479072],
        [0.535571, 0.3420252, 0.5629064], [0.7461547, 0.7408884, 0.9192789],
    ],
    "pictures lose the pictures' mean, texts the texts'; yours are exchanged": [
        [-0.7247582, -0.9793699, -0.9041445], [-0.9892747, -0.7494568, -0.2768908],
        [-0.5308088, -0.9183409, -0.980767], [-0.9163078, -0.5507246, 0.0],
    ],
    "lengths are of rows; yours are of columns": [
        [0.2817884, -0.7472031, 0.4654142], [-0.7472028, 0.2817887, 0.4654145],
        [0.9187015, -0.4532872, -0.4654147], [-0.4532868, 0.9187018, -0.4654144],
    ],
}  # fmt: skip
with check("Close the gap"):
    got = ask(without_gap, I_4, T_3)
    close(got, want, "without_gap(I_4, T_3)", mistakes=mistakes)
    for n, m, d in ((2, 5, 7), (6, 6, 3), (9, 2, 16)):
        draw = torch.Generator().manual_seed(n)
        rows, columns = (torch.randn(k, d, generator=draw) + 2 for k in (n, m))
        rows, columns = (
            x / x.norm(dim=1, keepdim=True) for x in (rows, columns)
        )
        far, near = rows - rows.mean(dim=0), columns - columns.mean(dim=0)
        exact = [
            [float(a @ b / (a @ a * (b @ b)) ** 0.5) for b in near] for a in far
        ]
        close(
            ask(without_gap, rows, columns),
            exact,
            f"the cosines of {n} pictures and {m} texts",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "pretrained-gap-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: what doesn't change, though the kinds are moved apart.
### BEGIN HIDDEN TESTS
with check("Close the gap, kinds moved apart"):
    draw = torch.Generator().manual_seed(1)
    rows = torch.randn(7, 5, generator=draw)
    columns = torch.randn(4, 5, generator=draw)
    far, near = rows - rows.mean(dim=0), columns - columns.mean(dim=0)
    exact = torch.nn.functional.cosine_similarity(
        far[:, None], near[None], dim=2
    )
    after = ask(without_gap, rows + 3, columns - torch.arange(5.0))
    close(after, exact, "the cosines after each kind was moved")
    close(
        ask(without_gap, columns, rows),
        exact.T,
        "the cosines of texts with pictures",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A paper writes: "CLIP gives this picture and caption a similarity of 0.31, so they hardly fit."
# What do you ask?
#
# <details><summary>Answer</summary>
#
# What other captions get. Pictures and texts lie in two cones, so even the right caption's cosine is far
# below 1. Times the scale, a lead of a few hundredths is near certainty. "0.31 is 31 %" is wrong as well.
#
# </details>
#
# **2.** You write "dog" on a cat's picture, and the model says dog. Did it read?
#
# <details><summary>Answer</summary>
#
# Perhaps; or the card hid the cat. Compare with an empty card, and with other words on it.
#
# </details>
#
# **3.** A model is better on ImageNet than another. Will it count better?
#
# <details><summary>Answer</summary>
#
# Perhaps not: over 121 models the correlation is 0.57; for distances it is 0.12 or negative. Naming needs
# no number.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We loaded CLIP and SigLIP into our own modules, built attention pooling, and tested CLIP.
#
# - The parts are ours: SigLIP needs another pooling, a bias, texts without a causal mask, pictures uncropped.
# - A cosine means nothing alone: compare with other captions, a control, a guess.
# - What captions seldom say, such as places and distances, better names don't bring.
#
# Next: **and how does a model write?** [The next token](../language/decoder.ipynb) turns our text
# encoder into one that does.

# %% [markdown]
# **Sources.** {cite:t}`radford2021clip`, §2.5 (the cap of the scale), §3.1.4 (prompts). SigLIP, its bias:
# {cite:t}`zhai2023siglip`, §3.2. Attention pooling: {cite:t}`lee2019set`, §3.2, in a ViT:
# {cite:t}`zhai2022scaling`, §3.2. Typographic attacks: {cite:t}`goh2021neurons`. Word order:
# {cite:t}`thrush2022winoground`. The gap: {cite:t}`liang2022gap`. Accuracies of 121 models:
# {cite:t}`openclip2023results`; CLEVR and KITTI as tasks with 8, 6 and 4 classes: {cite:t}`zhai2019vtab`.
