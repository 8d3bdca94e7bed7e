"""What the check cells of the exercises call: one sentence for a wrong answer, no stack."""

from clipbook.exercises.checks import CheckFailed, check, close

__all__ = ["CheckFailed", "check", "close"]
