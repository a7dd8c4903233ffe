"""The bank: each task's row is autograd's gradient of its loss, whatever the model, and nothing else is moved."""

import pytest
import torch
from torch import nn

from mtlkit.gradients import Bank, part_of
from mtlkit.gradients import bank as bank_module

TASKS = ["a", "b", "c"]


class Model(nn.Module):
    """An encoder of two parts with a table, and a head a task; `lonely` is used by no task."""

    def __init__(self, rows=12, sparse=False, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Module()
        self.encoder.table = nn.Embedding(rows, 4, padding_idx=0, sparse=sparse)
        self.encoder.layers = nn.ModuleList([nn.Linear(4, 5), nn.Linear(5, 3)])
        self.encoder.lonely = nn.Linear(3, 3)
        self.heads = nn.ModuleDict({name: nn.Linear(3, 1) for name in TASKS})

    def loss(self, name, ids):
        first, second = self.encoder.layers
        hidden = torch.tanh(second(torch.tanh(first(self.encoder.table(ids).mean(1)))))
        return self.heads[name](hidden).square().mean() + self.heads[name](hidden).mean()


def batches(rows=12, size=6):
    random = torch.Generator().manual_seed(1)
    return {name: torch.randint(0, rows, (size, 5), generator=random) for name in TASKS}


def fill(bank, model, data):
    for name, ids in data.items():
        with bank.task(name):
            model.loss(name, ids).backward()


def by_autograd(model, name, ids, parameters=None):
    """The gradient of a task's loss for the encoder's parameters, by name, or None."""
    named = dict((parameters or model.encoder).named_parameters())
    found = torch.autograd.grad(model.loss(name, ids), list(named.values()), allow_unused=True)
    return {key: g if g is None else g.to_dense() for key, g in zip(named, found, strict=True)}


def dense(grad):
    return grad.to_dense() if grad.is_sparse else grad


@pytest.fixture(params=["flat", "compact", "compact sparse"])
def model(request, monkeypatch):
    """The table in the flat rows, or kept compact as a large one is, with dense or sparse gradients."""
    monkeypatch.setattr(bank_module, "LARGE", 1000 if request.param == "flat" else 8)
    return Model(sparse="sparse" in request.param)


# Rows


def test_rows_are_autograds_gradients_and_zero_where_it_has_none(model):
    bank, data = Bank(model.encoder), batches()
    fill(bank, model, data)
    for name, ids in data.items():
        row = bank.row(name)
        for key, want in by_autograd(model, name, ids).items():
            torch.testing.assert_close(
                row[key], torch.zeros_like(row[key]) if want is None else want, msg=key
            )


def test_the_sum_is_the_summed_losss_gradient_and_heads_have_their_ordinary_own(model):
    bank, data = Bank(model.encoder), batches()
    fill(bank, model, data)
    bank.write(torch.ones(3))
    got = {key: None if p.grad is None else dense(p.grad).clone() for key, p in model.named_parameters()}
    model.zero_grad()
    sum(model.loss(name, ids) for name, ids in data.items()).backward()
    for key, p in model.named_parameters():
        if p.grad is None:
            assert got[key] is None
        else:
            torch.testing.assert_close(got[key], dense(p.grad), msg=key)


def test_inside_a_block_and_after_it_no_shared_gradient_is_left_in_memory(model):
    bank = Bank(model.encoder)
    fill(bank, model, batches())
    assert all(p.grad is None for p in model.encoder.parameters())
    assert all(p.grad is not None for p in model.heads.parameters())


def test_weights_of_one_give_the_sum_of_the_rows_in_the_tasks_order_to_the_last_bit(model):
    bank = Bank(model.encoder)
    fill(bank, model, batches())
    rows = [bank.row(name) for name in TASKS]
    bank.write(torch.ones(3))
    for key, p in model.encoder.named_parameters():
        if p.grad is not None:
            assert torch.equal(dense(p.grad), rows[0][key] + rows[1][key] + rows[2][key])


def test_mean_is_the_sum_over_T_to_the_last_bit(model):
    bank = Bank(model.encoder)
    fill(bank, model, batches())
    bank.write(torch.ones(3))
    whole = {key: dense(p.grad).clone() for key, p in model.encoder.named_parameters() if p.grad is not None}
    bank.write(torch.ones(3), divide=3)
    for key, p in model.encoder.named_parameters():
        if p.grad is not None:
            assert torch.equal(dense(p.grad), whole[key] / 3)


def test_any_weights_combine_the_rows_and_each_part_can_have_its_own(model):
    bank = Bank(model.encoder)
    fill(bank, model, batches())
    rows = [bank.row(name) for name in TASKS]
    weights = torch.randn(len(bank.parts), 3, generator=torch.Generator().manual_seed(0))
    for given in (weights, weights[0], weights.double()):
        bank.write(given)
        for key, p in model.encoder.named_parameters():
            if p.grad is not None:
                own = given if given.ndim == 1 else given[bank.parts.index(part_of(key))]
                want = sum(w * row[key] for w, row in zip(own.float(), rows, strict=True))
                torch.testing.assert_close(dense(p.grad), want)


def test_gram_matrices_are_those_of_the_parts_and_sum_to_the_whole(model):
    bank = Bank(model.encoder)
    fill(bank, model, batches())
    grams = bank.gram()
    assert bank.parts == ["table", "layers.0", "layers.1", "lonely"]
    assert grams.dtype == torch.float64
    rows = [bank.row(name) for name in TASKS]
    for part, gram in zip(bank.parts, grams, strict=True):
        flat = torch.stack(
            [torch.cat([g.flatten() for k, g in r.items() if part_of(k) == part]) for r in rows]
        )
        torch.testing.assert_close(gram, (flat.double() @ flat.double().T), rtol=1e-5, atol=1e-9)
    flat = torch.stack([torch.cat([g.flatten() for g in row.values()]) for row in rows]).double()
    torch.testing.assert_close(grams.sum(0), flat @ flat.T, rtol=1e-5, atol=1e-9)


def test_rows_longer_than_a_chunk_are_the_same_as_in_one_piece(monkeypatch):
    model, found = Model(), []
    for chunk in (7, 2**16):
        monkeypatch.setattr(bank_module, "CHUNK", chunk)
        bank = Bank(model.encoder)
        fill(bank, model, batches())
        bank.write(torch.tensor([1.0, 0.5, 2.0]))
        found.append((bank.gram(), model.encoder.layers[0].weight.grad.clone()))
    torch.testing.assert_close(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("layers.3.attention.query.weight", "layers.3"),
        ("embeddings.word.weight", "embeddings"),
        ("encoder.layer.11.output.dense.bias", "encoder.layer.11"),
        ("0.weight", "0"),
        ("weight", "weight"),
    ],
)
def test_a_parameter_belongs_to_the_part_that_its_name_says(name, part):
    assert part_of(name) == part


