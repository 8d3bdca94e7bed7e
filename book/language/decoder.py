# ---
# jupyter:
#   chapter:
#     question: How does a model learn to predict the next token?
#     objectives:
#     - compute the next-token loss of a short text by hand, and say what the causal mask is for
#     - build the parts in which Gemma differs from our text encoder, and say what each one does
#     - train a small language model, and tell what it can know of an answer from what it must guess
#     needs: [text/text-encoder]
#     minutes: 48
#     place: "it has no place yet: it is the language model that will read what the image encoder
#       sees"
#     band: decoder
#     builds: [clipbook.language.Decoder, clipbook.language.RMSNorm, clipbook.language.rotary, clipbook.language.GeGLU, clipbook.language.next_token_loss]
# ---

# %% [markdown]
# # The next token
#
# CLIP compares. It can say which of several captions fits a picture, but it can't write one.
# {question} We turn our text encoder into a decoder, part by part as in Google's language model
# **Gemma**, and train it on the captions of our world, and on questions.

# %% [markdown] predict={"choices": ["a", "red", "star"], "right": "star", "shown": "after star comes <end>: p 0.250"}
# ## Every token predicts the next
#
# A vocabulary of $V = 4$ words, and the text "a red star" with its end. A **language model** returns
# a row of $V$ logits for each token, shape (4, 4): row $i$ scores what comes *after* token $i$. The
# text itself is the answer, shifted by one place. Predict: which row predicts worst?

# %%
import torch

