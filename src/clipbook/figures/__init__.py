"""Still figures, all in one style: dark ink on a light card; the book's dark pages turn it round.

`cividis` shows magnitudes, `RdBu_r` centred on 0 shows signed similarities, and matrices carry
their values. Each function returns a matplotlib figure, which a notebook shows where it ends a
cell. Figures that answer back are in `clipbook.widgets`.
"""

from clipbook.figures.card import CARD, INK, Card
from clipbook.figures.charts import channel_histograms, curves, interval_chart, temperature_bars
from clipbook.figures.matrices import (
    number_grid,
    probability_heatmap,
    signed_maps,
    similarity_heatmap,
    token_heatmap,
)
from clipbook.figures.pictures import pairs_strip, picture_grid, picture_row

__all__ = [
    "CARD",
    "INK",
    "Card",
    "channel_histograms",
    "curves",
    "interval_chart",
    "number_grid",
    "pairs_strip",
    "picture_grid",
    "picture_row",
    "probability_heatmap",
    "signed_maps",
    "similarity_heatmap",
    "temperature_bars",
    "token_heatmap",
]
