"""The conflict log: what it says of a step is what the gradients themselves say, and it survives files and resumes."""

import math

import numpy as np
import pytest
import torch

from mtlkit.gradients import ConflictLog, PCGrad

PARTS = ["embeddings", "layers.0", "layers.1"]
SIZES = [5, 7, 4]


def gradients(K, step):
    random = torch.Generator().manual_seed(step)
    return [torch.randn(K, n, generator=random, dtype=torch.float64) * (1 + step) for n in SIZES]


def told(log, tasks, step, method=None):
    """Adds one step; returns its gradients, (K, n) of each part, and the weights."""
    method = method or PCGrad(seed=step)
    g = gradients(len(tasks), step)
    grams = torch.stack([part @ part.T for part in g])
    weights = method(grams.sum(0))
    log.add(tasks, PARTS, grams, weights, {name: step + k / 10 for k, name in enumerate(tasks)}, method)
    return g, weights


@pytest.fixture
def log():
    """Three steps: all tasks, two of them in another order, and one that comes later."""
    log = ConflictLog()
    log.truth = [
        (tasks, *told(log, tasks, step))
        for step, tasks in enumerate((["a", "b", "c"], ["c", "a"], ["b", "d", "a"]))
    ]
    return log


def same(one, other):
    assert one.tasks == other.tasks
    assert one.parts == other.parts
    assert len(one) == len(other)
    for name in ("grams", "weights", "losses", "coefficients", "orders"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name != "orders")


def test_cosines_and_norms_are_those_of_the_vectors_and_who_is_absent_is_nan(log):
    assert len(log) == 3
    assert log.tasks == ["a", "b", "c", "d"]
    for part in ("encoder", *PARTS):
        norms, cosines = log.norms(part), log.cosines(part)
        assert norms.shape == (3, 4)
        assert cosines.shape == (3, 4, 4)
        for s, (tasks, g, _) in enumerate(log.truth):
            rows = torch.cat(g, 1) if part == "encoder" else g[PARTS.index(part)]
            rows = dict(zip(tasks, rows, strict=True))
            for i, one in enumerate(log.tasks):
                if one not in rows:
                    assert math.isnan(norms[s, i])
                    assert np.isnan(cosines[s, i]).all()
                    assert np.isnan(cosines[s, :, i]).all()
                    continue
                assert norms[s, i] == pytest.approx(rows[one].norm().item(), rel=1e-5)
                for j, other in enumerate(log.tasks):
                    if other in rows:
                        want = torch.cosine_similarity(rows[one], rows[other], 0).item()
                        assert cosines[s, i, j] == pytest.approx(want, abs=1e-5)


def test_the_parts_grams_sum_to_the_encoders(log):
    np.testing.assert_allclose(sum(log.gram(part) for part in PARTS), log.gram(), rtol=1e-12)


def test_lengths_before_and_after_are_those_of_the_vectors(log):
    for part in ("encoder", *PARTS):
        before, after = log.lengths(part)
        for s, (_, g, weights) in enumerate(log.truth):
            rows = torch.cat(g, 1) if part == "encoder" else g[PARTS.index(part)]
            assert before[s] == pytest.approx(rows.sum(0).norm().item(), rel=1e-4)
            assert after[s] == pytest.approx((weights @ rows).norm().item(), rel=1e-4)


def test_a_conflict_is_a_negative_cosine_between_two_original_gradients(log):
    pairs = log.pairs(("encoder", "layers.0"))
    assert list(pairs) == ["step", "part", "task", "other", "cosine", "conflict"]
    assert (pairs.conflict == (pairs.cosine < 0)).all()
    whole = pairs[pairs.part == "encoder"].set_index(["step", "task", "other"])
    assert sorted(whole.index) == [
        (1, "a", "b"), (1, "a", "c"), (1, "b", "c"), (2, "a", "c"), (3, "a", "b"), (3, "a", "d"), (3, "b", "d"),
    ]  # fmt: skip
    (c, a) = torch.cat(log.truth[1][1], 1)
    assert whole.cosine[2, "a", "c"] == pytest.approx(torch.cosine_similarity(a, c, 0).item(), abs=1e-5)
    assert pairs.conflict.any()
    assert not pairs.conflict.all()


def test_the_frame_has_a_row_for_each_task_that_was_there(log):
    frame = log.frame(("encoder", "layers.1"))
    assert list(frame) == ["step", "part", "task", "loss", "norm", "weight", "before", "after"]
    rows = frame[frame.part == "encoder"].set_index(["step", "task"])
    assert list(rows.index) == [
        (1, "a"), (1, "b"), (1, "c"), (2, "a"), (2, "c"), (3, "a"), (3, "b"), (3, "d"),
    ]  # fmt: skip
    assert rows.loss[3, "d"] == pytest.approx(2.1)
    for s, (tasks, _, weights) in enumerate(log.truth):
        for name, weight in zip(tasks, weights.tolist(), strict=True):
            assert rows.weight[s + 1, name] == pytest.approx(weight, rel=1e-5)
    assert rows.after[1, "a"] == pytest.approx(log.lengths()[1][0])


