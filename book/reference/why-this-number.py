# %% [markdown]
# # Why this number?
#
# **A loss, a score or an accuracy looks odd: what is behind it?**
#
# Each section is named after what you see; it says the cause, reproduces it, and says what to do.

# %% [markdown]
# We take the model that the book has trained, 64 pairs that it has never seen, and their grid.

# %%
import math

import torch

import clipbook
from clipbook.evaluation import recall_at_k
from clipbook.image import normalise
from clipbook.pairs import info_nce
from clipbook.scenes import render, sample_pairs
from clipbook.streams import stream
from clipbook.training import PRESETS, SceneBatches

model, tokenizer = clipbook.load("shapes")
scenes, captions = sample_pairs(64, stream("why this number: pairs"))
pixels = model.preprocess([render(scene) for scene in scenes])

# %%
with torch.no_grad():
    images = model.encode_image(pixels)  # (64, 64), 64 numbers each
    texts = model.encode_text(*tokenizer.batch(captions))  # (64, 64)
    scale = model.scale
cosines = images @ texts.T  # rows are pictures, columns are captions
N = len(cosines)
assert info_nce(scale * cosines) < 1 and min(recall_at_k(cosines, 1)) > 0.8
print(f"loss {info_nce(scale * cosines):.2f}", end=", ")
print(f"a guess costs ln {N} = {math.log(N):.2f}")

# %% [markdown]
# ## The loss stays at ln N
#
# **All captions look equally good, and go on doing so.** Either pictures and captions don't belong
# together (only one of two lists was shuffled), or one side carries nothing: black pictures, texts
# cut off too early. Look at what the loop really gets, picture beside caption. A frozen encoder only
# makes learning slower: the other one learns to meet it. [Training](../pairs/training.ipynb) reproduces more causes.


# %%
maker = SceneBatches(tokenizer, batch_size=32, twins=0)
batches = [maker[step] for step in range(60)]


def loss_after(spoil, frozen=False):
    student = PRESETS["cpu"].build(seed=0).model
    student.text_encoder.requires_grad_(not frozen)
    optimiser = torch.optim.AdamW(student.parameters(), lr=1e-3)
    losses = []
    for batch in batches:
        pictures, token_ids, mask = spoil(*batch)
        loss = info_nce(student(normalise(pictures), token_ids, mask))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


# %%
spoils = {
    "healthy": lambda X, ids, mask: (X, ids, mask),
    "captions shifted": lambda X, ids, mask: (
        X,
        ids.roll(1, 0),
        mask.roll(1, 0),
    ),
    "pictures black": lambda X, ids, mask: (X * 0, ids, mask),
    "texts cut at 2": lambda X, ids, mask: (X, ids[:, :2], mask[:, :2]),
}
ends = {name: loss_after(spoil) for name, spoil in spoils.items()}
ends["text encoder frozen"] = loss_after(spoils["healthy"], frozen=True)
for name, end in ends.items():
    print(f"{name:20} {end:.2f}   a guess: ln 32 = {math.log(32):.2f}")
assert ends["healthy"] < ends["text encoder frozen"] < math.log(32) - 0.3
assert all(abs(ends[name] - math.log(32)) < 0.1 for name in list(spoils)[1:])

# %% [markdown]
# ## The loss stops less than 2 below ln N
#
# **The cosines reach the loss unscaled**, or with a scale fixed too low. They lie in [−1, 1], and
# the softmax of such numbers is nearly flat: even a perfect grid costs $\ln(1 + (N-1)\,e^{-2})$.
# Multiply by [the scale](../pairs/contrastive-loss.ipynb#the-temperature).

# %%
perfect = 2 * torch.eye(N) - 1  # 1 on the diagonal, -1 elsewhere
print(
    f"at best {info_nce(perfect):.2f}, ours {info_nce(cosines):.2f}", end=", "
)
print(f"a guess {math.log(N):.2f}")
least = math.log(1 + (N - 1) * math.exp(-2))
assert math.isclose(info_nce(perfect), least, abs_tol=1e-4)
assert math.log(N) - 2 < info_nce(perfect) < info_nce(cosines) < math.log(N)

