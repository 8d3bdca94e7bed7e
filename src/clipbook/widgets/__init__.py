"""Figures that answer back: each one is three siblings, ``name.py``, ``name.js`` and ``name.css``.

What they share is the kit: ``kit.py``, ``kit.js`` and ``kit.css``. The same JavaScript draws a
widget in JupyterLab, in Colab and, through ``static_host.js``, in a built page without a kernel.
"""

from .answer_explorer import AnswerExplorer
from .attention_explorer import AttentionExplorer
from .patch_explorer import PatchExplorer
from .similarity_matrix import SimilarityMatrix
from .tokenizer_explorer import TokenizerExplorer

__all__ = [
    "AnswerExplorer",
    "AttentionExplorer",
    "PatchExplorer",
    "SimilarityMatrix",
    "TokenizerExplorer",
]
