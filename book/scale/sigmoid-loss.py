# ---
# jupyter:
#   chapter:
#     question: What if nobody had to choose, and each cell of the grid answered yes or no by
#       itself?
#     objectives:
#     - compute the sigmoid loss of a small grid by hand, and its gradient in each cell
#     - say why SigLIP adds a bias to every logit, and what happens where it begins at 0
#     - label a batch in which several captions are true of one picture, or none, and say which of
#       two losses is better, as far as three seeds can tell
#     needs: [pairs/training]
#     minutes: 35
#     place: only the loss at the end of it changes; both encoders stay as they are
#     band: sigmoid
#     builds: [clipbook.pairs.sigmoid_loss]
# ---

# %% [markdown]
# # The sigmoid loss
#
# InfoNCE lets each picture choose among all captions of its batch, and each caption among all
# pictures. {question} SigLIP was trained so; its image encoder is also that of the vision–language
# model PaliGemma.

# %% [markdown]
# ## Yes or no
#
# The grid of [the contrastive loss](../pairs/contrastive-loss.ipynb): two pictures, two captions,
# with logits 2 and 1 for picture 1, and 0 and 3 for picture 2. Each cell is now a question by itself:
# is this a pair? The **sigmoid** turns its logit into the probability of a yes,
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}},$$
#
# which is ½ at 0, near 1 for large $x$ and near 0 for very negative $x$. A matching cell should say yes, any
# other no, and as before an answer costs $-\ln$ of the probability of what is right, here called
# **binary cross-entropy**. Predict: which of the four cells is the most expensive?

# %%
import torch

torch.set_printoptions(precision=3, sci_mode=False, linewidth=80)
torch.set_num_threads(1)  # so small a model gains nothing from more
L = torch.tensor([[2.0, 1.0], [0.0, 3.0]])  # (2, 2)
yes = 1 / (1 + (-L).exp())  # (2, 2)
own = torch.eye(2, dtype=torch.bool)
right = torch.where(own, yes, 1 - yes)  # the probability of the right answer
costs = -right.log()
print(yes)
print(costs)

# %% [markdown]
# Picture 1 with caption 2: a logit of 1 says yes with probability 0.73, and no would be right. Even a
# logit of 0 costs $\ln 2 = 0.69$: yes and no are equally likely. The loss adds up a picture's cells,
# and takes the mean over the $N$ pictures. With labels $y_{ij} = 1$ in matching cells and $-1$
# elsewhere, one formula covers both answers, since $1 - \sigma(x) = \sigma(-x)$:
#
# $$\text{loss} = -\frac1N \sum_{i,j} \ln \sigma(y_{ij} L_{ij})$$

# %%
y = 2 * own.float() - 1  # (2, 2): 1 and -1
loss = -torch.sigmoid(y * L).log().sum() / 2
assert torch.isclose(loss, costs.sum() / 2)
added = " + ".join(f"{cost:.3f}" for cost in costs.flatten())
print(f"({added}) / 2 = {loss:.3f}")

# %% [markdown]
# Now raise one logit, that of picture 1 with caption 2, by 3. Predict how many of InfoNCE's four
# costs change (two pictures, two captions), and how many of the sigmoid's four.


# %%
def choices(L):
    """InfoNCE's costs: pictures choose along rows, captions along columns."""
    own = L.diagonal()
    return torch.cat([L.logsumexp(dim=1) - own, L.logsumexp(dim=0) - own])


def answers(L):
    return -torch.sigmoid(y * L).log().flatten()


raised = L + torch.tensor([[0.0, 3], [0, 0]])
for name, costs_of in (("InfoNCE", choices), ("sigmoid", answers)):
    changed = (costs_of(raised) - costs_of(L)).abs() > 1e-6
    print(f"{name}: {costs_of(L)} → {costs_of(raised)}", end=", ")
    print(f"{changed.sum()} changed")

# %% [markdown]
# In a softmax all cells of a row and a column compete. Here a cell's cost depends on its logit alone.
# The chapters after this one make use of that, when a batch no longer fits into one memory.

# %% [markdown] predict={"ask": "The softplus at x = −100", "number": 100, "within": 1, "shown": "logsigmoid: tensor([100.000"}
# ## Safe for large numbers
#
# $-\ln \sigma(x) = \ln(1 + e^{-x})$ is called **softplus** of $-x$. Predict its value for
# $x = -100$, and then what the formula gives, computed as it is written.

# %%
from torch.nn.functional import logsigmoid

x = torch.tensor([-100.0, -2.0, 0.0, 2.0, 100.0])
print("as written:  ", -torch.sigmoid(x).log())
print("logsigmoid:  ", -logsigmoid(x))

