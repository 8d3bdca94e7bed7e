# ---
# jupyter:
#   chapter:
#     question: How does the whole grid become one number, and what does that number do to each
#       cell?
#     objectives:
#     - compute the loss of a small grid by hand, and derive it from "each row is a quiz"
#     - say what the loss is at the start, how temperature and batch size change it, and where its
#       floor lies if captions repeat
#     - write down the gradient in every cell, and read it as push and pull
#     needs: [pairs/similarity-matrix]
#     minutes: 40
#     place: this comes after the grid; from here gradients run back into both encoders
#     band: loss
#     builds: [clipbook.pairs.info_nce]
#     seed:
#       This pushes the model to understand: [Push and pull, pulled, pushed]
# ---

# %% [markdown]
# # The contrastive loss
#
# The grid shows which picture fits which caption. To improve it, an optimiser needs one number
# that falls as the grid gets better. {question}

# %% [markdown] predict={"choices": ["picture 1", "picture 2"], "right": "picture 2", "shown": "[0.731, 0.269], [0.047, 0.953]"}
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
P_rows = powers / powers.sum(dim=1, keepdim=True)  # softmax along each row
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
halves = f"{picture_costs.mean():.3f} + {caption_costs.mean():.3f}"
print(f"loss: ({halves}) / 2 = {loss:.3f}")

# %% [markdown]
# Neither: both columns have a difference of 2. The mean of both directions is the loss, symmetric
# **InfoNCE**; from here on InfoNCE means this. Why both? A row compares captions only; a picture that attracts all of them is
# noticed by the columns alone.

# %% [markdown] predict={"choices": ["about 2.7 · 10⁴³", "infinity", "0"], "right": "infinity", "shown": "e^100 = inf"}
# ## Safe for large numbers: log-sum-exp
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
# The first four of our eight pairs, as the trained model sees them.

# %% mystnb={"image": {"alt": "The diagonal of the four-by-four grid holds the highest cosine of each row."}}
import clipbook
from clipbook.figures import similarity_heatmap
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
model, tokenizer = clipbook.load("shapes")
with torch.no_grad():
    image_embeddings = model.encode_image(model.preprocess(pictures))  # (8, 64)
    text_embeddings = model.encode_text(*tokenizer.batch(captions))  # (8, 64)
cosines = image_embeddings @ text_embeddings.T  # (8, 8)
similarity_heatmap(cosines[:4, :4], pictures[:4], captions[:4])

# %% [markdown]
# Predict from the cosines: which two pictures pay most?


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
# ## The package's loss, and transformers'
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

# %% [markdown] predict={"ask": "For 8 pairs", "number": 2.08, "within": 0.05, "shown": "N = 8: ln N = 2.08"}
# ## Where it starts
#
# A model that finds all captions equally good gives each $1/N$, so each quiz costs
# $-\ln(1/N) = \ln N$. Predict this for 8 pairs, for 128, and for CLIP's batch of 32,768. We compare
# five models with random weights, at CLIP's first τ of 0.07. Each gets pairs of its own: `stream`
# gives random numbers that no other purpose, seed or training batch shares.

# %%
import math

from clipbook.pairs import CLIP
from clipbook.scenes import sample_pairs
from clipbook.streams import stream


def first_loss(N, seed):
    torch.manual_seed(seed)
    untrained = CLIP(model.config).eval()
    generator = stream("contrastive-loss: first batches", seed)
    scenes, captions = sample_pairs(N, generator)
    with torch.no_grad():
        pixels = untrained.preprocess([render(scene) for scene in scenes])
        logits = untrained(pixels, *tokenizer.batch(captions))
    return info_nce(logits).item()


# %%
for N in (8, 32, 128):
    first = [first_loss(N, seed) for seed in range(5)]
    print(f"N = {N:3}: ln N = {math.log(N):.2f}", end=", ")
    print(f"measured {min(first):.2f} to {max(first):.2f}")
    assert min(first) > math.log(N)
print(f"N = 32,768: ln N = {math.log(32_768):.2f}")

