# ---
# jupyter:
#   chapter:
#     question: How do layers of attention turn a caption into one vector?
#     objectives:
#     - build a transformer block, and say what each of its four parts is for
#     - read a caption's vector at [CLS] or at the end token, and choose the mask that goes with
#       it
#     - say what an encoder tells apart before any training, and what it does not
#     needs: [text/attention]
#     minutes: 50
#     place: this is the upper path as far as the text embeddings $T_1 \dots T_N$
#     band: encoder
#     builds: [clipbook.text.TextEncoder, clipbook.transformer.Block, clipbook.transformer.Stack, clipbook.transformer.pool]
#     seed:
#       Text Encoder: [The text encoder, caption, vector]
#       A Transformer-based architecture, similar to GPT or BERT: [One vector for the caption,
#         GPT, BERT]
#       3. Transformer Processing: [The stack, block]
#       '[CLS] aggregates sequence info': [One vector for the caption, '[CLS]']
#       tokens → Transformer Layers: [The stack, block]
#       Feed-forward networks process token representations: [The feed-forward network, feed-forward
#           network]
#       Final text embedding: [The stack, projection]
# ---

# %% [markdown]
# # The text encoder
#
# Attention lets tokens learn from each other, but it returns as many vectors as it got. {question}
# We build the block around attention, stack it, pick the token whose vector stands for the caption,
# and end with CLIP's text encoder.

# %% [markdown]
# ## A caption on its way in
#
# We take the first caption of our example, and the small trained model. Token embedding plus
# position embedding makes `x`, of shape (10 tokens, 64 numbers).

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
# ## The feed-forward network
#
# A block has four parts. The first is attention, which moves information *between* tokens. But what
# a token gets is a weighted mean, and a mean only blends: "red" and "circle" in, half of each out.
# So then each token passes, by itself, through the second, a **feed-forward network**: a matrix
# that makes it four times wider, a **non-linearity**, and a matrix back.
#
# $$\text{mlp}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$
#
# A non-linearity is a function whose graph is not a straight line, applied to each number; without
# it, $W_1 W_2$ would be a single matrix. GELU sends large negative numbers to 0 and leaves large
# positive ones as they are:


# %%
def gelu(x):
    return x * (1 + torch.erf(x / 2**0.5)) / 2


gelu(torch.tensor([-4.0, -2, -1, 0, 1, 2, 4]))

# %%
block = encoder.blocks[0]
first, _, second = block.mlp
W_1, W_2 = first.weight.T, second.weight.T  # PyTorch stores them turned


def feed_forward(x):
    return gelu(x @ W_1 + first.bias) @ W_2 + second.bias


after = feed_forward(x)  # (10, 64) -> (10, 256) -> (10, 64)
assert torch.allclose(after, block.mlp(x), atol=1e-4)
order = torch.randperm(t)
assert torch.allclose(feed_forward(x[order]), after[order], atol=1e-4)
W_1.shape, W_2.shape

# %% [markdown]
# No token sees another here: shuffled rows come out as the same rows, shuffled. Gather from others,
# then think alone: that is the recipe.

# %% [markdown]
# ## Keeping the numbers in bounds
#
# Each layer's output is the next one's input, so sizes must not drift. The third part, **layer
# norm**, takes one token's 64 numbers, subtracts their mean $\mu$, divides by their standard
# deviation $\sigma$, then gives each number a learned gain $g$ and shift $b$. A small $\epsilon$
# guards against division by 0:
#
# $$\text{norm}(x) = g\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + b$$


# %%
def layer_norm(x, gain=1.0, shift=0.0):
    centred = x - x.mean(dim=-1, keepdim=True)  # (t, 64) - (t, 1)
    variance = (centred**2).mean(dim=-1, keepdim=True)
    return gain * centred / (variance + 1e-5).sqrt() + shift


norm = block.attention_norm
assert torch.allclose(layer_norm(x, norm.weight, norm.bias), norm(x), atol=1e-4)
for name, rows in (("before", x), ("after", layer_norm(x))):
    red = rows[3]  # (64,)
    spread = red.std(unbiased=False)  # divides by 64, not 63
    print(f"{name:7} mean {red.mean().abs():.2f}  deviation {spread:.2f}")

# %% [markdown]
# ## Adding, not replacing
#
# The fourth part is a **residual connection**: what attention and the network compute is *added* to
# the token's vector, so they need not carry along what they don't change. The four together are the
# **block**:

# %%
causal = torch.ones(t, t, dtype=torch.bool).tril()


