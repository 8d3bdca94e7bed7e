"""Who drew the emoji, under which licence, and where drawings and names are had from."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A package of npm's registry: its version is fixed, and integrity is the SHA-512 of its
    archive in base 64, as npm's own lock files write it."""

    name: str
    version: str
    integrity: str

    @property
    def archive(self) -> str:
        """The name that `npm pack` gives to the file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


_FILE = Path(__file__).with_name("packages.toml")
PACKAGES = {
    name: Package(name, **entry) for name, entry in tomllib.loads(_FILE.read_text("utf-8")).items()
}


@dataclass(frozen=True)
class Artist:
    """One set of drawings, all by one hand.

    licence: of the drawings, read at `source`, which may differ from what the package says of
    itself. trained: whether its licence lets a model of another licence learn from it.
    """

    name: str
    title: str
    credit: str
    licence: str
    source: str
    package: Package
    trained: bool = True


ARTISTS = (
    Artist(
        "twemoji", "Twemoji", "Twitter, Inc and other contributors", "CC BY 4.0",
        "https://github.com/jdecked/twemoji",
        PACKAGES["@iconify-json/twemoji"],
    ),
    Artist(
        "noto", "Noto Emoji", "Google Inc", "Apache 2.0",
        "https://github.com/googlefonts/noto-emoji",
        PACKAGES["@iconify-json/noto"],
    ),
    Artist(
        "fluent", "Fluent Emoji, flat", "Microsoft Corporation", "MIT",
        "https://github.com/microsoft/fluentui-emoji",
        PACKAGES["@iconify-json/fluent-emoji-flat"],
    ),
    Artist(
        "fxemoji", "FxEmoji", "Mozilla Foundation", "CC BY 4.0",
        "https://github.com/mozilla/fxemoji",
        PACKAGES["@iconify-json/fxemoji"],
    ),
    Artist(
        "emojione", "EmojiOne 2.3", "EmojiOne, now kept by EmojiTwo", "CC BY 4.0",
        "https://github.com/EmojiTwo/emojitwo",
        PACKAGES["@iconify-json/emojione"],
    ),
    Artist(
        "noto-v1", "Noto Emoji, first version", "Google Inc", "Apache 2.0",
        "https://github.com/googlefonts/noto-emoji",
        PACKAGES["@iconify-json/noto-v1"],
    ),
    Artist(
        "openmoji", "OpenMoji", "OpenMoji, HfG Schwäbisch Gmünd", "CC BY-SA 4.0",
        "https://github.com/hfg-gmuend/openmoji",
        PACKAGES["@iconify-json/openmoji"],
        trained=False,
    ),
)  # fmt: skip
"""Seven sets by six artists: the two versions of Noto share a firm, not their drawings."""

NAMES = PACKAGES["emojibase-data"]
"""Unicode's names and keywords (CLDR) in many languages, gathered by Miles Johnson under MIT."""
