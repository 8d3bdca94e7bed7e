"""What runs on GitHub: publishing needs the tests, actions are fixed, few jobs may write."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from bookkit import newest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in FILES}
TESTS = "./.github/workflows/test.yml"


def events(workflow: dict) -> set[str]:
    """What starts it; YAML 1.1 reads the word `on` as true."""
    return set(workflow[True])


def every_job() -> list[tuple[str, str, dict]]:
    return [(w, j, job) for w, said in WORKFLOWS.items() for j, job in said["jobs"].items()]


def needed(job: dict, jobs: dict[str, dict]) -> set[str]:
    """Jobs that must have passed before this one begins."""
    named = job.get("needs", [])
    direct = {named} if isinstance(named, str) else set(named)
    return direct.union(*(needed(jobs[name], jobs) for name in direct))


def test_workflows_call_the_makefile():
    commands = {
        name: [
            step.get("run", "") for job in said["jobs"].values() for step in job.get("steps", [])
        ]
        for name, said in WORKFLOWS.items()
    }
    assert commands["test"] == [*[""] * 2, ".ci/run"]
    assert {"make site", "make colab-branch PUSH=origin"} <= set(commands["publish"])
    assert any(command.startswith("make repository URL=") for command in commands["publish"])
    assert {"make newest", ".ci/run", "make fuzz", "make advisories"} <= set(commands["weekly"])
    assert "make colab VERSIONS=newest" in commands["weekly"]  # which no commit is tried with


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_action_is_fixed_by_its_commit_and_says_its_version(path):
    for used in re.findall(r"\buses:\s*(.*)", path.read_text("utf-8")):
        assert used.startswith("./") or re.fullmatch(
            r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used
        ), used


def test_an_action_is_the_same_commit_everywhere():
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    used = set(re.findall(r"uses: ([\w.-]+/[\w./-]+)(@.*)", text))
    assert len(used) == len({action for action, _ in used})


@pytest.mark.parametrize("workflow", ["publish", "release"])
def test_nothing_is_published_before_the_tests_passed_on_that_commit(workflow):
    jobs = WORKFLOWS[workflow]["jobs"]
    tests = {name for name, job in jobs.items() if job.get("uses") == TESTS}
    assert len(tests) == 1
    for name in jobs.keys() - tests:
        assert needed(jobs[name], jobs) >= tests, name
    for job in jobs.values():  # nothing runs in spite of what failed, or takes another commit
        assert not re.search(r"always\(|failure\(|cancelled\(", str(job.get("if")))
        assert "continue-on-error" not in str(job)
        for step in job.get("steps", []):
            assert "ref" not in step.get("with", {})


def test_a_site_whose_address_is_not_set_is_not_published(tmp_path):
    steps = [step.get("run", "") for step in WORKFLOWS["publish"]["jobs"]["build"]["steps"]]
    guard = next(step for step in steps if "OWNER" in step)
    built = [k for k, step in enumerate(steps) if step.startswith("make site")]
    upload = next(
        k
        for k, step in enumerate(WORKFLOWS["publish"]["jobs"]["build"]["steps"])
        if "upload-pages" in step.get("uses", "")
    )
    assert max(built) < steps.index(guard) < upload
    page = tmp_path / "_build/html/index.html"
    page.parent.mkdir(parents=True)
    for owner, refused in (("some-one", False), ("OWNER", True)):
        page.write_text(f"https://github.com/{owner}/clipbook", "utf-8")
        done = subprocess.run(["bash", "-e", "-c", guard], cwd=tmp_path, capture_output=True)
        assert bool(done.returncode) == refused


def test_what_publishing_calls_runs_the_tests_unconditionally():
    assert "workflow_call" in events(WORKFLOWS["test"])
    (job,) = WORKFLOWS["test"]["jobs"].values()
    assert "if" not in job
    assert "continue-on-error" not in str(job)


def test_strangers_code_never_runs_with_rights_to_write():
    for name, said in WORKFLOWS.items():
        assert not events(said) & {"pull_request_target", "workflow_run"}
        assert said["permissions"] == {"contents": "read"}
        if "pull_request" in events(said):
            assert not any("permissions" in job for job in said["jobs"].values()), name


def test_rights_to_write_are_for_the_jobs_that_publish():
    writers = {(w, j): job["permissions"] for w, j, job in every_job() if "permissions" in job}
    assert writers == {
        ("publish", "colab"): {"contents": "write"},
        ("publish", "deploy"): {"pages": "write", "id-token": "write"},
        ("release", "pypi"): {"id-token": "write"},
        ("release", "github"): {"contents": "write"},
    }
    branch = "github.ref == 'refs/heads/main'"
    jobs = WORKFLOWS["publish"]["jobs"]
    guarded = {name for name, job in jobs.items() if job.get("if") == branch}
    assert all(needed(jobs[name], jobs) & guarded for flow, name in writers if flow == "publish")
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v*"]}}


def test_no_job_runs_for_hours():
    for workflow, name, job in every_job():
        assert "uses" in job or job["timeout-minutes"] <= 90, (workflow, name)


def test_every_commit_and_every_pull_request_is_tested():
    assert WORKFLOWS["test"][True]["push"] == {"branches-ignore": ["main"]}
    assert WORKFLOWS["publish"][True]["push"] == {"branches": ["main"]}
    assert {"pull_request", "schedule"} <= events(WORKFLOWS["test"])
    assert "schedule" in events(WORKFLOWS["weekly"])


def locked(pattern: str) -> set[str]:
    """Folders that have such a file, as Dependabot writes them."""
    found = [*ROOT.glob(pattern), *ROOT.glob(f"tools/*/{pattern}"), *ROOT.glob(f"book/*/{pattern}")]
    return {f"/{path.parent.relative_to(ROOT).as_posix()}".replace("/.", "/") for path in found}


@pytest.mark.parametrize(
    ("ecosystem", "pattern"), [("pip", "requirements.txt"), ("npm", "package-lock.json")]
)
def test_dependabot_knows_every_file_that_fixes_versions(ecosystem, pattern):
    said = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    kinds = {entry["package-ecosystem"]: entry for entry in said["updates"]}
    assert {"pip", "npm", "github-actions"} == set(kinds)
    assert set(kinds[ecosystem]["directories"]) == locked(pattern) != set()


def test_the_newest_versions_are_free_of_our_pins():
    text = (
        "torch==2.13.0\n# a remark\nruff==0.17.6\njupyter-book==1.0.4\n\n# ------\nsphinx==7.4.7\n"
    )
    assert newest.newest(text) == ["torch", "ruff==0.17.6", "jupyter-book<2"]


def test_what_is_asked_for_newest_is_what_we_pin_by_hand():
    text = (ROOT / "requirements.txt").read_text("utf-8")
    names = {Requirement(line).name for line in newest.newest(text)}
    assert {"torch", "jupyter-book", "pytest", "hatchling"} <= names
    assert "sphinx" not in names
    assert newest.BOUNDS.keys() | newest.PINNED <= names