# %% [markdown]
# About 100: a wrong answer costs about as much as its logit is large. As written, $\sigma(-100)$
# rounds to 0 in 32-bit numbers, and the cost becomes infinite. PyTorch's `logsigmoid` computes it
# without overflow; the first exercise asks how. The package's `sigmoid_loss` is built on it, and
# `transformers`, Hugging Face's package, has a version of its own, inside the model.

# %%
from transformers import SiglipConfig, SiglipModel
from transformers.utils import logging

from clipbook.pairs import sigmoid_loss

logging.set_verbosity_error()  # no warnings about defaults
assert torch.isclose(sigmoid_loss(L), loss)
sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
sizes |= {"num_attention_heads": 2}
text = sizes | {"vocab_size": 99, "max_position_embeddings": 8}
text |= {"projection_size": 16, "bos_token_id": 1, "eos_token_id": 2}
image = sizes | {"image_size": 16, "patch_size": 8}
config = SiglipConfig(text_config=text, vision_config=image)
theirs = SiglipModel(config).eval()  # random weights, SigLIP's code
ids, pixels = torch.randint(3, 90, (5, 8)), torch.randn(5, 3, 16, 16)
with torch.no_grad():
    out = theirs(input_ids=ids, pixel_values=pixels, return_loss=True)
assert torch.isclose(sigmoid_loss(out.logits_per_image), out.loss, atol=1e-5)
print(f"ours {sigmoid_loss(out.logits_per_image):.4f}, theirs {out.loss:.4f}")

# %% [markdown]
# ## Nearly always no
#
# A batch of $N$ pairs has $N$ cells whose answer is yes, and $N^2 - N$ whose answer is no. Suppose
# that before training all cosines, and so all logits, are 0. Predict the first loss for 64 pairs
# and for SigLIP's 32,768.

# %%
import math

for N in (64, 32_768):
    print(f"N = {N:6,}: {N} ln 2 = {N * math.log(2):9,.1f}", end="; ")
    print(f"yes is right in 1 of {N:,} cells")

# %% [markdown]
# A model that says "no" to everything is nearly always right. So SigLIP adds one learned number to every
# logit, the **bias** $b$: $L_{ij} = s \cos_{ij} + b$, with the scale $s$ of before. With all
# cosines at 0 a picture's cells cost
#
# $$-\ln \sigma(b) \;-\; (N-1) \ln \sigma(-b)$$
#
# Predict: at which $b$ is that least?

# %% mystnb={"image": {"alt": "The first loss over the bias, for 64 and for 32,768 pairs: each curve falls from the right, has a flat lowest point near minus ln N, and rises slowly to the left."}}
from clipbook.figures import curves

biases = torch.arange(-16.0, 1.0)


def first_loss(b, N):
    return -logsigmoid(b) - (N - 1) * logsigmoid(-b)


lines = {f"{N:,} pairs": (biases, first_loss(biases, N)) for N in (64, 32_768)}
for N in (64, 32_768):
    b = torch.tensor(-math.log(N - 1))
    cost, from_10 = first_loss(b, N), first_loss(torch.tensor(-10.0), N)
    print(f"N = {N:6,}: at b = -ln(N - 1) = {b:6.2f}", end=" ")
    print(f"it costs {cost:.2f}, at -10 {from_10:.2f}")
curves(lines, across="bias b", up="first loss", log="y")

# %% [markdown]
# The derivative in $b$ is $N \sigma(b) - 1$. So the cost is least where the probability of a yes is the
# share of pairs, $\sigma(b) = 1/N$, which gives $b = -\ln(N-1)$. For 32,768 pairs that is near −10, where SigLIP's bias begins; its scale begins at 10
# ({cite:t}`zhai2023siglip`, §3.2). Without such a bias, its authors write, the many negatives
# dominate the loss, and the first, large steps go into correcting that. We look: three models with
# the same first weights and 60 steps of 64 pairs. Predict where the *cosines* end if $b$ begins at
# 0.

# %%
from clipbook.image import CNNConfig, normalise
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.text import TextConfig
from clipbook.training import PRESETS, SceneBatches, TrainingConfig, train

tokenizer = PRESETS["cpu"].build().tokenizer
maker = SceneBatches(tokenizer, 64, twins=0.0, seed=3)
batches = [maker[k] for k in range(60)]
unseen_pictures, *unseen_text = maker[10_000]
settings = TrainingConfig(
    60, 2e-3, loss="sigmoid", optimiser="adamw", warmup_steps=3, snapshots=0
)
plain = {"device": "cpu", "workers": 0, "progress": False}


def begin(bias, temperature=0.1):
    torch.manual_seed(0)
    words = TextConfig(tokenizer.vocab_size, tokenizer.context_length, depth=1)
    image = CNNConfig(widths=(16, 32))
    return CLIP(CLIPConfig(image, words, temperature, bias))


