# ---
# jupyter:
#   chapter:
#     question: How do the probabilities of tokens become a text?
#     objectives:
#     - compute the probability of a text, and its perplexity
#     - choose the next token greedily, by temperature, top-k or top-p, and say what each does to a text
#     - explain why a KV cache gives the same text sooner, and what it costs
#     needs: [language/decoder]
#     minutes: 30
#     place: "it has no place yet: it is how the language model behind the picture will answer"
#     band: writing
#     builds: [clipbook.language.Sampler, clipbook.language.KVCache, clipbook.language.generate]
# ---

# %% [markdown]
# # Writing a text
#
# A [language model](decoder.ipynb) gives each token a probability of being next. {question} We write
# with a model that has learned the captions of our world: one token is chosen, read, and the next
# one chosen. Who chooses, and what is read again each time?

# %% [markdown]
# ## A model to write with
#
# The decoder of the last chapter, small and trained anew, on captions alone. It takes a few seconds.

# %%
import torch

from clipbook.scenes import sample, say, state
from clipbook.streams import stream, torch_stream
from clipbook.text import Tokenizer

torch.set_printoptions(precision=3, sci_mode=False, linewidth=80)
generator = stream("writing: captions")
scenes = sample(4250, generator)
captions = [say(state(scene, generator), generator) for scene in scenes]
training, test = captions[:4000], captions[4000:]
tokenizer = Tokenizer.train(training, vocab_size=400)
V = tokenizer.vocab_size  # not 400: no pair is left to merge
train_ids, train_mask = tokenizer.batch(training)  # (4000, 32)
test_ids, test_mask = tokenizer.batch(test)  # (250, 32)
print(f"V = {V}", *training[:3], sep="\n")

# %%
from clipbook.language import Decoder, DecoderConfig, next_token_loss
from clipbook.training import learning_rate_factor

torch.manual_seed(0)
sizes = {"depth": 2, "heads": 4, "kv_heads": 1, "head_dim": 16}
model = Decoder(DecoderConfig(V, width=64, **sizes))
optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
order = torch_stream("writing: batches")


def batch():
    rows = torch.randint(len(train_ids), (32,), generator=order)
    longest = int(train_mask[rows].sum(dim=1).max())
    return train_ids[rows, :longest], train_mask[rows, :longest]


# %%
for step in range(300):
    optimiser.param_groups[0]["lr"] = 0.01 * learning_rate_factor(step, 20, 300)
    ids, mask = batch()
    loss = next_token_loss(model(ids), ids, mask)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
model.requires_grad_(False)
loss = next_token_loss(model(test_ids), test_ids, test_mask)
assert loss < 2
guess = torch.tensor(float(V)).log()
print(f"loss on new captions {loss:.2f}; a guess has ln V = {guess:.2f}")

# %% [markdown]
# ## How probable is a text?
#
# The probability of a text is the product over its tokens, each given those before it, so its
# logarithm is a sum, the end token's included. Predict the order of these five. (No caption in training
# has a green triangle.)

# %%
from clipbook.language import token_log_probabilities


def log_probability(texts):
    ids, mask = tokenizer.batch(texts)
    return (token_log_probabilities(model(ids), ids) * mask[:, 1:]).sum(dim=1)


texts = ["a red circle", "a green triangle", "a red circle above a blue square"]
texts += ["a red", "circle red a"]
for text, log_p in zip(texts, log_probability(texts), strict=True):
    print(f"ln p = {log_p:6.1f}, one in {(-log_p).exp():.0e}  {text}")

# %% [markdown]
# Words out of order cost most. "a red", with which no caption ends, costs more than "a red circle".
# And the green triangle is about as probable as the red circle, though no caption of the training
# says it: the model has not learned which combinations are missing there.
#
# Each further token multiplies by a number below 1, so long texts tend to be less probable. To compare
# texts of different lengths one takes the mean over the tokens. $e$ to minus this mean is the
# **perplexity**: the model is as unsure as if it chose evenly among so many tokens. The loss on new
# captions stands above: what is their perplexity? A guess among all tokens has $V$.

# %%
print(f"perplexity of new captions: {loss.exp():.1f} of {V} tokens")

