# ---
# jupyter:
#   chapter:
#     question: How do many machines train one model on one batch, and where do they get their pairs?
#     objectives:
#     - say which embeddings and which gradients each process needs, and by how much three shortcuts
#       are wrong
#     - compute one loss by several real processes, equal to that of one
#     - read pairs from shards, each process its own, and go on where a run was stopped
#     needs: [scale/large-batches]
#     minutes: 37
#     place: several machines run all of it, each with its share of the pairs
#     band: machines
#     builds: [clipbook.training.ShardBatches]
# ---

# %% [markdown]
# # Many machines
#
# CLIP's largest ViT was trained on 256 GPUs at once ({cite:t}`radford2021clip`, §2.5). {question}
# Each GPU is driven by a process of its own. We let four processes share a batch, first on paper and
# then for real, all on one machine, and give each its own pairs.

# %% [markdown]
# ## Who holds what
#
# **Data parallel** training gives every process a copy of the model and a share of the pairs. After
# each step's backward pass the processes average their gradients, so all copies stay equal. For a
# loss that is a mean over examples nothing else is needed. Ours has a grid: with $N = 8$ pairs and
# $M = 4$ processes, each one has two pictures and two captions. Which process can compute which
# cell, if it knows its own pairs only? The number is the process's; −1 is nobody.

# %% mystnb={"image": {"alt": "An eight by eight grid in blocks of two by two: only the four blocks on the diagonal belong to a process, the twelve others to nobody."}}
import torch

from clipbook.figures import number_grid

