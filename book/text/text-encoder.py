# %% [markdown]
# # The text encoder
#
# Attention lets tokens learn from each other, but it returns as many vectors as it got. A caption
# has one meaning. **How do layers of attention turn a caption into one vector?** We build the block
# around attention, stack it, pick the token that speaks for all, and end with CLIP's text encoder.

# %% [markdown]
# After this chapter you can
#
# 1. build a transformer block, and say what each of its four parts is for;
# 2. read a caption's vector at [CLS] or at the end token, and choose the mask that goes with it;
# 3. say what an encoder tells apart before any training, and what it does not.

# %% [markdown]
# **You need** [attention](attention.ipynb). **Time:** 25 minutes to read, 85 with the exercises. On
# the [map of the whole model](../index.md) this is the upper path as far as the text embeddings
# $T_1 \dots T_N$.

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
# ## A caption on its way in
#
# The first caption of our example, and the small trained model. Each token's embedding plus its
# position's embedding makes `x`, of shape (10 tokens, 64 numbers).

# %%
import torch

import clipbook
from clipbook.scenes import EXAMPLE

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
model, tokenizer = clipbook.load("shapes")
encoder = model.text_encoder.requires_grad_(False)
caption = EXAMPLE[0][1]
token_ids, mask = tokenizer.batch([caption])
token_ids = token_ids[:, : int(mask.sum())]  # (1, 10), without padding
t = token_ids.shape[1]
x = encoder.token_embedding(token_ids[0]) + encoder.positions[:t]
print(caption)
x.shape

# %% [markdown]
# ## What attention leaves undone
#
# Attention moves information *between* tokens. What a token gets is a weighted mean, and a mean
# can't conclude anything: "red" and "circle" in, half of each out. So after attention each token,
# for itself, passes a **feed-forward network**: four times wider, a bend, and back.
#
# $$\text{mlp}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$
#
# The bend, GELU, is near 0 for negative numbers and near $x$ for positive ones.

# %%
block = encoder.blocks[0]
first, _, second = block.mlp
W_1, W_2 = first.weight.T, second.weight.T  # PyTorch stores them turned


def gelu(x):
    return x * (1 + torch.erf(x / 2**0.5)) / 2


def feed_forward(x):
    return gelu(x @ W_1 + first.bias) @ W_2 + second.bias


assert torch.allclose(feed_forward(x), block.mlp(x), atol=1e-4)
W_1.shape, W_2.shape

# %% [markdown]
# No token sees another here: shuffled rows come out as the same rows, shuffled. The whole recipe is
# this alternation: gather from others, then think alone.

# %% [markdown]
# ## Keeping the numbers in bounds
#
# Each layer's output is the next one's input, so sizes must not drift. **Layer norm** takes one
# token's 64 numbers, subtracts their mean $\mu$, divides by their deviation $\sigma$, then lets
# each number have a learned gain $g$ and shift $b$:
#
# $$\text{norm}(x) = g\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + b$$
#
# The $\epsilon$ of 0.00001 only guards against division by 0.


# %%
def layer_norm(x, gain=1.0, shift=0.0):
    centred = x - x.mean(dim=-1, keepdim=True)  # (t, 64) - (t, 1)
    variance = (centred**2).mean(dim=-1, keepdim=True)
    return gain * centred / (variance + 1e-5).sqrt() + shift


norm = block.attention_norm
assert torch.allclose(layer_norm(x, norm.weight, norm.bias), norm(x), atol=1e-4)
for name, rows in (("before", x), ("after", layer_norm(x))):
    print(f"{name:7} mean {rows[3].mean():5.2f}  deviation {rows[3].std(unbiased=False):.2f}")

# %% [markdown]
# ## Adding, not replacing
#
# The fourth part is the simplest: what attention and the network compute is *added* to the token's
# vector. A layer need not carry along what it doesn't change, and gradients find a straight way
# back. This is a **residual connection**. Together, they are the **block**:

# %%
causal = torch.ones(t, t, dtype=torch.bool).tril()