# What is not there


def test_what_no_task_used_keeps_none_and_weight_decay_does_not_move_it(model):
    bank, data = Bank(model.encoder), batches()
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p is not model.encoder.table.weight], weight_decay=0.5
    )
    lonely, head = model.encoder.lonely.weight.clone(), model.heads["c"].weight.clone()
    used = model.encoder.layers[0].weight.clone()
    for _ in range(2):
        fill(bank, model, {name: data[name] for name in "ab"})
        bank.write(torch.ones(2))
        bank.clear()
        assert model.encoder.lonely.weight.grad is None
        assert model.heads["c"].weight.grad is None
        optimizer.step()
        optimizer.zero_grad()
    assert torch.equal(model.encoder.lonely.weight, lonely)
    assert torch.equal(model.heads["c"].weight, head)
    assert not torch.equal(model.encoder.layers[0].weight, used)


def test_a_parameter_used_only_in_the_step_before_is_none_again(model):
    bank = Bank(model.encoder)
    fill(bank, model, {"a": batches()["a"]})
    bank.write(torch.ones(1))
    bank.clear()
    with bank.task("a"):
        model.encoder.lonely(torch.ones(3)).sum().backward()
    bank.write(torch.ones(1))
    assert model.encoder.lonely.weight.grad is not None
    assert model.encoder.layers[0].weight.grad is None
    assert model.encoder.table.weight.grad is None
    assert not bank.row("a")["layers.0.weight"].any()


def test_frozen_parameters_stay_out_until_they_are_unfrozen(model):
    bank, data, first = Bank(model.encoder), batches(), model.encoder.layers[0]
    for frozen in (True, False, True):
        first.requires_grad_(not frozen)
        bank.clear()
        fill(bank, model, data)
        assert ("layers.0" in bank.parts) != frozen
        assert len(bank.gram()) == len(bank.parts)
        bank.write(torch.ones(3))
        assert (first.weight.grad is None) == frozen
        first.requires_grad_()
        want = by_autograd(model, "a", data["a"])
        for key, row in bank.row("a").items():
            torch.testing.assert_close(row, torch.zeros_like(row) if want[key] is None else want[key])
        first.weight.grad = first.bias.grad = None


def test_a_task_that_reaches_nothing_shared_has_a_row_of_zeros(model):
    bank = Bank(model.encoder)
    fill(bank, model, {"a": batches()["a"]})
    with bank.task("b"):
        model.heads["b"](torch.ones(3)).sum().backward()
    with bank.task("c"):
        pass
    assert not any(row.any() for name in "bc" for row in bank.row(name).values())
    assert bank.gram()[:, 1:].abs().sum() == 0
    assert model.heads["b"].weight.grad.tolist() == [[1, 1, 1]]
    bank.write(torch.ones(3))
    assert torch.equal(model.encoder.layers[0].weight.grad, bank.row("a")["layers.0.weight"])