def block_by_hand(x, block):
    normed = block.attention_norm(x)[None]  # a batch of one
    x = x + block.attention(normed, causal)[0]  # gather
    return x + block.mlp(block.mlp_norm(x))  # think


after = block(x[None], causal)[0]
assert torch.allclose(block_by_hand(x, block), after, atol=1e-4)
for name, weight in block.named_parameters():
    print(f"{name:32} {tuple(weight.shape)!s:10} {weight.numel():6,}")

# %% [markdown]
# The network holds about two thirds of the weights, attention one third.

# %% [markdown]
# ## Norm before or after?
#
# The first transformer normalised the sum, *after* adding (post-norm). GPT-2 and CLIP normalise
# only what goes into attention and network, *before* (pre-norm). With $f$ for either of the two:

# %%
WAYS = {
    "neither": lambda x, f, norm: f(x),
    "residual only": lambda x, f, norm: x + f(x),
    "post-norm": lambda x, f, norm: norm(x + f(x)),
    "pre-norm": lambda x, f, norm: x + f(norm(x)),
}
list(WAYS)

# %% [markdown]
# We stack untrained blocks, send random tokens through, and sum the last token's numbers with
# random factors. A block whose $W_2$ gets hardly any gradient from this sum can hardly learn.
# Predict: in which of the four can't the first blocks learn?

# %%
from clipbook.transformer import Block


def gradients(way, depth, seed=0):
    torch.manual_seed(seed)
    blocks = [Block(64, heads=4, mlp_width=256) for _ in range(depth)]
    for block in blocks:
        for matrix in (p for p in block.parameters() if p.ndim == 2):
            torch.nn.init.xavier_normal_(matrix)  # roughly keeps sizes
    x = torch.randn(4, 8, 64)  # (texts, tokens, width)
    for block in blocks:
        x = WAYS[way](x, block.attention, block.attention_norm)
        x = WAYS[way](x, block.mlp, block.mlp_norm)
    if way == "pre-norm":
        x = layer_norm(x)  # a last one, as in GPT-2 and CLIP
    (x[:, -1] * torch.randn(4, 64)).sum().backward()
    return [block.mlp[2].weight.grad.norm().item() for block in blocks]


sizes = gradients("pre-norm", depth=4)
print("block 1 to 4:", ", ".join(f"{size:.0f}" for size in sizes))

# %% mystnb={"image": {"alt": "With neither residual nor norm the gradient shrinks more than a hundred-thousandfold from the last block to the first; with the residual alone it is large everywhere, most of all in the first blocks; with pre-norm and post-norm it stays within a small factor over all twelve blocks."}}
from clipbook.figures import curves

depth, sizes = 12, {}
for way in WAYS:
    draws = [gradients(way, depth, seed) for seed in range(3)]
    sizes[way] = torch.tensor(draws).mean(dim=0).tolist()  # of 12 blocks
assert sizes["neither"][0] < sizes["neither"][-1] / 100
assert max(sizes["pre-norm"]) < 10 * min(sizes["pre-norm"])
lines = {way: (range(1, depth + 1), sizes[way]) for way in WAYS}
curves(lines, "block (12 is the last)", "size of the gradient", log="y")

# %% [markdown]
# (Each a mean of three draws.) With neither, the first blocks get next to nothing. With the residual
# alone, all gradients are large. Either norm keeps all twelve within a small factor. Depth tells the
# two apart. Here is the gradient of the *last* block, again a mean of three draws:

# %% mystnb={"image": {"alt": "As the stack deepens from 2 to 32 blocks the gradient of the last one stays about the same with post-norm and falls several-fold with pre-norm."}}
depths = [2, 4, 8, 16, 32]
last = {}
for way in ("post-norm", "pre-norm"):
    draws = [[gradients(way, n, seed)[-1] for n in depths] for seed in range(3)]
    last[way] = torch.tensor(draws).mean(dim=0)  # (5,)
    fall = last[way][0] / last[way][-1]
    print(f"{way:9} with 2 blocks: {fall:.1f} times what it is with 32")
assert fall > 2
lines = {way: (depths, sizes) for way, sizes in last.items()}
curves(lines, "blocks", "gradient, last block", log="xy")

# %% [markdown]
# With pre-norm, each of many blocks counts for less: the sum that runs past them grows, and the
# last norm divides by it. With post-norm, the last block's gradient stays large however deep the
# stack. Xiong and others see in this why post-norm transformers need **warm-up**, a learning rate
# that begins tiny, and found that pre-norm ones can do without.

