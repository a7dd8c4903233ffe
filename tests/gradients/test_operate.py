"""Surgery in a loop: any model, any method, batches at once or one after the other, and nothing silently wrong."""

from functools import partial

import pytest
import torch
from torch import nn
from torchjd import aggregation

from mtlkit.gradients import MGDA, CAGrad, ConflictLog, GradVac, PCGrad, Sum, Surgery, pcgrad


class CNN(nn.Module):
    """Two tasks that share a convolutional trunk with a batch norm: which class, and how bright."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.kind, self.brightness = nn.Linear(24, 3), nn.Linear(24, 1)
        self.images, self.labels = torch.randn(8, 1, 9, 9), torch.randint(3, (8,))

    def losses(self, hidden=None):
        hidden = self.trunk(self.images) if hidden is None else hidden
        dark = -self.kind(hidden).logsumexp(1).detach()  # at odds with the first
        return {
            "kind": nn.functional.cross_entropy(self.kind(hidden), self.labels),
            "brightness": (self.brightness(hidden).squeeze(1) - dark).square().mean(),
        }


def task_gradients(losses, parameters):
    """(K, P): autograd's, flat, in float64."""
    parameters, found = list(parameters), []
    for loss in losses.values():
        parts = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, parts, strict=True)]
        found.append(torch.cat([part.flatten() for part in parts]).double())
    return torch.stack(found)


