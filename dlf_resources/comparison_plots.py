"""Pictures of a comparison: how classes agree, and how the counts of boxes differ."""

from __future__ import annotations

import io

from dlf_core.comparison import Comparison
from dlf_resources.dataset_plots import drawable

_DPI = 110
_MOST = 30


def class_scores(compared: Comparison) -> bytes:
    """Precision and recall of each class, as a PNG."""
    from matplotlib.figure import Figure

    rows = sorted(compared.classes, key=lambda one: -one.reference_boxes)[:_MOST]
    figure = Figure(figsize=(7, max(2.0, 0.42 * len(rows) + 1.2)), layout="constrained")
    axes = figure.add_subplot()
    places = list(range(len(rows)))
    axes.barh([place - 0.2 for place in places], [one.precision or 0 for one in rows], 0.4, label="precision")
    axes.barh([place + 0.2 for place in places], [one.recall or 0 for one in rows], 0.4, label="recall")
    axes.set_yticks(places, [f"{drawable(one.name)} ({one.reference_boxes:,})" for one in rows], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title("Agreement with the reference, IoU 0.5")
    figure.legend(loc="outside lower center", ncols=2)  # on the bars it would hide their ends
    return _png(figure)


def count_differences(compared: Comparison) -> bytes:
    """How many boxes more or fewer an image has than in the reference, as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(list(compared.counts), list(compared.counts.values()), width=0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("boxes here minus boxes in the reference")
    axes.set_ylabel("images")
    axes.set_title("Difference of counts")
    return _png(figure)


def _png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})  # type: ignore[attr-defined]
    return buffer.getvalue()
