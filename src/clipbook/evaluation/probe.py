"""Linear probe: what a straight line can read from frozen features, given labels.

Source: Alain and Bengio 2016; Radford et al. 2021, §3.2, which fits it with L-BFGS as we do.
Built in: book/pairs/zero-shot.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clipbook.validation import between, whole_number

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
    features as they come. Raises ValueError for no examples, a label outside the classes, or
    numbers that make no sense.
    """
    classes = whole_number("classes", classes, 64)
    penalty = between("penalty", penalty, 1e-3)
    if not len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"{len(labels)} labels for classes={classes}; give at least one, all from 0 to "
            f"{classes - 1}"
        )
    x = features.detach().double()
    mean, spread = x.mean(dim=0), x.std(dim=0, correction=0)
    spread = torch.where(spread < SMALLEST_SPREAD, 1.0, spread)
    x = (x - mean) / spread
    probe = nn.Linear(features.shape[1], classes).to(x)
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
    return probe.to(features).requires_grad_(False)