# %% mystnb={"image": {"alt": "The loss of the first steps, with the bias at 0, at minus ln 63 and at minus 10: the first begins five to nine times as high as the others and ends highest."}}
runs = {}
for bias in (0.0, -math.log(63), -10.0):
    model = begin(bias)
    log = train(model, batches, settings, **plain)
    with torch.no_grad():
        images = model.encode_image(normalise(unseen_pictures))
        cosines = images @ model.encode_text(*unseen_text).T  # (64, 64)
    runs[f"b = {bias:.1f}"] = log.loss
    own = cosines.diagonal().mean()
    others = (cosines.sum() - cosines.trace()) / (64 * 63)
    print(f"b from {bias:5.1f} to {model.bias.item():6.2f}", end=": ")
    print(f"cosines own {own:5.2f}", end=", ")
    print(f"others {others:5.2f}, loss {log.loss[0]:5.2f} → {log.loss[-1]:.2f}")
lines = {name: (range(0, 60, 3), losses[::3]) for name, losses in runs.items()}
curves(lines, across="step", up="loss", log="y")

# %% [markdown]
# (The first losses aren't quite those of the formula: the cosines don't begin at 0.) The bias itself
# has hardly moved in so few steps. Where it began at 0, the *embeddings* had to say "no" in its
# place: picture and caption were turned away from each other until even matching cosines lay below
# 0. Where it began at −10, own pairs had to be turned towards each other instead; at $-\ln 63$, each
# a little. Whether that matters after longer training, with three seeds, a table below shows.

# %% [markdown]
# ## Belief minus truth, again
#
# How does the loss change with one logit? The derivative of $-\ln \sigma(x)$ is $\sigma(x) - 1$,
# that of $-\ln \sigma(-x)$ is $\sigma(x)$. With $I$, 1 in matching cells and 0 elsewhere:
#
# $$\frac{\partial\,\text{loss}}{\partial L} = \frac{\sigma(L) - I}{N}$$
#
# It is what is believed minus what is true, as with InfoNCE, with another belief. We take the
# trained model, the book's eight pairs and a mild scale of 5. Predict where both gradients differ most.

# %%
import clipbook
from clipbook.pairs import info_nce
from clipbook.scenes import EXAMPLE, render

scenes, captions = zip(*EXAMPLE, strict=True)
pictures = [render(scene) for scene in scenes]
trained, words = clipbook.load("shapes")
with torch.no_grad():
    images = trained.encode_image(trained.preprocess(pictures))
    texts = trained.encode_text(*words.batch(captions))
    eight = images @ texts.T  # (8, 8) cosines


def gradient(loss, logits):
    logits = logits.clone().requires_grad_()
    loss(logits).backward()
    return logits.grad


# %% mystnb={"image": {"alt": "Two gradients of the same eight by eight grid: both are blue on the diagonal and red where the first two pairs, which are nearly alike, meet; InfoNCE's fade where a pair is already found, the sigmoid's are twice as strong and about equal along the diagonal."}}
from clipbook.figures import signed_maps

scan = torch.arange(-60, 0) / 10
sums = torch.stack([gradient(sigmoid_loss, 5 * eight + b).sum() for b in scan])
# the bias, to a tenth, at which the sigmoid's gradients add up to 0
bias = scan[sums.abs().argmin()].item()
by_sigmoid = gradient(sigmoid_loss, 5 * eight + bias)
by_hand = (torch.sigmoid(5 * eight + bias) - torch.eye(8)) / 8
assert torch.allclose(by_sigmoid, by_hand, atol=1e-6)
both = {"InfoNCE": gradient(info_nce, 5 * eight), "sigmoid": by_sigmoid}
for name, g in both.items():
    print(f"{name}: own {g.diagonal().mean():.3f}", end=", ")
    print(f"pair 5 {g[4, 4]:.3f}, (1, 2) {g[0, 1]:.3f}", end=", ")
    print(f"sum {abs(g.sum()):.3f}")
signed_maps(both, "caption", "picture")

# %% [markdown]
# Where a cell is red, descent lowers the logit; where it is blue, it raises it. Both push hardest
# *down* where two captions are nearly alike. They differ on the diagonal. InfoNCE hardly pulls pair 5
# up: picture and caption have found each other, and no rival is near. The sigmoid asks for a sure yes,
# and pulls all pairs. InfoNCE's gradients always add up to 0, since each choice's shares add up to 1. The
# sigmoid's sum is the bias's gradient; our bias brings it near 0, as descent would. The figure
# shows this gradient: try a bias of −6, and one of 0. Its view *sigmoid* shows each cell's yes.

# %%
from clipbook.widgets import SimilarityMatrix

view = {"view": "sigmoid_gradient", "temperature": 0.2, "bias": bias}
SimilarityMatrix(eight, pictures, captions, **view)

