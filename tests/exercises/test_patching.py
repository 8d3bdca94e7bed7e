"""The exercises of the chapter on patching: their own check cells turn typical wrong answers down,
with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, cases

CHAPTER = "image/patching"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("find-pixel", "kernel-matrix", "overlapping")
}

FIND = """
def find_pixel(colour, row, column, width, patch_size):
    i, a = row // patch_size, row % patch_size
    j, b = column // patch_size, column % patch_size
    patch = i * (width // patch_size) + j
    number = colour * patch_size**2 + a * patch_size + b
    return patch, number
"""
KERNEL = """
def kernel_matrix(kernel):
    moved = kernel.permute(2, 3, 1, 0)
    return moved.reshape(-1, kernel.shape[0])
"""
OVERLAP = """
def overlapping(pixels, patch_size, stride):
    p = patch_size
    height, width = pixels.shape[2:]
    windows = []
    for r in range(0, height - p + 1, stride):
        for c in range(0, width - p + 1, stride):
            window = pixels[:, :, r : r + p, c : c + p]
            windows.append(window.flatten(1))
    return torch.stack(windows, dim=1)
"""


WRONG = {
    "find-pixel": {
        "returned the other way round": (
            but(FIND, ("return patch, number", "return number, patch")), "first the place"
        ),
        "rows and columns exchanged": (
            but(FIND, ("i, a = row // patch_size, row", "i, a = column // patch_size, column"),
                ("j, b = column // patch_size, column", "j, b = row // patch_size, row")),
            "rows and columns are exchanged",
        ),
        "patches by columns": (
            but(FIND, ("i * (width // patch_size) + j", "j * (width // patch_size) + i")),
            "row by row, i before j",
        ),
        "numbers by columns": (
            but(FIND, ("a * patch_size + b", "b * patch_size + a")), "inside a patch, too"
        ),
        "width in pixels": (but(FIND, ("(width // patch_size)", "width")), "width in pixels"),
        "as many patches as pixels": (
            but(FIND, ("(width // patch_size)", "patch_size")), "that is not patch_size"
        ),
        "colour last": (
            but(FIND, ("colour * patch_size**2 + a * patch_size + b",
                       "(a * patch_size + b) * 3 + colour")),
            "colour last",
        ),
        "no colour": (but(FIND, ("colour * patch_size**2 + ", "")), "the colour is missing"),
        "colour without a square": (but(FIND, ("**2", "")), "patch_size² numbers"),
        "not from the patch's corner": (
            but(FIND, ("row % patch_size", "row"), ("column % patch_size", "column")),
            "use the rest",
        ),
        "quotient and rest": (
            but(FIND, ("i, a", "a, i"), ("j, b", "b, j")), "// and % are exchanged"
        ),
        "half a patch": (
            but(FIND, ("row // patch_size", "row / patch_size"),
                ("column // patch_size", "column / patch_size")),
            "half a patch is none",
        ),
        "from one": (but(FIND, ("return patch, number", "return patch + 1, number + 1")), "from 0"),
        "six patches a row": (but(FIND, ("(width // patch_size)", "6")), ", expected"),
        "patches of four": (but(FIND, ("colour * patch_size**2", "colour * 16")), ", expected"),
        "a picture as wide as the example": (
            but(FIND, ("(width // patch_size)", "(24 // patch_size)")), ", expected"
        ),
        "a square picture": (
            but(FIND, ("(width // patch_size)", "(row // patch_size + 1)")), ", expected"
        ),
        "one patch a row more": (
            but(FIND, ("(width // patch_size)", "(width // patch_size + 1)")), ", expected"
        ),
        "colour first in the sequence": (
            but(FIND, ("return patch, number",
                       "return patch + colour, number - colour * patch_size**2")),
            ", expected",
        ),
        "blues before greens": (
            but(FIND, ("return patch", "number = number % patch_size**2 + (2, 1, 0)[colour] * "
                                       "patch_size**2\n    return patch")),
            ", expected",
        ),
        "strips": (
            but(FIND, ("return patch, number",
                       "place = row * width + column\n"
                       "    return place // patch_size**2, place % patch_size**2")),
            ", expected",
        ),
        "learned by heart": (
            "def find_pixel(colour, row, column, width, patch_size):\n    return 15, 38",
            ", expected",
        ),
        "no return": (but(FIND, ("return patch, number", "patch, number")), "is None"),
        "a text": (but(FIND, ("return patch, number", "return f'{patch}, {number}'")), "numbers"),
        "the patch alone": (but(FIND, ("return patch, number", "return patch")), "has shape"),
        "blank": ("def find_pixel(*a, **k):\n    raise NotImplementedError()", "not written yet"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "kernel-matrix": {
        "colour first": (
            but(KERNEL, ("kernel.permute(2, 3, 1, 0)", "kernel.permute(1, 2, 3, 0)")),
            "flattened colour first",
        ),
        "colour first, by .T": (
            "def kernel_matrix(kernel):\n    return kernel.flatten(1).T", "flattened colour first"
        ),
        "reshape alone": (but(KERNEL, (".permute(2, 3, 1, 0)", "")), "reshape alone mixes"),
        "turned": (
            "def kernel_matrix(kernel):\n    return kernel.permute(0, 2, 3, 1).flatten(1)",
            "yours is turned",
        ),
        "turned, colour first": (
            "def kernel_matrix(kernel):\n    return kernel.flatten(1)", "has the colour first"
        ),
        "columns first": (but(KERNEL, ("2, 3, 1", "3, 2, 1")), "rows come before columns"),
        "colour in the middle": (but(KERNEL, ("2, 3, 1", "2, 1, 3")), "behind row and column"),
        "width in the middle": (but(KERNEL, ("3, 1, 0", "3, 0, 1")), "width comes last"),
        "flipped": (but(KERNEL, ("kernel.permute", "kernel.flip(2, 3).permute")), "don't flip it"),
        "twelve by five": (but(KERNEL, ("(-1, kernel.shape[0])", "(12, 5)")), "your code raised"),
        "as wide as the picture is coloured": (
            but(KERNEL, ("kernel.shape[0]", "kernel.shape[1]")), "shape.1. is the number of colours"
        ),
        "in place": (
            but(KERNEL, ("    return moved.reshape(-1, kernel.shape[0])",
                         "    matrix = moved.reshape(-1, kernel.shape[0]).clone()\n"
                         "    kernel.zero_()\n    return matrix")),
            "changes `kernel`",
        ),
        "learned by heart": (
            "def kernel_matrix(kernel):\n"
            "    return torch.arange(60).reshape(5, 3, 2, 2).permute(2, 3, 1, 0).reshape(12, 5)",
            "has shape",
        ),
        "three colours": (
            but(KERNEL, ("kernel.permute(2, 3, 1, 0)", "kernel[:, :3].permute(2, 3, 1, 0)")),
            r"has shape \(3, 2\), expected \(4, 2\)",
        ),
        "small ones flipped": (
            but(KERNEL, ("kernel.permute", "(kernel.flip(2, 3) if kernel.shape[2] > 2 else kernel)"
                                           ".permute")),
            "four patches times the matrix of a kernel of",
        ),
        "means of the colours": (
            but(KERNEL, ("kernel.permute", "(kernel / kernel.shape[1]).permute")), "is wrong in"
        ),
        "numbers in words": (but(KERNEL, ("return moved", "return str(moved")).replace(
            "shape[0])", "shape[0]))"), "does not hold numbers"),
        "width first": (
            but(KERNEL, ("(-1, kernel.shape[0])", "(kernel.shape[0], -1)")), "is the last axis"
        ),
        "width first, turned": (
            but(KERNEL, ("(-1, kernel.shape[0])", "(kernel.shape[0], -1).T")), "no .T"
        ),
        "not joined": (but(KERNEL, (".reshape(-1, kernel.shape[0])", "")), "has shape"),
        "no return": (but(KERNEL, ("return moved", "moved")), "is None"),
        "blank": ("def kernel_matrix(k):\n    raise NotImplementedError()", "not written yet"),
    },
    "overlapping": {
        "patches that touch": (
            but(OVERLAP, ("height - p + 1, stride", "height - p + 1, p"),
                ("width - p + 1, stride", "width - p + 1, p")),
            "not by patch_size",
        ),
        "one too few": (
            but(OVERLAP, ("height - p + 1", "height - p"), ("width - p + 1", "width - p")),
            "missing in each direction",
        ),
        "one row too few": (but(OVERLAP, ("height - p + 1", "height - p")), "lowest row"),
        "one column too few": (but(OVERLAP, ("width - p + 1", "width - p")), "of each row"),
        "over the edge": (
            but(OVERLAP, ("height - p + 1", "height"), ("width - p + 1", "width")),
            "your code raised RuntimeError",
        ),
        "down the columns": (
            but(OVERLAP, ("for r in range(0, height", "for c in range(0, HEIGHT"),
                ("for c in range(0, width", "for r in range(0, height"),
                ("HEIGHT - p + 1, stride", "width - p + 1, stride")),
            "down the columns",
        ),
        "flattened by columns": (
            but(OVERLAP, ("window.flatten(1)", "window.transpose(2, 3).flatten(1)")),
            "flattened by columns",
        ),
        "unfold's axes": (
            "def overlapping(pixels, patch_size, stride):\n"
            "    return torch.nn.functional.unfold(pixels, patch_size, stride=stride)",
            "exchange the last two axes",
        ),
        "no batch": (but(OVERLAP, ("windows, dim=1)", "windows, dim=1)[0]")), "axis of the batch"),
        "no batch, not flat": (
            but(OVERLAP, ("window.flatten(1)", "window[0, 0]"), (", dim=1", "")),
            "and flatten the windows",
        ),
        "not flat": (
            but(OVERLAP, ("window.flatten(1)", "window[:, 0]")), "flatten the windows to"
        ),
        "windows before the batch": (but(OVERLAP, (", dim=1", "")), "along dim=1"),
        "always by one": (
            but(OVERLAP, ("height - p + 1, stride", "height - p + 1"),
                ("width - p + 1, stride", "width - p + 1")),
            "has shape",
        ),
        "colour last": (
            but(OVERLAP, ("window.flatten(1)", "window.permute(0, 2, 3, 1).flatten(1)")),
            "numbers go colour, row, column",
        ),
        "windows counted by the stride": (
            but(OVERLAP, ("range(0, height - p + 1, stride)",
                          "range(0, (height // stride - 1) * stride, stride)"),
                ("range(0, width - p + 1, stride)",
                 "range(0, (width // stride - 1) * stride, stride)")),
            "has shape|your code raised",
        ),
        "the first picture": (but(OVERLAP, ("dim=1)", "dim=1)[:1]")), "has shape"),
        "the first colour": (but(OVERLAP, ("[:, :, r", "[:, :1, r")), "has shape"),
        "colours before patches": (
            "def overlapping(pixels, patch_size, stride):\n"
            "    windows = pixels.unfold(2, patch_size, stride).unfold(3, patch_size, stride)\n"
            "    patches = windows.shape[2] * windows.shape[3]\n"
            "    return windows.reshape(len(pixels), patches, -1)",
            "colours and patches are mixed",
        ),
        "in place": (
            but(OVERLAP, ("    return torch.stack(windows, dim=1)",
                          "    found = torch.stack(windows, dim=1)\n    pixels.zero_()\n"
                          "    return found")),
            "changes `pixels`",
        ),
        "square pictures": (but(OVERLAP, ("0, width - p", "0, height - p")), "has shape|raised"),
        "patches of two": (but(OVERLAP, ("p = patch_size", "p = 2")), "has shape"),
        "half a patch on": (
            but(OVERLAP, ("height - p + 1, stride", "height - p + 1, (p + 1) // 2"),
                ("width - p + 1, stride", "width - p + 1, (p + 1) // 2")),
            "has shape",
        ),
        "no gaps": (
            but(OVERLAP, ("p = patch_size", "p = patch_size\n    stride = min(stride, p)")),
            "has shape",
        ),
        "the rest padded": (
            but(OVERLAP, ("height, width = ",
                          "rest = [-(side - p) % stride for side in pixels.shape[2:]]\n"
                          "    pixels = torch.nn.functional.pad(pixels, (0, rest[1], 0, rest[0]))\n"
                          "    height, width = ")),
            "has shape",
        ),
        "the last window at the edge": (
            but(OVERLAP, ("range(0, width - p + 1, stride)",
                          "sorted({*range(0, width - p + 1, stride), width - p})")),
            "has shape",
        ),
        "pictures of the batch mixed": (
            but(OVERLAP, ("torch.stack(windows, dim=1)",
                          "torch.stack(windows).reshape(len(pixels), len(windows), -1)")),
            "is wrong in",
        ),
        "learned by heart": (
            "def overlapping(pixels, patch_size, stride):\n"
            "    rows = torch.tensor([0, 1, 2, 4, 5, 6])[:, None]\n"
            "    return (rows + torch.tensor([0, 1, 4, 5]))[None]",
            "has shape",
        ),
        "one long row": (but(OVERLAP, ("stack", "cat")), "one long row"),
        "exchanged": (
            but(OVERLAP, ("p = patch_size", "stride, p = patch_size, stride")),
            "stride are exchanged",
        ),
        "a list": (but(OVERLAP, ("torch.stack(windows, dim=1)", "windows")), "stack them along"),
        "no return": (but(OVERLAP, ("return torch", "torch")), "is None"),
        "blank": ("def overlapping(*a, **k):\n    raise NotImplementedError()", "not written yet"),
    },
}  # fmt: skip

WRONG_IN_HIDDEN = {
    "find-pixel": {
        "narrow pictures": (
            but(FIND, ("return patch", "width = min(width, 24)\n    return patch"),
                ("i * (width //", "i * (min(width, 24) //")),
            ", expected",
        ),
    },
    "kernel-matrix": {
        "small kernels": (
            but(KERNEL, ("return moved", "return moved[:4, :4]")), "has shape"
        ),
    },
    "overlapping": {
        "small pictures": (but(OVERLAP, ("= pixels.shape[2:]", "= pixels[:, :, :8].shape[2:]"),
                               ("[:, :, r : r", "[:, :, : 8][:, :, r : r")), "has shape"),
        "patches that touch, of another order": (
            but(OVERLAP, ("window.flatten(1)",
                          "(window.mT if stride == p else window).flatten(1)")),
            r"overlapping\(\(2, 3, 6, 9\), 3, 3\) is wrong in",
        ),
    },
}  # fmt: skip

RIGHT = {
    "find-pixel": {
        "by steps": FIND,
        "as floats in a list": """
def find_pixel(colour, row, column, width, patch_size):
    i, j = torch.tensor([row, column]) // patch_size
    a, b = row % patch_size, column % patch_size
    return [float(i * (width / patch_size) + j), float((colour * patch_size + a) * patch_size + b)]
""",
        "looked up": """
def find_pixel(colour, row, column, width, patch_size):
    p = patch_size
    sheet = torch.zeros(3 * (row // p + 1) * p * width, dtype=torch.int64)
    sheet = sheet.reshape(3, -1, width)
    sheet[colour, row, column] = 1
    rows = sheet.reshape(3, -1, p, width // p, p).permute(1, 3, 0, 2, 4).reshape(-1, 3 * p * p)
    return rows.nonzero()[0]
""",
    },
    "kernel-matrix": {
        "permute": KERNEL,
        "a number at a time": """
def kernel_matrix(kernel):
    width, colours, p, _ = kernel.shape
    return [
        [float(kernel[w, c, a, b]) for w in range(width)]
        for a in range(p) for b in range(p) for c in range(colours)
    ]
""",
        "asked of a convolution": """
def kernel_matrix(kernel):
    width, colours, p, _ = kernel.shape
    ones = torch.eye(p * p * colours).reshape(-1, p, p, colours).permute(0, 3, 1, 2)
    return torch.nn.functional.conv2d(ones, kernel).flatten(1)
""",
        "NumPy, float64": """
def kernel_matrix(kernel):
    import numpy as np
    return np.ascontiguousarray(kernel.numpy().astype(float).transpose(2, 3, 1, 0)).reshape(
        -1, len(kernel))
""",
        "one column after the other": """
def kernel_matrix(kernel):
    columns = [one.permute(1, 2, 0).flatten() for one in kernel]
    return torch.stack(columns, dim=1)
""",
        "einsum": """
def kernel_matrix(kernel):
    return torch.einsum("wcab->abcw", kernel).flatten(0, 2)
""",
    },
    "overlapping": {
        "loops": OVERLAP,
        "lists of rows": """
def overlapping(pixels, patch_size, stride):
    p, (N, C, H, W) = patch_size, pixels.shape
    levels = pixels.tolist()
    return [
        [
            [levels[n][c][r + a][k + b] for c in range(C) for a in range(p) for b in range(p)]
            for r in range(0, H - p + 1, stride) for k in range(0, W - p + 1, stride)
        ]
        for n in range(N)
    ]
""",
        "into a new tensor": """
def overlapping(pixels, patch_size, stride):
    down, across = [(side - patch_size) // stride + 1 for side in pixels.shape[2:]]
    out = torch.empty(len(pixels), down * across, pixels.shape[1] * patch_size**2).double()
    for k in range(down * across):
        r, c = k // across * stride, k % across * stride
        out[:, k] = pixels[..., r : r + patch_size, c : c + patch_size].reshape(len(pixels), -1)
    return out
""",
        "unfold of the library": """
def overlapping(pixels, patch_size, stride):
    return torch.nn.functional.unfold(pixels, patch_size, stride=stride).transpose(1, 2)
""",
        "unfold of the tensor": """
def overlapping(pixels, patch_size, stride):
    windows = pixels.unfold(2, patch_size, stride).unfold(3, patch_size, stride)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
""",
    },
}


@pytest.mark.parametrize(("name", "answer", "hint"), cases(WRONG))
def test_a_wrong_answer_is_turned_down_with_a_hint(name, answer, hint):
    EXERCISES[name].assert_refused(answer, hint)


@pytest.mark.parametrize(("name", "answer", "hint"), cases(WRONG_IN_HIDDEN))
def test_the_hidden_check_sees_what_the_visible_one_does_not(name, answer, hint):
    EXERCISES[name].assert_accepted(answer, hidden=False)
    EXERCISES[name].assert_refused(answer, hint, hidden=True)


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_a_right_answer_written_differently_passes(name, answer):
    EXERCISES[name].assert_accepted(answer)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_passes(name):
    EXERCISES[name].assert_accepted(EXERCISES[name].solution)
