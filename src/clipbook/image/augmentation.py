"""The same picture, seen a little differently each time: moved, turned, recoloured.

What a model sees in ever new ways it can't learn by its pixels. Built in: book/real/emoji.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, max_pool2d

from clipbook.validation import (
    LARGEST_SIDE,
    between,
    check_axes,
    check_fields,
    check_generator,
    excerpt,
    whole_number,
)


@dataclass(frozen=True)
class Augmentation:
    """How far each picture is changed at most; every picture by draws of its own.

    turn: degrees, either way. shift: of half the picture's own side, to each side, up and down.
    smallest, largest: size of the picture in its frame. colours: saturation and contrast, 0.3 for
    30 % either way, and brightness, a third of that. backgrounds: share of the pictures whose
    transparent parts are filled with a colour instead of white. outlines: share that is drawn round
    with a black line, as some artists do. Raises ValueError for numbers that make no sense.
    """

    turn: float = 10.0
    shift: float = 0.14
    smallest: float = 0.75
    largest: float = 1.1
    colours: float = 0.3
    backgrounds: float = 0.6
    outlines: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, between, "turn", most=180)
        check_fields(self, between, "shift", "colours", "backgrounds", "outlines", most=1)
        check_fields(self, between, "smallest", "largest", least=0.05, most=4)
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest={self.smallest} is above largest={self.largest}; exchange them"
            )

    def __call__(
        self,
        pictures: UInt8[Tensor, "batch height width channels"],
        size: int,
        generator: np.random.Generator,
        mirror: np.ndarray | None = None,
    ) -> UInt8[Tensor, "batch size size 3"]:
        """The pictures, RGB or RGBA, as RGB of size × size px.

        What comes in at the edges is background for RGBA, and the nearest pixel for RGB. mirror:
        for which pictures left and right may be exchanged, which happens to half of them. Raises
        TypeError for another kind of generator than NumPy's, and as `place`, before a number is
        drawn.
        """
        check_generator(generator)
        count, size = _checked(pictures, size)
        if mirror is not None:
            given = mirror if isinstance(mirror, Tensor) else np.asarray(mirror)
            if given.shape != (count,) or given.dtype not in (torch.bool, np.bool_):
                raise ValueError(
                    f"mirror={excerpt(mirror)}; say true or false of each of {count} pictures"
                )
            allowed = torch.as_tensor(given).cpu()

        def draws(low: int | float, high: int | float, *shape: int) -> Tensor:
            return torch.from_numpy(
                generator.uniform(low, high, (count, *shape)).astype(np.float32)
            )

        backgrounds = draws(0, 1, 3)
        kind = draws(0, 1)[:, None]
        pale = 0.75 + 0.25 * backgrounds
        backgrounds = torch.where(kind < self.backgrounds / 2, backgrounds, pale)
        backgrounds = torch.where(kind < self.backgrounds, backgrounds, torch.ones(()))
        angle = draws(-self.turn, self.turn) * np.pi / 180
        scale = draws(self.smallest, self.largest)
        shift = draws(-self.shift, self.shift, 2)
        mirrored = draws(0, 1) < 0.5
        if mirror is None:
            mirrored[:] = False
        else:
            mirrored &= allowed
        strength = self.colours
        colours = torch.stack(
            [draws(1 - strength, 1 + strength), draws(1 - strength, 1 + strength),
             draws(-strength / 3, strength / 3)], dim=1,
        )  # fmt: skip
        outlined = draws(0, 1) < self.outlines
        return place(
            pictures, size, angle=angle, scale=scale, shift=shift, mirrored=mirrored,
            backgrounds=backgrounds, colours=colours, outlined=outlined,
        )  # fmt: skip


def checked_augmentation(augmentation: Augmentation | None) -> Augmentation | None:
    """The augmentation itself. Raises ValueError for what is none, nor None."""
    if isinstance(augmentation, Augmentation | None):
        return augmentation
    raise ValueError(
        f"augmentation={excerpt(augmentation)}; give an Augmentation(), or None for pictures as "
        "they are"
    )


def place(
    pictures: UInt8[Tensor, "batch height width channels"],
    size: int,
    *,
    angle: Tensor | None = None,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
    mirrored: Tensor | None = None,
    backgrounds: Tensor | None = None,
    colours: Tensor | None = None,
    outlined: Tensor | None = None,
) -> UInt8[Tensor, "batch size size 3"]:
    """Pictures, RGB or RGBA, in a frame of size × size px; all else stays as drawn, on white.

    angle: radians (batch,). scale: (batch,). shift: to the picture's left and top, of half its own
    side (batch, 2). mirrored: bool (batch,). backgrounds: RGB in [0, 1] (batch, 3). colours:
    saturation, contrast and what is added (batch, 3). outlined: bool (batch,). Raises ValueError
    for what are no such pictures, for numbers that are not as many, a scale that is not above 0
    (on the CPU), and for another size than 1 to 4,096 px. The pictures may lie on a GPU, and the
    rest, too.
    """
    count, size = _checked(pictures, size)
    channels = pictures.shape[3]
    x = pictures.permute(0, 3, 1, 2).float() / 255
    if channels == 4:  # multiplied by alpha, so that invisible colours don't bleed into the visible
        x = torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], dim=1)

    def here(name: str, values: Tensor | None, otherwise: Tensor) -> Tensor:
        if values is not None:
            check_axes(name, values, "batch" if otherwise.ndim == 1 else "batch numbers")
            if values.shape != otherwise.shape:
                raise ValueError(
                    f"{name} of shape {tuple(values.shape)} for {count} pictures; give it "
                    f"{tuple(otherwise.shape)}"
                )
        return (otherwise if values is None else values).to(pictures.device, otherwise.dtype)

    angle = here("angle", angle, torch.zeros(count))
    scale = here("scale", scale, torch.ones(count))
    if scale.device.type == "cpu" and not (scale > 0).all():
        raise ValueError(f"scale={excerpt(scale.tolist())} is not above 0 everywhere; try 1.0")
    shift = here("shift", shift, torch.zeros(count, 2))
    backgrounds = here("backgrounds", backgrounds, torch.ones(count, 3))
    side = 1 - 2 * here("mirrored", mirrored, torch.zeros(count))
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    rows = torch.stack([cosine * side, sine * side, shift[:, 0]], dim=1)
    columns = torch.stack([-sine, cosine, shift[:, 1]], dim=1)
    grid = affine_grid(
        torch.stack([rows, columns], dim=1), [count, channels, size, size], align_corners=False
    )
    padding = "zeros" if channels == 4 else "border"
    x = grid_sample(x, grid, padding_mode=padding, align_corners=False)
    rgb = x[:, :3]
    alpha = x[:, 3:] if channels == 4 else torch.ones_like(x[:, :1])
    if colours is not None:
        colours = here("colours", colours, torch.ones(count, 3))
        saturation, contrast, more = colours[:, :, None, None, None].unbind(dim=1)
        grey = rgb.mean(dim=1, keepdim=True)
        rgb = (grey + (rgb - grey) * saturation) * contrast + alpha * more
        rgb = torch.minimum(rgb.clamp(min=0), alpha)
    if outlined is not None:
        lines = here("outlined", outlined, torch.zeros(count))
        if outlined.any():  # where it lies, so that no GPU is waited for
            rgb, alpha = _outline(rgb, alpha, lines)
    rgb = rgb + (1 - alpha) * backgrounds[:, :, None, None]
    return (rgb.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _checked(pictures: Tensor, size: int) -> tuple[int, int]:
    """How many pictures there are, and the size. Raises what `place` does for either."""
    size = whole_number("size", size, 48, most=LARGEST_SIDE)
    if not isinstance(pictures, Tensor):
        check_axes("pictures", pictures, "batch height width channels")
    levels = pictures.dtype == torch.uint8 and pictures.numel()
    if pictures.ndim != 4 or pictures.shape[3] not in (3, 4) or not levels:
        raise ValueError(
            f"pictures of shape {tuple(pictures.shape)} and type {pictures.dtype}; give levels 0 "
            "to 255 in torch.uint8, (batch, height, width, 3 or 4), one pixel at least"
        )
    return len(pictures), size


def _outline(rgb: Tensor, alpha: Tensor, outlined: Tensor) -> tuple[Tensor, Tensor]:
    """Black lines round the drawing and where its brightness jumps, some 2 px wide."""
    around = max_pool2d(alpha, 3, stride=1, padding=1)
    grey = rgb.mean(dim=1, keepdim=True) + (1 - alpha)
    jump = max_pool2d(grey, 3, stride=1, padding=1) + max_pool2d(-grey, 3, stride=1, padding=1)
    inside = ((jump - 0.15) * 4).clamp(0, 1) * alpha
    edge = around + max_pool2d(-alpha, 3, stride=1, padding=1)  # 1 along the rim, 0 elsewhere
    line = torch.maximum(edge.clamp(0, 1), inside) * outlined.to(rgb.device)[:, None, None, None]
    return rgb * (1 - line), torch.maximum(alpha, line)
