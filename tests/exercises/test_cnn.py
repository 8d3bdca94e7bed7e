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
        "conv2d": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    return torch.nn.functional.conv2d(picture[None], kernels, stride=stride)[0]",
            "without `conv2d`",
        ),
        "conv2d of the module": (
            "from torch import conv2d\ndef convolve_layer(picture, kernels, stride):\n"
            "    return conv2d(picture, kernels, stride=stride)",
            "without `conv2d`",
        ),
        "Conv2d": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    D, C, k, _ = kernels.shape\n"
            "    conv = torch.nn.Conv2d(C, D, k, stride, bias=False)\n"
            "    conv.weight = torch.nn.Parameter(kernels)\n"
            "    return conv(picture)",
            "without `conv2d`",
        ),
        "conv3d": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    return torch.nn.functional.conv3d(\n"
            "        picture[None, None], kernels[:, None], stride=stride)[0, :, 0]",
            "without `conv3d`",
        ),
        "convolution": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    none, ones = [0, 0], [1, 1]\n"
            "    return torch.convolution(\n"
            "        picture[None], kernels, None, 2 * [stride], none, ones, False, none, 1)[0]",
            "without `convolution`",
        ),
        "stride 2 always": (
            but(LAYER, ("size = k", "stride = 2\n    size = k")), "has shape"
        ),
        "stride of rows only": (but(LAYER, ("c * stride", "c")), "is wrong in"),
        "size 3 always": (but(LAYER, ("size = kernels.shape[-1]", "size = 3")), "has shape"),
        "two channels always": (but(LAYER, ("picture[:,", "picture[:2,")), "RuntimeError"),
        "as many maps as channels": (
            but(LAYER, ("torch.zeros(len(kernels), ", "torch.zeros(len(picture), ")), "IndexError"
        ),
        "changes its picture": (
            but(LAYER, ("return y", "picture.zero_()\n    return y")), "changes `picture`"
        ),
        "changes its kernels": (
            but(LAYER, ("return y", "kernels *= 2\n    return y")), "changes `kernels`"
        ),
        "a rest padded": (
            but(LAYER, ("size = k",
                        "k = kernels.shape[-1]\n"
                        "    rest = [-(side - k) % stride for side in picture.shape[1:]]\n"
                        "    picture = torch.nn.functional.pad(picture, (0, rest[1], 0, rest[0]))\n"
                        "    size = k")),
            "has shape",
        ),
        "a window of one is skipped": (
            but(LAYER, ("return y", "return y if size > 1 else kernels[:, 0] * picture")),
            "has shape",
        ),
        "sizes without kernels": (
            but(LAYER, ("(picture.shape[1] - size) // stride + 1", "picture.shape[1] // stride"),
                ("(picture.shape[2] - size) // stride + 1", "picture.shape[2] // stride")),
            "RuntimeError|is wrong|has shape",
        ),
        "learned by heart": (
            "def convolve_layer(picture, kernels, stride):\n    return torch.full((3, 2, 3), 11.0)",
            "is wrong in",
        ),
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
        "learned by heart": ("def receptive_field(layers):\n    return 35", ", expected"),
        "one kernel's strides only": (
            but(FIELD, ("field += (size - 1) * j", "if size == 1:\n            continue\n"
                                                   "        field += (size - 1) * j")),
            ", expected",
        ),
        "strides of 1 and 2": (but(FIELD, ("j *= stride", "j *= min(stride, 2)")), ", expected"),
        "a window and its gap": (
            but(FIELD, ("(size - 1) * j", "max(size - 1, stride - 1) * j")), ", expected"
        ),
        "one layer at least": (
            "def receptive_field(layers):\n"
            "    field, j = layers[0]\n"
            "    for size, stride in layers[1:]:\n"
            "        field += (size - 1) * j\n"
            "        j *= stride\n"
            "    return field",
            "IndexError",
        ),
        "odd kernels": (but(FIELD, ("(size - 1) * j", "size // 2 * 2 * j")), ", expected"),
        "five layers": (but(FIELD, ("in layers", "in layers[:5]")), ", expected"),
        "two strides at most": (
            but(FIELD, ("j *= stride", "j = min(j * stride, 4)")), ", expected"
        ),
        "as wide as the picture": (but(FIELD, ("return field", "return min(field, 40)")),
                                   ", expected"),
        "empties the list": (
            "def receptive_field(layers):\n"
            "    field = 1\n"
            "    while layers:\n"
            "        size, stride = layers.pop()\n"
            "        field = (field - 1) * stride + size\n"
            "    return field",
            "changes `layers`",
        ),
        "none for no layers": (
            but(FIELD, ("field, j = 1, 1", "field, j = int(bool(layers)), 1")), ", expected"
        ),
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
        "no gain": (but(MELT, ("gain /", "1 /")), "g is missing; "),
        "gain alone": (but(MELT, (" / (variance + eps).sqrt()", "")), "the deviation is missing; "),
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
        "epsilon of the example": (but(MELT, ("+ eps", "+ 0.25")), "is wrong in"),
        "the usual epsilon": (but(MELT, ("+ eps", "+ 1e-5")), ", expected"),
        "1 x 1 kernels only": (
            but(MELT, ("kernels * f[:, None, None, None]", "(kernels[:, :, 0, 0] * f[:, None])"
                       "[:, :, None, None]")),
            "have shapes",
        ),
        "changes its kernels": (
            but(MELT, ("kernels * f", "kernels.mul_(f"), ("None]", "None])")), "changes `kernels`"
        ),
        "changes the variance": (
            but(MELT, ("(variance + eps)", "variance.add_(eps)")), "changes `variance`"
        ),
        "the gain's sign lost": (but(MELT, ("gain /", "gain.abs() /")), "g keeps its sign"),
        "the gain under the root": (
            but(MELT, ("gain / (variance + eps).sqrt()", "(gain**2 / (variance + eps)).sqrt()")),
            "g keeps its sign",
        ),
        "the bias by the gain": (
            but(MELT, ("shift - mean * f", "(shift / f - mean) * f")), "is wrong in"
        ),
        "the sign lost in the bias": (
            but(MELT, ("shift - mean * f", "shift - mean * f.abs()")), "g keeps its sign"
        ),
        "as many kernels as channels": (
            but(MELT, ("f[:, None, None, None]", "f.reshape(kernels.shape[0], -1, 1, 1)[:, :1] * "
                       "torch.eye(len(f))[:, :, None, None].sum(0)[None]")),
            "RuntimeError|expected",
        ),
        "bias first": (but(MELT, ("return kernels * f[:, None, None, None], bias",
                                  "return bias, kernels * f[:, None, None, None]")), "has shape"),
        "a bias in a column": (but(MELT, (", bias\n", ", bias[:, None]\n")), "has shape"),
        "no variance, no division": (
            but(MELT, ("gain / (variance + eps).sqrt()",
                       "torch.where(variance > 0, gain / (variance + eps).sqrt(), gain)")),
            "is wrong in",
        ),
        "learned by heart": (
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    k = torch.tensor([6.0, 12, -15, -20]).reshape(2, 2, 1, 1)\n"
            "    return k, torch.tensor([7.0, 25])",
            "have shapes",
        ),
        "a text": (
            but(MELT, ("return kernels * f[:, None, None, None], bias", "return 'k', 'b'")),
            "does not hold numbers",
        ),
        "kernels only": (but(MELT, (", bias\n", "\n")), "two things"),
        "no return": (but(MELT, ("return kernels", "kernels")), "two things"),
        "blank": ("def melt(k, m, v, g, s, e):\n    raise NotImplementedError()", "not written"),
    },
}  # fmt: skip

