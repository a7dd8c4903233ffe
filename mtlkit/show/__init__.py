"""Figures, plots and widgets for the notebooks. Nothing is imported here: matplotlib only comes with use."""

from importlib import import_module

_PARTS = ("figures", "plots", "widgets")


def __getattr__(name):
    if name in _PARTS:
        return import_module(f"mtlkit.show.{name}")
    raise AttributeError(f"module 'mtlkit.show' has no attribute {name!r}; its parts are {', '.join(_PARTS)}")


def __dir__():
    return [*globals(), *_PARTS]