torch.set_num_threads(1)
N, M = 8, 4
share_of = torch.arange(N) // (N // M)  # which process has pair i
alone = torch.where(share_of[:, None] == share_of, share_of, -1)  # (8, 8)
number_grid(alone, lines=N // M)

# %% [markdown]
# Most of the grid is nobody's, so most negatives are lost: it would be the loss of [accumulated
# parts](large-batches.ipynb#adding-up-parts-is-another-loss). But embeddings are small. If each
# process sends its own to all others, which is called **all-gather**, process $k$ can compute its
# *rows*, its pictures with all captions, and its *columns* likewise. Predict: how many numbers does
# a process receive, for CLIP's 32,768 pairs and embeddings of 768 numbers, on 256 GPUs?

# %%
pairs, width, gpus = 32_768, 768, 256
received = 2 * (pairs - pairs // gpus) * width
millions, rows = received / 1e6, pairs // gpus
print(f"{millions:.0f} million numbers, {2 * millions:.0f} MB in 16 bits")
print(f"its rows: {rows} × {pairs:,} logits, {4 * rows * pairs / 1e6:.0f} MB")
print(f"the whole grid: {4 * pairs**2 / 1e9:.1f} GB")

# %% [markdown]
# So a process makes 1/256 of the grid, and its columns, which are as many logits again. It computes
# the cost of its own pictures' and its own captions' choices, and takes their mean. The mean over the processes should be the loss of the whole batch. We pretend to be all four
# of them, with 128 pairs and the trained model's embeddings.

# %%
import clipbook
from clipbook.image import normalise
from clipbook.pairs import info_nce
from clipbook.training import SceneBatches

model, tokenizer = clipbook.load("shapes")
pictures, token_ids, mask = SceneBatches(tokenizer, 128, seed=9, twins=0.7)[0]
pixels, N = normalise(pictures), 128
shares = [slice(k * N // M, (k + 1) * N // M) for k in range(M)]


def own_choices(images, texts, all_images, all_texts, own):
    """Own pictures among all captions, own captions among all pictures."""
    cross_entropy = torch.nn.functional.cross_entropy
    right = torch.arange(N)[own]  # where its own stand among all
    to_texts = cross_entropy(model.scale * images @ all_texts.T, right)
    to_images = cross_entropy(model.scale * texts @ all_images.T, right)
    return (to_texts + to_images) / 2


# %%
def encode():
    return model.encode_image(pixels), model.encode_text(token_ids, mask)


with torch.no_grad():
    images, texts = encode()
    parts = [own_choices(images[k], texts[k], images, texts, k) for k in shares]
    whole = info_nce(model.scale * images @ texts.T)
print("each process:", [round(part.item(), 4) for part in parts])
print(f"their mean {sum(parts) / M:.4f}, the whole batch {whole:.4f}")
assert torch.isclose(sum(parts) / M, whole, atol=1e-5)

# %% [markdown] predict={"ask": "Right in direction, too short", "choices": ["constants", "whole, constants", "no gather"], "right": "whole, constants", "shown": "whole, constants : length 0.250, cosine 1.000"}
# ## Whose gradients?
#
# A caption of process 1 stands in the rows of *all* processes. Each of their losses has a gradient
# in it, which only process 1 can send on through its encoder. PyTorch's plain `all_gather` moves
# numbers, not gradients: what arrives is a constant. Four ways to go on, each followed by averaging
# over the processes:
#
# - **exact**: gradients are sent back to the process whose embeddings they are in
# - **constants**: own rows and columns as above; what came from others is a constant
# - **whole, constants**: each process computes the loss of the whole grid, others' embeddings
#   constant
# - **no gather**: each process knows its own pairs alone
#
# Predict: which gradient points the right way, and which has the right length?


# %%
def flat(losses):
    """Gradient in all weights of the mean of the processes' losses."""
    model.zero_grad()
    (sum(losses) / M).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def as_constants(rows, own):  # all rows, gradients in one's own only
    mixed = rows.detach().clone()
    mixed[own] = rows[own]
    return mixed


def all_four(one_process):
    images, texts = encode()
    return flat([one_process(images, texts, own) for own in shares])


# %%
def constants(images, texts, own):
    everyone = as_constants(images, own), as_constants(texts, own)
    return own_choices(images[own], texts[own], *everyone, own)


def whole_constants(images, texts, own):
    images, texts = as_constants(images, own), as_constants(texts, own)
    return info_nce(model.scale * images @ texts.T)


# %%
def exact(images, texts, own):
    return own_choices(images[own], texts[own], images, texts, own)


def no_gather(images, texts, own):
    return info_nce(model.scale * images[own] @ texts[own].T)


ways = {"exact": exact, "constants": constants}
ways |= {"whole, constants": whole_constants, "no gather": no_gather}
images, texts = encode()
# one process with the whole batch
right = flat([M * info_nce(model.scale * images @ texts.T)])
for name, way in ways.items():
    got = all_four(way)
    alike = torch.nn.functional.cosine_similarity(got, right, dim=0)
    off = (got - right).norm() / right.norm()
    length = got.norm() / right.norm()
    print(f"{name:17}: length {length:.3f}, cosine {alike:.3f}", end=", ")
    print(f"off by {off:.1e}")

# %% [markdown]
# Only the first is the gradient of one large machine. *Constants* lacks what other processes' rows
# say of its embeddings: an error half as long as the whole gradient. *Whole, constants* has the
# right direction, for a loss of the whole grid gives each own embedding its full gradient. But each
# process gives only the part of its own share, so the mean over $M$ of them is $M$ times too small
# (all but the scale's, which each process has whole). *No gather* is the loss of small batches.

# %% [markdown]
# ## A ring for the sigmoid
#
# The sigmoid's cells don't share sums, so a process needn't have all captions at once. Each
# computes the block of its pictures with its own captions, then hands these captions to its
# right-hand neighbour (the last process to process 0) and takes those of its left. After $M - 1$
# moves it has seen all of them ({cite:t}`zhai2023siglip`, §3.3). Gradients of captions go back the
# same way. Predict whose captions process 0 holds after one, two and three moves.

# %%
from clipbook.pairs import sigmoid_loss

scale, bias = torch.tensor(10.0), torch.tensor(-3.0)
images, texts = images.detach(), texts.detach()
total = 0.0
for k, own in enumerate(shares):
    held = [(k - moves) % M for moves in range(M)]
    print(f"process {k} holds the captions of {held}")
    for other in held:
        block = scale * images[own] @ texts[shares[other]].T + bias  # (32, 32)
        true = torch.eye(N // M, dtype=torch.bool) & (other == k)
        # the mean over its pictures, then over processes
        total += sigmoid_loss(block, true) / M
whole = sigmoid_loss(scale * images @ texts.T + bias)
assert torch.isclose(total, whole, rtol=1e-5)
print(f"in blocks {total:.4f}, the whole grid {whole:.4f}")

# %% [markdown]
# ## Real processes
#
# **torchrun** starts a program several times and tells each copy its number, its **rank**;
# `torch.distributed` lets them exchange numbers, here through a library called *gloo*, between GPUs
# through *nccl*. We write such a program, in three pieces. First the gather, with the way back that
# plain `all_gather` lacks: each process adds up the gradients of all in its rows.

# %%
gather = """
import torch, torch.distributed as dist
from torch.nn.functional import cross_entropy, normalize

class Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        M = dist.get_world_size()  # how many processes
        all_rows = [torch.empty_like(rows) for _ in range(M)]
        dist.all_gather(all_rows, rows)
        return torch.cat(all_rows)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)  # in each, the sum over all processes
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
"""

# %% [markdown]
# Then its share of eight made-up pairs, encoded by two small matrices, and the loss. Every process
# draws the same pairs and weights. At the end the gradients are averaged, and one process prints the
# loss, the length of one matrix's gradient, and one number that depends on every entry of both.

# %%
loss = """
dist.init_process_group("gloo")
rank, processes = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
X, Y = torch.randn(8, 5).double(), torch.randn(8, 7).double()
W, V = (torch.randn(n, 4).double().requires_grad_() for n in (5, 7))
own = slice(rank * 8 // processes, (rank + 1) * 8 // processes)
I, T = normalize(X[own] @ W, dim=1), normalize(Y[own] @ V, dim=1)
right = torch.arange(8)[own]
to_texts = cross_entropy(5 * I @ Gather.apply(T).T, right)
loss = (to_texts + cross_entropy(5 * T @ Gather.apply(I).T, right)) / 2
loss.backward()
"""

# %%
average = """
for value in (W.grad, V.grad, loss.detach_()):
    dist.all_reduce(value)
both = torch.cat([W.grad, V.grad]) / processes  # (12, 4)
probe = torch.linspace(-1, 1, both.numel()).double() @ both.flatten()
if rank == 0:
    length = W.grad.norm() / processes
    print(f"{loss / processes:.9f} {length:.9f} {probe:.9f}")
dist.destroy_process_group()
"""

# %%
import os
import subprocess
from pathlib import Path
from tempfile import mkdtemp

script = Path(mkdtemp()) / "share.py"
script.write_text(gather + loss + average, encoding="utf-8")


def torchrun(processes):  # what the command torchrun does, from a notebook
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), str(script)]
    quiet = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=quiet, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()[-3:]]


# %%
said = {processes: torchrun(processes) for processes in (1, 2, 4)}
for processes, (value, length, probe) in said.items():
    print(f"processes: {processes}, loss {value:.9f}", end=", ")
    print(f"length of a gradient {length:.9f}, of both {probe:.9f}")
for k in (2, 4):
    assert all(abs(a - b) < 1e-8 for a, b in zip(said[k], said[1], strict=True))

# %% [markdown]
# The same to eight decimals. The package's training does this whenever torchrun has started it, with
# PyTorch's `DistributedDataParallel` for the average:
#
#     torchrun --nproc-per-node 2 -m clipbook.training --preset shapes --out runs/shared
#
# Every process makes the same batch and takes its share, so no pair is seen twice. One writes the
# checkpoints. If a process dies, the same command goes on from the last checkpoint, to the weights
# of a run that was never stopped. It refuses another number of processes: their sums would be
# rounded otherwise.

# %% [markdown]
# ## Pairs in shards
#
# So far every process made all pairs and used its share. Real pairs lie in files, and millions of
# small files are slow to list, to copy and to open in a random order. So they are packed into
# **shards**, tar files that are read from beginning to end ({cite:t}`aizman2019webdataset`). We make
# 48 pairs, to be packed eight to a shard, and then damage one picture: what becomes of it?

# %%
import json

from clipbook.scenes import render, sample_pairs
from clipbook.streams import stream
from clipbook.training import pack_shards, read_pairs

home = Path(mkdtemp())
scenes, captions = sample_pairs(48, stream("many machines: pairs"))
for k, scene in enumerate(scenes):
    render(scene).save(home / f"{k}.png")
rows = [
    json.dumps({"picture": f"{k}.png", "caption": caption})
    for k, caption in enumerate(captions)
]
(home / "captions.jsonl").write_text("\n".join(rows), encoding="utf-8")
pairs, _ = read_pairs(home)
(home / "13.png").write_bytes((home / "13.png").read_bytes()[:50])
first = pairs[0]
print(f"{len(pairs)} pairs, such as {first.picture.name}: {first.caption}")

# %% [markdown]
# Packing names what can't be read, packs it all the same, and goes on. The package *webdataset*
# reads such shards later; we install it where it is missing.

# %%
import importlib.util

if importlib.util.find_spec("webdataset") is None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "webdataset"]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()
(problem,) = pack_shards(pairs, home / "shards", 8)
print(problem[:77], "…")
paths = sorted((home / "shards").glob("*.tar"))

# %% [markdown]
# Within a shard the files of a pair have the same name but for the ending, `000000017.png` and
# `000000017.txt`, and stand one after the other. That is all of WebDataset's layout. Reading by
# hand, forwards only:


# %%
import tarfile


def read(path):
    pair = {"name": None}
    with tarfile.open(path, "r|") as tar:  # "|": a stream, never goes back
        for file in tar:
            name, ending = file.name.split(".")
            pair = pair if pair["name"] == name else {"name": name}
            pair[ending] = tar.extractfile(file).read()
            if {"png", "txt"} <= pair.keys():
                yield pair


first_two = list(read(paths[0]))[:2]
print([(pair["name"][-2:], pair["txt"].decode()) for pair in first_two])

# %% [markdown]
# Each pass should have another order, and a file that is read forwards has one only. Two things
# help: the shards come in a random order, and pairs wait in a **shuffle buffer**: when a pair comes
# in, a random one leaves. Predict: with a buffer of 12, which pair of a file can be the first to
# come out?


# %%
def shuffled(pairs, buffer, rng):
    waiting = []
    for pair in pairs:
        waiting.append(pair)
        if len(waiting) > buffer:
            yield waiting.pop(rng.integers(len(waiting)))
    while waiting:
        yield waiting.pop(rng.integers(len(waiting)))


for size in (0, 12, 48):
    order = list(shuffled(range(48), size, stream("buffer")))
    print(f"a buffer of {size:2}:", order[:12])

# %% [markdown]
# One of the first thirteen. And the processes? Each takes every $M$-th shard of the pass's order,
# so no pair is in two shares, and none opens another's files. A pass ends for all when one of them
# can't fill its share of a batch.

# %%
order = stream("many machines: order").permutation(len(paths))
own = [
    [pair["name"] for k in order[n::2] for pair in read(paths[k])]
    for n in range(2)
]
for n, names in enumerate(own):
    print(f"process {n}: shards {order[n::2]}", end=", ")
    print(f"{len(names)} pairs, the first {names[0]}")
assert not set(own[0]) & set(own[1]) and len({*own[0], *own[1]}) == 48

# %% [markdown]
# All of it is drawn from the seed. So a run that was stopped reads its pass once more from the
# beginning, without decoding a picture until it is where it was: the stop repeats no pair and skips
# none. The package's batches do this. They also leave out what can't be read, which our reading by
# hand never noticed. Batches of 8 from 47 pairs: five a pass, so the last two of these seven are of
# the second.

# %%
from clipbook.training import ShardBatches, read_shards

shards, problems = read_shards(home / "shards")
assert sum(shard.pairs for shard in shards) == 47 and len(problems) == 1
batches = ShardBatches(shards, tokenizer, 8, seed=1, buffer=12)
in_order = [batches[k] for k in range(7)]
goes_on = ShardBatches(shards, tokenizer, 8, seed=1, buffer=12)  # after a stop
for a, b in zip(goes_on[6], in_order[6], strict=True):
    assert torch.equal(a, b)

print(problems[0].partition(": ")[0])
print(f"{sum(shard.pairs for shard in shards)} of 48 pairs can be read")

# %% [markdown]
# What do shards cost and save? `python -m bookkit.loader_bench` has read a pass through pictures of
# 64 px, from a folder and from shards, on one core, not counting the wait for a disk.

# %%
from clipbook.pretrained import loader_bench

for kind, by_count in loader_bench().items():
    for count, run in by_count.items():
        speed, opening = run["pairs a second"], run["seconds to open"]
        print(
            f"{kind:6} {int(count):7,} pairs: {speed:5,.0f} a second", end=", "
        )
        print(f"{run['MB']:3.0f} MB, {opening:5.1f} s before the first")

# %% [markdown]
# Shards take more of a core. But neither the memory nor the time before the first batch grows with
# the number of pairs, since no list of all pairs is made. Reading in order should pay on a slow or
# a remote disk, which this didn't measure. In the shell, where packing shuffles the pairs first:
#
#     python -m clipbook.training.pack my-pairs my-shards
#     torchrun --nproc-per-node 2 -m clipbook.training --preset shapes --shards my-shards --out runs/mine

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the loss of one process
#
# All embeddings have been gathered: `images` and `texts`, shape (N, dim) each, rows of unit length,
# in the order of the processes. Return the loss of process `number` at the given scale, a mean over
# its own pairs: its pictures choose among all captions, its captions among all pictures, and both
# count a half. `processes` divides N. The check tries scales up to 1,000.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Its pairs are those from `number * n` on, with `n = N // processes`. Its own caption stands in
# column `number * n + i` of its row `i`, not in column `i`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "process-loss", "schema_version": 3, "task": false}
def process_loss(images, texts, scale, processes, number):
    """Mean cost of a process's choices: (N, dim), (N, dim) -> one number."""
    ### BEGIN SOLUTION
    n = len(images) // processes
    own = slice(number * n, (number + 1) * n)
    to_texts = scale * images[own] @ texts.T
    to_images = scale * texts[own] @ images.T
    matching = scale * (images[own] * texts[own]).sum(dim=1)
    both = to_texts.logsumexp(dim=1) + to_images.logsumexp(dim=1)
    return (both / 2 - matching).mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "process-loss-check", "schema_version": 3, "task": false}