# %% [markdown]
# ## The stack
#
# The rest: blocks one after another, a last norm, and one token's vector. Our encoder is causal, so
# we read the last token, `<end>`, the only one that has seen the whole caption. Then a
# **projection**, a matrix without bias, takes it into the space that texts share with pictures.


# %%
def encode(token_ids, encoder):
    x = encoder.token_embedding(token_ids)  # (t, 64)
    x = x + encoder.positions[: len(token_ids)]
    for block in encoder.blocks:
        x = block_by_hand(x, block)
    features = encoder.norm(x[-1])  # (64,)
    return encoder.projection(features)  # (64,)


by_hand = encode(token_ids[0], encoder)
assert torch.allclose(by_hand, encoder(token_ids)[0], atol=1e-4)
embedding = by_hand / by_hand.norm()  # unit length, for cosines
package = model.encode_text(token_ids)[0]
assert torch.allclose(embedding, package, atol=1e-4)
embedding.shape

# %% [markdown]
# **That is the text embedding $T_1$.** Thanks to the projection, text and image encoder can differ
# in width.

# %% [markdown]
# ## One vector for the caption
#
# Two designs are common. GPT-like, as in CLIP: causal mask, and the **end token** is read.
# BERT-like: *bidirectional*, without a mask but for padding, and a **[CLS]** token in *front* is
# read, which gathers the sequence. Our start token can play [CLS]. A third design mixes the two up:
# causal, and read in front.


# %%
def features(token_ids, encoder, allowed, place):
    x = encoder.token_embedding(token_ids)
    x = x + encoder.positions[: token_ids.shape[1]]
    for block in encoder.blocks:
        x = block(x, allowed)
    return encoder.norm(x)[:, place]  # (texts, 64)


DESIGNS = {
    "causal, end": (causal, -1),
    "free, [CLS]": (None, 0),
    "causal, [CLS]": (causal, 0),
}
features(token_ids, encoder, *DESIGNS["causal, end"]).shape

# %% [markdown]
# In the package, `pooling` chooses the token, and with it the mask. Two encoders, untrained:

# %%
from clipbook.text import TextConfig, TextEncoder

for name, pooling in (("causal, end", "last"), ("free, [CLS]", "first")):
    torch.manual_seed(0)
    fresh = TextEncoder(TextConfig(tokenizer.vocab_size, pooling=pooling))
    fresh.requires_grad_(False)
    ours = features(token_ids, fresh, *DESIGNS[name])
    assert torch.allclose(fresh.features(token_ids), ours, atol=1e-4)
    print(f"{name}: {ours[0, :3]} …")

# %% [markdown] predict={"ask": "At [CLS] of a causal stack, the vector is changed by", "choices": ["every word", "the last word", "no word"], "right": "no word", "shown": "read at [CLS] of a causal stack, no token but the first moves it"}
# Predict for each of the three designs: which words can change the caption's vector? In five
# untrained encoders we put "yellow" in place of each token in turn, and measure how far the vector
# moves, on average. The largest move of a design is shown as 1.

# %% mystnb={"image": {"alt": "Read at the end of a causal stack or at [CLS] of a free one, every token moves the vector, none by far the most; read at [CLS] of a causal stack, no token but the first moves it."}}
from clipbook.figures import token_heatmap

variants = token_ids.repeat(t, 1)  # (10, 10): row k changes token k
variants[range(t), range(t)] = tokenizer.encode(" yellow")[0]
moves = torch.zeros(t, len(DESIGNS))  # (10, 3)
for seed in range(5):
    torch.manual_seed(seed)
    fresh = TextEncoder(TextConfig(tokenizer.vocab_size, pooling="first"))
    fresh.requires_grad_(False)
    for k, design in enumerate(DESIGNS.values()):
        before = features(token_ids, fresh, *design)
        after = features(variants, fresh, *design)
        moves[:, k] += (after - before).norm(dim=1)  # (10,)
moves /= moves.max(dim=0).values
words = [tokenizer.decode([k]).strip() for k in token_ids[0].tolist()]
words[0], words[-1] = "<start>", "<end>"
# rounding aside, 0
assert moves[:, :2].min() > 1e-2 and moves[1:, 2].max() < 1e-4
token_heatmap(moves, words, list(DESIGNS))

# %% [markdown]
# In both proper designs every token moves the vector, none by far the most: what matters is still
# to be learned. In the mixed one no word does, as the first token of a causal stack sees only
# itself.