torch.set_printoptions(precision=3, sci_mode=False, linewidth=80)
words = ["a", "red", "star", "<end>"]
token_ids = torch.tensor([0, 1, 2, 3])
rows = [[0.0, 2, 1, 0], [0, 1, 3, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
logits = torch.tensor(rows)  # (4, 4)
p = logits.softmax(dim=1)
for i in range(3):  # the last row predicts nothing: the text is over
    right = token_ids[i + 1]
    share, cost = p[i, right], -p[i, right].log()
    print(f"after {words[i]:5} comes {words[right]:5}", end=": ")
    print(f"p {share:.3f}, -ln p {cost:.3f}")

# %% [markdown]
# The row after "star" gives each word 1/4, which costs $\ln 4 = 1.386$, a guess. The **next-token
# loss** is the mean over the three predictions, a cross-entropy; a model that knows nothing has
# $\ln V$. With $t$ tokens $T_1 \dots T_t$:
#
# $$\text{loss} = -\frac{1}{t-1} \sum_{i=1}^{t-1} \ln p(T_{i+1} \mid T_1 \dots T_i)$$


# %%
from clipbook.language import next_token_loss


def loss_by_hand(logits, token_ids):
    rows, answers = logits[:-1], token_ids[1:]  # shifted by one
    return -rows.log_softmax(dim=1)[range(len(answers)), answers].mean()


loss = loss_by_hand(logits, token_ids)
assert torch.isclose(loss, next_token_loss(logits[None], token_ids[None]))
print(f"loss {loss:.3f}")

# %% [markdown]
# Row $i$ must not see token $i + 1$, which it is asked for. The **causal mask** of the
# [attention chapter](../text/attention.ipynb) hides it, so one pass trains all rows at once. What
# reads and predicts like this is called a **decoder**. The probabilities multiply: their product is
# the probability of the whole text, and minus its logarithm is the sum of the costs.

# %% [markdown]
# ## Texts to learn from
#
# Our world's captions, and questions with their answers. Nothing of a picture is given, so a question
# can only be answered by a guess. The tokenizer puts a start token before each text and an end token
# behind it; so the first word is predicted as well, and only the start token is not.

# %%
from clipbook.scenes import sample, say, state
from clipbook.streams import stream, torch_stream


def question(scene, generator):
    thing = scene.objects[int(generator.integers(len(scene.objects)))]
    kinds = [
        f"what colour is the {thing.shape}? {thing.colour}",
        f"what shape is {thing.colour}? {thing.shape}",
        f"how large is the {thing.colour} {thing.shape}? {thing.size}",
        f"how many shapes? {('one', 'two')[len(scene.objects) - 1]}",
    ]
    return kinds[int(generator.integers(4))]


# %%
from clipbook.text import Tokenizer


def write_texts(n, purpose):
    generator = stream(f"decoder: {purpose}")
    scenes = sample(n, generator)
    captions = [say(state(scene, generator), generator) for scene in scenes]
    return captions + [question(scene, generator) for scene in scenes]


training, test = write_texts(4000, "training"), write_texts(250, "test")
tokenizer = Tokenizer.train(training, vocab_size=400)
V = tokenizer.vocab_size
train_ids, train_mask = tokenizer.batch(training)  # (8000, 32)
whole_ids, whole_mask = tokenizer.batch(test)
test_ids, test_mask = whole_ids[:, :25], whole_mask[:, :25]  # (500, 25)
assert test_mask.sum() == whole_mask.sum()  # only padding is cut off
for k in (0, 1, 4000, 4001):
    print(training[k])
tokens = train_mask.sum() / len(training)
print(f"V = {V}, {len(training):,} texts, {tokens:.1f} tokens each")

# %% [markdown]
# How low can counting alone get? The **unigram** model gives each token its
# share of all tokens, whatever stands before it; the **bigram** model counts what follows each
# token. Predict how far below $\ln V$ each of them comes.


# %%
def pairs_of(token_ids, mask):  # what is before, what follows
    return token_ids[:, :-1][mask[:, 1:]], token_ids[:, 1:][mask[:, 1:]]


before, following = pairs_of(train_ids, train_mask)
follows = torch.full((V, V), 0.1)  # a little for what was never seen
ones = torch.ones(len(before))
follows.index_put_((before, following), ones, accumulate=True)
unigram = follows.sum(dim=0) / follows.sum()  # (V)
bigram = follows / follows.sum(dim=1, keepdim=True)  # (V, V), rows sum to 1

# %%
before, following = pairs_of(test_ids, test_mask)
counts = {
    "a guess": torch.tensor(float(V)).log().item(),
    "unigram": -unigram[following].log().mean().item(),
    "bigram": -bigram[before, following].log().mean().item(),
}
for name, cost in counts.items():
    print(f"{name}: {cost:.3f}")

# %% [markdown]
# Our texts are regular, so counting neighbours gets far. But what follows "?" depends on words far
# before it.

# %% [markdown]
# ## RMSNorm
#
# Now the model. It is our text encoder but for five changes: norm, positions, feed-forward network,
# keys and values, and the output. The first: **RMSNorm** leaves out layer norm's mean and shift. It
# divides a token's $w$ numbers by the root of their mean square, then multiplies by a learned gain,
# which Gemma writes as $1 + g$ with $g = 0$ at first:
#
# $$\text{norm}(x) = (1 + g)\,\frac{x}{\sqrt{\frac{1}{w} \sum_i x_i^2 + \epsilon}}$$

# %%
from clipbook.language import RMSNorm


def rms_norm(x, g, eps=1e-6):
    mean_square = (x**2).mean(dim=-1, keepdim=True)
    return (1 + g) * x / (mean_square + eps).sqrt()


norm = RMSNorm(4)
norm.weight.data = torch.tensor([0.0, 0.0, 1.0, -1.0])  # g
x = torch.tensor([3.0, 1.0, -1.0, 5.0])
assert torch.allclose(rms_norm(x, norm.weight), norm(x))
norm(x).detach()

# %% [markdown]
# The mean square is 9, so 3 becomes 1; the third number has gain 2, the last gain 0. Why $1 + g$?
# Weight decay pulls weights towards 0. So it pulls Gemma's gains towards 1, not towards 0.

# %% [markdown]
# ## Rotary positions
#
# Our text encoder adds a position embedding to each token. Gemma adds nothing. It **turns** queries
# and keys: numbers $i$ and $i + d/2$ of a head's $d$ are a point in the plane, and at position $m$
# it is turned by the angle $m\,\omega_i$, with $\omega_i = 10{,}000^{-2i/d}$ for $i = 0, 1 \dots$
# These are **rotary positions** (RoPE). Turning by $\alpha$ takes $(a, b)$ to
# $(a \cos\alpha - b \sin\alpha,\; b \cos\alpha + a \sin\alpha)$.

# %%
from clipbook.language import rotary


def turn_by_hand(x, position):  # x: (d)
    d = len(x)
    angles = position * 10_000 ** (-torch.arange(0, d, 2) / d)  # (d/2)
    a, b = x[: d // 2], x[d // 2 :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin])


generator = torch_stream("decoder: vectors to turn")
vectors = torch.randn(2, 8, generator=generator)
q, k = torch.nn.functional.normalize(vectors, dim=1)
positions = torch.arange(5)
turned = torch.stack([turn_by_hand(q, m) for m in positions])  # (5, 8)
packaged = rotary(q.expand(1, 1, 5, 8), positions)[0, 0]  # (5, 8)
assert torch.allclose(turned, packaged, atol=1e-6)
print("lengths:", turned.norm(dim=1))

# %% [markdown]
# A turn changes no length. Now let the *same* query stand at each of six positions, and the same
# key, too. Predict the pattern of their dot products.

# %% mystnb={"image": {"alt": "The table of dot products has the same number all along each diagonal: a score depends only on how far apart query and key stand."}}
from clipbook.figures import token_heatmap

places = torch.arange(6)
queries = torch.stack([turn_by_hand(q, m) for m in places])  # (6, 8)
keys = torch.stack([turn_by_hand(k, m) for m in places])
scores = queries @ keys.T  # (6, 6)
far = turn_by_hand(q, 1003) @ turn_by_hand(k, 1001)
print(f"query at 3, key at 1: {scores[3, 1]:.3f}; both 1,000 later: {far:.3f}")
assert abs(scores[3, 1] - far) < 1e-2
names = [f"query at {m}" for m in places], [f"key at {n}" for n in places]
token_heatmap(scores, *names, signed=True)

# %% [markdown]
# Each diagonal holds one number: in each plane, turning both points by the same angle leaves their dot
# product as it is, so only the distance $m - n$ counts. The first plane turns fast and the last slowly,
# so that small distances and large ones both show. Values aren't turned. A position embedding must
# learn each place anew, and ends with its table; a distance of 2 is the same at the beginning and after
# a thousand words.

# %% [markdown]
# ## GeGLU, a network with a gate
#
# The feed-forward network gets a second input matrix. **GeGLU** multiplies what one matrix makes of
# a token by a non-linearity of what another makes: a **gate**, which lets each inner number through
# or holds it back. No biases; and the non-linearity is GELU, approximated by tanh.
#
# $$\text{mlp}(x) = \big(\text{gelu}(x W_\text{gate}) \odot x W_\text{up}\big)\, W_\text{down}$$

# %%
from clipbook.language import GeGLU


def tanh_gelu(x):
    inner = (2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)
    return x * (1 + torch.tanh(inner)) / 2


torch.manual_seed(0)
mlp = GeGLU(4, 6).requires_grad_(False)
x = torch.randn(3, 4)  # three tokens
gate, up = x @ mlp.gate.weight.T, x @ mlp.up.weight.T  # (3, 6)
by_hand = (tanh_gelu(gate) * up) @ mlp.down.weight.T  # (3, 4)
assert torch.allclose(by_hand, mlp(x), atol=1e-6)
exact = torch.nn.functional.gelu(gate)
off = (tanh_gelu(gate) - exact).abs().max()
print(f"the tanh form differs from GELU by up to {off:.5f}")

# %% [markdown]
# ## Multi-query attention
#
# So far each head had queries, keys and values of its own. Here **one** head of keys and values serves
# all four heads of queries: **multi-query attention**. (With groups of heads that share: grouped-query
# attention.) Fewer weights; and, as [the next chapter](writing.ipynb) shows, less to keep while
# writing.


# %%
def attention_by_hand(x, layer, heads, kv_heads, d):  # x: (t, w)
    t = len(x)
    q = (x @ layer.query.weight.T).view(t, heads, d)
    k = (x @ layer.key.weight.T).view(t, kv_heads, d)
    v = (x @ layer.value.weight.T).view(t, kv_heads, d)
    causal = torch.ones(t, t, dtype=torch.bool).tril()
    gathered = []
    for head in range(heads):
        shared = head * kv_heads // heads  # whose keys and values
        Q = torch.stack([turn_by_hand(q[m, head], m) for m in range(t)])
        K = torch.stack([turn_by_hand(k[m, shared], m) for m in range(t)])
        scores = (Q @ K.T / d**0.5).masked_fill(~causal, float("-inf"))
        gathered.append(scores.softmax(dim=1) @ v[:, shared])
    return torch.cat(gathered, dim=1) @ layer.output.weight.T  # (t, w)


# %% [markdown]
# ## Tied embeddings
#
# A token's vector comes from a table $E$, shape $(V, w)$. At the end we need a logit for each of the
# $V$ tokens. Gemma takes the same table: the logit of a token is the dot product of its row with the
# last vector. The two uses are **tied**. On the way in, rows are multiplied by $\sqrt{w}$: they start
# small, so that first logits are near 0, but what enters should not be small beside what blocks add.


# %%
def decode_by_hand(token_ids, model):  # (t) -> (t, V)
    c, E = model.config, model.token_embedding.weight
    x = E[token_ids] * c.width**0.5  # (t, w)
    for block in model.blocks:
        normed = rms_norm(x, block.attention_norm.weight)
        sizes = c.heads, c.kv_heads, c.head_dim
        x = x + attention_by_hand(normed, block.attention, *sizes)
        x = x + block.mlp(rms_norm(x, block.mlp_norm.weight))
    return rms_norm(x, model.norm.weight) @ E.T


# %% [markdown]
# Norms stand before attention and network, and once at the end: pre-norm, as in our text encoder.
# The package's `Decoder` does the same for many texts at once. And so does Gemma: we let
# `transformers` make a small one with random weights, and load these into ours.

# %%
from transformers import GemmaConfig, GemmaForCausalLM

from clipbook.pretrained import decoder_from_transformers

sizes = {"hidden_size": 32, "num_hidden_layers": 2}
sizes |= {"intermediate_size": 48, "vocab_size": 100}
heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 10}
torch.manual_seed(0)
gemma = GemmaForCausalLM(GemmaConfig(**sizes, **heads)).eval()
gemma.requires_grad_(False)
for weight in gemma.parameters():  # so that no gain stays at 0
    weight += 0.2 * torch.randn_like(weight)
ours = decoder_from_transformers(gemma)
ids_2 = torch.randint(100, (2, 9))
theirs = gemma(input_ids=ids_2).logits  # (2, 9, 100)
assert torch.allclose(decode_by_hand(ids_2[0], ours), theirs[0], atol=1e-4)
off = (ours(ids_2) - theirs).abs().max()
assert off < 1e-5
print(f"logits up to {theirs.abs().max():.1f}", end="; ")
print(f"ours differ by {off:.0e} at most")

# %% [markdown] predict={"ask": "The first loss", "number": 5.99, "within": 0.02, "shown": "ln V 5.99"}
# ## Learning to write
#
# Our model has two blocks, 64 numbers a token, four heads of queries and one of keys and values. One
# step takes 32 texts. Predict the first loss, and what the model writes before it has learned. (`write`
# draws each token by its probability; the next chapter shows how. � is a byte that is no character.)

# %%
from clipbook.training import learning_rate_factor


def train(model, steps, seed, loss_of=next_token_loss):
    """Yields after each step, so that the caller can test the model."""
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
    order = torch_stream("decoder: batches", seed)
    for step in range(steps):
        rate = 0.01 * learning_rate_factor(step, 20, steps)
        optimiser.param_groups[0]["lr"] = rate
        rows = torch.randint(len(train_ids), (32,), generator=order)
        longest = int(train_mask[rows].sum(dim=1).max())
        ids, mask = train_ids[rows, :longest], train_mask[rows, :longest]
        loss = loss_of(model(ids), ids, mask)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield step + 1


# %%
from clipbook.language import Decoder, DecoderConfig, Sampler, generate


@torch.no_grad()
def test_loss(model):
    return next_token_loss(model(test_ids), test_ids, test_mask).item()


def write(model, n, sampler=None, prompt="", most=24):
    ids = torch.tensor([[tokenizer.start_id, *tokenizer.encode(prompt)]] * n)
    end_id = tokenizer.end_id
    written = generate(model, ids, most, end_id=end_id, sampler=sampler)
    return [prompt + tokenizer.decode(row) for row in written.tolist()]


def sampler(**choices):
    return Sampler(**choices, generator=torch_stream("decoder: what it writes"))


# %%
torch.manual_seed(0)
sizes = {"depth": 2, "heads": 4, "kv_heads": 1, "head_dim": 16}
model = Decoder(DecoderConfig(V, width=64, **sizes))
numbers = sum(weight.numel() for weight in model.parameters())
print(f"{numbers:,} numbers to be learned")
print(f"first loss {test_loss(model):.2f}, ln V {counts['a guess']:.2f}")
assert abs(test_loss(model) - counts["a guess"]) < 0.1
for text in write(model, 3, sampler(), most=8):
    print(repr(text))

# %% mystnb={"image": {"alt": "The loss on the test texts falls from the level of a guess past unigram and bigram counts within some fifty steps, and levels off well below them."}}
from clipbook.figures import curves

looks = {0: test_loss(model)}
for step in train(model, 300, seed=0):
    if step in (10, 20, 40, 70, 100, 150, 200, 250, 300):
        looks[step] = test_loss(model)
    if step in (20, 70, 300):
        texts = map(repr, write(model, 2, sampler()))
        print(f"after {step}:", *texts, sep="\n  ")
print(f"loss on the test texts {looks[300]:.2f}")
assert looks[300] < counts["bigram"] - 0.3
lines = {"decoder": (list(looks), list(looks.values()))}
lines |= {name: ([0, 300], [cost] * 2) for name, cost in counts.items()}
curves(lines, across="step", up="loss")

# %% [markdown]
# First it learns which words there are, then what stands beside what, then whole sentences. It never
# comes near 0: which caption, and which answer, nobody can know beforehand.

# %% [markdown]
# ## What it answers without a picture
#
# Ask for a colour, with no picture: the row of logits after "what colour is the star?" gives a
# probability to each answer. In training each shape lacks one of the eight colours (no triangle is
# green, no star blue) and has the others about equally often. Predict the table for all shapes.

# %% mystnb={"image": {"alt": "Asked for the colour of a shape that it can't see, the model gives every colour about an eighth, and the row is the same for every shape, the held-out combinations included."}}
from clipbook.scenes import COLOURS, SHAPES

model.requires_grad_(False)
answers = [tokenizer.encode(f" {colour}")[0] for colour in COLOURS]
belief = []
for shape in SHAPES:
    prompt = tokenizer.encode(f"what colour is the {shape}?")
    ids = torch.tensor([[tokenizer.start_id, *prompt]])
    belief.append(model(ids)[0, -1].softmax(dim=0)[answers])
belief = torch.stack(belief)  # (8 shapes, 8 colours)
assert belief.sum(dim=1).min() > 0.9 and belief.max() < 0.25
asked = [text for text in training if text.startswith("what colour")]
said = [text.split()[-1] for text in asked]
shares = torch.tensor([said.count(colour) / len(said) for colour in COLOURS])
change = (belief - belief.mean(dim=0)).abs().max()
print(f"a shape changes a probability by {change:.3f} at most")
claims = {"its answers differ": belief, "1/8 for each would differ": 1 / 8}
for name, told in claims.items():
    off = (told - shares).abs().max()
    print(f"from the shares in training {name} by {off:.3f} at most")
token_heatmap(belief, SHAPES, COLOURS)

# %% [markdown]
# It has learned that a *colour* must come, each about equally often, but nothing about the shape. There
# is little to gain by that: to know that one of eight colours is out saves
# $\ln 8/7 = 0.13$, on one token of an eighth of the texts. Either way this is a guess: a model without
# eyes answers with what is usual. The next step is to give it a picture.

# %% [markdown]
# ## What is each part worth?
#
# An *ablation* tells: we take Gemma's parts back one at a time, and train each variant as we train
# the original: the same texts in the same order, 100 steps, from three seeds. The model is smaller,
# 32 numbers wide. A `Decoder` works in three steps: `embed` (tokens to vectors), `features` (the
# blocks and the last norm), `logits`. Each variant replaces a part, or one of these steps:

# %%
from functools import partial

from torch import nn

sizes = {"depth": 2, "heads": 4, "kv_heads": 1, "head_dim": 8}
SMALL = DecoderConfig(V, width=32, mlp_width=64, **sizes)
w = SMALL.width


def layer_norms(model):
    model.norm = nn.LayerNorm(w)
    for block in model.blocks:
        block.attention_norm, block.mlp_norm = nn.LayerNorm(w), nn.LayerNorm(w)


def norms_after(model):  # post-norm
    def forward(block, x, by, allowed, cache, k):
        x = block.attention_norm(x + block.attention(x, by, allowed))
        return block.mlp_norm(x + block.mlp(x))

    for block in model.blocks:
        block.forward = partial(forward, block)


# %%
def no_positions(model):  # at position 0 nothing is turned
    def features(x, cache):
        return plain(x, positions=torch.zeros(x.shape[1], dtype=torch.int64))

    plain, model.features = model.features, features


def learned_positions(model):
    no_positions(model)
    model.places, plain = nn.Parameter(0.02 * torch.randn(32, w)), model.embed
    model.embed = lambda ids: plain(ids) + model.places[: ids.shape[1]]


def plain_network(model):  # as many weights: 2 · 96 = 3 · 64
    for block in model.blocks:
        into, out = nn.Linear(w, 96, bias=False), nn.Linear(96, w, bias=False)
        block.mlp = nn.Sequential(into, nn.GELU(), out)


# %%
from clipbook.language import GroupedQueryAttention


def four_heads_of_keys(model):
    sizes = {"heads": 4, "kv_heads": 4, "head_dim": 8}
    for block in model.blocks:
        block.attention = GroupedQueryAttention(w, **sizes)


def no_root(model):
    model.embed = model.token_embedding.forward


def two_tables(model):
    model.second = nn.Parameter(0.02 * torch.randn(V, w))
    model.logits = lambda features: features @ model.second.T


VARIANTS = [layer_norms, norms_after, no_positions, learned_positions]
VARIANTS += [plain_network, four_heads_of_keys, no_root, two_tables]

# %% [markdown]
# We look after 35 steps, to see who learns fast, and after 100. Differences are taken seed by seed,
# from the unchanged model with that seed. Predict: which change hurts most? Does any stop the model
# from learning?


# %%
def losses(variant, seed):
    torch.manual_seed(seed)
    student = Decoder(SMALL)
    variant(student)
    steps = train(student, 100, seed)
    return [test_loss(student) for step in steps if step in (35, 100)]


def three_runs(variant):  # (3 seeds, 2)
    return torch.tensor([losses(variant, seed) for seed in range(3)])


base, worse = three_runs(lambda model: None), {}
low, high = base.min(dim=0).values, base.max(dim=0).values
print(f"unchanged, 35 steps: {low[0]:.3f} to {high[0]:.3f}", end="; ")
print(f"100: {low[1]:.3f} to {high[1]:.3f}")
for variant in VARIANTS:
    worse[variant] = three_runs(variant) - base
    ends = [f"{x.min():+.3f} to {x.max():+.3f}" for x in worse[variant].T]
    print(f"{variant.__name__:18}", *ends, sep="   ")
assert worse[no_root].min() > 0 > worse[two_tables].max()
ends = [(base + more)[:, 1].max() for more in worse.values()]
assert max(ends) < counts["bigram"]

# %% [markdown]
# None stops it: every variant learns, and after 100 steps all are below the bigrams. Compare with the
# spread of the unchanged model's three seeds. After 100 steps two changes move every seed by more:
# without $\sqrt w$ the model learns more slowly, and with a second table for the output **better** (it
# has more numbers to learn, too). The others differ by about as much as seeds do; that all
# three seeds agree on a sign happens by luck in one case of four. Even without positions it works, as
# {cite:t}`haviv2022nope` found for large decoders: the causal mask alone holds the order. At our size
# nothing here shows that Gemma's norm, positions or shared head write better.

# %% [markdown]
# What they are for is cost and size. RMSNorm computes less; one head of keys leaves less to keep;
# rotary positions need no table; and tied tables save most of all. In Gemma 2B the table has
# $256{,}128 \cdot 2{,}048$ numbers, a fifth of the model ({cite:t}`gemma2024`, Table 2); a second one
# would cost as much again. Our text encoder's choices, learned positions and layer norm, would have
# done here.

# %% [markdown]
# ## Common mistakes
#
# **The loss is too good, and what is written is nonsense → the answer stood in the input.** Either the
# mask is missing, and the model looks up the next token; or rows and answers are not shifted, and it
# repeats its own. In 100 steps both get below every honest loss of the table above.


# %%
def sees_all(model):
    plain = model.features
    everything = torch.ones(1, 1, dtype=torch.bool)
    model.features = lambda x, cache: plain(x, allowed=everything, cache=cache)


def same_token(logits, ids, mask):
    return nn.functional.cross_entropy(logits[mask], ids[mask])


spoilt = {"no mask": (sees_all, next_token_loss)}
spoilt["no shift"] = lambda model: None, same_token
for name, (spoil, loss_of) in spoilt.items():
    torch.manual_seed(0)
    student = Decoder(SMALL)
    spoil(student)
    *_, last_step = train(student, 100, 0, loss_of)
    cost = loss_of(student(test_ids), test_ids, test_mask).item()
    texts = write(student, 1, sampler(), "a", most=9)
    print(f"{name}: loss {cost:.2f}, writes {texts}")
    assert cost < low[1]

# %% [markdown]
# **Loaded weights write nonsense, without any error → a convention was missed.** Names and shapes fit
# in all of these. The small Gemma of above, with one convention changed:


# %%
def gain_without_one(model):
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.weight -= 1


def larger_eps(model):
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.eps = 1e-5


for spoil in (gain_without_one, no_root, larger_eps):
    spoilt = decoder_from_transformers(gemma).requires_grad_(False)
    spoil(spoilt)
    off, largest = (spoilt(ids_2) - theirs).abs().max(), theirs.abs().max()
    print(f"{spoil.__name__:18} {off:.5f} of {largest:.1f}")

# %% [markdown]
# The first two are plain to see. The last is not: here it does no harm, with smaller vectors it would,
# and a tolerance of 0.001 can't see it. So compare the settings as well.

# %% [markdown] exercise={"minutes": 15, "difficulty": "easy"}
# ## Exercise: what a batch of texts costs
#
# Return the next-token loss of texts of different lengths: `logits` is $(b, t, V)$, `token_ids` and
# `mask` are $(b, t)$; the mask is true at real tokens, which come first. The loss is the mean of $-\ln
# p$ over all real tokens of all texts, but for each text's first (the start token), which nothing
# predicts. (The check tries batches of several sizes, and logits of 1,000. It refuses
# `next_token_loss`: write it yourself.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Leave out the last row of logits and the first token of the answers; then row $i$ and answer $i$
# belong together. Which mask goes with them: that of the rows, or that of the answers?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "decoder-loss", "schema_version": 3, "task": false}
def batch_loss(logits, token_ids, mask):
    """Mean cost of the predicted real tokens.

    (b, t, V), (b, t), (b, t) -> ().
    """
    ### BEGIN SOLUTION
    log_p = logits[:, :-1].log_softmax(dim=-1)  # (b, t - 1, V)
    costs = -log_p.gather(2, token_ids[:, 1:, None])[..., 0]  # (b, t - 1)
    return costs[mask[:, 1:]].mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "decoder-loss-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, without
from clipbook.language import next_token_loss


def batch_loss_agrees(lengths, padding, V, size=1.0):
    generator = torch.Generator().manual_seed(V)
    b, t = len(lengths), max(lengths) + padding
    logits = size * torch.randn(b, t, V, generator=generator)
    token_ids = torch.randint(V, (b, t), generator=generator)
    mask = torch.arange(t) < torch.tensor(lengths)[:, None]
    costs = -logits.double().log_softmax(dim=-1)  # (b, t, V)

    def mean(rows, answers, counted):
        return (
            costs[:, rows]
            .gather(2, token_ids[:, answers, None])[..., 0][counted]
            .mean()
        )

    most, least = slice(0, t - 1), slice(1, t)
    predicted = mask[:, 1:]
    want = mean(most, least, predicted)
    # (b, t - 1)
    each = costs[:, most].gather(2, token_ids[:, least, None])[..., 0]
    of_texts = [
        row[real].mean() for row, real in zip(each, predicted, strict=True)
    ]
    mistakes = {
        "row i scores what comes after token i, not token i itself": mean(
            slice(0, t), slice(0, t), mask
        ),
        "row i scores what comes after token i, not token i itself, and the first is left out": mean(
            least, least, predicted
        ),
        "that is shifted the other way: row i scores token i + 1, not token i - 1": mean(
            least, most, predicted
        ),
        "padding is counted; use the mask": each.mean(),
        "padding is set to 0 and still counted in the mean": (
            each * predicted
        ).mean(),
        "the mask must be shifted as the answers are": each[
            mask[:, :-1]
        ].mean(),
        "the mean over tokens, not the sum": each[predicted].sum(),
        "the mean over all tokens, not over the means of texts": torch.stack(
            of_texts
        ).mean(),
        "minus the logarithm: a cost is positive": -want,
        "the natural logarithm, not that of base 2": want
        / torch.tensor(2.0).log(),
        "the logarithm of the probability is missing": (-each[predicted])
        .exp()
        .mean(),
        "one minus the probability is no cost; take -ln p": 1
        - (-each[predicted]).exp().mean(),
        "divided by the number of all real tokens; the first of each text isn't predicted": each[
            predicted
        ].sum()
        / mask.sum(),
    }
    what = f"batch_loss of texts of {lengths} tokens, {padding} more columns, V = {V},"
    close(ask(batch_loss, logits, token_ids, mask), want, what, tolerance=1e-4 * size,
          mistakes=mistakes)  # fmt: skip


with check("What a batch of texts costs"), without(next_token_loss):
    for sizes in (
        ([5, 3, 2], 1, 7),
        ([4], 0, 3),
        ([1, 6], 3, 20),
        ([6, 4, 2, 3], 2, 5, 1000.0),
    ):
        batch_loss_agrees(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "decoder-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches, and a text of one token among others.
### BEGIN HIDDEN TESTS
with (
    check("What a batch of texts costs, other batches"),
    without(next_token_loss),
):
    for sizes in (([9, 2, 5, 7, 3], 0, 11), ([3, 3], 4, 40)):
        batch_loss_agrees(*sizes)
    logits = torch.zeros(2, 3, 4)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    got = ask(batch_loss, logits, torch.zeros(2, 3, dtype=torch.long), mask)
    close(
        got, 1.3862944, "batch_loss of equal logits, with a text of one token,"
    )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the score at a distance
#
# With rotary positions, the dot product of a query at position $m$ and a key at position $n$ depends
# on $m - n$ alone. So one turn is enough. Return that dot product for `query` and `key` of shape
# $(d)$, not yet turned, and the whole number `distance`, $m - n$. Pair the halves, as above, with
# base 10,000. (The check tries several $d$, and distances from −3 to 40. No division by $\sqrt d$.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Put the key at position 0. Where does the query stand then, and what does position 0 do to a key?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "decoder-distance", "schema_version": 3, "task": false}
def score_at(query, key, distance):
    """Dot product of a query at position m and a key at m - distance.

    (d), (d) -> ().
    """
    ### BEGIN SOLUTION
    d = len(query)
    angles = distance * 10_000 ** (-torch.arange(0, d, 2) / d)  # (d/2)
    a, b = query[: d // 2], query[d // 2 :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin]) @ key
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "decoder-distance-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close


def score_agrees(d, distance):
    query, key = torch.randn(
        2, d, generator=torch.Generator().manual_seed(d)
    ).double()
    pairs = torch.arange(d // 2).double()
    omega = 10_000 ** (-2 * pairs / d)

    def turned(x, angles, neighbours=False):
        a, b = (x[::2], x[1::2]) if neighbours else (x[: d // 2], x[d // 2 :])
        parts = (
            a * angles.cos() - b * angles.sin(),
            b * angles.cos() + a * angles.sin(),
        )
        return (
            torch.stack(parts, dim=1).flatten()
            if neighbours
            else torch.cat(parts)
        )

    a, b = query[: d // 2], query[d // 2 :]
    cos, sin = (distance * omega).cos(), (distance * omega).sin()
    want = turned(query, distance * omega) @ key
    mistakes = {
        "nothing is turned, or both by the same angle": query @ key,
        "turned the wrong way: the query stands `distance` after the key": turned(
            query, -distance * omega
        )
        @ key,
        "the pairs are halves, i with i + d/2, not neighbours": turned(
            query, distance * omega, neighbours=True
        )
        @ key,
        "every pair turns by the same angle; ω falls from pair to pair": turned(
            query, distance * torch.ones_like(omega)
        )
        @ key,
        "ω is 10,000 to the power of -2i/d; yours is to -i/d": turned(
            query, distance * 10_000 ** (-pairs / d)
        )
        @ key,
        "in the second half it is b cos + a sin": torch.cat(
            [a * cos - b * sin, b * cos - a * sin]
        )
        @ key,
        "no division by √d here": want / d**0.5,
        "both are turned by the distance, in opposite ways; one turn is enough": turned(
            query, 2 * distance * omega
        )
        @ key,
    }
    arguments = query.float(), key.float(), distance
    what = f"score_at of d = {d} at distance {distance}"
    close(
        ask(score_at, *arguments), want, what, tolerance=1e-4, mistakes=mistakes
    )


with check("The score at a distance"):
    for d, distance in ((6, 2), (4, 1), (2, 5), (8, 0), (16, -3), (8, 40)):
        score_agrees(d, distance)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "decoder-distance-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes and distances.
### BEGIN HIDDEN TESTS
with check("The score at a distance, other sizes"):
    for d, distance in ((10, 7), (32, 3), (2, 1), (12, -8)):
        score_agrees(d, distance)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: heads that share keys
#
# Return the attention weights of grouped-query attention, $(b, h, t, t)$, from queries $(b, h, t, d)$
# and keys $(b, g, t, d)$, which are turned already. With $h = 6$ heads and $g = 2$ heads of keys, heads
# 0 to 2 share the first and heads 3 to 5 the second. The mask is causal; each row of the weights sums
# to 1. Scores are divided by $\sqrt d$. (The check tries several $h$ and $g$, equal ones among them,
# and scores from 0 to several hundred.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Give each head its own copy of the keys that it shares, with `repeat_interleave` along the axis of
# heads. What `repeat` would do to their order is the classic mistake.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "decoder-groups", "schema_version": 3, "task": false}
def grouped_weights(query, key):
    """Causal attention weights: (b, h, t, d), (b, g, t, d) -> (b, h, t, t)."""
    ### BEGIN SOLUTION
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    # now (b, h, t, d), so that scores are (b, h, t, t)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    causal = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~causal, float("-inf")).softmax(dim=-1)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "decoder-groups-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close


def groups_agree(b, h, g, t, d, size=2.0):
    generator = torch.Generator().manual_seed(100 * h + t)
    query = size * torch.randn(b, h, t, d, generator=generator)
    key = size * torch.randn(b, g, t, d, generator=generator)
    each = torch.tensor([head * g // h for head in range(h)])  # whose keys
    seen = torch.ones(t, t, dtype=torch.bool).tril()

    def weights(
        whose=each, scale=d**0.5, seen=seen, dim=-1, hidden=float("-inf")
    ):
        scores = (
            torch.einsum(
                "bhid,bhjd->bhij", query.double(), key.double()[:, whose]
            )
            / scale
        )
        return scores.masked_fill(~seen, hidden).softmax(dim=dim)

    everything = torch.ones(t, t, dtype=torch.bool)
    mistakes = {
        "heads 0, 1 … of one group stand side by side; yours take turns": weights(
            torch.arange(h) % g
        ),
        "divide the scores by √d": weights(scale=1.0),
        "divide the scores by √d, not by d": weights(scale=d),
        "a token sees later ones; the mask is missing": weights(
            seen=everything
        ),
        "the mask is upside down: a token sees itself and what comes before": weights(
            seen=seen.T
        ),
        "softmax over the keys, the last axis": weights(dim=-2),
        "all heads take the first head of keys": weights(
            torch.zeros(h, dtype=torch.long)
        ),
        "hidden scores were set to 0, which is no mask: e⁰ is 1": weights(
            hidden=0.0
        ),
        "hidden weights were set to 0 after the softmax; the rows no longer sum to 1": weights(
            seen=everything
        )
        * seen,
    }
    scores = {0.0: ", scores of 0", 15.0: ", scores in the hundreds"}.get(
        size, ""
    )
    what = f"grouped_weights of {h} heads and {g} of keys, {t} tokens{scores},"
    close(
        ask(grouped_weights, query, key),
        weights(),
        what,
        tolerance=1e-4,
        mistakes=mistakes,
    )


with check("Heads that share keys"):
    for sizes in (
        (2, 6, 2, 5, 8),
        (1, 4, 1, 3, 6),
        (3, 4, 4, 4, 2),
        (2, 8, 4, 6, 4),
        (1, 2, 1, 4, 6, 0.0),
        (2, 4, 2, 5, 6, 15.0),
    ):
        groups_agree(*sizes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "decoder-groups-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other numbers of heads.
### BEGIN HIDDEN TESTS
with check("Heads that share keys, other numbers"):
    for sizes in ((1, 9, 3, 4, 6), (2, 2, 1, 7, 10), (4, 6, 6, 2, 4)):
        groups_agree(*sizes)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** Half-way through training the loss is 0.02 on texts that nobody could know beforehand. Good
# news?
#
# <details><summary>Answer</summary>
#
# No. Which colour comes next can't be known, so the loss has a floor well above 0. The model sees what
# it is to predict: the mask is missing, or the answers aren't shifted. "It has learned the training
# texts by heart" would be possible for few texts and many passes; a loss on new texts tells.
#
# </details>

# %% [markdown]
# **2.** Why does a causal decoder need no mask for padding that stands behind a text, and where does
# padding still matter?
#
# <details><summary>Answer</summary>
#
# No real token looks behind itself, so none sees it. But the rows *of* the padding give logits as
# well, and their costs must not count in the loss. "It needs none since padding is all zeros" is wrong:
# padding has an embedding like any token.
#
# </details>

# %% [markdown]
# **3.** A model has four heads of queries and one of keys and values. Do all four heads attend to the
# same tokens?
#
# <details><summary>Answer</summary>
#
# No. They compare against the same keys, but each with a query of its own, so their weights differ;
# what they share is what can be found and what is then handed on. "One head of keys makes four equal
# heads" is wrong.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built a language model as Gemma is built, and trained it.
#
# - Each token predicts the next: causal mask, answers shifted by one, $\ln V$ for a guess.
# - Gemma: RMSNorm with $1 + g$, rotary positions, a gate, one head of keys and values, one table. At our
#   size they save more than they improve.
# - Without a picture it can only say what is usual.
#
# Next: **how does a text come of probabilities?** [Writing a text](writing.ipynb) draws token after
# token.

# %% [markdown]
# **Sources.** {cite:t}`gemma2024`, §2 and Tables 1 and 2: the parts, and the sizes.
# {cite:t}`zhang2019rmsnorm`, §4: RMSNorm. {cite:t}`su2021rope`, §3.2: rotary positions.
# {cite:t}`shazeer2020glu`, §2: GeGLU. {cite:t}`shazeer2019multiquery`, §3: one head of keys and values,
# and the cache that it is for; {cite:t}`ainslie2023gqa`, §2: groups. {cite:t}`press2017tying`: one
# table for both ends. {cite:t}`haviv2022nope`: decoders without positions.
