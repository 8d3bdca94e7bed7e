"""Half precision, and numbers that are none: all optimisers step, or none does."""

from dataclasses import replace
from math import inf, isfinite, nan

import pytest
import torch
from torch.utils.data import Dataset

from clipbook.image import normalise
from clipbook.pairs import CLIP
from clipbook.training import TrainingConfig, objectives, train
from clipbook.training import loop as module
from clipbook.training.loop import half_precision
from tests import tiny

CONFIG = TrainingConfig(
    steps=6, learning_rate=2e-3, warmup_steps=1, checkpoint_every=2, snapshots=0
)
MATRIX = "text_encoder.blocks.0.mlp.0.weight"  # that Muon updates
GAIN = "image_encoder.norm.weight"  # that AdamW updates
RUNS = {
    "vit, muon": (tiny.VIT, "muon"),
    "vit, adamw": (tiny.VIT, "adamw"),
    "cnn, adamw": (tiny.CNN, "adamw"),
}


def run(model: CLIP, config: TrainingConfig = CONFIG, batches: Dataset | None = None, **choices):
    fixed = {"device": "cpu", "workers": 0, "progress": False}
    return train(model, batches or tiny.batches(), config, **(fixed | choices))


def weights(model: CLIP) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def spoil(model: CLIP, name: str, value: float, at: tuple[int, ...]) -> CLIP:
    """Let one entry of one gradient be no finite number, at the steps given."""
    calls = iter(range(10_000))

    def hook(gradient: torch.Tensor) -> torch.Tensor:
        if next(calls) in at:
            gradient = gradient.clone()
            gradient.view(-1)[0] = value
        return gradient

    model.get_parameter(name).register_hook(hook)
    return model


class Ending(Dataset):
    """Batches until the power goes."""

    def __init__(self, last: int) -> None:
        self.batches, self.last = tiny.batches(), last

    def __getitem__(self, k: int):
        if k == self.last:
            raise KeyboardInterrupt
        return self.batches[k]

    def identity(self):
        return self.batches.identity()


@pytest.fixture
def float16(monkeypatch):
    """As on a T4; a CPU computes in float16 too, only slowly."""
    monkeypatch.setattr(module, "half_precision", lambda device, precision: torch.float16)


@pytest.mark.slow
@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("name", [MATRIX, GAIN, "log_scale"])
def test_in_float16_all_optimisers_step_or_none(float16, name, value):
    before, spoiled, sound = tiny.clip(), spoil(tiny.clip(), name, value, at=(3,)), tiny.clip()
    for model, last in ((before, 3), (spoiled, 4), (sound, 4)):
        with pytest.raises(KeyboardInterrupt):
            run(model, batches=Ending(last))
    assert not same(weights(sound), weights(before))  # so that there was a step to leave out
    assert same(weights(spoiled), weights(before))


@pytest.mark.parametrize("name", [MATRIX, GAIN])
def test_after_a_step_left_out_the_next_ones_train(float16, name):
    model = spoil(tiny.clip(), name, inf, at=(2,))
    run(model)
    assert all(value.isfinite().all() for value in weights(model).values())
    assert not same(weights(model), weights(tiny.clip()))


def test_the_scaler_halves_after_a_step_left_out_and_is_part_of_a_checkpoint(
    float16, tmp_path, monkeypatch
):
    scales = []
    scale = torch.amp.GradScaler.scale

    def noting(self, loss):
        scales.append(self.get_scale())
        return scale(self, loss)

    monkeypatch.setattr(torch.amp.GradScaler, "scale", noting)
    whole = spoil(tiny.clip(), MATRIX, inf, at=(2, 3))
    history, of_the_whole = run(whole), list(scales)
    assert of_the_whole[2:5] == [scales[2], scales[2] / 2, scales[2] / 4]
    assert scales[4] < 65_536  # which is what a new scaler would begin with
    with pytest.raises(KeyboardInterrupt):
        run(spoil(tiny.clip(), MATRIX, inf, at=(2, 3)), batches=Ending(5), folder=tmp_path)
    scales.clear()
    resumed = tiny.clip()
    assert run(resumed, folder=tmp_path) == history
    assert scales == of_the_whole[4:]
    assert same(weights(resumed), weights(whole))


