# ---
# jupyter:
#   chapter:
#     question: How do many machines train one model on one batch, and what does that cost at CLIP's
#       scale?
#     objectives:
#     - say which embeddings and which gradients each process needs, and by how much three shortcuts
#       are wrong
#     - compute one loss by two real processes, equal to that of one
#     - estimate operations, GPU days and the time of a step from published sizes
#     needs: [scale/large-batches]
#     minutes: 33
#     place: several machines run all of it, each with its share of the pairs
#     band: many machines
# ---

# %% [markdown]
# # Many machines
#
# CLIP's largest model was trained on 256 GPUs at once ({cite:t}`radford2021clip`, §2.5). {question}
# We let four processes share a batch, first on paper and then for real, and then do CLIP's sums.

# %% [markdown]
# ## Who holds what
#
# **Data parallel** training gives every process a copy of the model and a share of the pairs. After
# each step's backward pass the processes average their gradients, so all copies move alike. For a
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
print(f"{received / 1e6:.0f} million numbers, {2 * received / 1e6:.0f} MB in 16 bits")
print(f"its rows: {pairs // gpus} × {pairs:,} logits, {4 * pairs // gpus * pairs / 1e6:.0f} MB")
print(f"the whole grid: {4 * pairs**2 / 1e9:.1f} GB")

# %% [markdown]
# Process $k$ computes the cost of its own pictures' and its own captions' choices, and takes their
# mean. The mean over the processes should be the loss of the whole batch. We pretend to be all four
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
    """Loss of a process: its pictures among all captions, its captions among all pictures."""
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
    parts = [own_choices(images[own], texts[own], images, texts, own) for own in shares]
    whole = info_nce(model.scale * images @ texts.T)
print("each process:", [round(part.item(), 4) for part in parts])
print(f"their mean {sum(parts) / M:.4f}, the whole batch {whole:.4f}")
assert torch.isclose(sum(parts) / M, whole, atol=1e-5)

# %% [markdown]
# ## Whose gradients?
#
# Caption 5 of process 1 stands in the rows of *all* processes. Each of their losses has a gradient
# in it, which only process 1 can send on through its encoder. PyTorch's plain `all_gather` moves
# numbers, not gradients: what arrives is a constant. Four ways to go on, each followed by averaging
# over the processes:
#
# - **exact**: gradients are sent back to whose embeddings they are in
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
    return own_choices(
        images[own], texts[own], as_constants(images, own), as_constants(texts, own), own
    )


def whole_constants(images, texts, own):
    return info_nce(model.scale * as_constants(images, own) @ as_constants(texts, own).T)


# %%
ways = {
    "exact": lambda images, texts, own: own_choices(images[own], texts[own], images, texts, own),
    "constants": constants,
    "whole, constants": whole_constants,
    "no gather": lambda images, texts, own: info_nce(model.scale * images[own] @ texts[own].T),
}
images, texts = encode()
right = flat([M * info_nce(model.scale * images @ texts.T)])  # one process with the whole batch
for name, way in ways.items():
    got = all_four(way)
    alike = torch.nn.functional.cosine_similarity(got, right, dim=0)
    off = (got - right).norm() / right.norm()
    print(
        f"{name:17}: length {got.norm() / right.norm():.3f}, cosine {alike:.3f}, off by {off:.1e}"
    )

# %% [markdown]
# Only the first is the gradient of one large machine. *Constants* misses what other processes' rows
# say about its embeddings, half of the gradient, and points elsewhere. *Whole, constants* has the
# right direction, for a loss of the whole grid has each own embedding's full gradient; but the mean
# over $M$ processes, each of which holds a different share, makes it $M$ times too small. AdamW,
# which divides by the gradient's own size, hardly notices; clipping by length does. *No gather* is
# the loss of small batches.

# %% [markdown]
# ## A ring for the sigmoid
#
# The sigmoid's cells don't share sums, so a process needn't have all captions at once. Each
# computes the block of its pictures with its own captions, then hands these captions to its
# right-hand neighbour and takes those of its left. After $M$ rounds it has seen all of them
# ({cite:t}`zhai2023siglip`, §3.3). Predict whose captions process 0 holds in rounds 1, 2 and 3.

# %%
from clipbook.pairs import sigmoid_loss

