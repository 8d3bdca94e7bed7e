"""Gradient caching gives the gradients of the whole batch, whatever the parts."""

from dataclasses import replace

import pytest
import torch

from clipbook.image import normalise
from clipbook.language import DecoderConfig, PaliGemma, PaliGemmaConfig
from clipbook.pairs import CLIP
from clipbook.training import TrainingConfig, cached_backward, contrastive_step, processes, train
from clipbook.training.config import LOSSES
from clipbook.training.objectives import ANSWERING, objective_of
from tests import tiny


def fresh(loss: str, image=tiny.VIT) -> CLIP:
    config = tiny.clip(image).config
    if loss == "sigmoid":
        config = replace(config, initial_temperature=0.1, initial_bias=-10.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CLIP(config).double()


def batch():
    pictures, token_ids, mask = tiny.batches(10)[0]
    return normalise(pictures).double(), token_ids, mask


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
@pytest.mark.parametrize("part", [1, 4, 10, 64])
def test_loss_and_gradients_are_those_of_the_whole_batch(loss, part):
    model, whole = fresh(loss), fresh(loss)
    value = cached_backward(model, *batch(), part, loss)
    pixels, token_ids, mask = batch()
    grid = whole.scaled(whole.encode_image(pixels) @ whole.encode_text(token_ids, mask).T)
    expected = LOSSES[loss](grid)
    expected.backward()
    torch.testing.assert_close(value, expected.detach(), atol=1e-9, rtol=1e-9)
    for (name, ours), theirs in zip(model.named_parameters(), whole.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None, name
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-9, rtol=1e-6)


def test_gradients_are_added_to_those_that_are_there():
    once, twice = fresh("infonce"), fresh("infonce")
    cached_backward(once, *batch(), 4)
    for _ in range(2):
        cached_backward(twice, *batch(), 4)
    for ours, theirs in zip(once.parameters(), twice.parameters(), strict=True):
        torch.testing.assert_close(2 * ours.grad, theirs.grad)


def test_the_encoders_never_see_more_than_a_part():
    model, seen = fresh("infonce"), []
    for encoder in (model.image_encoder, model.text_encoder):
        encoder.register_forward_hook(lambda encoder, given, rows: seen.append(len(rows)))
    cached_backward(model, *batch(), 3)
    assert max(seen) == 3 and len(seen) == 2 * 2 * 4


def test_a_batch_norm_that_would_see_a_part_is_refused_and_in_eval_mode_is_not():
    model = fresh("infonce", tiny.CNN)
    with pytest.raises(ValueError, match="is a batch norm, which sees a part of the batch"):
        cached_backward(model, *batch(), 4)
    assert cached_backward(model.eval(), *batch(), 4).isfinite()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="part=0 is not a whole number from 1 .*try 64$"):
        cached_backward(fresh("infonce"), *batch(), 0)
    with pytest.raises(ValueError, match="loss='none'; try infonce or sigmoid"):
        cached_backward(fresh("infonce"), *batch(), 4, "none")
    with pytest.raises(ValueError, match="no bias; try initial_bias"):
        cached_backward(fresh("infonce"), *batch(), 4, "sigmoid")


def test_a_step_of_the_loop_has_the_same_loss():
    model = tiny.clip()
    pictures, token_ids, mask = tiny.batches()[0]
    pixels = normalise(pictures)
    step = contrastive_step(model, pixels, token_ids, mask, None)
    torch.testing.assert_close(cached_backward(model, pixels, token_ids, mask, 3), step.detach())


CONFIG = TrainingConfig(steps=4, optimiser="adamw", warmup_steps=1, snapshots=0)


@pytest.mark.parametrize("loss", ["infonce", "sigmoid"])
def test_a_run_in_micro_batches_has_the_losses_and_the_weights_of_the_plain_one(loss):
    found = []
    for micro_batch in (None, 3):
        model = fresh(loss).float()
        config = replace(CONFIG, loss=loss, micro_batch=micro_batch)
        history = train(model, tiny.batches(8), config, device="cpu", workers=0, progress=False)
        found.append((history.loss, model.state_dict()))
    (plain, weights), (parts, same) = found
    assert parts == pytest.approx(plain, rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(same[name], value, atol=2e-4, rtol=1e-3)


def test_what_micro_batches_cannot_do_is_refused_by_name(monkeypatch):
    with pytest.raises(
        ValueError, match="micro_batch=0 is not a whole number from 1 to .*; try 64"
    ):
        replace(CONFIG, micro_batch=0)
    with pytest.raises(ValueError, match="micro_batch=2 and precision='half': gradient caching"):
        replace(CONFIG, micro_batch=2, precision="half")
    for name in ("among_pictures", "alignment"):
        with pytest.raises(ValueError, match=f"micro_batch=2 and {name}=0.5: gradient caching"):
            replace(CONFIG, micro_batch=2, **{name: 0.5})
    config = replace(CONFIG, micro_batch=2)
    pictures, token_ids, mask = tiny.batches(4)[0]
    labelled = [(pictures, token_ids, mask, torch.eye(4, dtype=torch.bool))] * CONFIG.steps
    with pytest.raises(
        ValueError, match="micro_batch=2, and a batch that says which texts are true"
    ):
        train(tiny.clip(), labelled, config, device="cpu", workers=0, progress=False)
    with pytest.raises(ValueError, match="is a batch norm, which sees a part of the batch"):
        train(tiny.clip(tiny.CNN), tiny.batches(4), config, device="cpu", workers=0, progress=False)
    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(ValueError, match="micro_batch=2 for 2 processes: it is for a CLIP in one"):
        objective_of(tiny.clip(), config)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="^micro_batch=2 for a PaliGemma: it is for a CLIP in one"):
        objective_of(paligemma(), config)


def test_several_processes_cannot_train_a_paligemma(monkeypatch):
    assert objective_of(paligemma(), CONFIG) is ANSWERING
    monkeypatch.setattr(processes, "count", lambda: 2)
    with pytest.raises(ValueError, match="^2 processes for a PaliGemma, .* without torchrun$"):
        objective_of(paligemma(), CONFIG)


def paligemma() -> PaliGemma:
    decoder = DecoderConfig(30, 16, 1, heads=2, kv_heads=1, head_dim=8, mlp_width=16)
    return PaliGemma(
        PaliGemmaConfig(replace(tiny.VIT, projection=False, embed_dim=16), decoder, "block 1")
    )


@pytest.mark.parametrize("frozen", ["image_encoder", "text_encoder"])
def test_an_encoder_whose_weights_stay_needs_no_gradient(frozen):
    model, whole = fresh("infonce"), fresh("infonce")
    for one in (model, whole):
        getattr(one, frozen).requires_grad_(False)
    cached_backward(model, *batch(), 4)
    pixels, token_ids, mask = batch()
    LOSSES["infonce"](whole(pixels, token_ids, mask)).backward()
    for (name, ours), theirs in zip(model.named_parameters(), whole.parameters(), strict=True):
        assert (ours.grad is None) == name.startswith(frozen), name
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-9, rtol=1e-6)


def test_another_number_of_texts_than_pictures_is_refused():
    model, (pictures, token_ids, mask) = tiny.clip(), tiny.batches()[0]
    with pytest.raises(ValueError, match="8 pictures, 4 texts and a mask of 4; give as many"):
        cached_backward(model, normalise(pictures), token_ids[:4], mask[:4], 2)