def block_by_hand(x, block):
    x = x + block.attention(block.attention_norm(x)[None], causal)[0]  # gather
    return x + block.mlp(block.mlp_norm(x))  # think


assert torch.allclose(block_by_hand(x, block), block(x[None], causal)[0], atol=1e-4)
for name, weight in block.named_parameters():
    print(f"{name:32} {tuple(weight.shape)!s:10} {weight.numel():6,}")

# %% [markdown]
# (10, 64) in, (10, 64) out. The network holds about two thirds of the weights, attention one third.

# %% [markdown]
# ## Norm before or after?
#
# The first transformer normalised *after* adding (post-norm), GPT-2 and CLIP normalise *before*
# (pre-norm), on the branch. With $f$ for attention or the network:

# %%
WAYS = {
    "neither": lambda x, f, norm: f(x),
    "residual only": lambda x, f, norm: x + f(x),
    "post-norm": lambda x, f, norm: norm(x + f(x)),
    "pre-norm": lambda x, f, norm: x + f(norm(x)),
}
list(WAYS)

# %% [markdown]
# Does it matter? We stack untrained blocks, send noise through, and measure the gradient that
# reaches each block's $W_2$: how much the result answers to that layer. Weights are drawn by
# Xavier's rule, which keeps the size of numbers through a linear layer. Predict: which of the four
# stacks can't learn in its first layers?

# %%
from clipbook.transformer import Block


def gradients(way, depth, seed=0):
    torch.manual_seed(seed)
    blocks = [Block(64, heads=4, mlp_width=256) for _ in range(depth)]
    for weight in torch.nn.ModuleList(blocks).parameters():
        if weight.ndim == 2:
            torch.nn.init.xavier_normal_(weight)
    x = torch.randn(4, 8, 64)  # (texts, tokens, width)
    for block in blocks:
        x = WAYS[way](x, block.attention, block.attention_norm)
        x = WAYS[way](x, block.mlp, block.mlp_norm)
    last = layer_norm(x)[:, -1] if way == "pre-norm" else x[:, -1]  # (4, 64)
    (last * torch.randn(4, 64)).sum().backward()
    return [block.mlp[2].weight.grad.norm().item() for block in blocks]


print([f"{size:.0f}" for size in gradients("pre-norm", depth=4)])

# %% mystnb={"image": {"alt": "With neither residual nor norm the gradient shrinks ten-thousandfold from the last layer to the first; with the residual alone it explodes; with pre-norm and post-norm it stays within a small factor over all twelve layers."}}
from clipbook.figures import curves

depth = 12
sizes = {way: gradients(way, depth) for way in WAYS}
assert sizes["neither"][0] < sizes["neither"][-1] / 100
assert max(sizes["pre-norm"]) < 10 * min(sizes["pre-norm"])
lines = {way: (range(1, depth + 1), sizes[way]) for way in WAYS}
curves(lines, "layer (12 is next to the result)", "size of the gradient", log="y")

# %% [markdown]
# With neither, the first layers hear next to nothing. With the residual alone, numbers grow from
# block to block, and gradients with them. Both norms keep all layers within a small factor. Where
# they differ is the depth. The gradient of the *last* layer, mean of three draws:

# %% mystnb={"image": {"alt": "As the stack deepens from 2 to 32 layers the gradient of the last layer stays about the same with post-norm and falls several-fold with pre-norm."}}
depths = [2, 4, 8, 16, 32]
last = {
    way: [sum(gradients(way, n, seed)[-1] for seed in range(3)) / 3 for n in depths]
    for way in ("post-norm", "pre-norm")
}
falls = {way: sizes[0] / sizes[-1] for way, sizes in last.items()}
assert falls["pre-norm"] > 1.5 * falls["post-norm"]
print("first over last:", {way: f"{fall:.1f}" for way, fall in falls.items()})
curves({way: (depths, last[way]) for way in last}, "layers", "gradient, last layer", log="xy")

