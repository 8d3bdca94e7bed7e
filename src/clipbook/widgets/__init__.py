"""Figures that answer back: each one is three siblings, ``name.py``, ``name.js`` and ``name.css``.

The same JavaScript draws a widget in JupyterLab, in Colab and, through ``static_host.js``, in a
built page that has no kernel.
"""

from .similarity_matrix import SimilarityMatrix

__all__ = ["SimilarityMatrix"]
