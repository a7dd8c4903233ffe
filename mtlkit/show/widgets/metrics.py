"""The widget of 02_metrics_and_floors."""

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd

from mtlkit.evaluation import mean3, norm3

from .. import plots
from ..figures import image

YOURS = "your model"


class TwoOveralls(ipywidgets.VBox):
    """Three sliders for the scores of "your model"; below them both overalls of it and of published rows.

    `sst`, `para` and `sts` are the sliders, `scores` the table that is drawn, `orders` the names from best to worst
    under each overall, `picture` the HTML, `answer` the same in words. Setting a slider's `.value` is as good as
    moving it.
    """

    def __init__(self, published: pd.DataFrame, sst: float, para: float, sts: float):
        self.published = published
        self.sst, self.para, self.sts = (
            ipywidgets.FloatSlider(
                value, min=low, max=1, step=0.005, description=name, readout_format=".3f",
                continuous_update=False, layout=ipywidgets.Layout(width="60%"),
            )
            for name, value, low in (("SST", sst, 0), ("PARA", para, 0), ("STS", sts, -1))
        )  # fmt: skip
        self.picture = ipywidgets.HTML()
        super().__init__([self.sst, self.para, self.sts, self.picture])
        for slider in (self.sst, self.para, self.sts):
            slider.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        self.scores = with_your_model(self.published, self.sst.value, self.para.value, self.sts.value)
        self.orders = {name: order(self.scores, name) for name in ("mean3", "norm3")}
        self.answer = describe_overalls(self.scores)
        fig = plots.two_overalls(self.scores)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def two_overalls(
    published: pd.DataFrame, sst: float = 0.5, para: float = 0.75, sts: float = 0.45
) -> TwoOveralls:
    """A widget: your model's three scores beside published ones, under both overalls.

    published: index = names, columns SST, PARA and STS; a name is cut at its first colon where there is little room.
    """
    return TwoOveralls(published, sst, para, sts)


def with_your_model(published: pd.DataFrame, sst: float, para: float, sts: float) -> pd.DataFrame:
    """`published` with a first row for your model."""
    row = pd.DataFrame({"SST": sst, "PARA": para, "STS": sts}, index=[YOURS])
    return pd.concat([row, published[list(row)]])


def order(scores: pd.DataFrame, average: str) -> list[str]:
    """The names from best to worst by "mean3" or "norm3"; of equal ones the first stays first."""
    values = {"mean3": mean3, "norm3": norm3}[average](scores.SST, scores.PARA, scores.STS)
    return list(values.sort_values(ascending=False, kind="stable").index)


def describe_overalls(scores: pd.DataFrame) -> str:
    """What the picture shows, as a sentence or two."""
    averages = {
        "mean3": mean3(scores.SST, scores.PARA, scores.STS),
        "norm3": norm3(scores.SST, scores.PARA, scores.STS),
    }
    parts = [
        f"By {name}: " + ", ".join(f"{short(key)} {values[key]:.3f}" for key in order(scores, name))
        for name, values in averages.items()
    ]
    same = order(scores, "mean3") == order(scores, "norm3")
    return f"{'; '.join(parts)}. {'Both give the same order.' if same else 'The order changes.'}"


def short(name: str) -> str:
    return name.split(":")[0]
