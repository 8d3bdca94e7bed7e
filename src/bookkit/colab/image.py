"""What Colab has, as image.toml says; and how that differs from the list that Colab publishes.

    python -m bookkit.colab.image              compare with the published list
    python -m bookkit.colab.image FILE         or with a file, one name==version a line

It prints each difference and ends with 1 if there is one, with 2 if the list cannot be read.
"""

import http.client
import re
import sys
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Image:
    """A machine of Colab: where and when its list was read, and the versions by package."""

    source: str
    date: str
    python: str
    absent: tuple[str, ...]
    pins: dict[str, str]


def load(path: Path = HERE / "image.toml") -> Image:
    """The image that the file describes, names of packages normalised."""
    read = tomllib.loads(path.read_text("utf-8"))
    pins = {normal(name): version for name, version in read["pins"].items()}
    return Image(**read | {"pins": pins, "absent": tuple(map(normal, read["absent"]))})


def normal(name: str) -> str:
    """A package's name as indexes compare it: lower case, one hyphen between words."""
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(text: str) -> dict[str, str]:
    """Version by package of a list as `pip freeze` writes it; "" where it gives an address.

    A build's mark, as in 2.11.0+cu128, is left out.
    """
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([\w.-]+)\s*(?:==\s*([^\s+;]+)|@)", line):
            found[normal(match[1])] = match[2] or ""
    return found


def differences(image: Image, published: dict[str, str]) -> list[str]:
    """A sentence for every package in which the image is not as published."""
    said = []
    for name, version in image.pins.items():
        if name not in published:
            said.append(f"{name}: {version} here, not in the list")
        elif published[name] and published[name] != version:
            said.append(f"{name}: {version} here, {published[name]} in the list")
    said += [f"{name}: absent here, in the list" for name in image.absent if name in published]
    return said


def read(where: str) -> dict[str, str]:
    """The list at an address or in a file.

    Raises:
        ValueError: it cannot be reached, or holds no versions.
    """
    try:
        if where.startswith("https://"):
            with urllib.request.urlopen(where, timeout=30) as answer:
                text = answer.read().decode()
        else:
            text = Path(where).read_text("utf-8")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ValueError(
            f"cannot read {where} ({error}); give a file that holds the list"
        ) from None
    if not (found := listed(text)):
        raise ValueError(f"{where} holds no line like name==version; give what `pip freeze` wrote")
    return found


def main() -> int:
    image = load()
    where = sys.argv[1] if len(sys.argv) > 1 else image.source
    try:
        said = differences(image, read(where))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(*said or [f"src/bookkit/colab/image.toml is as in {where}"], sep="\n")
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