# %% [markdown]
# ## Several captions, all true
#
# "A star" is true of any picture of one star. A picture that must *choose* between two true
# captions gives each a half at best, and pays $\ln 2$ for it: with such false negatives InfoNCE has
# a [floor](../pairs/contrastive-loss.ipynb#false-negatives). A cell that answers for itself has no
# such trouble, if it is told the truth. In our world the function `describes` knows it. Predict what
# a grid costs in each loss that is sure everywhere and right everywhere, if the labels say all that
# is true, and if they say the diagonal alone.

# %%
from clipbook.scenes import describes, sample, say, state
from clipbook.streams import stream

generator = stream("sigmoid loss: several true")
drawn = sample(128, generator)
statements = [state(scene, generator) for scene in drawn]
true = torch.from_numpy(describes(statements, drawn))  # (pictures, captions)
most = int(true.sum(dim=1).argmax())
print(f"{true.sum()} of {true.numel()} cells are true", end=", ")
print("128 of them on the diagonal")
said = [say(statements[j]) for j in true[most].nonzero()[:3, 0]]
print(f"of picture {most + 1}:", said)

# %%
ideal = 100.0 * (2 * true.float() - 1)  # sure everywhere, and right everywhere
print(f"sigmoid, all labels:         {sigmoid_loss(ideal, true):.3f}")
print(f"sigmoid, only the diagonal:  {sigmoid_loss(ideal):.3f}")
print(f"InfoNCE, all labels:         {info_nce(ideal, true):.3f}")
print(f"InfoNCE, only the diagonal:  {info_nce(ideal):.3f}")

# %% [markdown]
# A grid that is right everywhere costs the sigmoid nothing. InfoNCE keeps a floor of $\ln k$ for a
# picture with $k$ true captions, with all labels or the diagonal's alone: its shares must add up to 1.
# With the diagonal alone the sigmoid counts each true cell off it as a mistake, and one for which it
# was sure costs 100; a less sure grid would pay less. A whole row may be 0, too: a picture of which
# *no* caption is true can't choose, but it can say no to each.

# %%
nothing_true = torch.zeros(2, 3, dtype=torch.bool)
none_true = sigmoid_loss(torch.zeros(2, 3), nothing_true)
print(f"three captions, none true, all logits 0: {none_true:.3f}")
try:
    info_nce(torch.zeros(3, 3), torch.zeros(3, 3, dtype=torch.bool))
except ValueError as error:
    print(error)

# %% [markdown]
# ## A fair trial
#
# Which loss gives the better model? Both get the same 10,240 pairs in the same order, whatever the
# batch size: 640 steps of 16 or 40 steps of 256. No caption is true of another picture of its
# batch. Both begin with the same weights, InfoNCE at CLIP's scale, the sigmoid at SigLIP's scale
# and bias. The learning rate of each loss and size was chosen among five, from 0.0005 to 0.008, on
# other pairs and other test pictures. Each run is repeated with three seeds. Then each is asked: which of 256 captions belongs to this picture, and the reverse?
# A guess is right in 1 of 256.

# %%
from clipbook.pretrained import scale_trials

trials = scale_trials()
sizes = list(trials["pairs"]["infonce"])
print("learning rates:  N = " + "".join(f"{n:>8}" for n in sizes))
for loss, by_size in trials["rates"].items():
    best = {
        n: max(by_size[n], key=lambda rate: by_size[n][rate]["share"])
        for n in sizes
    }
    print(f"{loss:>15}      " + "".join(f"{float(best[n]):8g}" for n in sizes))
nearest = [run["share"] for run in trials["baseline"].values()]
print(f"the caption of the nearest training picture: {sum(nearest) / 3:.3f}")

# %% [markdown]
# The last line is a baseline that learns nothing: it takes the words of the training picture whose
# pixels are nearest. Predict: does the sigmoid win, and where, with small batches or large ones?


# %% mystnb={"image": {"alt": "InfoNCE's line lies above the sigmoid's at every batch size; both means are highest at 32 and fall steeply towards 256."}}
def shares(runs):  # one number a seed
    return torch.tensor([run["share"] for run in runs.values()])


def interval(values):  # 95 %, of the mean of three, by Student's t
    return values.mean(), 4.30 * values.std() / math.sqrt(3)


print("   N   InfoNCE        sigmoid        sigmoid − InfoNCE")
for n in sizes:
    pair = [shares(trials["pairs"][loss][n]) for loss in ("infonce", "sigmoid")]
    told = [f"{v.mean():.3f} ({v.min():.2f}–{v.max():.2f})" for v in pair]
    middle, half = interval(pair[1] - pair[0])
    print(f"{n:>4}  {told[0]}  {told[1]}  {middle:+.3f} ± {half:.3f}")