# %% [markdown]
# With pre-norm, the sum that runs past the blocks grows, and the final norm divides by it: each of
# many layers gets a smaller say. With post-norm, the last layers' gradients stay large however
# deep the stack. That is why post-norm transformers need a learning rate that starts tiny and
# warms up, and pre-norm ones can do without.

# %% [markdown]
# ## The stack
#
# The rest is short: blocks one after another, a last norm, and one token's vector. Our encoder is
# causal, so we read the last token, `<end>`: the only one that has seen the whole caption. Then a
# **projection**, a matrix without bias, takes it into the space that texts share with pictures.


# %%
def encode(token_ids, encoder):
    x = encoder.token_embedding(token_ids) + encoder.positions[: len(token_ids)]  # (t, 64)
    for block in encoder.blocks:
        x = block_by_hand(x, block)
    features = encoder.norm(x[-1])  # (64,)
    return encoder.projection(features)  # (64,), here as wide by chance


by_hand = encode(token_ids[0], encoder)
assert torch.allclose(by_hand, encoder(token_ids)[0], atol=1e-4)
embedding = by_hand / by_hand.norm()  # unit length, for cosines
assert torch.allclose(embedding, model.encode_text(token_ids)[0], atol=1e-4)
embedding.shape

# %% [markdown]
# **That is the text embedding $T_1$.** Why project at all? What comes before serves this text; the
# projection keeps the part of it that pictures can answer to, and lets text and image encoder have
# different widths.

# %% [markdown]
# ## Who speaks for the caption?
#
# Two designs are common. GPT-like, as in CLIP: causal mask, and the **end token** is read.
# BERT-like: no mask but for padding, and a **[CLS]** token in *front* is read; it has nothing to
# say itself and gathers the sequence. Our start token can play [CLS]. A third design mixes the two
# up: causal, and read in front.
#
# Predict for each: which words can change the caption's vector?


# %%
def features(token_ids, encoder, allowed, place):
    x = encoder.token_embedding(token_ids) + encoder.positions[: token_ids.shape[1]]
    for block in encoder.blocks:
        x = block(x, allowed)
    return encoder.norm(x)[:, place]  # (texts, 64)


DESIGNS = {
    "causal, read at the end": (causal, -1),
    "free, read at [CLS]": (None, 0),
    "causal, read at [CLS]": (causal, 0),
}
for name, design in DESIGNS.items():
    print(f"{name:24}", features(token_ids, encoder, *design)[0, :3])

# %% [markdown]
# We put "yellow" in place of each token in turn, in an untrained encoder, and measure how far the
# vector moves; the largest move of a row is shown as 1.

# %% mystnb={"image": {"alt": "Read at the end of a causal stack or at [CLS] of a free one, every token moves the vector about as much as the others; read at [CLS] of a causal stack, no token but the first moves it."}}
from clipbook.figures import token_heatmap
from clipbook.text import TextConfig, TextEncoder

torch.manual_seed(0)
fresh = TextEncoder(TextConfig(vocab_size=tokenizer.vocab_size)).requires_grad_(False)
changed = token_ids.repeat(t, 1)  # (10, 10): row k changes token k
changed[range(t), range(t)] = tokenizer.encode(" yellow")[0]
moves = []
for design in DESIGNS.values():
    moved = features(changed, fresh, *design) - features(token_ids, fresh, *design)
    moves.append(moved.norm(dim=1) / moved.norm(dim=1).max())  # (10,)
moves = torch.stack(moves)
words = ["<start>", *(tokenizer.decode([k]).strip() for k in token_ids[0, 1:-1]), "<end>"]
assert (moves[:2] > 0).all() and (moves[2, 1:] == 0).all()
token_heatmap(moves, list(DESIGNS), words)

# %% [markdown]
# Both proper designs hear every token, none of them much more than the rest: what matters is still
# to be learned. The mixed one hears no word at all: in a causal stack, the first token sees only
# itself.

# %% [markdown]
# ## Which one learns better?
#
# A task that asks for the whole caption: **which colour is on top?** "a red star under a blue ring"
# has the answer blue. Colours, order and the relation must come together.