# %% [markdown]
# ## The first loss is far above ln N
#
# **The embeddings aren't of unit length**, so logits are as large as the lengths happen to be: a
# model that is sure and wrong. Divide each row by its length; the package's `similarity` refuses rows
# of any other. Here both encoders' raw outputs, from a model that knows nothing.

# %%
untrained = PRESETS["cpu"].build(seed=0).model.eval()
with torch.no_grad():
    raw = untrained.image_encoder(pixels)
    raw = raw @ untrained.text_encoder(*tokenizer.batch(captions)).T
    unit = untrained.encode_image(pixels)
    unit = unit @ untrained.encode_text(*tokenizer.batch(captions)).T
print(f"largest raw 'cosine' {raw.abs().max():.1f}")
for name, grid in (("raw", raw), ("of unit length", unit)):
    print(f"{name}: first loss {info_nce(untrained.scale.detach() * grid):.2f}")
assert info_nce(untrained.scale.detach() * raw) > math.log(N) + 1
assert abs(info_nce(untrained.scale.detach() * unit) - math.log(N)) < 0.6

# %% [markdown]
# ## A good model, and a loss far above ln N
#
# **Pictures and captions are in different orders**, as when only one of two lists of files is
# sorted. The grid is fine; its diagonal isn't where the loss looks.

# %%
order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
mixed = cosines[:, order]
for name, grid in (("in order", cosines), ("mixed", mixed)):
    highest = grid.max(dim=1).values.mean()
    print(f"{name:8}: loss {info_nce(scale * grid):5.2f}", end=", ")
    print(f"highest of a row, on average {highest:.2f}")
assert info_nce(scale * mixed) > 2 * math.log(N)

# %% [markdown]
# ## The loss is 0 from the start
#
# **The batch has one pair**, and nothing to [contrast](../start/contrastive-learning.ipynb#why-contrast)
# it with. Often it is the last, incomplete batch of an epoch: drop it.

# %%
alone = info_nce(scale * cosines[:1, :1])
assert alone == 0
alone

# %% [markdown]
# ## The loss stops at 0.69, or another odd floor
#
# **Captions repeat within a batch.** Two pictures with one caption can each give their own copy no
# more than a half, and ln 2 = 0.69. The floor is the mean of $\ln c_i$, with $c_i$ copies of caption
# $i$. Take each caption once a batch: the others are
# [false negatives](../pairs/contrastive-loss.ipynb#false-negatives).

# %%
for copies in ([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 1, 2, 3]):
    caption_numbers = torch.tensor(copies)
    ideal = (caption_numbers[:, None] == caption_numbers).float()  # the best
    floor = ideal.sum(dim=1).log().mean()  # ln c_i, on average
    losses = [info_nce(factor * ideal).item() for factor in (1, 10, 100)]
    told = [round(loss, 3) for loss in losses]
    print(f"{copies}: scale 1, 10, 100: {told}, floor {floor:.3f}")
    assert math.isclose(losses[-1], floor, abs_tol=1e-6)

# %% [markdown]
# ## A sigmoid loss of N ln 2, or of 10
#
# **44.4 with 64 pairs: every cell has a logit of 0.** So it stays where the embeddings never reach the
# logits, or where scale and bias are 0. A first loss near 10, whatever the batch, is SigLIP's own
# beginning: a bias of −10, which each pair has to overcome. [The sigmoid
# loss](../scale/sigmoid-loss.ipynb#nearly-always-no).

# %%
from clipbook.pairs import sigmoid_loss

grids = {bias: torch.full((64, 64), bias) for bias in (0.0, -10.0)}
first = {bias: sigmoid_loss(grid).item() for bias, grid in grids.items()}
assert math.isclose(first[0.0], 64 * math.log(2), rel_tol=1e-5)
assert 10 < first[-10.0] < 10.1
print({bias: round(loss, 2) for bias, loss in first.items()})

