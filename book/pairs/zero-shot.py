# ---
# jupyter:
#   chapter:
#     question: How does such a model name what a picture shows, how far can its answer be trusted,
#       and where does it fail?
#     objectives:
#     - turn any list of names into a classifier, without a single labelled picture
#     - 'measure it: accuracy with an interval, a confusion matrix that you read, recall@k both
#       ways, a linear probe beside it'
#     - say what such a classifier can't know, and reproduce it
#     needs: [pairs/similarity-matrix]
#     minutes: 55
#     place: 'this comes after everything: both encoders are trained and stay as they are'
#     band: zero-shot
#     builds:
#     - clipbook.evaluation.zero_shot
#     - clipbook.evaluation.class_embeddings
#     - clipbook.evaluation.recall_at_k
#     - clipbook.evaluation.linear_probe
#     - clipbook.evaluation.wilson_interval
#     seed:
#       for every concept: [Classes are captions, class, caption]
# ---

# %% [markdown]
# # Zero-shot
#
# The book's model was trained to match pictures with captions. Nobody gave it a list of classes.
# {question}

# %% [markdown]
# ## Classes are captions
#
# Picture 8 of our eight pairs shows a green triangle. No picture of training did: of the 8 × 8
# combinations of colour and shape, eight were kept back, this one among them. We write $C = 64$
# captions, one for each combination.

# %% mystnb={"image": {"alt": "A large green triangle on a grey background."}}
import torch

from clipbook.figures import picture_row
from clipbook.scenes import COLOURS, EXAMPLE, HELD_OUT, SHAPES, render

scenes, captions = zip(*EXAMPLE, strict=True)
names = [
    f"{'an' if colour == 'orange' else 'a'} {colour} {shape}"
    for colour in COLOURS
    for shape in SHAPES
]
assert ("green", "triangle") in HELD_OUT
print(len(names), "classes:", *names[:3], "…", names[-1], sep="  ")
picture_row({"picture 8": render(scenes[7])})

# %% [markdown]
# The rest is one row of the similarity matrix: $I_8$, the picture's embedding, (1, 64), against $T$,
# one row for each class, $(C, 64)$. The class whose caption is most similar wins. Predict: which come
# second and third, those of the same colour or of the same shape?

# %%
import clipbook

model, tokenizer = clipbook.load("shapes")
with torch.no_grad():
    I_8 = model.encode_image(model.preprocess([render(scenes[7])]))  # (1, 64)
    T = model.encode_text(*tokenizer.batch(names))  # (C, 64)
similarities = (I_8 @ T.T)[0]  # (C,)
for value, k in zip(*similarities.topk(5), strict=True):
    print(f"{value:5.2f}  {names[k]}")
assert names[similarities.argmax()] == "a green triangle"

# %% [markdown]
# The right class wins, though it was never shown; names that share its shape or its colour follow. This is
# **zero-shot classification**: zero labelled examples of the classes. Take other captions, and the same
# model is another classifier.
#
# For probabilities, multiply by the scale and take the softmax, as in any row. `zero_shot` does that;
# `templates=["{}"]` leaves our captions as they are. Predict the probability of the first.

# %%
import numpy as np

from clipbook.evaluation import zero_shot

by_hand = (model.scale * similarities).softmax(dim=0)  # (C,)
pixels = model.preprocess([render(scenes[7])])
package = zero_shot(model, tokenizer, pixels, names, templates=["{}"])  # (1, C)
assert torch.allclose(package[0], by_hand, atol=1e-4)
first, second = similarities.topk(2).values.tolist()
lead = model.scale.item() * (first - second)
print(
    f"a lead of {first - second:.2f} × scale {model.scale.item():.0f}", end=" "
)
print(f"= {lead:.1f} between logits")
times = np.exp(lead) / 1e6
print(f"so the first is {times:.1f} million times as probable as the second")
print(f"probability of the first: {package.max():.6f}")

# %% [markdown]
# The scale makes near certainty of a modest lead. Other names, other prompts: what does the same picture
# choose among these? Write your own on the page, below the figure, or in a notebook, in `my_names`.

# %% tags=["live"]
from clipbook.widgets import SimilarityMatrix

my_names = ["a triangle", "a photo of a green triangle"]
my_names += ["a green star", "a tree", "green"]
with torch.no_grad():
    mine = model.encode_text(*tokenizer.batch(my_names))  # (5, 64)
begin = {"view": "row", "temperature": 1 / model.scale.item()}
SimilarityMatrix(I_8 @ mine.T, [render(scenes[7])], my_names, **begin)

# %% [markdown]
# The first two are true, and share the probability. "A tree" gets nearly nothing; alone on the list it
# would get everything.

# %% [markdown]
# ## How often is it right?
#
# We draw 1,000 one-object pictures of combinations that training showed, and 1,000 of those that it
# did not, each from a random stream of its own (`stream` names what it is for), which no training
# batch shares. **Accuracy** is the share of right answers. Predict both.


# %%
from clipbook.scenes import sample
from clipbook.streams import stream


def class_of(thing):
    return 8 * COLOURS.index(thing.colour) + SHAPES.index(thing.shape)


def classes_of(scenes):
    return torch.tensor([class_of(scene.objects[0]) for scene in scenes])


seen = sample(1000, stream("zero-shot: seen"), "train", objects=1)
[(names[k], k.item()) for k in classes_of(seen[:3])]


# %%
def embed(pictures):
    with torch.no_grad():
        return model.encode_image(model.preprocess(pictures))  # (pictures, 64)


def is_right(I_all, scenes, T=T):
    return (I_all @ T.T).argmax(dim=1) == classes_of(scenes)  # (pictures,)


new = sample(1000, stream("zero-shot: never seen"), "held_out", objects=1)
clear = {}
for name, sampled in (("seen", seen), ("never seen", new)):
    clear[name] = is_right(embed([render(scene) for scene in sampled]), sampled)
    share, wrong = clear[name].float().mean(), (~clear[name]).sum()
    print(f"{name:10}: {share:.3f}, {wrong} wrong")
