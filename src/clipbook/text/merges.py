"""Merging pairs of neighbours: how merges are learned, and the one place where they are done.

Source: Sennrich et al. 2016, §3.2. Built in: book/text/tokenization.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import count, pairwise

Pair = tuple[int, int]


def merge(ids: list[int], pair: Pair, new_id: int) -> list[int]:
    """Replace every occurrence of the pair by new_id, from left to right."""
    merged: list[int] = []
    k = 0
    while k < len(ids):
        if k + 1 < len(ids) and (ids[k], ids[k + 1]) == pair:
            merged.append(new_id)
            k += 2
        else:
            merged.append(ids[k])
            k += 1
    return merged


def learn_merges(words: Sequence[list[int]], times: Sequence[int], first_id: int) -> Iterator[Pair]:
    """The most frequent pair, then the most frequent once that is merged, and so on.

    words[k] occurs times[k] times. Merges make the ids first_id, first_id + 1, … Of equally
    frequent pairs the smaller comes first; the end is where no pair occurs twice.

    Each merge changes few words, so the pairs of all words are counted only once, and afterwards
    corrected: a changed word's old pairs are taken off, its new ones added. The heap hands out the
    pair that comes first, and may hold a pair several times, with counts that were right earlier;
    these are passed over.
    """
    words = list(words)
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)  # words in which a pair is, or was
    for place, ids in enumerate(words):
        for pair in pairwise(ids):
            pairs[pair] += times[place]
            places[pair].add(place)
    heap = [(-occurrences, pair) for pair, occurrences in pairs.items()]
    heapify(heap)
    for new_id in count(first_id):
        while heap and -heap[0][0] != pairs[heap[0][1]]:
            heappop(heap)
        if not heap or -heap[0][0] < 2:
            return
        best = heap[0][1]
        yield best
        changed: set[Pair] = set()
        for place in places.pop(best):
            before, after = words[place], merge(words[place], best, new_id)
            for pair in pairwise(before):
                pairs[pair] -= times[place]
            for pair in pairwise(after):
                pairs[pair] += times[place]
                places[pair].add(place)
            changed.update(pairwise(before), pairwise(after))
            words[place] = after
        for pair in changed:
            heappush(heap, (-pairs[pair], pair))
