"""AdamW against torch's and against the CS224N starter's numbers; the schedule; the groups."""

import math
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mtlkit.bert import Bert, BertConfig
from mtlkit.heads import ClassificationHead, MultitaskModel
from mtlkit.training import AdamW, layerwise_groups, linear_warmup
from mtlkit.training.checkpoint import load, save
from mtlkit.training.optimizer import CHUNK

# What CS224N's own optimizer test prints, up to its sign convention: a linear map learned in 1,000 steps.
CS224N = [[0.5548278689, 0.8666566610, 0.0729198158], [-0.4472450614, -0.2951228023, -0.2717272043]]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("mtlkit.training.optimizer.CHUNK", 64)


def parameters() -> list[nn.Parameter]:
    """Parameters of many shapes, float64: a scalar, an empty one, one of several chunks, one transposed in memory."""
    torch.manual_seed(0)
    shapes = [(3, 4), (5,), (), (0, 2), (150,)]
    made = [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in shapes]
    return [*made, nn.Parameter(torch.randn(6, 4, dtype=torch.float64).T)]


def drive(ours, theirs, a, b, steps=25) -> float:
    """The same gradients for both, of sizes from 1e-9 to 1e3; the largest difference over all steps."""
    generator = torch.Generator().manual_seed(1)
    worst = 0.0
    for _ in range(steps):
        for p, q in zip(a, b, strict=True):
            size = 10 ** (12 * torch.rand((), generator=generator).item() - 9)
            p.grad = torch.randn(p.shape, dtype=p.dtype, generator=generator) * size
            if not p.is_contiguous():
                p.grad = p.grad.T.contiguous().T
            q.grad = p.grad.clone()
        ours.step()
        theirs.step()
        for p, q in zip(a, b, strict=True):
            worst = max(worst, (p - q).abs().max().item() if p.numel() else 0.0)
    return worst


OPTIONS = [
    dict(),
    dict(lr=0.1, weight_decay=0.3),
    dict(lr=0.02, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.0),
    dict(lr=1e-2, betas=(0.0, 0.0), eps=1e-10),
    dict(lr=0.0),
]


@pytest.mark.parametrize("fused", [False, True])  # the training loop uses the fused one
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_adamw_equals_torch(options, fused):
    a, b = parameters(), parameters()
    ours, theirs = AdamW(a, **options), torch.optim.AdamW(b, amsgrad=False, fused=fused, **options)
    assert drive(ours, theirs, a, b) < 1e-12


def test_adamw_groups_keep_their_own_options_and_follow_changes_between_steps():
    a, b = parameters(), parameters()

    def groups(p):
        return [
            dict(params=p[:2], lr=0.1, weight_decay=0.5),
            dict(params=p[2:4], betas=(0.8, 0.99), eps=1e-4),
            dict(params=p[4:], lr=3e-3, weight_decay=0.0),
        ]

    ours, theirs = AdamW(groups(a), lr=0.01), torch.optim.AdamW(groups(b), lr=0.01)
    assert drive(ours, theirs, a, b, steps=12) < 1e-12
    for optimizer in (ours, theirs):
        optimizer.param_groups[0]["lr"] = 0.02
        optimizer.param_groups[2]["weight_decay"] = 0.7
    assert drive(ours, theirs, a, b, steps=13) < 1e-12