print(f"a guess   : {1 / len(names):.3f}")

# %% [markdown] predict={"ask": "The range begins at", "choices": ["0.95", "0.9962", "1"], "right": "0.9962", "shown": "1,000 of 1,000: 0.9962 to 1.0000"}
# ## An accuracy has an interval
#
# Another 1,000 pictures would give another number. If $p$ is the true accuracy, $n$ answers are $n$
# tosses of a coin that falls right with probability $p$. The share of right ones, $\hat p = x/n$,
# has the standard deviation $\sqrt{p(1-p)/n}$; about 95 times in 100 it lies within $z = 1.96$ standard
# deviations of $p$. So try every $p$, and keep those whose range holds our $\hat p$. Predict what is left
# for 1,000 right of 1,000.


# %%
def interval(x, n, z=1.96):
    p = torch.linspace(0, 1, 1_000_001, dtype=torch.float64)
    plausible = p[(x / n - p).abs() <= z * (p * (1 - p) / n).sqrt()]
    return plausible.min().item(), plausible.max().item()


print("1,000 of 1,000: {:.4f} to {:.4f}".format(*interval(1000, 1000)))
print("   20 of 20:    {:.4f} to {:.4f}".format(*interval(20, 20)))

# %% [markdown]
# With 20 pictures the truth may lie far below 1, even without an error. This is **Wilson's interval**.
#
# Now add noise to each colour value of each pixel, with a standard deviation of 20 of 255.

# %% mystnb={"image": {"alt": "The green triangle without noise and with two strengths of it: it can be recognised in all three."}}
import PIL.Image


def noisy(scenes, deviation):
    generator = stream("zero-shot: noise")
    values = np.stack([render(scene) for scene in scenes])  # (n, 32, 32, 3)
    values = values + generator.normal(0, deviation, values.shape)
    levels = values.clip(0, 255).astype("uint8")
    return [PIL.Image.fromarray(picture) for picture in levels]


picture_row({f"deviation {d}": noisy([scenes[7]], d)[0] for d in (0, 20, 25)})

# %% [markdown]
# Predict which group suffers more, seen or never seen.

# %% mystnb={"image": {"alt": "On clear pictures the intervals of seen and never-seen combinations overlap near 1; with noise, never-seen combinations lie clearly lower."}}
from clipbook.evaluation import wilson_interval
from clipbook.figures import interval_chart

rows = {f"{name}, clear": right for name, right in clear.items()}
for name, sampled in (("seen", seen), ("never seen", new)):
    rows[f"{name}, noisy"] = is_right(embed(noisy(sampled, 20)), sampled)
shares = {}
for name, right in rows.items():
    x, n = right.sum().item(), len(right)
    low, high = wilson_interval(x, n)
    assert np.allclose(interval(x, n), (low, high), atol=1e-5)
    shares[name] = (low, x / n, high)
interval_chart(shares, across="accuracy with its 95 % interval")

# %% [markdown]
# On clear pictures the intervals overlap: nothing shows that new combinations are harder. On noisy
# ones they lie apart. But an interval speaks of other *pictures*, and there are only eight new
# *combinations*. Predict: do all eight suffer alike?

# %%
y_new, right = classes_of(new), rows["never seen, noisy"]
by_class = {}
for k in y_new.unique():
    by_class[names[k]] = right[y_new == k].float().mean().item()
for name, share in sorted(by_class.items(), key=lambda item: item[1]):
    print(f"{share:.2f}  {name}")
print(f"{rows['seen, noisy'].float().mean():.2f}  all seen ones together")

# %% [markdown]
# Two are far below the seen ones, three not below at all. So we know that these eight together are
# harder in noise. Whether eight others would be, we don't: the interval counted pictures, not
# combinations. Ask of every interval what was counted.

# %% [markdown]
# ## The wording is part of the classifier
#
# A **template** such as `"a picture of a {}"` makes a caption of a label such as "red circle". Predict,
# on clear pictures: how good are labels alone, and with nothing but a space before them?


# %%
from clipbook.evaluation import class_embeddings

labels = [name.split(" ", 1)[1] for name in names]  # "red circle"
I_seen = embed([render(scene) for scene in seen])  # (1000, 64)
for template in ("{}", " {}", "a {}", "a picture of a {}"):
    T_template = class_embeddings(model, tokenizer, labels, [template])
    share = is_right(I_seen, seen, T_template).float().mean()
    tokens = tokenizer.encode(template.format("red star"))
    pieces = [tokenizer.decode([token]) for token in tokens]
    print(f"{template!r:19} {share:.3f}   {pieces}")

# %% [markdown]
# A missing space costs nearly everything. `" red"`, space and all, is a token that the encoder knows;
# at the start of a sentence, where training had no colours, `"red"` falls apart.

# %% [markdown]
# Which of the good sentences? CLIP's answer: many. Average a class's embeddings over the templates,
# and bring the mean back to unit length: an **ensemble**, still one vector a class.

# %%
templates = ["{}", "a picture of {}", "there is {}"]
templates += ["a photo of {}", "a drawing of {}"]
class_captions = [
    template.format(name) for template in templates for name in names
]
with torch.no_grad():
    E = model.encode_text(*tokenizer.batch(class_captions))
E = E.view(5, 64, 64)  # (templates, C, 64)
mean = E.mean(dim=0)  # (C, 64)
lengths = mean.norm(dim=1, keepdim=True)
T_ensemble = mean / lengths
package = class_embeddings(model, tokenizer, names, templates)
assert torch.allclose(T_ensemble, package, atol=1e-5)
print(f"length of the means: {lengths.min():.2f} to {lengths.max():.2f}")
for template, T_one in zip(templates, E, strict=True):
    print(f"{is_right(I_seen, seen, T_one).float().mean():.3f}  {template}")

# %% [markdown]
# On clear pictures nothing is left to gain, so measure at a deviation of 25. "Photo" and "drawing"
# never occur in training. Predict: which template is best, and is the ensemble better than all?