# %% [markdown]
# ## Which one learns better?
#
# A task that asks for the whole caption: **which colour is on top?** For "a red star under a blue
# ring" it is blue.

# %%
from itertools import product

from clipbook.scenes import COLOURS, SHAPES

names = [f"a {colour}".replace("a o", "an o") for colour in COLOURS]
RELATIONS = ["above", "over", "below", "under"]
combinations = list(product(range(8), SHAPES, RELATIONS, range(8), SHAPES))
combinations = [c for c in combinations if c[0] != c[3]]  # colours differ
generator = torch.Generator().manual_seed(0)
order = torch.randperm(len(combinations), generator=generator)
texts, colours, on_top = [], [], []
for k in order[:5500].tolist():
    a, shape, relation, b, other_shape = combinations[k]
    texts.append(f"{names[a]} {shape} {relation} {names[b]} {other_shape}")
    colours.append((a, b))
    on_top.append(a if relation in ("above", "over") else b)
len(combinations), texts[0], COLOURS[on_top[0]]

# %% [markdown]
# We train the first two designs from scratch on 5,000 of them, each twice, from different random
# weights. The 8 outputs are the scores of the 8 colours; we test after 40 and after 200 steps on
# 500 others.

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
ids, real = (tensor.to(device) for tensor in tokenizer.batch(texts))
colours = torch.tensor(colours, device=device)  # (5500, 2)
on_top = torch.tensor(on_top, device=device)
SIZES = {"vocab_size": tokenizer.vocab_size, "embed_dim": 8}
weights = TextEncoder(TextConfig(**SIZES)).parameters()
print(f"{sum(weight.numel() for weight in weights):,} numbers to be learned")


# %% [markdown]
# One step takes 64 of the captions. The loss is their mean *cross-entropy*: $-\ln p$, with $p$ the
# share that softmax gives to the right colour. Predict the first loss, with nothing learned.


# %%
def make(pooling):
    student = TextEncoder(TextConfig(**SIZES, pooling=pooling)).to(device)
    return student, torch.optim.AdamW(student.parameters(), lr=2e-3)


def one_step(student, optimiser):
    k = torch.randint(0, 5000, (64,))
    scores = student(ids[k], real[k])  # (64, 8)
    loss = torch.nn.functional.cross_entropy(scores, on_top[k])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


print(f"first loss {one_step(*make('last')):.2f}", end=", ")
print(f"ln 8 = {torch.tensor(8.0).log():.2f}")

# %% [markdown]
# A little worse than an even guess among 8.


# %%
def learn(pooling, seed):
    torch.manual_seed(seed)
    student, optimiser = make(pooling)
    losses, answers = torch.zeros(200), []
    for step in range(200):
        losses[step] = one_step(student, optimiser)
        if step + 1 in (40, 200):
            with torch.no_grad():
                scores = student(ids[5000:], real[5000:])  # (500, 8)
            answers.append(scores.argmax(dim=1))
    # (20,), (2, 500)
    return losses.view(-1, 10).mean(dim=1), torch.stack(answers)


runs, ends = {}, {}
for pooling in ("last", "first"):
    runs[pooling] = [learn(pooling, seed) for seed in range(2)]
    ends[pooling] = [f"{losses[-1]:.3f}" for losses, _ in runs[pooling]]
ends

# %% mystnb={"image": {"alt": "Both loss curves fall from about 2, slow down near 0.9, then fall to almost 0; neither design is clearly ahead."}}
lines = {}
for pooling, name in (("last", "end token"), ("first", "[CLS]")):
    mean = torch.stack([losses for losses, _ in runs[pooling]]).mean(dim=0)
    lines[name] = (torch.arange(10, 201, 10), mean)
    answers = torch.stack([said for _, said in runs[pooling]])  # (2, 2, 500)
    for k, step in enumerate((40, 200)):
        is_named = answers[:, k, :, None] == colours[5000:]  # (runs, 500, 2)
        is_named = is_named.any(dim=2).float().mean().item()
        right = (answers[:, k] == on_top[5000:]).float().mean().item()
        shares = f"one of the two {is_named:.2f}, right {right:.2f}"
        print(f"{name:9} step {step:3}: {shares}")
    assert right > 0.9
curves(lines, "steps", "loss, mean of two runs")

# %% [markdown]
# Both solve it, and two runs each can't name a winner. At step 40 nearly every answer is one of the
# caption's two colours, but only about half are the right one: *which* words are there is learned
# before how they stand to each other. So what decides is what else one wants. BERT's tokens use
# both their sides; the causal mask allows next-word prediction.

