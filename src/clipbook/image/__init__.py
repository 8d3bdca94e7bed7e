"""From a picture to its embedding: preprocessing, patches, and two encoders, ViT and CNN."""

from clipbook.image.augmentation import Augmentation, place
from clipbook.image.cnn import CNN, CNNConfig
from clipbook.image.patching import patchify, unpatchify
from clipbook.image.preprocessing import MEAN, STD, Preprocessing, normalise, preprocess
from clipbook.image.reading import open_picture
from clipbook.image.vit import ViT, ViTConfig

__all__ = [
    "CNN",
    "MEAN",
    "STD",
    "Augmentation",
    "CNNConfig",
    "Preprocessing",
    "ViT",
    "ViTConfig",
    "normalise",
    "open_picture",
    "patchify",
    "place",
    "preprocess",
    "unpatchify",
]