WRONG_ONLY_IN_HIDING = {
    "convolve-layer": {
        "up to five kernels": (but(LAYER, ("return y", "return y[:5]")), "has shape"),
    },
    "receptive-field": {
        "six layers at most": (but(FIELD, ("in layers", "in layers[:6]")), ", expected"),
    },
    "melt-norm": {
        "five kernels at most": (
            but(MELT, ("return kernels", "bias[5:] = 0\n    return kernels")),
            "is wrong in",
        ),
    },
}

RIGHT = {
    "convolve-layer": {
        "one kernel at a time": LAYER,
        "lists of rows": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    C, H, W = picture.shape\n"
            "    D, _, k, _ = kernels.shape\n"
            "    x, K = picture.tolist(), kernels.tolist()\n"
            "    cells = [(c, i, j) for c in range(C) for i in range(k) for j in range(k)]\n"
            "    return [[[sum(K[d][c][i][j] * x[c][r + i][s + j] for c, i, j in cells)\n"
            "              for s in range(0, W - k + 1, stride)]\n"
            "             for r in range(0, H - k + 1, stride)] for d in range(D)]"
        ),
        "NumPy in float64": (
            "import numpy as np\n"
            "def convolve_layer(picture, kernels, stride):\n"
            "    k = kernels.shape[2]\n"
            "    x, K = picture.numpy().astype(float), kernels.numpy().astype(float)\n"
            "    views = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))\n"
            "    return np.tensordot(K, views[:, ::stride, ::stride], axes=([1, 2, 3], [0, 3, 4]))"
        ),
        "a matrix": (
            "def convolve_layer(picture, kernels, stride):\n"
            "    k, (_, H, W) = kernels.shape[-1], picture.shape\n"
            "    rows = torch.nn.functional.unfold(picture[None], k, stride=stride)[0]\n"
            "    return (kernels.flatten(1) @ rows).unflatten(1, ((H - k) // stride + 1, -1))"
        ),
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
        "first and last pixel": (
            "def receptive_field(layers):\n"
            "    last = 0\n"
            "    for size, stride in reversed(layers):\n"
            "        last = last * stride + size - 1\n"
            "    return torch.tensor(float(last + 1))"
        ),
        "one sum": (
            "from math import prod\n"
            "def receptive_field(layers):\n"
            "    strides = [stride for _, stride in layers]\n"
            "    return 1 + sum((layers[k][0] - 1) * prod(strides[:k]) for k in range(len(layers)))"
        ),
    },
    "melt-norm": {
        "NumPy in float64": (
            "import numpy as np\n"
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    K, m, v, g, b = (np.asarray(one, dtype=np.float64)\n"
            "                     for one in (kernels, mean, variance, gain, shift))\n"
            "    f = g / np.sqrt(v + eps)\n"
            "    return (K.T * f).T, b - m * f"
        ),
        "lists of rows": (
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    f = (gain / (variance + eps).sqrt()).tolist()\n"
            "    bias = [b - m * one for b, m, one in zip(shift.tolist(), mean.tolist(), f)]\n"
            "    return [(K * one).tolist() for K, one in zip(kernels, f)], bias"
        ),
        "asked of batch norm": (
            "def melt(kernels, mean, variance, gain, shift, eps):\n"
            "    norm = lambda x: torch.nn.functional.batch_norm(\n"
            "        x, mean, variance, gain, shift, eps=eps)\n"
            "    zero = torch.zeros_like(mean)[None]\n"
            "    f = norm(zero + 1)[0] - norm(zero)[0]\n"
            "    return kernels * f[:, None, None, None], norm(zero)[0]"
        ),
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
