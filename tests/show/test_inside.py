"""The measure that the tests of all plots rest on: it sees what is cut off."""

import matplotlib.pyplot as plt
import pytest

from tests.show.inside import stays_inside


def test_a_figure_with_room_passes():
    fig, ax = plt.subplots(layout="constrained")
    ax.set(title="a title", xlabel="a label", yticks=[0, 1], yticklabels=["one name", "another"])
    stays_inside(fig)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ax: ax.text(0.9, 0.5, "a text that goes on and on beyond the edge of the picture"),
        lambda ax: ax.set_title("a title " * 30),
        lambda ax: ax.set_xlabel("a label " * 40),
        lambda ax: ax.set_yticks([0.5], ["a name that is far too long for its place, and longer still"]),
    ],
    ids=["text", "title", "label", "tick"],
)
def test_each_kind_of_text_that_is_cut_off_is_seen(spoil):
    fig, ax = plt.subplots(figsize=(3, 2))
    spoil(ax)
    with pytest.raises(AssertionError):
        stays_inside(fig)
