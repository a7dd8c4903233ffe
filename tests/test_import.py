import subprocess
import sys

from mtlkit.course.environment import ROOT

LATE = {
    "torch",
    "transformers",
    "matplotlib",
    "seaborn",
    "pandas",
    "scipy",
    "ipywidgets",
    "IPython",
    "tokenizers",
}


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)


def test_importing_prints_nothing_and_warns_of_nothing():
    done = python("-W", "error", "-c", "import mtlkit")
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_brings_in_nothing_heavy():
    done = python("-c", "import sys, mtlkit; print(*{name.partition('.')[0] for name in sys.modules})")
    assert set(done.stdout.split()) & LATE == set()


def test_using_the_library_brings_in_no_pictures_and_no_transformers():
    """What `import mtlkit` may cost over `import torch` is spent on first use; this keeps it small."""
    code = "import sys, mtlkit; mtlkit.bert.Bert, mtlkit.training; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in python("-W", "error", "-c", code).stdout.split()}
    assert loaded & {"transformers", "matplotlib", "seaborn", "ipywidgets"} == set()


def test_a_room_that_does_not_exist_is_an_attribute_error():
    done = python("-c", "import mtlkit\ntry: mtlkit.kitchen\nexcept AttributeError as error: print(error)")
    assert "kitchen" in done.stdout
