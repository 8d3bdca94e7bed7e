# ---
# jupyter:
#   chapter:
#     question: What does a run cost, where does its time go, and what should more money buy?
#     objectives:
#     - estimate operations and GPU days of a run from published sizes
#     - predict the time of a step by computing, memory and network, and compare it with a measured one
#     - plan model, data and pairs seen for a budget, from published runs and a power law fitted to them
#     needs: [scale/many-machines]
#     minutes: 23
#     place: this is what all of it costs, and which part to make larger
#     band: cost
# ---

# %% [markdown]
# # What a run costs
#
# CLIP's largest ViT took 256 GPUs and 12 days ({cite:t}`radford2021clip`, §2.5). {question} We count
# CLIP's operations, check our model of a step on this machine, and then plan a run.

# %% [markdown] predict={"ask": "Days at their best", "number": 2.4, "within": 0.6, "shown": "at their best: 2.4 days"}
# ## What did CLIP cost?
#
# That model, ViT-L/14, has an image encoder of 24 blocks of width 1,024 for 256 patches
# and a class token, and a text encoder of 12 blocks of width 768 for 77 tokens
# ({cite:t}`radford2021clip`, table 20). It saw 400 million pairs, 32 times. A block of width $w$
# has $12 w^2$ weights ($4 w^2$ in attention, $8 w^2$ in the feed-forward network), and each is
# multiplied and added once per token: $24 w^2$ floating-point operations (FLOPs). Attention's scores
# and sums over $t$ tokens add $4 t w$ per token. The backward pass costs twice the forward pass.
# Predict the days on 256 V100, GPUs of 2017 that do at most 125 trillion operations a second each.


# %%
def operations(tokens, width, blocks):
    """Operations of one forward pass: matrices, attention's scores and sums."""
    return blocks * (24 * tokens * width**2 + 4 * tokens**2 * width)


image, text = operations(257, 1024, 24), operations(77, 768, 12)
whole_run = 3 * (image + text) * 400e6 * 32
seconds = whole_run / (256 * 125e12)
print(f"a pair, forward: {image / 1e9:.0f} + {text / 1e9:.0f} · 10⁹ operations")
print(f"the whole run:   {whole_run:.1e} operations")
print(f"256 V100 at their best: {seconds / 86_400:.1f} days; the paper says 12")
part = seconds / 86_400 / 12
print(f"so they did {part:.0%} of that, {12 * 256:,} GPU days in all")

# %% [markdown]
# This share is called *model FLOPs utilisation* (MFU). Part of the rest is known: to save memory
# CLIP computed its activations again in the backward pass (§2.5), as costly as a fourth forward pass,
# which our count leaves out. With it they did a third more, 27 %.

# %% [markdown]
# ## The time of a step
#
# Three things take time. **Computing**: operations. **Memory**: an update reads weights and
# gradients and writes weights. **Network**: gradients are averaged. Each speed can be measured
# alone: by a product of two matrices as large as the weights (smaller ones fit into the cache and
# run faster), by a copy, by an all-gather. We write a program for torchrun, as in
# [the last chapter](many-machines.ipynb#real-processes).

# %%
timing = """
import time, torch, torch.distributed as dist
torch.set_num_threads(1)
dist.init_process_group("gloo")
M = dist.get_world_size()
def seconds(work):
    taken = []
    for _ in range(15):
        dist.barrier()
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)  # other programs can only make it longer
"""

# %%
speeds = """
square = torch.randn(1024, 1024)
rows, copy = torch.randn(2**22), torch.empty(2**22)
of_all = [torch.empty(2**22) for _ in range(M)]
speed = 2 * 1024**3 / seconds(lambda: square @ square)
memory = 2 * rows.nbytes / seconds(lambda: copy.copy_(rows))
gathering = seconds(lambda: dist.all_gather(of_all, rows))
network = max(M - 1, 1) * rows.nbytes / gathering
"""

