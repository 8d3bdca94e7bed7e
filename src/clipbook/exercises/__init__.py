"""What the check cells of the exercises call: one sentence for a wrong answer, no stack."""

from clipbook.exercises.asking import ask, without
from clipbook.exercises.checks import CheckFailed, check
from clipbook.exercises.comparing import close, numbers, same

__all__ = ["CheckFailed", "ask", "check", "close", "numbers", "same", "without"]
