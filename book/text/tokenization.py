# ---
# jupyter:
#   chapter:
#     question: How does "Pepper the aussie pup" become a short list of numbers, when nobody can
#       list all words that people will ever write?
#     objectives:
#     - train a byte-pair tokenizer by hand, and encode and decode any text with it
#     - weigh the size of a vocabulary against the length of the sequences that it makes
#     - turn captions into a batch with start, end and padding tokens and a mask, and say what CLIP
#       does in particular
#     background: Python and a little of PyTorch's tensors
#     minutes: 44
#     place: this is the very first step of the text side, from the caption to its tokens
#     band: tokens
#     builds: [clipbook.text.Tokenizer, clipbook.text.split_words, clipbook.widgets.TokenizerExplorer]
#     seed:
#       1. Input Processing: [Tokenization, text]
#       Text is first tokenized into sub-words: ['Why not characters?', sub-words, token]
#       'Example: Pepper the aussie pup': [A word it has never met, Pepper, aussie]
# ---

# %% [markdown]
# # Tokenization
#
# A caption is letters, and a model multiplies numbers. {question} We cut text into pieces that we
# learn by counting: whole words where they are frequent, else parts of words.

# %% [markdown] predict={"ask": "Which two come out the same?", "choices": ["a small red star, a reddish star", "Pepper, Pogo", "none"], "right": "Pepper, Pogo", "shown": "[0, 29, 0, 0] Pepper the aussie pup [0, 29, 0, 0] Pogo the boxer dog"}
# ## Why not words?
#
# The obvious plan: number the words of the book's eight example captions, and let 0 stand for any
# other word. Predict: do any two of the four texts below get the same list?

# %%
from clipbook.scenes import EXAMPLE

captions = [caption for _, caption in EXAMPLE]
known_words = sorted({word for caption in captions for word in caption.split()})
number = {word: k + 1 for k, word in enumerate(known_words)}
print(len(known_words), "words, as", known_words[:6])
for text in (
    "a small red star",
    "Pepper the aussie pup",
    "Pogo the boxer dog",
    "a reddish star",
):
    print([number.get(word, 0) for word in text.split()], text)

# %% [markdown]
# Pepper and Pogo come out the same: only "the" is left of them. "Reddish" is lost, though "red" is
# known. A longer list helps, but names, slang and slips of the pen have no end.

# %% [markdown]
# ## Why not characters?
#
# Any text is spelled from characters, but Unicode has room for over a million of them. A computer
# stores text as **bytes**, numbers from 0 to 255. The usual encoding, UTF-8, spends one byte on an
# English letter, a digit or a space, and two to four on most other characters.

# %%
import sys

for text in ("pup", "é", "€", "Pepper the aussie pup"):
    codes = list(text.encode())
    print(f"{len(text):2} characters, {len(codes):2} bytes:", codes[:7])
print(f"Unicode has room for {sys.maxunicode + 1:,} characters", end="; ")
print("a byte has 256 values")

# %% [markdown]
# So 256 numbers would do, and no text is unknown. The price is length: our caption takes 21 of them
# for four words. A text encoder compares every **place** of such a list with every place
# ([attention](attention.ipynb)):

# %%
for places in (4, 21):
    print(f"{places:2} places, {places**2:3} comparisons")

# %% [markdown]
# We want both: whole words where they are frequent, bytes where all else fails, and **sub-words**
# in between. Each piece that text is cut into is a **token**, and all tokens together are the
# **vocabulary**.

# %% [markdown]
# ## Count what stands together
#
# **Byte-pair encoding**, BPE, finds the pieces by counting. First we cut captions into words, and
# these into bytes. A word keeps the space before it, so that joining gives the text back.

# %%
import re


def split(text):
    words = re.findall(r" ?[^ ]+| +", text)  # space and word, or spaces only
    return [[bytes([byte]) for byte in word.encode()] for word in words]


words = [word for caption in captions for word in split(caption)]
print(len(words), "words, as")
words[1]

# %% [markdown]
# (Python shows the byte 115 as `b's'`, its letter.) Which two stand side by side most often, in
# captions such as "a small red circle above a blue square"? Predict.

# %%
from collections import Counter
from itertools import pairwise


def count_pairs(words):
    return Counter(pair for word in words for pair in pairwise(word))


count_pairs(words).most_common(5)

# %% [markdown]
# It is "r" with "e": red, green, square, picture. Several pairs share second place, so we shall
# need a rule for ties. No pair spans two words.

# %% [markdown]
# ## Merge, and repeat
#
# The most frequent pair becomes one token, everywhere. We go through a word from left to right.


# %%
def merge(word, pair):
    merged, k = [], 0
    while k < len(word):
        if tuple(word[k : k + 2]) == pair:
            merged.append(pair[0] + pair[1])
            k += 2
        else:
            merged.append(word[k])
            k += 1
    return merged


merge(split("square")[0], (b"r", b"e"))

# %% [markdown]
# Then count again, with the new token as a neighbour like any other, until no pair occurs twice.
# Every token gets a number, its **id**: 0 to 2 are kept for special tokens (below), the 256 bytes
# follow, and each merge adds one. Of equally frequent pairs `min` takes the one with the smaller
# ids.

