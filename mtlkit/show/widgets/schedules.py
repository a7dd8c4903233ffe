"""The widget of 10_schedules."""

import math
from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd

from mtlkit.data import Sampled, exposure

from .. import plots
from ..figures import image

BATCH_SIZE = 32
KINDS = ("straight line", "one jump", "compounding (the bug)")
DEFAULTS = dict(first=1.0, last=0.2, epochs=10, kind=KINDS[0])


def alpha_curve(first: float, last: float, kind: str) -> Callable[[int, int], float]:
    """An `alpha` for `Sampled`: from `first` in epoch 1 to `last` in epoch E, both 0 or more.

    kind: "straight line"; "one jump", at the middle of the run; or "compounding (the bug)", the straight line of a code
    that raises last epoch's probabilities in place of N, so that all exponents up to now are multiplied.
    Raises ValueError for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {KINDS}, not {kind!r}")

    def straight(epoch, epochs):
        return first + (last - first) * (epoch - 1) / max(1, epochs - 1)

    def jump(epoch, epochs):
        return first if epoch <= (epochs + 1) // 2 else last

    def compounding(epoch, epochs):
        return math.prod(straight(e, epochs) for e in range(1, epoch + 1))

    return dict(zip(KINDS, (straight, jump, compounding), strict=True))[kind]


def annealed_run(
    sizes: Mapping[str, int], first: float, last: float, epochs: int, kind: str
) -> tuple[pd.DataFrame, dict[str, float], list[float]]:
    """What such a schedule does, for `plots.annealing`: shares (a row an epoch, a column a task), passes of the whole
    run by task, and each epoch's alpha. An epoch has as many batches of 32 as the tasks have in all."""
    alpha = alpha_curve(first, last, kind)
    schedule = Sampled(sizes, BATCH_SIZE, epochs, alpha=alpha)
    each = range(1, epochs + 1)
    shares = pd.DataFrame([schedule.shares(epoch) for epoch in each], index=each)
    table = exposure(schedule)
    passes = table[table.epoch == epochs].set_index("task").total_passes.to_dict()
    return shares, passes, [alpha(epoch, epochs) for epoch in each]


def describe_annealing(shares: pd.DataFrame, passes: Mapping[str, float], alphas: list[float]) -> str:
    """The run in words, with its numbers."""
    first, last = (", ".join(f"{task} {p:.3f}" for task, p in shares.iloc[row].items()) for row in (0, -1))
    seen = ", ".join(f"{task} {value:.3g} times" for task, value in passes.items())
    return (
        f"alpha from {alphas[0]:.2f} to {alphas[-1]:.2f} in {len(shares)} epochs: first {first}; last {last}; "
        f"gone through: {seen}."
    )


class AnnealingEditor(ipywidgets.VBox):
    """Exponents, epochs, kind and data of an annealed schedule; below, its probabilities and its passes.

    `first`, `last`, `epochs` are sliders, `kind` and `data` menus; `picture` is the HTML below, `answer` the same in
    words, `shares`, `passes` and `alphas` the numbers. Setting a control's `value` is as good as moving it.
    """

    def __init__(self, sizes: Mapping[str, Mapping[str, int]], **settings):
        self.sizes = sizes
        values = DEFAULTS | settings
        look = dict(continuous_update=False, layout=ipywidgets.Layout(width="48%"))
        self.first = ipywidgets.FloatSlider(
            values["first"], min=0, max=1, step=0.05, description="alpha first", **look
        )
        self.last = ipywidgets.FloatSlider(
            values["last"], min=0, max=1, step=0.05, description="alpha last", **look
        )
        self.epochs = ipywidgets.IntSlider(values["epochs"], min=1, max=25, description="epochs", **look)
        wide = dict(layout=ipywidgets.Layout(width="48%"))
        self.kind = ipywidgets.Dropdown(options=KINDS, value=values["kind"], description="kind", **wide)
        self.data = ipywidgets.Dropdown(options=list(sizes), description="data", **wide)
        self.controls = (self.first, self.last, self.epochs, self.kind, self.data)
        self.picture = ipywidgets.HTML()
        rows = ipywidgets.HBox(self.controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([rows, self.picture])
        for control in self.controls:
            control.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        self.shares, self.passes, self.alphas = annealed_run(
            self.sizes[self.data.value], self.first.value, self.last.value, self.epochs.value, self.kind.value
        )
        self.answer = describe_annealing(self.shares, self.passes, self.alphas)
        fig = plots.annealing(self.shares, self.passes, self.alphas)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def annealing_editor(sizes: Mapping[str, Mapping[str, int]], **settings) -> AnnealingEditor:
    """A widget: bend the exponent of an annealed schedule, and see its probabilities and what it goes through.

    sizes: name of the data -> {task: examples}; the first is shown at the start.
    """
    return AnnealingEditor(sizes, **settings)
