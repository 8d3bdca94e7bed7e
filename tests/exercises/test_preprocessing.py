"""The exercises of the chapter on preprocessing: their own check cells turn typical wrong answers
down, with a sentence that points at the mistake, and let right ones pass."""

import pytest

from .chapter import Exercise, but, cases

CHAPTER = "image/preprocessing"
EXERCISES = {
    name: Exercise(CHAPTER, name) for name in ("seen-box", "on-white", "channel-constants")
}

BOX = """
def seen_box(width, height):
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    right, bottom = left + side, top + side
    return left, top, right, bottom
"""
WHITE = """
def on_white(rgba):
    levels = torch.as_tensor(rgba).float()
    colour, a = levels[..., :3], levels[..., 3:] / 255
    mixed = a * colour + (1 - a) * 255
    return mixed.round()
"""
CONSTANTS = """
def channel_constants(pictures):
    count = sum(one.shape[0] * one.shape[1] for one in pictures)
    floats = [one.double() / 255 for one in pictures]
    mean = sum(one.sum(dim=(0, 1)) for one in floats) / count
    squares = sum((one**2).sum(dim=(0, 1)) for one in floats) / count
    std = (squares - mean**2).clamp(min=0).sqrt()
    return torch.stack([mean, std])
"""
# mean and deviation of each picture by itself, (pictures, 3)
EACH = """
def channel_constants(pictures):
    flat = [one.double().reshape(-1, 3) / 255 for one in pictures]
    counts = torch.tensor([len(one) for one in flat])[:, None]
    share = counts / counts.sum()
    means = torch.stack([one.mean(dim=0) for one in flat])
    stds = torch.stack([one.std(dim=0, correction=0) for one in flat])
    pooled = (share * means).sum(dim=0)
    return torch.stack([MEAN, STD])
"""
ALL = """
def channel_constants(pictures):
    flat = torch.cat([one.reshape(-1, 3) for one in pictures]).double() / 255
    return torch.stack([flat.mean(dim=0), flat.std(dim=0, correction=0)])
"""


ROUNDED_HALVES = ("(width - side) / 2, (height - side) / 2",
                  "(width - side) // 2, (height - side) // 2")  # fmt: skip