# %% [markdown]
# ## The loss differs with the number of processes
#
# **Each process compares only its own pairs.** With two processes of 64 pairs each the
# first loss is near ln 64, not ln 128. Gather the embeddings of all. If the loss is right and the gradient is too small by the
# number of processes, what was gathered is a constant: [Many
# machines](../scale/many-machines.ipynb#whose-gradients) shows three such shortcuts.

# %%
first = untrained.scale.detach() * unit  # of a model that knows nothing
halves = [info_nce(first[k : k + 32, k : k + 32]) for k in (0, 32)]
assert sum(halves) / 2 < info_nce(first) - 0.5
print(f"two halves {sum(halves) / 2:.2f}, ln 32 = {math.log(32):.2f}")
print(f"the whole  {info_nce(first):.2f}, ln 64 = {math.log(64):.2f}")

# %% [markdown]
# ## The loss is higher on the larger batch
#
# **Losses of different batch sizes can't be compared:** a larger batch is a harder quiz, and a guess
# costs ln N. So a validation loss on batches of 16 looks better than a training loss on 64. Use the
# same N.

# %%
blocks = [cosines[k : k + 16, k : k + 16] for k in range(0, N, 16)]
small = torch.stack([info_nce(scale * block) for block in blocks]).mean()
large = info_nce(scale * cosines)
print("same model, same pairs", end=": ")
print(f"batches of 16 {small:.4f}, of 64 {large:.4f}")
assert small < large

# %% [markdown]
# ## All similarities are near one
#
# **Nothing has pushed the embeddings apart.** At step 0 this is normal among pictures: an untrained
# encoder gives all of them nearly the same embedding, and a column of the grid hardly varies. Later
# it means that the goal has no contrast, as
# [in the first chapter](../start/contrastive-learning.ipynb#why-contrast). Look at the cells *off*
# the diagonal: where they are as high as those on it, the diagonal says nothing.

# %%
off = ~torch.eye(N, dtype=torch.bool)
with torch.no_grad():
    before = untrained.encode_image(pixels)
grids = {"untrained": (before, unit), "trained": (images, cosines)}
for name, (rows, grid) in grids.items():
    among, spread = (rows @ rows.T)[off].mean(), grid.std(dim=0).mean()
    print(f"{name:9}: pictures among each other {among:.2f}", end=", ")
    print(f"spread in a column ±{spread:.2f}")
    alike = among > 0.9 and spread < 0.1
    assert alike if name == "untrained" else among < 0.5 and spread > 0.1

# %% [markdown]
# ## Matching pairs score only 0.25
#
# **That is healthy.** The loss compares cells of a row and of a column with each other; a constant
# taken off all cells costs nothing. In published CLIPs pictures and texts lie in two cones, the
# **modality gap**, and matching pairs seldom exceed 0.4. We build such a gap: one more number in each
# embedding, the same for all pictures, the opposite for all texts. Bringing them back to unit length
# shrinks all differences, and a larger scale makes up for that.

# %%
own = cosines.diagonal().mean()
a = ((own - 0.25) / 1.25).sqrt()  # so that matching cells come to 0.25
length = (1 + a**2).sqrt()
pictures = torch.cat([images, a.expand(N, 1)], dim=1) / length  # (64, 65)
words = torch.cat([texts, -a.expand(N, 1)], dim=1) / length
shifted = pictures @ words.T
print(f"matching cells {own:.2f} → {shifted.diagonal().mean():.2f}")
same = info_nce((1 + a**2) * scale * shifted)
print(f"loss {info_nce(scale * cosines):.4f} → {same:.4f}, with a larger scale")
assert torch.equal(shifted.argmax(dim=1), cosines.argmax(dim=1))
assert math.isclose(same, info_nce(scale * cosines), abs_tol=1e-4)

# %% [markdown]
# So compare a score with the other scores of its row; don't read it as a probability, nor use one
# threshold for two models. [The gap of CLIP itself](../real/pretrained.ipynb#the-modality-gap) is
# measured on photographs. SigLIP adds a bias, at first −10: there a logit of 0 means a probability
# of a half, which is high.