scale, bias = torch.tensor(10.0), torch.tensor(-3.0)
images, texts = images.detach(), texts.detach()
total = 0.0
for k, own in enumerate(shares):
    held = [(k - turn) % M for turn in range(M)]
    print(f"process {k} holds the captions of {held}")
    for turn in held:
        block = scale * images[own] @ texts[shares[turn]].T + bias  # (32, 32)
        true = torch.eye(N // M, dtype=torch.bool) & (turn == k)
        total += sigmoid_loss(block, true) / M  # the mean over its pictures, then over processes
whole = sigmoid_loss(scale * images @ texts.T + bias)
assert torch.isclose(total, whole, rtol=1e-5)
print(f"in blocks {total:.4f}, the whole grid {whole:.4f}")

# %% [markdown]
# ## Two processes, for real
#
# Enough pretence. **torchrun** starts a program several times and tells each copy its number, its
# **rank**; `torch.distributed` lets them speak, here by *gloo*, on GPUs by *nccl*. We write such a
# program, in three pieces. First the gather, whose way back PyTorch doesn't know: each process adds
# up what all of them say of its rows.

# %%
gather = """
import torch, torch.distributed as dist
from torch.nn.functional import cross_entropy, normalize

class Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows):
        all_rows = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(all_rows, rows)
        return torch.cat(all_rows)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)  # the sum over all processes
        return gradient.chunk(dist.get_world_size())[dist.get_rank()]
"""

# %% [markdown]
# Then the share of eight made-up pairs, which two small matrices encode, and its loss. Every
# process draws the same pairs and weights. At the end the gradients are averaged, and one process
# speaks.

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
if rank == 0:
    print(f"{loss / processes:.9f} {W.grad.norm() / processes:.9f}")
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
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()[-2:]]


# %%
said = {processes: torchrun(processes) for processes in (1, 2, 4)}
for processes, (value, length) in said.items():
    print(f"processes: {processes}, loss {value:.9f}, length of the gradient {length:.9f}")
assert all(abs(a - b) < 1e-8 for k in (2, 4) for a, b in zip(said[k], said[1], strict=True))

# %% [markdown]
# The same to nine digits. The package's training does this whenever torchrun has started it, with
# PyTorch's `DistributedDataParallel` for the average:
#
#     torchrun --nproc-per-node 2 -m clipbook.training --preset shapes --out runs/shared
#
# Every process makes the same batch, so no pair is seen twice, and takes its share. One writes the
# checkpoints; if a process dies, the same command goes on from the last one, in the same weights.
# Another number of processes adds up in another order, and is refused as another run.

# %% [markdown]
# ## What did CLIP cost?
#
# CLIP's largest model, ViT-L/14, has an image encoder of 24 blocks of width 1,024, which reads 256
# patches of 14 × 14 and a class token, and a text encoder of 12 blocks of width 768 with 77 tokens
# ({cite:t}`radford2021clip`, table 20). It saw 400 million pairs, 32 times. A block has 12 matrices
# of width × width, and each of their numbers is multiplied and added once a token: 24 w²
# operations. The backward pass costs twice the forward pass. Predict the days on 256 V100, which do
# at most 125 million million operations a second each.


# %%
def operations(tokens, width, blocks):
    """Of one forward pass: the matrices, and the scores and sums of attention."""
    return blocks * (24 * tokens * width**2 + 4 * tokens**2 * width)


image, text = operations(257, 1024, 24), operations(77, 768, 12)
whole_run = 3 * (image + text) * 400e6 * 32
seconds = whole_run / (256 * 125e12)
print(f"a pair, forward: {image / 1e9:.0f} + {text / 1e9:.0f} thousand million operations")
print(f"the whole run:   {whole_run:.1e} operations")
print(f"256 V100 at their best: {seconds / 86_400:.1f} days; the paper says 12")
print(f"so they did {seconds / 86_400 / 12:.0%} of what they could, {12 * 256:,} GPU days in all")

# %% [markdown]
# A fifth of the best is nothing unusual. Part of the rest is known: to save memory CLIP made its
# activations again in the backward pass (§2.5), a fourth forward pass that our count leaves out.

# %% [markdown]
# ## Where a step's time goes
#
# A step computes, and then the processes average their gradients: each sends and receives about
# twice the bytes of all weights, whatever $M$ is. So computing shrinks with more GPUs, and sending
# doesn't. We assume GPUs that reach a fifth of 125 million million operations, 428 million weights
# in 16 bits and 10 GB a second between machines. These three are assumptions: change them. Predict
# from how many GPUs on sending takes longer.

# %% mystnb={"image": {"alt": "Seconds of a step over the number of GPUs: computing falls in a straight line, sending rises a little at first and then stays level; they meet at about 4,096 GPUs."}}
from clipbook.figures import curves


def step_time(gpus, pairs=32_768, speed=0.2 * 125e12, weights=428e6, network=10e9):
    compute = 3 * (image + text) * pairs / gpus / speed
    average = 2 * (gpus - 1) / gpus * 2 * weights / network
    gather = 2 * 2 * 768 * pairs * (gpus - 1) / gpus / network
    return compute, average + gather