def test_a_large_parameter_is_updated_as_a_small_one(monkeypatch):
    """Chunks are an arrangement in memory, not in arithmetic: bit for bit."""
    monkeypatch.undo()
    torch.manual_seed(0)
    whole = nn.Parameter(torch.randn(3, CHUNK // 2 + 5))
    parts = [nn.Parameter(row.detach().clone()) for row in whole]
    ours, same = AdamW([whole]), AdamW(parts)
    for _ in range(3):
        whole.grad = torch.randn_like(whole)
        for part, row in zip(parts, whole.grad, strict=True):
            part.grad = row.clone()
        ours.step()
        same.step()
    assert torch.equal(whole, torch.stack(list(parts)))


def test_a_parameter_without_gradient_is_left_alone_also_by_the_decay():
    still, moved = (nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = AdamW([still, moved], lr=0.1, weight_decay=0.5)
    for _ in range(3):
        moved.grad = torch.ones(3)
        optimizer.step()
    assert torch.equal(still, torch.ones(3))
    assert still not in optimizer.state
    assert (moved < 1).all()
    still.grad = torch.zeros(3)  # a zero gradient is a gradient: the decay applies
    optimizer.step()
    assert torch.allclose(still, torch.full((3,), 0.95))


def test_each_parameter_counts_its_own_steps():
    """One that joins late gets the bias correction of a first step, as torch's does."""
    a, b = parameters()[:2], parameters()[:2]
    ours, theirs = AdamW(a, lr=0.1), torch.optim.AdamW(b, lr=0.1)
    assert drive(ours, theirs, a[:1], b[:1], steps=5) < 1e-12
    assert drive(ours, theirs, a, b, steps=5) < 1e-12


def test_the_first_step_is_lr_whatever_the_gradients_size():
    p = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    p.grad = torch.tensor([1e-3, -5.0, 1e4], dtype=torch.float64)
    AdamW([p], lr=0.25).step()
    assert torch.allclose(p, torch.tensor([-0.25, 0.25, -0.25], dtype=torch.float64), atol=1e-5)


def cs224n(optimizer) -> torch.Tensor:
    """The weights after the starter's recipe; `optimizer(parameters)` builds what is tried."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = nn.Linear(3, 2, bias=False)
    tried = optimizer(model.parameters())
    for _ in range(1000):
        tried.zero_grad()
        x = torch.FloatTensor(rng.uniform(size=[model.in_features]))
        target = torch.stack([x[0] + x[1], -x[2]])
        ((model(x) - target) ** 2).sum().backward()
        tried.step()
    return model.weight.detach()


RECIPE = dict(lr=1e-3, weight_decay=1e-4, eps=1e-6)


def test_decay_after_reproduces_the_starters_weights():
    weights = cs224n(lambda p: AdamW(p, **RECIPE, decay_after=True))
    assert (weights - torch.tensor(CS224N)).abs().max() < 5e-7


class Wrong(torch.optim.Optimizer):
    """AdamW in its plainest form, with one planted mistake; none planted is the right one."""

    def __init__(
        self, params, mistake="", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, after=False
    ):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))
        self.mistake, self.after = mistake, after

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (b1, b2), eps, decay = (group[k] for k in ("lr", "betas", "eps", "weight_decay"))
            for p in group["params"]:
                state = self.state[p]
                state["t"] = t = state.get("t", -1 if self.mistake == "t one late" else 0) + 1
                if self.mistake == "t one early":
                    t += 1
                g = p.grad + decay * p if self.mistake == "L2 in the gradient" else p.grad
                m = state["m"] = b1 * state.get("m", torch.zeros_like(p)) + (1 - b1) * g
                v = state["v"] = b2 * state.get("v", torch.zeros_like(p)) + (1 - b2) * g * g
                share = decay if self.mistake == "decay without lr" else lr * decay
                share *= {"decay twice": 2, "no decay": 0, "L2 in the gradient": 0}.get(self.mistake, 1)
                if not self.after:
                    p.sub_(share * p)
                c1, c2 = 1 - b1**t, 1 - b2**t
                if self.mistake == "no bias correction":
                    c1 = c2 = 1
                if self.mistake == "t one late" and t == 0:
                    continue
                if self.mistake == "eps inside the root":
                    p.sub_(lr * (m / c1) / (v / c2 + eps).sqrt())
                elif self.after != (
                    self.mistake == "the other eps"
                ):  # the starter adds eps before the correction
                    p.sub_(lr * (m / c1) * math.sqrt(c2) / (v.sqrt() + eps))
                else:
                    p.sub_(lr * (m / c1) / ((v / c2).sqrt() + eps))
                if self.after:
                    p.sub_(share * p)


MISTAKES = [
    "decay twice", "decay without lr", "no decay", "no bias correction", "L2 in the gradient", "t one late",
    "t one early", "eps inside the root", "the other eps",
]  # fmt: skip


def test_the_plain_adamw_passes_both_tests():
    a, b = parameters(), parameters()
    assert drive(Wrong(a, lr=0.1), torch.optim.AdamW(b, lr=0.1), a, b) < 1e-12
    weights = cs224n(lambda p: Wrong(p, **RECIPE, after=True))
    assert (weights - torch.tensor(CS224N)).abs().max() < 5e-7


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_planted_mistake_fails_the_comparison_with_torch(mistake):
    a, b = parameters(), parameters()
    assert drive(Wrong(a, mistake, lr=0.1), torch.optim.AdamW(b, lr=0.1), a, b) > 1e-9


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_planted_mistake_misses_the_starters_weights(mistake):
    weights = cs224n(lambda p: Wrong(p, mistake, **RECIPE, after=True))
    assert (weights - torch.tensor(CS224N)).abs().max() > 5e-7


def test_decay_before_and_after_differ_and_the_starters_weights_tell_them_apart():
    weights = cs224n(lambda p: AdamW(p, **RECIPE))
    assert (weights - torch.tensor(CS224N)).abs().max() > 5e-7
    # one step from 1 with gradient 1: (1 - lr d) - lr, against (1 - lr)(1 - lr d)
    for after, expected in ((False, 0.95 - 0.1), (True, 0.9 * 0.95)):
        p = nn.Parameter(torch.ones(1, dtype=torch.float64))
        p.grad = torch.ones_like(p)
        AdamW([p], lr=0.1, weight_decay=0.5, eps=0.0, decay_after=after).step()
        assert p.item() == pytest.approx(expected, abs=1e-14)


def test_state_saves_and_loads_and_goes_on_identically(tmp_path):
    """Through state_dict, and through a safetensors file."""
    a, other = parameters(), parameters()
    first = AdamW(a, lr=0.05)
    drive(first, AdamW(other), a, other, steps=5)
    b = [nn.Parameter(p.detach().clone()) for p in a]
    second = AdamW(b, lr=1.0)  # the right rate comes with the state
    second.load_state_dict(deepcopy(first.state_dict()))
    assert second.param_groups[0]["lr"] == 0.05
    assert drive(first, second, a, b, steps=5) == 0

    tensors = {
        f"{i}.{name}": torch.as_tensor(value)
        for i, p in enumerate(a)
        for name, value in first.state[p].items()
    }
    save(tmp_path / "state.safetensors", tensors)
    c = [nn.Parameter(p.detach().clone()) for p in a]
    third = AdamW(c, lr=0.05)
    for key, value in load(tmp_path / "state.safetensors")[0].items():
        i, _, name = key.partition(".")
        third.state[c[int(i)]][name] = int(value) if name == "step" else value
    assert drive(first, third, a, c, steps=5) == 0


def test_a_closure_is_run_with_gradients_and_its_loss_returned():
    p = nn.Parameter(torch.ones(2))
    optimizer = AdamW([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2
    assert (p < 1).all()


@pytest.mark.parametrize(
    "bad",
    [
        dict(lr=-1e-3), dict(lr=math.nan), dict(eps=-1.0), dict(weight_decay=-0.1),
        dict(betas=(1.0, 0.9)), dict(betas=(0.9, -0.1)),
    ],
    ids=str,
)  # fmt: skip
def test_adamw_refuses(bad):
    with pytest.raises(ValueError, match="not negative"):
        AdamW([nn.Parameter(torch.ones(1))], **bad)


def test_sparse_gradients_are_refused_with_the_fix():
    embedding = nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse=False"):
        AdamW(embedding.parameters()).step()


def test_linear_warmup_values():
    got = [linear_warmup(step, 10, 4) for step in range(10)]
    up = [1 / 5, 2 / 5, 3 / 5, 4 / 5]
    assert got == pytest.approx([*up, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    assert linear_warmup(10, 10, 4) == 0
    assert linear_warmup(0, 10, 0) == 1  # no warm-up: the first step has the full rate
    assert linear_warmup(0, 1, 0) == 1
    assert linear_warmup(99, 10, 4) == 0  # a step past the end does not go negative


@given(st.integers(1, 200), st.data())
@settings(max_examples=100, deadline=None)
def test_linear_warmup_rises_then_falls_and_is_never_zero_during_training(total, data):
    warmup = data.draw(st.integers(0, total))
    factors = [linear_warmup(step, total, warmup) for step in range(total)]
    assert all(0 < factor <= 1 for factor in factors)
    assert all(a < b for a, b in pairwise(factors[:warmup]))
    assert all(a > b for a, b in pairwise(factors[warmup:]))
    if warmup < total:
        assert factors[warmup] == 1


@pytest.mark.parametrize(("total", "warmup"), [(0, 0), (10, 11), (10, -1), (-1, -1)])
def test_linear_warmup_refuses(total, warmup):
    with pytest.raises(ValueError, match="warmup"):
        linear_warmup(0, total, warmup)


@pytest.fixture
def model():
    config = BertConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    return MultitaskModel(Bert(config), {"sst": ClassificationHead(8, 5), "other": ClassificationHead(8, 2)})


def rates(model, groups) -> dict[str, tuple[float, float]]:
    """Name of each parameter -> (lr, weight decay); a parameter in two groups fails."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = {}
    for group in groups:
        for p in group["params"]:
            assert names[id(p)] not in found
            found[names[id(p)]] = (group["lr"], group["weight_decay"])
    return found


def test_layerwise_groups_hold_each_parameter_once_with_its_layers_rate(model):
    found = rates(model, layerwise_groups(model, lr=1.0, head_lr=7.0, layer_decay=0.5, weight_decay=0.25))
    assert found.keys() == dict(model.named_parameters()).keys()
    expected = {
        "encoder.embeddings": 0.125, "encoder.layers.0": 0.25, "encoder.layers.1": 0.5, "encoder.layers.2": 1.0,
        "encoder.pooler": 1.0, "heads.sst": 7.0, "heads.other": 7.0,
    }  # fmt: skip
    for name, (lr, decay) in found.items():
        assert lr == expected[next(prefix for prefix in expected if name.startswith(prefix + "."))], name
        undecayed = name.endswith(".bias") or "norm.weight" in name
        assert decay == (0.0 if undecayed else 0.25), name


def test_layerwise_groups_defaults_are_one_rate(model):
    assert {lr for lr, _ in rates(model, layerwise_groups(model, lr=0.1)).values()} == {0.1}


def test_a_head_rate_of_zero_is_zero(model):
    found = rates(model, layerwise_groups(model, lr=0.1, head_lr=0.0))
    assert found["heads.sst.linear.weight"][0] == 0.0


def test_layerwise_groups_leave_out_what_is_frozen(model):
    model.freeze_encoder()
    found = rates(model, layerwise_groups(model, lr=0.1))
    assert found.keys() == {name for name, _ in model.named_parameters() if name.startswith("heads.")}
    model.freeze_encoder(False)
    model.encoder.layers[1].requires_grad_(False)
    found = rates(model, layerwise_groups(model, lr=0.1))
    assert not any(name.startswith("encoder.layers.1.") for name in found)
    assert any(name.startswith("encoder.layers.0.") for name in found)


@pytest.mark.gpu
def test_adamw_equals_torch_on_cuda():
    a, b = ([nn.Parameter(p.detach().cuda()) for p in parameters()] for _ in range(2))
    ours, theirs = AdamW(a, lr=0.1), torch.optim.AdamW(b, lr=0.1)
    generator = torch.Generator("cuda").manual_seed(0)
    for _ in range(25):
        for p, q in zip(a, b, strict=True):
            p.grad = torch.randn(p.shape, dtype=p.dtype, device="cuda", generator=generator)
            q.grad = p.grad.clone()
        ours.step()
        theirs.step()
    assert all((p - q).abs().max() < 1e-12 for p, q in zip(a, b, strict=True) if p.numel())