def test_coefficients_and_orders_are_the_methods_by_the_tasks_places_in_the_log(log):
    log.add(["a", "b"], PARTS, torch.stack([torch.eye(2)] * 3), torch.ones(2))
    assert np.isnan(log.coefficients[3]).all()  # no method, nothing known
    method = PCGrad(order=[[1, 2], [2, 0], [0, 1]])
    told(log, ["d", "b", "a"], 7, method)
    a, b, d = 0, 1, 3
    assert log.orders[4].tolist() == [[d, b, -1], [a, d, -1], [-1, -1, -1], [b, a, -1]]
    C = log.coefficients[4]
    assert C[np.ix_([d, b, a], [d, b, a])] == pytest.approx(method.coefficients.numpy(), rel=1e-6)
    assert np.isnan(C[2]).all()


def test_a_part_that_comes_later_leaves_the_steps_before_it_as_they_were(log):
    """Layers may be unfrozen during a run."""
    before = log.gram(), log.frame(), log.pairs()
    log.add(["a", "b"], ["layers.2", "layers.0"], torch.stack([torch.eye(2)] * 2), torch.tensor([1.0, 2.0]))
    np.testing.assert_array_equal(log.gram()[:3], before[0])
    assert log.frame().query("step <= 3").reset_index(drop=True).equals(before[1])
    assert log.pairs().query("step <= 3").reset_index(drop=True).equals(before[2])
    assert log.norms()[3, :2] == pytest.approx([2**0.5, 2**0.5])
    assert np.isnan(log.norms("embeddings")[3]).all()
    assert log.frame().query("step == 4").weight.tolist() == [1, 2]


def test_weights_may_differ_by_part():
    log = ConflictLog()
    log.add(["a", "b"], ["x", "y"], torch.stack([torch.eye(2)] * 2), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert log.weights.tolist() == [[[1, 2], [3, 4]]]
    assert log.frame(("y",)).weight.tolist() == [3, 4]
    assert log.frame().weight.tolist() == [2, 3]
    assert log.lengths()[1][0] == pytest.approx(math.sqrt(1 + 4 + 9 + 16))


def test_a_gradient_of_zero_has_a_norm_but_no_cosine_and_is_in_no_conflict():
    log = ConflictLog()
    log.add(["a", "b"], ["x"], torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), torch.ones(2))
    assert log.norms().tolist() == [[1, 0]]
    assert np.isnan(log.cosines()[0, 1]).all()
    assert len(log.pairs()) == 0
    assert len(log.frame()) == 2


def test_one_task_has_no_pairs_and_an_empty_log_says_what_it_lacks():
    log = ConflictLog()
    with pytest.raises(AttributeError, match=r"no 'grams' \(yet\); it has no step"):
        log.grams  # noqa: B018
    assert len(log.pairs()) == 0
    log.add(["a"], ["x"], torch.ones(1, 1, 1), torch.ones(1))
    assert len(log.pairs()) == 0
    assert list(log.pairs()) == ["step", "part", "task", "other", "cosine", "conflict"]


# Kept


def test_saved_and_loaded_it_is_the_same_and_goes_on(log, tmp_path):
    log.save(tmp_path / "new" / "log.safetensors")
    again = ConflictLog.load(tmp_path / "new" / "log.safetensors")
    same(again, log)
    for each in (again, log):
        told(each, ["e", "b"], 9)
    same(again, log)
    assert again.pairs().equals(log.pairs())


@pytest.mark.parametrize("steps", [0, 3])
def test_its_state_goes_into_another(log, steps):
    full, other = log if steps else ConflictLog(), ConflictLog()
    told(other, ["x", "y"], 1)
    other.load_state_dict(full.state_dict())
    assert len(other) == steps
    if steps:
        same(other, log)
        state = log.state_dict()
        told(log, ["a", "b", "c"], 5)  # which leaves a state taken before as it is
        assert len(state["losses"]) == 3


def test_a_file_is_there_whole_or_not_at_all(log, tmp_path, monkeypatch):
    path = tmp_path / "log.safetensors"
    log.save(path)
    content = path.read_bytes()

    def half(tensors, file):
        file.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("mtlkit.gradients.conflict.save_file", half)
    told(log, ["a", "b"], 4)
    with pytest.raises(OSError, match="no space"):
        log.save(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "foreign", "other names"])
def test_a_damaged_file_is_refused_by_name(log, tmp_path, damage):
    from safetensors.torch import save_file

    path = tmp_path / "log.safetensors"
    log.save(path)
    if damage == "foreign":
        save_file({"x": torch.zeros(2)}, path)
    elif damage == "other names":
        save_file({"names": torch.zeros(2)}, path)
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "text": b"{}"}[damage])
    with pytest.raises(ValueError, match=r"log\.safetensors is not a conflict log"):
        ConflictLog.load(path)
    with pytest.raises(FileNotFoundError):
        ConflictLog.load(tmp_path / "nothing")


def test_ten_thousand_steps_of_three_tasks_and_eight_parts_take_half_a_kilobyte_each(tmp_path):
    log, method = ConflictLog(), PCGrad(order=[0, 1, 2])
    g = torch.randn(8, 3, 10, generator=torch.Generator().manual_seed(0))
    grams = g @ g.mT
    weights, parts, losses = (
        method(grams.sum(0)),
        [f"layers.{n}" for n in range(8)],
        dict(a=1.0, b=2.0, c=3.0),
    )
    for _ in range(10_000):
        log.add(["a", "b", "c"], parts, grams, weights, losses, method)
    log.save(tmp_path / "log")
    assert (tmp_path / "log").stat().st_size / 10_000 < 500
    assert sum(column.nbytes for column in log._columns.values()) / 10_000 < 1000
    assert len(log.pairs()) == 30_000