lines = {}
for loss in ("infonce", "sigmoid"):
    means = [shares(trials["pairs"][loss][n]).mean() for n in sizes]
    lines[loss] = [int(n) for n in sizes], means
curves(lines, across="batch size N", up="share found of 256", log="x")

# %% [markdown]
# InfoNCE finds more at every size, by 0.05 to 0.10. With three seeds the 95 % intervals are wide:
# only at 64 and 128 do they leave out 0. Both fall steeply from 64 on, for a reason that the next
# chapter looks into; 16 and 32 can't be told apart. Why does the sigmoid lag? Bias and scale take
# small steps. Where do they stand at the end, and does it help to begin elsewhere?

# %%
runs = trials["pairs"]["sigmoid"]["64"].values()
print("bias at the end: ", [run["bias"] for run in runs])
print("scale at the end:", [run["scale"] for run in runs])
begun = {"-10": trials["pairs"]["sigmoid"]["64"], **trials["start"]}
for bias, by_seed in begun.items():
    values = shares(by_seed)
    spread = f"{values.min():.2f}–{values.max():.2f}"
    print(f"bias from {bias:>5}: {values.mean():.3f} ({spread})")

# %% [markdown]
# Both are nearly where they began. And where a bias begins matters: from 0 the models find far less,
# from −10 and from $-\ln 63$ about equally much. But none comes near InfoNCE, so the bias isn't the
# reason; the scale may be, or that the run is short. What is this trial worth? It says that in a
# short run of a small model InfoNCE does better. SigLIP's authors, with far larger models and runs,
# found the reverse below batches of 16,000, and hardly a difference at 32,000
# ({cite:t}`zhai2023siglip`, §4). A comparison holds for the scale at which it was made.

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: a loss that never overflows
#
# Return the sigmoid loss of a square grid of logits, matching cells on the diagonal: added up over each
# picture's cells, then the mean over pictures. The check tries several sizes and logits from −1,000
# to 1,000, and refuses PyTorch's `logsigmoid`, `softplus` and binary cross-entropies.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The cost of a cell is $\ln(1 + e^{-x})$ with $x = y_{ij} L_{ij}$. For negative $x$, $e^{-x}$ is
# the large term. Take it out of the logarithm, as log-sum-exp does:
# $\ln(1 + e^{-x}) = \max(-x, 0) + \ln(1 + e^{-|x|})$.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "stable-sigmoid", "schema_version": 3, "task": false}
def stable_loss(logits):
    """Sigmoid loss of N pairs: (N, N) -> one number."""
    ### BEGIN SOLUTION
    N = len(logits)
    x = torch.where(torch.eye(N, dtype=torch.bool), logits, -logits)
    costs = (-x).clamp(min=0) + torch.log1p((-x.abs()).exp())
    return costs.sum() / N
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "stable-sigmoid-check", "schema_version": 3, "task": false}
from torch.nn import functional

from clipbook.exercises import ask, check, close, numbers, without
from clipbook.pairs import info_nce, sigmoid_loss

logits_3 = torch.tensor([[3.0, -1, 0.5], [-2, 1, -4], [2, -3, -0.5]])
want_3 = sigmoid_loss(logits_3)
cells = logits_3.sigmoid()
own_3 = torch.eye(3).bool()
# the probability of the wrong answer
wrong_3 = torch.where(own_3, 1 - cells, cells)
hard_3 = torch.where(own_3, -logits_3, logits_3).relu()
mistakes = {
    "added up over a picture's cells, not their mean": want_3 / 3,
    "the mean over pictures, not their sum": 3 * want_3,
    "the natural logarithm, not that of base 2": want_3 / 0.6931472,
    "the cost is minus the logarithm": -want_3,
    "matching cells should say yes, the others no; yours asks the reverse": sigmoid_loss(
        -logits_3
    ),
    "the other cells should say no": sigmoid_loss(
        logits_3, torch.ones(3, 3).bool()
    ),
    "matching cells should say yes": sigmoid_loss(
        logits_3, torch.zeros(3, 3).bool()
    ),
    "the other cells count, too": -cells.diagonal().log().mean(),
    "matching cells count, too": want_3 + cells.diagonal().log().mean(),
    "each cell answers by itself; yours lets captions compete": info_nce(
        logits_3
    ),
    "the logarithm of the probability is missing": wrong_3.sum() / 3,
    "the cost is a soft maximum of -x and 0, not the maximum itself": hard_3.sum()
    / 3,
}
questions = []
for N in (1, 2, 7, 20):
    many = 6 * torch.randn(N, N, generator=torch.Generator().manual_seed(N))
    for grid, kind in (
        (many, "ordinary logits"),
        (1000 * many.sign(), "logits of ±1,000"),
    ):
        questions.append(
            (grid, sigmoid_loss(grid), f"the loss of {N}×{N} {kind}")
        )
