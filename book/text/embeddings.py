# ---
# jupyter:
#   chapter:
#     question: How does a token id become something that a model can compare, and how does the
#       model know which word came first?
#     objectives:
#     - turn token ids into vectors by a lookup, and show that a matrix product would do the same
#     - say why the order of words is lost without positions, and build both usual kinds of them
#     - tell which rows of the table a caption changes in training, and which it never touches
#     needs: [text/tokenization]
#     minutes: 35
#     place: 'this lies between the tokens of a caption and the text encoder: what the encoder''s
#       first block is given'
#     band: embeddings
#     builds: [clipbook.text.sinusoidal_positions]
#     seed:
#       2. Token Embeddings (T1, T2, T3 ... Tn): [A row of a table, $T_1$, $T_4$]
#       Each token is converted into an embedding vector: [A row of a table, embed, row, table]
#       Positional encodings are added: [A vector for each place, place, $P$]
#       to maintain sequence order: [The order is lost, order]
# ---

# %% [markdown]
# # Embeddings
#
# A tokenizer turns "Pepper the aussie pup" into four numbers. They are names, as on lockers:
# nothing can be computed with them. {question}

# %% [markdown]
# ## A number that is a name
#
# We train a small tokenizer, with ids of its own, on our caption twice: whatever stands together
# there stands together twice, and is merged, so that each word is one token.

# %%
import torch

from clipbook.text import Tokenizer

torch.set_printoptions(precision=2, sci_mode=False, linewidth=80)
caption = "Pepper the aussie pup"
tokenizer = Tokenizer.train([caption, caption])
token_ids = torch.tensor(tokenizer.encode(caption))  # (4,)
tokens = [tokenizer.token(token_id) for token_id in token_ids.tolist()]
dict(zip(tokens, token_ids.tolist(), strict=True))

# %% [markdown]
# Predict: what is the mean of the four ids, and which token is that?

# %%
mean = token_ids.float().mean().item()
print(mean, "is the id of", repr(tokenizer.token(round(mean))))

# %% [markdown]
# Nonsense: ids count the order in which tokens were made, no more. We need numbers that can mean
# something, and several for each token.

# %% [markdown]
# ## A row of a table
#
# So each of the $V$ tokens gets a row of $d$ numbers in a table $E$, of shape ($V$, $d$), random at
# first and moved by training. $d$ is called the **width**, here 8, in CLIP's text encoder 512. To
# **embed** a token is to copy its row. The four rows are $T_1$ to $T_4$.

# %% mystnb={"image": {"alt": "Each of the four tokens has become a row of eight numbers between -1 and 1, with no pattern in them yet."}}
from clipbook.figures import token_heatmap

V, d = tokenizer.vocab_size, 8
generator = torch.Generator().manual_seed(0)
E = 0.3 * torch.randn(V, d, generator=generator)  # (276, 8)
T = E[token_ids]  # (4, 8)
assert torch.equal(T[3], E[271])
token_heatmap(T, tokens, [str(k + 1) for k in range(d)], signed=True)

# %% [markdown]
# From (4,) to (4, 8): these are **token embeddings**, and each depends on its own token alone.
# (Later $T_j$ will stand for a whole caption; both are common.)

# %% [markdown]
# ## A lookup is a matrix product
#
# A network is made of matrix products. Is copying a row one, too? Write each id as a **one-hot**
# vector: $V$ numbers, all 0 but a 1 at the id. Four of them make $H$, of shape (4, $V$).
#
# $$T = H\,E$$
#
# Predict: what does a row of $H$ do to the table?

# %%
H = torch.zeros(len(token_ids), V)  # (4, 276)
for row, token_id in enumerate(token_ids):
    H[row, token_id] = 1
assert torch.equal(H @ E, T)
H.shape, H.sum(dim=1), (H @ E).shape

# %% [markdown]
# It takes the row at its 1 once and all others zero times. So the table is a weight matrix like
# others, and is trained like them. But nearly all those products are with zero. For one caption in
# CLIP, of 77 places:

# %%
print(f"one-hot: {77 * 49_408 * 512:,} multiplications")
print(f"lookup:  none, only {77 * 512:,} numbers copied")

# %% [markdown]
# PyTorch's lookup is `nn.Embedding`. It takes ids of any shape and adds one dimension, the width.