def test_a_run_in_float16_that_never_steps_again_ends_with_an_error(float16):
    model = spoil(tiny.clip(), GAIN, nan, at=tuple(range(3, 1_000)))
    with pytest.raises(FloatingPointError, match=r"^step 1\d: .*norm nan"):  # 65,536 = 2 to the 16
        run(model, replace(CONFIG, steps=1_000))
    assert all(value.isfinite().all() for value in weights(model).values())


@pytest.mark.slow
@pytest.mark.parametrize("value", [nan, inf])
@pytest.mark.parametrize("name", [MATRIX, GAIN])
@pytest.mark.parametrize("half", [None, torch.bfloat16])
def test_elsewhere_a_gradient_that_is_no_number_ends_the_run_and_spares_the_weights(
    monkeypatch, tmp_path, name, value, half
):
    monkeypatch.setattr(module, "half_precision", lambda device, precision: half)
    model = spoil(tiny.clip(), name, value, at=(3,))
    message = r"^step 3: the loss is \d.* norm (nan|inf).*batches\[3\].*below 0\.002"
    with pytest.raises(FloatingPointError, match=message):
        run(model, folder=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-00000002"]
    until = tiny.clip()
    with pytest.raises(KeyboardInterrupt):
        run(until, batches=Ending(3))
    assert same(weights(model), weights(until))


@pytest.mark.parametrize("image", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
def test_a_loss_that_is_no_number_ends_the_run(monkeypatch, image):
    monkeypatch.setattr(module, "normalise", lambda *given: normalise(*given) * nan)
    model = tiny.clip(image)
    with pytest.raises(FloatingPointError, match="^step 0: the loss is nan"):
        run(model)
    assert same(dict(model.named_parameters()), dict(tiny.clip(image).named_parameters()))


def test_a_rate_far_too_large_ends_with_the_error_and_not_in_weights_that_are_no_numbers():
    model = tiny.clip()
    config = TrainingConfig(steps=40, learning_rate=1e30, warmup_steps=0, snapshots=0)
    with pytest.raises(FloatingPointError, match=r"try a learning_rate below 1e\+30"):
        run(model, config)


@pytest.mark.parametrize(
    ("device", "capability", "precision", "expected"),
    [
        ("cuda", (7, 5), "half", torch.float16),  # a T4
        ("cuda", (7, 0), "half", torch.float16),
        ("cuda", (8, 0), "half", torch.bfloat16),  # an A100
        ("cuda", (9, 0), "half", torch.bfloat16),
        ("cuda", (9, 0), "float32", None),
        ("cpu", None, "half", None),
    ],
)
def test_half_precision_is_what_the_device_computes_in(
    monkeypatch, device, capability, precision, expected
):
    known = {torch.device(device): capability}  # and no device but the one that is asked about
    monkeypatch.setattr(torch.cuda, "get_device_capability", known.__getitem__)
    assert half_precision(torch.device(device), precision) is expected


def test_in_half_precision_the_loss_is_still_computed_in_float32():
    model = tiny.clip().train()
    pictures, token_ids, mask = tiny.batches()[0]
    args = model, normalise(pictures), token_ids, mask
    whole, half = (objectives.contrastive_step(*args, kind) for kind in (None, torch.bfloat16))
    assert half.dtype == torch.float32
    assert half.item() != whole.item()
    assert half.item() == pytest.approx(whole.item(), abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_float16_trains_with_a_scaled_loss(float16, name, monkeypatch):
    image, optimiser = RUNS[name]
    scaled = []
    scale = torch.amp.GradScaler.scale
    monkeypatch.setattr(
        torch.amp.GradScaler, "scale", lambda self, loss: scaled.append(1) or scale(self, loss)
    )
    config = replace(CONFIG, steps=60, optimiser=optimiser, learning_rate=5e-3, warmup_steps=5)
    loss = run(tiny.clip(image), config, tiny.batches(16)).loss
    assert len(scaled) == 60
    assert all(map(isfinite, loss))
    assert sum(loss[-5:]) < 0.85 * sum(loss[:5])