# %% mystnb={"image": {"alt": "Accuracies of five templates and their ensemble on noisy pictures: all lie within six hundredths of each other, “a photo of” highest, and most intervals overlap."}}
both = seen + new
I_noisy = embed(noisy(both, 25))  # (2000, 64)
right_by, shares = {}, {}
tried = dict(zip(templates, E, strict=True)) | {"ensemble": T_ensemble}
for template, T_one in tried.items():
    right_by[template] = is_right(I_noisy, both, T_one)  # (2000,)
    x = right_by[template].sum().item()
    low, high = wilson_interval(x, len(both))
    shares[template] = (low, x / len(both), high)
interval_chart(shares, across="accuracy on 2,000 noisy pictures")

# %% [markdown]
# The intervals overlap. Is nothing shown, then? All six answered the *same* pictures, and most of them
# all six get right, or all six get wrong. Compare **in pairs**: count only the pictures on which two
# disagree. If two were equally good, each would win about half of these. Predict the counts.

# %%
best = max(shares, key=lambda name: shares[name][1])
print(f"{best!r} against:")
for name, right in right_by.items():
    wins = (right_by[best] & ~right).sum().item()
    losses = (~right_by[best] & right).sum().item()
    if name != best:
        low, high = wilson_interval(wins, wins + losses)
        print(f"{name:17} {wins:3} : {losses:3}", end=", ")
        print(f"it wins {low:.2f} to {high:.2f} of them")

# %% [markdown]
# In every pair "a photo of" wins more than half, interval and all: a difference that overlapping
# intervals had hidden. So don't hold intervals from the *same* pictures against each other; count in
# pairs. And what was found? "Photo" and "drawing", words that the model doesn't know, help on noisy
# pictures. But the best of six was picked on these very pictures, which flatters it: report it on
# others. The ensemble isn't the best; it is close, and nobody had to pick it.
#
# On ImageNet CLIP gained 1.3 points by "A photo of a {label}." and 3.5 more by an ensemble of 80
# ({cite:t}`radford2021clip`, §3.1.4).

# %% [markdown]
# ## Read a confusion matrix
#
# A **confusion matrix** says what is confused with what: a row tells which answers a shape gets, a
# column which shapes get an answer. Turn every picture upside down: a square stays a square, a triangle
# stands on its point. Predict what the model will call each shape.

# %% mystnb={"image": {"alt": "Upside down, circle, square, diamond, cross and ring keep their names; nearly all triangles are called hearts; hearts are called triangle or circle, and stars split among four names."}}
from clipbook.figures import token_heatmap

I_flipped = embed([render(scene).rotate(180) for scene in seen])  # (1000, 64)
shapes = [f"a {shape}" for shape in SHAPES]
T_shapes = class_embeddings(model, tokenizer, shapes)  # (8, 64)
answers = (I_flipped @ T_shapes.T).argmax(dim=1)  # (1000,)
counts = torch.zeros(8, 8)
for scene, answer in zip(seen, answers, strict=True):
    counts[SHAPES.index(scene.objects[0].shape), answer] += 1
# rows: truth; columns: answers
confusion = counts / counts.sum(dim=1, keepdim=True)
token_heatmap(confusion, SHAPES, [f"“{s}”" for s in SHAPES])

# %% [markdown]
# Symmetric shapes keep their names. A triangle on its point is nearly always a heart: wide above,
# pointed below. And the column of "heart": nothing that is called so is one. Were the colours lost, too?

# %%
colours = [
    f"{'an' if colour == 'orange' else 'a'} {colour} shape"
    for colour in COLOURS
]
T_colours = class_embeddings(model, tokenizer, colours)  # (8, 64)
truth = torch.tensor([COLOURS.index(scene.objects[0].colour) for scene in seen])
right = (I_flipped @ T_colours.T).argmax(dim=1) == truth
print(f"colour: {right.float().mean():.3f}")
print(f"shape:  {confusion.diagonal().mean():.3f}")

# %% [markdown]
# Not at all. Here is one picture of each shape, upside down. Predict what a higher temperature does to
# the triangle's row, and whether any temperature gives it the right name; then move the slider.

# %%
first = [
    next(s for s in seen if s.objects[0].shape == shape) for shape in SHAPES
]
turned = [render(scene).rotate(180) for scene in first]
SimilarityMatrix(
    embed(turned) @ T_shapes.T, turned, shapes, view="row", selected=(2, 7)
)

# %% [markdown]
# A high temperature makes it doubt, but the order of the names stays.

# %% [markdown]
# ## Retrieval, both ways
#
# **Retrieval** searches a collection: the caption of a picture among $N$, or the picture of a
# caption. The **rank** of the own partner is the number of candidates at least as similar, itself
# included; **recall@k** is the share of searches where it is at most $k$. We take 500 pairs, each scene
# with a combination that training never showed, each caption true of its own picture only.

# %%
from clipbook.evaluation import recall_at_k
from clipbook.scenes import sample_pairs

generator = stream("zero-shot: pairs")
pair_scenes, pair_captions = sample_pairs(500, generator, "held_out")
with torch.no_grad():
    texts = model.encode_text(*tokenizer.batch(pair_captions))
    S = embed([render(scene) for scene in pair_scenes]) @ texts.T  # (N, N)
own = S.diagonal()
caption_rank = (own[:, None] <= S).sum(dim=1)  # pictures search along rows
picture_rank = (own[None, :] <= S).sum(dim=0)  # captions along columns
for k in (1, 5, 10):
    to_caption = (caption_rank <= k).float().mean()
    to_picture = (picture_rank <= k).float().mean()
    assert np.allclose((to_caption, to_picture), recall_at_k(S, k))
    print(f"recall@{k:<2}: its caption {to_caption:.3f}", end=", ")
    print(f"its picture {to_picture:.3f}")

