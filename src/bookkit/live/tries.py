"""What to try in the playground: a state for it, and a sentence that says where to look."""

from dataclasses import asdict, replace

from clipbook.scenes import EXAMPLE, Object, Scene

MADE, NAMED, ASKED, FOUND = ".play-bench", ".play-names", ".play-ask", ".play-finder"
"""The parts of the playground before which a sentence stands."""


def one(name: str, at: str, said: str, **state) -> dict:
    """As `tries.js` takes it: `said` is HTML; what the state leaves out is as in the beginning."""
    scenes = [asdict(scene) for scene in state.pop("scenes", [])]
    state = {"model": "shapes"} | state | ({"scenes": scenes} if scenes else {})
    return {"name": name, "said": said, "at": at, "state": state}


def tries(root: str) -> list[dict]:
    """All of them; `root` leads from the playground's page to the site."""

    def link(page: str, words: str) -> str:
        return f'<a href="{root}{page}.html">{words}</a>'

    first = EXAMPLE[0][0]
    circle, square = first.objects
    swapped = replace(circle, colour=square.colour), replace(square, colour=circle.colour)
    star = Object("star", "yellow", "large", 0.25, 0.5)
    triangle = Object("triangle", "green", "large", 0.5, 0.5)
    heart = Object("heart", "pink", "large", 0.25, 0.5)
    ring = Object("ring", "green", "large", 0.76, 0.5)
    return [
        one(
            "Drag a star",
            MADE,
            "Drag the star from left to right, and watch its row.",
            scenes=[Scene((star,), "dark")],
            captions=["a star on the left", "a star on the right", "a yellow star", "a ring"],
        ),
        one(
            "Exchange two colours",
            MADE,
            "The second picture is the first with its colours exchanged. Which captions notice? "
            f"{link('pairs/zero-shot', 'Zero-shot')} asks that of many pictures.",
            scenes=[first, Scene(swapped, first.ground)],
            captions=[
                "a red circle above a blue square",
                "a blue circle above a red square",
                "a blue square below a red circle",
            ],
        ),
        one(
            "A green triangle",
            MADE,
            "A combination of colour and shape that "
            f"{link('pairs/training', 'training')} never showed. Is it known all the same?",
            scenes=[Scene((triangle,), "grey")],
            captions=["a green triangle", "a green circle", "a red triangle", "a large shape"],
        ),
        one(
            "The way to a number",
            MADE,
            "Choose a cell of the matrix, then <i>How this number comes about</i> beside its "
            "numbers: the way opens at the end of the page, layer by layer through both encoders.",
        ),
        one(
            "Captions that fit nothing",
            MADE,
            "None of these captions is about shapes. The model has no way to say so: choose "
            "<i>softmax over each row</i>, and a row adds up to 1 all the same. "
            f"{link('pairs/similarity-matrix', 'The similarity matrix')} explains the views.",
            captions=["Pepper the aussie pup", "a rainy day", "the president"],
        ),
        one(
            "Two things, one name",
            NAMED,
            "No name here tells of both things in this picture: <i>a pink ring</i> comes first, "
            "though there is none. In training a caption told of every thing in its picture, so a "
            "name of one thing never stood for two. Add the line <i>a pink heart left of a green "
            "ring</i>: it comes first.",
            scenes=[Scene((heart, ring), "dark")],
            captions=["a pink heart", "a green ring", "a pink ring", "a pink heart and a ring"],
        ),
        one(
            "Ask what is above",
            ASKED,
            "Now go up to the picture and move the square above the circle: the answer here "
            "becomes <i>nothing</i>. "
            f"{link('language/paligemma', 'PaliGemma in small')} builds the model that answers.",
            scenes=[first],
            question="what is above the blue square?",
        ),
        one(
            "Detect a circle",
            ASKED,
            "Four tokens tell the sides of a box, and what else was probable for each are the "
            "places next to it.",
            scenes=[first],
            question="detect red circle",
        ),
        one(
            "Find a red fruit",
            FOUND,
            "Apples, peaches and tomatoes come first, by artists whom the model knows and by "
            "others. Then find <i>happy</i>: faces come, worried ones among them. Then <i>two "
            "dogs</i>: one dog comes first, for it can't count. "
            f"{link('real/emoji', 'Real pictures')} tells more.",
            model="emoji",
            find="a red fruit",
        ),
    ]
