"""Zero-shot classification: shares of classes, in the order in which they were named."""

import pytest
import torch
from torch.nn.functional import normalize

from clipbook.evaluation import TEMPLATES, class_embeddings, zero_shot
from tests import tiny

NAMES = ["a red circle", "a blue square", "a star"]
PIXELS = tiny.normals(5, 3, 16, 16)


@pytest.fixture
def model():
    return tiny.clip().eval()


def test_rows_sum_to_one(model):
    shares = zero_shot(model, tiny.tokenizer(), PIXELS, NAMES)
    assert shares.shape == (5, 3)
    assert (shares > 0).all()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(5))


def test_columns_follow_the_names(model):
    shares = zero_shot(model, tiny.tokenizer(), PIXELS, NAMES)
    reversed_shares = zero_shot(model, tiny.tokenizer(), PIXELS, NAMES[::-1])
    torch.testing.assert_close(reversed_shares, shares.flip(1))
    assert shares.argmax(dim=1).unique().tolist() != []
    assert not torch.allclose(shares[:, 0], shares[:, 1])


def test_one_template_is_a_softmax_over_captions(model):
    captions = ["there is a red circle", "there is a blue square", "there is a star"]
    texts = model.encode_text(*tiny.tokenizer().batch(captions))
    expected = (model.scale * model.encode_image(PIXELS) @ texts.T).softmax(dim=1)
    found = zero_shot(model, tiny.tokenizer(), PIXELS, NAMES, ["there is {}"])
    torch.testing.assert_close(found, expected)


def test_a_class_is_the_unit_mean_over_the_templates(model):
    templates = ["{}", "we see {}"]
    found = class_embeddings(model, tiny.tokenizer(), NAMES, templates)
    for row, name in zip(found, NAMES, strict=True):
        both = model.encode_text(*tiny.tokenizer().batch([name, f"we see {name}"]))
        torch.testing.assert_close(row, normalize(both.mean(dim=0), dim=0))


def test_a_single_class_is_certain(model):
    assert (zero_shot(model, tiny.tokenizer(), PIXELS, NAMES[:1]) == 1).all()


def test_other_braces_in_a_template_are_text(model):
    found = class_embeddings(model, tiny.tokenizer(), ["a star"], ["{x} {} }"])
    expected = model.encode_text(*tiny.tokenizer().batch(["{x} a star }"]))
    torch.testing.assert_close(found, expected)


def test_no_gradient_is_kept(model):
    assert not zero_shot(model, tiny.tokenizer(), PIXELS, NAMES).requires_grad


@pytest.mark.parametrize("template", ["a picture", "", "{name}"])
def test_a_template_without_a_place_for_the_name_is_refused(model, template):
    with pytest.raises(ValueError, match=r"template .* has no \{\} for the name"):
        zero_shot(model, tiny.tokenizer(), PIXELS, NAMES, [*TEMPLATES, template])


def test_no_names_and_no_templates_are_refused(model):
    with pytest.raises(ValueError, match="names is empty; at least one text is needed"):
        zero_shot(model, tiny.tokenizer(), PIXELS, [])
    with pytest.raises(ValueError, match="templates is empty; at least one text is needed"):
        zero_shot(model, tiny.tokenizer(), PIXELS, NAMES, [])