from torch.nn.functional import cross_entropy, normalize

from clipbook.exercises import ask, check, close


def some(N, seed):
    rows = torch.randn(2, N, 3, generator=torch.Generator().manual_seed(seed))
    return normalize(rows, dim=2).unbind()


def reference(images, texts, scale, processes, number):
    own = torch.arange(len(images)).chunk(processes)[number]
    to_texts = cross_entropy(scale * images[own] @ texts.T, own)
    return (to_texts + cross_entropy(scale * texts[own] @ images.T, own)) / 2


images_6, texts_6 = some(6, 0)
want_6, first, own = (
    reference(images_6, texts_6, 5.0, 3, 1),
    torch.tensor([0, 1]),
    torch.tensor([2, 3]),
)
to_texts = 5 * images_6[own] @ texts_6.T
to_images = 5 * texts_6[own] @ images_6.T
alone = 5 * images_6[own] @ texts_6[own].T
mistakes = {
    "its captions stand behind those of the processes before it": (
        cross_entropy(to_texts, first) + cross_entropy(to_images, first)
    )
    / 2,
    "pictures choose among all captions, not among the process's own": (
        cross_entropy(alone, first) + cross_entropy(alone.T, first)
    )
    / 2,
    "that is the loss of the whole batch": sum(
        reference(images_6, texts_6, 5.0, 3, k) for k in range(3)
    )
    / 3,
    "its captions choose, too": cross_entropy(to_texts, own),
    "its pictures choose, too": cross_entropy(to_images, own),
    "both sides count a half": 2 * want_6,
    "divide by the process's own pairs, not by all": want_6 / 3,
    "processes are counted from 0": reference(images_6, texts_6, 5.0, 3, 0),
    "multiply the cosines by the scale": reference(
        images_6, texts_6, 1.0, 3, 1
    ),
    "shares are neighbours, not every third pair": reference(
        images_6[[0, 3, 1, 4, 2, 5]], texts_6[[0, 3, 1, 4, 2, 5]], 5.0, 3, 1
    ),
}
with check("The loss of one process"):
    got = ask(process_loss, images_6, texts_6, 5.0, 3, 1)
    close(
        got,
        want_6,
        "process_loss(images_6, texts_6, 5.0, 3, 1)",
        mistakes=mistakes,
    )
    for N, scale, processes in (
        (1, 2.0, 1),
        (4, 10.0, 4),
        (12, 20.0, 3),
        (8, 1.0, 2),
        (6, 1000.0, 2),
    ):
        for number in range(processes):
            what = (
                f"process {number} of {processes}, {N} pairs at scale {scale:g}"
            )
            args = (*some(N, N), scale, processes, number)
            got = ask(process_loss, *args)
            close(got, reference(*args), what, tolerance=1e-5 + 5e-6 * scale)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "process-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes; all parts together are the whole.