counts = [2**k for k in range(1, 13)]
times = [step_time(gpus) for gpus in counts]
for gpus, (compute, sending) in list(zip(counts, times, strict=True))[1::2]:
    print(f"{gpus:5} GPUs: computing {compute:7.2f} s, sending {sending:.2f} s")
curves(
    {name: (counts, [t[k] for t in times]) for k, name in enumerate(("computing", "sending"))},
    across="GPUs", up="seconds a step", log="xy",
)  # fmt: skip

# %% [markdown]
# Under these assumptions 256 GPUs still mostly compute. With a batch of 32,768 shared by thousands,
# each would wait for the network: more machines want a larger batch, and that was one reason to
# make it large. What the rest of the money buys, a model, data or batch, is measured by
# {cite:t}`cherti2023scaling`: they train CLIPs of many sizes on open data and fit how error falls.
# Now plan a run of your own: change the numbers.

# %%
plan = {"pairs": 13e6, "passes": 30, "gpus": 8, "a GPU hour costs": 2.0}  # change these
small = operations(50, 768, 12) + operations(77, 512, 12)  # ViT-B/32 and its text encoder
hours = 3 * small * plan["pairs"] * plan["passes"] / (plan["gpus"] * 0.2 * 125e12) / 3600
print(f"{hours:.0f} hours, {hours * plan['gpus'] * plan['a GPU hour costs']:,.0f} in money")

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the loss of one process
#
# All embeddings have been gathered: `images` and `texts`, shape (N, dim) each, rows of unit length,
# in the order of the processes. Return process `number`'s part of InfoNCE at the given scale: its
# share of the pictures choose among all captions, its share of the captions among all pictures, and
# both count a half. `processes` divides N.

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
    to_texts, to_images = scale * images[own] @ texts.T, scale * texts[own] @ images.T
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
to_texts, to_images = 5 * images_6[own] @ texts_6.T, 5 * texts_6[own] @ images_6.T
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
    "multiply the cosines by the scale": reference(images_6, texts_6, 1.0, 3, 1),
    "shares are neighbours, not every third pair": reference(
        images_6[[0, 3, 1, 4, 2, 5]], texts_6[[0, 3, 1, 4, 2, 5]], 5.0, 3, 1
    ),
}
with check("The loss of one process"):
    got = ask(process_loss, images_6, texts_6, 5.0, 3, 1)
    close(got, want_6, "process_loss(images_6, texts_6, 5.0, 3, 1)", mistakes=mistakes)
    for N, scale, processes in ((1, 2.0, 1), (4, 10.0, 4), (12, 20.0, 3), (8, 1.0, 2)):
        for number in range(processes):
            what = f"process {number} of {processes}, {N} pairs"
            args = (*some(N, N), scale, processes, number)
            close(ask(process_loss, *args), reference(*args), what)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "process-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes; all parts together are the whole.
### BEGIN HIDDEN TESTS
from torch.nn.functional import normalize

from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce

with check("The loss of one process, other sizes"):
    for N, processes in ((40, 5), (21, 7), (64, 2)):
        rows = torch.randn(2, N, 6, generator=torch.Generator().manual_seed(N + 1))
        images, texts = normalize(rows, dim=2).unbind()
        parts = [ask(process_loss, images, texts, 7.0, processes, k) for k in range(processes)]
        got = torch.stack([torch.as_tensor(part).float() for part in parts]).mean()
        close(got, info_nce(7 * images @ texts.T), f"the mean of {processes} processes, {N} pairs")
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: round the ring
#
# The captions of `processes` processes go round: at turn 0 each process holds its own, and after
# each turn it gets those that its left-hand neighbour held, the process with the next lower number;
# process 0 gets those of the last one. Return a table of whole numbers, a row for each of
# `processes` turns and a column for each process: whose captions it holds.

# %% [markdown]
# <details><summary>Hint</summary>
#
# After one turn process $k$ holds what $k - 1$ held: $k - 1$. After $t$ turns: $k - t$, counted
# round. In Python, `-1 % 4` is 3.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "round-the-ring", "schema_version": 3, "task": false}
def ring(processes):
    """Whose captions each process holds at each turn: a number -> (turns, processes)."""
    ### BEGIN SOLUTION
    turns = torch.arange(processes)[:, None]
    return (torch.arange(processes) - turns) % processes
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "round-the-ring-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