# %% [markdown]
# Then a step of four matrices and 256 pairs, of which each process has its share: forward, the
# gradient of what came in, the gradient of the weights, its sum over the processes, the update.

# %%
step = """
W, x = [torch.randn(1024, 1024) for _ in range(4)], torch.randn(256 // M, 1024)
def step():
    for w in W:
        y = x @ w
        y @ w.T
        gradient = x.T @ y
        dist.all_reduce(gradient)
        w.sub_(gradient, alpha=1e-6)
measured = seconds(step)
if dist.get_rank() == 0:
    print(speed, memory, network, measured)
dist.destroy_process_group()
"""

# %%
import os
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

script = Path(mkdtemp()) / "step.py"
script.write_text(timing + speeds + step, encoding="utf-8")


def torchrun(processes):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), str(script)]
    quiet = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=quiet, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


said = {M: torchrun(M) for M in (1, 2)}
for M, (speed, memory, network, _) in said.items():
    print(f"M = {M}: {speed:.1e} operations, {memory:.1e} bytes", end=", ")
    print(f"and between processes {network:.1e} bytes a second")

# %% [markdown]
# To sum its gradients each of $M$ processes sends $2(M-1)/M$ of the bytes of all weights: none for one
# process, once for two, nearly twice for many. An update moves them three times. From the speeds
# alone, predict the step of one process and of two (four matrices of 4 MB). Which is faster here?


# %%
def step_time(M, operations, weights, speed, memory, network, gathered=0):
    """Seconds of computing, updating, sending; weights, gathered in bytes."""
    sent = 2 * (M - 1) / M * weights + (M - 1) / M * gathered
    return operations / M / speed, 3 * weights / memory, sent / network


sizes = 3 * 2 * 256 * 1024**2 * 4, 4 * 4 * 1024**2  # operations, weights' bytes
for M, (*measured_speeds, measured) in said.items():
    seconds = step_time(M, *sizes, *measured_speeds)
    compute, update, send = seconds
    print(f"M = {M}: computing {compute:.3f}, updating {update:.3f}", end=", ")
    print(f"sending {send:.3f} s")
    print(f"  in all {sum(seconds):.3f} s, measured {measured:.3f} s")

# %% [markdown]
# The sum of the parts gives the order of magnitude of a step, and may not even put the two in the
# right order: work takes time to start, and processes wait for each other. Two processes halve the
# computing, but must send. Whether that is worth it is a question of sizes, so we put in CLIP's.

# %% [markdown]
# ## From 2 to 4,096 GPUs
#
# We assume GPUs that reach a fifth of 125 trillion operations and move 0.9 trillion bytes a second
# in their memory, 428 million weights in 16 bits, and 10 GB a second between machines. All these are
# assumptions: change them. Every GPU also needs all embeddings, 768 numbers of 2 bytes from each of
# two encoders. Predict the number of GPUs above which sending takes longer than computing.

# %% mystnb={"image": {"alt": "Seconds of a step over the number of GPUs, on logarithmic axes: computing falls in a straight line, sending rises a little at first and stays level, updating is level far below; computing and sending meet at about 4,096 GPUs."}}
from clipbook.figures import curves

pairs = 32_768
clip = {
    "operations": 3 * (image + text) * pairs,
    "weights": 2 * 428e6,
    "gathered": 2 * 2 * 768 * pairs,
    "speed": 0.2 * 125e12,
    "memory": 0.9e12,
    "network": 10e9,
}
counts = [2**k for k in range(1, 13)]
times = [step_time(M, **clip) for M in counts]
for M, (compute, _, sending) in list(zip(counts, times, strict=True))[1::2]:
    print(f"{M:5} GPUs: computing {compute:7.2f} s, sending {sending:.2f} s")
lines = {}
for k, name in enumerate(("computing", "updating", "sending")):
    lines[name] = counts, [each[k] for each in times]
curves(lines, across="GPUs", up="seconds a step", log="xy")

