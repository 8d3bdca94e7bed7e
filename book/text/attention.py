# ---
# jupyter:
#   chapter:
#     question: How does one token learn what the others say?
#     objectives:
#     - compute what one token gathers from the others, with pencil and paper, then for all tokens
#       at once
#     - say why scores are divided by $\sqrt d$, and hide the future or the padding with a mask
#     - tell what several heads are for, and what twice the tokens cost
#     needs: [text/embeddings]
#     minutes: 40
#     place: this is the heart of both encoders, the one for text and the one for pictures
#     band: attention
#     builds: [clipbook.transformer.MultiHeadAttention, clipbook.transformer.allowed_keys, clipbook.widgets.AttentionExplorer]
#     seed:
#       Self-attention processes relationships between words: [All tokens at once, self-attention|tokens]
# ---

# %% [markdown]
# # Attention
#
# In "the aussie pup", the word "aussie" says something about "pup". But the embedding of "pup" is
# a row of a table, the same in every caption. {question} It asks them. We build this first with
# numbers small enough to check on paper.

# %% [markdown]
# ## Three tokens
#
# We take the end of "Pepper the aussie pup", one token a word. Learned embeddings hold numbers
# without names. We make ours up, and name them: is the token an article, does it describe, is it a
# thing, is it about animals? Four numbers a token, so `x` is (3, 4).

# %%
import torch

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
tokens = ["the", "aussie", "pup"]
x = torch.tensor(
    [  # article, describes, thing, animal
        [1.0, 0, 0, 0],  # the
        [0, 1, 0, 1],  # aussie
        [0, 0, 1, 1],  # pup
    ]
)
x.shape

# %% [markdown]
# ## Query, key, value
#
# Three matrices, the same for all tokens, make three vectors of each token's row:
#
# - a **query**: what am I looking for?
# - a **key**: what do I offer, so that others can find me?
# - a **value**: what do I hand over to those who find me?
#
# A model learns the matrices; we write them. `W_Q` has a row for each of the four numbers, which
# says what a token with a 1 there looks for. "pup" has two, as a thing and as an animal, so its
# query is the sum of two rows. Keys are the tokens' own rows. Values are ten times these, to tell
# them from weights at a glance, without the article.

# %%
W_Q = torch.tensor(
    [  # looks for: article, describes, thing, animal
        [0.0, 0, 2, 0],  # an article looks for a thing
        [0, 0, 2, 0],  # so does a word that describes
        [0, 2, 0, 0],  # a thing looks for what describes it
        [0, 0, 0, 2],  # an animal looks for animals
    ]
)
W_K = torch.eye(4)  # each offers what it is
W_V = torch.diag(torch.tensor([0.0, 10, 10, 10]))
Q, K, V = x @ W_Q, x @ W_K, x @ W_V  # (3, 4) each
Q

# %% [markdown]
# The last row is the query of "pup": it looks for what describes, and for animals.

# %% [markdown]
# ## The weights of one token
#
# How well does a key fit a query? Their dot product says so: the **score**. Take a pencil. The
# query of "pup" is [0, 2, 0, 2]; the keys are the rows of `x`. Which token will "pup" look at most,
# and will it look at itself at all?

# %%
q = Q[2]
d = 4  # numbers in a query, and in a key
scores = []
for s in range(3):
    scores.append(sum(q[i].item() * K[s, i].item() for i in range(d)))
dict(zip(tokens, scores, strict=True))

# %% [markdown]
# Most at "aussie", which describes *and* is about animals; at itself half as much, as an animal. To
# become **weights**, shares of one whole, scores are divided by $\sqrt d = 2$ (reason below); then
# comes **softmax**: raise $e$ to each, divide by the sum.

# %%
import math

scaled = [score / math.sqrt(d) for score in scores]
powers = [math.exp(value) for value in scaled]
weights = [power / sum(powers) for power in powers]
for s in range(3):
    steps = f"{scores[s]:.0f} → {scaled[s]:.0f} → {powers[s]:.2f}"
    print(f"{tokens[s]:6}  {steps} → {weights[s]:.2f}")

# %% [markdown]
# Then "pup" collects the values, each times its weight:
#
# $$\begin{aligned} &0.09 \cdot [0, 0, 0, 0] \\ +\ &0.67 \cdot [0, 10, 0, 10] \\
# +\ &0.24 \cdot [0, 0, 10, 10] \end{aligned}$$

# %%
pup = sum(weights[s] * V[s] for s in range(3))
pup

