"""Packages are had from npm once, checked, and kept; what can't be had is one sentence."""

import base64
import hashlib
import io
import json
import tarfile

import pytest

from clipbook.emoji import packages
from clipbook.emoji.artists import ARTISTS, NAMES, PACKAGES, Package


def archive(**files: object) -> bytes:
    """A package as npm packs one: every file below package/."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, value in files.items():
            data = json.dumps(value).encode()
            info = tarfile.TarInfo(f"package/{name.replace('__', '/')}.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


DATA = archive(icons={"a": 1}, en__data=[2])
PACKAGE = Package("@some/set", "1.2.3", base64.b64encode(hashlib.sha512(DATA).digest()).decode())


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """A program in place of npm, which does what a test says; returns how often it was called."""
    calls = tmp_path / "calls"

    def stand_in(script: str):
        program = tmp_path / "npm"
        program.write_text(f"#!/bin/sh\necho x >> {calls}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(packages, "which", lambda name: str(program))
        return lambda: len(calls.read_text().splitlines()) if calls.exists() else 0

    return stand_in


def giving(data: bytes, tmp_path, name: str = "some-set-1.2.3.tgz") -> str:
    source = tmp_path / "source.tgz"
    source.write_bytes(data)
    find = 'for a; do case "$a" in --pack-destination=*) to="${a#*=}";; esac; done'
    return f'{find}; cp {source} "$to/{name}"'


def test_a_package_is_fetched_once_and_read(npm, tmp_path):
    called = npm(giving(DATA, tmp_path))
    packages.fetch([PACKAGE], tmp_path / "kept")
    packages.fetch([PACKAGE], tmp_path / "kept")
    assert called() == 1
    assert packages.read_json(PACKAGE, tmp_path / "kept", "icons.json", "en/data.json") == [
        {"a": 1}, [2],
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [PACKAGE.archive]


def test_another_archive_than_the_one_asked_for_is_not_kept(npm, tmp_path):
    npm(giving(DATA + b"x", tmp_path))
    with pytest.raises(ValueError, match="not what|so it is not used"):
        packages.fetch([PACKAGE], tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_without_npm_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "which", lambda name: None)
    with pytest.raises(OSError, match="npm is missing; install Node") as missing:
        packages.fetch([PACKAGE], tmp_path)
    assert "\n" not in str(missing.value)


def test_without_a_network_one_sentence_names_what_npm_says(npm, tmp_path):
    npm("echo first >&2; echo 'getaddrinfo ENOTFOUND' >&2; exit 1")
    with pytest.raises(OSError, match="@some/set@1.2.3 .getaddrinfo ENOTFOUND.*network") as error:
        packages.fetch([PACKAGE], tmp_path / "kept")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_is_there_needs_no_npm(monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "which", lambda name: pytest.fail("npm was looked for"))
    (tmp_path / PACKAGE.archive).write_bytes(DATA)
    packages.fetch([PACKAGE], tmp_path)


@pytest.mark.parametrize("named", ["CLIPBOOK_CACHE", "XDG_CACHE_HOME"])
def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path, named):
    monkeypatch.delenv("CLIPBOOK_CACHE", raising=False)
    monkeypatch.setenv(named, str(tmp_path))
    assert packages.cache_folder().is_relative_to(tmp_path)


def test_a_cache_that_can_not_be_made_is_refused_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("CLIPBOOK_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(ValueError, match="can't be found; set CLIPBOOK_CACHE to a folder"):
        packages.cache_folder()
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("CLIPBOOK_CACHE", str(tmp_path / "file/inside"))
    with pytest.raises(ValueError, match=r"CLIPBOOK_CACHE=.*file is a file; give another folder"):
        packages.cache_folder()


def test_every_package_is_locked_and_used():
    used = {artist.package.name for artist in ARTISTS} | {NAMES.name}
    assert used == set(PACKAGES)
    for package in PACKAGES.values():
        assert len(base64.b64decode(package.integrity)) == 64
        assert package.version.count(".") == 2


def test_one_artist_may_be_shown_but_not_learned_from():
    assert [artist.name for artist in ARTISTS if not artist.trained] == ["openmoji"]
    assert {artist.licence for artist in ARTISTS if artist.trained} == {
        "CC BY 4.0", "Apache 2.0", "MIT",
    }  # fmt: skip


def test_an_archive_that_was_cut_off_is_fetched_again(npm, tmp_path):
    called = npm(giving(DATA, tmp_path))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / PACKAGE.archive).write_bytes(DATA[:100])
    packages.fetch([PACKAGE], tmp_path / "kept")
    assert called() == 1
    assert packages.read_json(PACKAGE, tmp_path / "kept", "icons.json") == [{"a": 1}]