# %%
token_id = {bytes([byte]): 3 + byte for byte in range(256)}
merges = []
while True:
    pairs = count_pairs(words)
    best = min(pairs, key=lambda p: (-pairs[p], token_id[p[0]], token_id[p[1]]))
    if pairs[best] < 2:
        break
    words = [merge(word, best) for word in words]
    token_id[best[0] + best[1]] = 259 + len(merges)
    merges.append(best)
print(len(merges), "merges; the first:", merges[:4])
print("the last:", merges[-3:])

# %% [markdown]
# Late merges join early ones: `b' cir'` with `b'cle'`. This list, in its order, is all that a
# tokenizer has learned.

# %% [markdown]
# ## Encode and decode
#
# To **encode** a text is to cut it into words and bytes, then to do all merges in the order in
# which they were learned. Predict: which becomes whole sooner in caption 1, "square" or "red"?


# %%
def encode(text, merges):
    tokens = split(text)
    for pair in merges:
        tokens = [merge(word, pair) for word in tokens]
    return [token for word in tokens for token in word]


for k in (0, 1, 4, 20, 46, len(merges)):
    tokens = encode(captions[0], merges[:k])
    print(f"{k} merges, {len(tokens)} tokens:\n   ", b"|".join(tokens).decode())
times = Counter(" ".join(captions).split())
print({word: times[word] for word in ("square", "red")})

# %% [markdown]
# "Square" is longer, but occurs more often in the captions. After all merges the eight words are
# eight tokens. To **decode** is to join the bytes again. Nothing is lost, whatever the text:

# %%
for text in (captions[0], "Pepper the aussie pup", "é,  € and Ω "):
    tokens = encode(text, merges)
    assert b"".join(tokens).decode() == text
    ids = [token_id[token] for token in tokens]
    print(f"{len(ids)} tokens: {ids}")

# %% [markdown]
# These lists are what a model gets: **token ids**.

# %% [markdown]
# ## A word it has never met
#
# `clipbook.text.Tokenizer` is the same algorithm; it also cuts punctuation off words, keeps its
# merges as pairs of ids, and corrects its counts after each merge rather than counting anew. From
# our captions it must learn our merges. Predict how it cuts "aussie".

# %%
from clipbook.text import Tokenizer

from_captions = Tokenizer.train(captions, vocab_size=259 + len(merges))
assert from_captions.merges == [(token_id[a], token_id[b]) for a, b in merges]
for text in (*captions, "Pepper the aussie pup"):
    by_hand = [token_id[token] for token in encode(text, merges)]
    assert from_captions.encode(text) == by_hand


def pieces(tokenizer, text):
    return "|".join(tokenizer.token(k) for k in tokenizer.encode(text))


print(pieces(from_captions, "Pepper the aussie pup"))

# %% [markdown]
# "Aussie" falls into single letters: nothing is unknown, but the model must spell. So we train
# another on some prose about our pup. It may have 512 entries, but training stops when no pair
# occurs twice:

# %%
prose = """\
A caption is letters, and a model multiplies numbers.
Pepper the aussie pup has to become a list of numbers before a text encoder \
can read it.
Pepper is a name, aussie is slang for an Australian shepherd, and pup is short \
for puppy.
A list of words, however long, lacks most names and every slip of the pen.
A list of letters lacks nothing, but makes long lists of numbers from short \
captions.
So we cut captions into pieces, and learn the pieces from text.
What often stands together becomes one token.
Where people write of an aussie pup, each of the two words is a token.
Where nobody has heard of Pepper, Pepper falls into bytes.
Pepper the aussie pup comes back in every chapter: as tokens, as embeddings,
and at last as a column of the similarity matrix, beside a picture of a pup."""
from_prose = Tokenizer.train(prose.splitlines(), vocab_size=512)
print(f"{from_prose.vocab_size} tokens in the vocabulary")

# %% [markdown]
# Predict: how does it cut our caption, how "Australian puppies", and how caption 1?

# %%
both = {"captions": from_captions, "prose": from_prose}
for text in ("Pepper the aussie pup", "Australian puppies", captions[0]):
    for source, tokenizer in both.items():
        count = len(tokenizer.encode(text))
        print(f"{count:2} from {source:8}", pieces(tokenizer, text))
assert pieces(from_prose, "Pepper the aussie pup") == "Pepper| the| aussie| pup"

# %% [markdown]
# Our caption occurs in that prose, and takes four tokens for four words. "Australian" occurs once,
# too rarely to become whole. "Puppies" never does, but pieces of other words make four tokens of
# its eight bytes. Each tokenizer makes few tokens of text like that of its training.

# %% [markdown]
# ## The merges, one by one
#
# Type, and move the slider. Try your own name, "pup" with and without a space before it, and a word
# in another script.

# %%
from clipbook.widgets import TokenizerExplorer

TokenizerExplorer(from_prose, text="Pepper the aussie pup")

# %% [markdown]
# ## How large a vocabulary?
#
# More merges, shorter sequences. We learn from 2,000 captions of the book's scenes, or from the
# prose, and measure on captions that are not among these. (`stream` gives each purpose random
# numbers of its own.) A smaller vocabulary has the first of the same merges, so we train only once.
# Predict the curve: straight, or bent?

# %%
import numpy as np

from clipbook.scenes import sample_pairs
from clipbook.streams import stream

_, many = sample_pairs(2000, stream("tokenization: captions to learn from"))
_, others = sample_pairs(300, stream("tokenization: captions to measure on"))
others = [caption for caption in others if caption not in many]
from_many = Tokenizer.train(many, vocab_size=1000)