# %% [markdown]
# The row of "pup" has a 0 under *describes*; what it gathered has 6.65 there, from "aussie". **A
# token's new vector is a weighted mean of the values of all tokens**, its own included.

# %% [markdown]
# ## All tokens at once
#
# Every token asks. One matrix product gives all scores, with a row for each query and a column for
# each key. Softmax runs along each row:
#
# $$\text{attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# As the tokens of one text ask each other, it is called **self-attention**. Predict: where does
# "the" look?

# %% mystnb={"image": {"alt": "The and aussie look mostly at pup, pup mostly at aussie; each row of weights adds up to 1."}}
from clipbook.figures import token_heatmap


def attend(Q, K, V):
    scores = Q @ K.T / K.shape[1] ** 0.5  # (t, d) @ (d, t) -> (t, t)
    weights = scores.softmax(dim=1)
    return weights @ V, weights  # (t, d), (t, t)


gathered, weights = attend(Q, K, V)
assert torch.allclose(gathered[2], pup)
token_heatmap(weights, tokens, tokens)

# %% [markdown]
# Each row adds up to 1. "the" looks mostly at "pup", but "pup" hardly at "the", for queries and
# keys come from different matrices.

# %% [markdown]
# ## Why divide by √d
#
# A score is a sum of $d$ products. If the numbers in queries and keys are independent with mean 0
# and variance 1, so is each product, and the sum of $d$ has variance $d$, a standard deviation of
# $\sqrt d$. Wider vectors make larger scores. We draw 200 random queries with 16 keys each:

# %%
generator = torch.Generator().manual_seed(0)
scores_by_width = {}  # d: scores, (200, 16) each
for d in (4, 16, 64, 256, 1024):
    queries = torch.randn(200, 1, d, generator=generator)
    keys = torch.randn(200, 16, d, generator=generator)
    scores_by_width[d] = (queries * keys).sum(dim=2)
    spread = scores_by_width[d].std()
    print(f"d = {d:4}   standard deviation of the scores {spread:4.1f}")

# %% [markdown]
# The **entropy** $H = -\sum p \ln p$ of a query's weights $p$ tells over how many tokens they
# spread: $e^H$ is 16 if all weigh the same, 1 if one takes everything. Predict both curves.

# %% mystnb={"image": {"alt": "Divided by the square root of d, weights spread over about eleven of sixteen tokens at any d; undivided, they spread over hardly two at d = 64, and over one in the end."}}
from clipbook.figures import curves

lines, WAYS = {}, (("divided by √d", 0.5), ("not divided", 0))
for name, power in WAYS:
    spread = []
    for d, scores in scores_by_width.items():
        p = (scores / d**power).softmax(dim=1)  # (200, 16)
        H = -torch.special.xlogy(p, p).sum(dim=1)  # (200,); p ln p, 0 at 0
        spread.append(H.exp().mean())
    lines[name] = (list(scores_by_width), spread)
curves(lines, "d, numbers in a key", "tokens looked at, of 16", log="x")

# %% [markdown]
# Undivided, a query of 64 numbers looks at fewer than two tokens of 16, picked by chance. And most
# of its weights hardly learn. What the weight $p_s$ of key $k_s$ gains as the query $q$ changes is
# softmax's derivative with respect to $q$, a vector of $d$ numbers:
#
# $$\frac{\partial p_s}{\partial q} = \frac{p_s}{\sqrt d}\,\Big(k_s - \sum_r p_r k_r\Big)$$
#
# It is next to nothing where $p_s$ is near 0, and where it is near 1, since the sum is then about
# $k_s$. But without the division the factor $1/\sqrt d$ is missing, which by itself makes the
# gradient longer. Predict: with or without it, which gradients are longer?


# %%
def gradient_lengths(d, power, seed):
    draw = {"generator": torch.Generator().manual_seed(seed)}
    draw["dtype"] = torch.float64
    q = torch.randn(200, 1, d, **draw, requires_grad=True)
    k = torch.randn(200, 16, d, **draw)
    p = ((q * k).sum(dim=2) / d**power).softmax(dim=1)  # (200, 16)
    gradients = p[..., None] * (k - p[:, None] @ k) / d**power  # (200, 16, d)
    (by_torch,) = torch.autograd.grad(p[:, 0].sum(), q)  # of first weights
    assert torch.allclose(gradients[:, 0], by_torch[:, 0])
    return gradients.detach().norm(dim=2)  # (200, 16)


gradient_lengths(64, 0.5, seed=0).shape

