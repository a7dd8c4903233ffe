"""What several plots share."""

from collections.abc import Sequence

from matplotlib.colors import to_rgb


def darker(color: str) -> tuple[float, ...]:
    """The colour for letters, which need more contrast than lines do."""
    return tuple(0.65 * channel for channel in to_rgb(color))


def spread(heights: list[float], factor: float) -> list[float]:
    """The heights, moved up where needed so that each is at least `factor` times the next lower one."""
    placed: dict[int, float] = {}
    last = 0.0
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[index] = max(heights[index], last * factor)
    return [placed[index] for index in range(len(heights))]


def apart(heights: Sequence[float], gap: float) -> list[float]:
    """The heights, moved up where needed so that each is at least `gap` above the next lower one."""
    placed: dict[int, float] = {}
    last = float("-inf")
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[index] = max(heights[index], last + gap)
    return [placed[index] for index in range(len(heights))]