def mean_length(tokenizer, size):
    smaller = Tokenizer(tokenizer.merges[: size - 259])
    return np.mean([len(smaller.encode(caption)) for caption in others])


for size in (259, from_many.vocab_size):
    length = mean_length(from_many, size)
    print(f"{size} entries: {length:.1f} tokens per caption")

# %% mystnb={"image": {"alt": "Captions grow shorter with every merge, and the first merges save the most; merges learned from prose soon stop helping, those learned from captions go on."}}
from clipbook.figures import curves

lines, steps = {}, (0, 4, 8, 16, 24, 40, 56, 72, 88, 104, 120, 136)
for name, tokenizer in {"prose": from_prose, "captions": from_many}.items():
    sizes = [259 + k for k in steps if 259 + k < tokenizer.vocab_size]
    sizes.append(tokenizer.vocab_size)
    lengths = [mean_length(tokenizer, size) for size in sizes]
    lines[f"from {name}"] = sizes, lengths
curves(lines, across="entries of the vocabulary", up="tokens per caption")

# %% [markdown]
# Bent: the first merges take the most frequent pairs and save most; those from prose soon stop
# helping. We allowed 1,000 entries and got 401: captions of scenes use few words, and once each is
# a token, no pair is left. Real text always has another rare word, so the size is a choice, and
# each entry costs a row of weights ([next chapter](embeddings.ipynb)). CLIP has 49,408 rows of 512,
# and 63 million weights in its text encoder:

# %%
rows = 49_408 * 512
print(f"{rows:,} weights for the vocabulary")
print(f"{rows / 63e6:.0%} of the text encoder")

# %% [markdown]
# ## Start, end, padding
#
# Ids 0 to 2 are **special tokens**, which no text can contain. **Start** (1) and **end** (2) stand
# around each caption. The encoder will make a vector of every place, and one stands for the whole
# caption: in CLIP that of the end, in BERT that of the start, there called `[CLS]`. **Padding** (0)
# fills each row up to the **context length**, the number of places that a model takes, since a
# tensor is rectangular. Predict the row of "a pup" in a context of 8.

# %%
import torch

from_prose.context_length = 8
texts = ["Pepper the aussie pup", "a pup", captions[0]]
token_ids, mask = from_prose.batch(texts)
print(token_ids.shape, token_ids.dtype)
print(token_ids)
print(mask.int())

# %% [markdown]
# Both are (3, 8): three captions, eight places. The second is the **attention mask**: true at real
# tokens, start and end included, false at padding, which the encoder must ignore. Caption 1 didn't
# fit: it lost most of its tokens, but not the end token that CLIP reads.

# %%
for row, real in zip(token_ids, mask, strict=True):
    ids = row[real].tolist()
    print(len(ids), "real tokens:", repr(from_prose.decode(ids)))

# %% [markdown]
# ## CLIP's own tokenizer
#
# CLIP's tokenizer is a byte-level BPE like ours. But it writes all letters in lower case, and drops
# spaces: it marks the last byte of each word instead, as in `p</w>`, so each byte has two entries:

# %%
# bytes, bytes at the end of a word, merges, start and end
256 + 256 + 48_894 + 2

# %% [markdown]
# (The paper's 49,152 entries count the bytes once; its context of 76 places is 77 in the code.) The
# merges are a file of 1.4 MB, which another package, OpenCLIP's, has in it. We use only this file.
# Without a network we train CLIP's kind on our own texts:

# %%
import importlib.util
import subprocess
import sys

from clipbook.text import CLIPTokenizer

if importlib.util.find_spec("open_clip") is None:
    command = "-m pip install --no-deps --retries 0 open-clip-torch==3.3.0"
    subprocess.run([sys.executable, *command.split()], capture_output=True)
    importlib.invalidate_caches()
try:
    clip = CLIPTokenizer.load()
except FileNotFoundError:
    print("No network, no merges of CLIP's: its kind", end=", ")
    print("trained on our texts, gives other numbers.")
    clip = CLIPTokenizer.train([*many, *prose.splitlines()], vocab_size=2_000)
is_clips = clip.vocab_size == 49_408
print(f"{clip.vocab_size:,} entries:", pieces(clip, "Pepper the aussie pup"))

# %% [markdown] predict={"number": 6, "shown": "CLIP's ['it', \"'s\", '2', '0', '2', '6']"}
# Within words CLIP merges as we do, but it cuts words in its own way. Predict: into how many words
# does it cut "It's 2026"?

# %%
from clipbook.text import split_words

for text in ("It's 2026", "  two  SPACES", "co-op, pup!!"):
    print(repr(text), f"   ours   {split_words(text)}", sep="\n")
    print(f"   CLIP's {clip.split(text)}")
assert clip.split("It's 2026") == ["it", "'s", "2", "0", "2", "6"]
assert clip.encode("   PUP") == clip.encode("pup")
print(clip.decode(clip.encode("PEPPER, the   puppy")))

# %% [markdown]
# Into six: an ending such as `'s` is a word, and so is each digit. A space in front changes no id.
# Capitals and double spaces are gone for good, while ours loses nothing.
#
# Now the same words in four languages, and an emoji of a dog. Predict: which takes most tokens?