# %%
medians = {}
for name, power in WAYS:
    print(name)
    for d in scores_by_width:
        draws = [gradient_lengths(d, power, seed) for seed in range(5)]
        draws = torch.stack(draws)  # (5, 200, 16)
        medians[name, d] = middle = draws.flatten(1).median(dim=1).values
        median = f"median {middle.min():.0e} to {middle.max():.0e}"
        print(f"  d = {d:4}   {median}   mean {draws.mean():.2f}")
largest = medians["not divided", 64].max()
assert medians["divided by √d", 64].min() > 1000 * largest

# %% [markdown]
# (Of 3,200 weights, in each of five draws.) Divided, half of the gradients are longer than about
# 0.04 at any $d$. Undivided, half are shorter than about 0.00001 at $d = 64$, and as good as 0 at
# $d = 1024$: the softmax is *saturated*, and if another key would serve better, the query hardly
# learns of it. The mean is even larger than with the division, as the few weights that are near
# neither 0 nor 1 have it all: such a query is about to jump from one key to another.

# %% [markdown] predict={"choices": ["1, 0, 0", "⅓, ⅓, ⅓", "0, 0, 0"], "right": "1, 0, 0", "shown": "the first token looks only at itself"}
# ## The causal mask
#
# A **causal mask** lets a token see itself and those before it, never those after. GPT needs it: it
# predicts the next token, and must not peek. CLIP's text encoder has one, too: its authors wanted
# to be able to start it from a language model's weights. What may not be seen gets the score −∞
# *before* softmax, since $e^{-\infty} = 0$. Predict the first row.


# %% mystnb={"image": {"alt": "Below and on the diagonal are weights, above it nothing: the first token looks only at itself, the last at all three."}}
def attend(Q, K, V, allowed=None):
    scores = Q @ K.T / K.shape[1] ** 0.5
    if allowed is not None:  # true where a row may look at a column
        scores = scores.masked_fill(~allowed, float("-inf"))
    weights = scores.softmax(dim=1)
    return weights @ V, weights


causal = torch.ones(3, 3, dtype=torch.bool).tril()
gathered, weights = attend(Q, K, V, causal)
assert weights[0].tolist() == [1, 0, 0]
token_heatmap(weights.masked_fill(~causal, torch.nan), tokens, tokens)

# %% [markdown]
# "the" has only itself left. The last token sees everything, as before.
#
# The second mask hides **padding**, with which short captions in a batch are filled up. A padding
# token has an embedding like any other; ours is all ones. How much of its attention does "pup"
# waste on it?

# %%
padded = torch.stack([x[0], x[2], torch.ones(4)])  # the, pup, padding
real = torch.tensor([True, True, False])
inputs = padded @ W_Q, padded @ W_K, padded @ W_V
for name, allowed in (("no mask", None), ("padding hidden", real[None, :])):
    print(f"{name:15}", attend(*inputs, allowed)[1][1])

# %% [markdown]
# 0.67, most of it. The mask has the shape (1, 3), one row for all queries: the padding's *column*
# goes. The package's `allowed_keys` combines both masks, in the shape (batch, heads, queries,
# keys); the 1 stands for all heads.

# %%
from clipbook.transformer import allowed_keys

both = allowed_keys(3, real[None], causal=True)
assert torch.equal(both[0, 0], causal & real[None, :])
both.shape, both[0, 0].int()

# %% [markdown]
# ## Several heads
#
# "pup" may want its adjective *and* its article, and in one mean the two blur. So $Q$, $K$ and $V$,
# all of width $w$, are cut into $h$ parts of $d = w / h$ columns, and each part, a **head**,
# attends on its own. Their results are put side by side and mixed by an output matrix $W_O$. Here
# is the first layer of the book's own text encoder, and the first caption of our example:

# %%
import clipbook
from clipbook.scenes import EXAMPLE

model, tokenizer = clipbook.load("shapes")
encoder = model.text_encoder
token_ids, mask = tokenizer.batch([EXAMPLE[0][1]])
token_ids = token_ids[:, : int(mask.sum())]  # without padding
words = [tokenizer.decode([k]).strip() for k in token_ids[0].tolist()]
words[0], words[-1] = "<start>", "<end>"
attention = encoder.blocks[0].attention
print(*words)
attention

# %% [markdown]
# `query_key_value` holds $W_Q$, $W_K$ and $W_V$ side by side, and a bias, which is added to each
# product; `output` is $W_O$. One head after the other, by hand:


