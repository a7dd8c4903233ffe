"""What every committed notebook must be, rule by rule; each rule is proved on a notebook that breaks it.

A rule is a function of a notebook (its JSON) and its path that returns complaints.
"""

import ast
import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST_CELL, LARGEST_FILE, LEAST_WORDS = 25, 600_000, 6
LATE_IMPORTS = {"transformers"}  # seconds to load: imported only where parity is shown
ABSOLUTE = re.compile(
    r"(?<![\w.:/<])(?:/(?:home|Users|root|tmp|usr|opt|mnt|var|private|work|content)/|[A-Z]:\\)\S*"
)
REMOTE = re.compile(
    r"""!\[[^\]]*\]\(\s*<?(?:https?:)?//\S*|<\s*(?:img|script|iframe|link|video|audio|source)\b[^>]*?"""
    r"""(?:src|href)\s*=\s*["']?(?:https?:)?//[^\s>]*|(?:url\(|@import)\s*["']?(?:https?:)?//\S*""",
    re.IGNORECASE,
)
BOX = re.compile(r"^[#>*\s]*Exercise (\d+)\.(\d+)\b", re.MULTILINE)
CHECK_CALL = re.compile(r"checks\.\w+\.\w+\(")


# --- reading ----------------------------------------------------------------------------------------------


def source(cell):
    return "".join(cell["source"])


def code(nb):
    """(number in the notebook, cell) of each code cell."""
    return [(number, cell) for number, cell in enumerate(nb["cells"], 1) if cell["cell_type"] == "code"]


def tags(cell):
    return cell["metadata"].get("tags", [])


def texts(output):
    """(mime type, text) of everything textual that an output holds."""
    if output["output_type"] == "stream":
        return [(output["name"], "".join(output["text"]))]
    if output["output_type"] == "error":
        return [("error", "\n".join(output["traceback"]))]
    return [(kind, "".join(data)) for kind, data in output["data"].items() if isinstance(data, (str, list))]


def printed(cell):
    return "".join(text for output in cell["outputs"] for kind, text in texts(output) if kind == "stdout")


def prose(cells):
    return "\n\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")


def parse(cell):
    """The syntax tree of a cell without its magics; an empty one where the cell means to be wrong."""
    plain = "\n".join(
        "pass" if line.lstrip()[:1] in ("%", "!") else line for line in source(cell).splitlines()
    )
    try:
        return ast.parse(plain)
    except SyntaxError:
        return ast.parse("")


