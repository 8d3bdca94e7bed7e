"""The running example: eight pairs that every chapter comes back to."""

from clipbook.scenes.world import Object, Scene

EXAMPLE: tuple[tuple[Scene, str], ...] = (
    (
        Scene(
            (
                Object("circle", "red", "small", 0.46, 0.24),
                Object("square", "blue", "large", 0.54, 0.68),
            ),
            "grey",
        ),
        "a small red circle above a blue square",
    ),
    (
        Scene(
            (
                Object("circle", "blue", "small", 0.46, 0.24),
                Object("square", "red", "large", 0.54, 0.68),
            ),
            "grey",
        ),
        "a small blue circle above a red square",
    ),
    (Scene((Object("star", "yellow", "large", 0.5, 0.48),), "dark"), "a large yellow star"),
    (
        Scene((Object("heart", "pink", "small", 0.24, 0.26),), "dark"),
        "a pink heart in the top left",
    ),
    (
        Scene(
            (
                Object("ring", "green", "large", 0.27, 0.5),
                Object("cross", "orange", "small", 0.78, 0.45),
            ),
            "striped",
        ),
        "a green ring to the left of an orange cross",
    ),
    (
        Scene(
            (
                Object("diamond", "cyan", "small", 0.3, 0.8),
                Object("star", "purple", "large", 0.42, 0.34),
            ),
            "dark",
        ),
        "a cyan diamond below a purple star",
    ),
    (
        Scene((Object("square", "orange", "small", 0.76, 0.74),), "striped"),
        "a little orange square in the bottom right",
    ),
    (
        Scene((Object("triangle", "green", "large", 0.52, 0.52),), "grey"),
        "a picture of a big green triangle",
    ),
)
"""Pairs 0 and 1 differ in nothing but their colours; pair 7 is a combination never trained on."""