# %% [markdown]
# Now as people write: `state` picks what to mention, `say` words it, and the caption may be true of
# other pictures, too. Predict recall@1. `describes` knows what is true of which picture, so we can
# also ask: was the first answer *true*?

# %%
from clipbook.scenes import describes, say, state

generator = stream("zero-shot: captions as people write")
pair_scenes = sample(500, generator, "held_out")
statements = [state(scene, generator) for scene in pair_scenes]
texts = tokenizer.batch([say(statement) for statement in statements])
with torch.no_grad():
    T_said = model.encode_text(*texts)
S = embed([render(scene) for scene in pair_scenes]) @ T_said.T  # (N, N)
true = torch.tensor(describes(statements, pair_scenes))  # (N, N), bool
best = S.argmax(dim=1)  # (N,)
print(f"true captions a picture: {true.sum(dim=1).float().mean():.1f}")
print(f"recall@1, own caption:   {recall_at_k(S, 1)[0]:.3f}")
first_true = true[torch.arange(500), best]  # (N,)
print(f"first caption is true:   {first_true.float().mean():.3f}")

# %% [markdown]
# The model didn't get worse, the measure did: it takes only the own caption for right.

# %% [markdown]
# ## With labels: a linear probe
#
# How good is the picture's side without words? Take the image encoder's features $f$, before the
# projection, (pictures, 96), and fit one linear layer, from 96 numbers to 64 logits, to labels: a
# **linear probe**. Predict: how many labelled pictures does it need to equal zero-shot, and how does
# it do on combinations without labels?


# %%
from clipbook.evaluation import linear_probe


def features(scenes):
    pixels = model.preprocess([render(scene) for scene in scenes])
    with torch.no_grad():
        return model.image_encoder.features(pixels)


labelled = sample(1024, stream("zero-shot: labelled"), "train", objects=1)
f, y = features(labelled), classes_of(labelled)
f_seen, y_seen = features(seen), classes_of(seen)
f_new, y_new = features(new), classes_of(new)
f.shape, y.shape

# %% mystnb={"image": {"alt": "From 32 to 256 labelled pictures the probe rises towards zero-shot, which needs none, on the same seen combinations."}}
from clipbook.figures import curves

sizes = [32, 64, 128, 256, 512, 1024]
pairs = {"seen": (f_seen, y_seen), "never seen": (f_new, y_new)}
probed = {name: [] for name in pairs}
for n in sizes:
    probe = linear_probe(f[:n], y[:n], 64)
    for name, (features_of, class_numbers) in pairs.items():
        right = probe(features_of).argmax(dim=1) == class_numbers
        probed[name].append(right.float().mean().item())
zero = {name: clear[name].float().mean().item() for name in pairs}
print("labels         ", *(f"{n:5}" for n in sizes), "  none (zero-shot)")
for name in pairs:
    told = [f"{share:.3f}" for share in probed[name]]
    print(f"{name:15}", *told, f"  {zero[name]:.3f}")
lines = {"zero-shot": (sizes[:4], [zero["seen"]] * 4)}
lines["probe"] = (sizes[:4], probed["seen"][:4])
up = "accuracy on seen combinations"
curves(lines, across="labelled pictures", up=up, log="x")

# %% [markdown] predict={"ask": "Zero-shot is", "choices": ["near a guess", "twice as good as a guess", "nearly always right"], "right": "near a guess", "shown": "zero-shot: 0.3"}
# On the same seen combinations the probe needs hundreds of labels to reach what zero-shot does with
# none. But zero-shot had help before: 1.28 million captions (10,000 batches of 128) named these very
# colours and shapes. On classes without labels the probe is never right: for it, classes are 64
# numbers, and nothing says that "green triangle" is made of *green* and *triangle*. Captions do.
#
# Backgrounds are dark, grey or striped, and no caption ever says so. Predict zero-shot and probe, on
# the background.

# %%
from clipbook.scenes import GROUNDS

y = torch.tensor([GROUNDS.index(scene.ground) for scene in labelled])
y_seen = torch.tensor([GROUNDS.index(scene.ground) for scene in seen])
sentences = [f"a {ground} picture" for ground in GROUNDS]
T_grounds = class_embeddings(model, tokenizer, sentences)
zero_shot_answers = (I_seen @ T_grounds.T).argmax(dim=1)
probed = linear_probe(f, y, 3)(f_seen).argmax(dim=1)
for name, answers in (("zero-shot", zero_shot_answers), ("probe", probed)):
    low, high = wilson_interval((answers == y_seen).sum().item(), 1000)
    share = (answers == y_seen).float().mean()
    print(f"{name:9}: {share:.3f}, from {low:.3f} to {high:.3f}")
print("a guess  : 0.333")

# %% [markdown]
# Zero-shot can't be told from a guess: 1/3 lies in its interval. It finds what captions talk about; a
# probe finds what the encoder has kept, even by accident.

# %% [markdown]
# ## Where it fails: relations
#
# Many CLIPs can hardly tell "the horse is eating the grass" from "the grass is eating the horse"
# ({cite:t}`yuksekgonul2023bow`). Ours was trained on [twins](training.ipynb), scenes that differ in one
# thing, sometimes in who is where. We say the true relation and its opposite in five ways.


# %%
OPPOSITE = {"above": "below", "left of": "right of"}
OPPOSITE |= {other: relation for relation, other in OPPOSITE.items()}
WAYS = (  # the first and the fourth as in training
    {"above": "{a} above {b}", "below": "{a} below {b}"},
    {"above": "{a} on top of {b}", "below": "{a} underneath {b}"},
    {"above": "{a} higher than {b}", "below": "{a} lower than {b}"},
    {
        "left of": "{a} to the left of {b}",
        "right of": "{a} to the right of {b}",
    },
    {
        "left of": "to the left of {b} there is {a}",
        "right of": "to the right of {b} there is {a}",
    },
)
two = sample(1000, stream("zero-shot: two objects"), "train", objects=2)
vertical = sum(scene.relation in WAYS[0] for scene in two)
print(vertical, "of 1,000 scenes are above or below")