# %%
dogs = {
    "English": "a small dog",
    "Greek": "ένα μικρό σκυλί",
    "Hindi": "एक छोटा कुत्ता",
    "Japanese": "小さな犬",
    "emoji": "🐶",
}
tokens_of = {}
for language, text in dogs.items():
    tokens_of[language] = n = len(clip.encode(text))
    ours = len(from_prose.encode(text))
    print(f"{language:8} {len(text.encode()):2} bytes, CLIP {n:2}", end=", ")
    print(f"ours {ours:2} tokens: {text}")
assert not is_clips or max(tokens_of, key=tokens_of.get) == "Greek"
hindi = clip.split(dogs["Hindi"])
assert hindi == [word.strip() for word in split_words(dogs["Hindi"])]
print("words of Hindi:", hindi)

# %% [markdown]
# Greek: its 26 bytes, without the two spaces, are 26 tokens, so no merge fits. CLIP's merges must
# come from text with little Greek. English words are whole, and so is the dog. Hindi's vowel signs
# are no letters in Unicode's sense: both tokenizers cut them off, each as a word.

# %% [markdown]
# ## Glitch tokens
#
# A vocabulary is frozen before the model is trained, and the model's text may differ from the
# tokenizer's. Predict: which are the longest words with an entry of their own?

# %%
import string

entries = [clip.token(token_id) for token_id in range(clip.start_id)]
words = [one for one in entries if one.isascii() and "</w>" in one]
ascii_words = [word.removesuffix("</w>") for word in words]
for word in (*sorted(ascii_words, key=len)[-3:], "solidgoldmagikarp"):
    print(pieces(clip, word))
letters = string.ascii_uppercase
capitals = {k for k, one in enumerate(entries) if one[0] in letters}
assert not capitals & set(clip.encode(letters))
print(len(capitals), "entries for capitals", end=", ")
print("which no lower-case text can use")

# %% [markdown]
# Hashtags were frequent enough to become whole. The row of weights of such an entry learns only
# from captions that hold it, and those of capitals never learn. What a model does with such an
# **under-trained** entry, nobody planned: it is also called a **glitch token**
# ({cite:t}`land2024magikarp`). " SolidGoldMagikarp" is one in GPT-2; CLIP spells it from common
# pieces.

# %% [markdown]
# ## Special tokens that a user types
#
# CLIP's names for start and end are `<|startoftext|>` and `<|endoftext|>`. Predict: what becomes of
# a caption in which somebody types one, and what of 100 pups in 77 places?

# %%
text = "a pup <|endoftext|> and a cat"
print([clip.token(token_id) for token_id in clip.encode(text)])
token_ids, mask = clip.batch([text, "pup " * 100])
assert mask.sum(dim=1).tolist() == [2 + len(clip.encode(text)), 77]
for row in token_ids.tolist():
    assert row.count(clip.end_id) == 1  # the one that `batch` has put there
    print("end at place", row.index(clip.end_id), "of", len(row))

# %% [markdown]
# What is typed stays text, as in ours: only `batch` makes special tokens. (Other programs may take
# the name for the token: OpenCLIP does with `<end_of_text>`, Hugging Face with `<|endoftext|>`.
# Then a caption ends where its writer likes.) The long text loses its last pups and keeps its end,
# in the last of the places 0 to 76.

# %% [markdown]
# ## Equal to Hugging Face's tokenizers
#
# Hugging Face's `tokenizers` knows nothing of our code. Given our merges, it must give our ids. It
# stores tokens as text, so each byte needs a visible character. In GPT-2's table a printable byte
# stands for itself; the others take the characters from number 256 on, so the space becomes `Ġ`.

# %%
plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
rest = [byte for byte in range(256) if byte not in plain]
letter = {byte: chr(byte) for byte in plain}
letter |= {byte: chr(256 + k) for k, byte in enumerate(rest)}
tokens = [bytes([byte]) for byte in range(256)]
for left, right in from_prose.merges:
    tokens.append(tokens[left - 3] + tokens[right - 3])
names = ["".join(letter[byte] for byte in token) for token in tokens]
letter[ord("P")], letter[ord(" ")], names[256:262]

# %% [markdown]
# In these names we hand over the vocabulary and the merges, and our way to cut words:

# %%
import tokenizers
from tokenizers import models, pre_tokenizers

from clipbook.text import WORD  # the package's pattern for words

vocabulary = {name: 3 + k for k, name in enumerate(names)}
named_merges = [(names[a - 3], names[b - 3]) for a, b in from_prose.merges]
theirs = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=named_merges))
cut = pre_tokenizers.Split(tokenizers.Regex(WORD.pattern), "isolated")
to_letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
theirs.pre_tokenizer = pre_tokenizers.Sequence([cut, to_letters])
for text in ("Pepper the aussie pup", "é, € and Ω", prose, *captions):
    assert theirs.encode(text).ids == from_prose.encode(text)
theirs.encode("Pepper the aussie pup").ids


# %% [markdown]
# ## Common mistakes
#
# **A trained model talks nonsense → text was encoded with another tokenizer.** No error warns: the
# ids exist, they only mean other tokens.

# %%
ids = from_captions.encode(captions[0])
print(ids)
print(repr(from_prose.decode(ids)))

# %% [markdown]
# **The same word gets other ids → a space or a capital.** The first word of a text has no space
# before it. CLIP's lower case and end-of-word marks avoid this.

# %%
for text in ("pup", " pup", " Pup"):
    print(f"{text!r:7}", from_prose.encode(text), pieces(from_prose, text))

# %% [markdown]
# **Question marks in the output → tokens were decoded one at a time.** A token may end within a
# character. Decode the whole list.