# %%
from torch import nn

embedding = nn.Embedding.from_pretrained(E, freeze=False)
assert torch.equal(embedding(token_ids), T)
batch_ids, mask = tokenizer.batch([caption, "the pup"])
batch_ids.shape, embedding(batch_ids).shape

# %% [markdown]
# ## What training writes into the table
#
# The book's own model, made in [training](../pairs/training.ipynb), began with random rows, 64
# wide, and saw only pictures of scenes with their captions. These say "small" or "little", "large"
# or "big", "above" or "over". Predict: which words have similar rows now? The cosine of two rows is
# 1 for the same direction, 0 for a right angle, −1 for opposite.

# %% mystnb={"image": {"alt": "Small and little have nearly the same direction, and so have large and big, above and over; small and large point apart; colours have little in common with sizes."}}
import clipbook

model, scene_tokenizer = clipbook.load("shapes")
encoder = model.text_encoder
table = encoder.token_embedding.weight.detach()  # (V, 64), V of its own
words = ["small", "little", "large", "big", "red", "green", "above", "over"]
ids = [scene_tokenizer.encode(" " + word) for word in words]
assert all(len(pieces) == 1 for pieces in ids)
rows = table[[pieces[0] for pieces in ids]]  # (8, 64)
rows = rows / rows.norm(dim=1, keepdim=True)
cosines = rows @ rows.T
assert cosines[0, 1] > cosines[0, 2]
token_heatmap(cosines, words, words, signed=True)

# %% [markdown]
# Words that say the same of a picture have come together, and the pictures did it. Captions alone
# could not tell: there "large" fits wherever "small" does, yet these two point apart. So a row
# comes to mean something, by its direction.

# %% [markdown] predict={"choices": ["0", "about 0.5", "1 or more"], "right": "0", "shown": "distance of the means: 0.000000"}
# ## The order is lost
#
# Captions 1 and 2 hold the same words in another order. The simplest summary of a caption is the
# mean of its token embeddings. Predict: how far apart are the two?

# %%
from clipbook.scenes import EXAMPLE

captions = [caption for _, caption in EXAMPLE]
ids_of = scene_tokenizer.encode
encoded = [torch.tensor(ids_of(caption)) for caption in captions]
first, second = encoded[:2]  # (8,) each
assert first.tolist() != second.tolist()
assert sorted(first.tolist()) == sorted(second.tolist())
means = [table[ids].mean(dim=0) for ids in (first, second)]
print(*captions[:2], sep="\n")
print(f"distance of the means: {(means[0] - means[1]).norm():.6f}")

# %% [markdown]
# A mean doesn't see order. Would a whole encoder? Here is one with random weights, in which every
# token looks at every other ([attention](attention.ipynb)); its output for a caption is the start
# token's vector (`"first"`). Predict: how far apart are its two outputs, with random positions and
# with none?

# %%
from clipbook.text import TextConfig, TextEncoder

torch.manual_seed(0)
untrained = TextEncoder(TextConfig(scene_tokenizer.vocab_size, pooling="first"))
ids, mask = scene_tokenizer.batch(captions[:2])
with torch.no_grad():
    for name in ("with", "without"):
        outputs = untrained(ids, mask)  # (2, 64)
        distance = (outputs[0] - outputs[1]).norm()
        print(f"{name:7} positions: {distance:.4f}")
        untrained.positions.zero_()
assert distance < 1e-4

# %% [markdown]
# Without positions a caption is a **bag of words** to this encoder too. (CLIP's tokens only look
# back, which gives some of the order away.)

# %% [markdown]
# ## A vector for each place
#
# So each place says where it is. A second table $P$, of shape (context length, $d$), has a row for
# each place, and we add it: token $k$ enters the model as $x_k = T_k + P_k$. In CLIP, and in our
# model, $P$ is **learned** like $E$. (Both put a start token first; we leave it out here.)

# %%
positions = encoder.positions.detach()  # (32, 64)


def with_positions(ids):
    return table[ids] + positions[: len(ids)]  # (n, 64) + (n, 64)


red = scene_tokenizer.encode(" red")[0]
for ids in (first, second):
    place = ids.tolist().index(red)
    print(f"'red' at place {place}:", with_positions(ids)[place, :6])