# %%
def sentence(way, scene, opposite=False):
    """What is said of a scene: the truth, or its opposite."""
    a, b = (names[class_of(thing)] for thing in scene.objects)
    relation = OPPOSITE[scene.relation] if opposite else scene.relation
    return way[relation].format(a=a, b=b)


for way in WAYS:
    scene = next(scene for scene in two if scene.relation in way)
    print("true:    ", sentence(way, scene))
    print("opposite:", sentence(way, scene, opposite=True))

# %% [markdown]
# The sentence with the higher cosine is the answer; a guess gets 0.5. Predict which ways work.

# %%
for way in WAYS:
    related = [scene for scene in two if scene.relation in way]
    I_drawn = embed([render(scene) for scene in related])  # (scenes, 64)
    truths = [sentence(way, scene) for scene in related]
    opposites = [sentence(way, scene, opposite=True) for scene in related]
    with torch.no_grad():
        T_two = model.encode_text(*tokenizer.batch(truths + opposites))
    own, turned = T_two.chunk(2)  # (scenes, 64) each
    wins = (I_drawn * own).sum(dim=1) > (I_drawn * turned).sum(dim=1)
    low, high = wilson_interval(wins.sum().item(), len(related))
    first, share = next(iter(way.values())), wins.float().mean()
    print(f"{first:31} {share:.3f}, {low:.3f} to {high:.3f}")

# %% [markdown]
# In the words of training nearly everything is right. "On top of" still works, perhaps since *top*
# is known from "top left". "Higher" is a guess. The last is *worse* than a guess: with "left",
# training named the left thing first; here it comes second. The model has learned sentences of one
# form.

# %% [markdown]
# ## Where it fails: counting, negation, unknown words
#
# Training showed at most two objects, and never a number word. We lay one-object pictures over each
# other.


# %% mystnb={"image": {"alt": "One, two, three and four small red hearts, in the corners of dark pictures."}}
from functools import reduce

from PIL import ImageChops

from clipbook.scenes import Object, Scene

CORNERS = ((0.25, 0.25), (0.75, 0.75), (0.75, 0.25), (0.25, 0.75))


def several(colour, shape, n):
    things = [Object(shape, colour, "small", x, y) for x, y in CORNERS[:n]]
    single = [render(Scene((thing,))) for thing in things]
    return reduce(ImageChops.lighter, single)


hearts = {n: several("red", "heart", n) for n in (1, 2, 3, 4)}
picture_row({f"red hearts: {n}": picture for n, picture in hearts.items()})

# %% [markdown]
# Of each, four captions say how many there are. Predict the table: rows are the true number, columns what
# the model says.

# %%
table = torch.zeros(4, 4, dtype=int)
for label in labels:
    many = label + ("es" if label.endswith("s") else "s")
    offered = [f"one {label}", f"two {many}", f"three {many}", f"four {many}"]
    ways = ["{}", "there is {}"]
    T_counts = class_embeddings(model, tokenizer, offered, ways)
    I_counts = embed([several(*label.split(), n) for n in (1, 2, 3, 4)])
    answers = (I_counts @ T_counts.T).argmax(dim=1)  # (4,)
    table[torch.arange(4), answers] += 1
print(table)
print(f"right: {table.diagonal().sum() / table.sum():.3f}, a guess: 0.25")

# %% [markdown]
# Half of it is right, and yet nothing is counted: no picture is ever called two or three.
#
# Negation next. How similar is a red circle to "no red circle", compared with a caption of another
# colour, which is false as well? And with "xx" instead of "no"?

# %%
things = [scene.objects[0] for scene in seen]
others = [COLOURS[COLOURS.index(thing.colour) - 3] for thing in things]
others = [
    f"a {c} {thing.shape}" for c, thing in zip(others, things, strict=True)
]
sentences = {
    "a … …, true": [names[k] for k in classes_of(seen)],
    "no … …, false": ["no " + labels[k] for k in classes_of(seen)],
    "xx … …": ["xx " + labels[k] for k in classes_of(seen)],
    "other colour, false": others,
}
for kind, claims in sentences.items():
    with torch.no_grad():
        T_claims = model.encode_text(*tokenizer.batch(claims))
    cosines = (I_seen * T_claims).sum(dim=1)  # (1000,)
    print(f"{kind:20} {cosines.mean():.2f}")

# %% [markdown]
# "No red circle" fits a red circle as well as the truth does, and so does "xx red circle": *no* is
# noise before known words. No caption of training says what is not there.
#
# And a word that doesn't exist? We replace one colour's name by "blorp". Predict: how many pictures of
# that colour are found?

# %%
print("blorp for   alone   in “a picture of …”")
for k, colour in enumerate(COLOURS):
    with_blorp = [*colours[:k], "a blorp shape", *colours[k + 1 :]]
    mine = I_seen[truth == k]  # the pictures of this colour
    shares = []
    for template in ("{}", "a picture of {}"):
        T_blorp = class_embeddings(model, tokenizer, with_blorp, [template])
        shares.append(((mine @ T_blorp.T).argmax(dim=1) == k).float().mean())
    print(f"{colour:11} {shares[0]:.2f}    {shares[1]:.2f}")

# %% [markdown]
# Alone, nearly all: the seven others don't fit. In "a picture of a blorp shape", next to none. **A high
# accuracy doesn't prove that a word is understood.** Change what it is compared with, and how it is
# said.

# %% [markdown]
# ## Where it fails: everything else
#
# Four photographs against their names.

# %% mystnb={"image": {"alt": "Four photographs: a cat, an astronaut, a cup of coffee and a rocket."}}
import skimage.data

photos = {
    "a cat": skimage.data.chelsea(),
    "an astronaut": skimage.data.astronaut(),
    "a cup of coffee": skimage.data.coffee(),
    "a rocket": skimage.data.rocket(),
}
picture_row(photos)

# %% [markdown]
# Predict the probabilities, and what the model says among its own 64 classes.