# %%
COLOURS = ["a red", "a green", "a blue", "a yellow", "an orange", "a purple", "a pink", "a cyan"]
SHAPES = ["circle", "square", "star", "heart", "ring", "cross", "diamond", "triangle"]
generator = torch.Generator().manual_seed(0)
texts, on_top = [], []
for a, b, s, u, r in torch.randint(0, 8, (5500, 5), generator=generator).tolist():
    relation = ("above", "over", "below", "under")[r % 4]
    texts.append(f"{COLOURS[a]} {SHAPES[s]} {relation} {COLOURS[b]} {SHAPES[u]}")
    on_top.append(a if r % 4 < 2 else b)
device = "cuda" if torch.cuda.is_available() else "cpu"
ids, real = (one.to(device) for one in tokenizer.batch(texts))
on_top = torch.tensor(on_top, device=device)
texts[0], COLOURS[on_top[0]]

# %% [markdown]
# We train each design from scratch on 5,000 of them, twice from different random weights; the
# encoder's 8 outputs are taken as scores of the 8 colours. In the package, `pooling` chooses both
# the token and its mask.


# %%
def learn(pooling, seed):
    torch.manual_seed(seed)
    config = TextConfig(vocab_size=tokenizer.vocab_size, embed_dim=8, pooling=pooling)
    student = TextEncoder(config).to(device)
    optimiser = torch.optim.AdamW(student.parameters(), lr=2e-3)
    losses = torch.zeros(200)
    for step in range(200):
        k = torch.randint(0, 5000, (64,))
        loss = torch.nn.functional.cross_entropy(student(ids[k], real[k]), on_top[k])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses[step] = loss.item()
    return losses.view(-1, 10).mean(dim=1), student  # (20,)


sum(weight.numel() for weight in fresh.parameters())  # numbers to be learned

# %% mystnb={"image": {"alt": "Both loss curves fall from about 2, slow down near 0.7, then fall to almost 0; neither design is clearly ahead."}}
lines = {}
for pooling, name in (("last", "end token"), ("first", "[CLS]")):
    runs = [learn(pooling, seed) for seed in range(2)]
    lines[name] = (torch.arange(10, 201, 10), torch.stack([losses for losses, _ in runs]).mean(0))
    for _, student in runs:
        with torch.no_grad():
            answers = student(ids[5000:], real[5000:]).argmax(dim=1)
        right = (answers == on_top[5000:]).float().mean().item()
        print(f"{name:9} right on 500 new captions: {right:.3f}")
        assert right > 0.5  # a guess: 0.125
curves(lines, "steps", "loss, mean of two runs")

# %% [markdown]
# Both solve it, and two runs each can't name a winner. Both slow down near $\ln 2 = 0.69$, the
# price of a guess between two: they learn which two colours there are before the relation. What decides is what else one wants: BERT's free attention suits filling gaps; the
# causal mask allows next-word prediction, and keeping what was computed when a text grows.

# %% [markdown]
# ## The same as CLIP's
#
# Is this really CLIP's text encoder? The library `transformers` holds the one that everybody uses.
# We make a tiny one with random weights, carry these over, and compare.

# %%
from transformers import CLIPConfig, CLIPModel

from clipbook.pretrained import from_transformers

tower = {"hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 64}
tower |= {"num_attention_heads": 4, "projection_dim": 16}
text = tower | {
    "vocab_size": 99,
    "max_position_embeddings": 12,
    "eos_token_id": 98,
    "bos_token_id": 97,
}
vision = tower | {"image_size": 16, "patch_size": 8}
torch.manual_seed(0)
theirs = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).eval()
ours = from_transformers(theirs).text_encoder
ours.config

