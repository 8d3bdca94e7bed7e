# ---
# jupyter:
#   chapter:
#     question: What does a larger batch buy, and how can a machine take one that doesn't fit into
#       its memory?
#     objectives:
#     - say what a larger batch was worth in a fair trial, at equal pairs and at equal time
#     - compute the loss and its gradient some rows at a time, equal to the whole
#     - train on a batch in parts by gradient caching, and say why adding up the losses of the parts
#       is something else
#     needs: [scale/sigmoid-loss]
#     minutes: 40
#     place: this is about how many pairs go through it at once
#     band: batches
#     builds: [clipbook.pairs.chunked_info_nce, clipbook.training.cached_backward]
# ---

# %% [markdown]
# # Large batches
#
# CLIP saw 32,768 pairs in every step ({cite:t}`radford2021clip`, table 18); SigLIP's authors tried a
# million. {question} The ways to cut up a batch here are exact: same loss, same gradients.

# %% [markdown]
# ## What a batch buys
#
# The trial of [the last chapter](sigmoid-loss.ipynb#a-fair-trial) has trained small models by
# InfoNCE with batches of 16 to 256. In one series all saw the same 10,240 pairs, in another all had
# as much *time* as batches of 64 take for them. Each size has the learning rate that was best for it
# on other pairs. The score is again the share found of 256, both ways. Predict the best size of each
# series, as far as three seeds can tell.

# %% mystnb={"image": {"alt": "The share found over the batch size: at equal pairs it is highest at 32 and at equal time at 64; both lines, nearly the same from there on, fall steeply towards 256."}}
import torch

from clipbook.figures import curves
from clipbook.pretrained import scale_trials

torch.set_num_threads(1)
trials = scale_trials()
series = {"equal pairs": trials["pairs"]["infonce"]}
series["equal time"] = trials["time"]
sizes = list(trials["time"])
found, lines = {}, {}
for name, by_size in series.items():
    found[name] = {
        n: torch.tensor([run["share"] for run in by_size[n].values()])
        for n in sizes
    }
    means = [found[name][n].mean() for n in sizes]
    lines[name] = [int(n) for n in sizes], means
curves(lines, across="batch size N", up="share found of 256", log="x")


# %%
# the mean of three seeds, and its 95 % interval by Student's t (4.30 for three)
def interval(values):
    return f"{values.mean():+.3f} ± {4.30 * values.std() / 3**0.5:.3f}"


print("   N     equal pairs, minus N = 64           equal time, minus N = 64")
for n in sizes:
    line = f"{n:>4}"
    for name, by_size in series.items():
        steps = next(iter(by_size[n].values()))["steps"]
        less = interval(found[name][n] - found[name]["64"])
        line += f"  {found[name][n].mean():.3f} {less:>15} {steps:4.0f} steps"
    print(line)

# %% [markdown]
# A larger batch has more negatives, but at equal pairs it means fewer steps. In runs as short as
# these, steps seem to be what is missing: 128 and 256 lose in both series, while 32 and 64 can't be
# told apart. At equal time 16 loses as well, for a step of 16 pairs takes more than a quarter of one
# of 64. So here the best batch is not the largest that fits. Of long runs the reverse is reported,
# up to a point: SigLIP gets better up to 32,768 pairs, and no better at a million
# ({cite:t}`zhai2023siglip`, §4). Then a batch must fit first.

# %% [markdown]
# ## What a batch costs
#
# A backward pass needs numbers that the forward pass has made, so PyTorch keeps them: the
# **activations**. We count the bytes that it keeps for our trained model's encoders, and for the
# loss of a grid. Predict: what happens to each when $N$ doubles?

# %%
import clipbook
from clipbook.image import normalise
from clipbook.pairs import info_nce
from clipbook.training import SceneBatches

model, tokenizer = clipbook.load("shapes")
pictures, token_ids, mask = SceneBatches(tokenizer, 128, seed=9, twins=0.7)[0]
pixels = normalise(pictures)  # (128, 3, 32, 32)


# %%
def kept(compute):
    """Megabytes kept for the backward pass, each tensor once, weights aside."""
    sizes = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held = compute()
    del held  # not before, so that no place in memory was used twice
    for weight in model.parameters():
        sizes.pop(weight.untyped_storage().data_ptr(), None)
    return sum(sizes.values()) / 1e6


