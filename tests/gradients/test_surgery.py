"""PCGrad and GradVac: against the papers' algorithms on whole vectors, `torchjd`, numbers by hand, and properties."""

from itertools import permutations, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchjd import aggregation

from mtlkit.gradients import GradVac, PCGrad, gradvac, pcgrad, project

EXACT = dict(rtol=1e-9, atol=1e-9)


def gradients(K, seed=0, P=20):
    """K rows in float64, of different lengths; half of all pairs are in conflict."""
    random = torch.Generator().manual_seed(seed)
    g = torch.randn(K, P, generator=random, dtype=torch.float64)
    return g * torch.logspace(-1, 1, K, dtype=torch.float64)[:, None]


def rows(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def algorithm_1(g, orders):
    """Yu et al. 2020, Algorithm 1, on whole vectors; line numbers are the paper's. Returns all g_i^PC."""
    pc = [row.clone() for row in g]  # line 2
    for i in range(len(g)):  # line 3
        for j in orders[i]:  # line 4: another task, in random order
            if pc[i].dot(g[j]) < 0:  # line 6
                pc[i] = pc[i] - pc[i].dot(g[j]) / g[j].norm() ** 2 * g[j]  # line 8
    return torch.stack(pc)  # line 12 sums them


def vaccine(g, orders, phi_hat, beta):
    """Wang et al. 2021, Algorithm 1, on whole vectors. Returns all g_i' and the new targets."""
    phi_hat = phi_hat.clone()
    new = [row.clone() for row in g]
    for i in range(len(g)):
        for j in orders[i]:
            phi = new[i].dot(g[j]) / (new[i].norm() * g[j].norm())
            hat = phi_hat[i, j].clone()
            if phi < hat:
                above = new[i].norm() * (hat * (1 - phi**2).sqrt() - phi * (1 - hat**2).sqrt())
                new[i] = new[i] + above / (g[j].norm() * (1 - hat**2).sqrt()) * g[j]
            phi_hat[i, j] = (1 - beta) * hat + beta * phi
    return torch.stack(new), phi_hat


def every_order(K):
    """Every choice of an order for each of K tasks."""
    return product(*(permutations([j for j in range(K) if j != i]) for i in range(K)))


@st.composite
def cases(draw, most=8):
    """(g, orders): 4 to `most` tasks, with random orders."""
    K = draw(st.integers(4, most))
    g = gradients(K, draw(st.integers(0, 10**6)))
    return g, [draw(st.permutations([j for j in range(K) if j != i])) for i in range(K)]


# Against the paper, and others who read it


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_pcgrad_is_algorithm_1_for_every_order(K, seed):
    g = gradients(K, seed, P=4)
    for orders in every_order(K):
        torch.testing.assert_close(pcgrad(g @ g.T, orders) @ g, algorithm_1(g, orders), **EXACT)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_pcgrad_of_more_tasks_is_algorithm_1(case):
    g, orders = case
    torch.testing.assert_close(pcgrad(g @ g.T, orders) @ g, algorithm_1(g, orders), **EXACT)


@pytest.mark.parametrize("K", range(2, 9))
def test_pcgrad_is_torchjds_under_the_same_permutations(K):
    for seed in range(5):
        g = gradients(K, seed)
        torch.manual_seed(seed)
        theirs = aggregation.PCGrad()(g)
        torch.manual_seed(seed)
        order = [torch.randperm(K).tolist() for _ in range(K)]  # it leaves out i, as `PCGrad` does
        torch.testing.assert_close(PCGrad(order=order)(g @ g.T) @ g, theirs, **EXACT)
        same = PCGrad(generator=torch.default_generator)
        torch.manual_seed(seed)
        torch.testing.assert_close(same(g @ g.T) @ g, theirs, **EXACT)


def test_pcgrad_by_hand_on_two_parameters():
    """g_1 = (1, 0), g_2 = (-1, 1): the dot is -1. g_1' = g_1 + g_2 / 2 = (1/2, 1/2), g_2' = g_2 + g_1 = (0, 1)."""
    g = rows([1, 0], [-1, 1])
    C = pcgrad(g @ g.T, [[1], [0]])
    assert C.tolist() == [[1, 0.5], [1, 1]]
    assert (C @ g).tolist() == [[0.5, 0.5], [0, 1]]
    method = PCGrad()
    assert method(g @ g.T).tolist() == [2, 1.5]
    assert (method(g @ g.T) @ g).tolist() == [0.5, 1.5]
    assert project(g[0], g[1]).tolist() == [0.5, 0.5]
    assert project(g[1], g[0]).tolist() == [0, 1]


def test_with_three_tasks_the_order_matters_and_a_conflict_may_stay():
    """By hand: g_1 first without its part along g_3, then along g_2, and g_3 is against it again."""
    g = rows([1, 0], [-1, 1], [-1, -2])
    first = pcgrad(g @ g.T, [[1, 2], [], []])[0] @ g
    assert first.tolist() == pytest.approx([0.2, -0.1])  # (1/2, 1/2), whose dot with g_3 is -3/2
    second = pcgrad(g @ g.T, [[2, 1], [], []])[0] @ g
    assert second.tolist() == pytest.approx([0.2, 0.2])  # (4/5, -2/5), whose dot with g_2 is -6/5
    assert second @ g[2] < 0


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("beta", [0.0, 0.01, 0.5, 1.0])
def test_gradvac_is_its_algorithm_over_several_steps(K, beta):
    method, theirs = GradVac(beta=beta), torch.zeros(K, K, dtype=torch.float64)
    for step in range(6):
        g = gradients(K, step)
        weights = method(g @ g.T)
        new, theirs = vaccine(g, method.orders, theirs, beta)
        torch.testing.assert_close(method.coefficients @ g, new, **EXACT)
        torch.testing.assert_close(weights @ g, new.sum(0), **EXACT)
        torch.testing.assert_close(method.targets[0], theirs, **EXACT)
    assert (method.targets.abs().sum() > 0) == (beta > 0)


@pytest.mark.parametrize("K", [2, 4, 8])
def test_gradvac_is_torchjds_under_the_same_permutations(K):
    theirs, targets = aggregation.GradVacWeighting(beta=0.3, eps=0), torch.zeros(K, K, dtype=torch.float64)
    for step in range(5):
        g = gradients(K, step)
        torch.manual_seed(step)
        want = theirs(g @ g.T)
        torch.manual_seed(step)
        others = [[j for j in range(K) if j != i] for i in range(K)]
        orders = [[own[n] for n in torch.randperm(K - 1).tolist()] for own in others]
        C, targets = gradvac(g @ g.T, orders, targets, beta=0.3)
        torch.testing.assert_close(C.sum(0), want, **EXACT)


@pytest.mark.parametrize("K", [1, 2, 5])
def test_gradvac_whose_targets_stay_zero_is_pcgrad(K):
    one, other = GradVac(beta=0, seed=3), PCGrad(seed=3)
    for step in range(4):
        g = gradients(K, step)
        torch.testing.assert_close(one(g @ g.T), other(g @ g.T), **EXACT)


def test_gradvac_brings_a_pair_to_its_target():
    g = gradients(2, P=5)
    for target in (-0.2, 0.3, 0.9):
        cosine = torch.nn.functional.cosine_similarity(g[0], g[1], 0)
        assert cosine < target or target < 0
        C, _ = gradvac(g @ g.T, [[1], [0]], torch.full((2, 2), target, dtype=torch.float64))
        for i, j in ((0, 1), (1, 0)):
            got = torch.nn.functional.cosine_similarity(C[i] @ g, g[j], 0)
            assert got.item() == pytest.approx(max(target, cosine.item()), abs=1e-9)


# Properties


@settings(max_examples=40, deadline=None)
@given(cases())
def test_every_weight_is_at_least_one_and_no_gradient_grows(case):
    g, orders = case
    C = pcgrad(g @ g.T, orders)
    assert C.diagonal().tolist() == [1] * len(g)  # never projected against itself
    assert (C >= 0).all()
    assert ((C @ g).norm(dim=1) <= g.norm(dim=1) * (1 + 1e-12)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3))