# %% [markdown]
# ## Choosing a token
#
# The model gives probabilities; what is written is for us to choose. **Greedy**: always the most
# probable. Or draw, from probabilities made sharper or flatter by a **temperature** $\tau$, by
# which logits are divided (below 1: sharper), and cut off to the $k$ best (**top-k**), or to the
# fewest whose sum reaches a share (**top-p**, or nucleus sampling). After "a picture of a":

# %%
from clipbook.language import Sampler

ids = torch.tensor([[tokenizer.start_id, *tokenizer.encode("a picture of a")]])
last = model(ids)[0, -1]  # (V)


def top_k_by_hand(p, k):
    kept = p.argsort(descending=True)[:k]
    cut = torch.zeros_like(p).index_copy(0, kept, p[kept])
    return cut / cut.sum()


def top_p_by_hand(p, share):
    total, cut = 0.0, torch.zeros_like(p)
    for token in p.argsort(descending=True).tolist():
        if total >= share:
            break
        cut[token] = p[token]
        total += p[token].item()
    return cut / cut.sum()


# %%
p = last.softmax(dim=0)
ways = {
    "p itself": (p, {}),
    "temperature 0.5": ((last / 0.5).softmax(dim=0), {"temperature": 0.5}),
    "temperature 2": ((last / 2).softmax(dim=0), {"temperature": 2.0}),
    "top-k, 3": (top_k_by_hand(p, 3), {"top_k": 3}),
    "top-p, 0.5": (top_p_by_hand(p, 0.5), {"top_p": 0.5}),
}
best = p.argsort(descending=True)[:6]
head = [f"{tokenizer.decode([token]):>7}" for token in best.tolist()]
print(" " * 15, *head, " others")
for name, (by_hand, choices) in ways.items():
    packaged = Sampler(**choices).probabilities(last[None])[0]
    assert torch.allclose(packaged, by_hand, atol=1e-5)
    others = (1 - by_hand[best].sum()).abs()
    told = [f"{share:7.3f}" for share in (*by_hand[best], others)]
    print(f"{name:15}", *told)

# %% [markdown]
# Now whole texts: choose a token, put it behind the others, and read all of it again, until the end
# token comes: *autoregressive* generation. `generate` does this for many texts at once.


# %%
from clipbook.language import generate


def write_by_hand(prompt, most=24):
    ids = [tokenizer.start_id, *tokenizer.encode(prompt)]
    for _ in range(most):
        token = model(torch.tensor([ids]))[0, -1].argmax().item()  # greedy
        if token == tokenizer.end_id:
            break
        ids.append(token)
    return tokenizer.decode(ids)


def write(n, sampler=None, prompt=""):
    ids = torch.tensor([[tokenizer.start_id, *tokenizer.encode(prompt)]] * n)
    written = generate(model, ids, 24, end_id=tokenizer.end_id, sampler=sampler)
    return [prompt + tokenizer.decode(row) for row in written.tolist()]


assert write_by_hand("a picture of a") == write(1, prompt="a picture of a")[0]
print(write_by_hand("a picture of a"))

# %% [markdown] predict={"ask": "How many of 200 differ, written greedily?", "choices": ["1", "about 100", "all"], "right": "1", "shown": "greedy : 1 different"}
# What does the choice do to texts? We let the model write 200 in each way, and count how many differ,
# and how many are "usual": each pair of neighbouring words occurs in some training text. Predict both
# for greedy writing.

# %%
from itertools import pairwise


def sampler(**choices):
    return Sampler(**choices, generator=torch_stream("writing: draws"))


neighbours = {pair for text in training for pair in pairwise(text.split())}
ways = {
    "greedy": None,
    "temperature 0.5": sampler(temperature=0.5),
    "temperature 1": sampler(),
    "temperature 1.5": sampler(temperature=1.5),
    "1.5 and top-p 0.9": sampler(temperature=1.5, top_p=0.9),
}
written = {"real captions": test[:200]}
written |= {name: write(200, way) for name, way in ways.items()}
for name, texts in written.items():
    usual = [set(pairwise(text.split())) <= neighbours for text in texts]
    told = f"{len(set(texts)):3} different, {sum(usual):3} usual"
    print(f"{name:17}: {told}   {texts[1][:36]}")

# %% [markdown]
# Greedy writes one text over and over. A higher temperature brings more variety, and more slips: a
# wrong token drawn once can't be taken back, and all that follows builds on it. Cutting off the long
# tail of improbable tokens keeps variety and avoids most slips.

