"""The exercises of the chapter on tokenization: their own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, every

CHAPTER = "text/tokenization"
SPLIT = Exercise(CHAPTER, "split-again")
BATCH = Exercise(CHAPTER, "make-batch")
LEARN = Exercise(CHAPTER, "learn-merges")
EXERCISES = {"split-again": SPLIT, "make-batch": BATCH, "learn-merges": LEARN}

UNDO = """
def split_again(ids, merges):
    for k in reversed(range(len(merges))):
        undone = []
        for one in ids:
            undone.extend(merges[k] if one == 259 + k else [one])
        ids = undone
    return ids
"""

MAKE = """
def make_batch(rows, context_length):
    token_ids = torch.zeros(len(rows), context_length, dtype=torch.int64)
    mask = torch.zeros(len(rows), context_length, dtype=torch.bool)
    for row, ids in enumerate(rows):
        ids = [1, *ids[: context_length - 2], 2]
        token_ids[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    return token_ids, mask
"""

TRAIN = """
def learn_merges(counts, n):
    tokens = {word: list(word) for word in counts}
    merges = []
    while len(merges) < n:
        pairs = {}
        for word, parts in tokens.items():
            for pair in zip(parts, parts[1:]):
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
"""


TIES = "min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)"
WRONG = {
    "split-again": {
        "first merge first": (but(UNDO, ("reversed(range(len(merges)))", "range(len(merges))")),
                              "undo the last merge first"),
        "one level only": (
            "def split_again(ids, merges):\n"
            "    found = []\n"
            "    for one in ids:\n"
            "        found.extend(merges[one - 259] if one >= 259 else [one])\n"
            "    return found",
            "a part may be a merged token",
        ),
        "two levels only": (
            "def split_again(ids, merges):\n"
            "    def parts(one):\n"
            "        return merges[one - 259] if one > 258 else [one]\n"
            "    return [end for one in ids for part in parts(one) for end in parts(part)]",
            "a part of a part",
        ),
        "numbers one too high": (but(UNDO, ("259 + k", "260 + k")), "not 260"),
        "numbers one too low": (but(UNDO, ("259 + k", "258 + k")), "not 258"),
        "pair turned round": (but(UNDO, ("merges[k] if", "merges[k][::-1] if")), "left part"),
        "left part only": (but(UNDO, ("merges[k] if", "[merges[k][0]] if")), "not only one"),
        "bytes for ids": (but(UNDO, ("return ids", "return [one - 3 for one in ids]")),
                          "3 \\+ byte"),
        "pairs left as pairs": (but(UNDO, ("undone.extend(merges[k] if one == 259 + k else [one])",
                                           "undone.append(merges[k] if one == 259 + k else one)")),
                                "not the pair"),
        "three levels only": (
            "def split_again(ids, merges):\n"
            "    for _ in range(3):\n"
            "        ids = [e for i in ids for e in (merges[i - 259] if i > 258 else [i])]\n"
            "    return ids",
            "256 bytes and 128",
        ),
        "left parts only go deep": (
            "def split_again(ids, merges):\n"
            "    def parts(one):\n"
            "        if one < 259:\n"
            "            return [one]\n"
            "        return [*parts(merges[one - 259][0]), merges[one - 259][1]]\n"
            "    return [part for one in ids for part in parts(one)]",
            "a part may be a merged token|has shape|is wrong|is \\[",
        ),
        "the check's own merges": (but(UNDO, ("merges[k] if", "pup_merges[k] if"),
                                       ("range(len(merges))", "range(len(pup_merges))")),
                                   r"is \[258, 3, 115, 120\]"),
        "byte 255 taken for a merge": (
            "def split_again(ids, merges):\n"
            "    while any(one >= 258 for one in ids):\n"
            "        ids = [e for i in ids for e in (merges[i - 259] if i > 257 else [i])]\n"
            "        if len(ids) > 999: break\n"
            "    return ids",
            r"is \[",
        ),
        "each token once": (
            "def split_again(ids, merges):\n"
            "    ids = list(ids)\n"
            "    for k in reversed(range(len(merges))):\n"
            "        if 259 + k in ids:\n"
            "            at = ids.index(259 + k)\n"
            "            ids[at : at + 1] = merges[k]\n"
            "    return ids",
            r"is \[",
        ),
        "sorted": (but(UNDO, ("return ids", "return sorted(ids)")), "is wrong|is \\["),
        "without repeats": (but(UNDO, ("return ids", "return list({*ids})")), r"is \["),
        "no text at all": (but(UNDO, ("return ids", "return ids or [3]")), r"is \["),
        "no merges at all": (but(UNDO, ("    for k", "    merges[0]\n    for k")), "IndexError"),
        "learned by heart": (
            "def split_again(ids, merges):\n    return [83, 35, 115, 120, 115, 115, 120]",
            r"is \[",
        ),
        "changes its list": (
            "def split_again(ids, merges):\n"
            "    k = 0\n"
            "    while k < len(ids):\n"
            "        if ids[k] > 258:\n"
            "            ids[k : k + 1] = merges[ids[k] - 259]\n"
            "        else:\n"
            "            k += 1\n"
            "    return ids",
            "changes `ids`",
        ),
        "uses the merges up": (
            "def split_again(ids, merges):\n"
            "    while merges:\n"
            "        k, pair = len(merges) - 1, merges.pop()\n"
            "        ids = [end for one in ids for end in (pair if one == 259 + k else [one])]\n"
            "    return ids",
            "changes `merges`",
        ),
        "no return": (but(UNDO, ("return ids", "ids")), "is None"),
        "merges by id": (but(UNDO, ("merges[k] if", "merges[one] if")), "IndexError"),
        "blank": ("def split_again(ids, merges):\n    raise NotImplementedError()", "not written"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "make-batch": {
        "end cut off": (but(MAKE, ("[1, *ids[: context_length - 2], 2]",
                                   "[1, *ids, 2][:context_length]")), "must keep its end token"),
        "room too small": (but(MAKE, ("context_length - 2", "context_length - 3")),
                           "two places, no more"),
        "end behind the padding": (
            but(MAKE, ("[1, *ids[: context_length - 2], 2]", "[1, *ids[: context_length - 2]]"),
                ("    return token_ids", "    token_ids[:, -1] = 2\n    return token_ids")),
            "before the padding",
        ),
        "padding first": (but(MAKE, ("token_ids[row, : len(ids)]", "token_ids[row, -len(ids) :]")),
                          "padding comes last"),
        "no start": (but(MAKE, ("[1, *ids[: context_length - 2], 2]",
                                "[*ids[: context_length - 1], 2]")), "start token"),
        "first ids cut": (but(MAKE, ("ids[: context_length - 2]", "ids[-(context_length - 2) :]")),
                          "not the first"),
        "padded with end": (but(MAKE, ("token_ids = torch.zeros(len(rows), context_length,",
                                       "token_ids = torch.full((len(rows), context_length), 2,")),
                            "padding is 0"),
        "mask turned round": (but(MAKE, ("return token_ids, mask", "return token_ids, ~mask")),
                              "false is padding"),
        "special tokens masked": (but(MAKE, ("return token_ids, mask",
                                             "return token_ids, token_ids > 2")), "are real"),
        "as many real as ids came in": (
            but(MAKE, ("mask[row, : len(ids)]", "mask[row, : len(rows[row])]")), "real tokens, too"
        ),
        "end masked": (but(MAKE, ("mask[row, : len(ids)]", "mask[row, : len(ids) - 1]")),
                       "the end token is real"),
        "all real": (but(MAKE, ("mask = torch.zeros", "mask = torch.ones")), "padding is not real"),
        "padded to the longest row": (
            but(MAKE, ("    token_ids = torch", "    n, context_length = context_length, "
                       "min(context_length, max(len(row) for row in rows) + 2)\n"
                       "    token_ids = torch")),
            "not to the longest row",
        ),
        "a context of five": (
            but(MAKE, ("torch.zeros(len(rows), context_length, dtype=torch.int64)",
                       "torch.zeros(len(rows), 5, dtype=torch.int64)"),
                ("torch.zeros(len(rows), context_length, dtype=torch.bool)",
                 "torch.zeros(len(rows), 5, dtype=torch.bool)")),
            "has shape|RuntimeError",
        ),
        "three rows": (
            but(MAKE, ("token_ids = torch.zeros(len(rows),", "token_ids = torch.zeros(3,")),
            "has shape",
        ),
        "end only where it fits": (
            but(MAKE, ("[1, *ids[: context_length - 2], 2]", "[1, *ids, 2]"),
                ("token_ids[row, : len(ids)]", "ids = ids[:context_length]\n"
                 "        token_ids[row, : len(ids)]")),
            "must keep its end token",
        ),
        "no row without ids": (
            but(MAKE, ("        ids = [1", "        if not ids: continue\n        ids = [1")),
            "a row without ids",
        ),
        "cuts a row that just fits": (
            but(MAKE, ("ids[: context_length - 2]", "(ids if len(ids) < context_length - 2 else"
                       " ids[: context_length - 3])")),
            "two places, no more",
        ),
        "no context of two": (
            but(MAKE, ("ids[: context_length - 2]", "ids[: (context_length - 2) or None]")),
            "RuntimeError",
        ),
        "mask of the first row for all": (
            but(MAKE, ("return token_ids, mask", "return token_ids, mask[:1].expand_as(mask)")),
            "is wrong in",
        ),
        "real where the next one is": (
            but(MAKE, ("return token_ids, mask", "return token_ids, mask.roll(1, 1)")),
            "is wrong in",
        ),
        "mask and ids exchanged": (but(MAKE, ("return token_ids, mask", "return mask, token_ids")),
                                   "token_ids of"),
        "mask of floats": (but(MAKE, ("torch.bool", "torch.float32")), "a mask is true or false"),
        "ids of floats": (but(MAKE, ("torch.int64", "torch.float32")), "ids are whole numbers"),
        "changes its rows": (but(MAKE, ("ids = [1, *ids[: context_length - 2], 2]",
                                        "ids[:] = [1, *ids[: context_length - 2], 2]")),
                             "changes `rows`"),
        "no mask": (but(MAKE, ("return token_ids, mask", "return token_ids")),
                    "return two tensors"),
        "no room kept": (but(MAKE, ("ids[: context_length - 2]", "ids")),
                         "your code raised RuntimeError in make_batch"),
        "no return": (but(MAKE, ("return token_ids, mask", "token_ids, mask")), "is None"),
        "blank": ("def make_batch(rows, n):\n    raise NotImplementedError()", "not written"),
    },
    "learn-merges": {
        "counts ignored": (but(TRAIN, ("+ counts[word]", "+ 1")), "counts four times"),
        "once a word": (but(TRAIN, ("in zip(parts, parts[1:])", "in set(zip(parts, parts[1:]))")),
                        "stand in a word twice"),
        "counted once for all": (
            "def learn_merges(counts, n):\n"
            "    pairs = {}\n"
            "    for word in counts:\n"
            "        for pair in zip(word, word[1:]):\n"
            "            pairs[pair] = pairs.get(pair, 0) + counts[word]\n"
            "    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:n]",
            "merge, then count again",
        ),
        "across words": (
            but(TRAIN, ("{word: list(word) for word in counts}",
                        "{'': [c for word in counts for c in word * counts[word]]}"),
                ("+ counts[word]", "+ 1")),
            "never spans two words",
        ),
        "last of equals": (but(TRAIN, (TIES, "max(pairs, key=lambda pair: (pairs[pair], pair))")),
                           "take the first"),
        "first met of equals": (but(TRAIN, (TIES, "max(pairs, key=pairs.get)")),
                                "before \\('pe', 'p'\\)"),
        "second part kept": (but(TRAIN, ("k += size", "k += 1")), "step over both parts"),
        "one too many": (but(TRAIN, ("len(merges) < n", "len(merges) <= n")), "not one more"),
        "joined": (but(TRAIN, ("merges.append(best)", "merges.append(''.join(best))")),
                   "return the two parts"),
        "never stops": (but(TRAIN, (" or pairs[best] < 2", "")), "stop when no pair occurs twice"),
        "stops too soon": (but(TRAIN, ("pairs[best] < 2", "pairs[best] <= 2")), "stop below 2"),
        "equal pairs by what they make": (
            but(TRAIN, ("(-pairs[pair], pair)", "(-pairs[pair], ''.join(pair))")),
            "before \\('pe', 'p'\\)",
        ),
        "equal pairs by the first part": (
            but(TRAIN, ("(-pairs[pair], pair)", "(-pairs[pair], pair[0])")), "is \\[",
        ),
        "equal pairs by the second part": (
            but(TRAIN, ("(-pairs[pair], pair)", "(-pairs[pair], pair[1], pair[0])")), "is \\[",
        ),
        "equal pairs by length": (
            but(TRAIN, ("(-pairs[pair], pair)", "(-pairs[pair], len(pair[0] + pair[1]), pair)")),
            "is \\[",
        ),
        "equal pairs by length of the parts": (
            but(TRAIN, ("(-pairs[pair], pair)",
                        "(-pairs[pair], [*map(len, pair)][::-1], pair[::-1])")),
            "is \\[",
        ),
        "equal pairs by age": (
            but(TRAIN, ("    merges = []\n    while", "    merges = []\n"
                        "    made = sorted(set(''.join(counts)))\n    while"),
                ("(-pairs[pair], pair)", "(-pairs[pair], [made.index(part) for part in pair])"),
                ("merges.append(best)", "merges.append(best)\n"
                 "        made.append(best[0] + best[1])")),
            "not by when their parts were made",
        ),
        "equal pairs in small letters": (
            but(TRAIN, ("(-pairs[pair], pair)", "(-pairs[pair], [p.lower() for p in pair])")),
            "is \\[",
        ),
        "equal pairs as Counter has them": (
            but(TRAIN, (TIES, "next(iter(__import__('collections').Counter(pairs).most_common(1)),"
                        " [None])[0]")),
            "before \\('pe', 'p'\\)",
        ),
        "words sorted, then the first met": (
            but(TRAIN, ("for word in counts}", "for word in sorted(counts)}"),
                (TIES, "max(pairs, key=pairs.get, default=None)")),
            "is \\[",
        ),
        "merged as text": (
            "def learn_merges(counts, n):\n"
            "    words, merges = {w: ' '.join(w) for w in counts}, []\n"
            "    while len(merges) < n:\n"
            "        pairs = {}\n"
            "        for w, text in words.items():\n"
            "            parts = text.split()\n"
            "            for pair in zip(parts, parts[1:]):\n"
            "                pairs[pair] = pairs.get(pair, 0) + counts[w]\n"
            "        best = min(pairs, key=lambda p: (-pairs[p], p), default=None)\n"
            "        if best is None or pairs[best] < 2:\n"
            "            break\n"
            "        merges.append(best)\n"
            "        words = {w: text.replace(' '.join(best), ''.join(best))"
            " for w, text in words.items()}\n"
            "    return merges",
            "is \\[",
        ),
        "from right to left": (
            "def learn_merges(counts, n):\n"
            "    backwards = LEARN({word[::-1]: counts[word] for word in counts}, n)\n"
            "    return [(b[::-1], a[::-1]) for a, b in backwards]"
            + TRAIN.replace("learn_merges", "LEARN")
            .replace("(-pairs[pair], pair)", "(-pairs[pair], pair[1][::-1], pair[0][::-1])"),
            "from left to right",
        ),
        "one merge a word": (
            but(TRAIN, ("size = 2 if tuple", "size = 2 if len(tokens[word]) == k and tuple")),
            "is \\[",
        ),
        "words that occur once left out": (
            but(TRAIN, ("for word in counts}", "for word in counts if counts[word] > 1}")),
            "is \\[",
        ),
        "with its count": (
            but(TRAIN, ("merges.append(best)", "merges.append((best, pairs[best]))")), "is \\["
        ),
        "as a dictionary": (but(TRAIN, ("    return merges", "    return dict(merges)")), "is {"),
        "lists forgotten where nothing is merged": (
            but(TRAIN, ("    return merges", "    return merges or None")), "is None"
        ),
        "changes its dictionary": (
            but(TRAIN, ("    return merges", "    counts.clear()\n    return merges")),
            "changes `counts`",
        ),
        "words of one letter": (but(TRAIN, (", default=None", "")), "ValueError"),
        "one merge at least": (but(TRAIN, ("while len(merges) < n",
                                           "while not merges or len(merges) < n")),
                               ", 0\\) is "),
        "learned by heart": (
            "def learn_merges(counts, n):\n"
            "    return [('p', 'e'), ('p', 'u'), ('pu', 'p'), ('p', 'pe')][:n]",
            "in other letters",
        ),
        "no return": (but(TRAIN, ("    return merges", "    merges")), "is None"),
        "blank": ("def learn_merges(counts, n):\n    raise NotImplementedError()", "not written"),
    },
}  # fmt: skip

RIGHT = {
    "split-again": {
        "recursion": (
            "def split_again(ids, merges):\n"
            "    def parts(one):\n"
            "        if one < 259:\n"
            "            return [one]\n"
            "        left, right = merges[one - 259]\n"
            "        return parts(left) + parts(right)\n"
            "    return [part for one in ids for part in parts(one)]"
        ),
        "a generator's list, as an array": (
            "import numpy as np\n"
            "def split_again(ids, merges):\n"
            "    def parts(one):\n"
            "        if one < 259:\n"
            "            yield one\n"
            "        else:\n"
            "            for part in merges[one - 259]:\n"
            "                yield from parts(part)\n"
            "    return np.array([part for one in ids for part in parts(one)])"
        ),
        "a stack": (
            "def split_again(ids, merges):\n"
            "    found, rest = [], list(reversed(ids))\n"
            "    while rest:\n"
            "        one = rest.pop()\n"
            "        if one > 258:\n"
            "            rest.extend(reversed(merges[one - 259]))\n"
            "        else:\n"
            "            found.append(one)\n"
            "    return tuple(found)"
        ),
        "a table, as a tensor": (
            "def split_again(ids, merges):\n"
            "    table = {one: (one,) for one in range(259)}\n"
            "    for k, (left, right) in enumerate(merges):\n"
            "        table[259 + k] = table[left] + table[right]\n"
            "    return torch.tensor([part for one in ids for part in table[one]])"
        ),
    },
    "make-batch": {
        "lists": (
            "def make_batch(rows, n):\n"
            "    rows = [[1] + row[: n - 2] + [2] for row in rows]\n"
            "    ids = [row + [0] * (n - len(row)) for row in rows]\n"
            "    mask = [[k < len(row) for k in range(n)] for row in rows]\n"
            "    return torch.tensor(ids), torch.tensor(mask)"
        ),
        "lists in a list": (
            "def make_batch(rows, n):\n"
            "    rows = [[1] + row[: n - 2] + [2] for row in rows]\n"
            "    ids = [row + [0] * (n - len(row)) for row in rows]\n"
            "    return [ids, [[one > 0 for one in row] for row in ids]]"
        ),
        "arrays": (
            "import numpy as np\n"
            "def make_batch(rows, n):\n"
            "    ids = np.zeros((len(rows), n), dtype=np.int32)\n"
            "    for place, row in zip(ids, rows):\n"
            "        row = [1, *row][: n - 1] + [2]\n"
            "        place[: len(row)] = row\n"
            "    return ids, ids != 0"
        ),
        "mask by ids": but(MAKE, ("return token_ids, mask", "return token_ids, token_ids != 0")),
        "lengths": (
            "def make_batch(rows, n):\n"
            "    lengths = torch.tensor([min(len(row) + 2, n) for row in rows])\n"
            "    mask = torch.arange(n) < lengths[:, None]\n"
            "    ids = torch.zeros(len(rows), n, dtype=torch.long)\n"
            "    ids[mask] = torch.tensor([i for r in rows for i in (1, *r[: n - 2], 2)])\n"
            "    return ids, mask"
        ),
    },
    "learn-merges": {
        "each word as often as it occurs": (
            "from collections import Counter\n"
            "def learn_merges(counts, n):\n"
            "    words = [list(word) for word in counts for _ in range(counts[word])]\n"
            "    merges = []\n"
            "    for _ in range(n):\n"
            "        pairs = Counter(pair for word in words for pair in zip(word, word[1:]))\n"
            "        often = sorted((-times, pair) for pair, times in pairs.items() if times > 1)\n"
            "        if not often:\n"
            "            break\n"
            "        merges.append(often[0][1])\n"
            "        for word in words:\n"
            "            for k in range(len(word)):\n"
            "                if tuple(word[k : k + 2]) == merges[-1]:\n"
            "                    word[k : k + 2] = [''.join(word[k : k + 2])]\n"
            "    return merges"
        ),
        "lists of lists": but(TRAIN, ("merges.append(best)", "merges.append(list(best))")),
        "marks between tokens": (
            "import re\n"
            "def learn_merges(counts, n):\n"
            "    words, merges = {w: ' ' + ' '.join(w) + ' ' for w in counts}, []\n"
            "    while len(merges) < n:\n"
            "        pairs = {}\n"
            "        for w, text in words.items():\n"
            "            parts = text.split()\n"
            "            for k in range(1, len(parts)):\n"
            "                pair = parts[k - 1], parts[k]\n"
            "                pairs[pair] = pairs.get(pair, 0) + counts[w]\n"
            "        most = max(pairs.values(), default=0)\n"
            "        if most < 2:\n"
            "            return merges\n"
            "        a, b = min(pair for pair in pairs if pairs[pair] == most)\n"
            "        merges.append((a, b))\n"
            "        old = re.compile(f'(?<= ){re.escape(a)} {re.escape(b)}(?= )')\n"
            "        words = {w: old.sub(a + b, text) for w, text in words.items()}\n"
            "    return merges"
        ),
    },
}


@pytest.mark.parametrize(("name", "kind"), every(WRONG))
def test_visible_check_turns_the_mistake_down_and_names_it(name, kind):
    EXERCISES[name].assert_refused(*WRONG[name][kind])


@pytest.mark.parametrize(("name", "kind"), every(RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(name, kind):
    EXERCISES[name].assert_accepted(RIGHT[name][kind])


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_page_passes_both_checks(name):
    EXERCISES[name].assert_accepted(EXERCISES[name].solution)