def test_of_two_tasks_the_result_conflicts_with_neither(seed, log_scale):
    g = gradients(2, seed, P=3) * torch.tensor([[1.0], [10**log_scale]], dtype=torch.float64)
    C = pcgrad(g @ g.T, [[1], [0]])
    result = C.sum(0) @ g
    assert ((g @ result) >= -1e-9 * g.norm(dim=1) * result.norm()).all()
    for i in (0, 1):
        assert C[i] @ g @ g[1 - i] >= -1e-9 * g[0].norm() * g[1].norm()


@pytest.mark.parametrize("make", [PCGrad, GradVac])
@pytest.mark.parametrize("scale", [1e-10, 1e-3, 1e4, 1e10])
def test_the_result_is_homogeneous_of_degree_one(make, scale):
    """Weights do not change when all gradients are longer; also in float32."""
    for dtype, exact in ((torch.float64, EXACT), (torch.float32, dict(rtol=1e-4, atol=1e-4))):
        g = gradients(4).to(dtype)
        torch.testing.assert_close(make()(g @ g.T), make()((scale * g) @ (scale * g).T), **exact)


def test_one_gradient_may_be_much_longer_than_another():
    g = gradients(3) * torch.tensor([[1e-10], [1.0], [1e10]], dtype=torch.float64)
    for orders in every_order(3):
        want = algorithm_1(g, orders)
        # to what float64 leaves of sums with the longest
        torch.testing.assert_close(pcgrad(g @ g.T, orders) @ g, want, rtol=1e-5, atol=1e-16)