# %% [markdown]
# ## The same as CLIP's
#
# The library `transformers` has CLIP's text encoder. We make a tiny one with random weights, carry
# these over into ours, and compare.

# %%
from transformers import CLIPConfig, CLIPModel

from clipbook.pretrained import from_transformers

tower = {"hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 64}
tower |= {"num_attention_heads": 4, "projection_dim": 16}
text = tower | {"vocab_size": 99, "max_position_embeddings": 12}
text |= {"bos_token_id": 97, "eos_token_id": 98}
vision = tower | {"image_size": 16, "patch_size": 8}
config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
torch.manual_seed(0)
theirs = CLIPModel(config).eval()
ours = from_transformers(theirs).text_encoder
vars(ours.config)

# %%
random_ids = torch.randint(3, 97, (5, 12))
random_ids[:, -1] = 98  # each text ends with the end token
with torch.no_grad():
    their_features = theirs.text_model(input_ids=random_ids).pooler_output
    projected = theirs.text_projection(their_features)  # (5, 32) -> (5, 16)
    assert torch.allclose(ours.features(random_ids), their_features, atol=1e-5)
    assert torch.allclose(ours(random_ids), projected, atol=1e-5)
    difference = (ours(random_ids) - projected).abs().max().item()
print("largest difference:", difference)

# %% [markdown]
# The CLIP of the paper has width 512, 12 layers, 8 heads, 63 million weights. From our trained
# encoder it differs only in its sizes and in the non-linearity, `quick_gelu` (see the mistakes below).

# %% [markdown]
# ## Before any training
#
# What does a random encoder tell apart? For five pairs of captions, here is the share of their
# words that both contain. Predict the cosines in an untrained encoder, then in the trained one.

# %%
pairs = {
    "little for small": ("a small orange square", "a little orange square"),
    "large for small": ("a small orange square", "a large orange square"),
    "circle for square": ("a small orange square", "a small orange circle"),
    "colours exchanged": (EXAMPLE[0][1], EXAMPLE[1][1]),
    "another caption": (EXAMPLE[0][1], EXAMPLE[2][1]),
}
shares = []
for name, pair in pairs.items():
    left, right = (set(caption.split()) for caption in pair)
    shares.append(len(left & right) / len(left | right))
    print(f"{name:17} {shares[-1]:.2f}")
EXAMPLE[0][1], EXAMPLE[1][1], EXAMPLE[2][1]


# %% mystnb={"image": {"alt": "Untrained, the cosine follows the share of common words, and is highest for exchanged colours. Trained, it stays near 1 only where little stands for small; exchanged colours, another size and another shape are pushed apart."}}
def cosines(encoder):
    sides = zip(*pairs.values(), strict=True)  # five captions each
    with torch.no_grad():
        left, right = (encoder(*tokenizer.batch(list(side))) for side in sides)
    return torch.cosine_similarity(left, right)  # (5,)


torch.manual_seed(0)
untrained = [cosines(TextEncoder(encoder.config)) for _ in range(20)]
untrained, trained = torch.stack(untrained).mean(dim=0), cosines(encoder)
shares = torch.tensor(shares)
table = torch.stack([shares, untrained, trained], dim=1)  # (5, 3)
columns = ["words shared", "untrained", "trained"]
token_heatmap(table, list(pairs), columns, signed=True)

# %%
little, large, circle, exchanged, another = table[:, 1:]
assert exchanged[0] == table[:, 1].max() and another[0] == table[:, 1].min()
assert abs(little[0] - large[0]) < 0.1 and little[1] > large[1] + 0.2
for name, difference in zip(columns[1:], little - large, strict=True):
    print(f"{name:9}: little nearer than large by {difference:5.2f}")

# %% [markdown]
# Untrained (mean of twenty random encoders), captions that share more words are more alike. But
# *large* for *small* changes the cosine no more than *little* does, and who has which colour hardly
# matters. **Word overlap comes free, meaning must be trained.**

# %% [markdown]
# ## Common mistakes
#
# **All captions get the same vector → causal mask, but read at [CLS].** Here are our eight
# captions.

# %%
captions = [caption for _, caption in EXAMPLE]
eight, real_tokens = tokenizer.batch(captions)  # (8, 32)
free = torch.ones(32, 32, dtype=torch.bool)
with torch.no_grad():
    wrong = features(eight, fresh, free.tril(), 0)
    right = features(eight, fresh, real_tokens[:, None, None, :], 0)
for name, vectors in (("causal", wrong), ("free", right)):
    off = (vectors - vectors[0]).abs().max()
    print(f"{name:6}  captions differ by up to {off:.2f}")

# %% [markdown]
# **A caption's vector changes with its padding → read in the last column**, not at the end token.

# %%
moves = []
for n in (10, 32):  # the third caption, padded to 10 tokens and to 32
    ids, real = eight[2:3, :n], real_tokens[2:3, :n]
    last_column = features(ids, encoder, free.tril()[:n, :n], -1)
    moves.append((last_column, encoder.features(ids, real)))
for name, short, long in zip(("last column", "end token"), *moves, strict=True):
    print(f"{name:11} moves by {(short - long).norm():.2f}")

# %% [markdown]
# **A token's layer norm depends on the other tokens → taken over more than the width.** We change
# one token and look at another.

# %%
variant = x.clone()
variant[0] *= 50
normalise = torch.nn.functional.layer_norm
for name, over in (("one token, (w,)", (64,)), ("all tokens, (t, w)", x.shape)):
    moved = normalise(variant, over)[5] - normalise(x, over)[5]
    print(f"{name:18} token 5 moves by {moved.abs().max():.2f}")

# %% [markdown]
# **Loaded weights work, but not quite → the wrong non-linearity.** OpenAI's CLIP was trained with
# $x \cdot \text{sigmoid}(1.702\,x)$, a quick stand-in for GELU. Weights load into either without a
# warning.

# %%
quick = ours.config.activation
with torch.no_grad():
    before = ours(random_ids)
    for block in ours.blocks:
        block.mlp[1] = torch.nn.GELU()
    off = (ours(random_ids) - before).abs().max()
largest = before.abs().max()
print(f"{quick} against gelu: off by up to {off:.4f}, of {largest:.2f}")

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: read at the end
#
# A batch of texts has passed the stack: `x` is $(b, t, w)$, `mask`
# is $(b, t)$, true at real tokens, of which each text has at least one; they come first. Return the
# vector of each text's last real token, its end token. (The check tries batches of several sizes,
# full texts and texts of one token.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# At which index does the last real token of each text stand? To take another column from each row,
# index with two lists: the rows $0 \dots b-1$, and a column for each.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-end", "schema_version": 3, "task": false}
def end_features(x, mask):
    """The last real token's vector of each text.

    (b, t, w), (b, t) -> (b, w).
    """
    ### BEGIN SOLUTION
    last = mask.sum(dim=1) - 1  # (b,)
    return x[torch.arange(len(x)), last]
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-end-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close


def ends_agree(lengths, places, width):
    b, shape = range(len(lengths)), (len(lengths), places, width)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(places))
    mask = torch.arange(places) < torch.tensor(lengths)[:, None]
    only, n = x * mask[..., None], torch.tensor(lengths)
    mistakes = {
        "the last column is padding in a short text; use the mask": x[:, -1],
        "off by one: n real tokens stand at 0 to n - 1": x[
            b, n.clamp(max=places - 1)
        ],
        "that is the token before the last real one": x[b, n - 2],
        "that is the first token, as in BERT": x[:, 0],
        "zeros: the last column is padding in a short text, hidden or not": only[
            :, -1
        ],
        "each text has a length of its own": x[:, lengths[0] - 1],
        "that is the mean, padding and all": x.mean(dim=1),
        "that is the mean of the real tokens": only.sum(dim=1) / n[:, None],
        "that is the sum of the real tokens": only.sum(dim=1),
        "one vector a text: take row b with its own column": x[:, n - 1],
    }
    want = torch.stack([x[k][mask[k]][-1] for k in b])
    what = f"end_features of {len(b)} texts, t = {places}, w = {width},"
    close(ask(end_features, x, mask), want, what, mistakes=mistakes)