# %%
ids = from_prose.encode("é")
pieces_of = [from_prose.decode([token_id]) for token_id in ids]
print(pieces_of, "or", from_prose.decode(ids))

# %% [markdown]
# **Captions far too long, and no error → they were cut silently.** `truncate=False` makes the
# tokenizer say so.

# %%
try:
    from_prose.batch([captions[0]], truncate=False)
except ValueError as error:
    print(*str(error).split("; "), sep="\n")

# %% [markdown] exercise={"minutes": 10, "difficulty": "easy"}
# ## Exercise: split again
#
# Undo the merges. Given token ids and the merges as pairs of ids,
# return the ids of the bytes. Merge `merges[k]` has made token 259 + k. (The check tries several
# tokenizers, whose merges join merges of merges, and an empty list.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A merge joins only bytes and earlier merges. So undo the last merge first, everywhere, then the
# one before.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "split-again", "schema_version": 3, "task": false}
def split_again(ids, merges):
    """The ids of the bytes, each from 3 to 258: list of int -> list of int."""
    ### BEGIN SOLUTION
    for k in reversed(range(len(merges))):
        undone = []
        for one in ids:
            undone.extend(merges[k] if one == 259 + k else [one])
        ids = undone
    return list(ids)
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "split-again-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, same
from clipbook.text import Tokenizer

pup_merges = [(115, 120), (259, 115), (35, 260)]  # p+u, pu+p, space+pup
pup_mistakes = {
    "a part may be a merged token; undo the last merge first": [
        83,
        35,
        260,
        115,
        120,
    ],
    "a part of a part may be a merged token": [83, 35, 259, 115, 115, 120],
    "merges[k] made token 259 + k, not 260 + k": [83, 259, 115, 259],
    "merges[k] made token 259 + k, not 258 + k": [83, 261, 259, 115],
    "the left part of a pair comes first": [83, 115, 120, 115, 35, 120, 115],
    "put both ids of a pair into the list, not only one": [83, 35, 115],
    "put the ids of a pair into the list, not the pair": [
        83,
        [35, 260],
        [115, 120],
    ],
    "3 + byte is the id; don't take the 3 off": [
        80,
        32,
        112,
        117,
        112,
        112,
        117,
    ],
}


def bytes_agree(tokenizer, text):
    got = ask(split_again, tokenizer.encode(text), tokenizer.merges)
    same(
        got,
        [3 + byte for byte in text.encode()],
        f"the ids of the bytes of {text!r}",
    )


with check("Split again"):
    got = ask(split_again, [83, 261, 259], pup_merges)
    want = [83, 35, 115, 120, 115, 115, 120]
    same(
        got,
        want,
        "split_again([83, 261, 259], pup_merges)",
        mistakes=pup_mistakes,
    )
    what = "split_again([258, 3, 259], [(3, 258)])"
    same(ask(split_again, [258, 3, 259], [(3, 258)]), [258, 3, 3, 258], what)
    # merges of merges of merges
    doubled = [(100, 100)] + [(k, k) for k in range(259, 266)]
    what = "split_again of two tokens that hold 256 bytes and 128"
    same(ask(split_again, [266, 265], doubled), [100] * 384, what)
    same(ask(split_again, [83, 84], []), [83, 84], "split_again([83, 84], [])")
    for text in ("she sells sea shells", "shells, shells: shé", "e", ""):
        bytes_agree(Tokenizer.train(["she sells sea shells"] * 2), text)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "split-again-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: another tokenizer and other texts.
### BEGIN HIDDEN TESTS
with check("Split again, other texts"):
    for text in ("Pepper the aussie pup", "pup pup puppy", "été", "…"):
        bytes_agree(
            Tokenizer.train(
                ["Pepper the aussie pup", "a puppy, a pup"] * 2, 290
            ),
            text,
        )
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: a batch with its mask
#
# Build what `batch` returned above. `rows` holds lists of token
# ids, without special tokens and of any length, 0 too. Padding is 0, start 1, end 2. A row that is
# too long loses its last ids, and still gets its end token. Ids are whole numbers, the mask is true
# or false. (The check tries batches in which all rows are short, and contexts of 2 places and more.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# How many ids of a row fit, if two places are taken? Cut first, put start and end around, then
# write the result into a row of zeros.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "make-batch", "schema_version": 3, "task": false}
def make_batch(rows, context_length):
    """Token ids (int64) and mask (bool), both (len(rows), context_length)."""
    ### BEGIN SOLUTION
    token_ids = torch.zeros(len(rows), context_length, dtype=torch.int64)
    mask = torch.zeros(len(rows), context_length, dtype=torch.bool)
    for row, ids in enumerate(rows):
        ids = [1, *ids[: context_length - 2], 2]
        token_ids[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    return token_ids, mask
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "make-batch-check", "schema_version": 3, "task": false}
import numpy as np

from clipbook.exercises import ask, check, close
from clipbook.text import Tokenizer

