"""The gradient projection lab follows its arrows, sliders and menus, and computes with the library's PCGrad."""

import html
import itertools
import re

import numpy as np
import pytest
import torch
import traitlets

from mtlkit.gradients import PCGrad, pcgrad
from mtlkit.show import widgets
from mtlkit.show.widgets.surgery import (
    MODEL,
    OWN,
    PAIR,
    PRESETS,
    algorithm_html,
    best_plane,
    harmless,
    most_in_conflict,
    numbers_html,
)

THREE = PRESETS["three, still in conflict"]
GRAM = torch.tensor([[1.3, -0.2, -0.1], [-0.2, 32.0, 4.7], [-0.1, 4.7, 154.0]], dtype=torch.float64)
TASKS = ("sst", "para", "sts")


def cells(scene):
    rows = re.findall(r"<tr>(.*?)</tr>", numbers_html(scene))
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in rows
    ]


def plain(scene):
    return html.unescape(re.sub("<[^>]*>", "", algorithm_html(scene)))


# --- the numbers --------------------------------------------------------------------------------------------


def test_two_gradients_by_hand():
    """g1.g2 = -2, so g1' = (2, 0) + 2/2 (-1, 1) = (1, 1) and g2' = (-1, 1) + 2/4 (2, 0) = (0, 1)."""
    scene = widgets.gradient_scene([[2, 0], [-1, 1]])
    assert scene["now"] == [[1, 1], [0, 1]]
    assert (scene["before"], scene["after"]) == ([1, 1], [1, 2])
    assert scene["dots"] == [[4, -2], [-2, 2]]
    assert (scene["served_before"], scene["served_after"]) == ([2, 0], [2, 1])
    assert scene["path"] == [[[2, 0], [1, 1]], [[-1, 1], [0, 1]]]
    assert scene["harmless"] == [pytest.approx([45, 90])]
    assert scene["lit"] == ["sum"]
    first = widgets.gradient_scene([[2, 0], [-1, 1]], step=1)
    assert (first["pair"], first["was"], first["dot"], first["square"]) == ([0, 1], [2, 0], -2, 2)
    assert first["now"] == [[1, 1], [-1, 1]]
    assert first["lit"] == ["dot", "share", "vector"]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_last_step_is_the_librarys_pcgrad(preset):
    g = torch.tensor(PRESETS[preset], dtype=torch.float64)
    for orders in widgets.every_order(len(g)):
        scene = widgets.gradient_scene(PRESETS[preset], orders)
        weights = PCGrad(order=orders)(g @ g.T)
        torch.testing.assert_close(torch.tensor(scene["after"], dtype=torch.float64), weights @ g)
        torch.testing.assert_close(
            torch.tensor(scene["now"], dtype=torch.float64), pcgrad(g @ g.T, orders) @ g
        )


@pytest.mark.parametrize("orders", [[[2, 1], [0, 2], [1, 0]], None])
def test_the_steps_go_through_algorithm_1_pair_by_pair(orders):
    g = torch.tensor(THREE, dtype=torch.float64)
    used = orders or [[1, 2], [0, 2], [0, 1]]
    pairs = [(i, j) for i, order in enumerate(used) for j in order]
    now, path = g.clone(), [[own] for own in g.tolist()]
    for step in range(len(pairs) + 2):
        scene = widgets.gradient_scene(THREE, orders, step)
        assert scene["steps"] == len(pairs) + 1
        assert scene["pair"] == (list(pairs[step - 1]) if 0 < step <= len(pairs) else None)
        lit = ["start"] if step == 0 else ["sum"]
        if scene["pair"]:
            i, j = scene["pair"]
            dot, lit = (now[i] @ g[j]).item(), ["dot"]
            assert scene["was"] == pytest.approx(now[i].tolist())
            assert scene["dot"] == pytest.approx(dot)
            assert scene["square"] == pytest.approx((g[j] @ g[j]).item())
            if dot < 0:
                now[i] = now[i] - dot / (g[j] @ g[j]) * g[j]
                path[i].append(now[i].tolist())
                lit = ["dot", "share", "vector"]
        assert scene["lit"] == lit
        assert np.array(scene["now"]) == pytest.approx(now.numpy())
        assert [len(own) for own in scene["path"]] == [len(own) for own in path]