want_4 = torch.tensor([[0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1], [1, 2, 3, 0]])
steps = torch.arange(4)
mistakes = {
    "they come from the left-hand neighbour; yours go the other way": (steps + steps[:, None]) % 4,
    "count round: after process 0 comes the last one": steps - steps[:, None],
    "count round, not up to 0 only": (steps - steps[:, None]).clamp(min=0),
    "at turn 0 each holds its own": (steps - steps[:, None] - 1) % 4,
    "nobody hands on: each process holds its own all the time": steps.expand(4, 4),
    "a turn moves by one process, not by two": (steps - 2 * steps[:, None]) % 4,
    "processes are counted from 0": want_4 + 1,
    "the last turn is missing": want_4[:3],
    "one turn too many: after them all, each holds its own again": torch.cat([want_4, want_4[:1]]),
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

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: how many days
#
# Return the days that a run takes: `pairs` pairs, seen `passes` times, with `forward` operations
# for a pair's forward pass, on `gpus` GPUs of `peak` operations a second each, of which they reach
# the share `used`. A backward pass costs twice a forward pass. Where `again` is true, activations
# are made again in the backward pass, which is one more forward pass.

# %% [markdown]
# <details><summary>Hint</summary>
#
# First all operations of the run, then what all GPUs together do in a second, then the days: 86,400
# seconds each. Forward and backward are 1 + 2 forward passes, with `again` 1 + 1 + 2.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "days-of-a-run", "schema_version": 3, "task": false}
def days(pairs, passes, forward, gpus, peak, used, again=False):
    """Days of a training run: numbers -> one number."""
    ### BEGIN SOLUTION
    operations = (4 if again else 3) * forward * pairs * passes
    return operations / (gpus * peak * used) / 86_400
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "days-of-a-run-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

run_ = (400e6, 32, 175e9, 256, 125e12, 0.2)
want = 3 * 175e9 * 400e6 * 32 / (256 * 125e12 * 0.2) / 86_400
mistakes = {
    "a backward pass costs twice a forward pass, and the forward pass counts, too": want * 2 / 3,
    "the backward pass is missing": want / 3,
    "every pair is seen `passes` times": want / 32,
    "all GPUs work at once": want * 256,
    "a GPU reaches only the share `used`": want * 0.2,
    "divide by the share `used`; what isn't used takes longer": want * 0.04,
    "days, not seconds": want * 86_400,
    "days, not hours": want * 24,
    "activations are made again only where `again` is true": want * 4 / 3,
}
with check("How many days"):
    close(ask(days, *run_), want, "days of CLIP's largest model", tolerance=1e-4, mistakes=mistakes)
    again = ask(days, *run_, again=True)
    close(again, want * 4 / 3, "days with activations made again", tolerance=1e-4)
    for gpus, used in ((1, 1.0), (8, 0.35)):
        numbers = (1_000, 5, 86_400.0, gpus, 1_000.0, used)
        close(ask(days, *numbers), 15 / gpus / used, f"days of {gpus} slow GPUs", tolerance=1e-6)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "days-of-a-run-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other runs.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close

with check("How many days, other runs"):
    for pairs, passes, forward, gpus, peak, used in (
        (13e6, 30, 9e9, 8, 1e14, 0.3),
        (100, 1, 1e9, 2, 1e9, 0.5),
    ):
        for again in (False, True):
            want = (3 + again) * forward * pairs * passes / (gpus * peak * used) / 86_400
            got = ask(days, pairs, passes, forward, gpus, peak, used, again)
            close(got, want, f"days of {pairs:,.0f} pairs on {gpus} GPUs", tolerance=1e-6)
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
# own rows carry gradients, and their mean is 8 times too small. "A learning rate that is too low"
# would hide it. With AdamW the speed would not even tell.
#
# </details>

# %% [markdown]
# **2.** Two processes with 64 pairs each report 4.1 as their first loss, one with 128 pairs 4.8.
# Which is wrong?
#
# <details><summary>Answer</summary>
#
# $\ln 64 = 4.16$ and $\ln 128 = 4.85$: the two processes don't gather, so each picture meets 63
# wrong captions only. "Both, the losses must agree to the digit" is true of runs that gather.
#
# </details>

# %% [markdown]
# **3.** A step computes 2 s and sends 0.2 s on 256 GPUs. What do 512 give?
#
# <details><summary>Answer</summary>
#
# About 1 s of computing, and as much sending: 1.2 s in place of 2.2. "Half" forgets that what is
# sent depends on the weights, not on the number of GPUs.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have shared one batch among processes, exactly, and counted what CLIP's run took.
#
# - Embeddings are gathered, with their gradients; the mean over the processes is the whole.
# - Three shortcuts look alike in the loss or in the direction, and are wrong: look at both.
# - More GPUs shorten computing, not sending; a large batch keeps them busy.
#
# That ends the part. When a number of your own run looks odd, on one machine or on many:
# **[why this number?](../reference/why-this-number.ipynb)**

# %% [markdown]
# **Sources.** Sizes, time and GPUs: {cite:t}`radford2021clip`, §2.5 and table 20. The ring:
# {cite:t}`zhai2023siglip`, §3.3. What data, model and batch are worth: {cite:t}`cherti2023scaling`.
