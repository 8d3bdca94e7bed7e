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
        "first patch's row": (but(MAP, ("[0, 1:]", "[1, 1:]")), "map: class_map.*, expected"),
        "two by two": (but(MAP, ("round(len(looks) ** 0.5)", "2")), "your code raised"),
        "second layer": (but(MAP, ("weights[-1]", "weights[1]")), "raised IndexError"),
        "in place": (
            but(MAP, ("looks = looks / looks.sum()",
                      "looks = weights[-1, 0, 0, 1:].copy_(looks / looks.sum())")),
            "changes `weights`",
        ),
        "two heads": (
            but(MAP, ("weights[-1].mean(0)", "((weights[-1, 0] + weights[-1, 1]) / 2)")),
            "4 heads, 1 layers is wrong in",
        ),
        "first two heads": (
            but(MAP, ("weights[-1].mean(0)", "weights[-1][:2].mean(0)")), "4 heads, 1 layers"
        ),
        "first and last head": (
            but(MAP, ("weights[-1].mean(0)", "(weights[-1][0] + weights[-1][-1])")), "4 heads"
        ),
        "heads and layers mixed up": (
            but(MAP, ("weights[-1].mean(0)", "weights[:, -1].mean(0)")), ", expected"
        ),
        "maximum over heads": (but(MAP, (".mean(0)", ".amax(0)")), ", expected"),
        "last token's row": (but(MAP, ("[0, 1:]", "[-1, 1:]")), "map: class_map.*, expected"),
        "class token last": (but(MAP, ("[0, 1:]", "[-1, :-1]")), ", expected"),
        "itself in the sum": (
            but(MAP, ("[0, 1:]", "[0]"), ("looks / looks.sum()", "looks[1:] / looks.sum()"),
                ("len(looks)", "(len(looks) - 1)")),
            "sum of what is left",
        ),
        "all queries": (but(MAP, ("[0, 1:]", "[:, 1:].mean(0)")), ", expected"),
        "rolled out over the layers": (
            but(MAP, ("weights[-1].mean(0)",
                      "__import__('functools').reduce(lambda a, b: b @ a, weights.mean(1))")),
            ", expected",
        ),
        "divided by the largest": (but(MAP, ("looks.sum()", "looks.max()")), ", expected"),
        "learned by heart": (
            "def class_map(weights):\n    return [[0.4, 0.2], [0.25, 0.15]]", "has shape"
        ),
        "no return": (but(MAP, ("return looks", "looks")), "is None"),
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
        "no biases of query, key, value": (
            but(COUNT, ("**2 + 4 * width", "**2 + width")), "query, key and value"
        ),
        "one norm a block": (but(COUNT, ("mlp + 4 * width", "mlp + 2 * width")), "two norms in a"),
        "no positions": (but(COUNT, (" + tokens * width", "")), "positions are missing"),
        "a patch's side": (but(COUNT, ("patch_size**2 *", "patch_size *")), "patch_size² pixels"),
        "one matrix in the mlp": (
            but(COUNT, ("2 * width * mlp_width + mlp_width + width", "(width + 1) * mlp_width")),
            "two matrices",
        ),
        "no patch embedding": (
            but(COUNT, ("3 * patch_size**2 * width + width", "width")), "embedding is missing"
        ),
        "sixteen patches": (but(COUNT, ("(image_size // patch_size) ** 2", "16")), ", expected"),
        "three blocks": (but(COUNT, ("depth * block", "3 * block")), ", expected"),
        "a block at least": (but(COUNT, ("depth * block", "max(depth, 1) * block")), ", expected"),
        "as wide as the example": (
            but(COUNT, ("outside = outside + 4 * width", "outside = outside + 40")), ", expected"
        ),
        "a square projection": (but(COUNT, ("width * embed_dim", "width**2")), ", expected"),
        "learned by heart": ("def vit_parameters(*a):\n    return 3875", ", expected"),
        "no return": (but(COUNT, ("return outside", "outside")), "is None"),
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
        "bicubic": (but(STRETCH, ("bilinear", "bicubic")), "is wrong in"),
        "antialiased": (
            but(STRETCH, ('"bilinear"', '"bilinear", antialias=True')), "from .4, 5. to .7, 2. is"
        ),
        "by a factor of two": (
            but(STRETCH, ("(grid, new,", "(grid, scale_factor=2,")), "has shape"
        ),
        "by one factor": (
            but(STRETCH, ("(grid, new,", "(grid, scale_factor=new[0] / old[0],")), "is wrong in"
        ),
        "in place": (
            but(STRETCH, ("return", "positions[0] += 1; first = first - 1\n    return")),
            "changes `positions`",
        ),
        "two numbers wide": (
            but(STRETCH, ("reshape(1, -1, rows, columns)", "reshape(1, 2, rows, columns)")),
            "your code raised RuntimeError",
        ),
        "larger only": (
            but(STRETCH, ("first, rest = ",
                          "new = [max(pair) for pair in zip(old, new)]\n    first, rest = ")),
            "has shape",
        ),
        "nothing to do": (
            but(STRETCH, ("    rows, columns = old",
                          "    if old == new:\n        return rest\n    rows, columns = old")),
            "has shape",
        ),
        "rows alone": (
            but(STRETCH, ("(grid, new,", "(grid, (new[0], columns),")), "has shape"
        ),
        "square maps": (
            but(STRETCH, ("rows, columns = old", "rows = columns = round(len(rest) ** 0.5)")),
            "your code raised RuntimeError",
        ),
        "padded with zeros": (
            but(STRETCH, ("torch.nn.functional.interpolate(grid, new, mode=\"bilinear\")",
                          "torch.nn.functional.pad("
                          "grid, (0, new[1] - old[1], 0, new[0] - old[0]))")),
            "is wrong in",
        ),
        "learned by heart": (
            "def stretch_positions(positions, old, new):\n"
            "    return torch.zeros(1 + new[0] * new[1], positions.shape[1])",
            "is wrong in",
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
        "small squares": (but(MAP, ("[0, 1:]", "[0, 1:17]")), "has shape"),
    },
    "vit-parameters": {
        "small widths": (but(COUNT, ("patch_size**2 * width", "patch_size**2 * min(width, 512)")),
                         ", expected"),
    },
    "stretch-positions": {
        "narrow maps": (
            but(STRETCH, ("positions[:1], positions[1:]", "positions[:1, :5], positions[1:, :5]")),
            "has shape",
        ),
    },
}  # fmt: skip