# %% [markdown]
# Under these assumptions 256 GPUs still mostly compute. With a batch of 32,768 shared by thousands,
# each would wait for the network, unless it sends while it computes: more machines want a larger
# batch.

# %% [markdown]
# ## What should more money buy?
#
# A larger model, more pairs, or more passes? {cite:t}`cherti2023scaling` have trained 29 CLIPs on
# open data, 80 million, 400 million and 2 billion pairs of LAION, with five image encoders and 2.4 to
# 34.7 billion pairs seen, and have published what each can do on ImageNet. Beside them stand OpenAI's
# three, trained on data of its own (WIT). We call a run *in front* where no cheaper one is better (the Pareto
# front). Predict: is any run on the smallest data set in front?

# %%
from clipbook.pretrained import clip_runs


def cost(run):
    """Operations; a GMAC is 10⁹ multiplications and additions; 3 as before."""
    return 3 * 2e9 * run["GMAC a pair"] * run["pairs seen"]


def in_front(runs):
    kept = []
    for run in sorted(runs, key=cost):
        if not kept or run["accuracy"] > kept[-1]["accuracy"]:
            kept.append(run)
    return kept


laion = [run for run in clip_runs() if run["data"] != "WIT"]
for run in in_front(laion):
    seen, error = run["pairs seen"] / 1e9, 1 - run["accuracy"]
    print(f"{cost(run):.1e} operations: {run['model']}", end=", ")
    print(f"{seen:4.1f} billion pairs of {run['data']}", end=", ")
    print(f"error {error:.3f}")

# %% [markdown]
# None is. Along the front the models get larger, and the dearest runs use the largest data set. How
# fast does the error fall with the cost $C$? The paper fits a **power law** $E = \beta C^{\alpha}$ to the front, a straight
# line where both axes are logarithmic. So do we.

# %% mystnb={"image": {"alt": "Error on ImageNet over the operations of the training, both axes logarithmic: runs on 2 billion pairs of LAION go down along the fitted straight line, those on 80 million pairs lie above it and bend away from it towards the right."}}
import numpy as np


def power_law(runs):
    points = [(np.log(cost(run)), np.log(1 - run["accuracy"])) for run in runs]
    alpha, log_beta = np.polyfit(*zip(*points, strict=True), 1)
    return alpha, np.exp(log_beta)


alpha, beta = power_law(in_front(laion))
ends = np.array([1e20, 4e22])
lines = {"fitted": (ends / 1e20, beta * ends**alpha)}
for data in ("LAION-80M", "LAION-2B"):
    runs = sorted((run for run in laion if run["data"] == data), key=cost)
    errors = [1 - run["accuracy"] for run in runs]
    lines[data] = [cost(run) / 1e20 for run in runs], errors
curves(lines, across="operations, in 10²⁰", up="error on ImageNet", log="xy")

# %%
ours = [run for run in clip_runs() if run["data"] == "WIT"]
exponents = {"LAION, in front": alpha, "OpenAI's three": power_law(ours)[0]}
for name, exponent in exponents.items():
    print(f"{name:15}: α = {exponent:.3f}", end="; ")
    print(f"10 times the cost leaves {10**exponent:.2f} of the error")

# %% [markdown]
# The paper draws its lines by the same method through the same runs (figure 1). Ten times the money
# takes a quarter of the error away. On 80 million pairs more passes soon help little, as the figure
# shows. OpenAI's line is steeper, perhaps for its data, but it goes through three points. About the
# batch the runs say nothing. Now a plan for budgets of yours, in dollars.

