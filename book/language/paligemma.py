# ---
# jupyter:
#   chapter:
#     question: How does a picture get in front of the words, so that the answer is no guess?
#     objectives:
#     - build a small PaliGemma of an image encoder, a linear projection and a decoder, and say which
#       token may look at which
#     - train it to answer, and measure whether it looks at the picture or guesses well
#     - say from trials which image encoder makes it see, and what such trials are too short to show
#     needs: [language/decoder, image/vit, pairs/zero-shot]
#     minutes: 53
#     place: it begins where the image encoder ends, and answers in words
#     band: PaliGemma
#     builds: [clipbook.language.PaliGemma, clipbook.language.prefix_mask, clipbook.language.box_to_text, clipbook.language.iou]
# ---

# %% [markdown]
# # A picture in front of the words
#
# CLIP chooses among captions; the [decoder](decoder.ipynb) writes, but is blind. {question} We join
# the two, as Google's vision–language model **PaliGemma** does ({cite:t}`beyer2024paligemma`), and
# ask what makes such a model see.

# %% [markdown]
# ## What it is to do
#
# The package ships a small model of this kind, trained on questions about the scenes of our world,
# in several runs; the first is the one that you will see below. Here is the first of this book's
# eight example pictures, and some questions. Predict which kind of question is the hardest to
# learn; trials further down tell.

# %% mystnb={"image": {"alt": "A small red circle above a large blue square, and the same picture with the boxes that the model gave: each lies closely around its shape."}}
import torch
from PIL import ImageDraw

import clipbook
from clipbook.figures import picture_row
from clipbook.scenes import EXAMPLE, render

answers = clipbook.load("answers")
picture = render(EXAMPLE[0][0])
large = picture.resize((320, 320), 0)
for name in ("red circle", "blue square"):
    box = answers.detect(picture, name)[0]
    sides = [320 * side for side in (box.left, box.top, box.right, box.bottom)]
    ImageDraw.Draw(large).rectangle(sides, outline="white", width=4)
picture_row({"picture 1": picture, "what it detects": large})

# %%
QUESTIONS = [
    "caption",
    "what colour is the square?",
    "what shape is red?",
    "how many shapes?",
    "how large is the red circle?",
    "where is the red circle?",
    "is there a red square?",
    "what is below the red circle?",
    "what is above the red circle?",
    "detect red circle",
]
for question in QUESTIONS:
    print(f"{question:30} {answers.ask(picture, question)}")

# %% [markdown]
# Nine kinds of questions, one model, and no list of classes anywhere: an answer is a text, and the
# model writes it token by token. Even a place is text. (One answer is a guess: the red circle lies
# in the middle of the upper half, where none of our world's five places fits, and training asks no
# such question.) How is this made?

# %% [markdown]
# Ask it yourself. Before each token the model has a row of probabilities, and looks at the patches;
# beside it the same model answers without the picture. For which questions are both answers alike?
# Where they are, compare the rows of probabilities. Then ask a question of your own: on the page
# below the figure, in a notebook here, in `my_question`, the last about picture 1.

# %% tags=["live", "answers"]
from clipbook.widgets import AnswerExplorer

pictures = [render(scene) for scene, _ in EXAMPLE[:3]]
second = [
    "caption",
    "what is above the red square?",
    "what colour is the circle?",
]
third = [
    "caption",
    "what colour is the star?",
    "where is the yellow star?",
    "detect yellow star",
]
my_question = "is there a blue circle?"
first = [*QUESTIONS, my_question]
AnswerExplorer(answers, pictures, [first, second, third], question=1)

# %% [markdown]
# ## Sixteen vectors in front
#
# A decoder reads vectors. Whether a vector came from a table of words or from elsewhere, it can't
# tell. So: let the image encoder of our trained CLIP make one vector for each of the 16 patches,
# bring them to the decoder's width $w$ with a learned matrix and shift, and put them in front of the
# words:
#
# $$x_k = W z_k + c \quad (k = 1 \dots 16), \qquad x_{16 + i} = \sqrt{w}\, E[T_i]$$
#
# $z_k$ is what the encoder says of patch $k$, normed (mean 0, variance 1); $E$ is the table of token
# embeddings. We take $z_k$ after the second of three blocks; trials below compare the blocks.

# %%
import torch.nn.functional as F

model, tokenizer = answers
model.requires_grad_(False)
pixels = model.preprocess(picture)  # (1, 3, 32, 32)
clip, clip_tokenizer = clipbook.load("shapes")
clip.requires_grad_(False)
Z = model.image_encoder.intermediates(pixels)["block 2"]  # (1, 16, 96)
clips = clip.image_encoder.intermediates(pixels)["block 2"]
# CLIP's own encoder, but for rounding to 16 bits
assert torch.allclose(Z, clips, atol=0.05)
Z = F.layer_norm(Z, Z.shape[-1:])
X = Z @ model.projection.weight.T + model.projection.bias  # (1, 16, w)
assert torch.allclose(X, model.image_embeddings(pixels), atol=1e-4)
print("patches", tuple(Z.shape), "as words", tuple(X.shape))

# %% [markdown]
# Behind them come `<start>`, the question and a new line, which says "now answer", and the answer
# with its end. A word's embedding is multiplied by $\sqrt w$, as in Gemma; the picture's vectors
# aren't, since the projection learns its own scale.

# %%
prompt = tokenizer.prompt("what is below the red circle?")
answer = tokenizer.answer("a blue square")
token_ids = torch.tensor([prompt + answer])  # (1, t)
words = model.decoder.embed(token_ids)  # (1, t, w)
sequence = torch.cat([X, words], dim=1)  # (1, 16 + t, w)
print(*[repr(tokenizer.token(i)) for i in prompt + answer])
print(
    f"{len(prompt)} tokens of the prompt, {len(answer)} of the answer:",
    tuple(sequence.shape),
)

