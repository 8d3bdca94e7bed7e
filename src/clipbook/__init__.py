"""Build CLIP step by step: the package that The CLIP Book's chapters build and import.

>>> model, tokenizer = clipbook.load("shapes")
"""

from clipbook.pretrained import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]
