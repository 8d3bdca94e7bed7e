"""The measures on the model card: a model that knows nothing, and one that knows everything."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize

from clipbook.evaluation import scenes as module
from clipbook.evaluation.scenes import combination_names, evaluate_scenes
from clipbook.image.preprocessing import MEAN, STD
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.scenes import COLOURS, SHAPES, Object, Scene
from clipbook.scenes.world import SIZES
from tests import tiny
from tests.scenes.reader import Said, lies, read

SPLITS = ("seen", "never seen")
KEYS = {
    *(f"{what}, {split}" for what in ("colour and shape", "colour", "shape") for split in SPLITS),
    "picture to caption, first of 500",
    "caption to picture, first of 500",
    "beats its twin, colours exchanged",
    "beats its twin, relation turned",
}


def one_hot(thing: Said | Object) -> list[float]:
    values = ((thing.colour, COLOURS), (thing.shape, SHAPES), (thing.size, SIZES))
    return [float(name == value) for value, names in values for name in names]


def meaning(things: list, relation: str | None) -> torch.Tensor:
    """Objects from left to right, or from top to bottom, and which of the two."""
    if relation in ("right of", "below"):
        things = things[::-1]
    down = [float(relation in ("above", "below")), float(relation in ("left of", "right of"))]
    slots = [value for thing in things for value in one_hot(thing)]
    slots += [0.0] * (2 * 18 - len(slots))
    return normalize(torch.tensor(slots + down), dim=0)


class Oracle(CLIP):
    """Reads the number of the scene from the picture, and the caption as a person would."""

    shown: list[Scene]
    blind_to: str | None = None  # an attribute of single objects, always seen as the first there is

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        levels = (pixels[:, :, 0, 0] * torch.tensor(STD) + torch.tensor(MEAN)) * 255
        numbers = levels.round().int() @ torch.tensor([1, 256, 65_536], dtype=torch.int32)
        rows = []
        for number in numbers.tolist():
            things = self.shown[number].objects
            if self.blind_to and len(things) == 1:
                first = {"colour": COLOURS[0], "shape": SHAPES[0]}[self.blind_to]
                things = (replace(things[0], **{self.blind_to: first}),)
            ways = ("above", "below", "left of", "right of")
            relation = next((w for w in ways if len(things) == 2 and lies(*things, w)), None)
            rows.append(meaning(list(things), relation))
        return torch.stack(rows)

    def encode_text(
        self, token_ids: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        captions = [tiny.tokenizer().decode(row.tolist()) for row in token_ids]
        return torch.stack([meaning(*read(caption)) for caption in captions])


@pytest.fixture
def oracle(monkeypatch) -> Oracle:
    model = Oracle(CLIPConfig(tiny.VIT, replace(tiny.text_config(), context_length=64)))
    model.shown = []

    def numbered(scene: Scene, size: int) -> Image.Image:
        model.shown.append(scene)
        number = len(model.shown) - 1
        return Image.new("RGB", (size, size), (number % 256, number // 256 % 256, number // 65_536))

    monkeypatch.setattr(module, "render", numbered)
    monkeypatch.setattr(tiny.tokenizer(), "context_length", 64)
    return model


@pytest.mark.slow
def test_a_model_that_knows_everything_scores_nearly_one(oracle):
    results = evaluate_scenes(oracle, tiny.tokenizer(), scenes=200)
    assert results.keys() == KEYS
    retrieval = {name: results.pop(name) for name in [*results] if "first of 500" in name}
    assert set(results.values()) == {1.0}
    assert min(retrieval.values()) > 0.9  # some scenes have the very same caption


@pytest.mark.parametrize(("blind_to", "sees"), [("colour", "shape"), ("shape", "colour")])
def test_each_attribute_is_measured_by_itself(oracle, monkeypatch, blind_to, sees):
    monkeypatch.setattr(module, "PAIRS_OF_SCENES", 40)
    oracle.blind_to = blind_to
    results = evaluate_scenes(oracle, tiny.tokenizer(), scenes=200)
    for split in SPLITS:
        assert results[f"{sees}, {split}"] == 1
        assert 0.03 < results[f"{blind_to}, {split}"] < 0.25  # one of eight, whatever it sees
        assert results[f"colour and shape, {split}"] == results[f"{blind_to}, {split}"]


@pytest.mark.slow
def test_a_model_that_knows_nothing_is_near_chance():
    results = evaluate_scenes(tiny.clip().eval(), tiny.tokenizer(), scenes=200)
    assert results.keys() == KEYS
    for split in SPLITS:
        assert results[f"colour and shape, {split}"] < 0.12  # 1/64 by chance
        assert results[f"colour, {split}"] < 0.4  # 1/8
        assert results[f"shape, {split}"] < 0.4
    for name in ("picture to caption", "caption to picture"):
        assert results[f"{name}, first of 500"] < 0.05
    for name in ("colours exchanged", "relation turned"):
        assert 0.2 < results[f"beats its twin, {name}"] < 0.8


def test_the_seed_fixes_the_results(monkeypatch):
    monkeypatch.setattr(module, "PAIRS_OF_SCENES", 40)
    model = tiny.clip().eval()
    first = evaluate_scenes(model, tiny.tokenizer(), scenes=20, seed=3)
    assert first == evaluate_scenes(model, tiny.tokenizer(), scenes=20, seed=3)


def test_no_scenes_are_refused():
    with pytest.raises(ValueError, match="scenes=0 is not a whole number from 1"):
        evaluate_scenes(tiny.clip(), tiny.tokenizer(), scenes=0)


def test_the_classes_are_all_combinations_once():
    names = combination_names()
    assert len(set(names)) == 64
    assert "a green triangle" in names
    assert "an orange ring" in names