# %% [markdown]
# ## Who may look at whom
#
# The decoder's causal mask was there because each token is asked for the next one. But nobody asks
# for the next patch, or for the next word of the question: they are **given**. So patches and prompt,
# the **prefix**, may all look at each other, the patches at the question too; only the answer is
# causal. This is a **prefix-LM**. Draw the mask for 3 patches, 3 tokens of prompt and 3 of answer
# before you run the cell.


# %% mystnb={"image": {"alt": "A square of nine by nine. The first six columns, of patches and prompt, are filled in every row. The last three, of the answer, are filled on and below the diagonal only."}}
from clipbook.figures import token_heatmap
from clipbook.language import prefix_mask


def mask_by_hand(prefix, tokens):
    allowed = torch.zeros(tokens, tokens, dtype=torch.bool)
    for query in range(tokens):
        for key in range(tokens):
            allowed[query, key] = key < prefix or key <= query
    return allowed


mask = mask_by_hand(6, 9)
assert torch.equal(prefix_mask(torch.arange(9)[None] < 6)[0, 0], mask)
names = ["patch"] * 3 + ["<start>", "colour?", "\\n", "dark", "red", "<end>"]
token_heatmap(torch.where(mask, 1.0, torch.nan), names, names)

# %% [markdown]
# In a batch, prompts differ in length, so each row has its own mask. Padding stands behind the
# answer, where no real token looks. Now the whole model, by hand: projected patches, embedded words,
# the mask, the decoder that we know.

# %%
allowed = mask_by_hand(16 + len(prompt), sequence.shape[1])[None, None]
features = model.decoder.features(sequence, allowed=allowed)  # (1, 16 + t, w)
logits = model.decoder.logits(features[:, 16:])  # (1, t, V)
in_prompt = torch.arange(len(prompt + answer))[None] < len(prompt)  # (1, t)
assert torch.allclose(logits, model(pixels, token_ids, in_prompt), atol=1e-3)
print("logits", tuple(logits.shape))

# %% [markdown]
# ## A loss on the answer alone
#
# Only the answer's tokens are predicted, the end token among them. As ever, row $i$ scores token
# $i + 1$: the first word of the answer is scored by the row of the **new line**, the last token of
# the prompt.

# %%
rows = logits[0, len(prompt) - 1 : -1]  # (4, V)
costs = -rows.log_softmax(dim=1)[range(len(answer)), torch.tensor(answer)]
for k, token in enumerate(answer):
    before = tokenizer.token((prompt + answer)[len(prompt) - 1 + k])
    then = tokenizer.token(token)
    print(f"after {before!r:9} comes {then!r:9} cost {costs[k]:.4f}")
loss = model.loss(pixels, token_ids, in_prompt, ~in_prompt)
assert torch.isclose(costs.mean(), loss, atol=0.01)

# %% [markdown]
# ## Places as words
#
# For "detect" the answer begins with four **location tokens**: top, left, bottom, right. The
# picture's side is cut into 32 bins, and each bin has a token of its own, behind the words in the
# vocabulary. PaliGemma has 1,024 of them ({cite:t}`beyer2024paligemma`, §3.2); the idea is
# {cite:t}`chen2022pix2seq`'s.


# %%
from clipbook.language import box_to_text, iou, read_boxes
from clipbook.scenes import box_of


def box_by_hand(box, bins):
    return "".join(
        f"<loc{min(int(side * bins), bins - 1):04d}>" for side in box
    )


true_box = box_of(EXAMPLE[0][0].objects[0])
assert box_by_hand(true_box, 32) == box_to_text(true_box, 32)
written = answers.ask(picture, "detect red circle")
sides = [round(side, 3) for side in true_box]
print("drawn:  ", sides, box_to_text(true_box, 32))
print("written:", written)

# %% [markdown]
# How good is a box? Its **intersection over union** (IoU) with the true one: the area that both
# cover, divided by the area that at least one covers. Predict: how much is lost by the width of a bin
# alone?