# %% [markdown] predict={"choices": ["0 again", "more than 0"], "right": "0 again", "shown": "mean of x: 0.000000"}
# The same word, two vectors. Predict: how far apart are the means of $x$, rather than $T$, of the
# two captions?

# %%
means = [with_positions(ids).mean(dim=0) for ids in (first, second)]
print(f"mean of x:       {(means[0] - means[1]).norm():.6f}")
bent = [with_positions(ids).relu().mean(dim=0) for ids in (first, second)]
print(f"mean of relu(x): {(bent[0] - bent[1]).norm():.6f}")
assert torch.allclose(*means, atol=1e-5)
assert not torch.allclose(*bent, atol=1e-4)

# %% [markdown]
# Still zero: the mean of sums is the sum of the means, all tokens plus all places, whoever stands
# where. It takes a step that isn't linear before the mean. Here negative numbers become 0 first
# (`relu`), and the difference shows. An encoder has many such steps.

# %% [markdown]
# ## Sines and cosines
#
# The first transformer computed its positions instead of learning them. Think of a clock with $d/2$
# hands. From place to place hand $i$ turns by the angle $\omega_i = 10000^{-2i/d}$, in radians: the
# first fast, each later one slower. At place $t$ its tip gives two numbers ($t$ and $i$ begin at
# 0):
#
# $$P_{t,2i} = \sin(\omega_i t)$$
# $$P_{t,2i+1} = \cos(\omega_i t)$$

# %%
import math

from clipbook.text import sinusoidal_positions


