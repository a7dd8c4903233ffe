"""The gradient projection lab of 13_gradient_surgery: arrows to drag, and PCGrad step by step."""

import html
from collections.abc import Sequence
from itertools import combinations, permutations, product
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets

from mtlkit.gradients import pcgrad

from ..figures import COLORS, fmt
from ..plots.surgery import LIT, REACH, plane_parts

LIMIT = 2.0  # how far an arrow can be dragged along an axis
HALF_STEP = 0.0051  # of a slider, and a little
LONGEST = 1.8  # the longest arrow of a preset from a model
THIRD = [0.4, 1.2]  # where a third task begins
PRESETS: dict[str, list[list[float]]] = {
    "in conflict": [[1.6, 0.4], [-1.0, 0.9]],
    "aligned": [[1.6, 0.4], [1.1, 1.1]],
    "orthogonal": [[1.5, 0.5], [-0.5, 1.5]],
    "opposite": [[1.6, 0.8], [-1.0, -0.5]],
    "one huge": [[2.0, 0.2], [-0.3, 0.3]],
    "three, helped": [[1.6, -0.7], [-0.6, 1.6], [-0.8, 0.9]],
    "three, still in conflict": [[1.6, 0.0], [-1.0, 1.0], [-0.6, -1.2]],
}
MODEL, PAIR, OWN = "from my model", "from my model, two tasks", "your own"
NONE = 1e-9  # a product above -NONE counts as no harm: it is 0 but for rounding


def every_order(K: int) -> list[list[list[int]]]:
    """Every choice of an order for each of K tasks: for each task i the others, first the one it meets first."""
    return [[list(order) for order in orders] for orders in product(*_own_orders(K))]


def _own_orders(K: int) -> list[list[tuple[int, ...]]]:
    """For each task all orders of the others."""
    return [list(permutations([j for j in range(K) if j != i])) for i in range(K)]


def harmless(vectors: Sequence[Sequence[float]]) -> list[list[float]]:
    """The directions d with g_i . d >= 0 for all i, as sectors from one angle to another in degrees.

    A sector from an angle to itself is a single direction; two opposite gradients leave two of these. Empty if there is
    no such direction; vectors of zero do not count, and if all are zero it is [[0, 360]].
    """
    angles = [float(np.degrees(np.arctan2(y, x))) for x, y in vectors if x or y]
    if not angles:
        return [[0.0, 360.0]]
    sectors = [[angles[0] - 90, angles[0] + 90]]
    for angle in angles[1:]:
        both = [
            [max(low, angle - 90 + turn), min(high, angle + 90 + turn)]
            for low, high in sectors
            for turn in (-360, 0, 360)
        ]
        sectors = [[low, high if high > low + 1e-6 else low] for low, high in both if high > low - 1e-6]
    return sectors


def best_plane(gram: torch.Tensor) -> tuple[list[list[float]], list[float]]:
    """Gradients as arrows in the plane that keeps most of their squared lengths, from their Gram matrix (K, K) alone.

    Returns K places, scaled so that the longest arrow is 1.8, and of each gradient the share of its length that the
    plane keeps.
    """
    gram = gram.double()
    if len(gram) < 2:
        raise ValueError(f"a plane needs the Gram matrix of two gradients or more, not {tuple(gram.shape)}")
    values, axes = torch.linalg.eigh(gram)
    places = axes[:, -2:].flip(1) * values[-2:].flip(0).clamp(min=0).sqrt()
    sign = places[places.norm(dim=1).argmax()].sign()  # the longest to the upper right
    places = places * torch.where(sign == 0, 1.0, sign)
    lengths = places.norm(dim=1)
    kept = lengths / gram.diagonal().sqrt().clamp(min=1e-300)
    return (places * LONGEST / lengths.max().clamp(min=1e-300)).tolist(), kept.clamp(max=1).tolist()


def most_in_conflict(gram: torch.Tensor) -> tuple[int, int]:
    """The two tasks with the lowest cosine."""
    return min(combinations(range(len(gram)), 2), key=lambda pair: _cosine(gram, *pair))


