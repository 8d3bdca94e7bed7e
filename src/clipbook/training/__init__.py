"""One readable training loop, what it needs, and presets.

From a shell: python -m clipbook.training --preset cpu --out runs/first
"""

from clipbook.training.config import TrainingConfig
from clipbook.training.data import SceneBatches
from clipbook.training.history import History
from clipbook.training.loop import train
from clipbook.training.presets import PRESETS, Preset

__all__ = ["PRESETS", "History", "Preset", "SceneBatches", "TrainingConfig", "train"]
