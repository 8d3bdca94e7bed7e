# %% [markdown]
# # Attention
#
# In "the aussie pup", the word "aussie" says something about "pup". But the embedding of "pup" is
# a row of a table, the same in every caption. **How does one token learn what the others say?** It
# asks them. We build this first with numbers small enough to check on paper.

# %% [markdown]
# After this chapter you can
#
# 1. compute what one token gathers from the others, with pencil and paper, then for all tokens
#    at once;
# 2. say why scores are divided by $\sqrt d$, and hide the future or the padding with a mask;
# 3. tell what several heads are for, and what twice the tokens cost.

# %% [markdown]
# **You need** [embeddings](embeddings.ipynb). **Time:** 25 minutes to read, 80 with the exercises.
# On the [map of the whole model](../index.md) this is the heart of both encoders, the one for text
# and the one for pictures.

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
# ## One token asks
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
# Most at "aussie", which describes *and* is about animals. To become **weights**, shares of one
# whole, scores are divided by $\sqrt d = 2$ (reason below); then comes **softmax**: raise $e$ to
# each, divide by the sum.

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
# and variance 1, so is each product, and the sum has variance $d$, a standard deviation of
# $\sqrt d$. Wider vectors make larger scores. We draw 200 random queries with 16 keys each:

# %%
generator = torch.Generator().manual_seed(0)
drawn = {}  # d: scores, (200, 16) each
for d in (4, 16, 64, 256, 1024):
    queries = torch.randn(200, 1, d, generator=generator)
    keys = torch.randn(200, 16, d, generator=generator)
    drawn[d] = (queries * keys).sum(dim=2)
    print(f"d = {d:4}   standard deviation of the scores {drawn[d].std():4.1f}")

# %% [markdown]
# The **entropy** $H = -\sum p \ln p$ of a query's weights $p$ tells over how many tokens they
# spread: $e^H$ is 16 if all weigh the same, 1 if one takes everything. Predict both curves.

# %% mystnb={"image": {"alt": "Divided by the square root of d, weights spread over about eleven of sixteen tokens at any d; undivided, they spread over hardly two at d = 64, and over one in the end."}}
from clipbook.figures import curves

lines, slopes = {}, {}
for name, power in (("divided by √d", 0.5), ("not divided", 0)):
    spread, slopes[name] = [], []
    for d, scores in drawn.items():
        p = (scores / d**power).softmax(dim=1)  # (200, 16)
        H = -torch.special.xlogy(p, p).sum(dim=1)  # (200,); p ln p, 0 at 0
        spread.append(H.exp().mean())
        slopes[name].append((p * (1 - p)).mean())
    lines[name] = (list(drawn), spread)
curves(lines, "d, numbers in a key", "tokens looked at, of 16", log="x")

# %% [markdown]
# Undivided, a query of 64 numbers looks at fewer than two tokens of 16, picked at random. And it
# learns slowly: if a score grows a little, its weight grows $p(1-p)$ times as much (softmax's
# derivative), next to nothing near $p = 0$ and $p = 1$. This slope, averaged:

# %%
assert slopes["divided by √d"][-1] > 5 * slopes["not divided"][-1]
for d, divided, raw in zip(drawn, *slopes.values(), strict=True):
    print(f"d = {d:4}   divided {divided:.3f}   not divided {raw:.3f}")

# %% [markdown]
# ## Who may look at whom
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
# keys); a 1 is repeated for all heads.

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
    found = []
    for h in range(attention.heads):
        own = slice(h * d, (h + 1) * d)  # the columns of head h
        found.append(attend(Q[:, own], K[:, own], V[:, own], allowed))
    gathered = torch.cat([values for values, _ in found], dim=1)  # (t, w)
    weights = torch.stack([weights for _, weights in found])  # (h, t, t)
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

# %% [markdown]
# In the last layer `<end>` looks most at "square" with one head, at "above" with the other, and not
# at the colours. But in the layer before, "square" had looked at "blue", and "above" at "red" and
# "circle". What tokens gather in one layer they can hand over in the next.
#
# Don't read too much into weights, though: they say how much of a *value* flows in, not whether
# that mattered. Values may be small, and later layers may undo it.

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

# %% [markdown]
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

# %% [markdown]
# ## Exercise: weights
#
# *3 points, 10 minutes, easy.* Queries and keys need not be equally many. Write the weights for $t$
# queries and $s$ keys of $d$ numbers each.