def test_nothing_to_share_is_an_error():
    with pytest.raises(ValueError, match="no shared parameters"):
        Bank(nn.Tanh())
    with pytest.raises(ValueError, match="no shared parameters"):
        Bank({})
    layer = nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="every shared parameter is frozen"), Bank(layer).task("a"):
        pass


def test_the_row_of_a_task_without_a_block_is_an_error(model):
    bank = Bank(model.encoder)
    fill(bank, model, {"a": batches()["a"]})
    with pytest.raises(ValueError, match="'b'"):
        bank.row("b")


# Blocks


@pytest.mark.parametrize("interleaved", [False, True])
def test_blocks_of_one_task_add_up_to_the_big_batch(model, interleaved):
    """Gradient accumulation: also when tasks take turns, and with two backward passes in one block."""
    bank, data = Bank(model.encoder), batches()
    pieces = [(name, ids[i : i + 2]) for name, ids in data.items() for i in (0, 2, 4)]
    for name, ids in pieces[::2] + pieces[1::2] if interleaved else pieces:
        with bank.task(name):
            (model.loss(name, ids) / 6).backward()
            (model.loss(name, ids) / 6).backward()
    for name, ids in data.items():
        row = bank.row(name)
        for key, want in by_autograd(model, name, ids).items():
            if want is not None:
                torch.testing.assert_close(row[key], want)
    assert sorted(bank.tasks) == TASKS


def test_tasks_may_share_one_graph(model):
    bank, ids = Bank(model.encoder), batches()["a"]
    first, second = model.encoder.layers
    hidden = second(first(model.encoder.table(ids).mean(1)))
    losses = {name: model.heads[name](hidden).mean() for name in TASKS}
    for name, loss in losses.items():
        with bank.task(name):
            loss.backward(retain_graph=name != "c")
    for name in TASKS:
        alone = model.heads[name](second(first(model.encoder.table(ids).mean(1)))).mean()
        (want,) = torch.autograd.grad(alone, first.weight)
        torch.testing.assert_close(bank.row(name)["layers.0.weight"], want)


def test_after_an_error_inside_a_block_the_bank_is_clear_and_no_gradient_is_left(model):
    bank, data = Bank(model.encoder), batches()
    fill(bank, model, {"a": data["a"]})

    def stop():
        model.loss("b", data["b"]).backward()
        raise KeyError

    with pytest.raises(KeyError), bank.task("b"):
        stop()
    assert bank.tasks == []
    assert all(p.grad is None for p in model.encoder.parameters())
    model.loss("a", data["a"]).backward()  # and its hooks are gone
    assert model.encoder.layers[0].weight.grad is not None
    fill(bank, model, {"b": data["b"]})
    torch.testing.assert_close(
        bank.row("b")["layers.0.weight"], by_autograd(model, "b", data["b"])["layers.0.weight"]
    )


def test_a_block_inside_another_is_an_error(model):
    bank, data = Bank(model.encoder), batches()
    with pytest.raises(AssertionError, match="inside another's"), bank.task("a"), bank.task("b"):
        model.loss("b", data["b"]).backward()
    assert bank.tasks == []


def test_what_was_in_grad_before_is_replaced(model):
    bank, data = Bank(model.encoder), batches()
    model.encoder.layers[0].weight.grad = torch.full((5, 4), 100.0)
    fill(bank, model, data)
    bank.write(torch.ones(3))
    assert model.encoder.layers[0].weight.grad.abs().max() < 10


def test_tasks_may_come_late_stay_away_and_change_their_order(model):
    bank, data = Bank(model.encoder), batches()
    for names in (["a"], ["a", "b"], ["c", "b", "a"], ["b"]):
        bank.clear()
        fill(bank, model, {name: data[name] for name in names})
        assert bank.tasks == names
        for name in names:
            want = by_autograd(model, name, data[name])["layers.1.weight"]
            torch.testing.assert_close(bank.row(name)["layers.1.weight"], want)


def test_gradients_can_be_clipped_after_surgery():
    model, data = Model(), batches()
    bank = Bank(model.encoder)
    fill(bank, model, data)
    bank.write(torch.ones(3))
    before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    after = [p.grad for p in model.parameters() if p.grad is not None]
    assert norm.item() == pytest.approx(sum(g.square().sum().item() for g in before) ** 0.5, rel=1e-5)
    for g, clipped in zip(before, after, strict=True):
        torch.testing.assert_close(clipped, g * 0.1 / norm, rtol=1e-4, atol=1e-7)


# Models of other kinds