def test_a_step_beyond_the_last_is_the_last():
    assert widgets.gradient_scene(THREE, step=99) == widgets.gradient_scene(THREE)


def test_every_order_of_two_and_three():
    assert widgets.every_order(2) == [[[1], [0]]]
    assert len(widgets.every_order(3)) == 8
    assert len({str(orders) for orders in widgets.every_order(3)}) == 8


@pytest.mark.parametrize("seed", range(30))
def test_the_harmless_directions_are_those_that_harm_nobody(seed):
    g = np.random.default_rng(seed).normal(size=(2 + seed % 2, 2))
    sectors = harmless(g.tolist())
    assert len(sectors) <= 1
    for angle in np.arange(-179.5, 180):
        d = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        within = any(0 <= (angle - low) % 360 <= high - low for low, high in sectors)
        assert within == (g @ d >= 0).all(), angle


def test_the_harmless_directions_at_their_edges():
    assert harmless([[0, 0], [0, 0]]) == [[0.0, 360.0]]
    assert harmless([[1, 0], [0, 0]]) == [[-90.0, 90.0]]
    assert harmless([[1, 0], [1, 0]]) == [[-90.0, 90.0]]
    assert sorted(high for _, high in harmless([[1, 0], [-2, 0]])) == [-90.0, 90.0]
    (single,) = harmless([[1, 0], [-2, 0], [0, 1]])  # only straight up
    assert single == [90.0, 90.0]
    assert harmless(THREE) == []


def test_with_a_harmless_direction_in_the_plane_pcgrad_finds_one():
    """Notebook 13 says so: in two dimensions, never harmed where there is a way out."""
    random, seen = np.random.default_rng(3), 0
    for _ in range(60):
        g = random.normal(size=(3, 2))
        if harmless(g.tolist()):
            seen += 1
            for orders in widgets.every_order(3):
                assert min(widgets.gradient_scene(g.tolist(), orders)["served_after"]) > -1e-9
    assert seen > 20


def test_presets_keep_what_their_names_say():
    def cosines(name):
        g = torch.tensor(PRESETS[name], dtype=torch.float64)
        g = g / g.norm(dim=1, keepdim=True)
        return (g @ g.T)[*torch.triu_indices(len(g), len(g), 1)]

    assert cosines("aligned") > 0.8
    assert cosines("orthogonal") == pytest.approx(0)
    assert cosines("opposite") == pytest.approx(-1)
    long, short = (np.hypot(*g) for g in PRESETS["one huge"])
    assert long > 4 * short
    assert cosines("one huge") < 0
    for orders in widgets.every_order(3):
        assert min(widgets.gradient_scene(THREE, orders)["served_after"]) < -0.05
        assert min(widgets.gradient_scene(PRESETS["three, helped"], orders)["served_after"]) > 0
    assert min(widgets.gradient_scene(PRESETS["three, helped"])["served_before"]) < 0