RIGHT = {
    "class-map": {
        "NumPy": """
def class_map(weights):
    import numpy as np
    looks = np.asarray(weights, dtype=float)[-1, :, 0].mean(axis=0)
    side = int(np.sqrt(len(looks) - 1) + 0.5)
    return np.flip(np.flip(looks[1:] / looks[1:].sum()).reshape(side, side))
""",
        "one minus itself": """
def class_map(weights):
    looks = weights[-1].mean(dim=0)[0].double()
    return (looks[1:] / (1 - looks[0])).unflatten(0, (round((len(looks) - 1) ** 0.5), -1))
""",
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
        "as floats": """
def vit_parameters(image_size, patch_size, width, depth, mlp_width, embed_dim):
    patches = (image_size / patch_size) ** 2
    block = 4 * (width + 1) * width + (width + 1) * mlp_width + (mlp_width + 1) * width + 4 * width
    return width * (3 * patch_size**2 + patches + 2 + 4 + embed_dim) + depth * float(block)
""",
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
        "by factors": """
def stretch_positions(positions, old, new):
    grid = positions[1:].unflatten(0, old).movedim(2, 0)[None]
    scales = [n / o for n, o in zip(new, old)]
    grid = torch.nn.functional.interpolate(grid, scale_factor=scales, mode="bilinear")
    return torch.cat([positions[:1], grid[0].movedim(0, 2).reshape(-1, positions.shape[1])])
""",
        "lists of rows": """
def stretch_positions(positions, old, new):
    def shares(many, size, k):
        at = min(max((k + 0.5) * size / many - 0.5, 0), size - 1)
        low = min(int(at), max(size - 2, 0))
        return [(low, low + 1 - at), (min(low + 1, size - 1), at - low)]
    rows = [positions[0].tolist()]
    grid = positions[1:].reshape(*old, -1).tolist()
    for r in range(new[0]):
        for c in range(new[1]):
            rows.append([
                sum(u * v * grid[i][j][w] for i, u in shares(new[0], old[0], r)
                    for j, v in shares(new[1], old[1], c))
                for w in range(positions.shape[1])
            ])
    return rows
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