# %% [markdown]
# ## The KV cache
#
# To write token 21 the model reads 20 tokens; to write token 22 it reads these 20 once more. But no
# earlier token sees the new one, so what was computed for it stays the same. What the new token needs
# of the others is their keys and values: we keep these, in a **KV cache**, and read only what is new.
# Predict: do the logits stay the same?

# %%
from clipbook.language import KVCache, rotary  # rotary: for an exercise below

ids = test_ids[:64, :12]
cache = KVCache(depth=2)
pieces = [model(ids[:, k : k + 1], cache) for k in range(12)]  # a token a time
at_once = model(ids)
off = (torch.cat(pieces, dim=1) - at_once).abs().max()
assert off < 1e-5 * at_once.abs().max()
print(f"logits up to {at_once.abs().max():.0f}; they differ by {off:.0e}")
each = cache.numbers / 64 / 12
print(f"the cache holds {each:.0f} numbers for each token", end=": ")
print("2 blocks × (16 + 16)")

# %% [markdown]
# How much time does it save? Without a cache, $t$ new tokens cost about $t^2/2$ readings. Predict the
# gain for 40 tokens, for one text and for 64.

# %%
import time


def seconds(n, use_cache):
    prompt = torch.full((n, 1), tokenizer.start_id)
    runs = []
    for _ in range(3):
        start = time.perf_counter()
        written = generate(model, prompt, 40, use_cache=use_cache)
        runs.append(time.perf_counter() - start)
    return min(runs), written


for n in (1, 64):
    slow, without = seconds(n, use_cache=False)
    fast, with_cache = seconds(n, use_cache=True)
    assert torch.equal(without, with_cache)
    print(f"{n:2} texts: {1000 * slow:4.0f} ms without", end=", ")
    print(f"{1000 * fast:4.0f} ms with: {slow / fast:.1f} times")

# %% [markdown]
# The same tokens. By the number of readings the gain would be 20 times. But each call of PyTorch
# costs something, however few tokens there are. For a batch a several-fold gain is left; for one
# short text and a model as small as ours the calls take nearly all the time, and there is little
# gain. The price is memory, and here the single head of keys and values pays. In Gemma 2B
# ({cite:t}`gemma2024`, Table 1), for one text of 8,192 tokens at 2 bytes a number:

# %%
blocks, heads, head_dim, tokens = 18, 8, 256, 8192
for kv_heads in (1, heads):
    held = 2 * blocks * kv_heads * head_dim * tokens * 2
    print(f"heads of keys and values: {kv_heads}, cache {held / 1e9:.2f} GB")

# %% [markdown]
# ## Common mistakes
#
# **All texts are the same, though a sampler was given → its generator began anew each time.** A
# generator is made once, and goes on.

# %%
print({write(1, sampler(), "a")[0] for _ in range(5)})
once = sampler()
print({write(1, once, "a")[0] for _ in range(5)})

# %% [markdown]
# **The first token is right, then it goes wrong → with a cache, positions began anew.** The new token
# was read as if it stood at 0.


# %%
def continue_text(prompt, first_place):
    cache, written = KVCache(2), []
    new = torch.tensor([[tokenizer.start_id, *tokenizer.encode(prompt)]])
    while not written or written[-1] != tokenizer.end_id:
        places = torch.arange(new.shape[1]) + first_place(cache)
        x = model.features(model.embed(new), positions=places, cache=cache)
        new = model.logits(x[:, -1:]).argmax(dim=-1)  # (1, 1)
        written.append(new.item())
        if len(written) == 16:
            break
    return prompt + tokenizer.decode(written[:-1])


for prompt in ("there is a", "a red circle to the"):
    as_it_was = continue_text(prompt, lambda cache: cache.tokens)
    print("from where it was:", repr(as_it_was))
    print("from 0 each time: ", repr(continue_text(prompt, lambda cache: 0)))

# %% [markdown]
# Some texts show the mistake and others don't. So test a cache as above: by its logits.

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: the perplexity of each text
#
# `log_p`, shape $(b, t)$, holds the logarithm of the probability of each token, and `mask` is true at
# real tokens; what stands elsewhere means nothing. Return each text's perplexity, $(b)$: $e$ to minus
# the mean over its real tokens. (The check tries one text alone, texts of 1 to 200 tokens, padding on
# either side, and numbers of any size there.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Sum only over real tokens, divide by how many there are, and take `exp` at the end. A mean of
# perplexities of single tokens is another number.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "writing-perplexity", "schema_version": 3, "task": false}
def perplexity(log_p, mask):
    """Of each text: (b, t), (b, t) -> (b)."""
    ### BEGIN SOLUTION
    total = log_p.masked_fill(~mask, 0).sum(dim=1)
    return (-total / mask.sum(dim=1)).exp()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "writing-perplexity-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close