# %%
def encode(n):
    texts = model.encode_text(token_ids[:n], mask[:n])
    return model.encode_image(pixels[:n]), texts


def free_embeddings(n, dim=64, dtype=torch.float32):  # random, of unit length
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2, n, dim, generator=generator, dtype=dtype)
    rows = torch.nn.functional.normalize(rows, dim=2)
    return [one.requires_grad_() for one in rows]


scale = torch.tensor(14.3, requires_grad=True)
for n in (32, 64, 128):
    images, texts = free_embeddings(n)
    grid = kept(lambda: info_nce(scale * (images @ texts.T)))  # noqa: B023
    encoders = kept(lambda: encode(n))  # noqa: B023
    print(f"N = {n:3}: encoders {encoders:6.2f} MB, grid {grid:.3f} MB")

# %% [markdown]
# The encoders' activations about double; what the loss keeps grows faster, ever nearer to fourfold.
# For the grid has $N^2$ cells, and is kept about three times, as logits, as similarities and as
# softmax. Small as it is here, it must overtake everything in the end. Has it, in our model, with
# 32,768 pairs, as many as CLIP's? Predict.

# %%
n, N = 2048, 32_768
images, texts = free_embeddings(n)
copies = kept(lambda: info_nce(scale * (images @ texts.T))) * 1e6 / (4 * n * n)
per_pair = kept(lambda: encode(128)) / 128
print(f"the grid is kept {copies:.1f} times")
encoders, grids = N * per_pair / 1e3, copies * 4 * N * N / 1e9
print(f"N = {N:,}: encoders {encoders:.1f} GB, grid {grids:.1f} GB")

# %% [markdown]
# Not quite. Each is more than many GPUs have, and the two need different remedies. The encoders'
# share grows with the model, too.

# %% [markdown]
# ## Some rows at a time
#
# Row $i$ of the grid needs embedding $I_i$ and all $T_j$, so a few rows can be made, used and
# thrown away. Only the *columns* must be summed over all rows. For that, column $j$ keeps its
# largest logit $m_j$ so far and, over the rows so far, the sum $z_j = \sum_i e^{L_{ij} - m_j}$. When a
# larger logit $m'_j$ comes, the old sum is multiplied by
#
# $$e^{m_j - m'_j}.$$
#
# This is the **online softmax**. Predict: how many *logits* are made at once for $N = 6$ and two
# rows at a time, and what is kept from one part to the next?


# %%
def column_sums(images, texts, scale, chunk):
    """Log-sum-exp of every column of the grid, (N,), without the grid."""
    m, z = torch.full((len(texts),), -torch.inf), torch.zeros(len(texts))
    for i in range(0, len(images), chunk):
        L = scale * images[i : i + chunk] @ texts.T  # (chunk, N)
        higher = torch.maximum(m, L.max(dim=0).values)
        z = z * (m - higher).exp() + (L - higher).exp().sum(dim=0)
        m = higher
    return m + z.log()


torch.set_printoptions(precision=3, sci_mode=False)
with torch.no_grad():
    images, texts = free_embeddings(6)
    print(column_sums(images, texts, 14.3, 2))
    print((14.3 * images @ texts.T).logsumexp(dim=0))

# %% [markdown]
# Twelve logits instead of 36, and two numbers for each column are kept. The log-sum-exps of rows and
# columns give the loss. Now [the gradient in the logits](../pairs/contrastive-loss.ipynb): it is
# $G = (P_\text{rows} + P_\text{columns} - 2E)/(2N)$, with $E$ the identity matrix, and both softmaxes
# follow from the same sums, $p = e^{L - \ell}$ with a row's or column's log-sum-exp $\ell$. So in the
# backward pass the rows are made *again*, a few at a time. A logit is $s\, I_i \cdot T_j$, so picture
# $i$ gets $\sum_j G_{ij}\, s\, T_j$, and caption $j$ likewise. (The scale gets
# $\sum_{ij} G_{ij}\, I_i \cdot T_j$; the package has it.)