# %%
pixels = model.preprocess(list(photos.values()))
P = zero_shot(model, tokenizer, pixels, list(photos))  # (4, 4)
P_own = zero_shot(model, tokenizer, pixels, names)  # (4, C)
with torch.no_grad():
    highest = (model.encode_image(pixels) @ T.T).max(dim=1).values  # (4,)
for photo, p, q, cosine in zip(photos, P, P_own, highest, strict=True):
    first, own = list(photos)[p.argmax()], names[q.argmax()]
    print(f"{photo}: {first!r} ({p.max():.2f})", end=", ")
    print(f"{own!r} ({q.max():.2f}), cosine {cosine:.2f}")
lowest = (I_seen @ T.T).max(dim=1).values.min()
print(f"scenes: a highest cosine of {lowest:.2f} or more")

# %% [markdown]
# All four are coffee, almost with certainty. Softmax divides 1 among the classes that are offered,
# and "none of these" isn't. Here the highest cosine gives it away: it is far below that of every scene.
# The last exercise uses this. It doesn't always help: upside down, a triangle has a high cosine with
# "a heart", as the widget shows.

# %% [markdown]
# ## Common mistakes
#
# **Accuracy at chance or below, though the pictures are easy → names and labels are in different
# orders.** One sorted list is enough:

# %%
order = torch.tensor(sorted(range(64), key=lambda k: names[k]))
print(f"own order {is_right(I_seen, seen).float().mean():.3f}")
print(f"sorted    {is_right(I_seen, seen, T[order]).float().mean():.3f}")

# %% [markdown]
# **Right answers, yet no probability is much above $1/C$ → the scale was forgotten.** The argmax
# hides it.

# %%
logits = model.scale.detach() * I_seen @ T.T
print(f"cosines: {(I_seen @ T.T).softmax(dim=1).max():.3f}")
print(f"logits:  {logits.softmax(dim=1).max():.3f}")

# %% [markdown]
# **A broken model has a perfect recall → ties were counted for it.** If all embeddings are equal,
# none is ever higher than the own.

# %%
constant = torch.full((500, 500), 0.7)
higher = (constant > constant.diagonal()[:, None]).sum(dim=1)  # (500,)
print("none higher:", (higher == 0).float().mean().item())
print("recall@1:   ", recall_at_k(constant, 1)[0])

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: a weighted ensemble
#
# Some templates are better than others. Given a vector for each
# sentence, of any length, and a weight for each template, make the class vectors: bring each
# sentence to unit length, so that long ones don't count for more; take the weighted sum over the
# templates; bring that to unit length. Weights need not add up to 1, and one may be 0. The check
# tries several numbers of templates, classes and dimensions.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `norm` along the last dimension, with `keepdim=True`, so that it can divide the rows. The templates
# are dimension 0; `weights[:, None, None]`, (templates, 1, 1), multiplies each with its own weight.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "ensemble", "schema_version": 3, "task": false}
def ensemble(sentences, weights):
    """Unit vectors of classes.

    (templates, classes, dim), (templates,) -> (classes, dim).
    """
    ### BEGIN SOLUTION
    units = sentences / sentences.norm(dim=-1, keepdim=True)
    total = (weights[:, None, None] * units).sum(dim=0)
    return total / total.norm(dim=-1, keepdim=True)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "ensemble-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

