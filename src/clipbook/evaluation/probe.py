"""Linear probe: what a straight line can read from frozen features, given labels.

Source: Alain and Bengio 2016; Radford et al. 2021, §3.2, which fits it with L-BFGS as we do.
Built in: book/pairs/zero-shot.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clipbook.validation import between, check_axes, whole_number

SMALLEST_SPREAD = 1e-6
"""A feature that varies less is left as it is, not blown up."""


@torch.enable_grad()
def linear_probe(
    features: Float[Tensor, "examples width"],
    labels: Int64[Tensor, " examples"],
    classes: int,
    penalty: float = 1e-3,
) -> nn.Linear:
    """A layer from features to one logit a class, fitted by logistic regression.

    labels: 0 to classes - 1; a class without an example is allowed, and never chosen where others
    fit. penalty: on the squared weights, for features brought to deviation 1. The result takes
    features as they come. Raises ValueError for no examples, labels that are outside the classes,
    of another number than the features, or not of int64, features that are no finite floats or
    vary too little for their type, and numbers that make no sense.
    """
    check_axes("features", features, "examples width", "give each example a row")
    check_axes("labels", labels, "examples", "try labels.flatten()")
    classes = whole_number("classes", classes, 64)
    penalty = between("penalty", penalty, 1e-3)
    if labels.dtype != torch.int64 or len(labels) != len(features):
        raise ValueError(
            f"{len(labels)} labels of {labels.dtype} for {len(features)} examples; give each "
            "its own, in torch.int64: try labels.long()"
        )
    if not len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"{len(labels)} labels for classes={classes}; give at least one, all from 0 to "
            f"{classes - 1}"
        )
    if not features.is_floating_point() or not features.isfinite().all():
        raise ValueError(
            f"features of {features.dtype} are not all finite floats; try features.float(), or "
            "leave out the examples that hold nan or infinity"
        )
    x = features.detach().double()
    mean, spread = x.mean(dim=0), x.std(dim=0, correction=0)
    spread = torch.where(spread < SMALLEST_SPREAD, 1.0, spread)
    x = (x - mean) / spread
    probe = nn.utils.skip_init(  # without a draw, so that PyTorch's random numbers go on as before
        nn.Linear, features.shape[1], classes, dtype=x.dtype, device=x.device
    )
    nn.init.zeros_(probe.weight)
    nn.init.zeros_(probe.bias)
    optimiser = torch.optim.LBFGS(probe.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = cross_entropy(probe(x), labels) + penalty * probe.weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():  # the same for features that were not brought to deviation 1
        probe.weight.div_(spread)
        probe.bias.sub_(probe.weight @ mean)
    probe = probe.to(features).requires_grad_(False)
    if not all(weights.isfinite().all() for weights in probe.parameters()):
        raise ValueError(
            f"the features vary so little that the weights are too large for {features.dtype}; try "
            "features.double()"
        )
    return probe
