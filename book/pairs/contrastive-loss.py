# %% [markdown]
# # The contrastive loss
#
# The grid shows which picture fits which caption. To improve it, an optimiser needs one number that
# falls as the grid gets better. **How does the whole grid become one number, and what does that
# number do to each cell?**

# %% [markdown]
# After this chapter you can
#
# 1. compute the loss of a small grid by hand, and derive it from "each row is a quiz";
# 2. say what the loss is at the start, how temperature and batch size change it, and where its
#    floor lies if captions repeat;
# 3. write down the gradient in every cell, and read it as push and pull.

# %% [markdown]
# **You need** the [similarity matrix](similarity-matrix.ipynb). **Time:** 25 minutes to read, 70
# with the exercises. On the [map of the whole model](../index.md) this comes after the grid;
# from here gradients run back into both encoders.

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
# ## A row is a quiz
#
# Two pictures, two captions. $L$ holds the **logits**, similarities times the scale: rows are
# pictures, columns captions, shape (2, 2). Which of the $N = 2$ captions is mine, asks each picture.
# For picture $i$, row $i$, caption $i$ is right. Predict: which picture is surer of its caption?

# %%
import torch

torch.set_printoptions(precision=3, sci_mode=False, linewidth=80)
L = torch.tensor([[2.0, 1.0], [0.0, 3.0]])  # (2, 2)
powers = L.exp()
P_rows = powers / powers.sum(dim=1, keepdim=True)  # softmax along each row, (2, 2)
P_rows

# %% [markdown]
# Picture 2: its logits lie 3 apart, those of picture 1 only 1; nothing but differences within a row
# matters. An answer costs $-\ln$ of the probability given to the right one, 0 if sure. This is
# **cross-entropy**.
#
# $$\ell_i = -\ln \frac{e^{L_{ii}}}{\sum_j e^{L_{ij}}}$$

# %%
picture_costs = -P_rows.diagonal().log()  # (2,)
picture_costs, picture_costs.mean()

# %% [markdown]
# ## And so is a column
#
# Captions choose among pictures, too. Column 1 holds 2 and 0, column 2 holds 1 and 3. Predict:
# which caption is surer of its picture?

# %%
P_columns = powers / powers.sum(dim=0, keepdim=True)  # (2, 2)
caption_costs = -P_columns.diagonal().log()  # (2,)
assert torch.isclose(caption_costs[0], caption_costs[1])
loss = (picture_costs.mean() + caption_costs.mean()) / 2
print("captions:", caption_costs)
print(f"loss: ({picture_costs.mean():.3f} + {caption_costs.mean():.3f}) / 2 = {loss:.3f}")

# %% [markdown]
# Neither: both columns have a difference of 2. The mean of both directions is the loss, called
# **InfoNCE**. Why both? A row compares captions only; a picture that attracts all of them is
# noticed by the columns alone.

# %% [markdown]
# ## The same, safe for large numbers
#
# The logarithm of a fraction is a difference, so
#
# $$\ell_i = \ln \sum_j e^{L_{ij}} - L_{ii}.$$
#
# The first term, **log-sum-exp**, is a soft maximum: it lies above the largest logit, by $\ln N$ at
# most. CLIP's logits reach 100. Predict: what is $e^{100}$ in 32-bit numbers?

# %%
large = torch.tensor([100.0, 98.0])
print("e^100 =", large.exp()[0].item())
print("naive cost:", -(large.exp() / large.exp().sum()).log()[0].item())


def log_sum_exp(L, dim):
    m = L.max(dim=dim, keepdim=True).values
    return (m + (L - m).exp().sum(dim=dim, keepdim=True).log()).squeeze(dim)


print(f"safe cost: {log_sum_exp(large, 0) - large[0]:.3f}")

# %% [markdown]
# Infinity, and infinity divided by infinity is no number (`nan`). `log_sum_exp` takes the largest
# logit $m$ out of the sum, $\sum_j e^{L_j} = e^{m} \sum_j e^{L_j - m}$, so that the largest power is
# $e^0 = 1$.

# %% [markdown]
# ## Four pairs from the model
#
# The first four of our eight pairs, as the trained model sees them. Predict from the cosines: which
# two pictures pay most?

