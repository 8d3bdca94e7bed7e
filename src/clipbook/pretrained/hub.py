"""Files of a model from the Hugging Face hub: told, fetched once into its cache, and checked.

Only safetensors are taken: a pickle (`pytorch_model.bin`) can run code when it is opened. A broken
download goes on where it broke off, by the hub's own client; what is whole is never fetched again.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from clipbook.strict_json import parse
from clipbook.validation import excerpt

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Stands where the weights are too large for one file: which of several holds which of them."""
CONFIG, PICTURES = "config.json", "preprocessor_config.json"
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Pin:
    """A commit of a repository, and the SHA-256 of its weights."""

    revision: str
    sha256: str


NAMED = {
    # the hub's own conversion to safetensors, beside the main branch, which has pickles alone
    "openai/clip-vit-base-patch32": Pin(
        "b33cedfd0df4e43b8238760678fcc89e1a0d38b3",
        "99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d",
    ),
    "openai/clip-vit-large-patch14": Pin(
        "32bd64288804d66eefd0ccbe215aa642df71cc41",
        "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    ),
    "google/siglip-base-patch16-224": Pin(
        "7fd15f0689c79d79e38b1c2e2e2370a7bf2761ed",
        "2c63cb7d1f2e95ba501893cbb8faeb4ea9a3af295498d35097126228659c2af8",
    ),
}
"""Models that we name: for these the weights are always the same, whatever the hub holds later."""


def fetch(name: str, tokenizers: tuple[str, ...], tell: Callable[[str], None]) -> Path:
    """The folder that holds a model's configuration, weights, and the first of the tokenizer's
    files that it has.

    What the cache holds is taken without asking; else `tell` says how much is to be fetched and
    where from. Raises ValueError for what is no repository with such files, and for weights whose
    hash is another; ConnectionError, with the remedy, where the hub can't be reached;
    PermissionError, with the way to it, for a model whose licence must be accepted; MemoryError for
    weights that are larger than the machine's memory.
    """
    hub = _client(name)
    revision = NAMED[name].revision if name in NAMED else "main"
    kept = [_kept(hub, name, file, revision) for file in (CONFIG, PICTURES)]
    kept_tokenizers = [_kept(hub, name, file, revision) for file in tokenizers]
    weights = _kept_weights(hub, name, revision)
    if all(kept) and any(kept_tokenizers) and weights:
        hashes = dict.fromkeys(weights, None)
    else:
        info = _describe(hub, name, revision)
        sizes = {one.rfilename: one for one in info.siblings or []}
        files = _chosen(name, sizes, tokenizers)
        total = sum(sizes[file].size or 0 for file in files)
        _check_memory(name, total)
        tell(
            f"{name}: {total / 1e6:,.0f} MB from {_endpoint() or HUB}, kept in "
            f"{hub.constants.HF_HUB_CACHE}"
        )
        hashes = {}
        for file in files:
            path = Path(_download(hub, name, file, revision))
            if file.endswith(".safetensors"):
                hashes[path] = sizes[file].lfs.sha256 if sizes[file].lfs else None
    for path, told in hashes.items():
        expected = NAMED[name].sha256 if name in NAMED else told or _hash_in_cache(path)
        _check_hash(name, path, expected)
    return path.parent


def weight_files(folder: Path) -> list[Path]:
    """The files of a repository's weights: one, or those that its index names.

    Raises ValueError for an index that is damaged or names no files beside it.
    """
    if not (folder / INDEX).exists():
        return [folder / WEIGHTS]
    said = f"{folder / INDEX} names no files of weights; delete it, and load the model again"
    try:
        names = parse((folder / INDEX).read_text("utf-8"))["weight_map"]
        files = sorted({str(name) for name in names.values()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{said} ({error})") from error
    if not files:
        raise ValueError(said)
    if odd := [file for file in files if not SHARD.fullmatch(file)]:
        raise ValueError(f"{INDEX} names {excerpt(odd[0])}, which is no file of weights")
    return [folder / file for file in files]


def _kept_weights(hub: Any, name: str, revision: str) -> list[Path]:
    """Those in the cache, if all are there."""
    for first in (WEIGHTS, INDEX):
        path = _kept(hub, name, first, revision)
        if path:
            files = weight_files(Path(path).parent)
            return files if all(file.exists() for file in files) else []
    return []


def _memory() -> int | None:
    """Bytes of this machine's memory, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no such call
        return None


def _check_memory(name: str, needed: int) -> None:
    """Raises MemoryError where a model is larger than all memory, before it is fetched."""
    memory = _memory()
    if memory is not None and needed > memory:
        raise MemoryError(
            f"{name} needs {needed / 1e9:.1f} GB of memory for its weights alone, and this machine "
            f"has {memory / 1e9:.1f}; load it on a larger one, such as Colab's with high RAM, or "
            "try a smaller model"
        )


def _client(name: str) -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise ImportError(
            f"{name} comes from the Hugging Face hub, whose client is missing; try "
            "pip install transformers"
        ) from None
    return huggingface_hub


def _endpoint() -> str | None:
    """Another hub than the usual one, read at each call."""
    return os.environ.get("HF_ENDPOINT") or None


def _kept(hub: Any, name: str, file: str, revision: str) -> str | None:
    try:
        path = hub.try_to_load_from_cache(name, file, revision=revision)
    except ValueError as error:
        raise _no_repository(name) from error
    return path if isinstance(path, str) else None


def _no_repository(name: str) -> ValueError:
    return ValueError(
        f"{excerpt(name)} is no model of the hub that may be read; try {' or '.join(NAMED)}"
    )


def _describe(hub: Any, name: str, revision: str) -> Any:
    """What the hub says of the repository at that revision: its commit, files, sizes, hashes."""
    api = hub.HfApi(endpoint=_endpoint())
    try:
        return api.model_info(name, revision=revision, files_metadata=True, timeout=20)
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
        raise _no_repository(name) from error
    except Exception as error:  # each version of the client stands on another library's errors
        raise _unreachable(hub, name, error) from error


def _unreachable(hub: Any, name: str, error: Exception) -> ConnectionError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
    return ConnectionError(
        f"{name} is not whole in {hub.constants.HF_HUB_CACHE}, and {_endpoint() or HUB} can't be "
        f"reached or broke off ({reason}); connect and load it again, or set HF_HOME to a folder "
        "that holds it"
    )


def _chosen(name: str, sizes: dict[str, Any], tokenizers: tuple[str, ...]) -> list[str]:
    """The files to fetch, the weights last. Raises ValueError where one is missing."""
    weights = [WEIGHTS] if WEIGHTS in sizes else sorted(filter(SHARD.fullmatch, sizes))
    if weights != [WEIGHTS] and (INDEX not in sizes or not weights):
        pickles = sorted(file for file in sizes if file.endswith(PICKLES))
        held = (
            f"only {', '.join(pickles)}, which can run code when it is opened"
            if pickles
            else (f"{len(sizes)} other files")
        )
        raise ValueError(f"{name} has no {WEIGHTS}: it holds {held}; try {' or '.join(NAMED)}")
    readable = [file for file in tokenizers if file in sizes]
    missing = [file for file in (CONFIG, PICTURES) if file not in sizes]
    if not readable:
        missing.append(" or ".join(tokenizers))
    if missing:
        raise ValueError(
            f"{name} has no {', no '.join(missing)}; is it a CLIP or SigLIP? Try "
            f"{' or '.join(NAMED)}"
        )
    index = [] if weights == [WEIGHTS] else [INDEX]
    return [CONFIG, PICTURES, *readable, *index, *weights]


def _download(hub: Any, name: str, file: str, revision: str) -> str:
    bars = not hub.utils.are_progress_bars_disabled()
    hub.utils.disable_progress_bars()  # a built page can't draw them, and the size was told
    try:
        return str(hub.hf_hub_download(name, file, revision=revision, endpoint=_endpoint()))
    except hub.errors.GatedRepoError as error:
        raise PermissionError(
            f"{name} is given to those alone who have accepted its licence: do that once at "
            f"{_endpoint() or HUB}/{name}, then log in with `hf auth login` or set HF_TOKEN, and "
            "load it again"
        ) from error
    except Exception as error:  # as in `_describe`
        raise _unreachable(hub, name, error) from error
    finally:
        if bars:
            hub.utils.enable_progress_bars()


def _hash_in_cache(path: Path) -> str | None:
    """The cache names large files by their SHA-256."""
    blob = path.resolve().name
    return blob if len(blob) == 64 and set(blob) <= set("0123456789abcdef") else None


def _check_hash(name: str, path: Path, expected: str | None) -> None:
    """Raises ValueError where the weights are others, and removes them from the cache."""
    if expected is None:
        return
    with open(path, "rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != expected:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise ValueError(
            f"{path.name} of {name} has the SHA-256 {found[:12]}…, not {expected[:12]}…: it is "
            "damaged or another's, and was removed; load it again"
        )
