"""The loop learns, remembers what it did, and can be interrupted."""

import shutil
from dataclasses import replace
from math import log

import pytest
import torch
from torch.utils.data import Dataset

from clipbook.image import CNNConfig, Preprocessing, normalise
from clipbook.pairs import (
    CLIP,
    info_nce,
    load_model,
    sigmoid_loss,
    similarity,
    supervised_contrastive,
)
from clipbook.training import SceneBatches, TrainingConfig, objectives, processes, train
from clipbook.training import loop as module
from clipbook.training import step as step_module
from clipbook.training.data import Batch
from clipbook.training.milestones import snapshot
from clipbook.training.objectives import objective_of
from clipbook.training.optimisers import make_optimisers
from tests import tiny
from tests.plain import plain_python

CONFIG = TrainingConfig(
    steps=12, learning_rate=2e-3, warmup_steps=2, checkpoint_every=5, snapshots=4
)
RUNS = {
    "vit, muon": (tiny.VIT, "muon"),
    "vit, adamw": (tiny.VIT, "adamw"),
    "cnn, adamw": (tiny.CNN, "adamw"),
}


def run(model: CLIP, batches: Dataset | None = None, config: TrainingConfig = CONFIG, **choices):
    batches = batches if batches is not None else tiny.batches()
    return train(
        model, batches, config, device="cpu", **({"workers": 0, "progress": False} | choices)
    )