# %%
def iou_by_hand(a, b):
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    both = max(height, 0) * max(width, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return both / (sum(areas) - both)


for text in (written, box_to_text(true_box, 32)):
    box, _ = read_boxes(text, 32)[0]  # a side is the middle of its bin
    assert abs(iou(true_box, box) - iou_by_hand(true_box, box)) < 1e-6
    print(f"IoU {iou(true_box, box):.3f}  {text}")

# %% [markdown]
# The second line is what the true bins give: only the width of a bin keeps it below 1. What the
# first line is below it is the model's own error.

# %% [markdown]
# ## Training one
#
# We train a model ourselves: fresh decoder, the contrastive image encoder **frozen**, three kinds of
# questions. No question names a combination of colour and shape that was kept back
# ([as before](../pairs/zero-shot.ipynb)), not even to be answered by "no".

# %%
from clipbook.training import ANSWERS_PRESETS, answer_text

torch.set_num_threads(1)  # faster for a model as small as this
run = ANSWERS_PRESETS["answers-chapter"].build(clip)
student = run.answerer
for _, question in run.batches.questions(0)[:5]:
    print(f"{question.text:26} {answer_text(question)}")
trained = [p for p in student.model.parameters() if p.requires_grad]
total = sum(p.numel() for p in student.model.parameters())
print(f"{total:,} numbers, {sum(p.numel() for p in trained):,} of them trained")

# %% [markdown] predict={"ask": "Share right about “is there a red circle?”", "number": 0.5, "within": 0.1, "shown": "exists, seen 0.50"}
# First **without a picture**: to each question always the answer that was commonest for it in
# training. Predict the share for "is there a red circle?", and for "what colour is the circle?"
# (there are eight colours).

# %%
from clipbook.evaluation import blind_baseline

KINDS = ("colour", "shape", "exists")
blind = blind_baseline(200, kinds=KINDS)
for name in blind:
    print(f"{name:20} {blind[name]:.2f}")

# %% [markdown]
# For colours and shapes it is a little above a guess, 1/8. Of combinations never seen it is 0: no
# circle of training had the colour that is asked for, so that colour is never the commonest answer.
# Now we train, on 500 batches of 64 questions.

# %%
from clipbook.evaluation import evaluate_answers

run.train(progress=False, workers=0)
after = evaluate_answers(student, 200, kinds=KINDS)
for name in blind:
    print(f"{name:20} blind {blind[name]:.2f}   trained {after[name]:.2f}")
assert all(after[f"{kind}, seen"] >= 0.95 for kind in KINDS)
assert all(after[f"{kind}, never seen"] >= 0.85 for kind in KINDS)

# %% [markdown]
# Does it really look? We ask the same questions and show **another** question's picture; or none, so
# that the prompt stands alone. A model that looks must now fall to what is blind, or below.

# %%
wrong = evaluate_answers(student, 200, kinds=KINDS, pictures="another's")
without = evaluate_answers(student, 200, kinds=KINDS, pictures="none")
print(" " * 20, "own   another's  none   blind")
for name in blind:
    told = [run[name] for run in (after, wrong, without, blind)]
    print("{:20} {:.2f}  {:.2f}       {:.2f}   {:.2f}".format(name, *told))
assert after["mean, seen"] > wrong["mean, seen"] + 0.3

# %% [markdown]
# So it is for combinations seen. For those never seen, another's picture gives *more* than the blind
# baseline: that picture holds a combination kept back, too, and now and then it is the same one.

# %% [markdown]
# ## What makes it see?
#
# Which part of this was needed? The package holds a table of short runs with all nine kinds of
# questions, with the same batches and first weights of the decoder. Five compare image encoders: the
# contrastive one, frozen; the same, trained further at the decoder's rate, or at a tenth of it; random
# weights, frozen; random, trained from scratch. Three change one thing in the first: a causal mask, or
# tokens after block 1 or block 3. Predict the order of the five.

# %%
from clipbook.evaluation import wilson_interval
from clipbook.pretrained import answer_trials

trials = answer_trials()
print(f"{trials['steps']} steps, {trials['questions']} questions of each kind")
blind_seen = trials["blind"]["mean, seen"]
blind_never = trials["blind"]["mean, never seen"]
print(f"blind: seen {blind_seen:.2f}, never seen {blind_never:.2f}")


def over_seeds(arm, split, pictures="own", kind="mean"):
    runs = trials["arms"][arm].values()
    return torch.tensor([run[pictures][f"{kind}, {split}"] for run in runs])


# %% mystnb={"image": {"alt": "Shares of right answers about combinations never seen, of eight arms with intervals: with a contrastive image encoder that stays nearly as it is they are far above those with random weights."}}
from clipbook.figures import interval_chart


def never_seen(arm):
    shares = over_seeds(arm, "never seen")
    total = len(shares) * 9 * trials["questions"]
    right = round(shares.mean().item() * total)
    low, high = wilson_interval(right, total)
    return low, right / total, high


interval_chart(
    {arm: never_seen(arm) for arm in trials["arms"]},
    across="right, never seen, 95 % interval",
)

# %%
first, *others = trials["arms"]
means = [over_seeds(first, split).mean() for split in ("seen", "never seen")]
print("{}: seen {:.2f}, never seen {:.2f};".format(first, *means), end=" ")
print("the others less that, seed by seed:")
for arm in others:
    for split in ("seen", "never seen"):
        shares = over_seeds(arm, split)
        gap = shares - over_seeds(first, split)[: len(shares)]
        told = ", ".join(f"{value:+.2f}" for value in gap.tolist())
        print(f"{arm:24} {split:11} {told}")

# %% [markdown]
# There is one number for each of three seeds. (The intervals above count questions, not seeds.) With
# random weights, frozen or trained, the model hardly gets above the blind baseline in this time. What
# CLIP learned from captions is what makes it see. And it can be **spoiled**: trained on at the
# decoder's full rate, the contrastive encoder is as blind as a random one. A likely reason is that its
# gradients come through a decoder that understands nothing yet. At a tenth of the rate it stays whole.
#
# Between the masks, and between blocks 2 and 3, so short a run shows no difference that another seed
# couldn't make.

# %%
ALL_KINDS = "colour shape size place beside count exists caption detect"
for kind in ALL_KINDS.split():
    told = [
        over_seeds(first, "seen", p, kind).mean()
        for p in ("own", "another's", "none")
    ]
    told.append(trials["blind"][f"{kind}, seen"])
    print(f"{kind:8}", "  ".join(f"{share:.2f}" for share in told))
print("of the own picture, another's, none, and the blind baseline")

# %% [markdown]
# (A caption is right if it begins with either object; a box, with an IoU above 0.5 and the right
# name.) The hardest is `detect`: four tokens must fit. What falls without the own picture was seen
# in it: colour, shape, place, beside, captions, some boxes. Size is 0.63 in every column: after 400
# steps of nine kinds nothing is seen of it yet, and of counts and of `exists` next to nothing.

# %% [markdown] predict={"choices": ["easier", "harder"], "right": "harder", "shown": "block 3 which place 0.7"}
# ## What the blocks lose and find
#
# Why the tokens after block 2? To see what the blocks do we ask each patch that holds an object **which
# of the 16 places** it is, and which shape, by a linear probe: the linear map that fits 400 of the
# frozen encoder's vectors best, tried on 200 others. Predict: does the place become easier or harder
# from block to block?

# %%
from clipbook.scenes import SHAPES, sample
from clipbook.streams import stream

drawn = sample(600, stream("paligemma: probe"), objects=1)
things = [scene.objects[0] for scene in drawn]
pictures = [render(clipbook.scenes.Scene((thing,))) for thing in things]
tokens = clip.image_encoder.intermediates(clip.preprocess(pictures))
patch = [4 * int(4 * thing.y) + int(4 * thing.x) for thing in things]
place = torch.tensor(patch)  # (600), where each object is
shape = torch.tensor([SHAPES.index(thing.shape) for thing in things])
for name in ("embedded", "block 1", "block 2", "block 3"):
    Z = F.layer_norm(tokens[name][range(600), place], (96,))  # (600, 96)
    told = []
    for truth in (place, shape):
        W = torch.linalg.lstsq(Z[:400], F.one_hot(truth[:400]).float()).solution
        told.append(((Z[400:] @ W).argmax(dim=1) == truth[400:]).float().mean())
    print(f"{name:9} which place {told[0]:.2f}   which shape {told[1]:.2f}")

# %% [markdown]
# The place is there at first and fades; the shape is found on the way. CLIP averages over all patches
# at its end, so nothing asks a patch to keep its place. Block 1 has too little of the shape, as the
# trials showed; block 3 did as well as block 2 in them, and we took block 2 since a little more of the
# place is left. (PaliGemma reads the last block, and trains the encoder further.)

# %% [markdown]
# ## What contrast can't say
#
# [Zero-shot](../pairs/zero-shot.ipynb) failed at words for relations that it hadn't seen, at counting
# and at negation. We ask both models again, of 200 scenes with seen combinations. CLIP chooses between
# two texts, where a guess gets 0.5; our model writes an answer. With so many scenes a share is good to
# about ±0.07. Predict the table.

# %%
from clipbook.scenes import Phrase, Statement, draw_question, name_of, say


def compare(what, scenes, true, false, questions, truths):
    pictures = [render(scene) for scene in scenes]
    images = clip.encode_image(clip.preprocess(pictures))  # (n, 64)
    T = [clip.encode_text(*clip_tokenizer.batch(t)) for t in (true, false)]
    nearer = (images * T[0]).sum(dim=1) > (images * T[1]).sum(dim=1)
    by_clip = nearer.float().mean()
    said = answers.ask_all(pictures, questions)
    right = [a == b for a, b in zip(said, truths, strict=True)]
    by_model = sum(right) / len(right)
    print(
        f"{what:26} CLIP {by_clip:.2f}   "
        f"our model {by_model:.2f}, says {said[0]!r}"
    )


# %%
two = sample(900, stream("paligemma: two"), objects=2)
two = [s for s in two if s.relation in ("above", "below")][:200]
named = [
    [say(Statement((Phrase(o.shape, o.colour),))) for o in s.objects]
    for s in two
]
first_names = [a for a, _ in named]
for above, below in (("above", "below"), ("higher than", "lower than")):
    words = {"above": (above, below), "below": (below, above)}
    true, false, asked = [], [], []
    for scene, (a, b) in zip(two, named, strict=True):
        fits, fails = words[scene.relation]
        true.append(f"{a} {fits} {b}")
        false.append(f"{a} {fails} {b}")
        asked.append(f"what is {fits} the {name_of(scene.objects[1])}?")
    compare(f"relation, {above}", two, true, false, asked, first_names)

# %%
mixed = two[:100] + sample(100, stream("paligemma: one"), objects=1)
number = [("one", "two")[len(s.objects) - 1] for s in mixed]
other = [("two", "one")[len(s.objects) - 1] for s in mixed]
true, false = ([f"{n} shapes" for n in numbers] for numbers in (number, other))
compare("counting", mixed, true, false, ["how many shapes?"] * 200, number)

# %% tags=["hide-input"]
generator = stream("paligemma: absence")
asked = [draw_question(s, "exists", generator) for s in mixed]
yes = [q.text.replace("is there", "there is").rstrip("?") for q in asked]
no = [text.replace("is a", "is no").replace("non ", "no ") for text in yes]
order = [1 if q.answer == "yes" else -1 for q in asked]
pairs = [(y, n)[::k] for y, n, k in zip(yes, no, order, strict=True)]
true, false = zip(*pairs, strict=True)
truth = [q.answer for q in asked]
compare("absence", mixed, true, false, [q.text for q in asked], truth)
turned = [
    f"is {text.removeprefix('there is ')}?".replace("is no", "is there no")
    for text in no
]
opposite = ["no" if answer == "yes" else "yes" for answer in truth]
compare("a question with “no” in it", mixed, true, false, turned, opposite)

# %% [markdown]
# In words that training used, both know relations. That something is **absent**, or how many there
# are, a caption of training never says, so CLIP has nothing to compare with; a model that answers
# can be *asked* for it, and learns it. (CLIP's counts are even below a guess: its choice between
# two texts of unseen words is arbitrary.) Neither can use words that its training never showed. To
# "is there **no** red circle?" our model gives the answer that would be right without the "no". It
# is the training questions that made it able, not language as such.

# %% [markdown]
# ## Where it looks
#
# `explain` tells, for each token of the answer, the most probable candidates and how much the row
# from which it was read looked at each patch, in every block and head.

# %% mystnb={"image": {"alt": "Picture 1, and beside it maps of what the new line looked at: asked for the circle, most at a patch of the circle; asked where the square is, and to detect it, most at patches of the square."}}
maps = {"picture 1": picture}
for question in (
    "what colour is the circle?",
    "where is the blue square?",
    "detect blue square",
):
    told = answers.explain(picture, question)
    seen = told.attention[0].mean(dim=(0, 1)).reshape(4, 4)  # first token's
    maps[question] = 255 * seen / seen.max()
    best = ", ".join(
        f"{token!r} {p:.2f}" for token, p in told.candidates[0][:3]
    )
    print(f"{question:28} {best}")
picture_row(maps)

# %% [markdown]
# A map of attention invites a story. Is it true? On two-object scenes we count how often the patch
# that is looked at most holds a part of the object in question, and compare it with a patch at
# random. Predict for which kinds of questions it does.


# %% tags=["hide-input"]
def meets(thing):  # (16): patches that meet the object's box
    top, left, bottom, right = box_of(thing)
    edge = torch.arange(4) / 4
    rows = (edge < bottom) & (edge > top - 0.25)
    columns = (edge < right) & (edge > left - 0.25)
    return (rows[:, None] & columns).flatten()


generator, hits = stream("paligemma: attention"), {}
for kind in ("colour", "shape", "size", "place", "detect"):
    hits[kind] = []
    while len(hits[kind]) < 50:
        scene = sample(1, generator, objects=2)[0]
        if question := draw_question(scene, kind, generator):
            told = answers.explain(render(scene), question.text)
            seen = told.attention[0].mean(dim=(0, 1))
            at = meets(question.about)
            hit = at[seen.argmax()].item()
            hits[kind].append((hit, at.float().mean().item()))

# %%
for kind, pairs in hits.items():
    right = sum(hit for hit, _ in pairs)
    chance = sum(share for _, share in pairs) / len(pairs)
    low, high = wilson_interval(right, len(pairs))
    share = f"{right / len(pairs):.2f} ({low:.2f} to {high:.2f})"
    print(f"{kind:8} {share}, a random patch {chance:.2f}")

# %% [markdown]
# This model points at the object in question nearly always, for whatever kind. Is that how it *must*
# be? No: another one, trained on all kinds from the start, was right in 0.93 of the questions of place,
# and the patch that it looked at most met the object in 4 of 50 (the model card has its numbers). The
# new line needn't look at the object: patches and question have seen each other before, so what is
# needed may stand anywhere. Attention shows where numbers were fetched, not what an answer rests on.

# %% [markdown] predict={"ask": "Without them, theirs gives", "choices": ["the same", "nearly the same", "something else"], "right": "something else", "shown": "without ours and theirs differ by 9"}
# ## The same as PaliGemma
#
# Is our model PaliGemma's architecture, or only like it? We let `transformers` make a small random
# one, copy its weights into ours, and compare. Its `token_type_ids` say what is prefix (0) and answer
# (1). Predict what happens without them.

# %% tags=["hide-input"]
from transformers import GemmaConfig, PaliGemmaConfig, SiglipVisionConfig
from transformers import PaliGemmaForConditionalGeneration as TheirPaliGemma

from clipbook.pretrained import from_transformers

sizes = {"num_hidden_layers": 2, "num_attention_heads": 4}
sizes["intermediate_size"] = 64
eye = SiglipVisionConfig(
    hidden_size=32, image_size=32, patch_size=8, vision_use_head=False, **sizes
)
gemma = GemmaConfig(
    vocab_size=100, hidden_size=48, num_key_value_heads=1, head_dim=16, **sizes
)
widths = {"projection_dim": 48, "hidden_size": 48, "vocab_size": 100}
widths["image_token_index"] = 99
config = PaliGemmaConfig(vision_config=eye, text_config=gemma, **widths)
torch.manual_seed(0)
theirs = TheirPaliGemma(config).eval()
theirs.requires_grad_(False)
for weight in theirs.parameters():  # many are exactly 0 or 1: hides mistakes
    weight.add_(0.3 * torch.randn_like(weight) / max(1, weight.ndim - 1) ** 2)
ours = from_transformers(theirs)

# %%
pixels_2, ids_2 = torch.randn(2, 3, 32, 32), torch.randint(3, 90, (2, 9))
prefix_2 = torch.arange(9) < torch.tensor([[4], [6]])  # (2, 9)
kinds = torch.cat(
    [torch.zeros(2, 16, dtype=torch.long), (~prefix_2).long()], dim=1
)
image_ids = torch.full((2, 16), 99)
given = {"input_ids": torch.cat([image_ids, ids_2], dim=1)}
given["pixel_values"] = pixels_2
expected = theirs(**given, token_type_ids=kinds).logits[:, 16:]
without = theirs(**given).logits[:, 16:]
own = ours(pixels_2, ids_2, prefix_2)
free = ours(pixels_2, ids_2, torch.ones_like(prefix_2))
compared = {"with them": (own, expected), "without": (own, without)}
compared["free"] = (free, without)
for name, (a, b) in compared.items():
    gap, size = (a - b).abs().max(), b.abs().max()
    print(f"{name:10} ours and theirs differ by {gap:.5f} of {size:.1f}")
assert (own - expected).abs().max() < 1e-4 * expected.abs().max()

# %% [markdown]
# Equal. And a trap: without those ids theirs is ours with **all** tokens free. For a prompt alone that
# is right; with the answer behind it, the answer sees what it is asked for. Trained so, the loss would
# fall to nothing and the model learn nothing. `clipbook.load(
# "google/paligemma-3b-pt-224")` brings the published weights into our modules; they take 12 GB of
# memory, and Google gives them to those who accept Gemma's terms on the hub.

# %% [markdown]
# ## What PaliGemma does beyond
#
# | what | the shipped model | PaliGemma |
# |---|---|---|
# | image encoder | ViT, two of its three blocks, contrastive | SigLIP, 400 million numbers, contrastive |
# | decoder | 3 blocks, 96 wide | Gemma 2B |
# | picture | 32 px, 16 tokens | 224, 448 or 896 px: 256, 1,024 or 4,096 tokens |
# | image encoder is | frozen | trained with all the rest |
# | training | 556,800 questions | a billion examples at 224 px, then 50 million at 448 and 10 million at 896 |
# | places | 32 tokens | 1,024 tokens, and 128 for the outlines of segments |
#
# ({cite:t}`beyer2024paligemma`, §3.) Its stages: first both parts alone, then together on pictures and
# texts of the web, then at higher resolutions, then on the task at hand. It freezes nothing, but
# raises the image encoder's rate slowly at first, so that a decoder that doesn't understand it yet
# won't spoil it. Its authors tried masks as we did, for longer, and the prefix mask did better (§5).

# %% [markdown]
# ## Common mistakes
#
# **The loss falls, but it answers blindly → the picture doesn't reach it.** Formats and usual answers
# alone lower the loss far. Compare it with a model without pictures.


# %%
def short_run(spoil, steps=60):
    run = ANSWERS_PRESETS["answers-chapter"].build(clip, seed=1, steps=steps)
    spoil(run.answerer.model)
    losses = run.train(progress=False, workers=0).loss
    shares = evaluate_answers(run.answerer, 60, kinds=KINDS)
    return losses[0], sum(losses[-10:]) / 10, shares["mean, seen"]


def cut_off(model):
    model.image_embeddings = lambda pixels: torch.zeros(len(pixels), 16, 96)


for name, spoil in (
    ("healthy", lambda model: None),
    ("the picture cut off", cut_off),
):
    begin, end, share = short_run(spoil)
    print(f"{name:20} loss {begin:.1f} → {end:.2f}, right {share:.2f}")

# %% [markdown]
# The loss alone doesn't tell: both fall far below $\ln V = 6.1$. (Both begin above it: with one table
# of embeddings that also makes the logits, an untrained decoder expects each token to follow itself.)
#
# **The answer repeats and never ends → the end token isn't in the loss**: nothing teaches the model to
# stop. **The first token is right, then nonsense → cache and positions disagree**, see
# [Why this number?](../reference/why-this-number.ipynb#the-first-token-is-right-then-nonsense).

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: who sees whom, in a batch
#
# `prompts` and `answers` are lists of lengths, one pair for each question; each row holds `patches`
# patches, its prompt, its answer, then padding up to the longest row, $t$ columns. Return the masks,
# $(b, t, t)$, true where query (row) may look at key (column). Nobody may look at padding. Rows *of*
# padding aren't looked at by the check.

# %% [markdown]
# <details><summary>Hint</summary>
#
# Make a row of places $0 \dots t - 1$, and compare: a key is free if its place is before the row's
# prefix ends. What is true of the other keys? Which keys are free to nobody? Lengths as a $(b, 1, 1)$
# tensor do all rows at once.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "paligemma-masks", "schema_version": 3, "task": false}
def masks(patches, prompts, answers):
    """Which keys each query may look at.

    A number, two lists of b numbers -> (b, t, t).
    """
    ### BEGIN SOLUTION
    prefix = patches + torch.tensor(prompts)[:, None, None]  # (b, 1, 1)
    end = prefix + torch.tensor(answers)[:, None, None]
    place = torch.arange(int(end.max()))
    query, key = place[:, None], place[None, :]
    return ((key < prefix) | (key <= query)) & (key < end)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "paligemma-masks-check", "schema_version": 3, "task": false}