# %% mystnb={"image": {"alt": "The diagonal of the four-by-four grid holds the highest cosine of each row."}}
import clipbook
from clipbook.figures import similarity_heatmap
from clipbook.image import preprocess
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
model, tokenizer = clipbook.load("shapes")
with torch.no_grad():
    image_embeddings = model.encode_image(preprocess(pictures))  # (8, 64)
    text_embeddings = model.encode_text(*tokenizer.batch(captions))  # (8, 64)
cosines = image_embeddings @ text_embeddings.T  # (8, 8)
similarity_heatmap(cosines[:4, :4], pictures[:4], captions[:4])


# %%
def clip_loss(L):
    own = L.diagonal()  # (N,)
    over_rows = (log_sum_exp(L, 1) - own).mean()
    over_columns = (log_sum_exp(L, 0) - own).mean()
    return (over_rows + over_columns) / 2


tau = 0.2  # a temperature milder than the model's own
four = cosines[:4, :4] / tau
print("over rows:   ", log_sum_exp(four, 1) - four.diagonal())
print("over columns:", log_sum_exp(four, 0) - four.diagonal())
print(f"loss: {clip_loss(four):.3f}")

# %% [markdown]
# Pictures 1 and 2: between them, only colours have changed places.

# %% [markdown]
# ## The package's version, and everybody's
#
# `info_nce` uses PyTorch's `cross_entropy`, which takes logits and the number of the right class. The
# library `transformers` has a version of its own; there, rows are captions.

# %%
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from clipbook.pairs import info_nce

for grid in (L, four, cosines / tau, cosines * 100):
    ours = clip_loss(grid)
    assert torch.isclose(ours, info_nce(grid), atol=1e-5)
    assert torch.isclose(ours, image_text_contrastive_loss(grid.T), atol=1e-5)
    print(f"{len(grid)}×{len(grid)}: {ours:.4f} {info_nce(grid):.4f}")

# %% [markdown]
# ## Where it starts
#
# A model that finds all captions equally good gives each $1/N$, so each quiz costs
# $-\ln(1/N) = \ln N$. Predict this for 8 pairs, for 128, and for CLIP's batch of 32,768. We compare a
# model with random weights, at CLIP's first τ of 0.07.

# %%
import math

import numpy as np

from clipbook.pairs import CLIP
from clipbook.scenes import sample_pairs

torch.manual_seed(0)
untrained = CLIP(model.config).eval()
for N in (8, 32, 128):
    drawn, said = sample_pairs(N, np.random.default_rng(0))
    with torch.no_grad():
        first = info_nce(untrained(preprocess([render(s) for s in drawn]), *tokenizer.batch(said)))
    print(f"N = {N:3}: ln N = {math.log(N):.2f}, measured {first:.2f}")
print(f"N = 32,768: ln N = {math.log(32_768):.2f}")

# %% [markdown]
# A little above $\ln N$: random weights prefer some captions without knowing, and a wrong preference
# costs more than a right one saves. A first loss far above is a warning: the model is sure, and
# wrong. One that stays at $\ln N$ says that nothing is learned.

# %% [markdown]
# ## How hot?
#
# Logits are cosines times the **scale** $s = 1/\tau$. Why not bare cosines, $s = 1$? An own cosine
# is at most 1 and the others at least −1, so a quiz costs at least $\ln(1 + (N-1)\,e^{-2s})$.
# Predict: how low can the loss get for 128 pairs?

# %%
N = 128
perfect = 2 * torch.eye(N) - 1  # 1 on the diagonal, -1 elsewhere
for s in (1, 5, 14.3, 100):
    bound = math.log(1 + (N - 1) * math.exp(-2 * s))
    assert math.isclose(bound, info_nce(s * perfect), abs_tol=1e-5)
    print(f"scale {s:5}: at least {bound:.4f}")
print(f"a guess: {math.log(N):.4f}")

# %% [markdown]
# With bare cosines more than half of a guess remains. How far must the scale grow? Two grids of
# eight: in one, own cells are 0.5 and the rest 0.3; in the other, caption 2 also fits picture 1 too
# well, with 0.6. Predict both curves.

# %% mystnb={"image": {"alt": "With all pairs right the loss falls towards zero as the scale grows; with one cell wrong it falls, reaches a lowest point and rises again."}}
from clipbook.figures import curves

