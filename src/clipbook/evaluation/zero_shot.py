"""Classification without labels: the class whose caption is most similar wins.

Source: Radford et al. 2021, §3.1.2 and 3.1.4 (prompt templates and their ensemble). Built in:
book/pairs/zero-shot.
"""

from collections.abc import Iterable, Sequence

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from clipbook.pairs import CLIP, similarity
from clipbook.pairs.modes import evaluating
from clipbook.text import AnyTokenizer
from clipbook.text.encoder import check_texts
from clipbook.text.texts import checked_texts

TEMPLATES = ("{}", "a picture of {}", "an image of {}", "there is {}")
"""How captions speak of a thing; {} stands for its name."""


def class_embeddings(
    model: CLIP, tokenizer: AnyTokenizer, names: Iterable[str], templates: Iterable[str] = TEMPLATES
) -> Float[Tensor, "classes embed_dim"]:
    """Unit embedding of each class: the mean over the templates, in which {} stands for the name.

    The model is put into eval mode for it, and back.
    Raises ValueError for no names, no templates, a single string where a list is meant, or a
    template without {}.
    """
    names, templates = checked_texts(names, "names"), checked_texts(templates, "templates")
    for template in templates:
        if "{}" not in template:
            raise ValueError(f"template {template!r} has no {{}} for the name of the class")
    captions = [template.replace("{}", name) for template in templates for name in names]
    with evaluating(model):
        embeddings = encode_captions(model, tokenizer, captions)
        return normalize(embeddings.view(len(templates), len(names), -1).mean(dim=0), dim=-1)


def zero_shot(
    model: CLIP,
    tokenizer: AnyTokenizer,
    pixels: Float[Tensor, "batch 3 height width"],
    names: Iterable[str],
    templates: Iterable[str] = TEMPLATES,
) -> Float[Tensor, "batch classes"]:
    """Probability of each class for each picture; rows sum to 1.

    names: how a caption would name the classes, articles included: "a red circle". The model is
    put into eval mode for it, and back.
    """
    classes = class_embeddings(model, tokenizer, names, templates)
    with evaluating(model):
        images = model.encode_image(pixels.to(model.device))
        return (model.scale * similarity(images, classes)).softmax(dim=-1)


def encode_captions(
    model: CLIP, tokenizer: AnyTokenizer, captions: Sequence[str]
) -> Float[Tensor, "captions embed_dim"]:
    """Unit embeddings, on the model's device; the ids are checked before they go to a GPU."""
    token_ids, mask = tokenizer.batch(captions)
    check_texts(token_ids, mask, model.config.text)
    return model.encode_text(token_ids.to(model.device), mask.to(model.device))