import torch

from clipbook.exercises import CheckFailed, ask, check, close, numbers


def masks_agree(patches, prompts, answers):
    b, t = (
        len(prompts),
        patches + max(p + a for p, a in zip(prompts, answers, strict=True)),
    )
    real = torch.zeros(b, t)
    for k in range(b):
        real[k, : patches + prompts[k] + answers[k]] = 1

    def table(rule):
        rows = [
            [[float(rule(k, q, i)) for i in range(t)] for q in range(t)]
            for k in range(b)
        ]
        return torch.tensor(rows) * real[:, :, None]

    def prefix(k):
        return patches + prompts[k]

    def seen(k, i):
        return real[k, i] > 0

    longest, shortest = patches + max(prompts), patches + min(prompts)
    want = table(lambda k, q, i: (i < prefix(k) or i <= q) and seen(k, i))
    mistakes = {
        "patches and prompt see each other in both directions; yours is causal throughout": table(
            lambda k, q, i: i <= q
        ),
        "the answer is causal; in yours every real token sees every other": table(
            lambda k, q, i: seen(k, i)
        ),
        "every question has a prefix of its own length; yours is the longest for all": table(
            lambda k, q, i: (i < longest or i <= q) and seen(k, i)
        ),
        "every question has a prefix of its own length; yours is the shortest for all": table(
            lambda k, q, i: (i < shortest or i <= q) and seen(k, i)
        ),
        "the patches belong to the prefix, too; they stand before the prompt": table(
            lambda k, q, i: (i < prompts[k] or i <= q) and seen(k, i)
        ),
        "the prompt belongs to the prefix, too, not the patches alone": table(
            lambda k, q, i: (i < patches or i <= q) and seen(k, i)
        ),
        "rows are queries and columns are keys; yours is turned round": table(
            lambda k, q, i: (q < prefix(k) or q <= i) and seen(k, i)
        ),
        "a token of the answer sees itself": table(
            lambda k, q, i: (i < prefix(k) or i < q) and seen(k, i)
        ),
        "the prefix ends with the prompt; yours takes in the answer's first token": table(
            lambda k, q, i: (i <= prefix(k) or i <= q) and seen(k, i)
        ),
        "true where a query may look; yours is true where it may not": (1 - want) * real[:, :, None],
        "in yours the answer sees its prefix alone; it sees what was written before, too": table(
            lambda k, q, i: i < prefix(k)
        ),
    }  # fmt: skip
    what = f"masks({patches}, {prompts}, {answers})"
    got = numbers(ask(masks, patches, prompts, answers), what)
    if got.shape != (b, t, t):
        raise CheckFailed(
            f"{what} has shape {tuple(got.shape)}, expected {(b, t, t)}"
        )
    close(
        got * real[:, :, None],
        want,
        f"{what}, its rows of real tokens,",
        mistakes=mistakes,
    )