def test_the_best_plane_is_that_of_the_svd_and_exact_for_two():
    g = torch.randn(3, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    places, kept = best_plane(g @ g.T)
    U, S, _ = torch.linalg.svd(g, full_matrices=False)
    want = U[:, :2] * S[:2]
    got = torch.tensor(places, dtype=torch.float64)
    scale = (got.norm() / want.norm()) ** 2
    torch.testing.assert_close(got @ got.T, scale * want @ want.T)
    assert kept == pytest.approx((want.norm(dim=1) / g.norm(dim=1)).tolist())
    places, kept = best_plane(g[:2] @ g[:2].T)
    assert kept == pytest.approx([1, 1])
    a, b = torch.tensor(places, dtype=torch.float64)
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(a, b, 0).item() == pytest.approx(cosine(g[0], g[1], 0).item())
    assert max(a.norm(), b.norm()).item() == pytest.approx(1.8)


def test_planes_of_gradients_that_are_zero_or_alike():
    places, kept = best_plane(torch.zeros(3, 3))
    assert np.allclose(places, 0)
    assert kept == [0, 0, 0]
    places, kept = best_plane(torch.tensor([[4.0, 2], [2, 1]]))  # g1 = 2 g2
    assert np.allclose(np.array(places[0]), 2 * np.array(places[1]), atol=1e-6)
    with pytest.raises(ValueError, match="two gradients or more"):
        best_plane(torch.ones(1, 1))


def test_the_pair_most_in_conflict_has_the_lowest_cosine():
    assert most_in_conflict(GRAM) == (0, 1)
    assert most_in_conflict(torch.tensor([[1, -1.0, 0], [-1, 100, -9], [0, -9, 1]])) == (1, 2)


# --- the words ----------------------------------------------------------------------------------------------


def test_words_have_products_lengths_and_who_is_harmed():
    said = widgets.describe_gradients(widgets.gradient_scene([[2, 0], [-1, 1]]))
    assert said == (
        "g1.g2 = -2.00, cosine -0.71. Step 3 of 3: the sum is 1.41 long before and 2.24 after; its products with the "
        "tasks' gradients are g1 2.00, g2 1.00: it harms nobody."
    )
    said = widgets.describe_gradients(widgets.gradient_scene(THREE))
    assert said.endswith("it harms g1. Every direction harms somebody.")


def test_before_the_last_step_the_sum_is_so_far():
    scene = widgets.gradient_scene([[2, 0], [-1, 1]], step=1)
    assert "the sum is 1.41 long before and 2.00 so far" in widgets.describe_gradients(scene)
    assert cells(scene)[0] == ["", "length", "so far", "· sum before", "· sum so far"]


def test_a_small_number_is_not_said_to_be_zero():
    scene = widgets.gradient_scene([[1, 0], [-0.003, 1]])
    assert "g1.g2 = -0.003" in widgets.describe_gradients(scene)


def test_the_terms_of_a_step_are_lit():
    cut = widgets.gradient_scene([[2, 0], [-1, 1]], step=1)
    assert re.findall(r'class="lit"[^>]*>([^<]*)<', algorithm_html(cut)) == [
        "g1′·g2",
        "(g1′·g2 / g2·g2)",
        "g2",
    ]
    assert "g1′·g2 = (2.00, 0.00)·(-1.00, 1.00) = -2.00" in plain(cut)
    assert "-2.00 / 2.00 = -1.000" in plain(cut)
    assert "g1′ is now (1.00, 1.00)" in plain(cut)
    peace = widgets.gradient_scene(PRESETS["aligned"], step=1)
    assert "not below 0: g1′ stays" in plain(peace)
    assert algorithm_html(peace).count('class="lit"') == 1
    assert "nothing is projected yet" in plain(widgets.gradient_scene(PRESETS["aligned"], step=0))
    assert "sum after = (1.00, 2.00)" in plain(widgets.gradient_scene([[2, 0], [-1, 1]]))


def test_the_table_has_lengths_and_products_and_marks_what_is_below_zero():
    scene = widgets.gradient_scene([[2, 0], [-1, 1]])
    assert cells(scene) == [
        ["", "length", "after", "· sum before", "· sum after"],
        ["g1", "2.00", "1.41", "2.00", "2.00"],
        ["g2", "1.41", "1.00", "0.00", "1.00"],
        ["", "product", "cosine", "", ""],
        ["g1·g2", "-2.00", "-0.71", "conflict", ""],
    ]
    assert numbers_html(scene).count("<b ") == 1


def test_names_of_tasks_are_text_not_html():
    scene = widgets.gradient_scene([[2, 0], [-1, 1]], names=["<b>", "a&b"])
    assert "<b>" not in numbers_html(scene) + algorithm_html(scene)


# --- the widget ---------------------------------------------------------------------------------------------


def test_dragging_an_arrow_changes_all_that_is_shown():
    lab = widgets.projection_lab()
    before = lab.answer, lab.plane.parts, lab.numbers.value, lab.algorithm.value, lab.words.value
    lab.plane.vectors = [[1.6, 0.4], [0.7, -1.5]]
    after = lab.answer, lab.plane.parts, lab.numbers.value, lab.algorithm.value, lab.words.value
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert lab.preset.value == OWN
    assert [slider.value for slider in lab.sliders[1]] == [0.7, -1.5]
    assert lab.plane.label == lab.answer == widgets.describe_gradients(lab.scene)
    assert lab.scene["g"] == lab.plane.vectors


def test_dragging_keeps_the_step_and_the_orders():
    lab = widgets.projection_lab(preset="three, helped")
    lab.step.value, lab.meets[1].value = 3, (2, 0)
    lab.plane.vectors = [[1.0, 0.2], [-1.0, 0.5], [-0.3, 0.9]]
    assert (lab.step.value, lab.orders) == (3, [[1, 2], [2, 0], [0, 1]])
    assert lab.scene["step"] == 3


def test_a_slider_is_the_same_state_as_its_arrow():
    lab = widgets.projection_lab()
    lab.sliders[0][1].value = -1.25
    assert lab.plane.vectors == [[1.6, -1.25], [-1.0, 0.9]]
    assert lab.scene["g"][0] == pytest.approx([1.6, -1.25])
    assert lab.preset.value == OWN


def test_what_a_slider_of_the_page_rounds_is_not_a_move():
    lab = widgets.projection_lab(GRAM, TASKS, preset=MODEL)
    exact = lab.plane.vectors
    for pair in lab.sliders:
        for slider in pair:
            slider.value += 1e-9
    assert lab.preset.value == MODEL
    assert lab.plane.vectors == exact


def test_a_change_is_worked_out_once(monkeypatch):
    """Arrows, sliders, preset and steps set each other; still there is one picture for a drag."""
    lab, shown = widgets.projection_lab(), []
    show = lab._show
    monkeypatch.setattr(lab, "_show", lambda: (shown.append(1), show()))
    lab.plane.vectors = [[1.0, 0.4], [0.7, -1.5]]
    lab.sliders[0][0].value = 0.5
    lab.preset.value = "three, helped"
    lab.tasks.value = 2
    lab.step.value = 1
    assert len(shown) == 5


@pytest.mark.parametrize("preset", [*PRESETS, MODEL, PAIR])
def test_presets_steps_and_orders_sweep(preset):
    lab = widgets.projection_lab(GRAM, TASKS)
    lab.preset.value = preset
    K = len(lab.plane.vectors)
    assert lab.preset.value == preset
    assert lab.tasks.value == K
    assert lab.step.value == lab.step.max == lab.play.max == K * (K - 1) + 1
    assert [row.layout.display == "none" for row in lab.rows] == [False, False, K < 3]
    assert [menu.layout.display == "none" for menu in lab.meets] == [K < 3] * 3
    for orders in widgets.every_order(K)[::3]:
        for menu, own in zip(lab.meets, orders, strict=False):
            menu.value = tuple(own)
        assert lab.orders == orders
        for step in range(lab.step.max + 1):
            lab.step.value = step
            names, note = lab.scene["names"], lab.scene["note"]
            assert lab.scene == widgets.gradient_scene(lab.plane.vectors, orders, step, names, note)
            assert "nan" not in lab.answer + lab.numbers.value + lab.algorithm.value
    assert lab.preset.value == preset


@pytest.mark.parametrize(("x", "y"), [*itertools.product([-2.0, 0.0, 2.0], repeat=2)])
def test_the_corners_of_the_plane_and_zero(x, y):
    lab = widgets.projection_lab(preset="three, helped")
    lab.sliders[2][0].value, lab.sliders[2][1].value = x, y
    lab.plane.vectors = [[0, 0], *lab.plane.vectors[1:]]
    assert lab.plane.vectors[2] == [x, y]
    assert "nan" not in lab.answer + lab.numbers.value + lab.algorithm.value
    tips = np.array([arrow["tip"] for arrow in lab.plane.parts["arrows"]])
    assert abs(tips).max() <= 3


def test_of_real_gradients_it_says_what_the_plane_leaves_out():
    lab = widgets.projection_lab(GRAM, TASKS, preset=MODEL)
    assert lab.scene["names"] == list(TASKS)
    assert re.search(r"of each length: \d% of sst, 100% of para, 100% of sts", lab.scene["note"])
    assert any(word["text"] == lab.scene["note"] for word in lab.plane.parts["words"])
    assert "cosines sst.para -0.03, sst.sts -0.01, para.sts 0.07" in lab.words.value
    assert [menu.description for menu in lab.meets] == ["sst meets", "para meets", "sts meets"]
    lab.preset.value = PAIR
    assert lab.scene["names"] == ["sst", "para"]
    assert "100% of sst, 100% of para" in lab.scene["note"]
    lab.sliders[0][0].value = 0.5
    assert lab.scene["note"] == lab.aside == ""
    assert lab.scene["names"] == ["g1", "g2"]
    assert MODEL not in widgets.projection_lab().preset.options


def test_three_tasks_and_back_to_two():
    lab = widgets.projection_lab(preset="three, helped")
    lab.meets[1].value = (2, 0)
    lab.preset.value = "opposite"
    assert len(lab.scene["g"]) == 2
    assert lab.orders == [[1], [0]]
    lab.tasks.value = 3
    assert lab.plane.vectors[:2] == PRESETS["opposite"]
    assert len(lab.plane.vectors) == 3
    assert lab.preset.value == OWN
    assert lab.orders == [[1, 2], [0, 2], [0, 1]]
    lab.tasks.value = 2
    assert lab.plane.vectors == PRESETS["opposite"]


def test_an_arrow_stays_within_reach():
    lab = widgets.projection_lab()
    lab.plane.vectors = [[5.0, 0.4], [-1.0, -7.0]]
    assert lab.plane.vectors == [[2.0, 0.4], [-1.0, -2.0]]
    assert [slider.value for pair in lab.sliders[:2] for slider in pair] == [2.0, 0.4, -1.0, -2.0]


@pytest.mark.parametrize("wrong", [[[1, 0]], [[1, 0]] * 4, [[1, 0], [1]], [[1, 0], [float("nan"), 0]]])
def test_other_than_two_or_three_arrows_are_refused(wrong):
    lab = widgets.projection_lab()
    with pytest.raises(traitlets.TraitError):
        lab.plane.vectors = wrong
    assert lab.plane.vectors == PRESETS["in conflict"]


def test_wrong_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="two or three tasks; got 4"):
        widgets.projection_lab(torch.eye(4))
    with pytest.raises(ValueError, match="two or three tasks; got 3 gradients and names"):
        widgets.projection_lab(GRAM, ["sst"])
    with pytest.raises(ValueError, match="preset is one of in conflict, aligned"):
        widgets.projection_lab(preset="parallel")


def test_the_picture_asks_nobody_for_anything():
    script = str(widgets.GradientPlane._esm)
    assert set(re.findall(r"https?://[^/\"']+", script)) == {
        "http://www.w3.org"
    }  # SVG's name, which nobody fetches
    assert not re.search(r"\bimport\b|\bfetch\b", script)