forbidden = [
    functional.logsigmoid,
    functional.softplus,
    functional.binary_cross_entropy,
]
forbidden += [functional.binary_cross_entropy_with_logits]
forbidden += [functional.multilabel_soft_margin_loss]
with check("A loss that never overflows"), without(*forbidden):
    close(
        ask(stable_loss, logits_3),
        want_3,
        "stable_loss(logits_3)",
        mistakes=mistakes,
    )
    for grid, want, what in questions:
        got = ask(stable_loss, grid)
        finite = numbers(got, what).isfinite().all()
        assert finite, (
            f"{what} is not finite; no power may have an exponent above 0, and a "
            "probability that became 0 has no logarithm"
        )
        close(got, want, what, tolerance=2e-2 if want > 1000 else 1e-3)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "stable-sigmoid-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other sizes, small and large logits.
### BEGIN HIDDEN TESTS
from torch.nn import functional

from clipbook.exercises import ask, check, close, without
from clipbook.pairs import sigmoid_loss

forbidden = [
    functional.logsigmoid,
    functional.softplus,
    functional.binary_cross_entropy,
]
forbidden += [functional.binary_cross_entropy_with_logits]
forbidden += [functional.multilabel_soft_margin_loss]
questions = []
for N, size in ((3, 0.01), (33, 5), (2, 100), (40, 300), (5, 900)):
    many = size * torch.randn(
        N, N, generator=torch.Generator().manual_seed(N)
    ).clamp(-1, 1)
    questions.append(
        (many, sigmoid_loss(many), f"the loss of {N}×{N} logits up to ±{size}")
    )