# %% [markdown]
# A little above $\ln N$: random weights prefer some captions without knowing, and a wrong preference
# costs more than a right one saves. A first loss far above is a warning: the model is sure, and
# wrong. One that stays at $\ln N$ says that nothing is learned.

# %% [markdown]
# ## The temperature
#
# Logits are cosines times the **scale** $s = 1/\tau$. Why not bare cosines, $s = 1$? That of a
# matching pair is at most 1; then picture and caption are one vector. How low can the others be? Two vectors may
# be opposite, three can't. The sum of $N$ vectors of length 1 has the squared length
# $N + \sum_{i \ne j} I_i \cdot T_j$, which is not below 0: **on average, the others are at least
# $-1/(N-1)$.** If all are equal, which is cheapest, a quiz costs
#
# $$\ln\left(1 + (N-1)\, e^{-s N/(N-1)}\right)$$

# %% [markdown]
# <details><summary>Do lower cosines of matching pairs help?</summary>
#
# No. Let $\bar I$ and $\bar T$ be the mean vectors. Over all $i \ne j$, the mean of
# $I_i \cdot T_j - I_i \cdot T_i$ is $-\frac{1}{N-1} \sum_i (I_i - \bar I) \cdot (T_i - \bar T)$.
# That sum is at most $N$, since $\sum_i \lVert I_i - \bar I \rVert^2 \le N$, and likewise for
# captions. So the mean is at least $-N/(N-1)$; and as the cost is convex in these differences, it is
# least where all are equal.
#
# </details>

# %% [markdown]
# Predict: how low can the loss get for 128 pairs? Beside the formula we let free vectors try, one
# for each picture and one for each caption, with no encoders at all.