sentences_2 = torch.tensor(
    [[[3.0, 4.0], [0.0, 2.0], [1.0, 0.0]], [[1.0, 0.0], [4.0, 3.0], [2.4, 1.8]]]
)  # 2 templates, 3 classes, 2 numbers
weights_2 = torch.tensor([3.0, 1.0])
want = [[0.7592566, 0.6507914], [0.2169305, 0.9761871], [0.9877627, 0.1559625]]
mistakes = {
    "bring the weighted sum back to unit length": [
        [2.8, 2.4],
        [0.8, 3.6],
        [3.8, 0.6],
    ],
    "a mean is not of unit length; divide by its length": [
        [0.7, 0.6],
        [0.2, 0.9],
        [0.95, 0.15],
    ],
    "long sentences count for more in yours; first bring each to unit length": [
        [0.6401844, 0.7682213],
        [0.4061385, 0.9138115],
        [0.9486833, 0.3162278],
    ],
    "the weights are missing": [
        [0.8944272, 0.4472136],
        [0.4472136, 0.8944272],
        [0.9486833, 0.3162278],
    ],
    "each weight belongs to its own template; yours are turned round": [
        [0.9761871, 0.2169305],
        [0.6507914, 0.7592566],
        [0.8837879, 0.4678877],
    ],
    "all templates count, not only the heaviest": [[0.6, 0.8], [0, 1], [1, 0]],
    "all templates count, not only the last": [[1, 0], [0.8, 0.6], [0.8, 0.6]],
    "each class has its own length; divide row by row": [
        [0.4320494, 0.3703280],
        [0.1234427, 0.5554920],
        [0.5863527, 0.0925820],
    ],
    "lengths are taken along the last dimension; yours go down the columns": [
        [0.5848584, 0.5494422],
        [0.1671024, 0.8241634],
        [0.7937364, 0.1373606],
    ],
    "unit length means a sum of squares of 1, not a sum of 1": [
        [0.5384615, 0.4615385],
        [0.1818182, 0.8181818],
        [0.8636364, 0.1363636],
    ],
    "divide by the length, not by its square": [
        [0.2058824, 0.1764706],
        [0.0588235, 0.2647059],
        [0.2567568, 0.0405405],
    ],
    "take the weights as they are, without a softmax": [
        [0.6767251, 0.7362357],
        [0.0996387, 0.9950237],
        [0.9973266, 0.0730727],
    ],
}
with check("A weighted ensemble"):
    got = ask(ensemble, sentences_2, weights_2)
    close(got, want, "ensemble(sentences_2, weights_2)", mistakes=mistakes)
    for size in ((5, 4, 7), (1, 3, 2), (3, 1, 6)):
        draw = torch.Generator().manual_seed(size[0])
        sentences = torch.randn(size, generator=draw)
        weights = torch.rand(size[0], generator=draw)
        got = ask(ensemble, sentences, weights)
        what = f"{size[0]} templates for {size[1]} classes"
        longer = ask(ensemble, 5 * sentences, 2 * weights)
        close(
            longer,
            got,
            f"with vectors five times as long and twice the weights, {what}",
        )
        only = torch.eye(size[0])[-1]  # all weights are 0 but the last
        units = sentences[-1] / sentences[-1].norm(dim=1, keepdim=True)
        close(
            ask(ensemble, sentences, only),
            units,
            f"with all weight on the last, {what}",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "ensemble-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other vectors and weights.
### BEGIN HIDDEN TESTS
from torch.nn.functional import normalize

with check("A weighted ensemble, other sizes"):
    for size in ((1, 4, 5), (6, 2, 3), (4, 4, 4), (2, 5, 64)):
        draw = torch.Generator().manual_seed(sum(size))
        many = 10 * torch.rand(size[:2], generator=draw)[..., None]
        many = many * torch.randn(size, generator=draw)
        weights = torch.rand(size[0], generator=draw)
        exact = torch.einsum("t,tcd->cd", weights, normalize(many, dim=2))
        what = f"the ensemble of {size[0]} templates for {size[1]} classes"
        close(ask(ensemble, many, weights), normalize(exact, dim=1), what)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: recall of the true
#
# Own captions are too strict, as we saw. Return the share of
# pictures that have at least one **true** caption among their $k$ most similar. A picture of which
# no caption is true counts as not found. The check tries all $k$, grids that are not square, and one
# picture alone; no row has two equal similarities.

# %% [markdown]
# <details><summary>Hint</summary>
#
# `similarities.topk(k, dim=1).indices`, (images, k), are the columns. `true.gather(1, columns)`
# looks them up in each row. Then: is *any* of the $k$ true?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "true-recall", "schema_version": 3, "task": false}
def true_recall(similarities, true, k):
    """Share of pictures with a true caption among the first k.

    (images, texts) twice -> ().
    """
    ### BEGIN SOLUTION
    columns = similarities.topk(k, dim=1).indices  # (images, k)
    return true.gather(1, columns).any(dim=1).float().mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "true-recall-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

S_6 = torch.tensor(
    [
        [3, 0, 1, 7, 6, 4, 2],
        [3, 4, 0, 7, 6, 5, 2],
        [2, 6, 5, 3, 4, 1, 7],
        [6, 3, 0, 2, 4, 7, 8],
        [5, 8, 6, 0, 2, 7, 3],
        [8, 3, 5, 1, 4, 2, 7],
    ]
)
true_6 = torch.tensor(
    [
        [1, 0, 0, 1, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 0, 1, 1],
        [0, 0, 0, 1, 0, 1, 1],
    ]
)
mistakes = {
    "any true caption counts, not only the own one": 0.0,
    "look at the k most similar, not only at the first": 0.5,
    "of the k, one must be true; yours is the share that are": 0.5833333,
    "a picture with two true ones is counted twice": 1.1666667,
    "return the share of the pictures, not their number": 5.0,
    "one true caption is enough; yours asks how many of the true ones were found": 0.2833333,
    "one true caption for each picture is enough; yours counts captions": 0.3181818,
    "one of the k is enough; yours wants all k to be true": 0.3333333,
    "one true caption is enough; yours wants all of them found": 0.1666667,
    "pictures search along rows; yours goes along columns": 0.8571429,
    "the most similar are wanted, not the least": 0.6666667,
    "a picture without a true caption counts, as not found; see row 3": 1.0,
}
with check("Recall of the true"):
    got = ask(true_recall, S_6 / 10, true_6.bool(), 2)
    close(
        got,
        5 / 6,
        "true_recall(S_6 / 10, true_6.bool(), k=2)",
        mistakes=mistakes,
    )
    for pictures, texts in ((4, 9), (1, 3), (5, 2)):
        draw = torch.Generator().manual_seed(texts)
        grid = 2 * torch.rand(pictures, texts, generator=draw) - 1
        fits = torch.rand(pictures, texts, generator=draw) < 0.3
        for k in range(1, texts + 1):
            hits = [
                fits[i, row.argsort()[-k:]].any() for i, row in enumerate(grid)
            ]
            got, what = (
                ask(true_recall, grid, fits, k),
                f"the share in a {pictures}×{texts} grid, k={k}",
            )
            close(got, sum(hits) / pictures, what)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "true-recall-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other grids, and the strict recall as a special case.
### BEGIN HIDDEN TESTS
from clipbook.evaluation import recall_at_k

with check("Recall of the true, other grids"):
    wide = torch.rand(8, 12, generator=torch.Generator().manual_seed(0))
    fits = torch.rand(8, 12, generator=torch.Generator().manual_seed(1)) < 0.3
    for k in (1, 3, 12):
        firsts = [
            sorted(range(12), key=row.__getitem__)[-k:] for row in wide.tolist()
        ]
        hits = [
            any(fits[i, j] for j in first) for i, first in enumerate(firsts)
        ]
        close(
            ask(true_recall, wide, fits, k),
            sum(hits) / 8,
            f"true_recall(…, k={k})",
        )
    square = torch.randn(9, 9, generator=torch.Generator().manual_seed(1))
    for k in (1, 3):
        got = ask(true_recall, square, torch.eye(9).bool(), k)
        what = f"with only the own caption true, true_recall(…, k={k})"
        close(got, recall_at_k(square, k)[0], what)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "hard"}
# ## Exercise: none of these
#
# `known` holds similarities of pictures
# that do belong to the classes, `similarities` those of new pictures. Return the class of each new
# picture, or −1 where its best similarity lies **below that of every known picture**. Similarities
# may all be negative, and there may be one known picture only; the check tries other thresholds.

