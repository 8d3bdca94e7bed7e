"""The exercises of the chapter on CNNs: their own check cells turn typical wrong answers down,
with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, every

CHAPTER = "image/cnn"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("convolve-layer", "receptive-field", "melt-norm")
}

LAYER = """
def convolve_layer(picture, kernels, stride):
    size = kernels.shape[-1]
    rows = (picture.shape[1] - size) // stride + 1
    columns = (picture.shape[2] - size) // stride + 1
    y = torch.zeros(len(kernels), rows, columns)
    for d in range(len(kernels)):
        for r in range(rows):
            for c in range(columns):
                top, left = r * stride, c * stride
                window = picture[:, top : top + size, left : left + size]
                y[d, r, c] = (kernels[d] * window).sum()
    return y
"""
FIELD = """
def receptive_field(layers):
    field, j = 1, 1
    for size, stride in layers:
        field += (size - 1) * j
        j *= stride
    return field
"""
MELT = """
def melt(kernels, mean, variance, gain, shift, eps):
    f = gain / (variance + eps).sqrt()
    bias = shift - mean * f
    return kernels * f[:, None, None, None], bias
"""


WRONG = {
    "convolve-layer": {
        "kernel turned": (but(LAYER, ("kernels[d] *", "kernels[d].flip(1, 2) *")), "turned round"),
        "kernel transposed": (but(LAYER, ("kernels[d] *", "kernels[d].mT *")), "kernel's rows"),
        "no stride": (
            but(LAYER, ("size = k", "stride = 1\n    size = k")), "the stride is ignored"
        ),
        "stride only in the size": (
            but(LAYER, ("r * stride, c * stride", "r, c")), "windows begin at"
        ),
        "padded": (
            but(LAYER, ("size = k",
                        "picture = torch.nn.functional.pad(picture, (1, 1, 1, 1))\n    size = k")),
            "no padding",
        ),
        "mean": (but(LAYER, (".sum()", ".mean()")), "don't average"),
        "mean over channels": (
            but(LAYER, (".sum()", ".mean(dim=0).sum()")), "average over channels"
        ),
        "first channel": (
            but(LAYER, ("(kernels[d] * window)", "(kernels[d] * window)[0]")), "the first channel"
        ),
        "last channel": (
            but(LAYER, ("(kernels[d] * window)", "(kernels[d] * window)[-1]")), "the last channel"
        ),
        "result transposed": (but(LAYER, ("return y", "return y.mT")), "of the result"),
        "one place too few": (
            LAYER.replace("// stride + 1", "// stride"), "last row and column of places"
        ),
        "kernels added": (but(LAYER, ("return y", "return y.sum(0)")), "adds up over kernels"),
        "relu": (but(LAYER, ("return y", "return y.relu()")), "no ReLU"),
        "square pictures only": (but(LAYER, ("shape[2]", "shape[1]")), "has shape"),
        "no return": (but(LAYER, ("return y", "pass")), "is None"),
        "blank": ("def convolve_layer(p, k, s):\n    raise NotImplementedError()", "not written"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "receptive-field": {
        "no strides": (but(FIELD, ("j *= stride", "pass")), "strides count"),
        "own stride first": (
            but(FIELD, ("field += (size - 1) * j\n        j *= stride",
                        "j *= stride\n        field += (size - 1) * j")),
            "only the layers after it",
        ),
        "last layer first": (but(FIELD, ("in layers", "in reversed(layers)")), "from the first"),
        "sizes added": (
            "def receptive_field(layers):\n    return sum(k for k, _ in layers)",
            "add up the kernel sizes",
        ),
        "from nothing": (but(FIELD, ("field, j = 1, 1", "field, j = 0, 1")), "not none"),
        "k, not k - 1": (but(FIELD, ("(size - 1) * j", "size * j")), "not k j"),
        "multiplied": (but(FIELD, ("field += (size - 1) * j", "field *= size")), "don't multiply"),
        "last stride only": (but(FIELD, ("j *= stride", "j = stride")), "product of all strides"),
        "distance of places": (but(FIELD, ("return field", "return j")), "how far apart"),
        "one side": (but(FIELD, ("return field", "return field // 2")), "to one side"),
        "no return": (but(FIELD, ("return field", "pass")), "is None"),
        "blank": ("def receptive_field(l):\n    raise NotImplementedError()", "not written yet"),
    },
    "melt-norm": {
        "no root": (but(MELT, (".sqrt()", "")), "the root of the variance"),
        "no epsilon": (but(MELT, ("(variance + eps)", "variance")), "ε is missing"),
        "epsilon outside": (
            but(MELT, ("(variance + eps).sqrt()", "(variance.sqrt() + eps)")), "ε belongs under"
        ),
        "multiplied": (but(MELT, ("gain /", "gain *")), "don't multiply"),
        "no gain": (but(MELT, ("gain /", "1 /")), "g is missing$"),
        "gain alone": (but(MELT, (" / (variance + eps).sqrt()", "")), "the deviation is missing$"),
        "kernels kept": (but(MELT, (" * f[:, None, None, None]", "")), "kernels must change"),
        "input channels": (
            but(MELT, ("f[:, None, None, None]", "f[:, None, None]")), "not to input channel"
        ),
        "mean not scaled": (but(MELT, ("mean * f", "mean")), "scale it, too"),
        "mean forgotten": (but(MELT, ("shift - mean * f", "shift")), "the mean is missing"),
        "mean added": (but(MELT, ("shift - mean", "shift + mean")), "not added"),
        "no shift": (but(MELT, ("shift - mean * f", "-mean * f")), "b is missing"),
        "shift scaled": (but(MELT, ("shift - mean * f", "(shift - mean) * f")), "isn't scaled"),
        "mean without gain": (
            but(MELT, ("shift - mean * f", "shift - mean * f / gain")), "g is missing in the mean"
        ),
        "mean with gain alone": (
            but(MELT, ("shift - mean * f", "shift - mean * gain")), "deviation is missing in the"
        ),
        "kernels only": (but(MELT, (", bias\n", "\n")), "two things"),
        "no return": (but(MELT, ("return kernels", "kernels")), "two things"),
        "blank": ("def melt(k, m, v, g, s, e):\n    raise NotImplementedError()", "not written"),
    },
}  # fmt: skip

WRONG_ONLY_IN_HIDING = {
    "convolve-layer": {
        "stride 2 always": (
            but(LAYER, ("size = k", "stride = 2\n    size = k")), "has shape"
        ),
        "size 3 always": (but(LAYER, ("size = kernels.shape[-1]", "size = 3")), "RuntimeError"),
        "two channels always": (but(LAYER, ("picture[:,", "picture[:2,")), "RuntimeError"),
        "changes its picture": (
            but(LAYER, ("return y", "picture.zero_()\n    return y")), "make a new tensor"
        ),
    },
    "receptive-field": {
        "learned by heart": ("def receptive_field(layers):\n    return 35", "expected 1"),
        "five layers always": (
            but(FIELD, ("in layers", "in layers[:5]")), "expected"
        ),
        "empties the list": (
            "def receptive_field(layers):\n"
            "    field = 1\n"
            "    while layers:\n"
            "        size, stride = layers.pop()\n"
            "        field = (field - 1) * stride + size\n"
            "    return field",
            "changes the list",
        ),
    },
    "melt-norm": {
        "epsilon of the example": (but(MELT, ("+ eps", "+ 0.25")), "is wrong in"),
        "1 x 1 kernels only": (
            but(MELT, ("kernels * f[:, None, None, None]", "(kernels[:, :, 0, 0] * f[:, None])"
                       "[:, :, None, None]")),
            "has shape",
        ),
        "changes its kernels": (
            but(MELT, ("kernels * f", "kernels.mul_(f"), ("None]", "None])")), "make new ones"
        ),
    },
}  # fmt: skip

RIGHT = {
    "convolve-layer": {
        "one kernel at a time": LAYER,
        "windows unfolded": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    size = kernels.shape[-1]\n"
            "    windows = picture.unfold(1, size, stride).unfold(2, size, stride)\n"
            "    return torch.einsum('crsij,dcij->drs', windows, kernels)"
        ),
        "weight by weight": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    size, (_, height, width) = kernels.shape[-1], picture.shape\n"
            "    total = 0\n"
            "    for i in range(size):\n"
            "        for j in range(size):\n"
            "            rows = slice(i, height - size + i + 1, stride)\n"
            "            columns = slice(j, width - size + j + 1, stride)\n"
            "            moved = picture[:, rows, columns]\n"
            "            total = total + torch.tensordot(kernels[:, :, i, j], moved, 1)\n"
            "    return total"
        ),
    },
    "receptive-field": {
        "from the end": (
            "def receptive_field(layers):\n"
            "    field = 1\n"
            "    for size, stride in layers[::-1]:\n"
            "        field = (field - 1) * stride + size\n"
            "    return field"
        ),
        "one sum": (
            "from math import prod\n"
            "def receptive_field(layers):\n"
            "    strides = [stride for _, stride in layers]\n"
            "    return 1 + sum((layers[k][0] - 1) * prod(strides[:k]) for k in range(len(layers)))"
        ),
    },
    "melt-norm": {
        "einsum": (
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    f = gain * torch.rsqrt(variance + eps)\n"
            "    return torch.einsum('dcij,d->dcij', kernels, f), shift - f * mean"
        ),
        "kernel by kernel": (
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    made, bias = [], []\n"
            "    for K, m, v, g, b in zip(kernels, mean, variance, gain, shift):\n"
            "        made.append(K * (g / (v + eps) ** 0.5))\n"
            "        bias.append(b - m * g / (v + eps) ** 0.5)\n"
            "    return [torch.stack(made), torch.stack(bias)]"
        ),
    },
}


@pytest.mark.parametrize(("name", "kind"), every(WRONG))
def test_visible_check_turns_the_mistake_down_and_names_it(name, kind):
    EXERCISES[name].assert_refused(*WRONG[name][kind])


@pytest.mark.parametrize(("name", "kind"), every(WRONG_ONLY_IN_HIDING))
def test_hidden_check_turns_down_what_the_visible_one_cannot_see(name, kind):
    answer, hint = WRONG_ONLY_IN_HIDING[name][kind]
    EXERCISES[name].assert_accepted(answer, hidden=False)
    EXERCISES[name].assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize(("name", "kind"), every(RIGHT))
def test_right_answer_written_otherwise_passes_both_checks(name, kind):
    EXERCISES[name].assert_accepted(RIGHT[name][kind])


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_of_the_page_passes_both_checks(name):
    EXERCISES[name].assert_accepted(EXERCISES[name].solution)