def sinusoidal(places, width):
    P = torch.zeros(places, width)
    for i in range(width // 2):
        omega = 10_000 ** (-2 * i / width)
        for t in range(places):
            P[t, 2 * i] = math.sin(omega * t)
            P[t, 2 * i + 1] = math.cos(omega * t)
    return P


computed = sinusoidal(32, 64)
assert torch.allclose(computed, sinusoidal_positions(32, 64), atol=1e-5)
sinusoidal(3, d)

# %% [markdown]
# Rows are the places 0, 1 and 2; each pair of columns is a hand. Predict: has the learned table, 64
# wide, found the same?

# %% mystnb={"image": {"alt": "The computed table shows fast waves on the left that slow down to nothing on the right; the learned table shows no such waves."}}
from clipbook.figures import signed_maps

learned = positions / positions.abs().max()
panels = {"sines and cosines": computed, "learned, largest value 1": learned}
signed_maps(panels, across="number in the row", up="place")

# %% [markdown]
# On the left fast hands, on the right slow ones that hardly leave their start, where the sine is 0
# and the cosine 1: hence the stripes. The learned table looks nothing like it. Now the cosines
# between the rows, the places, of each table:


# %% mystnb={"image": {"alt": "Between computed places the cosine depends on their distance alone; learned places form three blocks, the first two, the next few and the rest of a caption, and the last ones have little in common with any other."}}
def place_cosines(P):
    rows = P / P.norm(dim=1, keepdim=True)
    return rows @ rows.T  # (32, 32)


cosines = place_cosines(computed)
for distance in (1, 5, 20):
    line = cosines.diagonal(distance)
    assert torch.allclose(line, line[0].expand_as(line), atol=1e-5)
panels = {"sines and cosines": cosines, "learned": place_cosines(positions)}
signed_maps(panels, across="place", up="place")

# %% [markdown]
# Computed: one cosine for each distance, wherever you are. Learned: three blocks, the first two
# places, the next few and the rest of a caption; then rows like noise (we come back to them). The
# transformer's authors found both kinds about equally good. A learned table ends at its last row,
# in CLIP the 77th; sines can be computed for any place, which doesn't mean that a model does well
# there.

# %% [markdown]
# ## Why add?
#
# Why not put both vectors side by side, $[T, P]$, of width $2d$? The next layer multiplies by a
# matrix, of which one half meets $T$ and the other $P$. If both halves are the same $W$, that *is*
# adding first:

# %%
P = sinusoidal(4, d)
W = torch.randn(d, 5, generator=torch.Generator().manual_seed(1))
TP, WW = torch.cat([T, P], dim=1), torch.cat([W, W])
side_by_side = TP @ WW  # (4, 16) @ (16, 5)
assert torch.allclose(side_by_side, (T + P) @ W, atol=1e-5)
side_by_side.shape

# %% [markdown]
# Two different halves could do more, but $x$ would be twice as wide. Does the sum lose anything?
# Add every random token to every random place and look for both again: which row of each table has
# the largest dot product with the sum? Predict how often it is the right one, at several widths.

# %%
for width in (4, 16, 64, 256):
    generator = torch.Generator().manual_seed(2)
    rows = torch.randn(V, width, generator=generator)
    places = torch.randn(32, width, generator=generator)
    sums = rows[:, None] + places  # (276, 32, width)
    token = (sums @ rows.T).argmax(dim=2) == torch.arange(V)[:, None]
    place = (sums @ places.T).argmax(dim=2) == torch.arange(32)
    token, place = (right.float().mean() for right in (token, place))
    print(f"width {width:3}: token {token:4.0%}, place {place:4.0%}")

# %% [markdown]
# In few dimensions the two drown each other; in many, two random directions are nearly at right
# angles, and both stay readable.

# %% [markdown]
# ## Only used rows learn
#
# Let the loss be the sum of all numbers that the lookup gives for "Pepper the aussie pup the pup".
# Predict, for the rows of " the", "Pepper" and "Pepp", the **gradient**: how much the loss grows
# with each number of the row.

# %%
repeated = torch.tensor(tokenizer.encode("Pepper the aussie pup the pup"))
embedding.zero_grad()
embedding(repeated).sum().backward()
gradient = embedding.weight.grad  # (276, 8)
used_rows = gradient.abs().sum(dim=1).nonzero().flatten().tolist()
for row in used_rows:
    print(repr(tokenizer.token(row)), gradient[row])
print(f"{len(used_rows)} of {V} rows reached")

# %% [markdown]
# Each use adds a 1; rows that aren't used get exactly zero, so a rare word learns rarely. Our
# trained model shows it for places, which began at random with standard deviation 0.01. Those that
# no caption reaches hold only padding, which the encoder ignores, so they must be as long as at
# first. How far captions reach we see from new ones: `stream` gives this purpose random numbers of
# its own.

# %%
from clipbook.scenes import sample_pairs
from clipbook.streams import stream

_, new_captions = sample_pairs(3000, stream("embeddings: lengths of captions"))
counts = [len(ids_of(caption)) + 2 for caption in new_captions]  # start and end
longest = max(counts)
lengths = positions.norm(dim=1)  # (32,)
print(f"the longest of 3,000 captions has {longest} tokens")
print(f"rows up to there: {lengths[:longest].mean():.2f} long, on average")
print(f"rows behind:      {lengths[longest:].mean():.2f}")
print(f"untrained rows:   {0.01 * 64**0.5:.2f}")

# %% [markdown]
# ## The package's version
#
# `TextEncoder` holds both tables. Its `intermediates` are what each of its parts hands on, by name.
# What the first block is given, "embedded", must be our lookup and our sum.

# %%
ids, mask = scene_tokenizer.batch(captions)
with torch.no_grad():
    theirs = encoder.intermediates(ids, mask)
ours = table[ids] + positions
assert torch.allclose(theirs["embedded"], ours, atol=1e-6)
{name: tuple(values.shape) for name, values in theirs.items()}

# %% [markdown]
# $P$ has no batch dimension; PyTorch adds the same places to each caption.

# %% [markdown]
# ## Common mistakes
#
# **`index out of range in self` → the ids are another tokenizer's.** The largest id must be below
# the rows of the table.

# %%
try:
    embedding(torch.tensor([275, 344]))
except IndexError as error:
    print(error, "| rows:", embedding.num_embeddings)

# %% [markdown]
# **Every word of a caption gets the same place → positions lie along the batch.** No error, if
# there happen to be as many captions as places.

# %%
x = torch.zeros(8, 8, d)  # (captions, places, width)
P = sinusoidal(8, d)
print("right:", (x + P)[0, :3, 0])
wrong = x + P[:, None]
print("wrong:", wrong[0, :3, 0], wrong[1, :3, 0])

# %% [markdown]
# **A long caption fails where short ones work → it has more tokens than the table has places.**
# `Tokenizer.batch` cuts to a context length; both must agree on it.

# %%
try:
    torch.zeros(1, 40, 64) + positions
except RuntimeError as error:
    print(error)

# %% [markdown]
# **The row of the padding learns → nothing said that it is padding.** Each padded place of our two
# captions adds a 1; `padding_idx` keeps the gradient at zero.

# %%
for padding in (None, 0):
    padded = nn.Embedding(V, d, padding_idx=padding)
    padded(batch_ids).sum().backward()
    print(f"padding_idx={padding}: gradient {padded.weight.grad[0, 0]:.0f}")

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: embed a batch
#
# BERT reads two sentences at once, and adds a third table: a row for
# each **segment**, that is for the first sentence or the second. Return $x = T + P + S$ for a batch.
# `token_ids` and `segments` say of each place which row of `table` and which of `segment_table` it
# gets. The table of positions may have more rows than the batch has places. (The check tries
# batches of several sizes, among them as many texts as places.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `table[token_ids]` is (batch, places, width). Which rows of `positions` are needed, and along
# which dimension do they go? Of the segments, too, each place has its own.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "embed-batch", "schema_version": 3, "task": false}
def embed_batch(token_ids, segments, table, positions, segment_table):
    """(batch, places) twice, 3 tables (…, width) -> (batch, places, width)."""
    ### BEGIN SOLUTION
    places = positions[: token_ids.shape[1]]
    return table[token_ids] + places + segment_table[segments]
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "embed-batch-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close


def looked_up(ids, table):  # as the chapter's product with a one-hot matrix
    return torch.nn.functional.one_hot(ids, len(table)).float() @ table


def embedding_agrees(batch, places, width=4):
    generator = torch.Generator().manual_seed(batch)
    ids, segments = (
        torch.randint(k, (batch, places), generator=generator) for k in (5, 2)
    )
    table, positions, segment_table = (
        torch.randn(rows, width, generator=generator)
        for rows in (5, places + batch + 4, 2)
    )
    place = torch.arange(places).expand(batch, -1)
    text = torch.arange(batch)[:, None]
    T = looked_up(ids, table)
    P = looked_up(place, positions)
    S = looked_up(segments, segment_table)
    mistakes = {
        "the positions are missing": T + S,
        "the segments are missing": T + P,
        "the tokens are missing": P + S,
        "look up positions by place, not by id": T
        + looked_up(ids, positions)
        + S,
        "look up positions by place, not by segment": T
        + looked_up(segments, positions)
        + S,
        "places run along a text, not along the batch": T
        + looked_up(text, positions)
        + S,
        "the first place is row 0": T + looked_up(place + 1, positions) + S,
        "take the first rows, not the last": T + positions[-places:] + S,
        "each text has segments of its own": T + P + S[:1],
        "each place has a segment of its own": T + P + S[:, :1],
        "add, don't multiply": T * P * S,
        "add, don't take the mean": (T + P + S) / 3,
        "add, don't put side by side": torch.cat([T, P, S], dim=2),
    }
    x = ask(embed_batch, ids, segments, table, positions, segment_table)
    close(
        x,
        T + P + S,
        f"embed_batch of {batch} texts, {places} places,",
        mistakes=mistakes,
    )


with check("Embed a batch"):
    for batch, places in ((2, 3), (4, 4), (3, 1), (1, 5), (6, 2)):
        embedding_agrees(batch, places, width=2 * batch)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "embed-batch-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes, and the package's encoder, which has no segments.
### BEGIN HIDDEN TESTS
from clipbook.text import TextConfig, TextEncoder


def embedding_as_the_package(batch, places):
    reference = TextEncoder(
        TextConfig(vocab_size=300, context_length=9, width=6, depth=1)
    )
    ids = torch.randint(
        300, (batch, places), generator=torch.Generator().manual_seed(batch)
    )
    tables = (
        reference.token_embedding.weight.detach(),
        reference.positions.detach(),
    )
    x = ask(embed_batch, ids, torch.zeros_like(ids), *tables, torch.zeros(2, 6))
    given = reference.intermediates(ids)["embedded"].detach()
    close(x, given, f"embed_batch of {batch} texts, {places} places,")


with check("Embed a batch, as the package does"):
    embedding_agrees(7, 5, width=3)
    for batch, places in ((5, 7), (9, 9), (1, 1)):
        embedding_as_the_package(batch, places)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the gradient of the table
#
# Training tells how the loss changes with each number that the lookup gave: `upstream`, a row for
# each token (all ones in the sum above). Return the gradient of the table, without `backward`,
# `grad` or the like: which row of the table gets what? (The check tries ids that occur often, once
# and never, no token at all, and refuses PyTorch's autograd.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Look again at the token that occurred twice. Beware of `gradient[token_ids] += upstream`: where an
# id stands twice, PyTorch keeps only one. A loop is fine; so is the one-hot matrix, turned round.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "table-gradient", "schema_version": 3, "task": false}
def table_gradient(token_ids, upstream, vocab_size):
    """(N,), (N, width), int -> (vocab_size, width)."""
    ### BEGIN SOLUTION
    gradient = torch.zeros(vocab_size, upstream.shape[1])
    for one, row in zip(token_ids, upstream, strict=True):
        gradient[one] += row
    return gradient
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "table-gradient-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, without

none = [0, 0]
gradient_mistakes = {
    "id 1 stands twice; the second gradient must not replace the first": [
        none, [6, 8], none, [3, 4], none,
    ],
    "id 1 stands twice; the first is not all": [none, [1, 2], none, [3, 4], none],
    "add the two gradients of id 1, don't average them": [none, [3.5, 5], none, [3, 4], none],
    "the row is the token's id, not its place": [[1, 2], [3, 4], [6, 8], none, none],
    "use upstream, don't only count": [none, [2, 2], none, [1, 1], none],
    "row k belongs to id k; yours is one further": [none, none, [7, 10], none, [3, 4]],
    "the shape is (vocab_size, width)": [[0, 7, 0, 3, 0], [0, 10, 0, 4, 0]],
    "every row of the table, not only the used ones": [[7, 10], [3, 4]],
    "every row of the table, not only up to the largest id": [none, [7, 10], none, [3, 4]],
}  # fmt: skip


def table_gradient_of(ids, upstream, vocab_size):
    with without(
        torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad
    ):
        return ask(table_gradient, ids, upstream, vocab_size)


def gradients_agree(count, rows, width):
    generator = torch.Generator().manual_seed(count)
    # never the last rows
    ids = torch.randint(max(rows - 2, 1), (count,), generator=generator)
    upstream = torch.randn(count, width, generator=generator)
    weight = torch.zeros(rows, width, requires_grad=True)
    weight[ids].backward(upstream)
    what = f"table_gradient of {count} ids, {rows} rows, width {width},"
    close(table_gradient_of(ids, upstream, rows), weight.grad, what)


with check("The gradient of the table"):
    upstream = torch.tensor([[1.0, 2.0], [3.0, 4.0], [6.0, 8.0]])
    got = table_gradient_of(torch.tensor([1, 3, 1]), upstream, 5)
    want = [none, [7, 10], none, [3, 4], none]
    close(
        got,
        want,
        "table_gradient([1, 3, 1], upstream, 5)",
        mistakes=gradient_mistakes,
    )
    for sizes in ((50, 9, 5), (3, 40, 1), (7, 1, 3), (0, 4, 3)):
        gradients_agree(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "table-gradient-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes; PyTorch's own gradient is the reference.
### BEGIN HIDDEN TESTS
with check("The gradient of the table, as PyTorch finds it"):
    for sizes in ((1, 3, 4), (300, 12, 8), (20, 100, 2)):
        gradients_agree(*sizes)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 25, "difficulty": "hard"}
# ## Exercise: a matrix that walks
#
# With sines "three places further" is a matrix product, which is why
# their authors chose them: for each step $k$ there is one matrix $M$ with $P_{t+k} = P_t\,M$ at
# *every* place $t$. Return it, also for 0 and for negative $k$, which walk back. $P$ is
# `sinusoidal_positions(places, width)`, for any `places`. (The check tries several widths, and
# walks 200 places.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# One pair of numbers is one hand of the clock, and does not need the others: where does the hand
# stand when its angle has grown by $k\,\omega_i$? You know
# $\sin(a+b) = \sin a\cos b + \cos a\sin b$ and $\cos(a+b) = \cos a\cos b - \sin a\sin b$. The pair
# is a row and stands to the left of its 2×2 block.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "shift-matrix", "schema_version": 3, "task": false}
def shift_matrix(k, width):
    """M, (width, width), with P[t + k] = P[t] @ M for every place t."""
    ### BEGIN SOLUTION
    M = torch.zeros(width, width)
    for i in range(width // 2):
        b = torch.tensor(k / 10_000 ** (2 * i / width))
        block = torch.tensor([[b.cos(), -b.sin()], [b.sin(), b.cos()]])
        M[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    return M
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "shift-matrix-check", "schema_version": 3, "task": false}
import math

from clipbook.exercises import ask, check, close, numbers
from clipbook.text import sinusoidal_positions


def walks(k, width):
    what = f"shift_matrix({k}, {width})"
    M = numbers(ask(shift_matrix, k, width), what)
    close(list(M.shape), [width, width], f"the shape of {what}")
    P = sinusoidal_positions(600, width).double()
    reached, right = P[200:400] @ M, P[200 + k : 400 + k]
    walking = torch.isclose(reached, right, atol=1e-3).all(dim=0)  # (width,)
    if walking.all():
        return
    for hint, other in {
        "yours walks the other way, or stands on the wrong side: P[t] @ M": P[
            200 - k : 400 - k
        ],
        "yours stays where it is: P[t] @ M is P[t]": P[200:400],
        "yours walks one place, not k": P[201:401],
    }.items():
        assert not torch.allclose(reached, other, atol=1e-3), (
            f"{hint}; look at {what}"
        )
    pairs = torch.block_diag(*[torch.ones(2, 2)] * (width // 2)).bool()
    mixed = M[~pairs].abs().sum() > 1e-3
    assert not mixed, f"numbers 2i and 2i + 1 are a pair; {what} mixes pairs"
    degrees = abs(M[0, 0] - math.cos(math.radians(k))) < 1e-5
    assert walking[:2].all() or not degrees, (
        f"use radians, not degrees; look at {what}"
    )
    signs = "the first pair does not walk k places; check angle, sines, cosines and their signs"
    assert walking[:2].all(), f"{signs} in {what}"
    later = (
        "the first pair walks, later ones have a slower angle each: 2i / width"
    )
    raise AssertionError(f"{later}; look at {what}")


with check("A matrix that walks"):
    for k, width in ((3, 6), (1, 2), (-4, 8), (0, 4), (17, 6), (100, 64)):
        walks(k, width)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "shift-matrix-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other steps and widths.
### BEGIN HIDDEN TESTS
with check("A matrix that walks, other steps"):
    for k, width in ((2, 10), (-30, 6), (150, 16), (5, 8), (0, 2)):
        walks(k, width)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We give the tokens new ids, all shuffled, and shuffle the rows of the table in the same
# way. Does the trained model change?
#
# <details><summary>Answer</summary>
#
# No. Each token still finds its own row; an id is only a name. "It must be trained again" would be
# right if the ids had been shuffled without the rows.
#
# </details>

# %% [markdown]
# **2.** Two captions hold the same tokens in another order. Which of these tells them apart: the
# mean of $T$, the mean of $x = T + P$, or the list of all $x_k$?
#
# <details><summary>Answer</summary>
#
# Only the list. The mean of $T$ has no places at all. The mean of $x$ has them, but as a sum that
# is the same for all captions of this length.
#
# </details>

# %% [markdown]
# **3.** A token occurs in no training caption. What is its row after training?
#
# <details><summary>Answer</summary>
#
# As random as at first, for no gradient has reached it (weight decay, if the table has any, shrinks
# it even so). It isn't zero, for nobody set it to zero, and not the mean of its neighbours, for
# rows know nothing of each other.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built what a text encoder is given: a lookup in a table, and a place added to each row.
#
# - A token id picks a row; that is a product with a one-hot matrix, without the work.
# - Without places a caption is a bag of words; learned or computed, $P$ is added to $T$.
# - Gradients reach the rows that were used, once for each use, and no others.
#
# Next: **[how does one token learn what the others say?](attention.ipynb)**

# %% [markdown]
# **Sources.** Sines, cosines, and that learned positions do as well:
# {cite:t}`vaswani2017attention`, §3.5 and table 3, row E. Learned positions beside the token
# embeddings, and segments: {cite:t}`devlin2019bert`, §3, figure 2. CLIP's width and context:
# {cite:t}`radford2021clip`, §2.4.