right = torch.full((8, 8), 0.3).fill_diagonal_(0.5)
spoilt = right.clone()
spoilt[0, 1] = 0.6
scales = torch.tensor([1.0, 2, 4, 8, 14.3, 20, 30, 40, 60, 100])
both = {
    name: (scales, [info_nce(s * grid) for s in scales])
    for name, grid in (("all right", right), ("one wrong", spoilt))
}
assert both["one wrong"][1][-1] > both["one wrong"][1][4]
curves(both, across="scale", up="loss", log="x")

# %% [markdown]
# A large scale makes right answers cheaper and wrong ones dearer. The best one changes with the
# model, so CLIP **learns** it, as its logarithm `log_scale`, which keeps it positive. Let gradient
# descent find it for both grids, with the cosines fixed.

# %%
for name, grid in (("all right", right), ("one wrong", spoilt)):
    log_scale = torch.tensor(math.log(1 / 0.07), requires_grad=True)  # CLIP's start
    optimiser = torch.optim.Adam([log_scale], lr=0.05)
    for step in range(1, 1001):
        optimiser.zero_grad()
        info_nce(log_scale.exp() * grid).backward()
        optimiser.step()
        if step in (300, 1000):
            print(f"{name}, step {step:4}: scale {log_scale.exp():.0f}")

# %% [markdown]
# With one wrong cell it comes to rest. With everything right, larger is always a bit better. CLIP
# therefore **clamps** the scale at 100, and our model does so after each step.

# %%
untrained.log_scale.data.fill_(8.0)
print(f"before {untrained.scale:.0f}")
untrained.clamp_scale()
print(f"after  {untrained.scale:.0f}")
print(f"the trained model's scale: {model.scale:.1f}")

# %% [markdown]
# ## Push and pull
#
# How does the loss change with one logit? The cost of row $i$ is a log-sum-exp minus $L_{ii}$. The
# derivative of the first is $e^{L_{ij}}$ over the sum of such powers, which is the softmax $p_{ij}$
# again; $-L_{ii}$ gives −1, in the own cell alone. The same goes for columns, and the loss is the
# mean over $2N$ costs. With $I$, 1 on the diagonal and 0 elsewhere:
#
# $$\frac{\partial\,\text{loss}}{\partial L}
#   = \frac{(P_\text{rows} - I) + (P_\text{columns} - I)}{2N}$$
#
# Predict the signs on and off the diagonal. Then we ask autograd, PyTorch's own gradient.

# %%
variable = four.clone().requires_grad_()
info_nce(variable).backward()
by_hand = (four.softmax(dim=1) + four.softmax(dim=0) - 2 * torch.eye(4)) / (2 * 4)
assert torch.allclose(variable.grad, by_hand, atol=1e-6)
print(by_hand)
print(f"sum: {by_hand.sum().abs():.6f}")

# %% [markdown]
# Descent goes against the gradient. The diagonal is negative: own cells are **pulled up**. The rest
# is positive: these are **pushed down**, in proportion to their probabilities in row and column, so
# (1, 2) and (2, 1) most of all.

# %% [markdown]
# Now all eight pairs during training. Predict where the colours are strongest at first, and where
# they stay longest; then press *Play*.

# %%
from clipbook.pretrained import training_history
from clipbook.widgets import SimilarityMatrix

history = training_history("shapes")
SimilarityMatrix(
    history.snapshots,
    pictures,
    captions,
    steps=history.snapshot_steps,
    view="gradient",
    temperature=tau,
    step=0,
)

# %% [markdown]
# At first there is a strong pull on the diagonal and a weak push everywhere else. Later only cells
# that still attract somebody are pushed: the loss spends its force on what is not yet told apart.
# Check the start with the formula: with $p = 1/8$ in each row and column, an own cell has
# $2\,(1/8 - 1)/(2 \cdot 8)$, any other $2 \cdot (1/8)/(2 \cdot 8)$.

# %%
start = torch.tensor(history.snapshots[0], requires_grad=True)
logits = start / tau
logits.retain_grad()
info_nce(logits).backward()
pull = logits.grad.diagonal()
print(f"own cells: {pull.min():.3f} to {pull.max():.3f}")
print(f"with p = 1/8: {(1 / 8 - 1) / 8:.3f}; other cells: {1 / 64:.3f}")
ratio = start.grad.norm() / logits.grad.norm()
print(f"gradient in the cosines: {ratio:.1f} times as large")