# %% [markdown]
# <details><summary>Hint</summary>
#
# The threshold: each known picture has a best similarity; which of these is the lowest? Then an argmax
# for each row, and −1 where the row's maximum is below the threshold. `torch.where` chooses. On the
# threshold is not below it.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "none-of-these", "schema_version": 3, "task": false}
def none_of_these(similarities, known):
    """Class of each picture, or -1.

    (pictures, C), (known pictures, C) -> (pictures,).
    """
    ### BEGIN SOLUTION
    threshold = known.max(dim=1).values.min()
    best, answers = similarities.max(dim=1)
    return torch.where(best < threshold, -1, answers)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "none-of-these-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close

known_4 = torch.tensor(
    [[0.6, 0.2, 0.1], [0.1, 0.2, 0.5], [0.0, 0.3, 0.8], [0.7, -0.2, 0.1]]
)
new_6 = torch.tensor(
    [[0.1, 0.9, 0.2], [0.3, 0.2, 0.5], [0.45, 0.4, 0.4], [-0.5, -0.4, -0.3], [0.55, 0.1, 0.5],
     [0.1, 0.7, 0.1]]
)  # fmt: skip
mistakes = {
    "nothing is refused; where is the threshold?": [1, 2, 0, 2, 0, 1],
    "a picture exactly on the threshold is not below it": [1, -1, -1, -1, 0, 1],
    "−1 is for pictures below the threshold; yours refuses those above": [
        -1,
        -1,
        0,
        2,
        -1,
        -1,
    ],
    "the threshold is the lowest best similarity, not the highest": [
        1,
        -1,
        -1,
        -1,
        -1,
        -1,
    ],
    "the threshold is the lowest best similarity, not the mean or median": [
        1,
        -1,
        -1,
        -1,
        -1,
        1,
    ],
    "first the best of each known picture, then the lowest of these": [
        1,
        2,
        0,
        -1,
        0,
        1,
    ],
    "refused is −1; 0 is a class": [1, 2, 0, 0, 0, 1],
    "refused is −1, not C": [1, 2, 3, 3, 0, 1],
    "classes are counted from 0": [2, 3, -1, -1, 1, 2],
    "the most similar class is wanted, not the least": [0, 1, -1, -1, 1, 0],
    "the answers of the others are classes, not similarities": [
        0.9,
        0.5,
        -1,
        -1,
        0.55,
        0.7,
    ],
    "refused pictures keep their place, as −1": [1, 2, 0, 1],
}
with check("None of these"):
    got = ask(none_of_these, new_6, known_4)
    close(
        got,
        [1, 2, -1, -1, 0, 1],
        "none_of_these(new_6, known_4)",
        mistakes=mistakes,
    )
    got = ask(none_of_these, new_6 - 0.75, known_4 - 0.75)
    close(
        got,
        [1, 2, -1, -1, 0, 1],
        "the answers where every similarity is lower by 0.75",
    )
    for pictures, classes in ((7, 4), (1, 9)):
        draw = torch.Generator().manual_seed(classes)
        known = torch.rand(pictures, classes, generator=draw)
        close(
            ask(none_of_these, known, known),
            known.argmax(dim=1),
            "the known pictures' answers",
        )
        got = ask(none_of_these, known[-1:] - 1, known)
        close(got, [-1], f"the answer for a strange picture, {pictures} known")

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "none-of-these-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other similarities, with many classes.
### BEGIN HIDDEN TESTS
with check("None of these, other pictures"):
    generator = torch.Generator().manual_seed(0)
    known_20 = torch.rand(20, 10, generator=generator)
    some = 1.1 * torch.rand(50, 10, generator=generator) - 0.15
    for lower in (0, 2):
        known, new = known_20 - lower, some - lower
        lowest_best = min(max(row) for row in known.tolist())
        want = [
            row.index(max(row)) if max(row) >= lowest_best else -1
            for row in new.tolist()
        ]
        assert -1 in want
        what = f"none_of_these of 50 pictures, all similarities {lower} lower"
        close(ask(none_of_these, new, known), want, what)
    got = ask(none_of_these, some[:1] - 5, known_20)
    close(got, [-1], "none_of_these of one strange picture")
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** Two models get 0.95 and 0.96 of the same 200 pictures right, and the intervals overlap. Is
# the second better?
#
# <details><summary>Answer</summary>
#
# Not shown: 2 pictures make the difference. "No, they are equal" is wrong, too: nothing was shown
# either way. Take more pictures; and as both saw the same ones, count only those on which they differ.
#
# </details>
#
# **2.** Zero-shot says "a cup of coffee", probability 0.99. What do you know?
#
# <details><summary>Answer</summary>
#
# That coffee fits better than the other captions *offered*, given the scale. Not that there is
# coffee with probability 0.99: no caption said "none of these".
#
# </details>
#
# **3.** A linear probe finds the background in the features; zero-shot doesn't. Are the class names
# badly chosen?
#
# <details><summary>Answer</summary>
#
# Other names won't help much. Captions never speak of backgrounds, so nothing in training tied a word
# to them. "The encoder doesn't see it" is wrong as well: the probe reads it.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We built a classifier from captions, measured it in four ways, and found its limits.
#
# - Classes are captions: unit vectors, averaged over templates; the most similar wins.
# - A number needs its interval, its baseline and a look at the confusions.
# - The model knows what captions said, as they said it. Outside, it answers all the same.
#
# Next: **and on real pictures?** We ask a CLIP for [emoji by artists](../real/emoji.ipynb) whom it has
# never seen. Or go back to [the loss](contrastive-loss.ipynb) and ask which of these failures come from
# it, and which from the data; or to the map of [the whole model](../index.md).

# %% [markdown]
# **Sources.** Zero-shot classification and its prompts, with the gains on ImageNet:
# {cite:t}`radford2021clip`, §3.1.4; linear probes: §3.2. Probes before that:
# {cite:t}`alain2016probes`. The interval: {cite:t}`wilson1927interval`. Relations and word order in
# large models: {cite:t}`yuksekgonul2023bow`, {cite:t}`thrush2022winoground`.