class Repeated(Dataset):
    """The same batch again and again."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __getitem__(self, k: int) -> Batch:
        return self.batch


class Interrupted(Dataset):
    """Batches until the power goes."""

    def __init__(self, last: int) -> None:
        self.batches, self.last = tiny.batches(), last

    def __getitem__(self, k: int) -> Batch:
        if k > self.last:
            raise KeyboardInterrupt
        return self.batches[k]

    def identity(self) -> dict[str, object]:
        return self.batches.identity()


def same_weights(first: CLIP, second: CLIP) -> bool:
    weights = second.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in first.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("image", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
def test_a_batch_can_be_learned_by_heart(image):
    batches = Repeated(tiny.batches(batch_size=12)[0])
    config = TrainingConfig(steps=120, warmup_steps=5, learning_rate=5e-3)
    loss = run(tiny.clip(image), batches, config).loss
    assert loss[0] > 0.7 * log(12)
    assert loss[-1] < 0.1


@pytest.mark.slow
def test_the_loss_goes_down_on_new_batches():
    config = TrainingConfig(steps=120, warmup_steps=5, learning_rate=5e-3)
    loss = run(tiny.clip(), tiny.batches(batch_size=16), config).loss
    assert sum(loss[-10:]) / 10 < sum(loss[:10]) / 10 - 0.3


def test_batches_of_another_size_than_the_models_are_refused():
    message = r"\(8, 24, 24, 3\), the model takes \(batch, 16, 16, 3\).*image_size=16"
    with pytest.raises(ValueError, match=message):
        run(tiny.clip(), SceneBatches(tiny.tokenizer(), 8, image_size=24))


@pytest.mark.parametrize("n", [2, 16])
def test_the_first_loss_is_log_n(n):
    model = tiny.clip(temperature=1e4)  # so high that all logits are nearly equal
    loss = run(model, tiny.batches(batch_size=n), replace(CONFIG, steps=1)).loss
    assert loss[0] == pytest.approx(log(n), abs=1e-3)


def test_the_loss_is_info_nce_of_the_batch():
    model, batches = tiny.clip(), tiny.batches()
    pictures, token_ids, mask = batches[0]
    with torch.no_grad():
        expected = info_nce(model.train()(normalise(pictures), token_ids, mask)).item()
    history = run(model, batches, replace(CONFIG, steps=1))
    assert history.loss == pytest.approx([expected], abs=1e-5)


def test_every_parameter_moves_and_the_model_ends_in_eval_mode():
    for image, optimiser in RUNS.values():
        model, before = tiny.clip(image), tiny.clip(image).state_dict()
        run(model, config=replace(CONFIG, optimiser=optimiser))
        # unused tokens and positions stay, but no parameter stays as a whole
        still = [k for k, value in model.named_parameters() if torch.equal(value, before[k])]
        assert still == []
        assert not model.training


def test_a_step_of_adamw_done_by_hand():
    model, hand, batches = tiny.clip(), tiny.clip(), tiny.batches()
    config = TrainingConfig(
        steps=1, warmup_steps=4, optimiser="adamw", learning_rate=1e-3, clip_norm=0.5
    )
    run(model, batches, config)
    pictures, token_ids, mask = batches[0]
    info_nce(hand.train()(normalise(pictures), token_ids, mask)).backward()
    norm = torch.stack([one.grad.norm() for one in hand.parameters()]).norm()
    assert norm > 0.5  # so that clipping is seen at work
    weight = hand.image_encoder.norm.weight  # no decay
    gradient = weight.grad * 0.5 / norm
    # in its first step Adam divides the gradient by its own size; a quarter of the rate, warming up
    expected = weight.detach() - 0.25e-3 * gradient / (gradient.abs() + 1e-6)
    torch.testing.assert_close(model.image_encoder.norm.weight, expected, atol=1e-7, rtol=1e-6)


def test_the_scale_never_passes_100():
    model = tiny.clip(temperature=0.0101)
    config = replace(CONFIG, steps=30, learning_rate=0.5, optimiser="adamw")
    history = run(model, Repeated(tiny.batches()[0]), config)
    assert max(history.scale) <= 100.0001
    assert model.scale.item() <= 100.0001


def test_the_history_has_an_entry_a_step():
    model = tiny.clip()
    history = run(model, example=tiny.batches(seed=9)[0])
    assert len(history.loss) == len(history.scale) == len(history.learning_rate) == 12
    assert history.scale[0] == pytest.approx(1 / 0.07)
    assert history.learning_rate[:2] == pytest.approx([1e-3, 2e-3])
    assert history.snapshot_steps == sorted(CONFIG.snapshot_steps)


def test_snapshots_are_similarity_matrices_of_the_example():
    model, example = tiny.clip(), tiny.batches(batch_size=5, seed=9)[0]

    def matrix() -> torch.Tensor:
        model.eval()
        with torch.no_grad():
            return similarity(
                model.encode_image(normalise(example[0])), model.encode_text(*example[1:])
            )

    before = matrix()
    history = run(model, example=example)
    for found, expected in ((history.snapshots[0], before), (history.snapshots[-1], matrix())):
        torch.testing.assert_close(torch.tensor(found), expected, atol=6e-5, rtol=0)
        assert all(len(repr(abs(cell))) <= len("0.1234") for row in found for cell in row)


@pytest.mark.parametrize("image", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
def test_looking_at_the_example_does_not_change_the_training(image):
    looked, blind = tiny.clip(image), tiny.clip(image)
    run(looked, example=tiny.batches(seed=9)[0])
    run(blind)
    assert same_weights(looked, blind)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("last", [2, 7])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, name, last):
    image, optimiser = RUNS[name]
    config, example = replace(CONFIG, optimiser=optimiser), tiny.batches(seed=9)[0]
    whole = tiny.clip(image)
    history = run(whole, config=config, example=example)
    with pytest.raises(KeyboardInterrupt):
        run(tiny.clip(image), Interrupted(last), config, example=example, folder=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == (
        [] if last == 2 else ["checkpoint-00000005"]
    )
    resumed = tiny.clip(image)
    assert run(resumed, config=config, example=example, folder=tmp_path) == history
    assert same_weights(resumed, whole)


def test_a_finished_run_is_not_run_again(tmp_path):
    first, second = tiny.clip(), tiny.clip()
    history = run(first, folder=tmp_path)
    assert run(second, Interrupted(-1), folder=tmp_path) == history
    assert same_weights(first, second)
    assert not second.training


def test_a_worker_makes_the_same_batches():
    alone, helped = tiny.clip(), tiny.clip()
    config = replace(CONFIG, steps=4)
    assert run(alone, config=config) == run(helped, config=config, workers=1)
    assert same_weights(alone, helped)


def test_a_batch_of_one_trains():
    for image in (tiny.VIT, tiny.CNN):
        model = tiny.clip(image)
        history = run(model, tiny.batches(batch_size=1), replace(CONFIG, steps=3))
        assert history.loss == [0, 0, 0]
        assert all(value.isfinite().all() for value in model.state_dict().values())


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    run(tiny.clip(), config=replace(CONFIG, steps=2))
    assert torch.equal(torch.rand(1), expected)


def test_the_bar_can_be_shown_or_not(capsys):
    run(tiny.clip(), config=replace(CONFIG, steps=2))
    assert capsys.readouterr() == ("", "")
    run(tiny.clip(), config=replace(CONFIG, steps=2), progress=True)
    assert "2/2" in capsys.readouterr().err
    train(tiny.clip(), tiny.batches(), replace(CONFIG, steps=2), device="cpu", workers=0)
    assert "2/2" in capsys.readouterr().err  # unless told otherwise


def test_an_empty_name_is_no_folder_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tiny.clip(), config=replace(CONFIG, steps=2), folder="")
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-00000002"]


@pytest.mark.parametrize("wrong", ["hole", "id", "shape"])
@pytest.mark.parametrize("where", ["batch", "example"])
def test_texts_that_no_encoder_reads_rightly_are_refused_where_the_batch_is_made(wrong, where):
    pictures, token_ids, mask = tiny.batches()[0]
    mask, token_ids = mask.clone(), token_ids.clone()
    if wrong == "hole":
        mask[2, 1] = False
    elif wrong == "id":
        token_ids[2, 1] = 330
    else:
        mask = mask[:, :-1]
    odd, good = (pictures, token_ids, mask), tiny.batches()[0]
    message = r"mask\[2\] has padding|don't fit vocab|mask has the shape"
    with plain_python(), pytest.raises(ValueError, match=message) as caught:
        run(tiny.clip(), Repeated(odd if where == "batch" else good),
            example=odd if where == "example" else None)  # fmt: skip
    assert any("prepare" in entry.name for entry in caught.traceback)


@pytest.mark.parametrize("image", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
def test_a_gpu_never_waits_within_a_step(image):
    """Tensors on "meta" have no values: whatever would wait for one raises there."""
    model = tiny.clip(image).to("meta")
    pictures, token_ids, mask = (part.to("meta") for part in tiny.batches()[0])
    true = torch.ones(len(pictures), len(pictures), dtype=torch.bool, device="meta")
    objectives.contrastive_step(
        model, normalise(pictures), token_ids, mask, None, true, alignment=1.0
    ).backward()
    objectives.contrastive_step(model, normalise(pictures), token_ids, mask, None).backward()
    assert torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).shape == ()


def test_pictures_of_one_thing_are_compared_on_request_in_training_too():
    pictures, token_ids, mask = tiny.batches(4)[0]
    true = torch.eye(2, dtype=torch.bool).repeat_interleave(2, 0).repeat_interleave(2, 1)
    model = tiny.clip()
    pixels = normalise(pictures)
    images = model.encode_image(pixels)
    extra = supervised_contrastive(model.scale * images @ images.T, true)
    assert extra > 0
    costs = [
        objective_of(model, TrainingConfig(among_pictures=weight)).cost(
            model, None, pixels, token_ids, mask, true
        )
        for weight in (0.0, 0.5)
    ]
    torch.testing.assert_close(costs[1], costs[0] + extra / 2)
    one_way = true.clone()
    one_way[0, 2] = True  # that text is true of picture 0, and not the other way round
    both = [
        objectives.contrastive_step(model, pixels, token_ids, mask, None, one_way, among_pictures=w)
        for w in (0.0, 1.0)
    ]
    torch.testing.assert_close(both[1] - both[0], extra)


@pytest.mark.parametrize("labelled", [False, True])
def test_alignment_is_added_on_request(labelled):
    pictures, token_ids, mask = tiny.batches(4)[0]
    true = torch.eye(2, dtype=torch.bool).repeat_interleave(2, 0).repeat_interleave(2, 1)
    true = true if labelled else torch.eye(4, dtype=torch.bool)
    model, pixels = tiny.clip(), normalise(pictures)
    images, texts = model.encode_image(pixels), model.encode_text(token_ids, mask)
    apart = (torch.cdist(images, texts) ** 2)[true].mean()
    costs = [
        objective_of(model, TrainingConfig(alignment=weight)).cost(
            model, None, pixels, token_ids, mask, *([true] if labelled else [])
        )
        for weight in (0.0, 3.0)
    ]
    torch.testing.assert_close(costs[1], costs[0] + 3 * apart)


def test_a_loss_of_another_name_is_refused_in_a_step_too():
    model, (pictures, token_ids, mask) = tiny.clip(), tiny.batches()[0]
    for loss, said in (("info_nce", "loss='info_nce'.* infonce"), ("sigmoid", "has no bias")):
        with plain_python(), pytest.raises(ValueError, match=said):
            objectives.contrastive_step(
                model, normalise(pictures), token_ids, mask, None, loss=loss
            )


def test_pictures_cannot_be_compared_where_nobody_says_which_are_the_same(monkeypatch):
    config = TrainingConfig(steps=1, warmup_steps=0, among_pictures=0.5)
    with pytest.raises(ValueError, match="among_pictures=0.5, but a batch does not say which"):
        train(tiny.clip(), tiny.batches(), config, device="cpu", workers=0, progress=False)
    monkeypatch.setattr(processes, "count", lambda: 2)
    for name in ("among_pictures", "alignment"):
        with pytest.raises(ValueError, match=f"{name}=0.5 for 2 processes: it is for a CLIP"):
            objective_of(tiny.clip(), TrainingConfig(**{name: 0.5}))


def test_columns_of_padding_are_left_out_before_the_batch_goes_to_the_device():
    token_ids, mask = tiny.tokenizer().batch(["a star", "a red ring"])
    longest = len(tiny.tokenizer().encode("a red ring")) + 2
    pictures = tiny.batches(2)[0][0]
    _, fewer, their_mask = objectives.prepare(tiny.clip(), (pictures, token_ids, mask))
    assert torch.equal(fewer, token_ids[:, :longest])
    assert torch.equal(their_mask, mask[:, :longest])


def test_a_gpu_is_used_where_there_is_one(monkeypatch):
    for present, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert module.best_device().type == expected


def test_an_evaluation_is_called_in_eval_mode_when_due_and_changes_nothing():
    plain, looked = tiny.clip(tiny.CNN), tiny.clip(tiny.CNN)
    seen = []

    def evaluate(model):
        seen.append((model.training, torch.is_grad_enabled()))
        model.image_encoder(torch.zeros(2, 3, 16, 16))  # would move the batch norm's statistics
        return {"calls": len(seen)}

    run(plain)
    history = run(looked, evaluate=evaluate, evaluate_at=(0, 2, CONFIG.steps))
    assert seen == [(False, False)] * 3
    assert history.evaluation_steps == [0, 2, CONFIG.steps]
    assert history.evaluations == [{"calls": 1}, {"calls": 2}, {"calls": 3}]
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, looked.state_dict()[name]), name


def test_a_run_that_was_stopped_evaluates_no_step_twice(tmp_path):
    config = replace(CONFIG, checkpoint_every=1)
    calls = []
    options = {"evaluate": lambda model: calls.append(1) or {"n": 1}, "evaluate_at": (0, 1, 2)}
    with pytest.raises(KeyboardInterrupt):
        run(tiny.clip(), Interrupted(2), config, folder=tmp_path, **options)
    done = len(calls)
    history = run(tiny.clip(), config=config, folder=tmp_path, **options)
    assert history.evaluation_steps == [0, 1, 2]
    assert len(calls) == 3 and done < 4


def test_steps_are_made_in_the_precision_that_the_device_has_for_the_one_asked_for(monkeypatch):
    asked, used, plain = [], [], module.train_step

    def noting(model, optimisers, scaler, batch, config, half, objective):
        used.append(half)
        return plain(model, optimisers, scaler, batch, config, None, objective)

    def of_device(device, precision):
        asked.append((device.type, precision))
        return torch.bfloat16

    monkeypatch.setattr(module, "half_precision", of_device)
    monkeypatch.setattr(module, "train_step", noting)
    run(tiny.clip(), config=replace(CONFIG, steps=2, precision="half"))
    assert asked == [("cpu", "half")] and used == [torch.bfloat16] * 2


def test_weights_are_kept_on_request_and_outlive_the_checkpoints(tmp_path):
    model, folder = tiny.clip(), tmp_path / "runs" / "first"
    first = {name: weight.clone() for name, weight in model.state_dict().items()}
    run(
        model,
        config=replace(CONFIG, checkpoint_every=1),
        folder=folder,
        keep_at=(0, 1, CONFIG.steps),
    )
    kept = sorted(folder.glob("weights-*"))
    assert [path.name for path in kept] == [
        f"weights-{step:08d}.safetensors" for step in (0, 1, CONFIG.steps)
    ]
    for name, weight in load_model(kept[0]).state_dict().items():
        assert torch.equal(weight, first[name])
    for name, weight in load_model(kept[-1]).state_dict().items():
        assert torch.equal(weight, model.state_dict()[name])


def with_bias(seed: int = 0) -> CLIP:
    config = replace(tiny.clip().config, initial_temperature=0.1, initial_bias=-10.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(config)


def test_with_the_sigmoid_loss_the_loop_reports_it_and_moves_the_bias():
    model = with_bias()
    pictures, token_ids, mask = tiny.batches()[0]
    with torch.no_grad():
        expected = sigmoid_loss(model.train()(normalise(pictures), token_ids, mask)).item()
    history = run(model, config=replace(CONFIG, loss="sigmoid"))
    assert history.loss[0] == pytest.approx(expected, abs=1e-5)
    assert model.bias is not None and model.bias.item() > -10
    assert history.loss[-1] < history.loss[0]


def test_the_sigmoid_loss_of_a_model_without_a_bias_is_refused():
    with pytest.raises(ValueError, match="loss='sigmoid', but the model has no bias.*try CLIPC"):
        run(tiny.clip(), config=replace(CONFIG, loss="sigmoid"))


def test_a_run_with_another_loss_is_another_run(tmp_path):
    run(with_bias(), folder=tmp_path)
    with pytest.raises(ValueError, match="training.loss='infonce', not 'sigmoid'"):
        run(with_bias(), config=replace(CONFIG, loss="sigmoid"), folder=tmp_path)


def test_steps_without_what_they_need_are_refused():
    with pytest.raises(ValueError, match="keep_at=.*no folder.*give one"):
        run(tiny.clip(), keep_at=(1,))
    with pytest.raises(ValueError, match="evaluate_at=.*nothing to evaluate; try evaluate="):
        run(tiny.clip(), evaluate_at=(1,))


@pytest.mark.parametrize("name", ["keep_at", "evaluate_at"])
def test_steps_that_a_run_has_passed_without_keeping_anything_are_refused(tmp_path, name):
    config = replace(CONFIG, checkpoint_every=3)
    options = {"folder": tmp_path, "evaluate": lambda model: {"n": 1.0}}
    with pytest.raises(KeyboardInterrupt):
        run(tiny.clip(), Interrupted(6), config, **options, **{name: (1, 2)})
    model = tiny.clip()
    said = rf"^{name}=\[0, 5\], but the run goes on from step 6; begin in another folder, or leave"
    with pytest.raises(ValueError, match=said):
        run(model, config=config, **options, **{name: (0, 1, 5, 6, 7)})
    assert same_weights(model, tiny.clip()) and model.training
    history = run(model, config=config, **options, **{name: (1, 2, 6, 7)})
    found = [int(path.stem[8:]) for path in sorted(tmp_path.glob("weights-*"))]
    assert (found if name == "keep_at" else history.evaluation_steps) == [1, 2, 6, 7]


@pytest.mark.parametrize(
    ("parts", "said"),
    [((0, 1), "a batch of 2 parts; a CLIP takes"), ((0, 1, 2, 2, 2), "a batch of 5 parts; a CLIP")],
)
def test_a_batch_of_other_parts_is_refused_and_the_model_left_in_eval_mode(parts, said):
    batch, model = tiny.batches()[0], tiny.clip()
    other = tuple(batch[k] for k in parts)
    with plain_python(), pytest.raises(ValueError, match=said):
        run(model, Repeated(other))
    assert not model.training
    with plain_python(), pytest.raises(ValueError, match=said):
        run(tiny.clip(), example=other)


def test_what_is_no_config_a_frozen_model_and_no_device_are_refused():
    with plain_python(), pytest.raises(ValueError, match="config=None is no TrainingConfig; try T"):
        run(tiny.clip(), config=None)
    with pytest.raises(ValueError, match=r"no weight .* try model\.requires_grad_\(True\)"):
        run(tiny.clip().requires_grad_(False))
    with pytest.raises(ValueError, match="device='gpu' is none that PyTorch can use"):
        train(tiny.clip(), tiny.batches(), CONFIG, device="gpu")


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_encoders_compute_in_the_half_precision_asked_for_and_the_loss_in_float32(
    monkeypatch, half
):
    model, seen = tiny.clip(), []
    for encoder in (model.image_encoder, model.text_encoder):
        encoder.register_forward_hook(lambda encoder, given, rows: seen.append(rows.dtype))
    look = lambda grid, true: seen.append(grid.dtype) or info_nce(grid, true)  # noqa: E731
    monkeypatch.setitem(objectives.LOSSES, "infonce", look)
    config = replace(CONFIG, optimiser="adamw")
    optimisers, scaler = make_optimisers(model, config), torch.amp.GradScaler(enabled=False)
    batch, objective = tiny.batches()[0], objectives.objective_of(model, config)
    step_module.train_step(model, optimisers, scaler, batch, config, half, objective)
    assert seen == [half, half, torch.float32]


def test_pictures_are_normalised_as_the_model_wants_them():
    """In a step and in a snapshot: other means and deviations give another loss and matrix."""
    config = tiny.clip().config
    halves = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    pictures, token_ids, mask = tiny.batches()[0]
    runs = []
    for preprocessing in (config.preprocessing, halves):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = CLIP(replace(config, preprocessing=preprocessing))
        model.eval()
        grid = similarity(
            model.encode_image(normalise(pictures, preprocessing)),
            model.encode_text(token_ids, mask),
        )
        assert torch.allclose(
            torch.tensor(snapshot(model, (pictures, token_ids, mask))), grid, atol=1e-4
        )
        runs.append(run(model, config=replace(CONFIG, steps=1)).loss[0])
    assert abs(runs[0] - runs[1]) > 1e-3


@pytest.mark.parametrize("name", ["evaluate_at", "keep_at"])
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (5, r"=5 is no list of steps; try \[5\]"),
        ([0, 13], r"\[1\]=13 is not a whole number from 0 to 12; try 12"),
        ([-1], r"\[0\]=-1 is not"),
        ([1.5], r"\[0\]=1.5 is not"),
        ([True], r"\[0\]=True is not"),
    ],
)
def test_steps_that_the_run_has_not_are_refused(tmp_path, name, steps, said):
    choices = {name: steps, "folder": tmp_path, "evaluate": lambda model: {}}
    with plain_python(), pytest.raises(ValueError, match=name + said):
        run(tiny.clip(), **choices)


def test_steps_may_come_from_any_iterable(tmp_path):
    config = replace(CONFIG, steps=2)
    with plain_python():
        history = run(
            tiny.clip(), config=config, folder=tmp_path, keep_at=iter([0, 2]),
            evaluate=lambda model: {"one": 1.0}, evaluate_at=torch.tensor([0, 2]).numpy(),
        )  # fmt: skip
    assert history.evaluation_steps == [0, 2]
    assert len(list(tmp_path.glob("weights-*"))) == 2


def test_too_few_batches_are_refused_before_the_first_step(tmp_path):
    batches = [tiny.batches()[k] for k in range(11)]
    with pytest.raises(ValueError, match="11 batches for steps=12, each of which takes one"):
        run(tiny.clip(), batches, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_for_a_folder_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "run").write_text("")
    for place in ("run", "run/inside"):
        with pytest.raises(ValueError, match=r"folder=.*run is a file; give another folder"):
            run(tiny.clip(), folder=tmp_path / place)


@pytest.mark.parametrize("workers", [-1, 1.5, True])
def test_a_number_of_workers_that_makes_no_sense_is_refused(workers):
    with plain_python(), pytest.raises(ValueError, match=r"workers=.* is not a whole number"):
        run(tiny.clip(), workers=workers)


def test_pictures_that_are_no_levels_are_refused():
    pictures, *text = tiny.batches()[0]
    with plain_python(), pytest.raises(ValueError, match=r"of torch.float32; give levels 0 to 255"):
        run(tiny.clip(), Repeated((pictures / 255, *text)))


def test_a_frozen_batch_norm_keeps_its_statistics():
    model = tiny.clip(CNNConfig(16, widths=(4, 8), embed_dim=8))
    model.image_encoder.requires_grad_(False)
    before = {k: v.clone() for k, v in model.image_encoder.state_dict().items()}
    run(model)
    for name, value in model.image_encoder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_another_runs_kept_weights_are_not_overwritten(tmp_path):
    run(tiny.clip(seed=1), folder=tmp_path, keep_at=(0,))
    kept = tmp_path / "weights-00000000.safetensors"
    before = kept.read_bytes()
    for path in tmp_path.iterdir():  # as if it had been killed before its first checkpoint
        if path != kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ValueError, match="other weights, of another run; give another folder"):
        run(tiny.clip(seed=2), folder=tmp_path, keep_at=(0,))
    assert kept.read_bytes() == before
    run(tiny.clip(seed=1), folder=tmp_path, keep_at=(0,))  # the same may begin again


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_that_were_left_on_a_model_are_no_part_of_the_run(frozen):
    ends = []
    for left in (False, True):
        model = tiny.clip()
        model.image_encoder.requires_grad_(not frozen)
        if left:
            for weight in model.parameters():
                weight.grad = torch.ones_like(weight)
        before = [weight.clone() for weight in model.image_encoder.parameters()]
        run(model, config=replace(CONFIG, steps=2))
        after = model.image_encoder.parameters()
        assert frozen == all(map(torch.equal, before, after))
        ends.append(model)
    assert same_weights(*ends)


def test_batches_that_can_be_had_in_order_alone_are_refused():
    with (
        plain_python(),
        pytest.raises(ValueError, match=r"can't be asked for batches\[k\].*; try list\(batches\)"),
    ):
        run(tiny.clip(), (tiny.batches()[k] for k in range(9)))


@pytest.mark.parametrize("evaluate", [5, 0, "accuracy"])
def test_what_cannot_be_called_evaluates_nothing_and_is_refused_before_the_first_step(evaluate):
    with (
        plain_python(),
        pytest.raises(ValueError, match=r"evaluate=.* can't be called with the model; give a fun"),
    ):
        run(tiny.clip(), evaluate=evaluate, evaluate_at=[1])


@pytest.mark.parametrize("measured", [None, 0.5, {"a": "x"}, {"a": torch.ones(2)}])
def test_what_are_no_numbers_by_name_is_refused(measured):
    with pytest.raises(ValueError, match="^evaluate returned .*, and numbers by name are needed"):
        run(tiny.clip(), evaluate=lambda _: measured, evaluate_at=[0])