with check("Who sees whom, in a batch"):
    for lengths in (
        (3, [2, 4], [3, 2]),
        (2, [3, 1, 2], [1, 2, 4]),
        (4, [2], [3]),
        (1, [1, 5], [6, 2]),
    ):
        masks_agree(*lengths)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "paligemma-masks-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other lengths.
### BEGIN HIDDEN TESTS
with check("Who sees whom, in a batch, other lengths"):
    for lengths in (
        (16, [5, 3, 8, 6], [4, 9, 1, 2]),
        (1, [1], [1]),
        (9, [2, 2], [2, 2]),
    ):
        masks_agree(*lengths)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 15, "difficulty": "medium"}
# ## Exercise: a loss on answers alone
#
# `logits`, $(b, t, V)$, and `token_ids`, $(b, t)$, are of texts without patches: each row holds a
# prompt of `prompts[k]` tokens, an answer of `answers[k]` tokens (the end token is its last), then
# padding. Return the mean of $-\ln p$ over all tokens of all answers, so that
# a long answer counts more. (Write it yourself: the check refuses `next_token_loss`. It tries logits of
# 1,000, too.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# With a prompt of 3 tokens the first answer token has number 3. Which row scores it? The last row that
# counts isn't that of the end token.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "paligemma-loss", "schema_version": 3, "task": false}
def answer_loss(logits, token_ids, prompts, answers):
    """Mean cost of the answers' tokens.

    (b, t, V), (b, t), two lists of b numbers -> ().
    """
    ### BEGIN SOLUTION
    log_p = logits.log_softmax(dim=-1)
    costs = []
    for k, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        for place in range(prompt, prompt + answer):
            costs.append(-log_p[k, place - 1, token_ids[k, place]])
    return torch.stack(costs).mean()
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "paligemma-loss-check", "schema_version": 3, "task": false}
import torch