def flat(parameters):
    return torch.cat(
        [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    )


def bare(*rows):
    """(shared, losses) with these rows as gradients."""
    shared = {"w": nn.Parameter(torch.zeros(len(rows[0])))}
    return shared, {
        name: torch.tensor(row) @ shared["w"] for name, row in zip("abcdefgh", rows, strict=False)
    }


# Models


def test_on_a_cnn_with_two_heads_the_step_is_the_papers():
    model = CNN()
    g = task_gradients(model.losses(), model.trunk.parameters())
    heads = {
        name: torch.autograd.grad(loss, list(getattr(model, name).parameters()))
        for name, loss in model.losses().items()
    }
    Surgery(model.trunk, PCGrad()).backward(model.losses())
    C = pcgrad(g @ g.T, [[1], [0]])
    torch.testing.assert_close(flat(model.trunk.parameters()).double(), C.sum(0) @ g, rtol=1e-4, atol=1e-6)
    for name, wanted in heads.items():
        for p, want in zip(getattr(model, name).parameters(), wanted, strict=True):
            torch.testing.assert_close(p.grad, want)


def test_a_cnn_learns_both_tasks():
    model = CNN()
    surgery, optimizer = Surgery(model.trunk), torch.optim.Adam(model.parameters(), lr=0.01)
    before = sum(loss.item() for loss in model.losses().values())
    for _ in range(20):
        optimizer.zero_grad()
        surgery.backward(model.losses())
        optimizer.step()
    assert sum(loss.item() for loss in model.losses().values()) < 0.8 * before


def test_on_a_bert_of_transformers_the_step_is_the_papers_and_the_unused_pooler_stays():
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5000, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    bert = BertModel(config)
    heads = nn.ModuleDict({name: nn.Linear(8, 2) for name in ("nli", "sst", "qqp")})
    ids = {name: torch.randint(5000, (4, 7)) for name in heads}
    labels = torch.tensor([0, 1, 1, 0])

    def loss(name):
        hidden = bert(input_ids=ids[name]).last_hidden_state[:, 0]
        return nn.functional.cross_entropy(heads[name](hidden), labels)

    g = task_gradients({name: loss(name) for name in heads}, bert.parameters())
    log = ConflictLog()
    surgery = Surgery(bert, PCGrad(order=[0, 1, 2]), log=log)
    for name in heads:
        with surgery.task(name):
            loss(name).backward()
    surgery.apply()
    C = pcgrad(g @ g.T, [[1, 2], [0, 2], [0, 1]])
    torch.testing.assert_close(flat(bert.parameters()).double(), C.sum(0) @ g, rtol=1e-3, atol=1e-6)
    assert bert.pooler.dense.weight.grad is None
    assert log.parts == ["embeddings", "encoder.layer.0", "encoder.layer.1", "pooler"]
    torch.testing.assert_close(torch.from_numpy(log.gram()[0]), g @ g.T, rtol=1e-4, atol=1e-7)


# Ways to call it


def test_one_task_after_the_other_is_the_same_as_all_losses_at_once():
    at_once, streamed = CNN(), CNN()
    Surgery(at_once.trunk).backward(at_once.losses())
    surgery = Surgery(streamed.trunk)
    hidden = streamed.trunk(streamed.images)
    losses = streamed.losses(hidden)
    with surgery.task("kind"):
        losses["kind"].backward(retain_graph=True)
    with surgery.task("brightness"):
        losses["brightness"].backward()
    surgery.apply()
    for p, q in zip(at_once.parameters(), streamed.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)


def test_sum_is_the_summed_loss():
    model, plain = CNN(), CNN()
    Surgery(model.trunk, Sum()).backward(model.losses())
    sum(plain.losses().values()).backward()
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", [Sum, PCGrad])
def test_mean_is_exactly_the_sum_over_T(method):
    found = []
    for mean in (False, True):
        shared, losses = bare([1.0, 0.3], [-0.7, 0.9], [0.1, -2.0])
        Surgery(shared, method(), mean=mean).backward(losses)
        found.append(shared["w"].grad.clone())
    assert torch.equal(found[1], found[0] / 3)


def test_without_conflict_pcgrad_is_the_sum_to_the_last_bit():
    rows = torch.rand(4, 50, generator=torch.Generator().manual_seed(0))
    shared, losses = bare(*rows.tolist())
    Surgery(shared, PCGrad()).backward(losses)
    assert torch.equal(shared["w"].grad, ((rows[0] + rows[1]) + rows[2]) + rows[3])


def test_by_part_each_part_decides_on_its_own():
    """The whole gradients agree, those of the first layer do not."""
    shared = {f"layers.{n}.w": nn.Parameter(torch.zeros(2, dtype=torch.float64)) for n in (0, 1)}
    rows = {"a": ([1.0, 0.0], [3.0, 0.0]), "b": ([-1.0, 1.0], [3.0, 1.0])}
    for by_part in (False, True):
        both = list(shared.values())
        losses = {
            name: sum(torch.tensor(r, dtype=torch.float64) @ p for r, p in zip(row, both, strict=True))
            for name, row in rows.items()
        }
        Surgery(shared, PCGrad(), by_part=by_part).backward(losses)
        first, second = (p.grad.tolist() for p in both)
        assert first == ([0.5, 1.5] if by_part else [0, 1])
        assert second == [6, 1]


def test_gradvac_by_part_follows_the_cosines_of_each_part():
    torch.manual_seed(0)
    shared = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2))
    surgery = Surgery(shared, GradVac(beta=0.5), by_part=True, log=ConflictLog())
    for _ in range(3):
        out = shared(torch.randn(4, 3))
        surgery.backward({"a": out[:, 0].pow(2).sum(), "b": (out.sum(1) - 1).pow(2).sum()})
    by_hand = [GradVac(beta=0.5), GradVac(beta=0.5)]
    for gram in torch.from_numpy(surgery.log.grams).double():
        for part in (0, 1):
            by_hand[part](gram[part])
    targets = surgery.method.targets
    torch.testing.assert_close(targets, torch.cat([m.targets for m in by_hand]), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(targets[0], targets[1])


def test_loss_weights_act_before_surgery():
    shared, losses = bare([1.0, 0.0], [-1.0, 1.0])
    Surgery(shared).backward({"a": losses["a"], "b": 10 * losses["b"]})
    # g_b = (-10, 10): a' = (1, 0) + (-10, 10) / 20, b' = (0, 10)
    assert shared["w"].grad.tolist() == pytest.approx([0.5, 10.5], rel=1e-5)


def test_a_loss_that_no_parameter_moves_counts_as_a_task_with_a_gradient_of_zero():
    shared, losses = bare([1.0, 2.0])
    log = ConflictLog()
    Surgery(shared, mean=True, log=log).backward({**losses, "constant": torch.tensor(3.0)})
    assert shared["w"].grad.tolist() == [0.5, 1]
    assert log.norms()[0, 1] == 0
    assert log.losses[0, 1] == 3


def test_under_autocast_surgery_is_decided_in_full_precision():
    found = []
    for enabled in (False, True):
        shared, losses = bare(*torch.randn(3, 40, generator=torch.Generator().manual_seed(1)).tolist())
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            Surgery(shared, PCGrad(order=[0, 1, 2])).backward(losses)
        found.append(shared["w"].grad)
    assert torch.equal(*found)


# Methods


@pytest.mark.parametrize("method", [Sum, PCGrad, GradVac, MGDA, CAGrad])
@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_each_method_works_at_every_scale(method, scale):
    rows = torch.randn(3, 30, generator=torch.Generator().manual_seed(2))
    found = []
    for factor in (1.0, scale):
        shared, losses = bare(*(factor * rows).tolist())
        Surgery(shared, method()).backward(losses)
        found.append(shared["w"].grad / factor)
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["AlignedMTL", "IMTLG", "MGDA", "Mean", "Sum", "PCGrad", "GradVac"])
def test_any_weighting_of_torchjd_plugs_in_unchanged(name):
    rows = torch.randn(3, 30, generator=torch.Generator().manual_seed(3))
    shared, losses = bare(*rows.tolist())
    torch.manual_seed(0)
    Surgery(shared, getattr(aggregation, f"{name}Weighting")()).backward(losses)
    torch.manual_seed(0)
    want = getattr(aggregation, name)()(rows.double())
    torch.testing.assert_close(shared["w"].grad.double(), want, rtol=1e-4, atol=1e-5)