# %%
@torch.no_grad()
def multi_head(x, attention, allowed):
    Q, K, V = attention.query_key_value(x).chunk(3, dim=1)  # (t, w) each
    d = x.shape[1] // attention.heads
    heads = []
    for h in range(attention.heads):
        own = slice(h * d, (h + 1) * d)  # the columns of head h
        heads.append(attend(Q[:, own], K[:, own], V[:, own], allowed))
    gathered = torch.cat([values for values, _ in heads], dim=1)  # (t, w)
    weights = torch.stack([weights for _, weights in heads])  # (h, t, t)
    return attention.output(gathered), weights


attention.heads

# %% [markdown]
# The layer's input is token plus position embedding, normalised (the next chapter says why).

# %%
t = len(words)
with torch.no_grad():
    x = encoder.token_embedding(token_ids[0]) + encoder.positions[:t]
    x = encoder.blocks[0].attention_norm(x)
causal = torch.ones(t, t, dtype=torch.bool).tril()
by_hand, weights = multi_head(x, attention, causal)
x.shape, by_hand.shape, weights.shape

# %% [markdown]
# The package's `MultiHeadAttention` does all heads in one product: it reshapes $(t, w)$ to
# $(t, h, d)$ and swaps the first two. Same numbers:

# %%
with torch.no_grad():
    allowed = allowed_keys(t, causal=True)
    output, their_weights = attention.with_weights(x[None], allowed)
assert torch.allclose(output[0], by_hand, atol=1e-4)
assert torch.allclose(their_weights[0], weights, atol=1e-5)
for h in range(attention.heads):
    most, k = weights[h, -2].max(dim=0)
    print(f"head {h}: {words[-2]!r} looks most at {words[k]!r}, {most:.2f}")

# %% [markdown]
# ## Where the trained model looks
#
# The model reads the caption's meaning at the end token of the last layer. Predict which words this
# token looks at, then choose other tokens, layers and heads.

# %%
from clipbook.widgets import AttentionExplorer

with torch.no_grad():
    all_weights = encoder.attention_weights(token_ids)  # (layers, 1, h, t, t)
all_weights = all_weights[:, 0]
AttentionExplorer(all_weights, tokens=words, causal=True, query=t - 1)

# %%
for layer, heads in enumerate(all_weights):
    for h, weights in enumerate(heads):  # (t, t)
        most, k = weights.max(dim=1)
        print(f"layer {layer}, head {h}:", end="")
        for i in (5, 8, 9):
            print(f"  {words[i]} → {words[k[i]]} {most[i]:.2f}", end="")
        print()
colours = [words.index("red"), words.index("blue")]
last = all_weights[-1, :, -1, colours].sum(dim=1)  # of <end>, (h,)
print("last layer: <end> → red and blue", *[f"{share:.2f}" for share in last])

# %% [markdown]
# In the last layer `<end>` looks most at "square" with one head, at "above" with the other, and not
# at the colours. But in the layer before, "square" had looked at "blue", and "above" at "red" and
# "circle". What tokens gather in one layer they can hand over in the next.
#
# Don't read too much into weights, though: they say how much of a *value* flows in, not whether
# that mattered. Values may be small, and later layers may undo it.
#
# Now a sentence of your own: on the page in the field below the figure, in a notebook in
# `my_sentence`. Who looks at "left"?

# %% tags=["live"]
my_sentence = "a yellow star to the left of a green ring"
ids, mask = tokenizer.batch([my_sentence])
ids = ids[:, : int(mask.sum())]  # without padding
my_words = [tokenizer.decode([k]).strip() for k in ids[0].tolist()]
my_words[0], my_words[-1] = "<start>", "<end>"
with torch.no_grad():
    mine = encoder.attention_weights(ids)[:, 0]  # (layers, h, tokens, tokens)
AttentionExplorer(mine, tokens=my_words, causal=True, query=len(my_words) - 1)

# %% [markdown]
# ## The same as PyTorch's
#
# `torch.nn.MultiheadAttention` has other names for the weights, and its mask is true where looking
# is *forbidden*. With our weights it must give our numbers.

# %%
theirs = torch.nn.MultiheadAttention(64, attention.heads, batch_first=True)
with torch.no_grad():
    ours = attention.query_key_value
    theirs.in_proj_weight.copy_(ours.weight)
    theirs.in_proj_bias.copy_(ours.bias)
    theirs.out_proj.load_state_dict(attention.output.state_dict())
    batch = x[None]  # (1, t, 64)
    expected, _ = theirs(batch, batch, batch, attn_mask=~causal)
assert torch.allclose(expected[0], by_hand, atol=1e-4)
f"largest difference {(expected[0] - by_hand).abs().max():.0e}"