from clipbook.exercises import ask, check, close, without
from clipbook.language import next_token_loss


def answer_loss_agrees(prompts, answers, padding, V, size=1.0):
    generator = torch.Generator().manual_seed(V)
    b, t = (
        len(prompts),
        padding + max(p + a for p, a in zip(prompts, answers, strict=True)),
    )
    logits = size * torch.randn(b, t, V, generator=generator)
    token_ids = torch.randint(V, (b, t), generator=generator)
    costs = -logits.double().log_softmax(dim=-1)

    def each(
        begin, end, shift=1
    ):  # costs of tokens from begin to end of each text
        return [
            torch.stack(
                [
                    costs[k, i - shift, token_ids[k, i]]
                    for i in range(begin(k), end(k))
                ]
            )
            for k in range(b)
        ]

    def stop(k):
        return prompts[k] + answers[k]

    own = each(lambda k: prompts[k], stop)
    want = torch.cat(own).mean()
    whole = each(lambda k: 1, stop)
    mistakes = {
        "row i scores token i + 1; yours takes row i for token i": torch.cat(
            each(lambda k: prompts[k], stop, shift=0)
        ).mean(),
        "the prompt is given and costs nothing; in yours it counts": torch.cat(whole).mean(),
        "the first token of the answer counts; it is scored by the prompt's last row": torch.cat(
            [row[1:] for row in own]
        ).mean() if max(answers) > 1 else want + 1,
        "the end token counts: else the model never learns to stop": torch.cat(
            [row[:-1] for row in own]
        ).mean() if max(answers) > 1 else want + 1,
        "padding is counted": torch.cat(each(lambda k: prompts[k], lambda k: t)).mean(),
        "the mean over all tokens, not over the means of answers": torch.stack(
            [row.mean() for row in own]
        ).mean(),
        "the mean over tokens, not the sum": torch.cat(own).sum(),
        "divided by the number of questions; divide by that of tokens": torch.cat(own).sum() / b,
        "divided by all places, padding and prompts too": torch.cat(own).sum() / (b * t),
        "minus the logarithm: a cost is positive": -want,
        "that is the loss of the prompts": torch.cat(each(lambda k: 1, lambda k: prompts[k])).mean()
        if min(prompts) > 1
        else want + 1,
    }  # fmt: skip
    what = f"answer_loss of prompts {prompts}, answers {answers}, V = {V},"
    got = ask(answer_loss, logits, token_ids, prompts, answers)
    close(got, want, what, tolerance=1e-4 * size, mistakes=mistakes)


