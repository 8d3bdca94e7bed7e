"""The trials of the part on scale are whole and fair, and the bench measures what it says."""

import pytest
import torch

from bookkit import loss_bench as bench
from bookkit import scale_trials as trials
from clipbook.pretrained import loss_bench, scale_trials
from clipbook.training.data import train_tokenizer

SIZES, SEEDS = {"16", "32", "64", "128", "256"}, {"0", "1", "2"}


def test_each_loss_has_run_with_each_size_and_seed_on_as_many_pairs():
    table = scale_trials()
    for by_size in table["pairs"].values():
        assert by_size.keys() == SIZES
        for size, runs in by_size.items():
            assert runs.keys() == SEEDS
            assert {run["steps"] * int(size) for run in runs.values()} == {table["pairs of a run"]}
    assert table["time"].keys() == SIZES and table["baseline"].keys() == SEEDS
    assert all(runs.keys() == SEEDS for runs in [*table["time"].values(), *table["start"].values()])


def test_the_rate_that_was_chosen_is_never_the_smallest_or_largest_that_was_tried():
    table = scale_trials()
    for loss, by_size in table["rates"].items():
        for size in by_size:
            chosen = trials.best_rate(table, loss, int(size))
            assert min(trials.RATES) < chosen < max(trials.RATES), (loss, size)


def test_every_batch_size_sees_the_same_pairs_in_the_same_order():
    blocks = [tuple(torch.arange(256) + 256 * k for _ in range(3)) for k in range(2)]
    for size in trials.SIZES:
        batches = trials.cut(blocks, size)
        assert {len(part) for batch in batches for part in batch} == {size}
        for part in zip(*batches, strict=True):
            assert torch.equal(torch.cat(part), torch.arange(512))


@pytest.mark.slow
def test_the_baseline_scores_what_the_table_says():
    found = trials.baseline(train_tokenizer(), 0)["share"]
    assert found == pytest.approx(scale_trials()["baseline"]["0"]["share"], abs=1e-3)


def test_plain_and_chunked_losses_of_the_bench_are_equal_at_each_size():
    table = loss_bench()
    assert table.keys() == bench.LOSSES.keys()
    for loss in ("infonce", "sigmoid"):
        plain, chunked = table[f"{loss}, plain"], table[f"{loss}, chunked"]
        for pairs, run in plain.items():
            assert run["loss"] == pytest.approx(chunked[pairs]["loss"], rel=1e-3)
        most = plain["16384"], chunked["16384"]
        assert most[1]["MB"] < 0.03 * most[0]["MB"]


@pytest.mark.slow
@pytest.mark.parametrize("name", bench.LOSSES)
def test_the_bench_measures_a_loss_and_its_gradients(name, monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)  # of the whole process
    run = bench.measure(name, 300)
    assert run["loss"] > 1 and run["MB"] >= 0 and run["seconds"] > 0