two_ids = [1, 70, 71, 2, 0]
five_ids = [1, 80, 81, 82, 2]
no_ids = [1, 2, 0, 0, 0]
id_mistakes = {
    "a row that is too long must keep its end token": [two_ids, [1, 80, 81, 82, 83], no_ids],
    "start and end need two places, no more": [two_ids, [1, 80, 81, 2, 0], no_ids],
    "the end token follows the last id, before the padding": [
        [1, 70, 71, 0, 2], five_ids, [1, 0, 0, 0, 2],
    ],
    "padding comes last": [[0, 1, 70, 71, 2], five_ids, [0, 0, 0, 1, 2]],
    "the start token, 1, is missing": [[70, 71, 2, 0, 0], [80, 81, 82, 83, 2], [2, 0, 0, 0, 0]],
    "cut away the last ids, not the first": [two_ids, [1, 82, 83, 84, 2], no_ids],
    "padding is 0": [[1, 70, 71, 2, 2], five_ids, [1, 2, 2, 2, 2]],
    "a row without ids has a start and an end": [two_ids, five_ids, [0] * 5],
}  # fmt: skip
mask_mistakes = {
    "true is real and false is padding": [
        [0, 0, 0, 0, 1],
        [0] * 5,
        [0, 0, 1, 1, 1],
    ],
    "start and end are real tokens": [
        [0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0] * 5,
    ],
    "start and end are real tokens, too": [[1, 1, 0, 0, 0], [1] * 5, [0] * 5],
    "the end token is real": [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 0, 0, 0, 0],
    ],
    "padding is not real": [[1] * 5] * 3,
}


def batch_agrees(rows, places, ids, mask, wrong_ids=None, wrong_mask=None):
    what, made = f"make_batch({rows}, {places})", ask(make_batch, rows, places)
    assert made is not None, (
        f"{what} is None; does the function end in `return`?"
    )
    assert isinstance(made, tuple | list) and len(made) == 2, (
        "return two tensors: token_ids, mask"
    )
    close(made[0], ids, f"token_ids of {what}", mistakes=wrong_ids)
    close(made[1], mask, f"mask of {what}", mistakes=wrong_mask)
    kinds = [np.asarray(one).dtype.kind for one in made]
    assert kinds[0] in "iu", (
        "token ids are whole numbers, not floats: try dtype=torch.int64"
    )
    assert kinds[1] == "b", (
        "a mask is true or false, not 1 or 0: try dtype=torch.bool"
    )


def batch_as_the_package(texts, places):
    # without merges, each byte is a token
    package = Tokenizer(context_length=places)
    ids, mask = package.batch(texts)
    longest = {
        "pad to context_length, not to the longest row": ids[:, mask.any(dim=0)]
    }
    batch_agrees(
        [package.encode(text) for text in texts], places, ids, mask, longest
    )