with check("A loss on answers alone"), without(next_token_loss):
    answer_loss_agrees([3, 2, 4], [2, 3, 1], 1, 7)
    answer_loss_agrees([2], [3], 0, 5)
    answer_loss_agrees([1, 5], [4, 2], 3, 20)
    answer_loss_agrees([2, 3], [2, 4], 2, 6, 1000.0)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "paligemma-loss-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other batches.
### BEGIN HIDDEN TESTS
with check("A loss on answers alone, other batches"), without(next_token_loss):
    answer_loss_agrees([6, 2, 3, 4, 2], [1, 5, 2, 2, 7], 0, 30)
    answer_loss_agrees([4, 4], [2, 2], 5, 11)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: what a detection is worth
#
# Return the IoU of the box with which `text` begins and the true `box`, (top, left, bottom, right) as
# fractions of the side. The text's four locations, as in "`<loc0003><loc0008><loc0012><loc0017>` red
# circle", have the same order; a side is the **middle** of its bin, of `bins` bins. A text that doesn't
# *begin* with four locations is worth 0, and so is a box whose bottom isn't below its top or whose
# right isn't right of its left: a model may write any. (The check refuses `read_boxes` and `iou`.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `re.match(r"(<loc\d{4}>){4}", text)` tells whether there are four. The overlap is as high as the
# smaller bottom minus the larger top. What if that is negative? And if the width is as well?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "paligemma-boxes", "schema_version": 3, "task": false}
import re


def worth(text, box, bins):
    """IoU of the box that begins a text with the true one.

    A text, 4 numbers, a number -> a number.
    """
    ### BEGIN SOLUTION
    if not re.match(r"(<loc\d{4}>){4}", text):
        return 0.0
    numbers = re.findall(r"<loc(\d{4})>", text)[:4]
    top, left, bottom, right = (
        (int(number) + 0.5) / bins for number in numbers
    )
    if bottom <= top or right <= left:
        return 0.0
    height = max(0.0, min(bottom, box[2]) - max(top, box[0]))
    width = max(0.0, min(right, box[3]) - max(left, box[1]))
    written = (bottom - top) * (right - left)
    drawn = (box[2] - box[0]) * (box[3] - box[1])
    both = height * width
    return both / (written + drawn - both)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "paligemma-boxes-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, close, without