# %% [markdown]
# The last line is the chain rule: a cosine gets its logit's gradient times the scale, 5.

# %% [markdown]
# ## More pairs, more contrast
#
# Each picture meets $N - 1$ wrong captions, its **negatives**. Predict: the same model, larger
# batches, CLIP's first τ of 0.07; does the loss rise or fall?


# %% mystnb={"image": {"alt": "For the same trained model the loss rises with the batch size; it stays below ln N, the loss of a guess, which rises too."}}
def cosines_of(drawn, said):
    with torch.no_grad():
        images = model.encode_image(preprocess([render(scene) for scene in drawn]))
        return images @ model.encode_text(*tokenizer.batch(said)).T


logits = cosines_of(*sample_pairs(256, np.random.default_rng(1))) / 0.07  # (256, 256)
sizes = [4, 8, 16, 32, 64, 128, 256]  # blocks along the diagonal are smaller batches
cut = {n: [logits[k : k + n, k : k + n] for k in range(0, 256, n)] for n in sizes}
measured = [torch.stack([info_nce(block) for block in cut[n]]).mean() for n in sizes]
guess = [math.log(n) for n in sizes]
lines = {"a guess, ln N": (sizes, guess), "the model": (sizes, measured)}
curves(lines, across="batch size N", up="loss", log="x")

# %% [markdown]
# It rises: more captions, a harder quiz. **Losses of different batch sizes can't be compared.**
# Among more negatives there is likelier a confusing one. Must a batch be large for that, or only
# *hard*? We keep $N = 32$, and let each scene, where it can, be a twin of the one before, with a
# single thing changed.

# %%
for name, twins in (("chance", 0.0), ("twins", 1.0)):
    batches = [sample_pairs(32, np.random.default_rng(k), twins=twins) for k in range(5)]
    losses = [info_nce(cosines_of(*one) / 0.07).item() for one in batches]
    print(f"{name:6}: loss {min(losses):.3f} to {max(losses):.3f}")
    as_hard = min(sizes, key=lambda n: abs(measured[sizes.index(n)] - sum(losses) / 5))
    print(f"        about as hard as {as_hard} pairs by chance")

# %% [markdown]
# Twins are **hard negatives**. The loss finds them by itself: its push goes to cells with a high
# probability.

# %% [markdown]
# ## False negatives
#
# The loss takes only the diagonal for true. Let two pictures of a batch show a large yellow star,
# with the same caption. Two cells off the diagonal are then true as well, yet count as wrong:
# **false negatives**. The widget marks them with a dot. Predict the gradient there.

# %%
from clipbook.scenes import Object, Scene

star = Scene((Object("star", "yellow", "large", 0.3, 0.7),))
five_pictures = [*pictures[:4], render(star)]
five_captions = [*captions[:4], captions[2]]
with torch.no_grad():
    grid = model.encode_image(preprocess(five_pictures))
    grid = grid @ model.encode_text(*tokenizer.batch(five_captions)).T  # (5, 5)
same = torch.tensor([[a == b for b in five_captions] for a in five_captions])  # (5, 5)
SimilarityMatrix(
    grid, five_pictures, five_captions, view="gradient", temperature=tau, true_pairs=same
)

# %% [markdown]
# The marked cells are pushed down, although nothing is wrong with them. Nobody can obey: equal
# captions have equal embeddings, so columns 3 and 5 are the same, and picture 3 can give neither
# more than one half. With $c_i$ copies of caption $i$ in the batch, its picture's quiz
# costs at least $\ln c_i$, and the loss has a **floor**:
#
# $$\text{loss} \;\ge\; \frac{1}{N} \sum_i \ln c_i$$

# %% [markdown]
# Columns have the same floor: captions 3 and 5 give one answer, but one is asked for picture 3, the
# other for picture 5, and a half for each is the cheapest. Predict the floor of our five. Then, in
# place of encoders, we train vectors directly: one for each picture, one for each *different*
# caption.

