"""Multi-task learning with BERT: the library behind the course.

The rooms are imported on first use, so `import mtlkit` costs almost nothing:
`mtlkit.data`, `.bert`, `.heads`, `.objectives`, `.gradients`, `.evaluation`, `.tasks`, `.training`, `.runs`, `.show`,
`.course`.
"""

from importlib import import_module

__version__ = "0.1.0"
_ROOMS = (
    "data", "bert", "heads", "objectives", "gradients", "evaluation", "tasks", "training", "runs", "show", "course",
)  # fmt: skip


def __getattr__(name):
    if name in _ROOMS:
        return import_module(f"mtlkit.{name}")
    raise AttributeError(f"module 'mtlkit' has no attribute {name!r}; its rooms are {', '.join(_ROOMS)}")


def __dir__():
    return [*globals(), *_ROOMS]
