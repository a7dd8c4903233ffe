"""The widget of 09_many_tasks."""

from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from .. import plots
from ..figures import image
from ..plots.many import Spans


class OrderOfTasks(ipywidgets.VBox):
    """A slider over orders of the tasks, and below it the dev curves of each task under the chosen one.

    `order` is the slider, `spans` whose turn it was when, `drops` how far each task ended below its best, `picture` the
    HTML, `answer` the same in words. Setting `order.value` is as good as moving it.
    """

    def __init__(self, curves: pd.DataFrame, sizes: Mapping[str, int], forgetting: Callable):
        self.curves, self.sizes, self.forgetting = curves, sizes, forgetting
        # Not a drop-down list: JupyterLab keeps the arrow keys that it would need for itself.
        self.order = ipywidgets.SelectionSlider(
            options=list(dict.fromkeys(curves.run)), description="Order", continuous_update=False,
            layout=ipywidgets.Layout(width="60%"),
        )  # fmt: skip
        self.picture = ipywidgets.HTML()
        super().__init__([self.order, self.picture])
        self.order.observe(self.update, "value")
        self.update()

    def update(self, _change=None) -> None:
        chosen = self.curves[self.curves.run == self.order.value]
        self.spans = turns(self.order.value, self.sizes, float(chosen.examples.max()))
        self.drops = mean_drops(chosen, self.forgetting)
        self.answer = describe_order(self.order.value, chosen, self.drops)
        fig = plots.training_in_turn(chosen, self.spans, self.drops)
        self.picture.value = image(fig, self.answer)
        plt.close(fig)


def order_of_tasks(curves: pd.DataFrame, sizes: Mapping[str, int], forgetting: Callable) -> OrderOfTasks:
    """A widget: choose an order of the tasks, and see what each still knows while the others are trained.

    curves: columns run (an order such as "sst, para, sts"), seed, examples, task, score. sizes: task -> how many
    examples its turn has, or anything in that proportion. forgetting: scores (looks, K) -> (K,), as in exercise 9.4.
    """
    return OrderOfTasks(curves, sizes, forgetting)


def turns(order: str, sizes: Mapping[str, int], end: float) -> Spans:
    """(task, first, last example) of each turn: "sst, para, sts" once through in `end` examples."""
    tasks = order.split(", ")
    edges = np.cumsum([0.0, *(sizes[task] for task in tasks)])
    edges *= end / edges[-1]
    return list(zip(tasks, edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def mean_drops(curves: pd.DataFrame, forgetting: Callable) -> dict[str, float]:
    """Task -> `forgetting`, the mean over seeds. curves: of one order, columns seed, examples, task, score."""
    per_seed = [
        forgetting(run.pivot(index="examples", columns="task", values="score").to_numpy())
        for _, run in curves.groupby("seed")
    ]
    return dict(zip(sorted(set(curves.task)), np.mean(per_seed, axis=0).tolist(), strict=True))


def describe_order(order: str, curves: pd.DataFrame, drops: Mapping[str, float]) -> str:
    """What the picture shows, as a sentence or two."""
    ends = curves.sort_values("examples").groupby(["seed", "task"]).score.last().groupby("task").mean()
    parts = [f"{task} {ends[task]:.3f}, {drops[task]:.3f} below its best" for task in order.split(", ")]
    seeds = curves.seed.nunique()
    return f"Trained in the order {order} ({seeds} seed{'s' * (seeds > 1)}), they end at: {'; '.join(parts)}."