def test_the_result_turns_with_the_gradients():
    """Rotation equivariance: the axes of the parameters mean nothing to the whole encoder's surgery."""
    g = gradients(5, P=12)
    Q, _ = torch.linalg.qr(gradients(12, seed=1, P=12))
    turned = g @ Q
    one, other = (PCGrad(seed=4)(h @ h.T) @ h for h in (g, turned))
    torch.testing.assert_close(one @ Q, other, **EXACT)


@pytest.mark.parametrize("K", [1, 2, 6])
def test_without_conflict_weights_are_one_to_the_last_bit(K):
    g = gradients(K).abs()
    assert PCGrad()(g @ g.T).tolist() == [1] * K
    assert GradVac()(g @ g.T).tolist() == [1] * K


def test_orthogonal_gradients_are_not_in_conflict():
    assert PCGrad()(torch.eye(4)).tolist() == [1] * 4


# Edges


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_opposite_gradients_cancel(make):
    g = rows([1, 2], [-3, -6])
    torch.testing.assert_close(make()(g @ g.T) @ g, torch.zeros(2, dtype=torch.float64), **EXACT)


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_a_gradient_of_zero_changes_nothing_for_the_others(make):
    g = rows([1, 0], [0, 0], [-1, 1])
    others = make()(g[[0, 2]] @ g[[0, 2]].T) @ g[[0, 2]]
    torch.testing.assert_close(make()(g @ g.T) @ g, others, **EXACT)
    assert make()(torch.zeros(3, 3)).tolist() == [1, 1, 1]


def test_a_gradient_too_short_for_its_square_harms_no_other():
    """1e-25 in float32: its square is 0, its dot with (1, 0) is not."""
    g = torch.tensor([[1.0, 0.0], [-1e-25, 0.0]])
    assert (g @ g.T)[1, 1] == 0 > (g @ g.T)[0, 1]
    assert torch.isfinite(PCGrad()(g @ g.T)).all()
    assert torch.isfinite(GradVac()(g @ g.T)).all()


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_one_task_and_none(make):
    assert make()(torch.ones(1, 1)).tolist() == [1]
    assert make()(torch.zeros(0, 0)).shape == (0,)