# %% [markdown] predict={"ask": "Attention, of a long text", "choices": ["as long", "twice as long", "about four times as long"], "right": "about four times as long", "shown": "fourfold for twice the tokens"}
# ## What it costs
#
# $t$ tokens make $t^2$ scores a head. The work for $Q$, $K$ and $V$ grows only with $t$. We time
# both on the processor, with $w = 64$. Predict: how much longer does each take if the text is twice
# as long?

# %% mystnb={"image": {"alt": "On logarithmic axes the time of attention rises along a steep line, fourfold for twice the tokens, and passes the time of the projections, which only doubles."}}
from torch.utils.benchmark import Timer


def milliseconds(code, x):
    names = {"attend": attend, "x": x, "W": torch.randn(64, 3 * 64)}
    runs = Timer(code, globals=names).blocked_autorange(min_run_time=0.1)
    return 1000 * min(runs.times)


def fastest(code):  # of three rounds, as something else may disturb one
    rounds = [[milliseconds(code, x) for x in inputs] for _ in range(3)]
    return [min(times) for times in zip(*rounds, strict=True)]


lengths = [64, 128, 256, 512, 1024, 2048]
inputs = [torch.randn(n, 64) for n in lengths]
attending, projecting = fastest("attend(x, x, x)"), fastest("x @ W")
lines = {"attend": (lengths, attending), "Q, K and V": (lengths, projecting)}
curves(lines, "tokens", "milliseconds", log="xy")

# %%
for k in range(1, len(lengths)):
    factor = attending[k] / attending[k - 1]
    scores = f"{lengths[k] ** 2:9,} scores"
    print(f"{lengths[k]:5} tokens: {scores}, time ×{factor:.1f}")

# %% [markdown]
# For long texts, twice the tokens cost four times as much, or more, as the scores must also be
# stored and fetched. CLIP's captions have 77 tokens at most, but a picture of 224 × 224 pixels
# makes $14^2 = 196$ patches of 16 × 16, and $28^2 = 784$ of 8 × 8: sixteen times the scores.

# %% [markdown]
# ## Common mistakes
#
# **Rows of weights don't add up to 1 → softmax went along the wrong axis.** It must run along a
# row, over the keys: `dim=-1`.

# %%
scores = Q @ K.T / 2  # our three tokens again
print("dim=0:", scores.softmax(dim=0).sum(dim=1))
print("dim=1:", scores.softmax(dim=1).sum(dim=1))

# %% [markdown]
# **Rows add up to less than 1 → the mask came after softmax.** The hidden keys have already taken
# their share.

# %%
allowed = torch.ones(3, 3, dtype=torch.bool).tril()
(scores.softmax(dim=1) * allowed).sum(dim=1)

# %% [markdown]
# **A row of nan → a query has no key left.** Its scores are all −∞, and softmax divides 0 by 0.
# Here the diagonal was hidden along with the future.

# %%
attend(Q, K, V, allowed.tril(-1))[1]

# %% [markdown]
# **The first token changes when the last one does → the mask is inverted**, as when PyTorch's kind,
# true for *forbidden*, goes where ours is expected.

# %%
changed = V.clone()
changed[2] += 100  # only the last token's value
for name, mask in (("ours", allowed), ("inverted", ~allowed)):
    moved = attend(Q, K, changed, mask)[0] - attend(Q, K, V, mask)[0]  # (3, 4)
    print(f"{name:9} first token moves by {moved[0].abs().max():.1f}")

# %% [markdown]
# **Right shape, wrong numbers → heads were cut with `view` alone.** A head is some columns of *all*
# tokens. `view` to $(h, t, d)$ gives the first of two heads all columns of the first tokens.

# %%
grid = torch.arange(8).view(4, 2)  # token k holds 2k and 2k + 1
wrong = grid.view(2, 4, 1)  # (h, t, d)
right = grid.view(4, 2, 1).transpose(0, 1)
print("head 0, view alone:          ", wrong[0, :, 0])
print("head 0, view, then transpose:", right[0, :, 0])

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: weights
#
# Write the weights of a whole batch: $b$ texts, each with $t$ queries
# and $s$ keys of $d$ numbers. (The check tries other sizes, queries and keys that are not equally
# many, and scores of ±20,000.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Of each text, $QK^\top$ has the shape $(t, s)$; `transpose` swaps two axes and leaves the batch
# alone. What is $d$ in terms of the shapes that come in? Along which axis does one query's attention
# lie? `softmax` copes with large scores by itself; your own must subtract each row's largest first.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "attention-weights", "schema_version": 3, "task": false}
def attention_weights(Q, K):
    """Weights of each query over the keys of its text.

    (b, t, d), (b, s, d) -> (b, t, s).
    """
    ### BEGIN SOLUTION
    scores = Q @ K.transpose(1, 2) / Q.shape[2] ** 0.5
    return scores.softmax(dim=2)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-weights-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, numbers


