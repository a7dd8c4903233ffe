"""Loss weightings: values and gradients against derivations by hand, GradNorm against autograd and torch's Adam."""

import math

import pytest
import torch
from torch import nn

from mtlkit.objectives import GradNorm, Static, Sum, Uncertainty
from mtlkit.training.checkpoint import load_model, save_model

EXACT = dict(rtol=1e-9, atol=1e-9)
TASKS = ("sst", "para", "sts")


def number(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def losses():
    return {"sst": number(1.6), "para": number(0.7), "sts": number(4.0)}


def any_weighting(name):
    """A weighting of the three tasks in float64, its state away from where it starts."""
    if name == "GradNorm":
        weighting = GradNorm(TASKS, [nn.Parameter(torch.ones(2))]).double()
        weighting.w.copy_(torch.tensor([0.5, 1.5, 1.0]))
        return weighting.eval()
    if name == "Uncertainty":
        weighting = Uncertainty(["sts"], ["sst", "para"]).double()
        nn.init.normal_(weighting.log_variances, generator=torch.Generator().manual_seed(0))
        return weighting
    return Sum() if name == "Sum" else Static({"sst": 1.0, "para": 2.0, "sts": 0.25})


EVERY = pytest.mark.parametrize("name", ["Sum", "Static", "Uncertainty", "GradNorm"])
PARTIAL = pytest.mark.parametrize("name", ["Sum", "Static", "Uncertainty"])


# What holds for all


@EVERY
def test_the_gradient_in_each_loss_is_its_weight(name, losses):
    weighting = any_weighting(name)
    weights = dict.fromkeys(TASKS, 1.0) if name == "Sum" else weighting.weights
    weighting(losses).backward()
    for task, loss in losses.items():
        assert loss.grad.item() == pytest.approx(weights[task], abs=1e-9)


@EVERY
def test_the_order_of_the_dict_does_not_matter(name, losses):
    weighting = any_weighting(name)
    torch.testing.assert_close(
        weighting(losses), weighting(dict(reversed(losses.items()))), rtol=1e-12, atol=0
    )


@PARTIAL
def test_a_step_with_some_of_the_tasks_is_the_sum_over_those(name, losses):
    weighting = any_weighting(name)
    parts = [weighting({task: loss}) for task, loss in losses.items()]
    torch.testing.assert_close(weighting(losses), sum(parts), **EXACT)


@EVERY
def test_no_losses_is_an_error(name):
    with pytest.raises(ValueError, match="no losses"):
        any_weighting(name)({})


@EVERY
def test_a_loss_that_is_not_one_number_is_an_error(name):
    with pytest.raises(ValueError, match=r"'sst' has shape \(3,\).*take the mean"):
        any_weighting(name)({"sst": torch.ones(3)})


@pytest.mark.parametrize("name", ["Static", "Uncertainty", "GradNorm"])
def test_a_task_without_a_weight_is_an_error_that_names_the_others(name):
    with pytest.raises(ValueError, match=r"'mrpc', which has no weight; there are .*para"):
        any_weighting(name)({"mrpc": number(1.0)})


# Sum and Static


def test_sum_adds(losses):
    assert Sum()(losses).item() == pytest.approx(6.3, abs=1e-12)


def test_static_weighs(losses):
    assert any_weighting("Static")(losses).item() == pytest.approx(1.6 + 2 * 0.7 + 0.25 * 4.0, abs=1e-12)


def test_a_weight_of_zero_leaves_a_task_out(losses):
    assert Static({"sst": 1, "para": 0, "sts": 0})(losses).item() == pytest.approx(1.6, abs=1e-12)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_that_is_negative_or_not_finite_is_an_error(weight):
    with pytest.raises(ValueError, match="the weight of 'sst' is"):
        Static({"sst": weight})


# Uncertainty


def test_uncertainty_is_kendalls_objective_in_sigma(losses):
    """Equations 7 and 10 as printed, in sigma: L / (2 sigma^2) or L / sigma^2, plus log sigma."""
    weighting = any_weighting("Uncertainty")
    sts, sst, para = (math.exp(s / 2) for s in weighting.log_variances.tolist())  # sigma
    expected = 4.0 / (2 * sts**2) + 1.6 / sst**2 + 0.7 / para**2 + math.log(sts * sst * para)
    assert weighting(losses).item() == pytest.approx(expected, abs=1e-9)


def test_the_gradients_of_the_log_variances_are_those_derived_by_hand(losses):
    """d/ds: (1 - exp(-s) L) / 2 for regression, 1/2 - exp(-s) L for classification."""
    weighting = any_weighting("Uncertainty")
    weighting(losses).backward()
    sts, sst, para = weighting.log_variances.tolist()
    by_hand = [
        (1 - math.exp(-sts) * 4.0) / 2,
        0.5 - math.exp(-sst) * 1.6,
        0.5 - math.exp(-para) * 0.7,
    ]
    assert weighting.log_variances.grad.tolist() == pytest.approx(by_hand, abs=1e-9)


@pytest.mark.parametrize("loss", [0.01, 0.7, 30.0])
def test_a_constant_loss_brings_the_log_variance_to_its_logarithm(loss):
    weighting = Uncertainty(regression=["r"], classification=["c"]).double()
    optimizer = torch.optim.LBFGS(
        weighting.parameters(),
        max_iter=200,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        total = weighting({"r": number(loss), "c": number(loss)})
        total.backward()
        return total

    optimizer.step(closure)
    assert weighting.log_variances.tolist() == pytest.approx([math.log(loss), math.log(2 * loss)], abs=1e-6)
    # There each task weighs in with exp(-s) L = 1 or 1/2, whatever the unit of its loss.
    assert weighting.weights["r"] * loss == pytest.approx(0.5, abs=1e-6)
    assert weighting.weights["c"] * loss == pytest.approx(0.5, abs=1e-6)


def test_the_log_variance_of_a_task_without_a_loss_gets_no_push(losses):
    weighting = any_weighting("Uncertainty")
    weighting({"sst": losses["sst"]}).backward()
    assert weighting.log_variances.grad[[0, 2]].tolist() == [0, 0]


def test_what_uncertainty_learns_is_one_dimensional_so_that_it_is_not_decayed():
    assert [p.ndim for p in any_weighting("Uncertainty").parameters()] == [1]


@pytest.mark.parametrize("names", [([], []), (["sts"], ["sts"]), (["sts", "sts"], [])])
def test_uncertainty_wants_every_task_once(names):
    with pytest.raises(ValueError, match="name every task once"):
        Uncertainty(*names)


# GradNorm


class Toy(nn.Module):
    """Two linear tasks, 3 outputs each, on a shared linear layer; the second's labels are 10 times as large, so that
    its squared error is 100 times the first's."""

    def __init__(self, seed=0):
        super().__init__()
        random = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(*shape, generator=random, dtype=torch.float64)

        self.inputs, self.labels = draw(16, 4), draw(16, 3)
        self.shared = nn.Parameter(0.1 * draw(4, 5))
        self.first, self.second = (nn.Parameter(draw(5, 3)) for _ in range(2))

    def forward(self):
        hidden = self.inputs @ self.shared
        return {
            "first": (hidden @ self.first - self.labels).square().mean(),
            "second": (10 * hidden @ self.second - 10 * self.labels.flip(0)).square().mean(),
        }


def gradnorm(toy, **settings):
    return GradNorm(["first", "second"], [toy.shared], **settings).double()


def pulls(toy, weighting):
    """|grad_W w_i L_i| of both tasks, taken of the product itself."""
    losses = toy()
    return [
        torch.autograd.grad(weight * losses[task], toy.shared, retain_graph=True)[0].norm().item()
        for task, weight in weighting.weights.items()
    ]


def train(toy, weighting, steps, lr=1e-4):
    optimizer = torch.optim.SGD(toy.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        weighting(toy()).backward()
        optimizer.step()


def test_gradnorm_equalises_pulls_that_differ_by_a_factor_of_100():
    """While the model learns, so that w has to follow."""
    toy = Toy()
    weighting = gradnorm(toy, alpha=0, lr=0.003)
    losses = toy()
    assert losses["second"] > 100 * losses["first"]
    first, second = pulls(toy, weighting)
    assert second > 100 * first
    train(toy, weighting, 600)
    first, second = pulls(toy, weighting)
    assert second == pytest.approx(first, rel=0.02)
    assert sum(weighting.weights.values()) == pytest.approx(2, abs=1e-9)


def test_with_alpha_the_task_that_learns_more_slowly_pulls_harder():
    toy = Toy()
    weighting = gradnorm(toy, alpha=1.0, lr=0.003)
    weighting(toy())
    weighting.initial.copy_(torch.tensor([1.0, 300.0]))  # as if the second had come a long way
    train(toy, weighting, 500, lr=1e-9)
    weighting.lr = 1e-4
    train(toy, weighting, 300, lr=1e-9)
    ratio = {
        task: loss.item() / start for (task, loss), start in zip(toy().items(), [1.0, 300.0], strict=True)
    }
    first, second = pulls(toy, weighting)
    assert first / second == pytest.approx(ratio["first"] / ratio["second"], rel=0.02)


@pytest.mark.parametrize("alpha", [0, 0.12, 1.5])
def test_the_weights_are_those_of_algorithm_1_with_a_second_graph_and_torchs_adam(alpha):
    """The published form: L_grad built with create_graph, differentiated in w by autograd, stepped by torch.optim."""
    toy, other = Toy(), Toy()
    weighting = gradnorm(toy, alpha=alpha, lr=0.01)
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    adam, initial = torch.optim.Adam([w], lr=0.01), None
    ours, theirs = (torch.optim.SGD(model.parameters(), lr=1e-4) for model in (toy, other))
    for _ in range(30):
        ours.zero_grad()
        total = weighting(toy())
        total.backward()
        ours.step()

        losses = torch.stack(list(other().values()))
        theirs.zero_grad()
        torch.testing.assert_close(total, w.detach() @ losses, **EXACT)
        (w.detach() @ losses).backward(retain_graph=True)
        initial = losses.detach() if initial is None else initial
        ratios = losses.detach() / initial
        G = torch.stack(
            [
                torch.autograd.grad(w[i] * losses[i], other.shared, create_graph=True)[0].norm()
                for i in range(2)
            ]
        )
        target = (G.mean() * (ratios / ratios.mean()) ** alpha).detach()
        (w.grad,) = torch.autograd.grad((G - target).abs().sum(), w)
        adam.step()
        with torch.no_grad():
            w *= 2 / w.sum()
        theirs.step()
        torch.testing.assert_close(weighting.w, w.detach(), **EXACT)


def test_the_first_step_is_the_one_computed_by_hand():
    """L_1 = x^2 and L_2 = 3x at x = 1: norms 2 and 3, mean 2.5; Adam's first step is lr towards it, then sum 2."""
    x = nn.Parameter(torch.ones((), dtype=torch.float64))
    weighting = GradNorm(["a", "b"], [x], lr=0.1).double()
    total = weighting({"a": x**2, "b": 3 * x})
    assert total.item() == 4  # w = (1, 1) still
    assert list(weighting.weights.values()) == pytest.approx([1.1, 0.9], abs=1e-8)
    assert weighting.initial.tolist() == [1, 3]


def test_the_models_gradients_are_those_of_the_weighted_sum_with_constant_weights():
    toy = Toy()
    weighting = gradnorm(toy)
    train(toy, weighting, 5)
    w = weighting.weights
    toy.zero_grad()
    weighting(toy()).backward()
    found = [p.grad.clone() for p in toy.parameters()]

    def loss():
        return sum(w[task] * loss for task, loss in toy().items())

    for gradient, expected in zip(found, torch.autograd.grad(loss(), list(toy.parameters())), strict=True):
        torch.testing.assert_close(gradient, expected, **EXACT)
    for p, gradient in zip(
        toy.parameters(), found, strict=True
    ):  # finite differences, one element after the other
        for i in range(p.numel()):
            at = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    p.view(-1)[i] += step
                    at.append(loss().item())
                    p.view(-1)[i] -= step
            assert (at[0] - at[1]) / 2e-5 == pytest.approx(gradient.view(-1)[i].item(), rel=1e-6, abs=1e-6)


def test_measuring_leaves_no_gradients_and_the_graph_is_gone_after_backward():
    toy = Toy()
    total = gradnorm(toy)(toy())
    assert all(p.grad is None for p in toy.parameters())
    total.backward()
    with pytest.raises(RuntimeError, match="second time"):
        total.backward()


def test_no_weight_becomes_negative_however_long_the_step():
    toy = Toy()
    weighting = gradnorm(toy, alpha=0, lr=5.0)
    for _ in range(20):
        weighting(toy())
        assert min(weighting.weights.values()) > 0
        assert sum(weighting.weights.values()) == pytest.approx(2, abs=1e-9)


@pytest.mark.parametrize("how", ["eval", "no_grad"])
def test_evaluation_moves_nothing(how):
    toy = Toy()
    weighting = gradnorm(toy)
    train(toy, weighting, 3)
    before = {name: value.clone() for name, value in weighting.state_dict().items()}
    if how == "eval":
        weighting.eval()
        weighting({"first": toy()["first"]})  # one task alone can be evaluated
    with torch.set_grad_enabled(how == "eval"):
        weighting(toy())
    for name, value in weighting.state_dict().items():
        assert torch.equal(value, before[name])


def test_nothing_of_gradnorm_is_for_the_models_optimizer_and_its_state_does_not_hold_the_model():
    weighting = gradnorm(Toy())
    assert list(weighting.parameters()) == []
    assert set(weighting.state_dict()) == {"w", "initial", "steps", "mean", "square"}


def test_gradnorm_wants_all_tasks_in_a_training_step():
    toy = Toy()
    with pytest.raises(ValueError, match=r"no loss of second: .* use Static or Uncertainty"):
        gradnorm(toy)({"first": toy()["first"]})


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf])
def test_a_loss_that_would_spoil_the_weights_is_an_error_and_they_stay(factor):
    toy = Toy()
    weighting = gradnorm(toy)
    losses = toy()
    with pytest.raises(ValueError, match="the losses of first, second are"):
        weighting({**losses, "second": factor * losses["second"]})
    assert list(weighting.weights.values()) == [1, 1]
    assert weighting.steps == 0


def test_a_gradient_that_is_not_finite_is_an_error_and_the_weights_stay():
    toy = Toy()
    weighting = gradnorm(toy)
    steep = (toy.shared - toy.shared.detach()).abs().sqrt().sum() + 1  # 1, with an infinite slope
    with pytest.raises(ValueError, match="the gradients of first, second have norms"):
        weighting({**toy(), "second": steep})
    assert list(weighting.weights.values()) == [1, 1]


def test_losses_that_have_reached_zero_leave_the_weights_finite():
    toy = Toy()
    weighting = gradnorm(toy)
    weighting(toy())
    weighting({task: 0 * loss for task, loss in toy().items()})
    assert torch.isfinite(weighting.w).all()


def test_a_loss_that_does_not_reach_the_shared_layer_is_an_error():
    toy = Toy()
    with pytest.raises(ValueError, match="'second' does not depend"):
        gradnorm(toy)({"first": toy()["first"], "second": toy.second.square().mean()})


def test_frozen_parameters_are_left_out_and_some_must_be_trained():
    toy = Toy()
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    assert len(GradNorm(["a", "b"], [toy.shared, frozen]).shared) == 1
    with pytest.raises(ValueError, match="no shared parameter is trained"):
        GradNorm(["a", "b"], [frozen])


@pytest.mark.parametrize("tasks", [[], ["a"], ["a", "a"], ["a", "b", "a"]])
def test_gradnorm_wants_two_tasks_each_named_once(tasks):
    with pytest.raises(ValueError, match="two tasks at least, each named once"):
        GradNorm(tasks, Toy().parameters())


@pytest.mark.parametrize("settings", [dict(alpha=-1), dict(lr=0), dict(alpha=math.nan)])
def test_alpha_and_lr_have_ranges(settings):
    with pytest.raises(ValueError, match="alpha is at least 0 and lr above 0"):
        gradnorm(Toy(), **settings)


# Saved and resumed


def test_a_run_that_is_saved_and_resumed_goes_on_bit_for_bit(tmp_path):
    """Also through the course's own checkpoints, which hold tensors only."""
    whole, halves = Toy(), Toy()
    one = gradnorm(whole)
    train(whole, one, 20)

    first = gradnorm(halves)
    train(halves, first, 8)
    save_model(tmp_path / "weighting.safetensors", first)
    second = gradnorm(halves)
    load_model(tmp_path / "weighting.safetensors", second)
    assert second.initial.tolist() == first.initial.tolist() != [0, 0]
    train(halves, second, 12)
    assert torch.equal(one.w, second.w)
    assert torch.equal(whole.shared, halves.shared)


def test_the_state_of_uncertainty_makes_the_round_trip(losses):
    weighting = any_weighting("Uncertainty")
    other = Uncertainty(["sts"], ["sst", "para"]).double()
    other.load_state_dict(weighting.state_dict())
    assert torch.equal(other(losses), weighting(losses))