def _cosine(gram: Any, i: int, j: int) -> float:
    """Of gradients i and j, from their dot products; 0 where one of them is 0."""
    length = (float(gram[i][i]) * float(gram[j][j])) ** 0.5
    return float(gram[i][j]) / length if length else 0.0


def gradient_scene(
    vectors: Sequence[Sequence[float]],
    orders: Sequence[Sequence[int]] | None = None,
    step: int | None = None,
    names: Sequence[str] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """What the lab shows at one step of Algorithm 1, for `plots.gradient_plane` and for the widget; plain numbers.

    vectors: K gradients (K, 2). orders: for each task the others in its order; by default ascending. step: how many
    of the K (K - 1) pairs have been through, 0 to K (K - 1) + 1, at which all is summed; by default the last.
    names: the tasks'; by default g1, g2, ... note: words for the foot of the picture.

    Keys: names, note, g (originals), now (after that many steps), path (of each task, its gradient before and after
    each projection that changed it), before and after (the sums of g and of now), harmless (see there), dots
    (g_i . g_j), served_before and served_after (g_i . sum), step, steps; pair (i, j of this step or None), was (g_i'
    just before it), dot (was . g_j), square (|g_j|^2), and lit: which of start, dot, share, vector, sum the step is at.
    """
    g = torch.tensor(vectors, dtype=torch.float64)
    K, G = len(g), g @ g.T
    orders = [own[0] for own in _own_orders(K)] if orders is None else orders
    pairs = [(i, j) for i, order in enumerate(orders) for j in order]
    steps = len(pairs) + 1
    step = steps if step is None else min(max(step, 0), steps)
    C, path = torch.eye(K, dtype=torch.float64), [[own] for own in g.tolist()]
    at: dict[str, Any] = dict.fromkeys(("pair", "was", "dot", "square"))
    lit = ["start"] if step == 0 else ["sum"]
    for n, (i, j) in enumerate(pairs[:step], 1):
        was = path[i][-1]
        if n == step:
            at = {"pair": [i, j], "was": was, "dot": (C[i] @ G[:, j]).item(), "square": G[j, j].item()}
            lit = ["dot"]
        row = pcgrad(G, [[to for k, to in pairs[:n] if k == i] if i == k else [] for k in range(K)])[i]
        if not torch.equal(row, C[i]):
            C[i] = row
            path[i].append((row @ g).tolist())
            lit = ["dot", "share", "vector"] if n == step else lit
    now = C @ g
    before, after = g.sum(0), now.sum(0)
    return {
        "names": list(names or (f"g{i + 1}" for i in range(K))), "note": note, "g": g.tolist(), "now": now.tolist(),
        "path": path, "before": before.tolist(), "after": after.tolist(), "harmless": harmless(vectors),
        "dots": G.tolist(), "served_before": (g @ before).tolist(), "served_after": (g @ after).tolist(),
        "step": step, "steps": steps, **at, "lit": lit,
    }  # fmt: skip


def _number(value: float) -> str:
    """Two places; of what these would call 0, one digit."""
    return fmt(float(value), 2) if abs(value) >= 0.005 or abs(value) < NONE else f"{value:.1g}"


def _when(scene: dict[str, Any]) -> str:
    return "after" if scene["step"] == scene["steps"] else "so far"


def describe_gradients(scene: dict[str, Any]) -> str:
    """A scene in words, with its numbers."""
    names, dots = scene["names"], scene["dots"]
    pairs = [
        f"{names[i]}.{names[j]} = {_number(dots[i][j])}, cosine {_number(_cosine(dots, i, j))}"
        for i, j in combinations(range(len(names)), 2)
    ]
    harmed = [name for name, served in zip(names, scene["served_after"], strict=True) if served < -NONE]
    lengths = [f"{_number(np.hypot(*scene[key]))}" for key in ("before", "after")]
    served = ", ".join(
        f"{name} {_number(value)}" for name, value in zip(names, scene["served_after"], strict=True)
    )
    return (
        f"{'; '.join(pairs)}. Step {scene['step']} of {scene['steps']}: the sum is {lengths[0]} long before and "
        f"{lengths[1]} {_when(scene)}; its products with the tasks' gradients are {served}: it harms "
        f"{' and '.join(harmed) or 'nobody'}.{'' if scene['harmless'] else ' Every direction harms somebody.'}"
    )


def algorithm_html(scene: dict[str, Any]) -> str:
    """Algorithm 1 with the line and the formula's terms of this step lit, and below them their numbers."""
    lit, names = scene["lit"], [html.escape(name) for name in scene["names"]]
    i, j = (names[k] for k in scene["pair"] or (0, 1))
    share = _lit("share" in lit, f"({i}′·{j} / {j}·{j})")
    lines = [
        ("start" in lit, f"for every task: {_lit('start' in lit, f'{i}′ = {i}')}"),
        ("dot" in lit, f"is {_lit('dot' in lit, f'{i}′·{j}')} below 0?"),
        ("share" in lit, f"then {i}′ ← {i}′ − {share} {_lit('vector' in lit, j)}"),
        ("sum" in lit, f"at the end: {_lit('sum' in lit, ' + '.join(f'{name}′' for name in names))}"),
    ]
    rows = "".join(f"<div>{'▶' if on else '&emsp;'} {text}</div>" for on, text in lines)
    if "start" in lit:
        said = "nothing is projected yet"
    elif "sum" in lit:
        said = f"sum after = {_point(scene['after'])}"
    else:
        said = f"{i}′·{j} = {_point(scene['was'])}·{_point(scene['g'][scene['pair'][1]])} = {_number(scene['dot'])}"
        if "share" in lit:
            share = fmt(scene["dot"] / scene["square"], 3)
            said += f"<br>{_number(scene['dot'])} / {_number(scene['square'])} = {share}"
            said += f"<br>{i}′ is now {_point(scene['now'][scene['pair'][0]])}"
        else:
            said += f"<br>not below 0: {i}′ stays"
    return f'<div style="{_BOX}">{rows}<div class="said" style="margin-top: 4px; min-height: 4.5em">{said}</div></div>'


_BOX = "background: white; color: black; padding: 4px 8px; line-height: 1.5; font-family: DejaVu Sans, sans-serif"


def _lit(on: bool, text: str) -> str:
    look = f"background: {LIT}; font-weight: bold; border-bottom: 2px solid black"
    return f'<span class="lit" style="{look}">{text}</span>' if on else text


def _point(v: Sequence[float]) -> str:
    return f"({_number(float(v[0]))}, {_number(float(v[1]))})"


def numbers_html(scene: dict[str, Any]) -> str:
    """Of each task lengths, and products with both sums; of each two their product. What is below 0 is marked."""
    names = [html.escape(name) for name in scene["names"]]
    rows = [_row("th", ["", "length", _when(scene), "· sum before", f"· sum {_when(scene)}"])]
    for i, name in enumerate(names):
        lengths = [_number(np.hypot(*scene[key][i])) for key in ("g", "now")]
        rows.append(
            _row(
                "td", [name, *lengths, *(_signed(scene[f"served_{when}"][i]) for when in ("before", "after"))]
            )
        )
    rows.append(_row("th", ["", "product", "cosine", "", ""]))
    for i, j in combinations(range(len(names)), 2):
        product = scene["dots"][i][j]
        cosine = _number(_cosine(scene["dots"], i, j))
        rows.append(
            _row(
                "td",
                [
                    f"{names[i]}·{names[j]}",
                    _signed(product),
                    cosine,
                    *("conflict" if product < -NONE else "", ""),
                ],
            )
        )
    return f'<table class="products" style="{_BOX}; border-collapse: collapse">{"".join(rows)}</table>'


def _row(kind: str, cells: Sequence[str]) -> str:
    look = "padding: 0 7px; text-align: right; white-space: nowrap; font-size: 12px; line-height: 1.5"
    return "<tr>" + "".join(f'<{kind} style="{look}">{cell}</{kind}>' for cell in cells) + "</tr>"


def _signed(value: float) -> str:
    """The number; bold on orange where it is below 0."""
    text = _number(value)
    return f'<b style="background: #FFD9BF">{text}</b>' if value < -NONE else text


class GradientPlane(anywidget.AnyWidget):
    """The picture: draws `parts`, and says in `vectors` where arrows were dragged. It computes nothing but pixels."""

    _esm = r"""
const NS = "http://www.w3.org/2000/svg", SIZE = 430, HALF = SIZE / 2;
const make = (kind, values, parent) => {
  const made = document.createElementNS(NS, kind);
  for (const name in values) made.setAttribute(name, values[name]);
  if (parent) parent.appendChild(made);
  return made;
};
function render({ model, el }) {
  const reach = model.get("reach"), limit = model.get("limit"), unit = HALF / reach;
  const X = v => HALF + unit * v[0], Y = v => HALF - unit * v[1];
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const svg = make("svg", { width: SIZE, height: SIZE, viewBox: `0 0 ${SIZE} ${SIZE}`, class: "gradient-plane",
    role: "group", style: "background: white; border: 1px solid #DDDDDD; font: 12px DejaVu Sans, sans-serif;" +
      "user-select: none" }, el);
  const id = "g" + Math.random().toString(36).slice(2), defs = make("defs", {}, svg);
  const dots = make("pattern", { id: id + "dots", width: 9, height: 9, patternUnits: "userSpaceOnUse" }, defs);
  make("rect", { width: 9, height: 9, fill: "#F1F1F1" }, dots);
  make("circle", { cx: 4, cy: 4, r: 1, fill: "#BBBBBB" }, dots);
  const head = color => {
    const name = id + color.slice(1);
    if (!defs.querySelector("#" + name)) make("path", { d: "M0,0 L10,5 L0,10 z", fill: color }, make("marker", {
      id: name, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 10, markerHeight: 10,
      markerUnits: "userSpaceOnUse", orient: "auto" }, defs));
    return `url(#${name})`;
  };
  const back = make("g", {}, svg);
  make("line", { x1: 0, x2: SIZE, y1: HALF, y2: HALF, stroke: "#BBBBBB" }, svg);
  make("line", { y1: 0, y2: SIZE, x1: HALF, x2: HALF, stroke: "#BBBBBB" }, svg);
  const small = { fill: "#8A8A8A", "font-size": 9, "text-anchor": "middle", "aria-hidden": "true" };
  for (let k = 1 - reach; k < reach; k++) if (k) {
    make("text", { ...small, x: X([k, 0]), y: HALF + 11 }, svg).textContent = `${k}`.replace("-", "\u2212");
    make("text", { ...small, x: HALF - 9, y: Y([0, k]) + 3 }, svg).textContent = `${k}`.replace("-", "\u2212");
  }
  const lines = make("g", {}, svg), words = make("g", { "aria-hidden": "true" }, svg);
  const handles = model.get("colors").map((color, i) => make("circle", { r: 11, fill: color, "fill-opacity": 0.22,
    stroke: color, tabindex: 0, class: "handle handle" + i, role: "slider", "aria-roledescription": "arrow",
    "aria-valuemin": -limit, "aria-valuemax": limit, style: "cursor: grab; touch-action: none; outline: none" }, svg));
  const draw = () => {
    const parts = model.get("parts"), vectors = model.get("vectors"), names = model.get("names");
    if (!parts.arrows) return;
    svg.setAttribute("aria-label", model.get("label"));
    back.replaceChildren(); lines.replaceChildren(); words.replaceChildren();
    for (const [low, high] of parts.sectors) {
      const at = degrees => [Math.cos, Math.sin].map(f => 9 * reach * f(degrees * Math.PI / 180));
      const edge = [0, 1, 2, 3, 4].map(k => at(low + k / 4 * (high - low))).map(v => `${X(v)},${Y(v)}`).join(" L");
      make("path", { d: `M${HALF},${HALF} L${edge} Z`, class: "harmless", fill: `url(#${id}dots)`, stroke: "#999999",
        "stroke-dasharray": high - low < 1e-6 ? "1 3" : "", "stroke-width": high - low < 1e-6 ? 3 : 1 }, back);
    }
    for (const way of parts.ways) make("polyline", { points: way.points.map(v => `${X(v)},${Y(v)}`).join(" "),
      fill: "none", stroke: way.color, "stroke-width": 1.2, "stroke-dasharray": "1 3", class: way.kind }, lines);
    for (const arrow of parts.arrows) {
      const own = arrow.kind.match(/^own(\d)$/), tip = own && vectors[own[1]] || arrow.tip;
      const ends = { x1: HALF, y1: HALF, x2: X(tip), y2: Y(tip) };
      if (arrow.lit) make("line", { ...ends, stroke: model.get("lit"), "stroke-width": arrow.width + 8,
        "stroke-linecap": "round", class: "lit" }, lines);
      if (Math.hypot(...tip) < 1e-6) make("circle", { cx: HALF, cy: HALF, r: 3, fill: arrow.color }, lines);
      else make("line", { ...ends, stroke: arrow.color, "stroke-width": arrow.width, "stroke-dasharray": arrow.dash,
        "marker-end": head(arrow.color), class: arrow.kind }, lines);
    }
    for (const word of parts.words) make("text", { x: X(word.at), y: Y(word.at) + 4, fill: word.color,
      "text-anchor": "middle", stroke: "white", "stroke-width": 3, "paint-order": "stroke" }, words)
      .textContent = word.text;
    handles.forEach((handle, i) => {
      const v = vectors[i];
      handle.style.display = v ? "" : "none";
      if (!v) return;
      const said = { cx: X(v), cy: Y(v), "aria-valuenow": v[0].toFixed(2),
        "aria-label": `gradient ${names[i]}: drag its tip, or press arrow keys (with shift: small steps)`,
        "aria-valuetext": `${v[0].toFixed(2)}, ${v[1].toFixed(2)}` };
      for (const name in said) handle.setAttribute(name, said[name]);
    });
  };
  const place = (i, x, y) => {
    const fit = z => Math.round(100 * Math.min(limit, Math.max(-limit, z))) / 100;
    model.set("vectors", model.get("vectors").map((v, k) => k === i ? [fit(x), fit(y)] : v));
    model.save_changes();
  };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  handles.forEach((handle, i) => {
    const ring = (color, width) => {
      handle.setAttribute("stroke", color); handle.setAttribute("stroke-width", width);
    };
    handle.addEventListener("focus", () => ring("#000000", 3));
    handle.addEventListener("blur", () => ring(model.get("colors")[i], 1));
    handle.addEventListener("pointerdown", event => {
      handle.setPointerCapture(event.pointerId); handle.focus(); event.preventDefault();
    });
    handle.addEventListener("pointermove", event => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = svg.getBoundingClientRect(), pixels = SIZE / box.width;
      place(i, ((event.clientX - box.left) * pixels - HALF) / unit, (HALF - (event.clientY - box.top) * pixels) / unit);
    });
    handle.addEventListener("keydown", event => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault(); event.stopPropagation();
      const v = model.get("vectors")[i], far = event.shiftKey ? 0.01 : 0.1;
      place(i, v[0] + far * move[0], v[1] + far * move[1]);
    });
  });
  for (const name of ["vectors", "parts"]) model.on("change:" + name, draw);
  draw();
  return () => { for (const name of ["vectors", "parts"]) model.off("change:" + name, draw); };
}
export default { render };
"""

    vectors: traitlets.List = traitlets.List().tag(sync=True)
    parts = traitlets.Dict().tag(sync=True)
    names: traitlets.List = traitlets.List().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    colors = traitlets.List(list(COLORS[:3])).tag(sync=True)
    lit = traitlets.Unicode(LIT).tag(sync=True)
    reach = traitlets.Float(REACH).tag(sync=True)
    limit = traitlets.Float(LIMIT).tag(sync=True)

    @traitlets.validate("vectors")
    def _fit(self, proposal):
        vectors = [[float(np.clip(x, -LIMIT, LIMIT)) for x in vector] for vector in proposal["value"]]
        if len(vectors) not in (0, 2, 3) or any(len(v) != 2 or not np.isfinite(v).all() for v in vectors):
            raise traitlets.TraitError(
                f"two or three arrows, each of two finite numbers; got {proposal['value']}"
            )
        return vectors


class ProjectionLab(ipywidgets.VBox):
    """Two or three gradients to drag in the plane; beside them Algorithm 1 at one of its steps, and the numbers.

    `plane` is the picture, whose `vectors` are the arrows; `sliders` are the same numbers, a pair (x, y) a task.
    `preset`, `tasks` and each of `meets` (a task's order of the others) choose, `step` is a slider with the player
    `play`; `algorithm`, `numbers` and `words` are HTML. `answer` is all in words, `scene` all in numbers, `aside` what
    a model's preset leaves out. Setting a control's `value` is as good as moving it.
    """

    def __init__(
        self, gram: torch.Tensor | None = None, names: Sequence[str] = (), preset: str = "in conflict"
    ):
        self.presets = dict(PRESETS)
        self.real: dict[str, tuple[Sequence[str], str, str]] = {}  # tasks, the picture's words, those below
        if gram is not None:
            names = list(names) or [f"g{i + 1}" for i in range(len(gram))]
            if len(gram) not in (2, 3) or len(names) != len(gram):
                raise ValueError(
                    f"the lab has two or three tasks; got {len(gram)} gradients and names {names}"
                )
            self._add_real(MODEL, gram, names)
            if len(gram) > 2:
                i, j = most_in_conflict(gram)
                self._add_real(PAIR, gram[[i, j]][:, [i, j]], [names[i], names[j]])
        if preset not in self.presets:
            raise ValueError(f"preset is one of {', '.join(self.presets)}, not {preset!r}")
        self.plane = GradientPlane()
        narrow, wide = ipywidgets.Layout(width="245px"), ipywidgets.Layout(width="330px")
        self.sliders = [
            tuple(ipywidgets.FloatSlider(min=-LIMIT, max=LIMIT, step=0.01, layout=wide) for _ in "xy")
            for _ in range(3)
        ]
        self.preset = ipywidgets.Dropdown(
            options=[*self.presets, OWN],
            value=OWN,
            description="preset",
            layout=ipywidgets.Layout(width="330px"),
        )
        self.tasks = ipywidgets.Dropdown(options=[2, 3], description="tasks", layout=narrow)
        self.meets = [ipywidgets.Dropdown(options=[("", ())], layout=narrow) for _ in range(3)]
        self.step = ipywidgets.IntSlider(description="step", min=0, max=3, layout=wide)
        self.play = ipywidgets.Play(min=0, max=3, interval=1200, show_repeat=False)
        ipywidgets.jslink((self.play, "value"), (self.step, "value"))
        self.algorithm, self.numbers, self.words = (ipywidgets.HTML() for _ in range(3))
        self.rows = [ipywidgets.HBox(pair) for pair in self.sliders]
        player = ipywidgets.HBox([self.play, self.step])
        side = ipywidgets.VBox([self.preset, self.tasks, *self.meets, player, self.algorithm, self.numbers])
        super().__init__([ipywidgets.HBox([self.plane, side]), *self.rows, self.words])
        self._busy, self._shape = False, (0, [""])
        self.preset.observe(self._choose, "value")
        self.plane.observe(self._dragged, "vectors")
        self.tasks.observe(self._counted, "value")
        for control in (*self.meets, self.step):
            control.observe(self._changed, "value")
        for pair in self.sliders:
            for one in pair:
                one.observe(self._slid, "value")
        self.preset.value = preset

    def _add_real(self, preset: str, gram: torch.Tensor, names: Sequence[str]) -> None:
        """A preset of real gradients, and what is to be said of it."""
        self.presets[preset], kept = best_plane(gram)
        shares = ", ".join(f"{share:.0%} of {name}" for name, share in zip(names, kept, strict=True))
        cosines = ", ".join(
            f"{names[i]}.{names[j]} {fmt(_cosine(gram, i, j), 2)}"
            for i, j in combinations(range(len(gram)), 2)
        )
        C = pcgrad(gram, [own[0] for own in _own_orders(len(gram))]).sum(0)
        one = torch.ones_like(C)
        longer = fmt(
            ((C @ gram.double() @ C) / (one @ gram.double() @ one).clamp(min=1e-300)).sqrt().item(), 2
        )
        said = f"With what this plane leaves out: cosines {cosines}; PCGrad makes the sum {longer} times as long."
        self.real[preset] = names, f"this plane shows, of each length: {shares}", said

    @property
    def orders(self) -> list[list[int]]:
        """For each task the others, in the chosen order."""
        return [list(menu.value) for menu in self.meets[: len(self.plane.vectors)]]

    def _choose(self, change) -> None:
        if change.new != OWN and not self._busy:
            self._place(self.presets[change.new], change.new)

    def _dragged(self, change) -> None:
        if not self._busy:
            self._place(change.new, OWN)

    def _counted(self, change) -> None:
        if not self._busy:
            self._place([*self.plane.vectors, THIRD][: change.new], OWN)

    def _slid(self, change) -> None:
        if self._busy:
            return
        vectors = [list(vector) for vector in self.plane.vectors]
        i, axis = next(
            (i, pair.index(change.owner)) for i, pair in enumerate(self.sliders) if change.owner in pair
        )
        # The page's sliders send back what they make of a number, -0.6000000000000001: not a move.
        if i < len(vectors) and abs(change.new - vectors[i][axis]) > HALF_STEP:
            vectors[i][axis] = round(change.new, 2)
            self._place(vectors, OWN)

    def _changed(self, _change) -> None:
        if not self._busy:
            self._show()

    def _place(self, vectors: Sequence[Sequence[float]], preset: str) -> None:
        """Put the arrows, and every control that says where they are, to `vectors`."""
        self._busy = True
        try:
            self.plane.vectors = [list(vector) for vector in vectors]
            self.preset.value = preset
            self._name(
                self.real[preset][0] if preset in self.real else [f"g{i + 1}" for i in range(len(vectors))]
            )
            if preset != OWN:
                self.step.value = self.step.max
            for pair, vector in zip(self.sliders, self.plane.vectors, strict=False):
                for slider, value in zip(pair, vector, strict=True):
                    if (
                        abs(slider.value - value) > HALF_STEP
                    ):  # else the page would miss what is pressed meanwhile
                        slider.value = round(value, 2)
        finally:
            self._busy = False
        self._show()

    def _name(self, names: Sequence[str]) -> None:
        """Menus, sliders and steps for these tasks; those that fit already keep what is chosen."""
        K = len(names)
        if self._shape == (K, list(names)):
            return
        last, self._shape = self._shape[0], (K, list(names))
        self.plane.names = list(names)
        self.tasks.value = K
        if last != K:
            whole = self.step.value == self.step.max
            self.step.max = self.play.max = K * (K - 1) + 1
            self.step.value = self.step.max if whole else min(self.step.value, self.step.max)
        for i, (menu, pair, row) in enumerate(zip(self.meets, self.sliders, self.rows, strict=True)):
            menu.layout.display = None if i < K > 2 else "none"  # of two tasks each meets the other
            row.layout.display = None if i < K else "none"
            if i >= K:
                continue
            chosen = menu.value
            options = [(", then ".join(names[j] for j in own), own) for own in _own_orders(K)[i]]
            menu.options, menu.description = options, f"{names[i]} meets"
            menu.value = chosen if last == K else options[0][1]
            for slider, axis in zip(pair, "xy", strict=True):
                slider.description = f"{names[i]} {axis}"

    def _show(self) -> None:
        _, note, self.aside = self.real.get(self.preset.value, ([], "", ""))
        self.scene = gradient_scene(self.plane.vectors, self.orders, self.step.value, self.plane.names, note)
        self.answer = describe_gradients(self.scene)
        with self.plane.hold_sync():
            self.plane.parts = plane_parts(self.scene)
            self.plane.label = self.answer
        self.algorithm.value, self.numbers.value = algorithm_html(self.scene), numbers_html(self.scene)
        said = html.escape(" ".join(filter(None, (self.answer, self.aside))))
        self.words.value = f'<div class="scene-words" style="max-width: 800px; line-height: 1.4">{said}</div>'


def projection_lab(
    gram: torch.Tensor | None = None, names: Sequence[str] = (), preset: str = "in conflict"
) -> ProjectionLab:
    """A widget: drag gradients and see what PCGrad makes of them.

    gram: the Gram matrix (K, K) of two or three real gradients, for the preset "from my model"; names: its tasks.
    preset: with what to begin. Raises ValueError for other numbers of tasks and for an unknown preset.
    """
    return ProjectionLab(gram, names, preset)