with check("Make a batch"):
    rows = [[70, 71], [80, 81, 82, 83, 84], []]
    real = [[1, 1, 1, 1, 0], [1] * 5, [1, 1, 0, 0, 0]]
    batch_agrees(
        rows, 5, [two_ids, five_ids, no_ids], real, id_mistakes, mask_mistakes
    )
    for texts, places in (
        (["a", "pups"], 9),
        (["pup", "pup."], 6),
        (["pup"], 2),
        (["a", "pup"], 3),
    ):
        batch_as_the_package(texts, places)

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "make-batch-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other rows and contexts.
### BEGIN HIDDEN TESTS
with check("Make a batch, other rows"):
    batch_agrees([[], []], 4, [[1, 2, 0, 0]] * 2, [[1, 1, 0, 0]] * 2)
    batch_as_the_package(["ppp", "pppp", "ppppp", "pup", "p"], 6)
    batch_as_the_package(["Pepper", "the", "aussie", "pup"], 16)
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 30, "difficulty": "hard"}
# ## Exercise: learn from counts
#
# Real text repeats its words, so a tokenizer is trained on each word once with its **count**. Write
# the whole training for words given as a dictionary: `{"pup": 3}` stands for three words "pup", and
# each of its pairs counts three. Tokens are pieces of text here, at first single characters. Return
# at most `n` merges, each a pair of pieces, in the order in which they are learned. Of equally
# frequent pairs take the one that Python sorts first, as a pair. Merge from left to right. Stop
# early when no pair counts two or more. (The check tries ties of many kinds, the words in another
# order, and words that hold no pair.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Keep a dictionary from each word to its list of tokens. `merge` above works on pieces of text,
# too. `min(pairs, key=lambda pair: (-pairs[pair], pair))` settles ties. It needs at least one pair:
# what if all words are whole?
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "learn-merges", "schema_version": 3, "task": false}
def learn_merges(counts, n):
    """Merges in the order of learning.

    Dict of str -> int, int -> list of (str, str).
    """
    ### BEGIN SOLUTION
    from itertools import pairwise

    tokens = {word: list(word) for word in counts}
    merges = []
    while len(merges) < n:
        pairs = {}
        for word, parts in tokens.items():
            for pair in pairwise(parts):
                pairs[pair] = pairs.get(pair, 0) + counts[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        for word, parts in tokens.items():
            tokens[word], k = [], 0
            while k < len(parts):
                size = 2 if tuple(parts[k : k + 2]) == best else 1
                tokens[word].append("".join(parts[k : k + size]))
                k += size
    return merges
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "learn-merges-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, same

pup_counts = {"pup": 3, "puppy": 2, "pepper": 4, "peep": 1}
four_merges = [("p", "e"), ("p", "u"), ("pu", "p"), ("p", "pe")]
pup_mistakes = {
    "a word that occurs four times counts four times": four_merges[:3],
    "a pair may stand in a word twice": [("p", "p"), ("p", "e"), ("p", "u"), ("e", "r")],
    "merge, then count again": [("p", "e"), ("p", "p"), ("e", "p"), ("p", "u")],
    "a pair never spans two words": [("p", "e"), ("p", "p"), ("u", "pp"), ("p", "pe")],
    "of equal pairs, take the first": [("p", "e"), ("u", "p"), ("p", "up"), ("pe", "r")],
    "of equal pairs take the one that Python sorts first, ('p', 'pe') before ('pe', 'p')": [
        *four_merges[:3], ("pe", "p"),
    ],
    "step over both parts": [("p", "e"), ("pe", "e"), ("pee", "e"), ("peee", "e")],
    "n merges, not one more": [*four_merges, ("pe", "ppe")],
    "return the two parts, not what they make": ["pe", "pu", "pup", "ppe"],
}  # fmt: skip
ties = {"bc": 20, "ab": 8, "aba": 2, "bx": 2, "abc": 2}
five_merges = [("b", "c"), ("a", "b"), ("a", "bc"), ("ab", "a"), ("b", "x")]
tie_mistakes = {
    "sort equal pairs as Python does, not by when their parts were made": [
        *five_merges[:3], ("b", "x"), ("ab", "a"),
    ],
    "sort equal pairs as Python does, not by their length": [
        *five_merges[:2], ("b", "x"), *five_merges[2:4],
    ],
}  # fmt: skip


def merges_agree(counts, n, want, mistakes=None):
    """Also for the words in other letters, and the other way round: this changes no merge."""
    same(
        ask(learn_merges, counts, n),
        want,
        f"learn_merges({counts}, {n})",
        mistakes=mistakes,
    )
    moved = {
        "".join(chr(ord(c) + 900) for c in word): counts[word]
        for word in reversed(counts)
    }
    want = [
        tuple("".join(chr(ord(c) + 900) for c in part) for part in pair)
        for pair in want
    ]
    what = f"the same in other letters and another order, learn_merges({moved}, {n}),"
    same(ask(learn_merges, moved, n), want, what)


with check("Learn from counts"):
    merges_agree(pup_counts, 4, four_merges, pup_mistakes)
    stop = {
        "stop when no pair occurs twice; o and w occur once": [
            ("a", "p"),
            ("y", "ap"),
            ("o", "w"),
        ],
        "a pair that occurs twice is still merged; stop below 2": [],
    }
    merges_agree({"yap": 2, "ow": 1}, 9, [("a", "p"), ("y", "ap")], stop)
    merges_agree(ties, 9, five_merges, tie_mistakes)
    merges_agree(
        {"ca": 2, "ac": 2, "ab": 2, "Ca": 2},
        3,
        [("C", "a"), ("a", "b"), ("a", "c")],
    )
    merges_agree(
        {"up": 5, "upy": 2, "py": 3}, 9, [("u", "p"), ("p", "y"), ("up", "y")]
    )
    right_to_left = {"merge from left to right": [("r", "r"), ("r", "rr")]}
    merges_agree({"rrr": 2}, 2, [("r", "r"), ("rr", "r")], right_to_left)
    merges_agree({"pup": 1, "pep": 1, "pun": 1}, 9, [("p", "u")])
    for counts, n in (({"a": 9, "i": 5}, 3), ({}, 3), (pup_counts, 0)):
        merges_agree(counts, n, [])

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "learn-merges-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other words.
### BEGIN HIDDEN TESTS
with check("Learn from counts, other words"):
    stars = {"star": 6, "stars": 3, "start": 2, "art": 5}
    want = [
        ("a", "r"),
        ("s", "t"),
        ("st", "ar"),
        ("ar", "t"),
        ("star", "s"),
        ("star", "t"),
    ]
    merges_agree(stars, 20, want)
    merges_agree(stars, 5, want[:5])
    merges_agree({"grrrr": 1, "brrr": 1}, 5, [("r", "r")])
    merges_agree({"dcba": 3, "abcd": 3}, 2, [("a", "b"), ("ab", "c")])
### END HIDDEN TESTS

# %% [markdown] exercise={"minutes": 20, "difficulty": "medium"}
# ## Exercise: first learned, first merged
#
# To do all merges in turn takes long with CLIP's 48,894. Encode one word faster:
# `tokens` are its pieces, at first single characters, and `ranks` maps each pair of pieces to its
# **rank**, its place in the list of merges. Of the pairs that stand side by side, merge the one of
# lowest rank, everywhere in the word, from left to right. Look again, since merges make new pairs,
# until no pair has a rank. Return the list of pieces. (The check tries words in which the leftmost
# pair, the longest piece and the lowest rank disagree, runs of one letter, and words without pairs.)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `[pair for pair in zip(tokens, tokens[1:]) if pair in ranks]` are the pairs to choose from, and
# `min(…, key=ranks.get)` chooses. If there are none, you are done. The chapter's `merge` shows how
# to step over both parts of a pair.
#
# </details>


# %% nbgrader={"solution": true, "grade": false, "locked": false, "grade_id": "lowest-rank", "schema_version": 3, "task": false}
def encode_by_rank(tokens, ranks):
    """The word's pieces after all merges.

    List of str, dict of (str, str) -> int, to list of str.
    """
    ### BEGIN SOLUTION
    from itertools import pairwise

    tokens = list(tokens)
    while True:
        pairs = [pair for pair in pairwise(tokens) if pair in ranks]
        if not pairs:
            return tokens
        first = min(pairs, key=ranks.get)
        merged, k = [], 0
        while k < len(tokens):
            size = 2 if tuple(tokens[k : k + 2]) == first else 1
            merged.append("".join(tokens[k : k + size]))
            k += size
        tokens = merged
    ### END SOLUTION


# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 2, "grade_id": "lowest-rank-check", "schema_version": 3, "task": false}
from clipbook.exercises import ask, check, same
from clipbook.text import Tokenizer

up_ranks = {
    ("u", "p"): 0,
    ("p", "up"): 1,
    ("p", "p"): 2,
    ("p", "e"): 3,
    ("e", "r"): 4,
    ("pup", "p"): 5,
}
up_mistakes = {
    "the pair of lowest rank comes first, not the leftmost, nor the longest piece": ["pupp", "er"],
    "the lowest rank comes first, not the highest; 0 is a rank, too": ["p", "u", "pp", "er"],
    "look again after a merge": ["p", "up", "p", "e", "r"],
    "a merge makes new pairs; look for them, too": ["p", "up", "pe", "r"],
    "step over both parts": ["pup", "up", "pp", "pe", "er", "r"],
    "return the pieces, merged, not the word": ["pupper"],
}  # fmt: skip


def pieces_agree(word, ranks, want, mistakes=None):
    got = ask(encode_by_rank, list(word), ranks)
    same(got, want, f"encode_by_rank({list(word)}, {ranks})", mistakes=mistakes)


def words_agree(texts, words):
    """As the package does it, with what it has learned from the texts."""
    package = Tokenizer.train(texts)
    ranks = {
        (package.token(a), package.token(b)): k
        for k, (a, b) in enumerate(package.merges)
    }
    for word in words:
        pieces_agree(
            word, ranks, [package.token(k) for k in package.encode(word)]
        )


with check("First learned, first merged"):
    pieces_agree("pupper", up_ranks, ["pup", "pe", "r"], up_mistakes)
    right_to_left = {"merge from left to right": ["a", "aa", "aa"]}
    pieces_agree("aaaaa", {("a", "a"): 0}, ["aa", "aa", "a"], right_to_left)
    pieces_agree("abc", {("a", "b"): 1, ("b", "c"): 0}, ["a", "bc"])
    pieces_agree("abc", {("a", "b"): 0, ("b", "c"): 1}, ["ab", "c"])
    for word in ("", "p", "xyz"):
        pieces_agree(word, up_ranks, list(word))
    words_agree(
        ["she sells sea shells"] * 2, ["shells", "sealess", "hessels", "she"]
    )

# %% nbgrader={"solution": false, "grade": true, "locked": true, "points": 1, "grade_id": "lowest-rank-hidden", "schema_version": 3, "task": false}
# Graded after you hand it in: other words and ranks.
### BEGIN HIDDEN TESTS
with check("First learned, first merged, other words"):
    words_agree(
        ["Pepper the aussie pup", "a puppy, a pup"] * 3,
        ["Pepper", "puppypup", "aussies"],
    )
    pieces_agree(
        "bcbcbc",
        {("b", "c"): 7, ("c", "b"): 9, ("bc", "bc"): 8},
        ["bcbc", "bc"],
    )
    pieces_agree(
        "cbabc",
        {("b", "a"): 2, ("a", "b"): 1, ("c", "b"): 3},
        ["cb", "ab", "c"],
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Check yourself
#
# **1.** We double the number of merges. What happens to the captions that the tokenizer was trained
# on: fewer tokens, more, or may it be either?
#
# <details><summary>Answer</summary>
#
# Fewer, or as many. The first merges stay the same, and a further one can only join two tokens into
# one. "More" confuses the vocabulary, which grows, with the sequence, which shrinks.
#
# </details>

# %% [markdown]
# **2.** A word never occurred in training. Does it become an unknown token, an error, or something
# else?
#
# <details><summary>Answer</summary>
#
# Something else: as a rule several tokens, at worst one for each byte. Unknown tokens belong to
# vocabularies of words. An error would need a byte without an entry, and all 256 have one. The cost
# is places of the context, and a model must learn what the pieces mean together.
#
# </details>

# %% [markdown]
# **3.** We pad captions to 77 places rather than 32. Do their token ids change? Does what the model
# makes of them?
#
# <details><summary>Answer</summary>
#
# Neither should change: the ids in front are the same, and the mask keeps the padding out. If an
# embedding changes with its padding, the mask was forgotten. Only the work grows, for each place
# costs time.
#
# </details>

# %% [markdown]
# ## What to remember
#
# We have built a byte-level BPE tokenizer, from counting pairs to a padded batch.
#
# - Training merges the most frequent neighbours, again and again; encoding repeats the merges in
#   that order.
# - Bytes are always there, so no text is unknown; text like that of the training gets short.
# - A batch is token ids with start and end, padded to the context length, and a mask of what is
#   real.
#
# Next: **[what does a model see in a number such as 290?](embeddings.ipynb)**

# %% [markdown]
# **Sources.** BPE for sub-words: {cite:t}`sennrich2016bpe`, §3.2, after a way to
# compress data, {cite:t}`gage1994bpe`. Over bytes rather than
# characters: {cite:t}`radford2019gpt2`, §2.2. `[CLS]`: {cite:t}`devlin2019bert`, §3. CLIP's
# vocabulary, context and width: {cite:t}`radford2021clip`, §2.4; its counts are those of
# [the tokenizer in its code](https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py).
# Glitch tokens: {cite:t}`land2024magikarp`, §1.