# %%
floor = same.sum(dim=1).log().mean()
which = torch.tensor([0, 1, 2, 3, 2])  # picture 5 has caption 3
generator = torch.Generator().manual_seed(0)
images = torch.randn(5, 8, generator=generator).requires_grad_()
texts = torch.randn(4, 8, generator=generator).requires_grad_()
optimiser = torch.optim.Adam([images, texts], lr=0.05)
for _ in range(500):
    optimiser.zero_grad()
    unit_images, unit_texts = (x / x.norm(dim=1, keepdim=True) for x in (images, texts))
    loss = info_nce(20 * unit_images @ unit_texts[which].T)
    loss.backward()
    optimiser.step()
print(f"floor {floor:.4f} = 2 ln 2 / 5, reached {loss.item():.4f}")

# %% [markdown]
# How high is the floor if our world's scenes are drawn at random? And a caption needn't be a copy to
# be true of another picture: "a star" is true of every star. `state` chooses what to mention of a
# scene, `say` words it, and `describes` knows which statement is true of which scene.

# %%
from collections import Counter

from clipbook.scenes import describes, sample, say, state

generator = np.random.default_rng(0)
for N in (32, 256, 1024):
    drawn = sample(N, generator)
    stated = [state(scene, generator) for scene in drawn]
    counts = Counter(say(one) for one in stated)
    floor = sum(math.log(counts[say(one)]) for one in stated) / N
    others = describes(stated, drawn).sum() - N
    print(f"N = {N:4}: floor {floor:.2f}, false negatives a picture {others / N:.1f}")

# %% [markdown]
# The larger the batch, the more of them. This book trains with batches in which no caption is true
# of another scene, as `sample_pairs` makes them. With pairs from the web nobody can check that.

# %% [markdown]
# ## Common mistakes
#
# **The loss stays high although each picture is right → the cosines were not scaled.**

# %%
print(f"bare cosines {info_nce(cosines):.2f}, ln 8 = {math.log(8):.2f}")
print(f"scaled       {info_nce(cosines * model.scale.detach()):.2f}")
print("right:", (cosines.argmax(dim=1) == torch.arange(8)).sum().item(), "of 8")

# %% [markdown]
# **The loss can't fall below some odd number → softmax was taken twice.** `cross_entropy` wants
# logits. Of probabilities, even a perfect answer is expensive:

# %%
from torch.nn.functional import cross_entropy

certain = torch.eye(8)  # probabilities: each is sure, and right
print(f"of probabilities: {cross_entropy(certain, torch.arange(8)):.2f}")
print(f"of logits:        {cross_entropy(100 * certain, torch.arange(8)):.2f}")

# %% [markdown]
# **The loss is 0.0 at once → the batch has one pair.** The last batch of a pass through the data can
# be so small; leave it out.

# %%
info_nce(torch.tensor([[-5.0]])).item()

# %% [markdown]
# **`inf` or `nan` after a while → powers taken without log-sum-exp.** In half precision, 16 bits, a
# logit of 12 is enough.

# %%
for logit in (11.0, 12.0):
    print(logit, "→", torch.tensor(logit).half().exp().item())

# %% [markdown]
# ## Exercise: the pictures' side
#
# *2 points, 10 minutes, easy.* Return the mean cost of the pictures' quizzes, without
# `cross_entropy`. Logits may be as large as 1,000.

# %% [markdown]
# <details><summary>Hint</summary>
#
# A picture looks along its row, `dim=1`. The cost of a row is log-sum-exp minus the own logit;
# `torch.logsumexp` is safe, and so is our own.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "picture-loss", "schema_version": 3, "task": false}
def picture_loss(logits):
    """Mean cost of the pictures, which choose among captions: (N, N) -> ()."""
    ### BEGIN SOLUTION
    return (logits.logsumexp(dim=1) - logits.diagonal()).mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "picture-loss-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