# %%
def loss_and_gradients(images, texts, scale, chunk):
    N, columns = len(images), column_sums(images, texts, scale, chunk)
    loss = 0.0
    of_images = torch.empty_like(images)
    of_texts = torch.zeros_like(texts)
    for i in range(0, N, chunk):
        part = images[i : i + chunk]
        L = scale * part @ texts.T  # (chunk, N), made a second time
        rows = L.logsumexp(dim=1, keepdim=True)
        own = L.diagonal(i)  # row k of this part belongs to column i + k
        loss += (rows[:, 0] + columns[i : i + chunk] - 2 * own).sum() / (2 * N)
        in_logits = (L - rows).exp() + (L - columns).exp()
        in_logits.diagonal(i).sub_(2)
        of_images[i : i + chunk] = scale * in_logits @ texts / (2 * N)
        of_texts += scale * in_logits.T @ part / (2 * N)
    return loss, of_images, of_texts


# %% [markdown]
# Is it the same? We ask autograd, in numbers of 64 bits, and the package: `chunked_info_nce` does
# this in an `autograd.Function`, which is how PyTorch is told of a backward pass of our own.

# %%
from clipbook.pairs import chunked_info_nce

images, texts = free_embeddings(100, dtype=torch.float64)
fourteen = torch.tensor(14.3, dtype=torch.float64)
with torch.no_grad():
    by_hand = loss_and_gradients(images, texts, fourteen, chunk=32)
for name, loss in (
    ("plain", info_nce(fourteen * images @ texts.T)),
    ("package", chunked_info_nce(images, texts, fourteen, chunk=32)),
):
    expected = [loss, *torch.autograd.grad(loss, (images, texts))]
    worst = max(
        (a - b).abs().max() for a, b in zip(by_hand, expected, strict=True)
    )
    assert worst < 1e-6
    print(f"{name}: largest difference of loss and gradients {worst:.1e}")

# %% [markdown]
# The rows are multiplied out twice. Predict: is it slower than the plain loss, and by how much?

# %%
from time import process_time

N = 2048
images, texts = free_embeddings(N)
for name, compute in (
    ("plain", lambda: info_nce(scale * (images @ texts.T))),
    ("chunked", lambda: chunked_info_nce(images, texts, scale)),
):
    times = []
    for _ in range(5):
        began = process_time()
        compute().backward()
        times.append(process_time() - began)
    print(f"{name:7}: {min(times):.3f} s", end=", ")
    print(f"kept for the backward pass {kept(compute):5.1f} MB")

# %% [markdown]
# It is faster, perhaps because large grids needn't be written to memory and read again. `python -m
# bookkit.loss_bench` has measured InfoNCE and the sigmoid on one core with embeddings of 512 numbers,
# each in a process of its own: by how much its memory rose, and the processor's time, forward and
# backward. Predict the memory of plain InfoNCE at 16,384 pairs: three grids are kept, and the backward
# pass makes one more.

# %%
from clipbook.pretrained import loss_bench

bench = loss_bench()
for name, by_size in bench.items():
    for n, run_ in by_size.items():
        cost = f"{run_['MB']:7,.0f} MB {run_['seconds']:6.2f} s"
        print(f"{name:17} N = {int(n):6,}: {cost}")
largest = {name: bench[name]["16384"] for name in bench}
for loss in ("infonce", "sigmoid"):
    plain, chunked = largest[f"{loss}, plain"], largest[f"{loss}, chunked"]
    print(f"{loss}: {chunked['MB'] / plain['MB']:.1%} of the memory", end=", ")
    print(f"{chunked['seconds'] / plain['seconds']:.2f} of the time")

# %% [markdown]
# A grid of 16,384 pairs has 1.07 GB, so four have 4.3. Some rows at a time leave mostly the gradients
# of the embeddings. So CLIP's 32,768 pairs fit, too, whose plain grids would take four times as much.
#
# The sigmoid is simpler still. Its cells don't share sums, so nothing has to wait for a second
# pass: loss and gradient come out of the same few rows. That is also what makes it easy to spread
# over many machines.

# %% [markdown]
# ## Adding up parts is another loss
#
# Now the encoders. The usual remedy for a batch that doesn't fit is **gradient accumulation**: cut
# it into equal parts, call `backward` for each part's loss, divided by the number of parts, then step.
# For a loss that is a mean over single examples, this is exact. Predict whether it is for InfoNCE:
# 128 pairs, in four parts of 32.


# %%
def flat_gradient():
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    model.zero_grad()
    return gradient


