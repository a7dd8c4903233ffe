"""The pictures of notebook 03 show all they are given, and nothing falls off their edge."""

import pytest
from matplotlib.colors import to_hex

from mtlkit.show import plots
from mtlkit.show.plots import word_pieces
from tests.show.inside import stays_inside

PIECES = {
    "three kinds": ["[CLS]", "un", "##watch", "##able", "film", "[UNK]", "[SEP]"],
    "nothing but marks": ["[CLS]", "[SEP]"],
    "signs": ["[CLS]", "$", "5", "<", "b", ">", "&", "#", "#", "[", "]", "{", "\\", "_", "^", "[SEP]"],
    "many lines": ["[CLS]", *["telecommunications", "##s"] * 40, "[SEP]"],
    "more than fit": ["[CLS]", *["a"] * 400, "[SEP]"],
}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", PIECES)
def test_pieces_stand_in_boxes_whose_edges_differ(name):
    pieces = PIECES[name]
    fig = plots.piece_boxes(pieces, list(range(len(pieces))))
    (ax,) = fig.axes
    shown = pieces[: word_pieces.MOST]
    texts = [text.get_text() for text in ax.texts]
    assert texts[: 2 * len(shown) : 2] == shown
    assert texts[1 : 2 * len(shown) : 2] == [str(n) for n in range(len(shown))]
    assert (f"and {len(pieces) - word_pieces.MOST} more" in texts) == (len(pieces) > word_pieces.MOST)
    for piece, box in zip(shown, ax.patches, strict=False):
        edge, _, line, _ = word_pieces.KINDS[plots.piece_kind(piece)]
        assert (to_hex(box.get_edgecolor()), box.get_linestyle()) == (edge.lower(), line)
    stays_inside(fig)


def test_boxes_do_not_overlap_and_hold_their_text():
    pieces = PIECES["many lines"]
    fig = plots.piece_boxes(pieces, [29_999] * len(pieces))
    fig.canvas.draw()
    (ax,) = fig.axes
    boxes = [box.get_window_extent() for box in ax.patches[: len(pieces)]]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    for text, box in zip(ax.texts[: 2 * len(pieces) : 2], boxes, strict=True):
        extent = text.get_window_extent()
        assert box.x0 < extent.x0 < extent.x1 < box.x1, text


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        ("film", "start"),
        ("##s", "inside"),
        ("#", "start"),
        ("##", "start"),
        ("[CLS]", "special"),
        ("[", "start"),
    ],
)
def test_kinds_of_pieces(piece, kind):
    assert plots.piece_kind(piece) == kind


def test_kinds_differ_without_colour():
    assert len({line for _, _, line, _ in word_pieces.KINDS.values()}) == len(word_pieces.KINDS)


def test_padding_is_the_part_above_the_mean_row():
    orders = {"random": [(10, 5.0), (20, 5.0)], "sorted": [(4, 4.0), (10, 8.0), (12, 12.0)]}
    fig = plots.padding_by_order(orders)
    for ax, batches in zip(fig.axes, orders.values(), strict=True):
        filled, empty = ax.containers
        assert [bar.get_height() for bar in filled] == [mean for _, mean in batches]
        assert [bar.get_y() + bar.get_height() for bar in empty] == [longest for longest, _ in batches]
        assert all(bar.get_hatch() for bar in empty)
    assert "67%" in fig.axes[0].get_title()
    assert "8%" in fig.axes[1].get_title()
    stays_inside(fig)


@pytest.mark.parametrize("shares", [[0.18, 0.15, 0.22], [0.2, 0.2, 0.2], [0.0, 0.001, 0.4]])
def test_lines_have_names_that_do_not_touch(shares):
    tasks = {
        task: [share, share / 2, 0.0] for task, share in zip(("sst", "para", "sts"), shares, strict=True)
    }
    fig = plots.split_by_rarity(tasks, ["once", "2 or 3", "more"])
    fig.canvas.draw()
    names = [text.get_window_extent() for text in fig.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(names) for b in names[:i])
    assert sorted(text.get_text().split()[0] for text in fig.axes[0].texts) == sorted(tasks)
    assert {line.get_linestyle() for line in fig.axes[0].lines} == {"-", "--", "-."}
    stays_inside(fig)
