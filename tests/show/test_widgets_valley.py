"""The valley explorer follows its controls; its losses have the gradients that it walks by."""

import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from mtlkit.gradients import CAGrad, PCGrad
from mtlkit.show import widgets
from mtlkit.show.widgets.valley import (
    DEFAULTS,
    METHODS,
    OPTIMIZERS,
    SHAPE,
    cagrad_of_two,
    valley_floors,
    valley_losses,
    valley_runs,
)

CHANGES = dict(x=-3.0, y=-2.0, steep=1.0, width=0.2, meet=0.5, lr=0.1, optimizer="plain descent")


def alt(box):
    return html.unescape(re.search(r'alt="([^"]*)"', box.picture.value)[1])


@pytest.mark.parametrize("shape", [SHAPE, dict(steep=1.0, width=0.3, meet=0.2)])
def test_gradients_are_autograds(shape):
    theta = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
    theta.requires_grad_()
    across, along = theta[:, 0] / 2, torch.tanh(theta[:, 1])
    u1, u2 = across + along, across - along + 2 * shape["meet"]
    eps = shape["width"] ** 2
    L1, L2 = shape["steep"] / 2 * torch.log(eps + u1**2), torch.log(eps + u2**2) / 2
    losses, slopes = valley_losses(theta.detach().numpy(), **shape)
    assert losses == pytest.approx(torch.stack([L1, L2], 1).detach().numpy())
    for task, loss in enumerate((L1, L2)):
        (want,) = torch.autograd.grad(loss.sum(), theta, retain_graph=True)
        assert slopes[:, task] == pytest.approx(want.numpy())


@pytest.mark.parametrize("meet", [0.0, 0.6, 1.0, 1.2])
def test_a_floor_is_where_its_tasks_loss_is_least(meet):
    shape = SHAPE | {"meet": meet}
    for task, line in enumerate(valley_floors(meet).values()):
        here = valley_losses(line, **shape)[0][:, task]
        for aside in (-0.1, 0.1):
            assert (here < valley_losses(line + np.array([aside, 0]), **shape)[0][:, task]).all()


@pytest.mark.parametrize("c", [0.0, 0.4, 0.9])
def test_the_closed_form_is_the_librarys_cagrad(c):
    random = torch.Generator().manual_seed(0)
    for scale in (1e-3, 1.0, 1e3):
        for _ in range(30):
            g = torch.randn(2, 3, generator=random, dtype=torch.float64)
            g[1] *= scale
            got, want = cagrad_of_two(g @ g.T, c) @ g, CAGrad(c)(g @ g.T) @ g
            assert (got - want).norm() < 1e-4 * want.norm()


def test_the_closed_form_at_its_edges():
    for g in ([[1.0, 0], [1, 0]], [[1.0, 0], [0, 0]], [[1.0, 0], [-0.5, 0]], [[1.0, 2], [2, 4]]):
        rows = torch.tensor(g, dtype=torch.float64)
        got, want = cagrad_of_two(rows @ rows.T) @ rows, CAGrad()(rows @ rows.T) @ rows
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)
    for g in ([[0.0, 0], [0, 0]], [[1.0, 0], [-1, 0]]):  # the mean is 0, and CAGrad stays with it
        rows = torch.tensor(g, dtype=torch.float64)
        assert cagrad_of_two(rows @ rows.T).tolist() == [1, 1]


def test_the_run_is_torchs_adam_on_the_librarys_pcgrad():
    path, losses = widgets.valley_run("PCGrad", "Adam", 0.05, 0.5, -3.0, steps=25, **SHAPE)
    p = torch.nn.Parameter(torch.tensor([0.5, -3.0], dtype=torch.float64))
    optimizer, method = torch.optim.Adam([p], lr=0.05), PCGrad()
    for step in range(25):
        g = torch.from_numpy(valley_losses(p.detach().numpy(), **SHAPE)[1])
        p.grad = method(g @ g.T) @ g
        optimizer.step()
        assert path[step + 1] == pytest.approx(p.detach().numpy(), rel=1e-6)
    assert losses == pytest.approx(valley_losses(path, **SHAPE)[0])


def test_plain_descent_follows_the_sum():
    path, _ = widgets.valley_run("sum", "plain descent", 0.01, 0.5, -3.0, steps=1, **SHAPE)
    slopes = valley_losses(path[0], **SHAPE)[1]
    assert path[1] == pytest.approx(path[0] - 0.01 * slopes.sum(0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_runs_side_by_side_are_those_of_each_alone(optimizer):
    together = valley_runs(list(METHODS), optimizer, 0.05, 0.5, -3.0, 20, **SHAPE)
    for method, (path, losses) in together.items():
        alone = widgets.valley_run(method, optimizer, 0.05, 0.5, -3.0, 20, **SHAPE)
        assert path == pytest.approx(alone[0])
        assert losses == pytest.approx(alone[1])


@pytest.mark.parametrize("names", [("PCGrad", "SGD"), ("GradVac", "Adam")])
def test_an_unknown_name_is_refused(names):
    with pytest.raises(ValueError, match="method is one of sum, PCGrad, CAGrad and optimizer of Adam"):
        widgets.valley_run(*names, 0.05, 0.5, -3.0, **SHAPE)


def test_from_the_default_start_the_sum_stays_behind():
    ends = {
        m: losses[-1].sum()
        for m, (_, losses) in valley_runs(["sum", "PCGrad"], "Adam", 0.05, 0.5, -3.0, **SHAPE).items()
    }
    assert ends["PCGrad"] < ends["sum"] - 2


def test_each_control_changes_picture_and_words():
    box = widgets.valley_explorer(steps=15)
    for name, value in CHANGES.items():
        before = box.picture.value, box.answer
        getattr(box, name).value = value
        assert box.picture.value != before[0], name
        assert box.answer != before[1], name
        assert alt(box) == box.answer
    assert list(box.runs) == ["sum", "PCGrad", "CAGrad"]
    assert "15 steps of plain descent with lr 0.1" in box.answer
    assert not plt.get_fignums(), "figures are closed"


def test_methods_come_and_go():
    box = widgets.valley_explorer(steps=20, methods=["PCGrad"])
    assert list(box.runs) == ["PCGrad"]
    box.methods["sum"].value = True
    assert list(box.runs) == ["sum", "PCGrad"]
    for name in ("sum", "PCGrad"):
        box.methods[name].value = False
    assert box.runs == {}
    assert alt(box).startswith("No method is chosen")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_corners_of_all_sliders(optimizer):
    for x, y, steep, width, meet, lr in ((-6.5, 3.5, 10, 0.02, 1.2, 1), (3.5, -3.5, 1, 0.5, 0, 0.001)):
        box = widgets.valley_explorer(
            x=x, y=y, steep=steep, width=width, meet=meet, lr=lr, optimizer=optimizer, steps=30
        )
        assert "nan" not in box.answer
        assert all(np.isfinite(path).all() for path, _ in box.runs.values())


def test_settings_start_the_widget_and_sliders_wait_until_they_are_released():
    box = widgets.valley_explorer(x=-3.0, steps=5)
    assert (box.x.value, box.y.value, box.steep.value) == (-3.0, DEFAULTS["y"], 3.0)
    sliders = (box.x, box.y, box.steep, box.width, box.meet, box.lr)
    assert not any(slider.continuous_update for slider in sliders)