def grid(rows):
    return model(pixels[rows], token_ids[rows], mask[rows])


# %%
whole = info_nce(grid(slice(0, 128)))
whole.backward()
of_whole = flat_gradient()
parts = [info_nce(grid(slice(k, k + 32))) / 4 for k in range(0, 128, 32)]
for part in parts:
    part.backward()
of_parts = flat_gradient()
alike = torch.nn.functional.cosine_similarity(of_whole, of_parts, dim=0)
print(f"loss of the whole {whole:.3f}, of the parts {sum(parts):.3f}")
print(
    f"lengths of the gradients {of_whole.norm():.2f}, "
    f"{of_parts.norm():.2f}; cosine {alike:.2f}"
)

# %% [markdown]
# It is another loss with another gradient: each picture met 31 wrong captions, not 127. Of the
# grid's 16 blocks of 32 × 32 the parts hold only the four on the diagonal. Adding up parts adds no
# negatives.

# %% [markdown]
# ## Gradient caching
#
# Yet the grid needs *embeddings* only, 128 numbers a pair. So GradCache ({cite:t}`gao2021gradcache`)
# goes through the encoders twice:
#
# 1. Encode part after part, without keeping activations. Keep the embeddings, $(N, 64)$ each.
# 2. Compute the loss over all of them, and its gradient in each embedding.
# 3. Encode part after part again, now with activations, and send its embeddings' gradients back.
#
# To go back, an encoder needs of the loss only its gradient in the embeddings: that is the chain rule.
# Predict how far loss and gradient are from those of the whole batch, and what it costs.


# %%
def embed(cut):
    texts = model.encode_text(token_ids[cut], mask[cut])
    return model.encode_image(pixels[cut]), texts


def backward_in_parts(part):
    cuts = [slice(k, k + part) for k in range(0, 128, part)]
    with torch.no_grad():  # 1
        parts = [embed(cut) for cut in cuts]
    images, texts = map(torch.cat, zip(*parts, strict=True))
    images.requires_grad_(), texts.requires_grad_()
    loss = info_nce(model.scale * images @ texts.T)  # 2
    loss.backward()
    for cut in cuts:  # 3
        gradients = [images.grad[cut], texts.grad[cut]]
        torch.autograd.backward(embed(cut), gradients)
    return loss.detach()


# %%
cached = backward_in_parts(32)
difference = (flat_gradient() - of_whole).norm() / of_whole.norm()
assert torch.isclose(cached, whole, atol=1e-5) and difference < 1e-4
print(
    f"loss {cached:.3f}; the gradient differs by {difference:.1e} of its length"
)

# %%
from functools import partial

from clipbook.training import cached_backward


def timed(step):
    step(), model.zero_grad()  # once to warm up
    began = process_time()
    step(), model.zero_grad()
    return process_time() - began


at_once = timed(lambda: info_nce(grid(slice(0, 128))).backward())
for part in (128, 32, 8):
    loss = cached_backward(model, pixels, token_ids, mask, part)
    assert torch.isclose(loss, whole, atol=1e-5)
    took = timed(partial(cached_backward, model, pixels, token_ids, mask, part))
    mb, times = kept(partial(encode, part)), took / at_once
    print(f"parts of {part:3}: {mb:5.1f} MB of activations", end=", ")
    print(f"{times:.2f} times the time")

# %% [markdown]
# The package's `cached_backward` does the same, with a part of the grid at a time as well;
# `TrainingConfig(micro_batch=64)` trains with it. The price is one more forward pass, and small parts
# use a processor badly. Two things must hold. An encoder must return the same both times: with
# dropout, the random numbers have to be repeated. And a picture's embedding must depend on nothing
# but the picture, which **batch norm** breaks: it would see the part in place of the batch.

# %%
cnn = clipbook.load("shapes-cnn")[0].train()
try:
    cached_backward(cnn, pixels, token_ids, mask, 32)
except ValueError as error:
    print(error)

# %% [markdown]
# ## Sixteen bits, and where not
#
# Half as many bits are half as much memory, and GPUs multiply them faster. **bfloat16** has
# the range of 32-bit numbers and 8 bits of precision, **float16** has 11 bits and ends at 65,504.
# Predict what the numbers around a logit of 50 are in either.