class Images(HTMLParser):
    """The attributes of each <img> in a piece of HTML."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


# --- rules: the file --------------------------------------------------------------------------------------


def is_valid(nb, path):
    try:
        nbformat.validate(nbformat.from_dict(nb))
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {str(error).splitlines()[0]}"]
    return []


def is_small(nb, path):
    size = len(json.dumps(nb, indent=1, ensure_ascii=False).encode())
    return [f"{size / 1000:.0f} KB; {LARGEST_FILE / 1000:.0f} at most"] if size > LARGEST_FILE else []


def has_the_plain_kernel(nb, path):
    name = nb["metadata"].get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"the kernel is called {name}, not python3"]


def stores_no_widget(nb, path):
    found = ["widget state in the metadata"] if "widgets" in nb["metadata"] else []
    return found + [
        f"cell {number} stores a widget, which is dead without its kernel"
        for number, cell in code(nb)
        for output in cell["outputs"]
        if any("widget" in kind for kind in output.get("data", {}))
    ]


def has_no_absolute_path(nb, path):
    found = []
    for number, cell in enumerate(nb["cells"], 1):
        outputs = [text for output in cell.get("outputs", []) for _, text in texts(output)]
        for text in [source(cell), *outputs]:
            plain = re.sub(r"base64,[\w+/=]*", "", text)
            found += [f"cell {number} has the path {match.group()}" for match in ABSOLUTE.finditer(plain)]
    return found


def needs_no_network(nb, path):
    found = []
    for number, cell in enumerate(nb["cells"], 1):
        outputs = [
            t
            for o in cell.get("outputs", [])
            for kind, t in texts(o)
            if kind in ("text/html", "text/markdown")
        ]
        for text in [*([source(cell)] if cell["cell_type"] == "markdown" else []), *outputs]:
            found += [
                f"cell {number} loads from the network: {match.group()}" for match in REMOTE.finditer(text)
            ]
    return found


# --- rules: cells and their outputs -----------------------------------------------------------------------


def ran_in_order(nb, path):
    counts = [cell["execution_count"] for _, cell in code(nb)]
    if counts == list(range(1, len(counts) + 1)):
        return []
    return [f"the execution counts are {counts}, not 1 to {len(counts)}: run `make notebooks`"]


def fails_only_where_it_says_so(nb, path):
    found = []
    for number, cell in code(nb):
        failed = any(output["output_type"] == "error" for output in cell["outputs"])
        if failed and "raises-exception" not in tags(cell):
            found.append(f"cell {number} stores an error")
        if not failed and "raises-exception" in tags(cell):
            found.append(f"cell {number} is tagged raises-exception, but stores no error")
    return found


def writes_no_stderr(nb, path):
    """Warnings and progress bars differ from machine to machine; nbval compares them."""
    return [
        f"cell {number} stores text on stderr"
        for number, cell in code(nb)
        if "NBVAL_IGNORE_OUTPUT" not in source(cell)
        for output in cell["outputs"]
        if output.get("name") == "stderr"
    ]


def cells_are_short(nb, path):
    lengths = [(number, len(source(cell).splitlines())) for number, cell in code(nb)]
    return [
        f"cell {number} has {n} lines; {LONGEST_CELL} at most" for number, n in lengths if n > LONGEST_CELL
    ]


def has_no_semicolon_at_an_end(nb, path):
    return [
        f"cell {number} ends a line with a semicolon"
        for number, cell in code(nb)
        if any(line.split("#")[0].rstrip().endswith(";") for line in source(cell).splitlines())
    ]


def imports_once(nb, path):
    found = []
    for number, cell in code(nb)[1:]:
        for node in ast.walk(parse(cell)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            late = [name for name in names if name.split(".")[0] not in LATE_IMPORTS]
            found += [f"cell {number} imports {name}; imports stand in the first code cell" for name in late]
    return found


def describes_every_image(nb, path):
    found = []
    for number, cell in code(nb):
        below = " ".join(printed(cell).split())
        for output in cell["outputs"]:
            if any(kind.startswith("image/") for kind in output.get("data", {})):
                found.append(
                    f"cell {number}: use mtlkit.show.figures.show(fig, alt); this image reaches no reader's ear"
                )
            for attributes in [
                a for kind, text in texts(output) if "html" in kind for a in Images(text).found
            ]:
                alt = " ".join((attributes.get("alt") or "").split())
                if len(alt.split()) < LEAST_WORDS:
                    found.append(f"cell {number} has an image with too short a text: {alt!r}")
                elif alt not in below:
                    found.append(f"cell {number} does not print below its image what the image shows")
    for number, cell in enumerate(nb["cells"], 1):
        if cell["cell_type"] == "markdown":
            written = re.findall(r"!\[([^\]]*)\]\(", source(cell))
            written += [attributes.get("alt") or "" for attributes in Images(source(cell)).found]
            found += [
                f"cell {number} has an image with too short a text: {alt!r}"
                for alt in written
                if len(alt.split()) < LEAST_WORDS
            ]
    return found


# --- rules: the course's form -----------------------------------------------------------------------------

OPENING = {
    "a title in the first line": r"\A# \S",
    "**You will be able to** with three verbs, each *like this*": (
        r"\*\*You will be able to\b(?:(?:(?!\*\*You need)[\s\S])*?(?<!\*)\*\w[^*\n]*\*(?!\*)){3}"
    ),
    "**You need**": r"^\W*\*\*You need\b.*\w",
    "**Time** in minutes of reading and exercises, and seconds of machine": r"^\W*\*\*Time\b.*\d.*\d.*\d",
    "**Off-line**: what of this runs without a network": r"^\W*\*\*Off-?line\b.*\w",
}
ENDING = {
    "a heading 'What we built'": r"^#+ What we built",
    "three questions, each with its answer in <details>": r"(?:<details>[\s\S]*?</details>[\s\S]*?){3}",
    "a heading 'What is next'": r"^#+ What is next",
}


def opens_as_all_do(nb, path):
    first = next((index for index, cell in enumerate(nb["cells"]) if cell["cell_type"] == "code"), 0)
    text = prose(nb["cells"][:first])
    return [
        f"the opening lacks {what}"
        for what, how in OPENING.items()
        if not re.search(how, text, re.MULTILINE | re.IGNORECASE)
    ]


def ends_as_all_do(nb, path):
    text = prose(nb["cells"])
    start = re.search(ENDING["a heading 'What we built'"], text, re.MULTILINE)
    text = text[start.start() :] if start else ""
    return [
        f"the ending lacks {what}" for what, how in ENDING.items() if not re.search(how, text, re.MULTILINE)
    ]


def exercises_are_complete(nb, path):
    """A box (number, minutes, difficulty), then a cell with the solution, then one that assigns the check's result."""
    found, cells = [], nb["cells"]
    boxes = [
        (index, match)
        for index, cell in enumerate(cells)
        if cell["cell_type"] == "markdown" and (match := BOX.search(source(cell)))
    ]
    if not 2 <= len(boxes) <= 4:
        found.append(f"{len(boxes)} exercises; two to four are asked for")
    chapter = int(path.name.split("_")[0])
    for count, (index, match) in enumerate(boxes, 1):
        name = f"exercise {match[1]}.{match[2]}"
        if (int(match[1]), int(match[2])) != (chapter, count):
            found.append(f"{name} should be {chapter}.{count}")
        text = source(cells[index])
        if not re.search(r"\d+ minutes?", text):
            found.append(f"{name} does not say how many minutes it takes")
        if not re.search(r"difficulty [1-5]\b", text, re.IGNORECASE):
            found.append(f"{name} does not say 'difficulty 1' to 5")
        solution, check = ([cell for cell in cells[index:] if cell["cell_type"] == "code"] + [None, None])[:2]
        if not solution or "### BEGIN SOLUTION" not in source(solution):
            found.append(f"{name}: the next code cell has no ### BEGIN SOLUTION")
        elif not check or not re.search(r"^\w+ = checks\.\w+\.\w+\(", source(check), re.MULTILINE):
            found.append(
                f"{name}: the code cell after the solution does not say  name = checks.module.check(name)"
            )
        elif f"Exercise {match[1]}.{match[2]}: passed" not in printed(check):
            found.append(f"{name}: the solution does not pass")
    marked = sum("### BEGIN SOLUTION" in source(cell) for _, cell in code(nb))
    if marked != len(boxes):
        found.append(f"{marked} cells with solutions, but {len(boxes)} exercises")
    return found


