"""While tests run, what a signature says of shapes is asked of every call."""

import pytest
import torch
from jaxtyping import TypeCheckError

from clipbook.pairs import similarity


@pytest.mark.parametrize("texts", [torch.ones(3), torch.ones(2, 4), torch.ones(2, 3).int()])
def test_a_shape_that_the_signature_forbids_is_an_error(texts):
    with pytest.raises(TypeCheckError):
        similarity(torch.ones(2, 3), texts)