WRONG = {
    "seen-box": {
        "the long side": (but(BOX, ("min(", "max(")), "as long as the short side"),
        "always the width": (but(BOX, ("min(width, height)", "width")), "the short side"),
        "from the beginning": (
            but(BOX, ("(width - side) / 2, (height - side) / 2", "0, 0")), "not the beginning"
        ),
        "at the end": (
            but(BOX, ("(width - side) / 2, (height - side) / 2", "width - side, height - side")),
            "not the end",
        ),
        "all from the left": (
            but(BOX, ("(width - side) / 2", "width - side")), "not the end"
        ),
        "all from both ends": (
            but(BOX, ("(width - side) / 2", "width - side"),
                ("left + side, top", "side, top")),
            "both ends lose alike",
        ),
        "width and height": (
            but(BOX, ("left + side, top + side", "side, side")), "not width and height"
        ),
        "order": (
            but(BOX, ("left, top, right, bottom", "left, right, top, bottom")), "the order is left"
        ),
        "rows and columns": (
            but(BOX, ("return left, top, right, bottom", "return top, left, bottom, right")),
            "rows and columns are exchanged",
        ),
        "nothing cut": (
            "def seen_box(width, height):\n    return 0, 0, width, height", "to be a square"
        ),
        "shares": (
            but(BOX, ("return left, top, right, bottom",
                      "return left / width, top / height, right / width, bottom / height")),
            "not as shares",
        ),
        "in the resized picture": (
            but(BOX, ("side = min(width, height)", "k = 224 / min(width, height)\n    side = 224"),
                ("(width - side) / 2, (height - side)",
                 "(k * width - side) / 2, (k * height - side)")),
            "not of the resized picture",
        ),
        "in the resized picture, rounded": (
            but(BOX, ("side = min(width, height)", "side = 224"),
                ("(width - side) / 2, (height - side) / 2",
                 "(width * 224 // min(width, height) - side) // 2, "
                 "(height * 224 // min(width, height) - side) // 2")),
            "resized and rounded",
        ),
        "negative rest": (
            but(BOX, ("(width - side) / 2", "(side - width) / 2"),
                ("left + side, top", "(width + side) / 2, top")),
            "half of what is left over",
        ),
        "rounded down": (but(BOX, ROUNDED_HALVES), "do not round"),
        "rounded up": (
            but(BOX, ("(width - side) / 2", "round((width - side) / 2)")), "do not round, up"
        ),
        "whole pixels": (
            but(BOX, ("return left, top, right, bottom",
                      "return [int(edge) for edge in (left, top, right, bottom)]")),
            "do not round",
        ),
        "always the height": (but(BOX, ("min(width, height)", "height")), "here the width"),
        "always from the left": (
            but(BOX, ("(width - side) / 2, (height - side) / 2", "abs(width - height) / 2, 0")),
            "the top and the bottom",
        ),
        "only wide ones": (
            but(BOX, ("left + side, top + side", "left + side, height"),
                ("(height - side) / 2", "0")),
            "the height is to be cut",
        ),
        "high ones rounded": (
            but(BOX, ("(height - side) / 2", "(height - side) // 2")), ", expected"
        ),
        "squares forgotten": (
            but(BOX, ("side = min(", "if width == height:\n        return None\n    side = min(")),
            "is None",
        ),
        "learned by heart": (
            "def seen_box(width, height):\n"
            "    if height > width:\n        return 0, 75, 450, 525\n"
            "    return (75, 0, 525, 450) if width == 600 else (75.5, 0, 375.5, 300)",
            ", expected",
        ),
        "scaled back from 64 rows": (
            but(BOX, ("side = min(width, height)",
                      "side = min(width, height)\n"
                      "    w, h = width * 64 // side, height * 64 // side"),
                ("(width - side) / 2, (height - side) / 2",
                 "(w - 64) // 2 * width / w, (h - 64) // 2 * height / h")),
            ", expected",
        ),
        "no return": (but(BOX, ("return left, top, right, bottom", "left, top")), "is None"),
        "blank": ("def seen_box(w, h):\n    raise NotImplementedError()", "not written yet"),
        "not run": ("", "run the cell of the exercise first"),
    },
    "on-white": {
        "alpha dropped": (
            but(WHITE, ("a * colour + (1 - a) * 255", "colour")), "alpha is dropped"
        ),
        "on black": (but(WHITE, (" + (1 - a) * 255", "")), "that is on black"),
        "the wrong way round": (
            but(WHITE, ("levels[..., 3:] / 255", "1 - levels[..., 3:] / 255")), "wrong way round"
        ),
        "white is one": (but(WHITE, ("(1 - a) * 255", "(1 - a)")), "white is 255"),
        "white added whole": (but(WHITE, ("(1 - a) * 255", "255")), "white is added whole"),
        "white added whole, clamped": (
            but(WHITE, ("(1 - a) * 255", "255"), ("mixed.round()", "mixed.round().clamp(0, 255)")),
            "nothing is seen of the colour",
        ),
        "whole numbers, share by share": (
            "def on_white(rgba):\n"
            "    colour, alpha = rgba[..., :3], rgba[..., 3:]\n"
            "    return colour * alpha // 255 + (255 - alpha)",
            "uint8 has overflowed",
        ),
        "whole numbers, together": (
            "def on_white(rgba):\n"
            "    colour, alpha = rgba[..., :3], rgba[..., 3:]\n"
            "    return (colour * alpha + 255 * (255 - alpha)) // 255",
            "has uint8 overflowed",
        ),
        "channels first": (
            but(WHITE, ("mixed.round()", "mixed.round().permute(2, 0, 1)")), "channels come last"
        ),
        "four channels": (
            but(WHITE, ("mixed.round()", "torch.cat([mixed.round(), levels[..., 3:]], dim=2)")),
            "no place in the result",
        ),
        "from 0 to 1": (but(WHITE, ("mixed.round()", "mixed / 255")), "not of 0 to 1"),
        "alpha not divided": (but(WHITE, (":] / 255", ":]")), "divide alpha by 255"),
        "not rounded": (but(WHITE, ("mixed.round()", "mixed")), "round to whole levels"),
        "cut off": (but(WHITE, ("mixed.round()", "mixed.byte()")), "cuts off"),
        "cut off in float64": (
            but(WHITE, ("mixed.round()", "mixed.floor()"), (".float()", ".double()")), "cuts off"
        ),
        "up": (but(WHITE, ("mixed.round()", "mixed.ceil()")), "not up"),
        "in place": (
            but(WHITE, ("    return mixed.round()",
                        "    rgba[..., 3] = 255\n    return mixed.round()")),
            "changes `rgba`",
        ),
        "black is taken for nothing": (
            but(WHITE, ("mixed.round()", "torch.where(colour == 0, 255, mixed.round())")),
            "black is a colour|on_white\\(glass\\)",
        ),
        "black pixels become white": (
            but(WHITE, ("mixed.round()",
                        "torch.where((colour == 0).all(2, keepdim=True), 255, mixed.round())")),
            "of black, white is wrong in",
        ),
        "black where nothing is seen": (
            but(WHITE, ("mixed.round()", "torch.where(a == 0, colour, mixed.round())")), "pane"
        ),
        "a 256th": (but(WHITE, (":] / 255", ":] / 256")), "not by 256"),
        "all or nothing": (
            but(WHITE, ("a * colour + (1 - a) * 255", "torch.where(a > 0.5, colour, 255.0)")),
            ", expected",
        ),
        "half precision": (but(WHITE, (".float()", ".half()")), ", expected|is wrong in"),
        "a row only": (
            but(WHITE, ("levels = torch.as_tensor(rgba).float()",
                        "levels = torch.as_tensor(rgba).float()[:1]")),
            "has shape",
        ),
        "a square": (
            but(WHITE, ("mixed.round()",
                        "mixed.round().reshape(max(1, len(rgba)), -1, 3).transpose(0, 1)")),
            "has shape",
        ),
        "small numbers only": (
            but(WHITE, ("levels = torch.as_tensor(rgba).float()", "levels = rgba.short()"),
                ("levels[..., 3:] / 255", "levels[..., 3:]"),
                ("a * colour + (1 - a) * 255", "(a * colour + (255 - a) * 255) / 255")),
            ", expected",
        ),
        "alpha without an axis": (
            but(WHITE, ("levels[..., 3:] / 255", "levels[..., 3] / 255")), "an axis of its own"
        ),
        "a threshold": (
            but(WHITE, ("levels[..., 3:] / 255", "(levels[..., 3:] > 51).float()"),
                ("(1 - a) * 255", "(1 - a) * (0.2 * colour + 204)")),
            ", expected|is wrong in",
        ),
        "no return": (but(WHITE, ("return mixed", "mixed")), "is None"),
        "blank": ("def on_white(rgba):\n    raise NotImplementedError()", "not written yet"),
    },
    "channel-constants": {
        "means of pictures": (
            but(EACH, ("MEAN", "means.mean(dim=0)"), ("STD", "stds.mean(dim=0)")),
            "count pixels, not pictures: the bar",
        ),
        "deviation of pictures": (
            but(EACH, ("MEAN", "pooled"), ("STD", "stds.mean(dim=0)")), "deviation within pictures"
        ),
        "deviation of pictures, weighted": (
            but(EACH, ("MEAN", "pooled"), ("STD", "(share * stds).sum(dim=0)")),
            "that the pictures differ, weighted",
        ),
        "variance of pictures, weighted": (
            but(EACH, ("MEAN", "pooled"), ("STD", "(share * stds**2).sum(dim=0).sqrt()")),
            "variance within pictures",
        ),
        "deviation of the means": (
            but(EACH, ("MEAN", "pooled"), ("STD", "means.std(dim=0, correction=0)")),
            "that of the pictures' means",
        ),
        "means and deviation of the means": (
            but(EACH, ("MEAN", "means.mean(dim=0)"), ("STD", "means.std(dim=0, correction=0)")),
            "mean and deviation of the pictures' means",
        ),
        "0 to 255": (but(CONSTANTS, (" / 255", "")), "divide by 255"),
        "count minus one": (but(ALL, (", correction=0", "")), "correction=0"),
        "variance": (but(CONSTANTS, (".sqrt()", "")), "take its square root"),
        "channels first": (
            but(ALL, ("one.reshape(-1, 3) for", "one.reshape(3, -1).T for")),
            "the channels come last",
        ),
        "count of numbers": (
            but(CONSTANTS, ("one.shape[0] * one.shape[1]", "one.numel()")), "numel counts three"
        ),
        "turned": (but(CONSTANTS, ("[mean, std])", "[mean, std]).T")), "in one row"),
        "one for all channels": (
            but(ALL, ("dim=0), flat", "), flat"), ("dim=0, ", "")), r"has shape \(2,\)"
        ),
        "squares in uint8": (
            but(CONSTANTS, ("(one**2).sum(dim=(0, 1)) for one in floats",
                            "(one**2).sum(dim=(0, 1)) / 255**2 for one in pictures")),
            ", expected",
        ),
        "stacked": (but(ALL, ("torch.cat([one.reshape(-1, 3) for one in pictures])",
                              "torch.stack(pictures).reshape(-1, 3)")),
                    "your code raised RuntimeError"),
        "two pictures": (
            but(ALL, ("for one in pictures", "for one in pictures[:2]")), "the constants of three"
        ),
        "half precision": (
            but(CONSTANTS, (".double()", ".half()"), (".clamp(min=0)", "")), "constants of"
        ),
        "three pixels wide": (
            but(CONSTANTS, ("one.shape[0] * one.shape[1]", "one.shape[1]")), "constants of three"
        ),
        "from zero, not from the mean": (
            but(CONSTANTS, ("(squares - mean**2)", "squares")), ", expected"
        ),
        "rounding below zero": (
            but(CONSTANTS, (".double()", ".float()"), (".clamp(min=0)", "")), "of nan: the root"
        ),
        "a deviation at least": (
            but(CONSTANTS, (".clamp(min=0)", ".clamp(min=1e-4)")), "of a plain 0|is .*, expected"
        ),
        "sums in uint8": (
            but(ALL, ("/ 255", ""), ("flat.mean(dim=0)", "flat.byte().sum(0, dtype=torch.uint8)")),
            ", expected",
        ),
        "scaled in place": (
            but(ALL, ("    flat = torch", "    for one in pictures:\n        one //= 2\n"
                                          "    flat = torch")),
            "changes `pictures`",
        ),
        "the list replaced": (
            but(ALL, ("    flat = torch",
                      "    pictures[:] = [one.reshape(-1, 3) for one in pictures]\n"
                      "    flat = torch")),
            "changes `pictures`",
        ),
        "learned by heart": (
            "def channel_constants(pictures):\n"
            "    return [[0.25, 0.25, 0.2], [0.4330127, 0.4330127, 0]]",
            "constants of three",
        ),
        "pictures alike are one": (
            but(ALL, ("for one in pictures", "for one in {p.shape: p for p in pictures}.values()")),
            "the constants of two alike",
        ),
        "one deviation for all": (
            but(ALL, ("flat.std(dim=0, correction=0)", "flat.std(correction=0).expand(3)")),
            ", expected",
        ),
        "no return": (but(CONSTANTS, ("return torch", "torch")), "is None"),
        "blank": ("def channel_constants(p):\n    raise NotImplementedError()", "not written yet"),
    },
}  # fmt: skip