# %%
for dtype in (torch.bfloat16, torch.float16):
    steps = torch.arange(50, 50.6, 0.01).to(dtype).unique()
    print(f"{dtype}: {[round(x, 3) for x in steps[:6].tolist()]}")

# %% [markdown]
# In bfloat16 neighbours lie a quarter apart: from one to the next the odds of a choice grow by a
# factor of $e^{1/4} = 1.28$. We compute the trained model's grid at its own scale three ways: all in 32
# bits; the encoders in bfloat16, as `torch.autocast` does, and the grid in 32; and the reverse.
# Predict which suffers more from 16 bits.


# %%
def embeddings(half):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        rows = model.image_encoder(pixels), model.text_encoder(token_ids, mask)
    return [torch.nn.functional.normalize(one.float(), dim=1) for one in rows]


def in_logits(L):
    return (L.softmax(dim=1) + L.softmax(dim=0)).float() - 2 * torch.eye(len(L))


s = model.scale.detach()
exact, rough = embeddings(False), embeddings(True)
short = [one.bfloat16() for one in exact]
logits = s * exact[0] @ exact[1].T
ways = {"all in 32 bits": logits, "encoders in 16": s * rough[0] @ rough[1].T}
ways["grid in 16"] = s.bfloat16() * short[0] @ short[1].T
for name, L in ways.items():
    off = (in_logits(L) - in_logits(logits)).norm() / in_logits(logits).norm()
    print(
        f"{name:14}: loss {info_nce(L).item():.4f}, "
        f"gradient in the logits off by {off:.1%}"
    )

# %% [markdown] predict={"ask": "1,000 ones in bfloat16", "number": 256, "within": 1, "shown": "256.0"}
# A few hundredths each: in the gradient the encoders, in the loss the grid. The encoders are nearly
# all of the work, so there half the bits buy speed and memory; of the grid, some rows at a time, 32
# bits cost little. So our training keeps the norms of the embeddings, the scale and the grid in 32
# bits. Sums are the other danger. Predict what 1,000 ones add up to, one after the other, in
# bfloat16.

# %%
total = torch.zeros((), dtype=torch.bfloat16)
for _ in range(1000):
    total += 1
print(total.item())

# %% [markdown]
# Above 256, numbers with 8 bits of precision lie 2 apart, and adding 1 is rounded away. A column's sum
# over thousands of rows, some at a time, would lose rows in the same way. Add up in 32 bits.

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: what accumulation adds up
#
# Given the whole grid of a batch's logits, return the InfoNCE loss that plain gradient accumulation
# would work on, with parts of `part` consecutive pairs: the mean over all *pairs* of what each costs
# within its own part, half for its row and half for its column. The last part may be smaller (so
# it counts less than the others), and `part` may be larger than the batch.
# Logits may be in the hundreds.

# %% [markdown]
# <details><summary>Hint</summary>
#
# A part sees one block of the grid, on the diagonal: `logits[k : k + part, k : k + part]`. A part
# of 2 pairs counts for 2 in the mean over pairs, one of 3 for 3.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "accumulated-loss", "schema_version": 3, "task": false}
def accumulated_loss(logits, part):
    """Mean cost of a pair within its own part.

    (N, N), whole number -> one number.
    """
    ### BEGIN SOLUTION
    N, total = len(logits), 0.0
    for k in range(0, N, part):
        block = logits[k : k + part, k : k + part]
        both = block.logsumexp(dim=0) + block.logsumexp(dim=1)
        total += (both / 2 - block.diagonal()).sum()
    return total / N
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "accumulated-loss-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce


def accumulated(logits, part):
    cuts = [slice(k, k + part) for k in range(0, len(logits), part)]
    return sum(info_nce(logits[c, c]) * len(logits[c]) for c in cuts) / len(
        logits
    )