@pytest.mark.parametrize("make", [PCGrad, GradVac])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused_with_the_tasks_number(make, bad):
    g = gradients(3)
    g[1, 0] = bad
    with pytest.raises(ValueError, match=r"not finite \(tasks number \[1\]\)"):
        make()(g @ g.T)


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_inputs_are_not_changed(make):
    g = gradients(4)
    gram = g @ g.T
    before, targets = gram.clone(), torch.zeros(4, 4, dtype=torch.float64)
    method = make()
    method(gram)
    gradvac(gram, method.orders, targets)
    assert torch.equal(gram, before)
    assert not targets.any()


def test_projecting_against_nothing_or_an_ally_leaves_a_gradient_as_it_is():
    g, ally, nothing = rows([1, 2], [1, 0], [0, 0])
    assert torch.equal(project(g, ally), g)
    assert torch.equal(project(g, nothing), g)


# Orders


def test_each_task_draws_an_order_of_its_own_and_anew_in_each_step():
    method = PCGrad(seed=0)
    drawn = [method.draw(6) for _ in range(20)]
    for orders in drawn:
        assert [sorted([i, *order]) for i, order in enumerate(orders)] == [list(range(6))] * 6
    assert len({str(orders) for orders in drawn}) == 20
    first, second = ([j for j in order if j > 1] for order in drawn[0][:2])
    assert first != second  # not one shuffle without oneself


def test_the_first_to_be_met_is_any_other_task_equally_often():
    method, K, n = PCGrad(), 4, 3000
    first = torch.zeros(K, K)
    for _ in range(n):
        for i, order in enumerate(method.draw(K)):
            first[i, order[0]] += 1
    away = first[~torch.eye(K, dtype=torch.bool)] / n
    assert (away - 1 / 3).abs().max() < 0.045  # five standard deviations


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_an_order_can_be_given_once_for_all_or_for_each_task(make):
    g = gradients(3, 5)
    method = make(order=[2, 0, 1])
    method(g @ g.T)
    assert method.orders == [[2, 1], [2, 0], [0, 1]]
    assert make(order=[[1, 2], [0, 2], [1, 0]]).draw(3) == [[1, 2], [0, 2], [1, 0]]
    assert make(order=[[0, 1, 2], [0, 1, 2], [1, 2, 0]]).draw(3) == [
        [1, 2],
        [0, 2],
        [1, 0],
    ]  # oneself is left out


@pytest.mark.parametrize(
    "order", [[0, 1], [0, 1, 1], [0, 1, 2, 3], [[1, 2], [0, 2]], [[1, 2], [0, 2], [0, 0]]]
)
def test_an_order_that_leaves_a_task_out_is_refused(order):
    with pytest.raises(ValueError, match="of 3 tasks each needs the others once"):
        PCGrad(order=order)(torch.eye(3))


def test_a_generator_can_be_given_and_is_the_only_source_of_chance():
    one, other = (PCGrad(generator=torch.Generator().manual_seed(5)) for _ in range(2))
    drawn = one.draw(7)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert drawn == other.draw(7) == PCGrad(seed=5).draw(7)
    assert torch.equal(torch.get_rng_state(), before)
    assert drawn != PCGrad(seed=6).draw(7)


@pytest.mark.parametrize("make", [PCGrad, GradVac])
def test_from_its_state_a_method_goes_on_as_if_it_had_not_stopped(make):
    method, again = make(seed=1), make(seed=2)
    for step in range(3):
        method(gradients(4, step) @ gradients(4, step).T)
    state = {name: value.clone() for name, value in method.state_dict().items()}
    want = [method(gradients(4, step) @ gradients(4, step).T) for step in range(3, 6)]
    again.load_state_dict(state)
    for step, weights in zip(range(3, 6), want, strict=True):
        assert torch.equal(again(gradients(4, step) @ gradients(4, step).T), weights)


def test_gradvac_wants_beta_between_0_and_1():
    with pytest.raises(ValueError, match=r"beta is in \[0, 1\], not 1.5"):
        GradVac(beta=1.5)