def shares(Q, K, divisor, axis=2):
    powers = (torch.einsum("btd,bsd->bts", Q, K) / divisor).exp()
    return powers / powers.sum(dim=axis, keepdim=True)


def weights_agree(b, t, s, d):
    generator = torch.Generator().manual_seed(b)
    Q = torch.randn(b, t, d, generator=generator)
    K = torch.randn(b, s, d, generator=generator)
    mistakes = {
        "the scores are not divided by √d": shares(Q, K, 1),
        "divide by √d, not by d": shares(Q, K, d),
        "d is how many numbers a key has; take it from the shapes": shares(
            Q, K, 2
        ),
        "d is how many numbers a key has, not how many queries come": shares(
            Q, K, t**0.5
        ),
        "d is how many numbers a key has, not how many keys come": shares(
            Q, K, s**0.5
        ),
        "d is how many numbers a key has, not how many texts come": shares(
            Q, K, b**0.5
        ),
        "softmax runs along the keys, the last axis, not along the queries": shares(
            Q, K, d**0.5, 1
        ),
        "softmax runs along the keys, the last axis, not along the texts": shares(
            Q, K, d**0.5, 0
        ),
        "each row must add up to 1, not a whole text": shares(
            Q, K, d**0.5, (1, 2)
        ),
        "each row must add up to 1, not all weights": shares(
            Q, K, d**0.5, (0, 1, 2)
        ),
        "rows are queries, columns are keys": shares(Q, K, d**0.5).mT,
        "divide the scores, before softmax": shares(Q, K, 1) / d**0.5,
        "these are the scores; softmax makes weights of them": Q
        @ K.mT
        / d**0.5,
    }
    what = f"attention_weights of {b} texts, {t} queries, {s} keys, d = {d},"
    close(
        ask(attention_weights, Q, K),
        shares(Q, K, d**0.5),
        what,
        mistakes=mistakes,
    )


def large_scores_agree(first_key, second_key, expected):
    # scores are 200 and 2 times the keys'
    queries = torch.tensor([[[100.0] * 4, [1.0] * 4]])
    keys = torch.tensor([[[first_key] * 4, [second_key] * 4]])
    what = f"attention_weights for keys of {first_key:.0f} and {second_key:.0f}"
    weights = numbers(ask(attention_weights, queries, keys), what)
    infinite = "e to the 20,000 is infinite, e to the −20,000 is 0: subtract each row's largest score"
    assert weights.isfinite().all(), f"{infinite}; {what} gives inf or nan"
    close(weights, [expected], what, tolerance=1e-4)


with check("Attention weights"):
    for sizes in ((2, 3, 5, 9), (3, 6, 2, 16), (1, 1, 1, 7)):
        weights_agree(*sizes)
    large_scores_agree(100.0, 100.0, [[0.5, 0.5], [0.5, 0.5]])
    large_scores_agree(-100.0, -100.0, [[0.5, 0.5], [0.5, 0.5]])
    large_scores_agree(101.0, 100.0, [[1, 0], [0.8808, 0.1192]])

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "attention-weights-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other queries and keys.
### BEGIN HIDDEN TESTS
with check("Attention weights, other sizes"):
    for sizes in ((7, 1, 6, 3), (4, 8, 1, 64), (5, 4, 4, 4)):
        weights_agree(*sizes)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: masks