with check("Read at the end"):
    for sizes in (
        ([3, 5, 2], 5, 4),
        ([1, 2, 4], 4, 3),
        ([2, 1, 3], 3, 3),
        ([1], 1, 2),
        ([6], 8, 1),
    ):
        ends_agree(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "text-encoder-end-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches.
### BEGIN HIDDEN TESTS
with check("Read at the end, other batches"):
    for sizes in (([7, 1, 3, 6, 2], 7, 4), ([3], 7, 4), ([2, 2], 6, 16)):
        ends_agree(*sizes)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "medium"}
# ## Exercise: count the weights
#
# How many numbers does a text encoder learn? Count token and
# position embeddings, blocks (see the list of weights above), last norm and projection. All linear
# layers have a bias but the projection; a norm has gain and shift. CLIP's own encoder
# (49,408 tokens, context 77, width 512, 12 blocks, network 2,048 wide, 512 numbers in an embedding)
# must give its 63 million. (The check builds encoders of several sizes and counts; their network is
# not always 4 times the width.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Go by parts: two tables; in each block $W_Q, W_K, W_V, W_O$, two norms, two layers of the network;
# then what comes once. Heads are slices, they cost nothing.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-count", "schema_version": 3, "task": false}
def count_weights(
    vocab_size, context_length, width, depth, mlp_width, embed_dim
):
    """How many numbers a text encoder of these sizes learns."""
    ### BEGIN SOLUTION
    tables = (vocab_size + context_length) * width
    attention = 4 * (width * width + width)
    network = 2 * width * mlp_width + mlp_width + width
    norms = 2 * 2 * width
    blocks = depth * (attention + network + norms)
    return tables + blocks + 2 * width + width * embed_dim
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-count-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.text import TextConfig, TextEncoder