WRONG_IN_HIDDEN = {
    "seen-box": {
        "up to a thousand": (
            but(BOX, ("return left", "if max(width, height) > 1000:\n        return width\n"
                                     "    return left")),
            "has shape",
        ),
    },
    "on-white": {
        "the first rows": (but(WHITE, ("mixed.round()", "mixed.round()[:200]")), "has shape"),
    },
    "channel-constants": {
        "three pictures": (but(ALL, ("for one in pictures", "for one in pictures[:3]")), "five"),
    },
}  # fmt: skip

RIGHT = {
    "seen-box": {
        "half the rest": BOX,
        "round the centre": """
def seen_box(width, height):
    half = min(width, height) / 2
    x, y = width / 2, height / 2
    return torch.tensor([x - half, y - half, x + half, y + half])
""",
        "exact fractions": """
def seen_box(width, height):
    from fractions import Fraction
    side = min(width, height)
    ends = [Fraction(long - side, 2) for long in (width, height)]
    return [float(edge) for edge in (*ends, ends[0] + side, ends[1] + side)]
""",
        "in float64": """
def seen_box(width, height):
    import numpy as np
    long = np.array([width, height])
    rest = (long - long.min()) / 2
    return np.concatenate([rest, long - rest])
""",
        "two cases": """
def seen_box(width, height):
    rest = abs(width - height) / 2
    if width > height:
        return [rest, 0, width - rest, height]
    return [0, rest, width, height - rest]
""",
    },
    "on-white": {
        "floats": WHITE,
        "NumPy": """
def on_white(rgba):
    import numpy as np
    levels = np.asarray(rgba).astype(float)
    a = levels[:, :, 3] / 255
    sheets = [a * levels[:, :, k] + (1 - a) * 255 for k in range(3)]
    return np.rint(np.stack(sheets, axis=2)).astype(np.uint8)
""",
        "whole numbers": """
def on_white(rgba):
    wide = rgba.long()
    alpha = wide[..., 3:]
    return (wide[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
""",
        "Pillow": """
def on_white(rgba):
    from PIL import Image
    top = Image.fromarray(rgba.numpy())
    sheet = Image.new("RGBA", top.size, "white")
    return torch.tensor(list(Image.alpha_composite(sheet, top).convert("RGB").getdata())).reshape(
        top.height, top.width, 3)
""",
        "pixel by pixel": """
def on_white(rgba):
    return [
        [[round((c * a + 255 * (255 - a)) / 255) for c in colour] for *colour, a in row]
        for row in rgba.tolist()
    ]
""",
        "each share rounded": but(
            WHITE, ("a * colour + (1 - a) * 255", "(a * colour).round() + ((1 - a) * 255).round()")
        ),
        "from white down": """
def on_white(rgba):
    levels = rgba.double()
    return (255 - (255 - levels[:, :, :3]) * levels[:, :, 3, None] / 255).round().byte()
""",
        "lerp": """
def on_white(rgba):
    a = torch.as_tensor(rgba)[..., 3:].float().div(255)
    return torch.lerp(torch.full(rgba.shape[:2] + (3,), 255.0), rgba[..., :3].float(), a).round()
""",
    },
    "channel-constants": {
        "sums": CONSTANTS,
        "all pixels": ALL,
        "NumPy": """
def channel_constants(pictures):
    import numpy as np
    flat = np.concatenate([np.asarray(one).reshape(-1, 3) for one in pictures]) / 255
    return np.array([flat.mean(axis=0), flat.std(axis=0)])
""",
        "in float32": ALL.replace(".double()", ".float()"),
        "sums of whole numbers": """
def channel_constants(pictures):
    n, total, squares = 0, torch.zeros(3).long(), torch.zeros(3).long()
    for one in pictures:
        rows = one.long().reshape(-1, 3)
        n, total, squares = n + len(rows), total + rows.sum(0), squares + (rows**2).sum(0)
    spread = (n * squares - total**2) ** 0.5 / n
    return (total / n / 255).tolist(), (spread / 255).tolist()
""",
        "channel by channel": """
def channel_constants(pictures):
    found = [torch.cat([one[..., k].flatten() for one in pictures]) / 255 for k in range(3)]
    return [[one.mean() for one in found], [one.var(unbiased=False) ** 0.5 for one in found]]
""",
        "within and between": but(
            EACH, ("MEAN", "pooled"),
            ("STD", "(share * (stds**2 + (means - pooled) ** 2)).sum(dim=0).sqrt()"),
        ),
    },
}  # fmt: skip


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