### BEGIN HIDDEN TESTS
from torch.nn.functional import normalize

from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce

with check("The loss of one process, other sizes"):
    for N, processes in ((40, 5), (21, 7), (64, 2)):
        rows = torch.randn(
            2, N, 6, generator=torch.Generator().manual_seed(N + 1)
        )
        images, texts = normalize(rows, dim=2).unbind()
        parts = [
            ask(process_loss, images, texts, 7.0, processes, k)
            for k in range(processes)
        ]
        got = torch.stack(
            [torch.as_tensor(part).float() for part in parts]
        ).mean()
        close(
            got,
            info_nce(7 * images @ texts.T),
            f"the mean of {processes} processes, {N} pairs",
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: round the ring
#
# Captions go round among `processes` processes. At first each holds its own; with each move it gets
# those that its left-hand neighbour held, the process with the next lower number; process 0 gets
# those of the last one. Return a tensor of whole numbers, (processes, processes): row $t$ says of
# each process whose captions it holds after $t$ moves.

# %% [markdown]
# <details><summary>Hint</summary>
#
# After one move process $k$ holds what $k - 1$ held: $k - 1$. Go on from there, and look at what
# `-1 % 4` is in Python.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "round-the-ring", "schema_version": 3, "task": false}
def ring(processes):
    """Whose captions each process holds after each number of moves.

    A number -> (moves, processes).
    """
    ### BEGIN SOLUTION
    moves = torch.arange(processes)[:, None]
    return (torch.arange(processes) - moves) % processes
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "round-the-ring-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

want_4 = torch.tensor([[0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1], [1, 2, 3, 0]])
steps = torch.arange(4)
rightwards = (steps + steps[:, None]) % 4
mistakes = {
    "they come from the left-hand neighbour; yours go the other way": rightwards,
    "count round: after process 0 comes the last one": steps - steps[:, None],
    "count round, not up to 0 only": (steps - steps[:, None]).clamp(min=0),
    "at first each holds its own": (steps - steps[:, None] - 1) % 4,
    "nobody hands on: each process holds its own all the time": steps.expand(
        4, 4
    ),
    "a move goes on by one process, not by two": (steps - 2 * steps[:, None])
    % 4,
    "processes are counted from 0": want_4 + 1,
    "the last move is missing": want_4[:3],
    "one move too many: after it, each holds its own again": torch.cat(
        [want_4, want_4[:1]]
    ),
}
with check("Round the ring"):
    close(ask(ring, 4), want_4, "ring(4)", mistakes=mistakes)
    for processes in (1, 2, 7):
        held = [list(range(processes))]
        for _ in range(processes - 1):
            held.append([held[-1][k - 1] for k in range(processes)])
        close(ask(ring, processes), held, f"ring({processes})")

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "round-the-ring-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: larger rings.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("Round larger rings"):
    for processes in (3, 16, 33):
        held = [list(range(processes))]
        for _ in range(processes - 1):
            held.append(held[-1][-1:] + held[-1][:-1])
        close(ask(ring, processes), held, f"ring({processes})")
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A run on 8 GPUs has the loss of the run on one, and learns an eighth as fast with plain
# gradient descent. What was forgotten?
#
# <details><summary>Answer</summary>
#
# The gather's way back. Each process computes the whole loss, so its value is right, but only its
# own rows carry gradients, and their mean is 8 times too small. A higher learning rate would only
# hide it.
#
# </details>

# %% [markdown]
# **2.** Two processes with 64 pairs each report 4.2 as their first loss, one with 128 pairs 4.9.
# Which is wrong?
#
# <details><summary>Answer</summary>
#
# $\ln 64 = 4.16$ and $\ln 128 = 4.85$: the two processes don't gather, so each picture meets 63
# wrong captions only. Where processes gather, the losses agree but for rounding.
#
# </details>

# %% [markdown]
# **3.** Five shards of 1,000 pairs, two processes, batches of 100. How many batches has a pass?
#
# <details><summary>Answer</summary>
#
# Each makes 50 pairs of a batch. One process has three shards and 60 such shares, the other two
# shards and 40, and a pass ends for both when one of them can't go on: 40 batches. "50" forgets
# that a shard isn't cut. Six shards would have given 60.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have shared one batch among processes, exactly, and given each process pairs of its own.
#
# - Embeddings are gathered, with their gradients; the mean over the processes is the whole.
# - Three shortcuts are wrong in the gradient's direction or length: compare both, not the loss alone.
# - Shards are read from beginning to end; a random order of shards and a buffer, drawn from the seed,
#   make passes differ.
#
# What has all of this cost, and what would more buy? **[What a run costs](planning.ipynb)**

# %% [markdown]
# **Sources.** Sharded similarities: {cite:t}`radford2021clip`, §2.5. The ring:
# {cite:t}`zhai2023siglip`, §3.3. Shards: {cite:t}`aizman2019webdataset`.