def test_any_function_from_gram_to_weights_is_a_method():
    shared, losses = bare([3.0, 4.0], [0.0, 2.0])
    Surgery(shared, lambda gram: 1 / gram.diagonal().sqrt()).backward(losses)  # all of length 1
    torch.testing.assert_close(shared["w"].grad, torch.tensor([0.6, 1.8]))


def halved(gram):
    return gram.diagonal() * 0 + 0.5


@pytest.mark.parametrize(
    "method", [PCGrad(), GradVac(0.1), CAGrad(0.2), MGDA(), Sum(), halved, partial(halved)]
)
def test_its_name_has_no_address_in_it(method):
    """A run compares it with its checkpoint's, written by another process."""
    assert " at 0x" not in repr(Surgery(nn.Linear(2, 2), method))
    assert repr(Surgery(nn.Linear(2, 2), halved)) == "Surgery(halved, by_part=False, mean=False)"
    assert repr(Surgery(nn.Linear(2, 2), CAGrad(0.2))) != repr(Surgery(nn.Linear(2, 2), CAGrad(0.3)))


@pytest.mark.parametrize("method", [PCGrad, GradVac])
def test_it_goes_on_from_its_state(method):
    first, then = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(4)).tolist()
    shared, losses = bare(*first)
    surgery, again = Surgery(shared, method(seed=0)), Surgery(shared, method(seed=1))
    surgery.backward(losses)
    again.load_state_dict({name: value.clone() for name, value in surgery.state_dict().items()})
    found = []
    for each in (surgery, again):
        each.backward({name: torch.tensor(row) @ shared["w"] for name, row in zip("abcd", then, strict=True)})
        found.append(shared["w"].grad.clone())
    assert torch.equal(*found)


def test_what_carries_nothing_has_no_state():
    surgery = Surgery(nn.Linear(2, 2), Sum())
    assert surgery.state_dict() == {}
    surgery.load_state_dict({})


# Errors


def test_no_losses_and_no_blocks_are_errors():
    surgery = Surgery(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="no losses"):
        surgery.backward({})
    with pytest.raises(ValueError, match="no task had a backward pass"):
        surgery.apply()


@pytest.mark.parametrize("by_part", [False, True])
def test_a_loss_or_gradient_that_is_not_finite_names_its_task_and_leaves_no_gradient(by_part):
    shared, losses = bare([1.0, 2.0], [3.0, 4.0])
    surgery = Surgery(shared, PCGrad(), by_part)
    bad = {
        "the loss of 'b' is nan": losses["b"] * float("nan"),
        "the gradient of b is not finite": shared["w"].abs().sqrt().sum(),
    }
    for message, loss in bad.items():
        with pytest.raises(FloatingPointError, match=message):
            surgery.backward({"a": shared["w"].sum(), "b": loss})
        assert shared["w"].grad is None
        assert surgery.bank.tasks == []
    surgery.backward({"a": shared["w"].sum()})
    assert shared["w"].grad.tolist() == [1, 1]


def test_after_an_error_in_the_method_the_next_step_starts_afresh():
    shared, losses = bare([1.0, 2.0], [3.0, 4.0])
    surgery = Surgery(shared, PCGrad(order=[0, 1, 2]))
    with pytest.raises(ValueError, match="of 2 tasks"):
        surgery.backward(losses)
    surgery.method = Sum()
    shared["w"].grad = None
    surgery.backward({"a": shared["w"].sum()})
    assert shared["w"].grad.tolist() == [1, 1]


# What it tells the log


@pytest.mark.parametrize("mean", [False, True])
def test_the_log_is_told_what_was_done(mean):
    log = ConflictLog()
    shared, losses = bare([1.0, 0.0], [-1.0, 1.0])
    with torch.no_grad():
        shared["w"] += torch.tensor([2.0, 1.0])
    losses = {"a": shared["w"][0], "b": shared["w"][1] - shared["w"][0]}
    Surgery(shared, PCGrad(), mean=mean, log=log).backward(losses)
    assert log.tasks == ["a", "b"]
    assert log.losses.tolist() == [[2, -1]]
    assert log.gram().tolist() == [[[1, -1], [-1, 2]]]
    assert log.coefficients.tolist() == [[[1, 0.5], [1, 1]]]
    assert log.orders.tolist() == [[[1], [0]]]
    assert log.weights.tolist() == [[[1, 0.75]]] if mean else [[[2, 1.5]]]
    before, after = log.lengths()
    assert before.tolist() == [1]
    assert after[0] == pytest.approx(shared["w"].grad.norm().item())