# %%
random_ids = torch.randint(3, 97, (5, 12))
random_ids[:, -1] = 98  # each text ends with the end token
with torch.no_grad():
    their_features = theirs.text_model(input_ids=random_ids).pooler_output  # (5, 32)
    their_projection = theirs.text_projection(their_features)  # (5, 16)
    assert torch.allclose(ours.features(random_ids), their_features, atol=1e-5)
    assert torch.allclose(ours(random_ids), their_projection, atol=1e-5)
    print("largest difference:", (ours(random_ids) - their_projection).abs().max().item())

# %% [markdown]
# CLIP's own, in its paper: width 512, 12 layers, 8 heads, 63 million weights. Only the sizes
# differ.

# %% [markdown]
# ## Before any training
#
# A random encoder is not nothing. Four pairs of captions; predict the order of their cosines in an
# untrained encoder, then in the trained one.

# %%
pairs = {
    "same meaning: small, little": ("a small orange square", "a little orange square"),
    "other meaning: small, large": ("a small orange square", "a large orange square"),
    "colours exchanged": (EXAMPLE[0][1], EXAMPLE[1][1]),
    "nothing in common": (EXAMPLE[0][1], EXAMPLE[2][1]),
}
EXAMPLE[0][1], EXAMPLE[1][1]


# %% mystnb={"image": {"alt": "Untrained, every pair that shares most of its words has a cosine near 1, whether it means the same or not. Trained, only the pair that means the same stays there; exchanged colours and another size are pushed apart."}}
def cosines(encoder):
    with torch.no_grad():
        left, right = (
            encoder(*tokenizer.batch(list(side))) for side in zip(*pairs.values(), strict=True)
        )
    return torch.cosine_similarity(left, right)  # (4,)


torch.manual_seed(0)
untrained = [cosines(TextEncoder(encoder.config)) for _ in range(20)]
table = torch.stack([torch.stack(untrained).mean(dim=0), cosines(encoder)], dim=1)
token_heatmap(table, list(pairs), ["untrained", "trained"], signed=True)

# %%
same, other, exchanged, nothing = table  # (untrained, trained) each
assert exchanged[0] > nothing[0] and abs(same[0] - other[0]) < 0.1
assert same[1] > exchanged[1]
print(f"little against large: untrained {same[0] - other[0]:.2f}, trained {same[1] - other[1]:.2f}")

# %% [markdown]
# Untrained (mean of twenty random encoders), captions are alike if they share words, as in a bag:
# random vectors are nearly at right angles to each other, so different words stay apart through all
# layers. That already separates a star from a circle. What it can't know is that *small* is
# *little* and not *large*, and it hardly notices who has which colour. **Word overlap comes free,
# meaning must be trained.**

# %% [markdown]
# ## Common mistakes
#
# **All captions get the same vector → causal mask, but read at [CLS].** We saw it above as a row of
# zeros; here are the eight captions of our example.

# %%
eight, real_tokens = tokenizer.batch([caption for _, caption in EXAMPLE])  # (8, 32)
free = torch.ones(32, 32, dtype=torch.bool)
with torch.no_grad():
    wrong = features(eight, fresh, free.tril(), 0)
    right = features(eight, fresh, real_tokens[:, None, None, :], 0)
print("largest difference between captions, wrong:", (wrong - wrong[0]).abs().max().item())
print(f"largest difference between captions, right: {(right - right[0]).abs().max():.2f}")

# %% [markdown]
# **A caption's vector changes with the length of the batch → read in the last column**, which
# holds padding for all but the longest.

# %%
with torch.no_grad():
    last_column = [features(eight[2:3, :n], encoder, free.tril()[:n, :n], -1)[0] for n in (10, 32)]
    proper = [encoder.features(eight[2:3, :n], real_tokens[2:3, :n])[0] for n in (10, 32)]
print(f"last column: moves by {(last_column[0] - last_column[1]).norm():.2f}")
print(f"end token:   moves by {(proper[0] - proper[1]).norm():.2f}")

# %% [markdown]
# **A token's norm depends on the other tokens → normalised over more than the width.** Layer norm
# is for each token by itself. We change one token and look at another.