# %% [markdown]
# ## The scale sits at 100
#
# **Every pair of the batch is right, and so a larger scale always pays.** CLIP's authors clamp it at
# 100 since, they write, training became unstable otherwise. At the clamp the batches have become
# easy; that alone is harmless. If the scale gets there within the first steps, check for pairs that
# can be told apart without looking, such as a file name in the caption.

# %%
easy = torch.full((8, 8), 0.45).fill_diagonal_(0.5)  # all right, fixed
log_scale = torch.tensor(math.log(1 / 0.07), requires_grad=True)
optimiser = torch.optim.Adam([log_scale], lr=0.1)
for _ in range(200):
    optimiser.zero_grad()
    info_nce(log_scale.exp() * easy).backward()
    optimiser.step()
    log_scale.data.clamp_(max=math.log(100))
end = log_scale.exp().item()
print(f"scale {1 / 0.07:.1f} → {end:.1f}, all pairs right from the start")
assert math.isclose(log_scale.exp().item(), 100, rel_tol=1e-4)

# %% [markdown]
# ## nan in half precision
#
# **A number left the range of 16 bits.** The largest float16 is 65,504, and $e^{12}$ is larger: a
# softmax written as powers through their sum gives inf / inf. And small guards vanish: $10^{-12}$ is
# 0 in float16, so a row of zeros is divided by 0. Do as our loop does: let the encoders compute in 16
# bits, normalise and take the loss in 32, and with float16 scale the gradients.

# %%
half = torch.tensor([12.0, 11.0], dtype=torch.float16)
powers = half.exp()
empty = torch.zeros(3, dtype=torch.float16)
guarded = empty / empty.norm().clamp(min=1e-12)
print("powers through their sum:", powers / powers.sum())
print("a guard of 1e-12:        ", guarded)
print("softmax in 32 bits:      ", half.float().softmax(dim=0))
assert (powers / powers.sum()).isnan().any() and guarded.isnan().all()

# %% [markdown]
# ## Accuracy at chance, both ways
#
# **The two encoders don't belong together:** pictures from one model, texts from another, or a
# tokenizer that the text encoder wasn't trained with. No error is raised.

# %%
stranger, _ = clipbook.load("shapes-cnn")
with torch.no_grad():
    foreign = stranger.encode_text(*tokenizer.batch(captions))
    token_ids, mask = tokenizer.batch(captions)
    wrong_ids = model.encode_text((token_ids + 1) % tokenizer.vocab_size, mask)
tried = {"own": texts, "another model's": foreign, "ids off by 1": wrong_ids}
for name, others in tried.items():
    to_caption, to_picture = recall_at_k(images @ others.T, 1)
    print(f"{name:16} picture→caption {to_caption:.2f}", end=", ")
    print(f"caption→picture {to_picture:.2f}")
    assert name == "own" or max(to_caption, to_picture) < 0.2

# %% [markdown]
# ## Accuracy good one way, poor the other
#
# **One side isn't of unit length**, here the captions. Along a row a long one beats a better one; down
# a column all cells grow alike, and nothing changes. Normalise both.

# %%
lengths = torch.linspace(1, 50, N)[:, None]  # (64, 1)
to_caption, to_picture = recall_at_k(images @ (texts * lengths).T, 1)
print(f"picture→caption {to_caption:.2f}, caption→picture {to_picture:.2f}")
assert to_caption < 0.8 and to_picture == recall_at_k(cosines, 1)[1]

# %% [markdown]
# ## Accuracy 1.00 from a model that knows nothing
#
# **Ties were counted as hits.** If every embedding is the same, no other caption is *more* similar
# than the own one. Count those that are as similar or more; then a tie is a miss.

# %%
nothing = torch.full((N, N), 0.7)
own = nothing.diagonal()[:, None]  # (64, 1)
in_favour = ((nothing > own).sum(dim=1) == 0).float().mean().item()
against, _ = recall_at_k(nothing, 1)
assert in_favour == 1 and recall_at_k(nothing, 1) == (0, 0)
print("ties as hits:", in_favour, " ties as misses:", against)

# %% [markdown]
# ## The loss falls, but it answers blindly
#
# **The picture doesn't reach a model that answers**, or nothing made it look: the form of answers and
# what is usual lower the loss far, and a third of all answers may be right. Show it another question's
# picture. What looks must get much worse; if loss and answers stay, it is blind. More in
# [a picture in front of the words](../language/paligemma.ipynb#training-one).