# %%
def trained_loss(scale, captions, numbers, steps=500):
    """Loss of trained free vectors; picture i has caption captions[i]."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(len(captions), numbers, generator=generator)
    texts = torch.randn(max(captions) + 1, numbers, generator=generator)
    free = [images.requires_grad_(), texts.requires_grad_()]
    optimiser = torch.optim.Adam(free, lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        units = [x / x.norm(dim=1, keepdim=True) for x in free]
        loss = info_nce(scale * units[0] @ units[1][captions].T)
        loss.backward()
        optimiser.step()
    return loss.item()


# %%
N = 128
for s in (1, 5, 14.3):
    lowest = math.log(1 + (N - 1) * math.exp(-s * N / (N - 1)))
    free = trained_loss(s, torch.arange(N), 64)
    print(f"scale {s:4}: at least {lowest:.4f}", end=", ")
    print(f"64 free numbers a vector reach {free:.4f}")
    assert lowest < free < lowest + 0.1
print(f"a guess: {math.log(N):.4f}")

# %% [markdown]
# With bare cosines nearly four fifths of a guess remain, whatever the encoders. How far must the
# scale grow? Two grids of eight: in one, matching cells are 0.5 and the rest 0.3; in the other, caption 2
# also fits picture 1 too well, with 0.6. Predict both curves.

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
# model, so CLIP **learns** it; its parameter is the logarithm, `log_scale`, so that the scale stays
# positive. Let gradient descent find it for both grids, with the cosines fixed.

# %%
for name, grid in (("all right", right), ("one wrong", spoilt)):
    start = math.log(1 / 0.07)  # CLIP's
    log_scale = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([log_scale], lr=0.05)
    for step in range(1, 1001):
        optimiser.zero_grad()
        info_nce(log_scale.exp() * grid).backward()
        optimiser.step()
        if step in (300, 1000):
            print(f"{name}, step {step:4}: scale {log_scale.exp():.0f}")

# %% [markdown]
# With one wrong cell it comes to rest. With everything right, larger is always a bit better, and
# the scale goes on growing. CLIP's authors **clamp** it at 100, which they "found necessary to
# prevent training instability" ({cite:t}`radford2021clip`, §2.5); this page shows no such case. Our
# model is clamped after each step as well.

# %%
untrained = CLIP(model.config)
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
# again; $-L_{ii}$ gives −1, in the matching cell alone. The same goes for columns, and the loss is the
# mean over $2N$ costs. With the identity matrix $I$, 1 on the diagonal and 0 elsewhere:
#
# $$\frac{\partial\,\text{loss}}{\partial L}
#   = \frac{(P_\text{rows} - I) + (P_\text{columns} - I)}{2N}$$
#
# Predict the signs on and off the diagonal. Then we ask autograd, PyTorch's own gradient.

# %%
variable = four.clone().requires_grad_()
info_nce(variable).backward()
by_hand = four.softmax(dim=1) + four.softmax(dim=0) - 2 * torch.eye(4)
by_hand /= 2 * 4
assert torch.allclose(variable.grad, by_hand, atol=1e-6)
print(by_hand)
print(f"sum: {by_hand.sum().abs():.6f}")

# %% [markdown]
# Descent goes against the gradient. The diagonal is negative: matching cells are **pulled up**. The rest
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
# Check the start with the formula: with $p = 1/8$ in each row and column, a matching cell has
# $2\,(1/8 - 1)/(2 \cdot 8)$, any other $2 \cdot (1/8)/(2 \cdot 8)$.

# %%
start = torch.tensor(history.snapshots[0], requires_grad=True)
logits = start / tau
logits.retain_grad()
info_nce(logits).backward()
pull = logits.grad.diagonal()
print(f"matching cells: {pull.min():.3f} to {pull.max():.3f}")
print(f"with p = 1/8: {(1 / 8 - 1) / 8:.3f}; other cells: {1 / 64:.3f}")
ratio = start.grad.norm() / logits.grad.norm()
print(f"gradient in the cosines: {ratio:.1f} times as large")

# %% [markdown]
# The last line is the chain rule: a cosine gets its logit's gradient times the scale, 5.

# %% [markdown] predict={"choices": ["rises", "falls"], "right": "rises", "shown": "the loss rises with the batch size"}
# ## More pairs, more contrast
#
# Each picture meets $N - 1$ wrong captions, its **negatives**. Predict: the same model, larger
# batches, CLIP's first τ of 0.07; does the loss rise or fall?


# %% mystnb={"image": {"alt": "For the same trained model the loss rises with the batch size; it stays below ln N, the loss of a guess, which rises too."}}
def cosines_of(scenes, captions):
    pixels = model.preprocess([render(scene) for scene in scenes])
    with torch.no_grad():
        images = model.encode_image(pixels)
        return images @ model.encode_text(*tokenizer.batch(captions)).T


streams = [stream("contrastive-loss: larger batches", k) for k in range(5)]
batches = [sample_pairs(256, generator) for generator in streams]
grids = [cosines_of(*batch) / 0.07 for batch in batches]  # (256, 256) each
sizes, measured = [4, 8, 16, 32, 64, 128, 256], []
for n in sizes:  # blocks along the diagonal are smaller batches
    blocks = [L[k : k + n, k : k + n] for L in grids for k in range(0, 256, n)]
    measured.append(torch.stack([info_nce(block) for block in blocks]).mean())
guess = [math.log(n) for n in sizes]
lines = {"a guess, ln N": (sizes, guess), "the model": (sizes, measured)}
curves(lines, across="batch size N", up="loss", log="x")

# %% [markdown]
# It rises, and must: with each caption more, a row's sum has one term more. **Losses of different
# batch sizes can't be compared.** Among more negatives there is likelier a confusing one. Must a
# batch be large for that, or only *hard*? We keep $N = 32$, and let each scene, where it can, be a
# twin of the one before, with a single thing changed.

# %%
for name, twins in (("chance", 0.0), ("twins", 1.0)):
    losses = []
    for seed in range(8):
        generator = stream("contrastive-loss: hard batches", seed)
        batch = sample_pairs(32, generator, twins=twins)
        losses.append(info_nce(cosines_of(*batch) / 0.07).item())
    print(f"{name:6}: loss {min(losses):.3f} to {max(losses):.3f}")
    mean = sum(losses) / 8
    as_hard = sizes[(torch.stack(measured) - mean).abs().argmin()]
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
    grid = model.encode_image(model.preprocess(five_pictures))
    grid = grid @ model.encode_text(*tokenizer.batch(five_captions)).T  # (5, 5)
same = torch.tensor([[a == b for b in five_captions] for a in five_captions])
view = {"view": "gradient", "temperature": tau, "true_pairs": same}
SimilarityMatrix(grid, five_pictures, five_captions, **view)

# %% [markdown]
# The marked cells are pushed down, although nothing is wrong with them. Nobody can obey: equal
# captions have equal embeddings, so columns 3 and 5 are the same, and picture 3 can give neither
# more than one half. If caption $i$ stands $c_i$ times in the batch, its picture's quiz
# costs at least $\ln c_i$, and the loss has a **floor**:
#
# $$\text{loss} \;\ge\; \frac{1}{N} \sum_i \ln c_i$$

# %% [markdown]
# Columns have the same floor: captions 3 and 5 give one answer, but one is asked for picture 3, the
# other for picture 5, and a half for each is the cheapest. Predict the floor of our five. Then free
# vectors try again, one for each picture and one for each *different* caption.

# %%
floor = same.sum(dim=1).log().mean()
caption_numbers = torch.tensor([0, 1, 2, 3, 2])  # picture 5 has caption 3
reached = trained_loss(20, caption_numbers, 8)
print(f"floor {floor:.4f} = 2 ln 2 / 5, reached {reached:.4f}")

# %% [markdown]
# How high is the floor if our world's scenes are drawn at random? And a caption needn't be a copy to
# be true of another picture: "a star" is true of every star. `state` chooses what to mention of a
# scene, `say` words it, and `describes` knows which statement is true of which scene.

# %%
from collections import Counter

from clipbook.scenes import describes, sample, say, state

for N in (32, 256, 1024):
    floors, others = [], []
    for seed in range(5):
        generator = stream("contrastive-loss: repeated captions", seed)
        sampled = sample(N, generator)
        statements = [state(scene, generator) for scene in sampled]
        said = [say(statement) for statement in statements]
        counts = Counter(said)
        floors.append(sum(math.log(counts[caption]) for caption in said) / N)
        others.append(describes(statements, sampled).sum() / N - 1)
    print(f"N = {N:4}: floor {min(floors):.2f} to {max(floors):.2f}")
    print(" " * 9, "false negatives a picture", end=" ")
    print(f"{min(others):.1f} to {max(others):.1f}")

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

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: the pictures' side
#
# The captions are shuffled, and there may be more of them than
# pictures, or fewer, if pictures share one: `right[i]` is the column of picture $i$'s caption,
# counted from 0. Return the mean cost of the pictures' quizzes. The check tries several sizes and
# logits from −1,000 to 1,000, and refuses PyTorch's own `cross_entropy` and `nll_loss`.

# %% [markdown]
# <details><summary>Hint</summary>
#
# A picture looks along its row, `dim=1`. The cost of a row is log-sum-exp minus the right logit;
# `torch.logsumexp` is safe, and so is our own. `logits[torch.arange(N), right]` takes one cell of
# each row.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "picture-loss", "schema_version": 3, "task": false}
def picture_loss(logits, right):
    """Mean cost of the pictures, which choose among captions.

    (N, M) and (N,) -> ().
    """
    ### BEGIN SOLUTION
    own = logits[torch.arange(len(logits)), right]  # (N,)
    return (logits.logsumexp(dim=1) - own).mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "picture-loss-check", "schema_version": 3, "task": false}
from torch.nn import functional

from clipbook.exercises import ask, check, close, numbers, without

logits_3 = torch.tensor([[3.0, 1, -1, 2], [2, 0, -2, 1], [0, 4, 1, 3]])
right_3 = torch.tensor([2, 0, 1])
mistakes = {
    "pictures choose along rows; yours goes along columns": 1.1949141,
    "only the pictures' side is asked for": 1.4643375,
    "picture i's caption is in column right[i], not i": 2.0670941,
    "logits[i, right[i]], not logits[right[i], i]": 3.7337608,
    "the mean over pictures, not the sum": 5.2012830,
    "the mean over pictures; yours divides by the captions": 1.3003207,
    "first the logarithm, then the mean": 0.7869759,
    "the cost is minus the logarithm": -1.7337610,
    "the natural logarithm, not that of base 2": 2.5012884,
    "the logarithm of the probability is missing": 0.4552194,
    "the own caption is in the sum of the row, too": 0.9754882,
    "only the matching cells, not all": 2.2337606,
    "softmax was taken twice": 1.2164230,
    "each row has its own softmax, not the whole grid": 3.1225350,
    "subtract the own logit": 3.4004276,
    "return the mean, one number": [4.4197168, 0.4197166, 0.3618493],
}
questions = []
for N, M in ((1, 1), (6, 6), (2, 9), (12, 5)):
    generator = torch.Generator().manual_seed(N)
    many = 5 * torch.randn(N, M, generator=generator)
    places = torch.randint(M, (N,), generator=generator)
    questions.append((many, places, functional.cross_entropy(many, places)))
huge = torch.tensor([[1000.0, -1000, 0], [0, 1000, 999], [-1000, -999, -1000]])
forbidden = functional.cross_entropy, functional.nll_loss
with check("The pictures' side"), without(*forbidden):
    got = ask(picture_loss, logits_3, right_3)
    close(got, 1.7337610, "picture_loss(logits_3, right_3)", mistakes=mistakes)
    for many, places, want in questions:
        got = ask(picture_loss, many, places)
        close(
            got,
            want,
            f"picture_loss of {len(many)}×{len(many.T)} logits",
            tolerance=1e-4,
        )
    got = ask(picture_loss, huge, torch.tensor([1, 1, 0]))
    assert numbers(got, "picture_loss").isfinite().all(), (
        "with logits from -1,000 to 1,000 the result is not finite; use log-sum-exp, row by row"
    )
    close(
        got,
        667.28823,
        "picture_loss of logits from -1,000 to 1,000",
        tolerance=1e-3,
    )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "picture-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other grids, PyTorch as the reference.
### BEGIN HIDDEN TESTS
from torch.nn import functional

from clipbook.exercises import ask, check, close, without

questions = []
for N, M, factor in ((7, 7, 1), (1, 4, 1), (60, 40, 1), (40, 60, 100)):
    many = factor * torch.randn(
        N, M, generator=torch.Generator().manual_seed(N)
    )
    places = torch.arange(N) * 7 % M
    questions.append((many, places, functional.cross_entropy(many, places)))
forbidden = functional.cross_entropy, functional.nll_loss
with check("The pictures' side, other grids"), without(*forbidden):
    for many, places, want in questions:
        got = ask(picture_loss, many, places)
        close(
            got,
            want,
            f"picture_loss of {len(many)}×{len(many.T)} logits",
            tolerance=1e-3,
        )
    huge = torch.tensor([[1000.0, 999.0], [0.0, 1000.0]])
    got = ask(picture_loss, huge, torch.tensor([0, 1]))
    close(got, 0.1566308, "picture_loss of logits of 1,000", tolerance=1e-3)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: the gradient by hand
#
# Return the gradient of the whole loss, both sides, in each
# **cosine**, where the logits are the cosines times `scale`. Use the formula: the check refuses
# PyTorch's own gradients, `backward` and `torch.autograd.grad`. It tries several sizes, a single
# pair, and scales from 1 to 1,000.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The formula under "Push and pull" gives the gradient in the logits: two softmaxes of the logits
# along different dimensions, and the identity `torch.eye(N)` is subtracted from each. Then the
# chain rule, as under the widget. Is your diagonal negative, and do all cells add up to zero?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "loss-gradient", "schema_version": 3, "task": false}
def loss_gradient(cosines, scale):
    """How the loss changes with each cosine: (N, N) and a number -> (N, N)."""
    ### BEGIN SOLUTION
    N, logits = len(cosines), scale * cosines
    both = logits.softmax(dim=1) + logits.softmax(dim=0)
    return scale * (both - 2 * torch.eye(N)) / (2 * N)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "loss-gradient-check", "schema_version": 3, "task": false}
from torch.nn.functional import cross_entropy

from clipbook.exercises import ask, check, close, numbers, without
from clipbook.pairs import info_nce


def by_autograd(loss, cosines, scale):
    variable = cosines.double().requires_grad_()
    loss(scale * variable).backward()
    return variable.grad


cosines_3 = torch.tensor([[0.6, 0.2, 0], [0.4, 0.4, -0.2], [0, 0.8, 0.2]])
want = by_autograd(info_nce, cosines_3, 5.0)
rows_only = by_autograd(
    lambda logits: cross_entropy(logits, torch.arange(3)), cosines_3, 5.0
)
columns_only = 2 * want - rows_only
unscaled = by_autograd(info_nce, cosines_3, 1.0)
mistakes = {
    "this goes downhill; the gradient goes uphill": -want,
    "the mean of both sides: divide by 2": 2 * want,
    "the mean over N pairs: divide by N": 3 * want,
    "divide by 2N": 6 * want,
    "divided by N once too often": want / 3,
    "that is the gradient in the logits; a cosine's is scale times as large": want
    / 5,
    "multiplied by the scale once too often": 5 * want,
    "the logits are the cosines times the scale; yours takes softmax of cosines": 5
    * unscaled,
    "where is the scale? It stands in the logits and in the chain rule": unscaled,
    "multiply by the scale; yours divides": by_autograd(
        info_nce, cosines_3, 1 / 5
    ),
    "both sides subtract I, yours subtracts none": want + 5 * torch.eye(3) / 3,
    "both sides subtract I, yours subtracts one": want + 5 * torch.eye(3) / 6,
    "the captions' side is missing": rows_only,
    "the captions' side is missing, and what is there is halved": rows_only / 2,
    "the pictures' side is missing": columns_only,
    "the pictures' side is missing, and what is there is halved": columns_only
    / 2,
    "the result is transposed": want.T,
}
questions = []
for N, scale in ((1, 3), (2, 1.0), (9, 14.3), (6, 100.0), (4, 1000.0)):
    many = torch.rand(N, N, generator=torch.Generator().manual_seed(N)) * 2 - 1
    questions.append((many, scale, by_autograd(info_nce, many, scale)))
forbidden = torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad
with check("The gradient by hand"), without(*forbidden):
    got = ask(loss_gradient, cosines_3, 5.0)
    close(got, want, "loss_gradient(cosines_3, 5.0)", mistakes=mistakes)
    for many, scale, want in questions:
        got = ask(loss_gradient, many, scale)
        what = (
            f"loss_gradient of {len(many)}×{len(many)} cosines at scale {scale}"
        )
        finite = numbers(got, what).isfinite().all()
        assert finite, (
            f"{what} is not finite; softmax is safe for large logits, powers are not"
        )
        close(got, want, what, tolerance=2e-5 * scale)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "loss-gradient-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: autograd as the reference.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close, without
from clipbook.pairs import info_nce

questions = []
for N, scale in ((1, 1.0), (5, 1), (7, 64.0), (3, 1000.0), (40, 20.0)):
    many = (
        torch.rand(N, N, generator=torch.Generator().manual_seed(N + 1)) * 2 - 1
    )
    variable = many.double().requires_grad_()
    info_nce(scale * variable).backward()
    questions.append((many, scale, variable.grad))
forbidden = torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad
with check("The gradient by hand, as autograd finds it"), without(*forbidden):
    for many, scale, want in questions:
        what = (
            f"loss_gradient of {len(many)}×{len(many)} cosines at scale {scale}"
        )
        close(
            ask(loss_gradient, many, scale), want, what, tolerance=2e-5 * scale
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "hard"}
# ## Exercise: the floor
#
# A text encoder reads the **first four words** of a caption and
# nothing after them. Given a batch's captions, whose pictures all differ, return the lowest loss
# that this encoder can reach, beside whatever image encoder and however large the scale. No grid
# is given: think which captions can't be told apart. Words stand between single spaces; the check
# tries short captions too, equal ones far apart, and a single one.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `caption.split()[:4]` is what the encoder reads. In a group of $c$ captions that look equal to it,
# each picture can give its own at most $1/c$. Every *pair* pays, not every group: how often does a
# group's cost count in the mean over $N$?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "loss-floor", "schema_version": 3, "task": false}
def loss_floor(captions):
    """Lowest loss if four words of each caption are read.

    List of N strings -> one number.
    """
    ### BEGIN SOLUTION
    read = [caption.split()[:4] for caption in captions]
    counts = [read.count(words) for words in read]
    return torch.tensor(counts).log().mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "loss-floor-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce

batch = [
    "a picture of a star",
    "a picture of a heart",
    "a ring",
    "a large red cross",
    "a ring",
]
batch += ["a picture of a star", "a large red cross above a ring"]
batch += ["the picture of a star", "a large red star", "a ladder"]
mistakes = {
    "captions that differ after the fourth word look equal to this encoder": 0.2772589,
    "four words, not three": 0.7977968,
    "the first four words, not four letters, nor the fourth word alone": 1.0227308,
    "every pair pays, so a group of c counts c times": 0.4141511,
    "every pair pays: multiply a group's cost by its c": 0.2484907,
    "that is a guess among all, not among equal ones": 2.3025851,
    "that is a guess among different captions; those can be told apart": 1.7917595,
    "first the logarithm, then the mean": 0.6931472,
    "the natural logarithm, not that of base 2": 0.8754888,
    "not only the largest group counts": 1.0986123,
    "the mean over pairs, not the sum": 6.0684257,
    "the loss is the mean of both sides, not their sum": 1.2136852,
    "equal captions needn't be neighbours": 0.1386294,
    "the cost is ln c, not the number of other copies": 1.0,
    "the cost is ln c, not c": 2.0,
    "a floor is positive: minus ln of 1/c": -0.6068426,
    "a caption's share of the batch is not its probability": 1.6957425,
    "captions that look equal have a floor above 0": 0.0,
}
heads = [
    "a",
    "a ring",
    "a sunflower",
    "a sun flower",
    "ring and a star",
    "star and a ring",
]
ends = ["", " a star", " and a red ring"]
with check("The floor"):
    close(
        ask(loss_floor, batch),
        0.6068426,
        "loss_floor(batch)",
        mistakes=mistakes,
    )
    close(ask(loss_floor, ["a star"]), 0, "loss_floor of a single caption")
    for size in (2, 12, 30):
        draw = torch.Generator().manual_seed(size)
        group = torch.randint(len(heads), (size,), generator=draw)
        many = [heads[k] for k in group]
        for i in range(size):
            if group[i] >= 4:  # four words, and after them anything
                many[i] += ends[torch.randint(3, (1,), generator=draw)]
        # the best grid; its loss is the floor
        ideal = 1000.0 * (group[:, None] == group)
        close(
            ask(loss_floor, many),
            info_nce(ideal),
            f"loss_floor of {size} captions",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "loss-floor-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: the loss of ideal grids as the reference.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close
from clipbook.pairs import info_nce

with check("The floor, other batches"):
    read = {
        "a": "a picture of a",
        "b": "of a picture a",
        "c": "a picture of two",
    }
    read |= {"d": "a picture", "e": "a"}  # too short to be followed by more
    for text in ("aabacdeeee", "edcba", "a", "bbbb", "ab" * 20):
        tails = [
            f" {k} stars" * (letter in "abc") for k, letter in enumerate(text)
        ]
        many = [
            read[letter] + tail
            for letter, tail in zip(text, tails, strict=True)
        ]
        ideal = torch.tensor([[1000.0 * (a == b) for b in text] for a in text])
        close(
            ask(loss_floor, many),
            info_nce(ideal),
            f"loss_floor of {len(many)} captions",
        )
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
# - The scale sharpens the choice; without it the loss stays near a guess. It is learned, and clamped
#   at 100 to keep training stable.
#
# Next: **[does it learn, if we let it?](training.ipynb)**

# %% [markdown]
# **Sources.** The loss in both directions, its pseudo-code: {cite:t}`radford2021clip`, §2.3 and
# figure 3; batch size, the temperature's start and its clamp: §2.5. InfoNCE:
# {cite:t}`van_den_oord2018cpc`, §2.3; a batch's other items as negatives: {cite:t}`sohn2016npair`;
# both directions for pictures and text: {cite:t}`zhang2022convirt`, §2.