# %%
other = x.clone()
other[0] *= 50
per_token = layer_norm(other)[5] - layer_norm(x)[5]
over_all = torch.nn.functional.layer_norm(other, x.shape) - torch.nn.functional.layer_norm(
    x, x.shape
)
print(f"each by itself: {per_token.abs().max():.2f}, over (t, w): {over_all[5].abs().max():.2f}")

# %% [markdown]
# **Loaded weights work, but not quite → the wrong bend.** OpenAI's CLIP was trained with
# $x\,\sigma(1.702\,x)$, a quick stand-in for GELU. Weights fit either; numbers do not.

# %%
quick = ours.config.activation
with torch.no_grad():
    before = ours(random_ids)
    for one in ours.blocks:
        one.mlp[1] = torch.nn.GELU()
    print(f"{quick} against gelu: off by up to {(ours(random_ids) - before).abs().max():.4f}")

# %% [markdown]
# ## Exercise: read at the end
#
# *3 points, 10 minutes, easy.* A batch of texts has passed the stack: `x` is $(b, t, w)$, `mask`
# is $(b, t)$, true at real tokens, which come first. Return the vector of each text's last real
# token, its end token.

# %% [markdown]
# <details><summary>Hint</summary>
#
# How many real tokens does each text have, and at which index does the last of them stand? To take
# another column from each row, index with two lists: the rows $0 \dots b-1$, and a column for each.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-end", "schema_version": 3, "task": false}
def end_features(x, mask):
    """The last real token's vector of each text: (b, t, w), (b, t) -> (b, w)."""
    ### BEGIN SOLUTION
    last = mask.sum(dim=1) - 1  # (b,)
    return x[torch.arange(len(x)), last]
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-end-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

