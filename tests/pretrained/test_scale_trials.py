"""The trials of the part on scale are whole and fair, and the bench measures what it says."""

import pytest
import torch

from bookkit import loader_bench as loaders
from bookkit import loss_bench as bench
from bookkit import scale_trials as trials
from bookkit import ship
from clipbook.pretrained import clip_runs, loader_bench, loss_bench, scale_trials, shipped
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


def test_the_card_tells_the_chapters_recipe_with_the_sigmoid_loss_for_three_seeds(tmp_path):
    runs = scale_trials()["preset"]["sigmoid"]
    assert runs.keys() == SEEDS
    assert all(run["seconds"] <= 120 for run in runs.values())
    card = shipped.FOLDERS["shapes"] / "README.md"
    text = card.read_text("utf-8")
    best = max(run["picture to caption, first of 500"] for run in runs.values())
    assert f" {best:.3f} |" in text.partition("<!-- sigmoid -->")[2]
    copy = tmp_path / "README.md"
    copy.write_text(text.replace(f" {best:.3f} |", " 7 |"), "utf-8")
    ship.write_sigmoid(copy)
    assert copy.read_text("utf-8") == text


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


def test_shards_take_no_more_memory_for_ten_times_the_pairs():
    table = loader_bench()
    assert {kind: list(runs) for kind, runs in table.items()} == {
        "folder": ["10000", "100000"], "shards": ["10000", "100000"],
    }  # fmt: skip
    few, many = table["shards"].values()
    assert many["MB"] < 1.1 * few["MB"] and many["seconds to open"] < 0.1


@pytest.mark.slow
def test_the_bench_of_loaders_reads_every_pair_of_what_it_makes(tmp_path, monkeypatch):
    monkeypatch.setattr(loaders, "PAIRS", 200)
    monkeypatch.setattr(loaders, "COPIES", 2)
    loaders.make(tmp_path)
    read = []
    for kind in (loaders.FolderBatches, loaders.ShardBatches):
        get = kind.__getitem__

        def counted(self, k, get=get):
            batch = get(self, k)
            read.append(len(batch[0]))
            return batch

        monkeypatch.setattr(kind, "__getitem__", counted)
    for name in ("folder", "shards"):
        for times in (1, 2):
            found = loaders.measure(name, tmp_path / name / str(times))
            assert sum(read) == 200 * times and found["pairs a second"] > 0
            read.clear()


def test_published_runs_are_29_on_open_data_and_openais_three_with_their_papers_accuracies():
    runs = clip_runs()
    ours = [run for run in runs if run["data"] == "WIT"]
    assert len(runs) == 32 == len({tuple(run.values()) for run in runs})
    # Radford et al. 2021, table 11
    found = {run["model"]: run["accuracy"] for run in ours}
    paper = {"ViT-B/32": 0.632, "ViT-B/16": 0.686, "ViT-L/14": 0.753}
    assert found == pytest.approx(paper, abs=0.005)
    for run in runs:
        assert run["data"] in ("WIT", "LAION-80M", "LAION-400M", "LAION-2B")
        assert 2e9 < run["pairs seen"] < 4e10 and 0.5 < run["accuracy"] < 0.8
