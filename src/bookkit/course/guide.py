"""What an instructor reads: a guide to a chapter, and how to work with the folder of a course."""

from bookkit.chapters import Chapter


def name_of(page: str) -> str:
    """The assignment of a chapter: "pairs-contrastive-loss" for pairs/contrastive-loss."""
    return page.replace("/", "-")


def guide(chapter: Chapter) -> str:
    """What an instructor should know of one chapter."""
    facts = chapter.facts
    needs = ", ".join(filter(None, [*facts.needs, facts.background]))
    lines = [
        f"# {chapter.title}",
        "",
        f"*{facts.question}*",
        "",
        f"{chapter.minutes} minutes: {facts.minutes} to read, the rest for "
        f"{chapter.points} points. Needs: {needs}.",
        "",
        "## Objectives",
        "",
        *(f"{k}. {objective}" for k, objective in enumerate(facts.objectives, 1)),
        "",
        "## Points",
        "",
        "| exercise | points | minutes | difficulty | checks | hidden checks look at |",
        "|---|---|---|---|---|---|",
    ]
    for exercise in chapter.exercises:
        checks = ", ".join(f"`{name}` {points}" for name, points in exercise.checks)
        cells = [
            exercise.title,
            exercise.points,
            exercise.minutes,
            exercise.difficulty,
            checks,
            "; ".join(exercise.hidden),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [
        "",
        "Hidden checks are in the public repository, as all of the book is: they catch answers",
        "written for the visible examples, not students who look them up. Checks of your own go",
        f"into `private/{name_of(chapter.page)}.py` of the course folder that `make assignment`",
        "writes; its README.md says how.",
        "",
        "## Open questions, and a rubric",
        "",
        "These close the chapter, with folded answers; ask them aloud, or in an examination in",
        "words of your own. Each is worth 2 points: 1 for the right answer, 1 for a reason that",
        "would convince somebody who believes the tempting one; 0 for an answer without a reason",
        "where only two are possible.",
        "",
    ]
    for k, (question, answer) in enumerate(chapter.questions, 1):
        lines += [f"**{k}.** {question}", "", *(f"> {line}" for line in answer.splitlines()), ""]
    return "\n".join(lines)


def readme(names: list[str]) -> str:
    name = names[0]
    return f"""# A course on The CLIP Book

| in this folder | what it is |
|---|---|
| `release/` | notebooks for students: hand these out |
| `guides/` | objectives, minutes, points, hidden checks and open questions of each chapter |
| `source/` | masters with solutions and hidden checks: keep these |
| `nbgrader_config.py`, `jupyter/` | how grading is done, with its limits of time and memory |
| `look.py` | names the submissions that a person should look at |

Commands are typed in this folder, in the book's environment (`source <book>/.venv/bin/activate`).
Here they are for `{name}`; others in this folder: {", ".join(sorted(names))}.

1. **Collect.** Put the zip from Moodle or Canvas, or files named `<student>_<anything>.ipynb`
   with the notebook's name in them, into `downloaded/{name}/archive/`, then

       nbgrader zip_collect {name}

   It warns of each file that it skips. Or sort them by hand:
   `submitted/<student>/{name}/<notebook>.ipynb`.

2. **Grade.** Submissions are code: in a container, if you don't know who wrote them.

       nbgrader autograde {name}
       python look.py {name}

   An error in one submission doesn't stop the others; `look.py` names it.

3. **Export and give back.**

       nbgrader export --assignment={name} --to=grades.csv
       nbgrader generate_feedback {name}

   Feedback shows the hidden checks of those that have been graded.

**Checks of your own.** Write `private/{name}.py`: cells in the percent format, each with
metadata like `nbgrader={{"solution": false, "grade": true, "locked": true, "points": 1,
"grade_id": "mine-1", "schema_version": 3, "task": false}}`, and its code between
`### BEGIN HIDDEN TESTS` and `### END HIDDEN TESTS`. Then make the assignment again, before you
hand it out.
"""