with check("A loss that never overflows, other logits"), without(*forbidden):
    for grid, want, what in questions:
        close(
            ask(stable_loss, grid),
            want,
            what,
            tolerance=2e-2 if want > 1000 else 1e-3,
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: what moves the scale and the bias
#
# With logits $L = s \cos + b$, return the derivatives of the sigmoid loss with respect to $s$ and to
# $b$, as a tensor of two numbers, for a square grid of cosines with matching cells on the diagonal. The check
# refuses autograd, and tries several sizes, scales up to 200, and biases.

# %% [markdown]
# <details><summary>Hint</summary>
#
# You know the gradient in each logit. The chain rule multiplies it by what the logit's derivative
# in $s$ is, or in $b$, and adds up over all cells, since all of them have the same $s$ and $b$.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "scale-and-bias", "schema_version": 3, "task": false}
def scale_and_bias_gradients(cosines, scale, bias):
    """Derivatives of the loss in scale and bias.

    (N, N), two numbers -> (2,).
    """
    ### BEGIN SOLUTION
    N = len(cosines)
    in_logits = (torch.sigmoid(scale * cosines + bias) - torch.eye(N)) / N
    return torch.stack([(in_logits * cosines).sum(), in_logits.sum()])
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "scale-and-bias-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, without
from clipbook.pairs import sigmoid_loss


def both_by_autograd(cosines, scale, bias):
    s, b = (
        torch.tensor(float(value), requires_grad=True)
        for value in (scale, bias)
    )
    sigmoid_loss(s * cosines + b).backward()
    return torch.stack([s.grad, b.grad])


cosines_3 = torch.tensor([[0.8, 0.1, -0.2], [0.3, 0.5, 0.6], [-0.4, 0.2, 0.7]])
want_3 = both_by_autograd(cosines_3, 5.0, -2.0)
cells, eye = (5 * cosines_3 - 2).sigmoid(), torch.eye(3)
errors = (cells - eye) / 3  # the gradient in each logit
unbiased = ((5 * cosines_3).sigmoid() - eye) / 3
unscaled = ((cosines_3 - 2).sigmoid() - eye) / 3
softmax = ((5 * cosines_3 - 2).softmax(dim=1) - eye) / 3


def both(in_logits):
    return torch.stack([(in_logits * cosines_3).sum(), in_logits.sum()])


mistakes = {
    "the scale first, then the bias": want_3.flip(0),
    "truth minus belief; the gradient is belief minus truth": -want_3,
    "divided by the number of cells; the loss divides by the pictures": want_3
    / 3,
    "divide by the number of pictures": 3 * want_3,
    "a picture's matching cell should say yes: subtract 1 there": both(
        cells / 3
    ),
    "subtract 1 in matching cells only": both((cells - 1) / 3),
    "only in matching cells? All cells have the same scale and bias": both(
        errors * eye
    ),
    "matching cells count, too": both(errors * (1 - eye)),
    "add the bias inside the sigmoid": both(unbiased),
    "the logits are the cosines times the scale": both(unscaled),
    "each cell answers by itself; yours takes a softmax": both(softmax),
    "a logit's derivative in the scale is its cosine, not the scale": torch.stack(
        [5 * errors.sum(), errors.sum()]
    ),
    "a logit's derivative in the scale is its cosine, not itself": torch.stack(
        [(errors * (5 * cosines_3 - 2)).sum(), errors.sum()]
    ),
    "a logit's derivative in the bias is 1, not the bias": want_3
    * torch.tensor([1.0, -2.0]),
}
forbidden = torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad
questions = []
for N, scale, bias in (
    (1, 2.0, 1.0),
    (2, 1, 0),
    (6, 10.0, -10.0),
    (9, 40.0, -3.0),
    (4, 200.0, 10.0),
):
    many = torch.rand(N, N, generator=torch.Generator().manual_seed(N)) * 2 - 1
    questions.append((many, scale, bias, both_by_autograd(many, scale, bias)))
with check("What moves the scale and the bias"), without(*forbidden):
    got = ask(scale_and_bias_gradients, cosines_3, 5.0, -2.0)
    close(
        got,
        want_3,
        "scale_and_bias_gradients(cosines_3, 5.0, -2.0)",
        mistakes=mistakes,
    )
    for many, scale, bias, want in questions:
        what = f"both derivatives of {len(many)}×{len(many)} cosines at {scale} and {bias}"
        close(ask(scale_and_bias_gradients, many, scale, bias), want, what)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "scale-and-bias-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: autograd as the reference, other sizes.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close, without
from clipbook.pairs import sigmoid_loss

questions = []
for N, scale, bias in (
    (4, 0.5, 3.0),
    (5, 100.0, -50.0),
    (33, 10, -10),
    (3, 1.0, -1.0),
):
    many = (
        torch.rand(N, N, generator=torch.Generator().manual_seed(N + 1)) * 2 - 1
    )
    s, b = (
        torch.tensor(float(value), requires_grad=True)
        for value in (scale, bias)
    )
    sigmoid_loss(s * many + b).backward()
    questions.append((many, scale, bias, torch.stack([s.grad, b.grad])))
forbidden = torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad
with (
    check("What moves the scale and the bias, other grids"),
    without(*forbidden),
):
    for many, scale, bias, want in questions:
        what = f"both derivatives of {len(many)}×{len(many)} cosines at {scale} and {bias}"
        close(ask(scale_and_bias_gradients, many, scale, bias), want, what)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: labels from facts
#
# Each picture is a list of things, and each thing a set of words that are true of it: `[{"large",
# "red", "star"}, {"blue", "ring"}]`. Each caption is likewise a list of the things that it
# mentions, by the words that it says: `[{"red", "star"}]`. A caption is true of a picture if each
# thing that it mentions is one of the picture's, all its words being true of *that one* thing.
# Return the labels, rows pictures, columns captions. There may be more captions than pictures or
# fewer, two mentions may be of one thing, and a caption that mentions nothing is true of any picture.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `{"red", "star"} <= thing` asks whether all these words are in the set `thing`. For one caption
# and one picture: `all(any(… for thing in picture) for mentioned in caption)`.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "labels-from-facts", "schema_version": 3, "task": false}
def labels_from_facts(pictures, captions):
    """Which caption is true of which picture.

    N and M lists of sets -> bool, (N, M).
    """
    ### BEGIN SOLUTION

    def fits(caption, picture):
        return all(any(said <= thing for thing in picture) for said in caption)

    rows = [[fits(text, picture) for text in captions] for picture in pictures]
    return torch.tensor(rows)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "labels-from-facts-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

things_4 = [
    "large red star, blue ring",
    "small blue star, red ring",
    "red heart, ring",
    "",
]
said_5 = ["red star", "star, ring", "blue star, red ring", "ring", "red"]


def listed(texts):
    return [
        [set(thing.split()) for thing in text.split(", ") if thing]
        for text in texts
    ]


pictures_4, captions_5 = listed(things_4), listed(said_5)
want_4 = [[1, 1, 0, 1, 1], [0, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
bags, said = (
    [set().union(*k) for k in many] for many in (pictures_4, captions_5)
)
one = [
    [any(w <= t for w in c for t in p) for c in captions_5] for p in pictures_4
]
mistakes = {
    "all words must be true of one thing, not spread over several": [
        [c <= p for c in said] for p in bags
    ],
    "every word must be true, not just one": [
        [bool(c & p) for c in said] for p in bags
    ],
    "everything that is mentioned must be there, not just one thing": one,
    "a caption needn't say all there is to say": [
        [c == p for c in captions_5] for p in pictures_4
    ],
    "yours asks whether the picture's words are in the caption": [
        [all(any(t <= w for w in c) for t in p) for c in captions_5]
        for p in pictures_4
    ],
    "other captions than a picture's own may be true, too": torch.eye(4, 5),
    "yes for true, not the reverse": 1 - torch.tensor(want_4),
    "labels are 1 and 0 here, not 1 and -1": 2 * torch.tensor(want_4) - 1,
    "rows are pictures, columns captions": torch.tensor(want_4).T,
    "the order in which things are mentioned doesn't matter": [
        [1, 1, 0, 0, 1],
        [0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
    ],
}
with check("Labels from facts"):
    got = ask(labels_from_facts, pictures_4, captions_5)
    close(
        got,
        want_4,
        "labels_from_facts(pictures_4, captions_5)",
        mistakes=mistakes,
    )
    close(
        ask(labels_from_facts, listed(["red star", ""]), [[]]),
        [[1], [1]],
        "the labels of a caption that mentions nothing",
    )
    turned = ask(
        labels_from_facts,
        listed(["blue ring, red star"] * 2),
        listed(["red star, ring", "ring, blue star", "star"]),
    )
    close(turned, [[1, 0, 1]] * 2, "the labels of things in another order")
    got = ask(
        labels_from_facts,
        listed(["blue star, red star", "red star"]),
        listed(["star, red star", "red, star, red star"]),
    )
    close(got, [[1, 1]] * 2, "the labels where two mentions are of one thing")

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "labels-from-facts-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: scenes and statements of this book's world.
### BEGIN HIDDEN TESTS
from clipbook.exercises import ask, check, close
from clipbook.scenes import Phrase, Statement, describes, sample
from clipbook.streams import stream

generator = stream("sigmoid loss: scenes and claims to be labelled")
drawn = sample(40, generator, objects=1)
facts = [
    [{thing.colour, thing.shape, thing.size} for thing in scene.objects]
    for scene in drawn
]
claims, statements = [], []
for scene in sample(25, generator, objects=1):
    thing, draws = scene.objects[0], generator.random(2)
    colour = thing.colour if draws[0] < 0.5 else None
    size = thing.size if draws[1] < 0.3 else None
    claims.append([{thing.shape, colour, size} - {None}])
    statements.append(Statement((Phrase(thing.shape, colour, size),)))
with check("Labels from facts, as the world tells them"):
    for many in (25, 3, 1):
        want = describes(statements[:many], drawn)
        got = ask(labels_from_facts, facts, claims[:many])
        close(
            got, want, f"labels_from_facts of 40 scenes and {many} statements"
        )
    pair = [[{"red", "heart"}, {"blue", "star"}]]
    mixed = [
        [{"blue", "heart"}],
        [{"star"}, {"heart"}],
        [{"red"}, {"red", "star"}],
        [],
    ]
    close(
        ask(labels_from_facts, pair, mixed),
        [[0, 1, 0, 1]],
        "the labels of a heart and a star",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A run with the sigmoid loss and 64 pairs begins at 44.4 and stays there. What does the
# number say?
#
# <details><summary>Answer</summary>
#
# $44.4 = 64 \ln 2$: each cell has a logit of 0, a half for yes and a half for no, and no gradient
# changes that: the logits aren't computed from what is trained, a bias among it. InfoNCE's guess would
# cost $\ln 64 = 4.16$.
#
# </details>

# %% [markdown]
# **2.** We add 5 to all logits of a grid. What happens to InfoNCE, and to the sigmoid loss?
#
# <details><summary>Answer</summary>
#
# InfoNCE stays: a softmax sees differences only. So a bias would be of no use to it. The sigmoid's
# matching cells cost less and all others more; it is as if the bias had moved by 5.
#
# </details>

# %% [markdown]
# **3.** After training, may we read $\sigma(L_{ij})$ as the probability that the caption is true of
# the picture?
#
# <details><summary>Answer</summary>
#
# As the probability that both are a pair *in a batch such as those of the training*. There 1 cell
# in $N$ was a pair, and bias and embeddings fit that. In other batches, or where several captions are
# true, pairs are more common or rarer than it says. "Yes, it is a sigmoid" forgets their share.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built the sigmoid loss: the grid as $N^2$ questions, each answered by itself.
#
# - Its gradient is belief minus truth in each cell; no cell knows of the others.
# - Nearly all answers are no. The bias says so from the start; at 0, the embeddings would have to.
# - It takes labels as they are: several captions may be true of a picture, or none.
#
# Next: **what does a larger batch buy, and how can one be had that doesn't fit into memory?**

# %% [markdown]
# **Sources.** The loss, its bias and where both begin: {cite:t}`zhai2023siglip`, §3.2 and algorithm
# 1; the comparison over batch sizes: §4. InfoNCE: {cite:t}`radford2021clip`, figure 3. Intervals of
# three runs by Student's t with two degrees of freedom.