logits_5 = 3 * torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
want_5 = accumulated(logits_5, 2)
blocks = [logits_5[0:2, 0:2], logits_5[2:4, 2:4], logits_5[4:, 4:]]
costs = [info_nce(block) for block in blocks]
rows_only = sum((b.logsumexp(dim=1) - b.diagonal()).sum() for b in blocks) / 5
columns_only = (
    sum((b.logsumexp(dim=0) - b.diagonal()).sum() for b in blocks) / 5
)
wide = [
    logits_5[k : k + 2].logsumexp(dim=1) - logits_5.diagonal()[k : k + 2]
    for k in (0, 2, 4)
]
mistakes = {
    "a pair of a part meets only the captions of that part": info_nce(logits_5),
    "the mean over pairs: a part of 1 pair counts for less than one of 2": sum(
        costs
    )
    / 3,
    "the mean over pairs, not the sum of the parts' losses": sum(costs),
    "the last part counts, too, though it is smaller": sum(costs[:2]) / 2,
    "the sum over pairs is to be divided by their number": 5 * want_5,
    "captions choose, too: columns count as much as rows": rows_only,
    "pictures choose, too: rows count as much as columns": columns_only,
    "a part's captions are its own, too: cut the columns as well as the rows": torch.cat(
        wide
    ).mean(),
    "parts of `part` pairs, not that many parts": accumulated(logits_5, 3),
}
questions = []
for N, part in ((1, 1), (6, 3), (7, 3), (12, 5), (4, 9), (8, 1)):
    many = 4 * torch.randn(N, N, generator=torch.Generator().manual_seed(N))
    what = f"{N} pairs in parts of {part}"
    questions.append((many, part, accumulated(many, part), what))
many = 50 * many  # of the last N
what = "8 pairs in parts of 2, logits in the hundreds,"
questions.append((many, 2, accumulated(many, 2), what))
with check("What accumulation adds up"):
    close(
        ask(accumulated_loss, logits_5, 2),
        want_5,
        "accumulated_loss(logits_5, 2)",
        mistakes=mistakes,
    )
    for many, part, want, what in questions:
        rough = 1e-3 if "hundreds" in what else 1e-5
        got = ask(accumulated_loss, many, part)
        close(got, want, what, tolerance=rough)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "accumulated-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce

with check("What accumulation adds up, other sizes"):
    for N, part in ((30, 7), (3, 2), (16, 16), (50, 24)):
        many = 4 * torch.randn(
            N, N, generator=torch.Generator().manual_seed(N + 1)
        )
        cuts = [slice(k, k + part) for k in range(0, N, part)]
        want = sum(info_nce(many[c, c]) * len(many[c]) for c in cuts) / N
        close(
            ask(accumulated_loss, many, part),
            want,
            f"{N} pairs in parts of {part}",
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: a log-sum-exp that never sees it all
#
# `chunks` is a list of tensors of shape (numbers,), each of any length from 1. Return the
# log-sum-exp of all numbers together, as if they stood in one tensor, while looking at one chunk at
# a time. The numbers may lie anywhere from −1,000 to 1,000, and the check refuses `torch.cat`,
# `torch.stack` and their like.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Keep the largest number so far, $m$, and $z$, the sum of $e^{x - m}$. For a chunk with a larger
# one, $m'$: first $z \leftarrow z\, e^{m - m'}$, then add the chunk's own $e^{x - m'}$. Begin with
# $m = -\infty$ and $z = 0$. Or keep the log-sum-exp itself: what is that of two log-sum-exps?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "streamed-sum", "schema_version": 3, "task": false}
def streamed_log_sum_exp(chunks):
    """Log-sum-exp of all numbers of all chunks.

    List of (numbers,) -> one number.
    """
    ### BEGIN SOLUTION
    m, z = torch.tensor(-torch.inf), torch.tensor(0.0)
    for chunk in chunks:
        higher = torch.maximum(m, chunk.max())
        z = z * (m - higher).exp() + (chunk - higher).exp().sum()
        m = higher
    return m + z.log()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "streamed-sum-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, numbers, without

three = [
    torch.tensor([1.0, 2.0]),
    torch.tensor([4.0, 3.5]),
    torch.tensor([0.5, 3.0, -1.0]),
]
joined = torch.cat(three)
parts_3 = torch.stack([one.logsumexp(dim=0) for one in three])
unmoved, top = 0.0, torch.tensor(-torch.inf)
for one in three:  # what was summed isn't made smaller when the largest grows
    top = torch.maximum(top, one.max())
    unmoved += (one - top).exp().sum()
mistakes = {
    "log-sum-exps can't be added; their powers can": parts_3.sum(),
    "the log-sum-exp of all, not the largest of the chunks'": parts_3.max(),
    "the log-sum-exp of all, not the mean of the chunks'": parts_3.mean(),
    "all chunks count, not the last alone": parts_3[-1],
    "all chunks count, not the first alone": parts_3[0],
    "the largest number is not the log-sum-exp": joined.max(),
    "when the largest grows, what was summed so far must shrink": top
    + unmoved.log(),
    "add the largest back at the end": (joined - joined.max())
    .exp()
    .sum()
    .log(),
    "the logarithm is missing": joined.exp().sum(),
    "the logarithm of the sum, not of the mean": joined.logsumexp(dim=0)
    - torch.tensor(7.0).log(),
}
questions = []
for kind in ("ordinary", "rising", "falling"):
    many = 300 * torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    order = {
        "ordinary": many[:, 0] * 0,
        "rising": many[:, 0],
        "falling": -many[:, 0],
    }[kind]
    rows = list(many[order.argsort()].clamp(-1000, 1000))
    questions.append(
        (rows, torch.cat(rows).logsumexp(dim=0), f"{kind} chunks up to ±1,000")
    )
far = [torch.tensor([-900.0, -901]), torch.tensor([-950.0])]
questions.append((far, torch.cat(far).logsumexp(dim=0), "chunks far below 0"))
joins = [torch.cat, torch.concat, torch.concatenate, torch.stack]
joins += [torch.hstack, torch.vstack, torch.column_stack]
with check("A log-sum-exp that never sees it all"), without(*joins):
    close(
        ask(streamed_log_sum_exp, three),
        joined.logsumexp(dim=0),
        "that of three chunks",
        mistakes=mistakes,
    )
    for rows, want, kind in questions:
        got = ask(streamed_log_sum_exp, rows)
        assert not numbers(got, kind).isneginf().any(), (
            f"that of {kind} is -inf, as all powers became 0; "
            "subtract the largest number so far, though it is far below 0"
        )
        finite = numbers(got, kind).isfinite().all()
        assert finite, (
            f"that of {kind} is not finite; no power may have an exponent above 0"
        )
        close(got, want, f"that of {kind}", tolerance=1e-3)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "streamed-sum-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: many chunks, one chunk, equal numbers.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close, without

draw = torch.Generator().manual_seed(5)
cases = {
    "200 chunks": list(torch.randn(200, 3, generator=draw)),
    "one number": [torch.tensor([-7.0])],
}
cases["equal numbers"] = [torch.full((k,), 5.0) for k in (4, 1, 3)]
wants = {name: torch.cat(rows).logsumexp(dim=0) for name, rows in cases.items()}
joins = [torch.cat, torch.concat, torch.concatenate, torch.stack]
joins += [torch.hstack, torch.vstack, torch.column_stack]
with check("A log-sum-exp of other chunks"), without(*joins):
    for name, rows in cases.items():
        close(
            ask(streamed_log_sum_exp, rows),
            wants[name],
            f"that of {name}",
            tolerance=1e-4,
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the largest batch
#
# A machine has `memory` bytes left for a batch. A pair's activations take `per_pair` bytes; a logit
# takes 4 bytes, and the grid is kept three times. Return the largest number of pairs that fits, a
# whole number: with the plain loss where `chunk` is `None`, else with `chunk` rows of the grid at a
# time, which are there three times as well. There are never more rows than pairs.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write down the bytes of $N$ pairs, $\min(\text{chunk}, N)$ rows included. They grow with $N$, so
# try $N = 1, 2, 4, \dots$ until one doesn't fit, then halve the gap; or solve the equation, and
# round *down*.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "largest-batch", "schema_version": 3, "task": false}
def largest_batch(memory, per_pair, chunk=None):
    """Pairs that fit.

    Bytes, bytes a pair, rows of the grid or None -> a whole number.
    """

    ### BEGIN SOLUTION
    def fits(N):
        rows = N if chunk is None else min(chunk, N)
        return per_pair * N + 3 * 4 * rows * N <= memory

    high = 1
    while fits(high):
        high *= 2
    low = high // 2  # fits, or is 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "largest-batch-check", "schema_version": 3, "task": false}
from math import isqrt

from clipbook.exercises import ask, check, close


def fitting(memory, per_pair, chunk=None):
    # of 12 N² + per_pair N = memory
    square = (isqrt(per_pair**2 + 48 * memory) - per_pair) // 24
    if chunk is None or square <= chunk:
        return square
    return max(chunk, memory // (per_pair + 12 * chunk))


GB = 10**9
once = (isqrt(500_000**2 + 16 * 16 * GB) - 500_000) // 8
mistakes = {
    "the grid is kept three times": once,
    "the grid needs room, too": 16 * GB // 500_000,
    "the activations need room, too": isqrt(16 * GB // 12),
    "a logit takes 4 bytes": (isqrt(500_000**2 + 24 * 16 * GB) - 500_000) // 12,
    "round down: one pair more doesn't fit": fitting(16 * GB, 500_000) + 1,
    "round down to a whole number": (
        (500_000**2 + 48 * 16 * GB) ** 0.5 - 500_000
    )
    / 24,
    "that many don't fit": 2**15,
    "a power of 2 needn't be the largest": 2**14,
}
cases = [
    (16 * GB, 500_000, None),
    (16 * GB, 500_000, 256),
    (GB, 100, None),
    (GB, 100, 1),
]
cases += [
    (1_000, 10, 5),
    (1_000, 10, 50),
    (50, 100, None),
    (112, 100, None),
    (99, 100, 4),
]
cases += [(12_345_678, 0, 7), (10_000, 4_000, None)]
with check("The largest batch"):
    got = ask(largest_batch, 16 * GB, 500_000)
    close(
        got,
        fitting(16 * GB, 500_000),
        "largest_batch(16 GB, 0.5 MB a pair)",
        mistakes=mistakes,
    )
    for memory, per_pair, chunk in cases:
        want, what = (
            fitting(memory, per_pair, chunk),
            f"largest_batch({memory:,}, {per_pair:,}, {chunk})",
        )
        close(
            ask(largest_batch, memory, per_pair, chunk),
            want,
            what,
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "largest-batch-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other machines.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("The largest batch, other machines"):
    for memory, per_pair, chunk in (
        (5_000, 37, None),
        (5_000, 37, 3),
        (99_999, 123, 64),
        (7_777, 1, 30),
    ):
        want = 0
        while (want + 1) * (
            per_pair + 12 * min(chunk or want + 1, want + 1)
        ) <= memory:
            want += 1
        got = ask(largest_batch, memory, per_pair, chunk)
        close(
            got,
            want,
            f"largest_batch({memory:,}, {per_pair}, {chunk})",
        )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A run accumulates over 8 parts of 64 and reports a loss of 0.9. Another with 512 pairs at
# once reports 1.6. Is the first one better?
#
# <details><summary>Answer</summary>
#
# The losses can't tell: the first is among 64, the second among 512. Nor are they the same
# training: the first has never met the negatives between its parts. "Eight times 64 is 512" counts
# pairs, not cells: $8 \cdot 64^2$ is an eighth of $512^2$.
#
# </details>

# %% [markdown]
# **2.** We compute the loss some rows at a time, and still run out of memory when the batch doubles.
# What is left to do?
#
# <details><summary>Answer</summary>
#
# The grid is small now; the encoders' activations have doubled. Gradient caching keeps those of a
# part only, for a forward pass more. "Smaller chunks" would save what isn't the problem.
#
# </details>

# %% [markdown]
# **3.** Two batches of 256 by gradient caching, in parts of 32 and of 64: which one trains better?
#
# <details><summary>Answer</summary>
#
# Neither: the parts decide memory and time, not the loss. "Larger parts have more negatives" is
# true of accumulation, where each part has a loss of its own.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the loss of a batch some rows at a time, and the encoders' gradients in parts:
# exact.
#
# - Activations grow with $N$, the grid with $N^2$. What is thrown away is made again, for some time.
# - Plain accumulation is a loss of smaller batches; gradient caching is that of the whole.
# - Sixteen bits are for the encoders. Norms, scale, grid and sums stay in 32.
#
# Next: **how do many machines share one batch?**

# %% [markdown]
# **Sources.** Batch sizes: {cite:t}`radford2021clip`, table 18; {cite:t}`zhai2023siglip`, §4.
# Making again what isn't kept, or *gradient checkpointing*: {cite:t}`chen2016checkpointing`. Online
# softmax: {cite:t}`milakov2018online`. Gradient caching: {cite:t}`gao2021gradcache`, §3.