# %%
# change these prices, and the budgets
prices = {"a GPU hour": 2.0, "operations a second": 0.2 * 125e12}
for budget in (3_000, 30_000, 300_000):
    buys = budget / prices["a GPU hour"] * 3600 * prices["operations a second"]
    affordable = [run for run in in_front(laion) if cost(run) <= buys]
    if not affordable or buys > 2 * cost(in_front(laion)[-1]):
        print(f"${budget:7,}: {buys:.2e} operations, where nobody has measured")
        continue
    run = affordable[-1]
    by_line, seen = beta * buys**alpha, run["pairs seen"] / 1e9
    print(f"${budget:7,}: {buys:.2e} operations, error {by_line:.2f}", end=" ")
    print(f"by the line, {1 - run['accuracy']:.3f} measured:", end=" ")
    print(f"{run['model']}, {seen:.1f} billion of {run['data']}")

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: how many days
#
# Return the days that a run takes: it has `pairs` pairs, each seen `passes` times, with `forward`
# operations for a pair's forward pass, on `gpus` GPUs that do at most `peak` operations a second each,
# and in fact the share `used` of that, between 0 and 1. A backward pass costs twice a forward pass. Where `again` is true, activations
# are made again in the backward pass, which is one more forward pass.

# %% [markdown]
# <details><summary>Hint</summary>
#
# First all operations of the run, then what all GPUs together do in a second, then the days, of 86,400
# seconds each. How many forward passes are a forward and a backward pass worth, with and without
# `again`?
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
    "a backward pass costs twice a forward pass, and the forward pass counts, too": want
    * 2
    / 3,
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
    close(
        ask(days, *run_),
        want,
        "days of CLIP's largest model",
        tolerance=1e-4,
        mistakes=mistakes,
    )
    again = ask(days, *run_, again=True)
    close(
        again, want * 4 / 3, "days with activations made again", tolerance=1e-4
    )
    for gpus, used in ((1, 1.0), (8, 0.35)):
        numbers = (1_000, 5, 86_400.0, gpus, 1_000.0, used)
        close(
            ask(days, *numbers),
            15 / gpus / used,
            f"days of {gpus} slow GPUs",
            tolerance=1e-6,
        )

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
            want = (
                (3 + again)
                * forward
                * pairs
                * passes
                / (gpus * peak * used)
                / 86_400
            )
            got = ask(days, pairs, passes, forward, gpus, peak, used, again)
            close(
                got,
                want,
                f"days of {pairs:,.0f} pairs on {gpus} GPUs",
                tolerance=1e-6,
            )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A step computes 2 s and sends 0.2 s on 256 GPUs. What do 512 give?
#
# <details><summary>Answer</summary>
#
# About 1 s of computing and still 0.2 s of sending, 1.2 s instead of 2.2. "Half" forgets that what is
# sent depends on the weights, and hardly on the number of GPUs.
#
# </details>

# %% [markdown]
# **2.** A run of yours took 10 days. What will the same one take on GPUs that compute twice as
# fast, with the same network?
#
# <details><summary>Answer</summary>
#
# More than 5: the network is no faster. If a tenth of each step was sending, it is 0.9/2 + 0.1 =
# 0.55 of the time, 5.5 days. "Half" is right only where nothing is sent.
#
# </details>

# %% [markdown]
# **3.** With $\alpha = -0.11$, how much more does it cost to halve the error?
#
# <details><summary>Answer</summary>
#
# Let $r$ be the ratio of costs: $r^{-0.11} = 1/2$, so $r = 2^{1/0.11} = 545$. "Twice" would be
# $\alpha = -1$. And the line goes through runs that were made: 545 times the largest is far beyond
# all of them.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have counted what CLIP's run took, predicted the time of a step, and planned a run.
#
# - Operations are counted from sizes: $24 w^2$ a token and block, three times for training.
# - More GPUs shorten computing, not sending; a large batch keeps them busy.
# - Error falls as a small power of the cost, if model, pairs seen and data set grow together.
#
# That ends the part. If a number of your own run looks odd, look it up in
# **[Why this number?](../reference/why-this-number.ipynb)**

# %% [markdown]
# **Sources.** Sizes, time and GPUs: {cite:t}`radford2021clip`, §2.5 and table 20. The runs and the
# method of the fit: {cite:t}`cherti2023scaling`, figure 1 and their published table of results.