logits_3 = torch.tensor([[3.0, 1, 0], [2, 2, -1], [0, 4, 1]])
mistakes = {
    "pictures choose along rows; yours goes along columns": 0.9754881,
    "only the pictures' side is asked for": 1.1466550,
    "the mean over pictures, not the sum": 3.9534658,
    "first the logarithm, then the mean": 0.7777883,
    "the cost is minus the logarithm": -1.3178219,
    "the natural logarithm, not that of base 2": 1.9012152,
    "the logarithm of the probability is missing": 0.4594210,
    "the own caption is in the sum of the row, too": 0.4599997,
    "only the own cells, not all": 1.9844886,
    "softmax was taken twice": 1.0357487,
    "each row has its own softmax, not the whole grid": 2.5774520,
    "subtract the own logit": 3.3178219,
    "return the mean, one number": [0.1698460, 0.7177359, 3.0658839],
}
with check("The pictures' side"):
    close(picture_loss(logits_3), 1.3178219, "picture_loss(logits)", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "picture-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other grids, PyTorch as the reference.
### BEGIN HIDDEN TESTS
from torch.nn.functional import cross_entropy

with check("The pictures' side, other grids"):
    for size, factor in ((7, 1), (1, 1), (5, 100)):
        many = factor * torch.randn(size, size, generator=torch.Generator().manual_seed(size))
        before = many.clone()
        want = cross_entropy(many, torch.arange(size))
        close(picture_loss(many), want, f"the loss of a {size}×{size} grid", tolerance=1e-3)
        assert torch.equal(many, before), "picture_loss changes the logits it is given; copy them"
    huge = torch.tensor([[1000.0, 999.0], [0.0, 1000.0]])
    got = torch.as_tensor(picture_loss(huge))
    assert got.isfinite().all(), "with logits of 1,000 the result is not finite; use log-sum-exp"
    close(got, 0.1566308, "the loss with logits of 1,000", tolerance=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: the gradient by hand
#
# *3 points, 15 minutes, medium.* Return the gradient of the whole loss, both sides, in each logit,
# without `backward`.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The formula stands under "Push and pull". Two softmaxes along different dimensions, and the
# identity `torch.eye(N)` is subtracted from each. Is your diagonal negative, and do all cells add up
# to zero?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "loss-gradient", "schema_version": 3, "task": false}
def loss_gradient(logits):
    """How the loss changes with each logit: (N, N) -> (N, N)."""
    ### BEGIN SOLUTION
    N = len(logits)
    both = logits.softmax(dim=1) + logits.softmax(dim=0)
    return (both - 2 * torch.eye(N)) / (2 * N)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "loss-gradient-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

logits_3 = torch.tensor([[3.0, 1, 0], [2, 2, -1], [0, 4, 1]])
want = torch.tensor(
    [
        [-0.0751368, 0.0260342, 0.0477898],
        [0.1245587, -0.2329915, 0.0190532],
        [0.0087111, 0.2966724, -0.2146911],
    ]
)
rows_only = torch.tensor(
    [
        [-0.0520684, 0.0380651, 0.0140034],
        [0.1626185, -0.1707148, 0.0080963],
        [0.0057159, 0.3120799, -0.3177958],
    ]
)
columns_only = 2 * want - rows_only
one_each = torch.eye(3)
mistakes = {
    "this goes downhill; the gradient goes uphill": -want,
    "the mean of both sides: divide by 2": 2 * want,
    "the mean over N pairs: divide by N": 3 * want,
    "divide by 2N": 6 * want,
    "divided by N once too often": want / 3,
    "both sides subtract I, yours subtracts none": want + one_each / 3,
    "both sides subtract I, yours subtracts one": want + one_each / 6,
    "the captions' side is missing": rows_only,
    "the captions' side is missing, and what is there is halved": rows_only / 2,
    "the pictures' side is missing": columns_only,
    "the pictures' side is missing, and what is there is halved": columns_only / 2,
    "the result is transposed": want.T,
}
with check("The gradient by hand"):
    close(loss_gradient(logits_3), want, "loss_gradient(logits)", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "loss-gradient-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: autograd as the reference.
### BEGIN HIDDEN TESTS
from clipbook.pairs import info_nce

with check("The gradient by hand, as autograd finds it"):
    for size, factor in ((6, 1), (1, 1), (9, 200)):
        many = factor * torch.randn(size, size, generator=torch.Generator().manual_seed(size))
        before = many.clone()
        variable = many.clone().requires_grad_()
        info_nce(variable).backward()
        what = f"the gradient of a {size}×{size} grid" + " of large logits" * (factor > 1)
        close(loss_gradient(many), variable.grad, what)
        assert torch.equal(many, before), "loss_gradient changes the logits it is given; copy them"
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: the floor
#
# *3 points, 20 minutes, hard.* Given a batch's captions, return the lowest loss that any encoders
# can reach, however large the scale. No grid is given: think which captions can't be told apart.

# %% [markdown]
# <details><summary>Hint</summary>
#
# In a group of $c$ equal captions, each picture can give its own at most $1/c$. Every *pair* pays,
# not every group: how often does a group's cost count in the mean over $N$?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "loss-floor", "schema_version": 3, "task": false}
def loss_floor(captions):
    """Lowest loss of a batch with these captions: list of N strings -> one number."""
    ### BEGIN SOLUTION
    counts = [captions.count(caption) for caption in captions]
    return torch.tensor(counts).log().mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "loss-floor-check", "schema_version": 3, "task": false}
from clipbook.exercises import check, close

batch = ["a star", "a ring", "a star", "a star", "a ring", "a heart", "a cross"]
mistakes = {
    "every pair pays, so a group of c counts c times": 0.4479399,
    "every pair pays: multiply a group's cost by its c": 0.2559656,
    "that is a guess among all, not among equal ones": 1.9459101,
    "that is a guess among different captions; those can be told apart": 1.3862944,
    "first the logarithm, then the mean": 0.7621401,
    "the natural logarithm, not that of base 2": 0.9649840,
    "not only the largest group counts": 1.0986123,
    "the mean over pairs, not the sum": 4.6821312,
    "the loss is the mean of both sides, not their sum": 1.3377518,
    "equal captions needn't be neighbours": 0.1980421,
    "the cost is ln c, not the number of other copies": 1.1428571,
    "the cost is ln c, not c": 2.1428571,
    "a floor is positive: minus ln of 1/c": -0.6688759,
    "a caption's share of the batch is not its probability": 1.2770342,
    "repeated captions have a floor above 0": 0.0,
}
with check("The floor"):
    close(loss_floor(batch), 0.6688759, "loss_floor(captions)", mistakes=mistakes)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "loss-floor-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: the loss of ideal grids as the reference.
### BEGIN HIDDEN TESTS
from clipbook.pairs import info_nce

with check("The floor, other batches"):
    for text in ("aabacddd", "abcdef", "a", "bbbb", "ab" * 20):
        many = [f"caption {letter}" for letter in text]
        ideal = torch.tensor([[1000.0 * (a == b) for b in many] for a in many])
        before = list(many)
        close(loss_floor(many), info_nce(ideal), f"the floor of {len(many)} captions")
        assert many == before, "loss_floor changes the list it is given; copy it"
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A run with batches of 64 ends at a loss of 0.9, another with 512 at 1.1. Which model is
# better?
#
# <details><summary>Answer</summary>
#
# The losses can't tell: a guess costs 6.2 among 512, 4.2 among 64. "The lower loss" compares
# different quizzes; "the larger batch" needn't be right either. Measure both on the same batches.
#
# </details>

# %% [markdown]
# **2.** We add 5 to all logits of row 1. What happens to the loss?
#
# <details><summary>Answer</summary>
#
# The rows' side stays: a softmax sees differences only. But in every column picture 1 has become
# more attractive: caption 1 pays less, all others more. "Nothing, for softmax ignores a constant"
# forgets the second direction.
#
# </details>

# %% [markdown]
# **3.** Every batch of a data set holds each caption twice. The loss stops at 0.69. Train longer?
#
# <details><summary>Answer</summary>
#
# No: $\ln 2 = 0.69$ is the floor. A larger model or a lower temperature doesn't help, for equal
# captions get equal embeddings from any model. Other batches do.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the loss: the grid as $2N$ quizzes, their mean cost as one number.
#
# - It starts near $\ln N$, and its floor is the mean of $\ln c_i$, above 0 only if captions repeat.
# - Its gradient is what is believed minus what is true: a pull on the diagonal, a push on each
#   other cell by how much it attracts, true or not.
# - The scale sharpens the choice; it is learned, and clamped because more is always better once all
#   is right.
#
# Next: **[does it learn, if we let it?](training.ipynb)**

# %% [markdown]
# **Sources.** The loss in both directions, its pseudo-code: {cite:t}`radford2021clip`, §2.3 and
# figure 3; batch size, the temperature's start and its clamp: §2.5. InfoNCE:
# {cite:t}`van_den_oord2018cpc`, §2.3; a batch's other items as negatives: {cite:t}`sohn2016npair`;
# both directions for pictures and text: {cite:t}`zhang2022convirt`, §2.