# %% [markdown]
# <details><summary>Hint</summary>
#
# $QK^\top$ has the shape $(t, s)$. What is $d$ in terms of the shapes that come in? Along which
# axis does one query's attention lie?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "attention-weights", "schema_version": 3, "task": false}
def attention_weights(Q, K):
    """Weights of each query over the keys: (t, d), (s, d) -> (t, s)."""
    ### BEGIN SOLUTION
    scores = Q @ K.T / Q.shape[1] ** 0.5
    return scores.softmax(dim=1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-weights-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

two_queries = torch.tensor([[0.0, 2, 0, 2], [0, 0, 2, 0]])
three_keys = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1]])
mistakes = {
    "the scores are not divided by √d": [[0.0159, 0.8668, 0.1173], [0.1065, 0.1065, 0.7870]],
    "divide by √d, not by d": [[0.1863, 0.5065, 0.3072], [0.2741, 0.2741, 0.4519]],
    "d is the numbers in a key, not the number of queries": [
        [0.0454, 0.7679, 0.1867], [0.1636, 0.1636, 0.6728],
    ],
    "d is the numbers in a key, not the number of keys": [
        [0.0702, 0.7070, 0.2228], [0.1933, 0.1933, 0.6134],
    ],
    "softmax runs along the keys, dim=1": [[0.5, 0.8808, 0.5], [0.5, 0.1192, 0.5]],
    "rows are queries, columns are keys": [[0.09, 0.2119], [0.6652, 0.2119], [0.2447, 0.5761]],
    "each row must add up to 1, not all weights together": [
        [0.0632, 0.4669, 0.1718], [0.0632, 0.0632, 0.1718],
    ],
    "divide the scores, before softmax": [[0.0079, 0.4334, 0.0587], [0.0533, 0.0533, 0.3935]],
    "these are the scores; softmax makes weights of them": [[0, 2, 1], [0, 0, 1]],
}  # fmt: skip
with check("Attention weights"):
    got = attention_weights(two_queries, three_keys)
    expected = [[0.0900, 0.6652, 0.2447], [0.2119, 0.2119, 0.5761]]
    close(got, expected, "attention_weights(Q, K)", tolerance=2e-4, mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "attention-weights-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other queries and keys.
### BEGIN HIDDEN TESTS
with check("Attention weights, other sizes"):
    seeded = torch.Generator().manual_seed(4)
    many_queries = torch.randn(5, 9, generator=seeded)
    many_keys = torch.randn(7, 9, generator=seeded)
    before = many_queries.clone(), many_keys.clone()
    powers = torch.exp(torch.einsum("td,sd->ts", many_queries, many_keys) / 3)
    expected = powers / powers.sum(dim=1, keepdim=True)
    close(attention_weights(many_queries, many_keys), expected, "the weights for d = 9")
    same = torch.equal(before[0], many_queries) and torch.equal(before[1], many_keys)
    assert same, "attention_weights changes what it is given; copy it"
    large = attention_weights(torch.full((1, 4), 100.0), torch.full((2, 4), 100.0))
    close(large, [[0.5, 0.5]], "two equal keys with scores of 20,000 (e to that is infinite)")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: masks
#
# *3 points, 20 minutes, medium.* Scores of a whole batch come in, $(b, t, t)$, already divided by
# $\sqrt d$. `real` has the shape $(b, t)$ and is true at real tokens; each text begins with one.
# Hide the padding and, if `causal`, the future. A query that is itself padding follows the same
# rules.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Scores are (batch, query, key). To hide a *key* from all queries, `real` needs the shape
# $(b, 1, t)$. The future of query $i$ are the keys $j > i$: `tril` keeps $j \le i$.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "attention-masks", "schema_version": 3, "task": false}
def masked_weights(scores, real, causal):
    """Weights of each query over the keys that it may see: (b, t, t), (b, t) -> (b, t, t)."""
    ### BEGIN SOLUTION
    allowed = real[:, None, :]
    if causal:
        t = scores.shape[-1]
        allowed = allowed & torch.ones(t, t, dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-masks-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

third = 1 / 3
no_key = (
    "a row has lost all its keys: hide columns, not rows, let a token see itself and before, and "
    "take softmax along the keys"
)
some_scores = torch.tensor([1.0, 2, 3]).log().expand(1, 3, 3).clone()  # e to them: 1, 2, 3
two_of_three = torch.tensor([[True, True, False]])
free_mistakes = {
    "the padding is still looked at": [[[third / 2, third, 0.5]] * 3],
    "rows no longer add up to 1; mask before softmax": [[[third / 2, third, 0]] * 3],
    "a hidden score must be −∞; e to the 0 is 1": [[[0.25, 0.5, 0.25]] * 3],
    "`real` is true where looking is allowed": [[[0, 0, 1]] * 3],
    "not causal: a token sees what comes after": [[[1, 0, 0], *[[third, 2 * third, 0]] * 2]],
}
causal_mistakes = {
    "causal: the first token sees only itself": [[[third, 2 * third, 0]] * 3],
    "seen is what *both* masks allow: combine them with &": [
        [*[[third, 2 * third, 0]] * 2, [third / 2, third, 0.5]]
    ],
    "mask before softmax, so that each row adds up to 1": [
        [[third / 2, 0, 0], *[[third / 2, third, 0]] * 2]
    ],
    "with causal, padding must stay hidden": [
        [[1, 0, 0], [third, 2 * third, 0], [third / 2, third, 0.5]]
    ],
}
with check("Masks"):
    for causal, first, mistakes in (
        (False, [third, 2 * third, 0], free_mistakes),
        (True, [1, 0, 0], causal_mistakes),
    ):
        got = masked_weights(some_scores.clone(), two_of_three, causal)
        if torch.is_tensor(got):
            assert not got.isnan().any(), f"masked_weights gives nan with causal={causal}: {no_key}"
        expected = [[first, [third, 2 * third, 0], [third, 2 * third, 0]]]
        close(got, expected, f"masked_weights with causal={causal}", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "attention-masks-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: a batch of texts of different lengths.
### BEGIN HIDDEN TESTS
with check("Masks, a batch"):
    lengths = [5, 2, 1]
    some = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(1)) * 2
    real_tokens = torch.arange(5) < torch.tensor(lengths)[:, None]
    for causal in (False, True):
        got = masked_weights(some.clone(), real_tokens.clone(), causal)
        expected = torch.zeros(3, 5, 5)
        for b, i in [(b, i) for b in range(3) for i in range(5)]:
            seen = min(lengths[b], i + 1) if causal else lengths[b]
            expected[b, i, :seen] = some[b, i, :seen].softmax(dim=0)
        close(got, expected, f"the weights of three texts, causal={causal}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: a head that looks back
#
# *4 points, 25 minutes, hard.* Design a head with which each token looks at the one before it. The
# input is nothing but positions, one-hot: `x = torch.eye(t)`. Give $W_Q$ and $W_K$, each $(t, t)$,
# such that in
# $\text{softmax}(x W_Q (x W_K)^\top / \sqrt t)$ every token but the first puts at least 0.95 on the
# one before. No mask. The first token may look wherever it likes.

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
from clipbook.exercises import check, close


def looking_back(t):
    answer = previous_token_head(t)
    two = isinstance(answer, tuple | list) and len(answer) == 2
    assert two, "previous_token_head must return two matrices: return W_Q, W_K"
    W_Q, W_K = (torch.as_tensor(one).float() for one in answer)
    for name, one in (("W_Q", W_Q), ("W_K", W_K)):
        assert one.shape == (t, t), f"{name} has shape {tuple(one.shape)}, expected ({t}, {t})"
    weights = (W_Q @ W_K.T / t**0.5).softmax(dim=1)
    mistakes = {
        "each token looks at itself; shift the keys or the queries by one": list(range(1, t)),
        "each looks at the one after; shift the other way": [*range(2, t), 0],
        "all look at the first token": [0] * (t - 1) if t > 2 else [-1],
    }
    what = f"where tokens 1 to {t - 1} look most"
    close(weights[1:].argmax(dim=1), list(range(t - 1)), what, mistakes=mistakes)
    sure = weights[range(1, t), range(t - 1)].min().item()
    larger = "right token, but larger scores make softmax sharper; mind the √t"
    assert sure >= 0.95, f"of {t} tokens, one puts only {sure:.2f} on the one before: {larger}"


with check("Looking back"):
    looking_back(6)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "attention-previous-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: shorter and longer texts.
### BEGIN HIDDEN TESTS
with check("Looking back, other lengths"):
    for length in (2, 3, 17, 77):
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