# %%
from clipbook.evaluation import blind_baseline, evaluate_answers

answers = clipbook.load("answers")
KINDS = ("colour", "exists", "count")
own = evaluate_answers(answers, 60, kinds=KINDS, pictures="own")
other = evaluate_answers(answers, 60, kinds=KINDS, pictures="another's")
usual = blind_baseline(60, kinds=KINDS)
tried = {"own picture": own, "another's": other, "blind baseline": usual}
for name, shares in tried.items():
    told = [f"{kind} {shares[f'{kind}, seen']:.2f}" for kind in KINDS]
    print(f"{name:15}", *told)
assert own["mean, seen"] > other["mean, seen"] + 0.3 > usual["mean, seen"]

# %% [markdown]
# ## The answer repeats, or never ends
#
# **Nothing stops it.** Either the end token had no part in
# [the loss](../language/decoder.ipynb#common-mistakes), so that the model never learned to write
# it; or it is written, and the loop that writes doesn't look for it. What comes after an end, no
# training has formed: here more ends, elsewhere noise.

# %%
from functools import partial

picture = answers.model.preprocess(render(scenes[0]))
prompt = torch.tensor([answers.tokenizer.prompt("how many shapes?")])
end = answers.tokenizer.end_id
with torch.no_grad():
    generate = partial(answers.model.generate, max_new_tokens=9)
    stopped = generate(picture, prompt, end_id=end)[0].tolist()
    driven_on = generate(picture, prompt)[0].tolist()
both = {"stops at its end": stopped, "is driven on": driven_on}
for name, written in both.items():
    print(f"{name:17}", *[answers.tokenizer.token(i).strip() for i in written])
assert stopped[-1] == end and driven_on[: len(stopped)] == stopped
assert len(driven_on) == 9

# %% [markdown]
# ## The first token is right, then nonsense
#
# **With a cache, positions began anew**, or what came before was left out. The first token comes from
# the prompt, which was read in one piece, so nothing is wrong yet. Count
# [positions](../language/writing.ipynb#the-kv-cache) from what the cache has read; logits with and
# without it must agree.


# %%
from clipbook.language import KVCache


@torch.no_grad()
def caption_written(picture, first_place):
    language = answers.model.decoder
    cache, written = KVCache(answers.model.config.decoder.depth), []
    asked = torch.tensor([answers.tokenizer.prompt("caption")])
    patches = answers.model.image_embeddings(picture)
    new = torch.cat([patches, language.embed(asked)], dim=1)
    free = torch.ones(1, 1, dtype=torch.bool)  # what is given sees both ways
    while len(written) < 12 and end not in written:
        places = torch.arange(new.shape[1]) + first_place(cache)
        x = language.features(new, allowed=free, positions=places, cache=cache)
        written.append(language.logits(x[0, -1]).argmax().item())
        new = language.embed(torch.tensor([written[-1:]]))
    return written


# %%
two = [scene for scene in scenes if scene.relation][:12]
seen = [answers.model.preprocess(render(scene)) for scene in two]
right = [caption_written(one, lambda cache: cache.tokens) for one in seen]
wrong = [caption_written(one, lambda cache: 0) for one in seen]
for name, written in (("goes on", right), ("begins anew", wrong)):
    print(f"{name:12}", answers.tokenizer.decode(written[0]))
spoilt = [good != bad for good, bad in zip(right, wrong, strict=True)]
print(f"{sum(spoilt)} of {len(spoilt)} differ, none in its first token")
first = answers.tokenizer.decode(right[0]).strip()
assert first == answers.caption(render(two[0])) and any(spoilt)
assert [good[0] for good in right] == [bad[0] for bad in wrong]

# %% [markdown]
# **Sources.** Low cosines of matching pairs: {cite:t}`hessel2021clipscore`, §3; the gap between
# pictures and texts: {cite:t}`liang2022gap`. The clamp: {cite:t}`radford2021clip`, §2.5.