from clipbook.language import iou, read_boxes


def worth_agrees(found, box, bins, name="red circle"):
    text = "".join(f"<loc{number:04d}>" for number in found) + f" {name}"

    def overlap(one, two, clip=True):
        sides = [
            min(one[k + 2], two[k + 2]) - max(one[k], two[k]) for k in (0, 1)
        ]
        return (
            max(0, sides[0]) * max(0, sides[1]) if clip else sides[0] * sides[1]
        )

    def area(one):
        return (one[2] - one[0]) * (one[3] - one[1])

    def share(one, two, clip=True):
        both = overlap(one, two, clip)
        return both / (area(one) + area(two) - both)

    mine = [(number + 0.5) / bins for number in found]
    mixed = [mine[1], mine[0], mine[3], mine[2]]
    both = overlap(mine, box)
    mistakes = {
        "the order is top, left, bottom, right; yours has left before top": share(
            mixed, box
        ),
        "a side is the middle of its bin, not its beginning": share(
            [n / bins for n in found], box
        ),
        "a side is the middle of its bin, not its end": share(
            [(n + 1) / bins for n in found], box
        ),
        "there are `bins` bins, not one fewer": share(
            [n / (bins - 1) for n in found], box
        ),
        "divide by what either covers, without counting the overlap twice": both
        / (area(mine) + area(box)),
        "divide by what either covers, not by the true box alone": both
        / area(box),
        "divide by what either covers, not by the box found alone": both
        / area(mine),
        "a negative height or width means that the boxes don't meet": share(
            mine, box, clip=False
        ),
        "that is the overlap; divide it by what either covers": both,
    }
    close(ask(worth, text, box, bins), share(mine, box), f"worth({text!r}, {box}, {bins})",
          mistakes=mistakes)  # fmt: skip


with check("What a detection is worth"), without(read_boxes, iou):
    worth_agrees([3, 8, 12, 17], (0.13, 0.31, 0.45, 0.52), 32)
    worth_agrees([5, 1, 9, 12], (0.2, 0.1, 0.6, 0.35), 20)
    worth_agrees([0, 0, 9, 9], (0.5, 0.6, 0.9, 0.9), 32)  # apart both ways
    worth_agrees([0, 4, 9, 20], (0.5, 0.2, 0.9, 0.5), 32)  # and one way
    worth_agrees([4, 0, 20, 9], (0.2, 0.5, 0.5, 0.9), 32)
    worth_agrees([100, 200, 1001, 900], (0.2, 0.2, 0.6, 0.8), 1024)
    odd = (
        "red circle",
        "<loc0001><loc0002><loc0003> red circle",
        "<loc0003><loc0003> star <loc0015><loc0015>",
        "<seg0003><seg0003><seg0015><seg0015>",
        "",
        "a <loc0001>",
    )
    for text in (*odd, "a <loc0003><loc0003><loc0015><loc0015>"):
        close(
            ask(worth, text, (0.1, 0.1, 0.5, 0.5), 32),
            0.0,
            f"worth({text!r}, …)",
        )
    for found in (
        (3, 0, 1, 2),
        (0, 3, 2, 1),
    ):  # bottom above top, right left of left
        turned = "".join(f"<loc000{k}>" for k in found) + " red circle"
        close(
            ask(worth, turned, (0, 0, 0.25, 0.25), 8),
            0.0,
            f"worth({turned!r}, (0, 0, 0.25, 0.25), 8)",
        )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "paligemma-boxes-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other boxes, and texts with more than one.
### BEGIN HIDDEN TESTS
with check("What a detection is worth, other boxes"), without(read_boxes, iou):
    worth_agrees([7, 2, 30, 19], (0.25, 0.05, 0.95, 0.7), 32, "blue star")
    worth_agrees([1, 1, 2, 3], (0.25, 0.3, 0.6, 0.8), 4)
    twice = "<loc0001><loc0001><loc0003><loc0003> cat ; <loc0000><loc0000><loc0001><loc0001> dog"
    close(
        ask(worth, twice, (0.375, 0.375, 0.875, 0.875), 4),
        1.0,
        "worth of two boxes",
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** A model answers 55 % of "how many shapes?" rightly. Does it see?
#
# <details><summary>Answer</summary>
#
# That can't be said yet. In our world the blind baseline of counting is about as good: two shapes are
# commoner than one. Ask with another's picture: only what is *lost* then was seen. "It is more than
# half, so it sees" holds it against the wrong baseline.
#
# </details>

# %% [markdown]
# **2.** Why may the patches look at the question, though they stand before it?
#
# <details><summary>Answer</summary>
#
# Both are given, so nothing is given away. A patch that knows what is asked can bring forward what is
# asked for. "Because attention has no order" is wrong: the mask decides who sees whom, and in the
# causal arm patches see no question.
#
# </details>

# %% [markdown]
# **3.** May a KV cache be used with a prefix mask?
#
# <details><summary>Answer</summary>
#
# Yes: the prefix is read at once, and no token of it looks at the answer, so nothing in the cache
# changes when the answer grows. "No, since it sees both ways" would hold if the *answer* did.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have put an image encoder's tokens in front of a decoder's words, and asked it.
#
# - A linear projection is all that stands between; a prefix mask, and a loss on the answer alone.
# - An image encoder that was trained contrastively before makes it see; the blind baseline and another's
#   picture tell whether it does.
# - Places are words. What training never asked, the model can't answer, in whatever words.
#
# Next: **can it be had larger?** Every part of this book returns in models of billions of numbers.

# %% [markdown]
# **Sources.** {cite:t}`beyer2024paligemma`, §3 and §5: the model, its stages, and what was tried.
# {cite:t}`gemma2024`: the decoder. {cite:t}`zhai2023siglip`: the image encoder. {cite:t}`raffel2020t5`,
# §3.2: prefix masks. {cite:t}`chen2022pix2seq`: boxes as tokens.