count_mistakes = {
    "there are `depth` blocks": 607,
    "each linear layer but the projection has a bias": 1074,
    "the positions are learned, too": 1155,
    "positions come once, not in each block": 1245,
    "the token embeddings are missing": 1011,
    "each norm has a gain and a shift": 1143,
    "each block has two norms of a gain and a shift; half of that is missing": 1149,
    "4 times the width is missing in each block: its two norms, or the biases of attention": 1113,
    "queries, keys and values have biases": 1131,
    "the last norm is missing": 1173,
    "the last norm comes once, not in each block": 1209,
    "all norms are missing": 1101,
    "the projection is missing": 1083,
    "the projection has no bias": 1202,
    "the projection gives embed_dim numbers, not as many as the width": 1119,
    "attention has four matrices with a bias each; one is missing": 1059,
    "queries, keys and values have a matrix each": 933,
    "the network has two layers, out and back": 1041,
    "the network's way out has a bias": 1164,
    "width numbers are missing in each block: the bias of attention's output, or of the network's "
    "way back": 1167,
    "both layers of the network have a bias": 1146,
    "the biases of the network have mlp_width and width numbers": 1188,
    "the network is mlp_width wide, not 4 times the width": 1848,
}


def count_agrees(*sizes, mistakes=None):
    names = (
        "vocab_size",
        "context_length",
        "width",
        "depth",
        "mlp_width",
        "embed_dim",
    )
    asked = dict(zip(names, sizes, strict=True))
    learned = sum(
        weight.numel()
        for weight in TextEncoder(TextConfig(**asked)).parameters()
    )
    close(
        ask(count_weights, *sizes),
        learned,
        f"count_weights of {asked}",
        mistakes=mistakes,
    )


with check("Count the weights"):
    count_agrees(29, 5, 6, 3, 7, 17, mistakes=count_mistakes)
    count_agrees(300, 20, 32, 1, 96, 64)
    millions = ask(count_weights, 49408, 77, 512, 12, 2048, 512) / 1e6
    close(
        millions, 63, "the count of CLIP's encoder, in millions,", tolerance=0.5
    )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "text-encoder-count-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other encoders.