#
# Scores of a whole batch come in, $(b, t, t)$, already divided by
# $\sqrt d$. `real` has the shape $(b, t)$ and is true at real tokens, of which each text has at
# least one; they come first. Hide the padding and, if `causal`, the future. A query that is itself
# padding follows the same rules. (The check tries several sizes, among them as many texts as tokens,
# and scores of any finite size: no finite number is low enough to hide a key.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Scores are (batch, query, key). To hide a *key* from all queries, `real` needs the shape
# $(b, 1, t)$. The future of query $i$ are the keys $j > i$: `tril` keeps $j \le i$.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "attention-masks", "schema_version": 3, "task": false}
def masked_weights(scores, real, causal):
    """Weights of each query over the keys that it may see.

    (b, t, t), (b, t) -> (b, t, t).
    """
    ### BEGIN SOLUTION
    allowed = real[:, None, :]
    if causal:
        t = scores.shape[-1]
        allowed = allowed & torch.ones(t, t, dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-masks-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, numbers


def kept_shares(scores, lengths, rule):
    """Weights if query i of a text of n tokens may see key j where rule(i, j, n)."""
    places = range(scores.shape[1])
    seen = torch.tensor(
        [[[rule(i, j, n) for j in places] for i in places] for n in lengths]
    )
    powers = scores.exp()
    return powers * seen / (powers * seen).sum(dim=2, keepdim=True), seen


def masks_agree(lengths, t, causal):
    b = len(lengths)
    what = (
        f"masked_weights with causal={causal}, {len(lengths)} texts, t = {t},"
    )
    scores = torch.randn(b, t, t, generator=torch.Generator().manual_seed(t))
    real = torch.arange(t) < torch.tensor(lengths)[:, None]
    if causal:
        expected, seen = kept_shares(
            scores, lengths, lambda i, j, n: j < n and j <= i
        )
    else:
        expected, seen = kept_shares(scores, lengths, lambda i, j, n: j < n)
    rules = {
        "padding is still looked at": lambda i, j, n: j <= i or not causal,
        "`real` is true where looking is allowed": lambda i, j, n: j >= n,
        "not causal: a token sees what comes after": lambda i, j, n: (
            j < n and j <= i
        ),
        "causal: a token sees itself and what comes before": lambda i, j, n: (
            j < n
        ),
        "seen is what *both* masks allow: combine them with &": lambda i, j, n: (
            j < n or j <= i
        ),
        "each text has a padding of its own": lambda i, j, n: (
            j < lengths[0] and (j <= i or not causal)
        ),
    }
    mistakes = {
        hint: kept_shares(scores, lengths, rule)[0]
        for hint, rule in rules.items()
    }
    mistakes["mask before softmax, so that each row adds up to 1"] = (
        scores.softmax(2) * seen
    )
    mistakes["a hidden score must be −∞; e to the 0 is 1"] = (
        scores * seen
    ).softmax(2)
    got = ask(masked_weights, scores, real, causal)
    no_key = (
        "a row lost all its keys (hide columns, let a token see itself, softmax along the keys), or "
        "0 was multiplied by −∞"
    )
    assert not numbers(got, what).isnan().any(), f"{no_key}; {what} gives nan"
    close(got, expected, what, mistakes=mistakes)


def hidden_whatever_the_scores():
    # the smallest and the largest finite number
    low, high = torch.finfo().min, torch.finfo().max
    scores = torch.tensor([[[low, low, high]] * 3])
    real = torch.tensor([[True, True, False]])
    what = (
        "masked_weights for real scores of −3.4e38 and a hidden one of 3.4e38"
    )
    got = numbers(ask(masked_weights, scores, real, False), what)
    overflow = "e to a large score is infinite, e to a low one is 0: leave that to softmax"
    assert not got.isnan().any(), f"{overflow}; {what} gives nan"
    mistakes = {
        "hide with −∞: no finite number is always low enough": [
            [[0, 0, 1]] * 3
        ],
        "hide with −∞: the lowest finite number may be a real score": torch.ones(
            1, 3, 3
        )
        / 3,
    }
    close(got, [[[0.5, 0.5, 0]] * 3], what, mistakes=mistakes)


with check("Masks"):
    for lengths, t in (
        ([2, 1], 3),
        ([3, 1, 2], 3),
        ([1], 1),
        ([4, 1, 6, 2], 6),
    ):
        masks_agree(lengths, t, causal=False)
        masks_agree(lengths, t, causal=True)
    hidden_whatever_the_scores()

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "attention-masks-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches.
### BEGIN HIDDEN TESTS
with check("Masks, other batches"):
    for lengths, t in (([5, 2, 1], 5), ([2, 2], 2), ([1, 7], 9)):
        masks_agree(lengths, t, causal=False)
        masks_agree(lengths, t, causal=True)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: a head that looks back
#
# Design a head with which each token looks at the one before it. The
# input is nothing but positions, one-hot: `x = torch.eye(t)`. Give $W_Q$ and $W_K$, each $(t, t)$,
# such that in
# $\text{softmax}(x W_Q (x W_K)^\top / \sqrt t)$ every token but the first puts at least 0.95 on the
# one before. No mask. The first token may look wherever it likes. (The check tries texts of 1 to
# 1,000 tokens.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# As `x` is the identity, row $i$ of `W_Q` *is* the query of token $i$, and row $j$ of `W_K` the key
# of token $j$. Let queries be one-hot at $i$. Where must the 1 of key $j$ stand, so that the
# dot product is 1 for $j = i - 1$ alone? Then make it large enough: what does a longer text, with
# more tokens and a larger $\sqrt t$, ask for?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "attention-previous", "schema_version": 3, "task": false}
def previous_token_head(t):
    """W_Q and W_K, (t, t) each, with which token i looks at token i - 1."""
    ### BEGIN SOLUTION
    W_Q = 20 * t**0.5 * torch.eye(t)  # the query of i asks for place i
    W_K = torch.eye(t).roll(1, dims=1)  # the key of j answers at place j + 1
    return W_Q, W_K
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-previous-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, numbers


def looking_back(t):
    answer = ask(previous_token_head, t)
    two = "previous_token_head must return two matrices: return W_Q, W_K"
    assert hasattr(answer, "__len__") and len(answer) == 2, two
    W_Q, W_K = (
        numbers(one, "a matrix of previous_token_head") for one in answer
    )
    for name, one in (("W_Q", W_Q), ("W_K", W_K)):
        assert one.shape == (t, t), (
            f"{name} has shape {tuple(one.shape)}, expected ({t}, {t})"
        )
    weights = (W_Q @ W_K.T / t**0.5).softmax(dim=1)
    assert weights.isfinite().all(), (
        f"scores must be finite; of {t} tokens, some are inf or nan"
    )
    mistakes = {
        "each token looks at itself; shift the keys or the queries by one": list(
            range(1, t)
        ),
        "each looks at the one after; shift the other way": [*range(2, t), 0],
        "all look at the first token": [0] * (t - 1),
    }
    what = f"where tokens 1 to {t - 1} look most"
    close(
        weights[1:].argmax(dim=1), list(range(t - 1)), what, mistakes=mistakes
    )
    sure = weights.diagonal(-1).min().item() if t > 1 else 1
    larger = "right token, but larger scores make softmax sharper: mind √t and the number of keys"
    assert sure >= 0.95, (
        f"{larger}; of {t} tokens, one puts only {sure:.2f} on the one before"
    )


with check("Looking back"):
    for length in (6, 1, 2, 3, 17, 77, 1000):
        looking_back(length)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-previous-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other lengths.
### BEGIN HIDDEN TESTS
with check("Looking back, other lengths"):
    for length in (4, 5, 33, 200, 999):
        looking_back(length)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We shuffle the tokens of a text. No mask, no positions added. What happens to the output
# of attention?
#
# <details><summary>Answer</summary>
#
# The same rows come out, in the shuffled order: scores depend on what two tokens hold, not on where
# they stand. "Each token gets another vector" would be true with a causal mask, or once positions
# are added; "nothing changes" forgets that rows move along with their tokens.
#
# </details>

# %% [markdown]
# **2.** A layer of width 64 has 2 heads. We give it 8. Does it get more weights, more scores, or
# both?
#
# <details><summary>Answer</summary>
#
# More scores: $8 t^2$ in place of $2 t^2$. The matrices stay 64 × 64, as a head is a slice of their
# columns, now 8 wide. "Four times the weights" would be right only if every head kept the full
# width.
#
# </details>

# %% [markdown]
# **3.** In a causal layer, padding stands at the end of each text. Must we hide it as well?
#
# <details><summary>Answer</summary>
#
# Not for the real tokens: padding lies in their future, and nobody reads what padding gathers.
# Without the causal mask, or with padding in front, real tokens would see it. "Its embedding is 0,
# so it does no harm" is wrong twice: it needn't be 0, and a key of zeros has the score 0, and so a
# share of the softmax.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built attention, from one query on paper to the heads of a trained encoder.
#
# - Query meets keys, softmax makes weights, weights mix values.
# - Scores are divided by $\sqrt d$ so that softmax stays soft at any width, and hidden keys get
#   −∞ before it.
# - Heads are slices of the width that attend apart. The cost grows with the square of the tokens.
#
# Next: [**how do layers of attention turn a caption into one vector?**](text-encoder.ipynb)

# %% [markdown]
# **Sources.** {cite:t}`vaswani2017attention`: scaled dot-product attention and the reason for
# $\sqrt d$ in §3.2.1, several heads in §3.2.2. {cite:t}`radford2021clip`, §2.4: why CLIP's text
# encoder is causal, and its 77 tokens. {cite:t}`jain2019attention`: that weights are not an
# explanation.