RULES = [
    is_valid,
    is_small,
    has_the_plain_kernel,
    stores_no_widget,
    has_no_absolute_path,
    needs_no_network,
    ran_in_order,
    fails_only_where_it_says_so,
    writes_no_stderr,
    cells_are_short,
    has_no_semicolon_at_an_end,
    imports_once,
    describes_every_image,
    opens_as_all_do,
    ends_as_all_do,
    exercises_are_complete,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    found = rule(json.loads(path.read_text(encoding="utf-8")), path)
    assert not found, "\n".join(found)


# --- the rules are proved ---------------------------------------------------------------------------------

PATH = Path("05_tiny.ipynb")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_has_no_complaints(rule, tiny):
    assert rule(tiny, PATH) == []


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data):
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
WORDS = "one two three four five six"
# rule: ways to break it; each takes the notebook's first code cell, its first markdown cell, and the notebook
BREAKS = {
    is_valid: [lambda c, m, nb: c.pop("outputs")],
    is_small: [lambda c, m, nb: c["outputs"].append(stream("x" * 600_000))],
    has_the_plain_kernel: [lambda c, m, nb: nb["metadata"].clear()],
    stores_no_widget: [
        lambda c, m, nb: nb["metadata"].update(widgets={}),
        lambda c, m, nb: c["outputs"].append(shown(**{"application/vnd.jupyter.widget-view+json": {}})),
    ],
    has_no_absolute_path: [
        lambda c, m, nb: c["outputs"].append(stream("saved to /home/me/x.pt")),
        lambda c, m, nb: c.update(source="open('/tmp/x')"),
        lambda c, m, nb: m.update(source=r"see C:\Users\me"),
    ],
    needs_no_network: [
        lambda c, m, nb: m.update(source="![a map](https://a.org/b.png)"),
        lambda c, m, nb: m.update(source='<img alt="x" src="//a.org/b.png">'),
        lambda c, m, nb: c["outputs"].append(shown(text_html='<script src="https://a.org/b.js"></script>')),
    ],
    ran_in_order: [
        lambda c, m, nb: c.update(execution_count=None),
        lambda c, m, nb: c.update(execution_count=7),
    ],
    fails_only_where_it_says_so: [
        lambda c, m, nb: c["outputs"].append(ERROR),
        lambda c, m, nb: c["metadata"].update(tags=["raises-exception"]),
    ],
    writes_no_stderr: [lambda c, m, nb: c["outputs"].append(stream("UserWarning", "stderr"))],
    cells_are_short: [lambda c, m, nb: c.update(source="1\n" * 26)],
    has_no_semicolon_at_an_end: [
        lambda c, m, nb: c.update(source="plot();"),
        lambda c, m, nb: c.update(source="plot();  # a plot"),
    ],
    imports_once: [
        lambda c, m, nb: code(nb)[1][1].update(source="%time\nfrom torch import nn"),
        lambda c, m, nb: code(nb)[1][1].update(source="def f():\n    import torch"),
    ],
    describes_every_image: [
        lambda c, m, nb: c["outputs"].append(shown(image_png="aGk=")),
        lambda c, m, nb: c["outputs"].append(shown(text_html='<img src="data:,">')),
        lambda c, m, nb: c["outputs"].append(shown(text_html='<img alt="short" src="data:,">')),
        lambda c, m, nb: c["outputs"].append(shown(text_html=f'<img alt="{WORDS}" src="data:,">')),
        lambda c, m, nb: m.update(source="![map](map.png)"),
        lambda c, m, nb: m.update(source='<img src="map.png">'),
    ],
    opens_as_all_do: [
        lambda c, m, nb: m.update(source=m["source"].replace("# ", "")),
        lambda c, m, nb: m.update(source=m["source"].replace("*explain*", "explain")),
        lambda c, m, nb: m.update(source=m["source"].replace("You need", "Needed")),
        lambda c, m, nb: m.update(source=m["source"].replace("**Time** 5", "**Time** some")),
        lambda c, m, nb: m.update(source=m["source"].replace("Off-line", "On a train")),
    ],
    ends_as_all_do: [
        lambda c, m, nb: nb["cells"].pop(),
        lambda c, m, nb: nb["cells"][-1].update(source=nb["cells"][-1]["source"].replace("<details>", "", 1)),
        lambda c, m, nb: nb["cells"][-1].update(source=nb["cells"][-1]["source"].replace("next", "over")),
    ],
    exercises_are_complete: [
        lambda c, m, nb: nb["cells"].__delitem__(slice(3, 6)),
        lambda c, m, nb: nb["cells"][3].update(source="### Exercise 6.1 · 5 minutes · difficulty 2"),
        lambda c, m, nb: nb["cells"][3].update(source="### Exercise 5.1 · difficulty 2"),
        lambda c, m, nb: nb["cells"][3].update(source="### Exercise 5.1 · 5 minutes"),
        lambda c, m, nb: nb["cells"][4].update(source="def double(x): ..."),
        lambda c, m, nb: nb["cells"][5].update(source="checks.tiny.double(double)"),
        lambda c, m, nb: nb["cells"][5].update(outputs=[stream("Exercise 5.1: not yet - no")]),
        lambda c, m, nb: c.update(source="### BEGIN SOLUTION\nx = 1\n### END SOLUTION"),
    ],
}


@pytest.mark.parametrize(
    ("rule", "change"),
    [(rule, change) for rule in RULES for change in BREAKS[rule]],
    ids=lambda value: value.__name__,
)
def test_each_rule_sees_what_breaks_it(rule, change, tiny):
    broken = copy.deepcopy(tiny)
    change(code(broken)[0][1], broken["cells"][0], broken)
    assert rule(broken, PATH)


def test_plain_links_are_allowed(tiny):
    tiny["cells"][1]["source"] = "see [the paper](https://arxiv.org/abs/1810.04805) and https://a.org/tmp/x"
    assert needs_no_network(tiny, PATH) == has_no_absolute_path(tiny, PATH) == []