### BEGIN HIDDEN TESTS
with check("Count the weights, other encoders"):
    count_agrees(50, 7, 16, 5, 40, 8)
    count_agrees(400, 32, 64, 2, 256, 64)
    count = ask(count_weights, 49408, 77, 512, 12, 2048, 512)
    close(count, 63_428_096, "the count of CLIP's encoder")
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: exactly one
#
# A token has gathered $n$ numbers: *red was seen*, *blue was seen*
# and so on, each 0 or 1. Write the weights of a feed-forward network, with ReLU as its
# non-linearity ($\max(0, x)$), that answers 1 if **exactly one** of them is 1, else 0. It is
# $\text{relu}(x W_1 + b_1)\, W_2 + b_2$.
#
# No weighted mean can do this. Choose the inner width $m$ yourself; $W_1$ is $(n, m)$, $b_1$ $(m)$,
# $W_2$ $(m, 1)$, $b_2$ $(1)$. (The check tries all inputs of 1 to 10 numbers.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only the sum $s$ of the inputs matters. Draw the answer over $s = 0, 1, 2, 3$: up by one, down by
# one, then flat. Each $\text{relu}(s - c)$ adds a kink at $c$: what slope does the curve have
# before and after each of its kinks?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "text-encoder-exactly-one", "schema_version": 3, "task": false}
def exactly_one(n):
    """W_1, b_1, W_2, b_2 of a network: 1 where one of n inputs is 1, else 0."""
    ### BEGIN SOLUTION
    W_1 = torch.ones(n, 3)  # three inner numbers, each the sum s less 0, 1, 2
    b_1 = torch.tensor([0.0, -1, -2])
    W_2 = torch.tensor([[1.0], [-2], [1]])  # slope 1, then -1, then 0
    return W_1, b_1, W_2, torch.zeros(1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-exactly-one-check", "schema_version": 3, "task": false}
from itertools import product

from clipbook.exercises import ask, check, close, numbers


def network_agrees(n):
    weights = ask(exactly_one, n)
    four = hasattr(weights, "__len__") and len(weights) == 4
    assert four, (
        "exactly_one must return four tensors: return W_1, b_1, W_2, b_2"
    )
    W_1, b_1, W_2, b_2 = (
        numbers(one, "a tensor of exactly_one") for one in weights
    )
    m = len(b_1) if b_1.ndim == 1 else "m"
    named = {
        "W_1": (W_1, (n, m)),
        "b_1": (b_1, (m,)),
        "W_2": (W_2, (m, 1)),
        "b_2": (b_2, (1,)),
    }
    for name, (one, shape) in named.items():
        wrong = (
            f"{name} has shape {tuple(one.shape)}, expected {shape} for n = {n}"
        )
        assert tuple(one.shape) == shape, wrong
    # (2 to the n, n)
    inputs = torch.tensor(list(product([0.0, 1.0], repeat=n))).double()
    s = inputs.sum(dim=1)
    mistakes = {
        "that is 'at least one'; two must give 0 again": s > 0,
        "that is 'both'": s == n,
        "that is the sum; it needs to turn down after 1": s,
        "that is the opposite": s != 1,
        "the answer does not depend on the inputs": 0 * s,
        "that only looks at the first input": inputs[:, 0],
        "that is 'an odd number'": s % 2,
        "three must give 0, too: after 2 the curve is flat": torch.minimum(
            s, 2 - s
        ),
    }
    answers = (torch.relu(inputs @ W_1 + b_1) @ W_2 + b_2)[:, 0]
    if n <= 3:
        what = f"the network's answers to {inputs.long().tolist()}"
        close(answers, s == 1, what, mistakes=mistakes)
    for asked, answer in zip(inputs.long().tolist(), answers, strict=True):
        close(answer, sum(asked) == 1, f"the network's answer to {asked}")


with check("Exactly one"):
    for n in (2, 3, 1, 5, 10):
        network_agrees(n)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "text-encoder-exactly-one-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other numbers of inputs.
### BEGIN HIDDEN TESTS
with check("Exactly one, of more"):
    for n in (4, 6, 9):
        network_agrees(n)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We drop the feed-forward networks and double the number of attention layers. What is lost?
#
# <details><summary>Answer</summary>
#
# The step in which a token *concludes* from what it gathered, as in the exercise "exactly one":
# attention averages values. "Nothing, softmax is not linear either" is half true: it shapes the
# weights, not what is averaged. "Tokens no longer see each other" mixes the parts up: that is attention's
# work.
#
# </details>

# %% [markdown]
# **2.** Why not read the vector of the last *word* in place of the end token?
#
# <details><summary>Answer</summary>
#
# It has seen every word, so it could work. But it would have two jobs, to be "square" and to sum
# up, and in each caption another token would do the second. "It hasn't seen the whole caption" is
# wrong; "the end token holds more numbers" is, too: all have one width.
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
# Next: [**what is a picture to a model, and what is done to it
# first?**](../image/preprocessing.ipynb)

# %% [markdown]
# **Sources.** {cite:t}`vaswani2017attention`, §3.1 and §3.3: block and feed-forward network.
# {cite:t}`ba2016layernorm`, §3: layer norm. {cite:t}`he2016resnet`, §3.1: residual connections.
# {cite:t}`hendrycks2016gelu`, §2: GELU and its stand-in. {cite:t}`xiong2020prenorm`, §3: gradients
# with pre- and post-norm. {cite:t}`radford2019gpt2`, §2.3: norm moved to the front.
# {cite:t}`devlin2019bert`, §3: [CLS]. {cite:t}`radford2021clip`, §2.4: CLIP's text encoder and its
# sizes.