def test_float64_models_have_float64_rows_also_when_they_become_so(model):
    bank, data = Bank(model.encoder), batches()
    fill(bank, model, data)
    bank.clear()
    model.double()
    fill(bank, model, data)
    for key, want in by_autograd(model, "a", data["a"]).items():
        if want is not None:
            torch.testing.assert_close(bank.row("a")[key], want, rtol=1e-12, atol=1e-14)
    bank.write(torch.ones(3))
    assert dense(model.encoder.table.weight.grad).dtype == torch.float64


def test_bfloat16_models_have_float32_rows_and_bfloat16_gradients():
    model, data = Model().bfloat16(), batches()
    bank = Bank(model.encoder)
    fill(bank, model, data)
    assert bank.row("a")["layers.0.weight"].dtype == torch.float32
    bank.write(torch.ones(3))
    assert model.encoder.layers[0].weight.grad.dtype == torch.bfloat16


def test_under_autocast_rows_are_what_autograd_gives_there(model):
    bank, data = Bank(model.encoder), batches()
    for name, ids in data.items():
        with bank.task(name):
            with torch.autocast("cpu", torch.bfloat16):
                loss = model.loss(name, ids)
            loss.backward()
    for name, ids in data.items():
        with torch.autocast("cpu", torch.bfloat16):
            want = by_autograd(model, name, ids)
        for key, gradient in want.items():
            if gradient is not None:
                torch.testing.assert_close(bank.row(name)[key], gradient)
    outside = bank.gram()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(bank.gram(), outside)  # dot products are never in bfloat16


def test_tied_parameters_have_one_place_with_both_uses():
    torch.manual_seed(0)
    model = nn.ModuleDict({"table": nn.Embedding(9, 4), "out": nn.Linear(4, 9, bias=False)})
    model["out"].weight = model["table"].weight
    for large in (1000, 5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bank_module, "LARGE", large)
            bank = Bank(model)
        assert list(bank.shared) == ["table.weight"]
        with bank.task("a"):
            model["out"](model["table"](torch.tensor([1, 2]))).square().sum().backward()
        loss = model["out"](model["table"](torch.tensor([1, 2]))).square().sum()
        (want,) = torch.autograd.grad(loss, model["table"].weight)
        torch.testing.assert_close(bank.row("a")["table.weight"], want)
        bank.write(torch.ones(1))
        torch.testing.assert_close(model["table"].weight.grad, want)


@pytest.mark.parametrize("sparse", [False, True])
def test_of_a_large_table_only_what_was_read_is_kept_and_the_numbers_are_the_same(sparse):
    data = {name: ids * 400 + 1 for name, ids in batches().items()}
    large, plain = Model(rows=5000, sparse=sparse), Model(rows=5000)
    bank, other = Bank(large.encoder), Bank(dict(plain.encoder.named_parameters()))
    assert large.encoder.table.num_embeddings >= bank_module.LARGE
    fill(bank, large, data)
    fill(other, plain, data)
    assert bank.rows.numel() < 500 < 60_000 < other.rows.numel()
    torch.testing.assert_close(bank.gram(), other.gram(), rtol=1e-5, atol=1e-9)
    weights = torch.tensor([1.0, 0.5, 2.0])
    bank.write(weights)
    other.write(weights)
    grad = large.encoder.table.weight.grad
    assert grad.is_sparse == sparse
    torch.testing.assert_close(dense(grad), plain.encoder.table.weight.grad)


def test_a_sparse_and_a_dense_table_side_by_side_keep_their_kinds(monkeypatch):
    monkeypatch.setattr(bank_module, "LARGE", 8)
    for first in (True, False):
        tables = nn.ModuleList([nn.Embedding(10, 2, sparse=first), nn.Embedding(10, 2, sparse=not first)])
        bank = Bank(tables)
        with bank.task("a"):
            sum(table(torch.tensor([1, 3])).square().sum() for table in tables).backward()
        bank.write(torch.ones(1))
        assert [table.weight.grad.is_sparse for table in tables] == [first, not first]


def test_a_gradient_that_is_not_finite_in_a_large_table_is_seen(model):
    bank = Bank(model.encoder)
    with bank.task("a"):
        (model.encoder.table(torch.tensor([3])).sum() * float("nan")).backward()
    assert bank.gram().isnan().any()


def test_kernels_in_another_memory_order_and_single_numbers_are_parameters_too():
    torch.manual_seed(0)
    module = nn.Module()
    module.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    module.scale = nn.Parameter(torch.tensor(2.0))
    images = torch.randn(2, 3, 8, 8)
    bank = Bank(module)
    for name in ("a", "b"):
        with bank.task(name):
            (module.scale * module.conv(images).square().mean()).backward()
    bank.write(torch.ones(2))
    want = torch.autograd.grad(
        2 * module.scale * module.conv(images).square().mean(), list(module.parameters())
    )
    for p, gradient in zip(module.parameters(), want, strict=True):
        torch.testing.assert_close(p.grad, gradient)
