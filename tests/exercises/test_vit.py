"""The exercises of the chapter on the ViT: their own check cells turn typical wrong answers down,
with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, cases

CHAPTER = "image/vit"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("class-map", "vit-parameters", "stretch-positions")
}

MAP = """
def class_map(weights):
    looks = weights[-1].mean(0)[0, 1:]
    side = round(len(looks) ** 0.5)
    looks = looks / looks.sum()
    return looks.reshape(side, side)
"""
COUNT = """
def vit_parameters(image_size, patch_size, width, depth, mlp_width, embed_dim):
    tokens = (image_size // patch_size) ** 2 + 1
    outside = 3 * patch_size**2 * width + width + tokens * width
    outside = outside + 4 * width
    attention = 4 * width**2 + 4 * width
    mlp = 2 * width * mlp_width + mlp_width + width
    block = attention + mlp + 4 * width
    return outside + depth * block + width * embed_dim
"""
STRETCH = """
def stretch_positions(positions, old, new):
    first, rest = positions[:1], positions[1:]
    rows, columns = old
    grid = rest.T.reshape(1, -1, rows, columns)
    grid = torch.nn.functional.interpolate(grid, new, mode="bilinear")
    rest = grid[0].flatten(1).T
    return torch.cat([first, rest])
"""


WRONG = {
    "class-map": {
        "not divided": (but(MAP, ("looks / looks.sum()", "looks")), "sum of what is left"),
        "columns": (but(MAP, ("[0, 1:]", "[1:, 0]")), "rows are queries"),
        "first layer": (but(MAP, ("weights[-1]", "weights[0]")), "the first layer"),
        "all layers": (but(MAP, ("weights[-1].mean(0)", "weights.mean((0, 1))")), "mean over"),
        "first head": (but(MAP, ("[-1].mean(0)", "[-1][0]")), "the first head alone"),
        "last head": (but(MAP, ("[-1].mean(0)", "[-1][-1]")), "the last head alone"),
        "heads divided first": (
            but(MAP, ("[-1].mean(0)[0, 1:]", "[-1][:, 0, 1:]"),
                ("looks = looks / looks.sum()",
                 "looks = (looks / looks.sum(-1, keepdim=True)).mean(0)"),
                ("len(looks)", "looks.shape[1]")),
            "average the heads first",
        ),
        "down the columns": (but(MAP, ("side, side)", "side, side).T")), "down the columns"),
        "softmax again": (but(MAP, ("looks / looks.sum()", "looks.softmax(0)")), "second softmax"),
        "not a map": (but(MAP, (".reshape(side, side)", "")), r"has shape \(4,\)"),
        "itself left in": (but(MAP, ("[0, 1:]", "[0]")), "your code raised RuntimeError"),
        "first patch's row": (but(MAP, ("[0, 1:]", "[1, 1:]")), "is .*, expected"),
        "blank": ("def class_map(weights):\n    raise NotImplementedError()", "not written yet"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "vit-parameters": {
        "no class token": (but(COUNT, ("+ width + tokens", "+ tokens")), "is a parameter"),
        "no place for it": (but(COUNT, ("** 2 + 1", "** 2")), "position as well"),
        "neither": (
            but(COUNT, ("+ width + tokens", "+ tokens"), ("** 2 + 1", "** 2")), "20 are missing"
        ),
        "one norm outside": (but(COUNT, ("outside + 4", "outside + 2")), "a norm outside"),
        "no norm outside": (but(COUNT, ("outside + 4 * width", "outside")), "outside the blocks"),
        "no norm in blocks": (but(COUNT, ("mlp + 4 * width", "mlp")), "blocks lack"),
        "no biases in attention": (but(COUNT, ("**2 + 4 * width", "**2")), "biases of attention"),
        "no biases in the mlp": (but(COUNT, (" + mlp_width + width", "")), "network's biases"),
        "no biases in blocks": (
            but(COUNT, ("**2 + 4 * width", "**2"), (" + mlp_width + width", "")),
            "the biases in the blocks",
        ),
        "norms without bias": (
            but(COUNT, ("outside + 4", "outside + 2"), ("mlp + 4", "mlp + 2")),
            "weight and a bias",
        ),
        "no norms": (
            but(COUNT, ("outside + 4 * width", "outside"), ("mlp + 4 * width", "mlp")),
            "the norms are missing",
        ),
        "patch bias": (but(COUNT, ("outside + 4", "outside + 5")), "embedding has no bias"),
        "projection bias": (
            but(COUNT, ("width * embed_dim", "width * embed_dim + embed_dim")),
            "the projection has no bias",
        ),
        "grey": (but(COUNT, ("3 * patch", "patch")), "three channels"),
        "one block": (but(COUNT, ("depth * block", "block")), "not one"),
        "no projection": (but(COUNT, (" + width * embed_dim", "")), "projection is missing"),
        "no output matrix": (
            but(COUNT, ("4 * width**2 + 4 * width", "3 * (width**2 + width)")), "fourth matrix"
        ),
        "always four times": (
            but(COUNT, ("mlp = ", "mlp_width = 4 * width\n    mlp = ")), "not 4 × width"
        ),
        "blank": ("def vit_parameters(*a, **k):\n    raise NotImplementedError()", "not written"),
    },
    "stretch-positions": {
        "class token lost": (but(STRETCH, ("torch.cat([first, rest])", "rest")), "is missing"),
        "class token last": (but(STRETCH, ("[first, rest]", "[rest, first]")), "comes first"),
        "class token zero": (but(STRETCH, ("cat([first", "cat([first * 0")), "as it is"),
        "class token the mean": (
            but(STRETCH, ("cat([first", "cat([rest.mean(0)[None]")), "it is no mean"
        ),
        "class token in the map": (
            but(STRETCH, ("positions[1:]", "positions")), "your code raised RuntimeError"
        ),
        "reshape": (but(STRETCH, ("rest.T.reshape", "rest.reshape")), "reshape alone mixes it"),
        "corners": (
            but(STRETCH, ('"bilinear"', '"bilinear", align_corners=True')), "align_corners alone"
        ),
        "nearest": (but(STRETCH, ('"bilinear"', '"nearest"')), "copies the nearest"),
        "turned": (
            but(STRETCH, ("grid[0].flatten", "grid[0].transpose(1, 2).flatten")),
            "down the columns",
        ),
        "columns first": (
            but(STRETCH, ("rows, columns = old", "columns, rows = old"),
                ("(grid, new,", "(grid, new[::-1],")),
            "old and new are",
        ),
        "old columns first": (
            but(STRETCH, ("rows, columns = old", "columns, rows = old")), "old is .rows, columns."
        ),
        "new columns first": (
            but(STRETCH, ("(grid, new,", "(grid, new[::-1],")), "new is .rows, columns."
        ),
        "squares, as in the chapter": (
            """
def stretch_positions(positions, old, new):
    side = round((len(positions) - 1) ** 0.5)
    grid = positions[1:].T.reshape(1, -1, side, side)
    grid = torch.nn.functional.interpolate(grid, (new[0], new[0]), mode="bilinear")
    return torch.cat([positions[:1], grid[0].flatten(1).T])
""",
            "your code raised RuntimeError",
        ),
        "as a line": (
            "def stretch_positions(positions, old, new):\n"
            "    line = positions.T[None]\n"
            "    line = torch.nn.functional.interpolate(line, 1 + new[0] * new[1], mode='linear')\n"
            "    return line[0].T",
            "is wrong in",
        ),
        "no return": (but(STRETCH, ("return torch", "torch")), "is None"),
        "blank": ("def stretch_positions(*a):\n    raise NotImplementedError()", "not written"),
    },
}  # fmt: skip

WRONG_IN_HIDDEN = {
    "class-map": {
        "two by two": (but(MAP, ("round(len(looks) ** 0.5)", "2")), "your code raised"),
        "second layer": (but(MAP, ("weights[-1]", "weights[1]")), "raised IndexError|wrong in"),
        "in place": (
            but(MAP, ("looks = looks / looks.sum()",
                      "looks = weights[-1, 0, 0, 1:].copy_(looks / looks.sum())")),
            "changes the weights",
        ),
    },
    "vit-parameters": {
        "image width for width": (
            but(COUNT, ("(image_size // patch_size) ** 2", "16")), "expected"
        ),
        "two blocks": (but(COUNT, ("depth * block", "2 * block")), "expected"),
    },
    "stretch-positions": {
        "bicubic": (
            but(STRETCH, ('mode="bilinear"', 'mode="bilinear" if new == (4, 6) else "bicubic"')),
            "not bicubic",
        ),
        "antialiased": (
            but(STRETCH, ('"bilinear"', '"bilinear", antialias=True')), "without antialiasing"
        ),
        "by a factor of two": (
            but(STRETCH, ("(grid, new,", "(grid, scale_factor=2,")), "has shape"
        ),
        "in place": (
            but(STRETCH, ("return", "positions[0] += 1; first = first - 1\n    return")),
            "changes the P",
        ),
    },
}  # fmt: skip

RIGHT = {
    "class-map": {
        "sums": """
def class_map(weights):
    looks = weights[-1, :, 0].sum(0)
    looks = looks[1:] / (looks.sum() - looks[0])
    side = int((weights.shape[-1] - 1) ** 0.5)
    return looks.view(side, side)
""",
        "lists": """
def class_map(weights):
    heads, tokens = weights.shape[1], weights.shape[2]
    looks = [sum(float(weights[-1, h, 0, k]) for h in range(heads)) for k in range(1, tokens)]
    side = round((tokens - 1) ** 0.5)
    looks = [one / sum(looks) for one in looks]
    return [looks[side * row : side * row + side] for row in range(side)]
""",
    },
    "vit-parameters": {
        "in one": """
def vit_parameters(image_size, patch_size, width, depth, mlp_width, embed_dim):
    w, m = width, mlp_width
    rows = 3 * patch_size**2 + image_size**2 // patch_size**2 + 2 + 4 + embed_dim
    return w * rows + depth * (3 * (w * w + w) + w * w + w + (w + 1) * m + (m + 1) * w + 4 * w)
""",
        "built": """
def vit_parameters(image_size, patch_size, width, depth, mlp_width, embed_dim):
    from torch import nn
    layer = nn.TransformerEncoderLayer(width, 1, mlp_width)
    parts = [nn.Conv2d(3, width, patch_size, bias=False), nn.Linear(width, embed_dim, bias=False),
             nn.Embedding((image_size // patch_size) ** 2 + 2, width), nn.LayerNorm(width),
             nn.LayerNorm(width)] + depth * [layer]
    return sum(one.numel() for part in parts for one in part.parameters())
""",
    },
    "stretch-positions": {
        "two directions": """
def stretch_positions(positions, old, new):
    shares = []
    for size, many in zip(old, new):
        centre = ((torch.arange(many) + 0.5) * size / many - 0.5).clamp(0, size - 1)
        shares.append((1 - (centre[:, None] - torch.arange(size)).abs()).clamp(min=0))
    grid = positions[1:].reshape(*old, -1)
    grid = torch.einsum("ra,cb,abw->rcw", *shares, grid)
    return torch.cat([positions[:1], grid.flatten(0, 1)])
""",
        "into a new tensor": """
def stretch_positions(positions, old, new):
    out = torch.empty(new[0] * new[1] + 1, positions.shape[1])
    out[0] = positions[0]
    for k in range(positions.shape[1]):
        sheet = positions[1:, k].reshape(1, 1, old[0], old[1])
        sheet = torch.nn.functional.interpolate(sheet, new, mode="bilinear", align_corners=False)
        out[1:, k] = sheet.flatten()
    return out
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
