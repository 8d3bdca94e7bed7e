"""The linear probe on points whose answer is known."""

import pytest
import torch

from clipbook.evaluation import linear_probe
from tests.plain import plain_python
from tests.tiny import drawing_nothing, normals

CENTRES = torch.tensor([[3.0, 0, 0], [0, 3, 0], [0, 0, 3]])
LABELS = torch.arange(60) % 3
POINTS = CENTRES[LABELS] + 0.3 * normals(60, 3)


def test_separate_clouds_are_told_apart_also_those_not_fitted():
    with drawing_nothing():
        probe = linear_probe(POINTS, LABELS, 3)
    other = CENTRES[LABELS] + 0.3 * normals(60, 3, seed=1)
    assert (probe(other).argmax(dim=1) == LABELS).all()


def test_without_a_penalty_mean_probabilities_are_the_shares_of_the_classes():
    # what maximum likelihood demands of the biases, wherever the points lie
    points = normals(200, 2, seed=2)
    labels = (torch.arange(200) % 4 == 0).long()
    shares = linear_probe(points, labels, 2, penalty=0.0).double()(points.double())
    torch.testing.assert_close(
        shares.softmax(dim=1).mean(dim=0), torch.tensor([0.75, 0.25]).double(), atol=1e-3, rtol=0
    )


def test_units_and_origin_of_a_feature_do_not_matter():
    factor, origin = torch.tensor([100.0, 0.01, 1]), torch.tensor([5.0, 0, -7])
    plain = linear_probe(POINTS, LABELS, 3)(POINTS)
    moved = linear_probe(POINTS * factor + origin, LABELS, 3)(POINTS * factor + origin)
    torch.testing.assert_close(moved, plain, atol=1e-2, rtol=1e-3)


def test_a_feature_that_never_varies_does_no_harm():
    points = torch.cat([POINTS, torch.ones(60, 1)], dim=1)
    probe = linear_probe(points, LABELS, 3)
    assert (probe(points).argmax(dim=1) == LABELS).all()


def test_a_class_without_examples_is_never_chosen():
    probe = linear_probe(POINTS, LABELS, 5)
    assert probe(POINTS).argmax(dim=1).max() == 2


def test_features_are_frozen():
    features = POINTS.clone().requires_grad_()
    with torch.no_grad():
        probe = linear_probe(features, LABELS, 3)
    assert features.grad is None
    assert not probe.weight.requires_grad


@pytest.mark.parametrize("labels", [[], [0, 3], [-1, 2]])
def test_labels_outside_the_classes_are_refused(labels):
    labels = torch.tensor(labels, dtype=torch.int64)
    with pytest.raises(ValueError, match=f"{len(labels)} labels for classes=3"):
        linear_probe(POINTS[: len(labels)], labels, 3)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(wrong):
    points = POINTS.clone()
    points[7, 1] = wrong
    with pytest.raises(ValueError, match="float32 are not all finite floats; .* leave out the exa"):
        linear_probe(points, LABELS, 3)


def test_whole_numbers_are_no_features():
    with plain_python(), pytest.raises(ValueError, match=r"int64 are not .*try features.float\(\)"):
        linear_probe(POINTS.long(), LABELS, 3)


@pytest.mark.parametrize("labels", [LABELS.int(), LABELS.float(), LABELS[:-1]])
def test_each_example_has_a_label_of_its_own(labels):
    with plain_python(), pytest.raises(ValueError, match=r"labels of .* for 60 .*labels.long\(\)$"):
        linear_probe(POINTS, labels, 3)


@pytest.mark.parametrize(("features", "labels"), [((3,), (3,)), ((3, 2), (3, 1))])
def test_features_and_labels_of_other_axes_are_refused(features, labels):
    given = torch.zeros(features), torch.zeros(labels, dtype=torch.int64)
    with plain_python(), pytest.raises(ValueError, match=r"where \(examples"):
        linear_probe(*given, classes=2)


def test_weights_that_their_type_cannot_hold_are_refused():
    with pytest.raises(ValueError, match="too large for torch.float16; try features.double"):
        linear_probe((1e-5 * POINTS).half(), LABELS, 3)
