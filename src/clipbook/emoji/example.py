"""The running example on real pictures: eight emoji and a caption of each."""

EXAMPLE = (
    ("dog face", "a dog face"),
    ("automobile", "a red car"),
    ("red apple", "a red apple"),
    ("guitar", "a guitar"),
    ("octopus", "an octopus"),
    ("sun", "the sun"),
    ("umbrella", "an umbrella"),
    ("bicycle", "a bicycle"),
)
"""(name, caption); the first two are the pair that the book began with."""
