"""MGDA and CAGrad: against brute force over all weights or all directions, optimality conditions, and edges."""

import numpy as np
import pytest
import torch

from mtlkit.gradients import MGDA, CAGrad, Sum

ALL = [Sum, MGDA, CAGrad]


def gradients(K, seed=0, P=20):
    random = torch.Generator().manual_seed(seed)
    g = torch.randn(K, P, generator=random, dtype=torch.float64)
    return g * torch.logspace(-0.5, 0.5, K, dtype=torch.float64)[:, None]


def rows(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def simplex(K, n=400):
    """A grid of weights that are not negative and sum to 1, (M, K)."""
    steps = np.arange(n + 1) / n
    if K == 2:
        w = np.stack([steps, 1 - steps], 1)
    else:
        a, b = (axis.ravel() for axis in np.meshgrid(steps, steps))
        w = np.stack([a, b, 1 - a - b], 1)
    return torch.from_numpy(w[(w >= -1e-12).all(1)])


def directions(n=200_000, P=3, seed=0):
    """Unit vectors all over the sphere."""
    d = torch.randn(n, P, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return d / d.norm(dim=1, keepdim=True)


def test_sum_leaves_every_gradient_as_it_is():
    assert Sum()(torch.ones(3, 3)).tolist() == [1, 1, 1]
    assert Sum()(torch.zeros(0, 0)).shape == (0,)


@pytest.mark.parametrize("method", ALL)
def test_one_task_is_left_alone(method):
    assert method()(torch.full((1, 1), 4.0)).tolist() == pytest.approx([1])
    assert method()(torch.zeros(0, 0)).shape == (0,)


@pytest.mark.parametrize("method", ALL)
def test_a_gram_matrix_that_is_not_finite_is_refused(method):
    with pytest.raises(ValueError, match="not finite"):
        method()(torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]]))


@pytest.mark.parametrize("method", ALL)
def test_the_gram_matrix_is_not_changed_and_weights_are_the_same_at_any_scale(method):
    g = gradients(3)
    gram = g @ g.T
    before = gram.clone()
    weights = method()(gram)
    assert torch.equal(gram, before)
    for scale in (1e-20, 1e20):
        torch.testing.assert_close(method()(scale * gram), weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ALL)
def test_gradients_of_zero_give_finite_weights(method):
    assert torch.isfinite(method()(torch.zeros(3, 3))).all()
    g = rows([1, 0], [0, 0], [-1, 1])
    assert torch.isfinite(method()(g @ g.T)).all()


@pytest.mark.parametrize("method", ALL)
def test_the_tasks_names_do_not_matter(method):
    """Permuted tasks get permuted weights."""
    g, order = gradients(4, 3), [2, 0, 3, 1]
    h = g[order]
    torch.testing.assert_close(method()(h @ h.T), method()(g @ g.T)[order], rtol=1e-4, atol=1e-4)


# MGDA


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_mgda_is_no_longer_than_any_convex_combination(K, seed):
    g = gradients(K, seed, P=3)
    w = MGDA()(g @ g.T)
    shortest = (simplex(K) @ g).norm(dim=1).min()
    assert (w @ g).norm() <= shortest + 1e-12
    assert (w @ g).norm() >= shortest - 0.02 * g.norm()  # the grid is this fine


@pytest.mark.parametrize("K", [2, 4, 6])
@pytest.mark.parametrize("P", [2, 20])
def test_mgda_fulfils_the_conditions_of_the_optimum_and_harms_no_task(K, P):
    """KKT: g_i . d = |d|^2 where w_i > 0, and no less elsewhere."""
    for seed in range(10):
        g = gradients(K, seed, P)
        w = MGDA()(g @ g.T)
        assert (w >= 0).all()
        assert w.sum().item() == pytest.approx(1)
        d = w @ g
        size = g.norm(dim=1).max() ** 2
        assert (g @ d >= d @ d - 1e-8 * size).all()
        assert ((g @ d - d @ d).abs()[w > 1e-6] <= 1e-8 * size).all()


def test_mgda_of_two_tasks_is_the_formula_of_sener_and_koltun():
    """Their Algorithm 1: w_1 = (g_2 - g_1) . g_2 / |g_1 - g_2|^2, kept in [0, 1]."""
    for seed in range(10):
        a, b = gradients(2, seed, P=4)
        first = (((b - a) @ b) / ((a - b) @ (a - b))).clamp(0, 1).item()
        g = torch.stack([a, b])
        assert MGDA()(g @ g.T).tolist() == pytest.approx([first, 1 - first], abs=1e-9)


def test_mgda_stops_where_one_task_has_converged():
    g = rows([1, 2], [0, 0], [3, -1])
    assert (MGDA()(g @ g.T) @ g).abs().max() < 1e-12


# CAGrad


@pytest.mark.parametrize("K", [2, 3, 6])
def test_cagrad_without_aversion_is_the_sum(K):
    g = gradients(K)
    assert CAGrad(c=0)(g @ g.T).tolist() == [1] * K


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("c", [0.1, 0.4, 0.9])
def test_cagrad_serves_the_worst_served_task_best_near_the_mean(K, c):
    """The primal problem by brute force: no direction within c |g0| of g0 has a larger min_i g_i . d."""
    for seed in range(3):
        g = gradients(K, seed, P=3)
        mean = g.mean(0)
        d = CAGrad(c)(g @ g.T) @ g / K
        assert (d - mean).norm() <= c * mean.norm() * (1 + 1e-6)
        best = (g @ (mean + c * mean.norm() * directions()).T).min(0).values.max()
        size = g.norm(dim=1).max() * mean.norm()
        assert (g @ d).min() >= best - 1e-5 * size
        assert (g @ d).min() <= best + 0.02 * size  # so many directions leave no larger gaps


def test_cagrad_is_optimal_for_more_tasks():
    """By duality: min_i g_i . d cannot be above F(w) for any w, and CAGrad's reaches the least F found."""
    for seed in range(5):
        g = gradients(6, seed)
        mean, c = g.mean(0), 0.5
        d = CAGrad(c)(g @ g.T) @ g / 6
        w = torch.distributions.Dirichlet(torch.full((6,), 0.3, dtype=torch.float64)).sample((5000,))
        F = w @ g @ mean + c * mean.norm() * (w @ g).norm(dim=1)
        assert (g @ d).min() <= F.min() + 1e-9
        gw = d - mean  # along g_w of the optimum, at which both sides are equal
        assert (g @ d).min() >= -1e-4 + (mean @ gw + gw @ gw) / gw.norm() * _least_length(g, gw)


def _least_length(g, gw):
    """|g_w| of the w that d - g0 is a multiple of: with sum(w) = 1."""
    w = torch.linalg.lstsq(g.T, gw).solution
    return gw.norm() / w.sum()


@pytest.mark.parametrize("c", [0.4, 0.9])
def test_cagrad_stays_tame_where_a_convex_combination_vanishes(c):
    """Two opposite gradients and one across: the direction of g_w = 0 is noise, which no weight may blow up."""
    g = rows([1, 0], [-1, 0], [0, 1])
    weights = CAGrad(c)(g @ g.T)
    assert weights.abs().max() < 1e5
    d = weights @ g / 3
    assert (d - g.mean(0)).norm() <= c / 3 * (1 + 1e-6)
    assert (g @ d).min() >= -1e-3


def test_cagrad_wants_c_below_one():
    for c in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"c is in \[0, 1\)"):
            CAGrad(c)
