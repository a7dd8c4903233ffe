"""The widget of notebook 12 follows its controls, and says what each method would have done on real vectors."""

import html
import re
from itertools import permutations, product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mtlkit.gradients import MGDA, CAGrad, ConflictLog, pcgrad
from mtlkit.show import widgets
from mtlkit.show.widgets.conflict import AS_IT_IS, METHODS, bars_of, mean_pcgrad, outcome, would_have

TASKS = ("sst", "para", "sts")
PARTS = ("embeddings", "layers.0")


def rows(seed, scales=(1.0, 4.0, 12.0), P=7):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(len(scales), P, generator=random, dtype=torch.float64) * torch.tensor(scales)[:, None]


def a_log(steps=6, missing=()):
    """(log, gradients): a log of `steps` steps, and of each the (K, P) rows of each part; `missing` steps lack sts."""
    log, kept = ConflictLog(), []
    for step in range(steps):
        parts = [rows(10 * step + n) for n in range(len(PARTS))]
        if step + 1 in missing:
            parts = [part[:2] for part in parts]
        tasks = TASKS[: len(parts[0])]
        losses = {name: 1.0 + 0.1 * step + k for k, name in enumerate(tasks)}
        log.add(tasks, PARTS, torch.stack([g @ g.T for g in parts]), torch.ones(len(tasks)), losses)
        kept.append(parts)
    return log, kept


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


def test_falls_and_lengths_are_those_of_whole_vectors():
    log, kept = a_log()
    for part, of in (("encoder", lambda parts: torch.cat(parts, 1)), ("layers.0", lambda parts: parts[1])):
        weights = would_have(log, part)
        for step, parts in enumerate(kept):
            g = of(parts)
            for w in weights[step]:
                direction = torch.from_numpy(w) @ g
                falls, length = outcome(log.gram(part)[step], w)
                np.testing.assert_allclose(falls, (g @ direction).numpy(), rtol=1e-4, atol=1e-3)
                assert length == pytest.approx(direction.norm().item(), rel=1e-4)


def test_each_method_is_the_librarys():
    log, _ = a_log()
    gram = torch.from_numpy(log.gram()[2])
    found = dict(zip(METHODS, would_have(log)[2], strict=True))
    assert found["sum"].tolist() == [1, 1, 1]
    np.testing.assert_allclose(found["MGDA"], MGDA()(gram).numpy())
    np.testing.assert_allclose(found["CAGrad"], CAGrad()(gram).numpy())


@pytest.mark.parametrize("K", [1, 2, 3])
def test_pcgrad_is_the_mean_over_all_orders(K):
    g = rows(3, scales=(1.0,) * K, P=3)
    gram = g @ g.T
    every = product(*(permutations([j for j in range(K) if j != i]) for i in range(K)))
    found = torch.stack([pcgrad(gram, orders).sum(0) for orders in every])
    torch.testing.assert_close(mean_pcgrad(gram), found.mean(0))


def test_of_many_tasks_pcgrad_has_two_orders():
    g = rows(3, scales=(1.0,) * 6, P=3)
    weights = mean_pcgrad(g @ g.T)
    assert weights.shape == (6,)
    assert (weights >= 1).all()


def test_equal_lengths_are_cosines_and_bars_as_they_are_count_the_tasks_own_steps():
    log, kept = a_log()
    g = torch.cat(kept[1], 1)
    weights = would_have(log)[1]
    bars, lengths = bars_of(log.gram()[1], weights, "steps of equal length")
    direction = g.sum(0)
    cosines = torch.nn.functional.cosine_similarity(g, direction[None])
    np.testing.assert_allclose(bars["sum"], cosines.numpy(), rtol=1e-4, atol=1e-5)
    assert all(abs(value) <= 1 + 1e-6 for values in bars.values() for value in values)
    bars, _ = bars_of(log.gram()[1], weights, AS_IT_IS)
    np.testing.assert_allclose(bars["sum"], (g @ direction / g.square().sum(1)).numpy(), rtol=1e-4, atol=1e-4)
    assert min(bars["MGDA"]) > -1e-6, "MGDA harms nobody"
    assert lengths["sum"] == pytest.approx(direction.norm().item(), rel=1e-4)


@pytest.mark.parametrize(("name", "value"), [("step", 5), ("part", "layers.0"), ("measure", AS_IT_IS)])
def test_each_control_changes_the_picture_and_goes_back(name, value):
    box = widgets.conflict_theatre(a_log()[0])
    before, old = box.picture.value, getattr(box, name).value
    getattr(box, name).value = value
    assert box.picture.value != before
    assert alt(box) == box.answer
    getattr(box, name).value = old
    assert box.picture.value == before
    assert box.step.continuous_update is False
    assert not plt.get_fignums(), "figures are closed"


def test_words_name_the_step_the_part_and_who_is_harmed():
    log, _ = a_log()
    box = widgets.conflict_theatre(log)
    box.step.value, box.part.value = 3, "embeddings"
    assert box.answer.startswith("Step 3 of 6, embeddings: cosines sst and para ")
    harmed = [name for name, fall in zip(TASKS, box.falls["sum"], strict=True) if fall < 0]
    assert f"by sum {' and '.join(harmed) or 'nobody'}" in box.answer
    assert box.lengths.keys() == set(METHODS)


def test_a_task_that_sits_out_a_step_is_left_out_of_it():
    log, _ = a_log(missing=(2,))
    box = widgets.conflict_theatre(log, step=2)
    assert np.isnan(box.falls["PCGrad"][2])
    assert not np.isnan(box.falls["PCGrad"][:2]).any()
    assert "sts" not in box.answer
    box.step.value = 3
    assert "sts" in box.answer


def test_a_part_without_a_gradient_moves_nobody():
    log = ConflictLog()
    log.add(TASKS, ("pooler",), torch.zeros(1, 3, 3), torch.ones(3), dict.fromkeys(TASKS, 1.0))
    box = widgets.conflict_theatre(log)
    assert box.lengths == dict.fromkeys(METHODS, 0.0)
    assert "cosines none" in box.answer


def test_an_empty_log_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        widgets.conflict_theatre(ConflictLog())