numbered = torch.arange(24).view(2, 4, 3)  # text b, token k begins with 12 b + 3 k
four_and_two = torch.tensor([[True, True, True, True], [True, True, False, False]])
mistakes = {
    "the last column is padding in a short text; use the mask": [[9, 10, 11], [21, 22, 23]],
    "off by one: n real tokens stand at 0 to n - 1": [[9, 10, 11], [18, 19, 20]],
    "that is the token before the last real one": [[6, 7, 8], [12, 13, 14]],
    "that is the first token, as in BERT": [[0, 1, 2], [12, 13, 14]],
    "that is the mean of the real tokens": [[4.5, 5.5, 6.5], [13.5, 14.5, 15.5]],
    "that is their sum": [[18, 22, 26], [27, 29, 31]],
    "one vector a text: take row b with its own column": [
        [[9, 10, 11], [3, 4, 5]], [[21, 22, 23], [15, 16, 17]],
    ],
}  # fmt: skip
with check("Read at the end"):
    got = end_features(numbered.float(), four_and_two)
    close(got, [[9, 10, 11], [15, 16, 17]], "end_features(x, mask)", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "text-encoder-end-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches.
### BEGIN HIDDEN TESTS
with check("Read at the end, other batches"):
    many = torch.randn(5, 7, 4, generator=torch.Generator().manual_seed(2))
    lengths = [7, 1, 3, 6, 2]
    mask_of_many = torch.arange(7) < torch.tensor(lengths)[:, None]
    expected = torch.stack([many[b, n - 1] for b, n in enumerate(lengths)])
    close(end_features(many, mask_of_many), expected, "the end tokens of five texts")
    close(end_features(many[2:3], mask_of_many[2:3]), expected[2:3], "the end token of one text")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: exactly one
#
# *4 points, 25 minutes, hard.* A token has gathered $n$ numbers: *red was seen*, *blue was seen*
# and so on, each 0 or 1. Write the weights of a feed-forward network, with ReLU as its bend
# ($\max(0, x)$), that answers 1 if **exactly one** of them is 1, else 0:
#
# $$\text{relu}(x W_1 + b_1)\, W_2 + b_2$$
#
# No weighted mean can do this. Choose the inner width $m$ yourself; $W_1$ is $(n, m)$, $b_1$ $(m)$,
# $W_2$ $(m, 1)$, $b_2$ $(1)$.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only the sum $s$ of the inputs matters. Draw the answer over $s = 0, 1, 2, 3$: up by one, down by
# one, then flat. Each $\text{relu}(s - c)$ adds a bend at $c$: what slope does the curve have before
# and after each of its bends?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-exactly-one", "schema_version": 3, "task": false}
def exactly_one(n):
    """W_1, b_1, W_2, b_2 of a network that answers 1 where one of n inputs is 1, else 0."""
    ### BEGIN SOLUTION
    W_1 = torch.ones(n, 3)  # three inner numbers, each the sum s less 0, 1, 2
    b_1 = torch.tensor([0.0, -1, -2])
    W_2 = torch.tensor([[1.0], [-2], [1]])  # slope 1, then -1, then 0
    return W_1, b_1, W_2, torch.zeros(1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-exactly-one-check", "schema_version": 3, "task": false}
from itertools import product

from clipbook.exercises import check, close


def answers_of(n):
    weights = exactly_one(n)
    four = isinstance(weights, tuple | list) and len(weights) == 4
    assert four, "exactly_one must return four tensors: return W_1, b_1, W_2, b_2"
    W_1, b_1, W_2, b_2 = (torch.as_tensor(one).float() for one in weights)
    m = len(b_1) if b_1.ndim == 1 else None
    named = {"W_1": (W_1, (n, m)), "b_1": (b_1, (m,)), "W_2": (W_2, (m, 1)), "b_2": (b_2, (1,))}
    for name, (one, shape) in named.items():
        wrong = f"{name} has shape {tuple(one.shape)}, expected {shape} for n = {n}"
        assert tuple(one.shape) == shape, wrong.replace("None", "m")
    inputs = torch.tensor(list(product([0.0, 1.0], repeat=n)))  # (2 to the n, n)
    return (torch.relu(inputs @ W_1 + b_1) @ W_2 + b_2)[:, 0]


mistakes = {
    "that is 'at least one'; two must give 0 again": [0, 1, 1, 1],
    "that is 'both'": [0, 0, 0, 1],
    "that is the sum; it needs to bend down after 1": [0, 1, 1, 2],
    "that is the opposite": [1, 0, 0, 1],
    "the answer does not depend on the inputs": [0, 0, 0, 0],
    "that only looks at the first input": [0, 0, 1, 1],
}
with check("Exactly one"):
    what = "the network's answers to (0,0), (0,1), (1,0), (1,1)"
    close(answers_of(2), [0, 1, 1, 0], what, mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-exactly-one-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other numbers of inputs.
### BEGIN HIDDEN TESTS
with check("Exactly one, of more"):
    for n in (1, 3, 6):
        counts = [sum(one) for one in product([0, 1], repeat=n)]
        expected = [float(count == 1) for count in counts]
        mistakes = {
            "that is 'an odd number'": [count % 2 for count in counts],
            "three must give 0, too: after 2 the curve is flat": [
                min(count, 2 - count) for count in counts
            ],
        }
        close(answers_of(n), expected, f"the answers for n = {n}", mistakes=mistakes)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: count the weights
#
# *3 points, 25 minutes, medium.* How many numbers does a text encoder learn? Count token and
# position embeddings, blocks, last norm and projection. All linear layers have a bias but the
# projection; a norm has gain and shift. The list of a block's weights above helps. CLIP's published
# encoder (49,408 tokens, context 77, width 512, 12 blocks, network 2,048 wide, 512 numbers in an
# embedding) must give its 63 million.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Go by parts: the two tables; in each block, $W_Q, W_K, W_V, W_O$ with biases, two norms, two
# layers of the network with biases; then what comes once. Heads are slices, they cost nothing.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-count", "schema_version": 3, "task": false}
def count_weights(vocab_size, context_length, width, depth, mlp_width, embed_dim):
    """How many numbers a text encoder of these sizes learns."""
    ### BEGIN SOLUTION
    tables = (vocab_size + context_length) * width
    attention = 4 * (width * width + width)
    network = 2 * width * mlp_width + mlp_width + width
    norms = 2 * 2 * width
    return tables + depth * (attention + network + norms) + 2 * width + width * embed_dim
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-count-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

tiny = {"vocab_size": 10, "context_length": 5, "width": 4}
tiny |= {"depth": 3, "mlp_width": 8, "embed_dim": 3}
mistakes = {
    "there are `depth` blocks": 252,
    "each linear layer but the projection has a bias": 512,
    "the positions are learned, too": 576,
    "the token embeddings are missing": 556,
    "each norm has a gain and a shift": 568,
    "each block has two norms": 572,
    "the norms in the blocks are missing": 548,
    "the last norm is missing": 588,
    "all norms are missing": 540,
    "the projection is missing": 584,
    "the projection has no bias": 599,
    "attention also has the output matrix": 536,
    "queries, keys and values have a matrix each": 476,
    "the network has two layers, out and back": 488,
}
with check("Count the weights"):
    close(count_weights(**tiny), 596, "count_weights of the tiny encoder", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "text-encoder-count-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other encoders.
### BEGIN HIDDEN TESTS
from clipbook.text import TextConfig, TextEncoder

with check("Count the weights, other encoders"):
    for sizes in ((300, 20, 32, 1, 96, 64), (50, 7, 16, 5, 40, 8)):
        names = ("vocab_size", "context_length", "width", "depth", "mlp_width", "embed_dim")
        asked = dict(zip(names, sizes, strict=True))
        real_one = TextEncoder(TextConfig(**asked))
        expected = sum(weight.numel() for weight in real_one.parameters())
        close(count_weights(**asked), expected, f"count_weights of {asked}")
    close(count_weights(49408, 77, 512, 12, 2048, 512), 63_428_096, "the count of CLIP's encoder")
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We drop the feed-forward networks and double the number of attention layers. What is lost?
#
# <details><summary>Answer</summary>
#
# Attention only averages values, so a token could never *conclude* from what it gathered, as in the
# exercise "exactly one". "Nothing, softmax bends as well" is half true: it bends the weights, not
# what is averaged. "Tokens no longer see each other" mixes the parts up: that is attention's work.
#
# </details>

# %% [markdown]
# **2.** Why not read the vector of the last *word* in place of the end token?
#
# <details><summary>Answer</summary>
#
# In a causal stack it has seen every word, so it could work. But it would have two jobs, to be
# "square" and to sum up, and in each caption another token would do the second. "It hasn't seen
# the whole caption" is wrong; "the end token holds more numbers" is, too: all have one width.
#
# </details>

# %% [markdown]
# **3.** An untrained encoder gives two captions a cosine of 0.98. Do they mean the same?
#
# <details><summary>Answer</summary>
#
# It says no more than that they share most of their tokens: exchanged colours score as high. "Yes,
# cosines near 1 mean equal" holds at best for a trained encoder, and "random weights give random
# cosines" is wrong, too: words in common survive random layers.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built CLIP's text encoder, from layer norm to the embedding of a caption.
#
# - A block gathers (attention), then thinks (feed-forward), each normalised first and added to what
#   was there.
# - Mask and pooling belong together: causal with the end token, free with [CLS].
# - A random encoder compares words; training makes it compare meanings.
#
# Next: [**what is a picture to a model, and what is done to it first?**](../image/preprocessing.ipynb)

# %% [markdown]
# **Sources.** {cite:t}`vaswani2017attention`, §3.1 and §3.3: block and feed-forward network.
# {cite:t}`ba2016layernorm`, §3: layer norm. {cite:t}`he2016resnet`, §3.1: residual connections.
# {cite:t}`hendrycks2016gelu`, §2: GELU and its stand-in. {cite:t}`xiong2020prenorm`, §3: gradients
# with pre- and post-norm. {cite:t}`radford2019gpt2`, §2.3: norm moved to the front.
# {cite:t}`devlin2019bert`, §3: [CLS]. {cite:t}`radford2021clip`, §2.4: CLIP's text encoder and its
# sizes.