def perplexity_agrees(lengths, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    t = max(lengths) + padding
    mask = torch.arange(t) < torch.tensor(lengths)[:, None]
    log_p = -0.2 - 2 * torch.rand(len(lengths), t, generator=generator)
    log_p[~mask] = -1.7
    real = [
        row[counted] for row, counted in zip(log_p.double(), mask, strict=True)
    ]
    each = torch.stack([row.mean() for row in real])
    sums = torch.stack([row.sum() for row in real])
    mistakes = {
        "e to minus the mean: the sign": each.exp(),
        "that is the mean cost; take e to it": -each,
        "the mean over the real tokens, not the sum": (-sums).exp(),
        "padding is counted; use the mask": (-log_p.double().mean(dim=1)).exp(),
        "divide by how many tokens are real, not by all columns": (
            -sums / t
        ).exp(),
        "e to the mean, not the mean of e to each": torch.stack(
            [(-row).exp().mean() for row in real]
        ),
        "natural logarithms need e, not 2": 2.0**-each,
        "each text has its own; yours is that of the whole batch": (
            -torch.cat(real).mean()
        )
        .exp()
        .expand(len(lengths)),
        "divide by the number of real tokens, the first included": torch.stack(
            [(-row.sum() / max(len(row) - 1, 1)).exp() for row in real]
        ),
    }
    what = f"perplexity of texts of {lengths} tokens and {padding} more columns"
    close(
        ask(perplexity, log_p, mask),
        (-each).exp(),
        what,
        tolerance=1e-4,
        mistakes=mistakes,
    )


with check("The perplexity of each text"):
    for case in (([5, 3, 2], 1, 0), ([4, 6], 2, 1), ([2, 7, 3, 4], 3, 2)):
        perplexity_agrees(*case)
    perplexity_agrees([4], 1, 3)
    guess = torch.full((2, 3), 0.125).log()
    guess[1, 2] = -torch.inf
    real = torch.tensor([[True, True, True], [True, True, False]])
    close(ask(perplexity, guess, real), [8, 8], "perplexity of a guess among 8")
    long = torch.full((3, 200), 0.125).log()
    long[0, :150], long[1, 1:] = torch.inf, 0
    long[2], long[2, 7] = 0, -200  # all are sure but one
    real = torch.ones(3, 200).bool()
    real[0, :150] = real[1, 1:] = False
    what, want = (
        "perplexity of texts of 50, 1 and 200 tokens",
        [8, 8, 2.7182818],
    )
    close(ask(perplexity, long, real), want, what, tolerance=1e-4)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "writing-perplexity-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other lengths.
### BEGIN HIDDEN TESTS
with check("The perplexity of each text, other lengths"):
    for case in (([9, 2, 5], 2, 3), ([3], 4, 4)):
        perplexity_agrees(*case)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: top-p for a whole batch
#
# For each row of `p`, shape $(b, V)$, keep the fewest most probable tokens whose probabilities
# together reach `share`, at least one. Return what is drawn from, $(b, V)$: 0 for the others, each row
# summing to 1. (No two probabilities of a row are equal. The check tries shares from 0.1 to 1.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Sort each row, most probable first, and add up along it with `cumsum`. A token is kept if what the
# more probable ones reach *without it* is still below the share. Then put the numbers back where they
# came from: `scatter`, with the indices of the sort.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "writing-top-p", "schema_version": 3, "task": false}
def top_p(p, share):
    """Probabilities after the cut: (b, V) and a number -> (b, V)."""
    ### BEGIN SOLUTION
    ordered, tokens = p.sort(dim=1, descending=True)
    before = ordered.cumsum(dim=1) - ordered
    kept = ordered * (before < share)
    kept = kept / kept.sum(dim=1, keepdim=True)
    return torch.zeros_like(p).scatter(1, tokens, kept)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "writing-top-p-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

# exact in binary
p_2 = torch.tensor([[8.0, 32, 4, 2, 18], [3, 5, 40, 10, 6]]) / 64
cut_2 = torch.tensor([[0.0, 32, 0, 0, 18], [0, 0, 40, 10, 0]]) / 50
one_more = torch.tensor([[8.0, 32, 0, 0, 18], [0, 0, 40, 10, 6]])
top_p_mistakes = {
    "the rows no longer sum to 1; divide by what is left": cut_2 * 50 / 64,
    "the token with which the share is reached is kept, too": torch.tensor(
        [[0.0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    ),
    "one token too many is kept": one_more / one_more.sum(dim=1, keepdim=True),
    "the columns are in the order of the sort; put them back": cut_2.sort(
        dim=1, descending=True
    ).values,
    "return probabilities, not which tokens are kept": cut_2 > 0,
    "nothing is cut off (are the least probable taken first?)": p_2,
    "p holds probabilities already; no softmax": cut_2.masked_fill(cut_2 > 0, 0)
    + (p_2.masked_fill(cut_2 == 0, -torch.inf)).softmax(dim=1),
}


def slowly(p, share):
    rows = []
    for row in p.double().tolist():
        total, kept = 0.0, [0.0] * len(row)
        for token in sorted(range(len(row)), key=lambda k: -row[k]):
            if total < share:
                kept[token] = row[token]
                total += row[token]
        rows.append([value / sum(kept) for value in kept])
    return rows


with check("Top-p for a whole batch"):
    close(
        ask(top_p, p_2, 0.7), cut_2, "top_p(p_2, 0.7)", mistakes=top_p_mistakes
    )
    for b, V, share in ((3, 6, 0.9), (1, 4, 0.1), (5, 9, 0.5), (4, 12, 0.75)):
        generator = torch.Generator().manual_seed(V)
        many = (2 * torch.randn(b, V, generator=generator)).softmax(dim=1)
        close(
            ask(top_p, many, share),
            slowly(many, share),
            f"top_p of {b}×{V} at {share}",
        )
    close(ask(top_p, p_2, 1.0), p_2, "top_p(p_2, 1.0)")
    halves = torch.tensor([[0.25, 0.5, 0.125, 0.0625, 0.0625]])
    close(
        ask(top_p, halves, 0.5),
        [[0, 1, 0, 0, 0]],
        "top_p where one token is the share exactly",
    )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "writing-top-p-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches and shares.
### BEGIN HIDDEN TESTS
with check("Top-p for a whole batch, other batches"):
    for b, V, share in ((2, 30, 0.95), (7, 5, 0.3), (1, 2, 0.6)):
        generator = torch.Generator().manual_seed(b)
        many = (2 * torch.randn(b, V, generator=generator)).softmax(dim=1)
        close(
            ask(top_p, many, share),
            slowly(many, share),
            f"top_p of {b}×{V} at {share}",
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "hard"}
# ## Exercise: one token and a cache
#
# One head, one new token. Its `query`, `key` and `value`, $(d)$ each, are not yet turned. The cache
# holds the `keys`, already turned, and `values`, $(n, d)$ each, of the $n$ tokens before, at positions
# $0 \dots n-1$. Return what the new token gathers, $(d)$; scores are divided by $\sqrt d$, as always.
# You may use `rotary(x, positions)` of the last chapter, which takes $(b, h, t, d)$ and $(t)$. (The
# check tries several $n$, 0 among them, and scores in the hundreds. The cache itself stays as it is.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# At which position does the new token stand? It also looks at itself: its own key must be turned and
# joined to the others before scores are taken, its value as well.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "writing-cache", "schema_version": 3, "task": false}
def read_one(query, key, value, keys, values):
    """What a new token gathers: (d), (d), (d), (n, d), (n, d) -> (d)."""
    ### BEGIN SOLUTION
    place = torch.tensor([len(keys)])  # n tokens stand at 0 to n - 1
    query = rotary(query[None, None, None], place)[0, 0]  # (1, d)
    key = rotary(key[None, None, None], place)[0, 0]
    keys = torch.cat([keys, key])  # (n + 1, d)
    values = torch.cat([values, value[None]])
    scores = query @ keys.T / keys.shape[1] ** 0.5  # (1, n + 1)
    weights = scores.softmax(dim=1)
    return (weights @ values)[0]
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "writing-cache-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.language import rotary


def reading_agrees(n, d, size=2.0):
    draws = size * torch.randn(
        3, n + 1, d, generator=torch.Generator().manual_seed(10 * n + d)
    )

    def turned(x, positions):
        return rotary(x[None, None], positions)[0, 0]

    place = torch.tensor([n])
    Q, K, V = draws
    kept = turned(K[:n], torch.arange(n))

    def gathered(q_at=place, k_at=place, kept=kept, own=True, scale=d**0.5):
        q, k = turned(Q[n:], q_at), turned(K[n:], k_at)
        keys, values = (torch.cat([kept, k]), V) if own else (kept, V[:n])
        return ((q @ keys.T / scale).softmax(dim=1) @ values)[0]

    zero = torch.tensor([0])
    twice = turned(kept, torch.arange(n))
    mistakes = {
        "the new token stands at position n, behind n others, not at 0": gathered(
            zero, zero
        ),
        "the new token stands at position n; yours is one further": gathered(
            place + 1, place + 1
        ),
        "the new token stands at position n; yours is one before": gathered(
            place - 1, place - 1
        ),
        "the new key must be turned, too": gathered(k_at=zero),
        "the query must be turned, too": gathered(q_at=zero),
        "the keys of the cache are turned already; yours are turned twice": gathered(
            kept=twice
        ),
        "the new token also looks at itself": gathered(own=False)
        if n
        else V[n] + 1,
        "the new token looks at the others, too": V[n],
        "divide the scores by √d": gathered(scale=1.0),
        "divide the scores by √d, not by d": gathered(scale=d),
        "that is the mean; weigh by softmax of the scores": V.mean(dim=0),
    }
    what = f"read_one of d = {d} after {n} tokens"
    what += ", scores in the hundreds," if size > 2 else ""
    answer = ask(read_one, Q[n], K[n], V[n], kept, V[:n])
    close(
        answer,
        gathered(),
        what,
        tolerance=5e-5 * size,
        mistakes=mistakes if n else None,
    )


with check("One token and a cache"):
    for n, d in ((3, 6), (5, 8), (1, 2), (0, 4), (12, 6)):
        reading_agrees(n, d)
    reading_agrees(6, 4, 12.0)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "writing-cache-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other lengths and sizes.
### BEGIN HIDDEN TESTS
with check("One token and a cache, other lengths"):
    for n, d in ((2, 10), (30, 4), (7, 16)):
        reading_agrees(n, d)
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A model writes the same caption every time it is asked. Name two settings that do this, and one
# that doesn't.
#
# <details><summary>Answer</summary>
#
# Greedy choice, and `top_k=1`, which leaves one token to draw from. (A very small temperature comes
# near them. A generator that begins anew each time does it, too, but that is a mistake, not a setting.)
# `top_p=1` cuts nothing off, so it draws from all tokens. "Top-p 1 keeps one token" is wrong.
#
# </details>

# %% [markdown]
# **2.** May a model whose tokens all see each other, like BERT, use a KV cache?
#
# <details><summary>Answer</summary>
#
# No: a new token would change what the earlier ones gather, and so their keys and values in the next
# block. What is kept would be out of date. "Yes, but it saves less" is wrong.
#
# </details>

# %% [markdown]
# **3.** Two models have the perplexities 8 and 4 on the same texts. How many times more probable is a
# text of ten tokens to the second model?
#
# <details><summary>Answer</summary>
#
# $2^{10} = 1{,}024$ times: each token is twice as probable on (geometric) average. "Twice" is wrong:
# perplexity is a number for each token.
#
# </details>

# %% [markdown]
# ## What to remember
#
# - The probability of a text is a product over its tokens; perplexity is what it comes to for one token.
# - Greedy writing repeats itself; drawing brings variety and slips; temperature, top-k and top-p choose
#   between them, after training.
# - A KV cache keeps what the tokens before have already computed: the same text, sooner, for memory.
#
# Next: **how does a picture get in front of the words, so that the answer is no guess?** [A picture in
# front of the words](paligemma.ipynb) joins both halves of this book.

# %% [markdown]
# **Sources.** {cite:t}`holtzman2020nucleus`, §3.1: top-p, and why greedy texts are dull.
# {cite:t}`shazeer2019multiquery`, §3: one head of keys and values, and the cache that it is for.
# {cite:t}`gemma2024`, Table 1: the sizes.
