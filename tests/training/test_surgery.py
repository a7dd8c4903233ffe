"""Training with gradient surgery: it changes what it should, resumes exactly, and fits with the rest of a run."""

from dataclasses import replace

import pytest
import torch

from mtlkit.data import RoundRobin, Summed, collate
from mtlkit.gradients import MGDA, ConflictLog, GradVac, PCGrad, Sum, Surgery, pcgrad
from mtlkit.gradients import bank as bank_module
from mtlkit.heads import ClassificationHead
from mtlkit.objectives import GradNorm, Static, Uncertainty
from mtlkit.tasks import SST
from mtlkit.training import Settings, train
from mtlkit.training.run import Run

TASKS = [SST, replace(SST, name="b"), replace(SST, name="c")]
SETTINGS = Settings(lr=2e-3, precision="float32")


@pytest.fixture(scope="module")
def data(tiny):
    """Three tasks of 42, 30 and 11 examples; each has a dev set of its own."""
    return (
        {"sst": tiny.train, "b": tiny.data(30, 3), "c": tiny.data(11, 4)},
        {name: tiny.data(12, seed) for seed, name in enumerate(("sst", "b", "c"), start=5)},
    )


@pytest.fixture
def model(tiny):
    def make(dropout=0.1, seed=0):
        made = tiny.model(seed, dropout)
        for name in ("b", "c"):
            made.heads[name] = ClassificationHead(16, 5, dropout)
        return made

    return make


@pytest.fixture(params=["flat", "compact"])
def table(request, monkeypatch):
    """The word table in the flat rows, or kept compact as a large one is."""
    monkeypatch.setattr(bank_module, "LARGE", 1000 if request.param == "flat" else 8)


def sizes(data):
    return {name: len(part) for name, part in data[0].items()}


def summed(data, epochs=2):
    return Summed(sizes(data), {"sst": 8, "b": 6, "c": 2}, epochs)


def fit(model, data, schedule=None, settings=SETTINGS, folder=None, **more):
    schedule = schedule or summed(data)
    return train(model, TASKS, *data, settings, folder, progress=False, schedule=schedule, **more)


def story(history):
    return (
        [(s.step, s.epoch, s.task, s.loss, s.lr) for s in history.steps],
        [(e.step, e.task, e.loss, e.score) for e in history.evaluations],
    )


def gradients_of_a_step(model, data, batches, settings=SETTINGS, surgery=None, weighting=None):
    """What AdamW would get, by name; clipping off."""
    run = Run(
        model, {t.name: t for t in TASKS}, *data, replace(settings, clip=1e9), None, summed(data, 1), weighting,
        surgery=surgery,
    )  # fmt: skip
    run.started, found = 0.0, {}
    run.optimizer.step = lambda: found.update(
        {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    )
    with run.table:
        run.update(batches)
    return found


BATCHES = {"sst": list(range(7)), "b": [3, 4, 9], "c": [5, 6]}


def test_surgery_that_only_sums_trains_as_without_surgery(model, data, table):
    plain, operated = model(), model()
    want = fit(plain, data, summed(data, 1))
    got = fit(operated, data, summed(data, 1), surgery=Surgery(operated.encoder, Sum()))
    for a, b in zip(want.steps, got.steps, strict=True):
        assert a.loss == pytest.approx(b.loss, abs=2e-4)
    first = [step.loss for step in want.steps[:3]]
    assert first == [step.loss for step in got.steps[:3]]


def test_a_step_with_pcgrad_is_the_papers_and_heads_get_their_own(model, data, table):
    made, hand = model(0.0), model(0.0)
    surgery = Surgery(made.encoder, PCGrad(order=[0, 1, 2]))
    found = gradients_of_a_step(made, data, BATCHES, surgery=surgery)
    named = dict(hand.encoder.named_parameters())
    rows, heads = [], {}
    for task in TASKS:
        batch = collate(data[0][task.name], BATCHES[task.name])
        loss = task.loss(hand(batch, task.name), batch.labels)
        head = dict(hand.heads[task.name].named_parameters(f"heads.{task.name}"))
        gradients = torch.autograd.grad(loss, [*named.values(), *head.values()], allow_unused=True)
        rows.append(gradients[: len(named)])
        heads |= dict(zip(head, gradients[len(named) :], strict=True))
    used = [n for n, name in enumerate(named) if rows[0][n] is not None]
    g = torch.stack([torch.cat([row[n].flatten() for n in used]) for row in rows]).double()
    C = pcgrad(g @ g.T, [[1, 2], [0, 2], [0, 1]])
    assert C.sum() > 3  # there is conflict
    operated = dict(zip(named, zip(*rows, strict=True), strict=True))
    for name, parts in operated.items():
        if parts[0] is None:
            assert f"encoder.{name}" not in found
        else:
            want = sum(w * part for w, part in zip(C.sum(0).float(), parts, strict=True))
            torch.testing.assert_close(found[f"encoder.{name}"], want, rtol=1e-4, atol=1e-6)
    for name, want in heads.items():
        torch.testing.assert_close(found[name], want, rtol=1e-4, atol=1e-6)


def test_loss_weights_act_before_surgery(model, data):
    """A task with weight 0 has a row of zeros, and one with weight 2 twice its own; learnt ones learn."""
    log = ConflictLog()
    for weights in ({"sst": 1, "b": 1, "c": 1}, {"sst": 1, "b": 2, "c": 0}):
        made = model(0.0)
        surgery = Surgery(made.encoder, PCGrad(), log=log)
        gradients_of_a_step(made, data, BATCHES, surgery=surgery, weighting=Static(weights))
    assert log.norms()[1] == pytest.approx(log.norms()[0] * [1, 2, 0], rel=1e-4)
    made, learnt = model(), Uncertainty(classification=["sst", "b", "c"])
    fit(made, data, summed(data, 1), surgery=Surgery(made.encoder), weighting=learnt)
    assert len(set(learnt.weights.values())) == 3


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pieces_of_a_batch_have_the_gradient_of_the_whole(model, data, table, size):
    found = []
    for micro_batch in (None, size):
        made = model(0.0)
        surgery = Surgery(made.encoder, PCGrad(order=[2, 0, 1]))
        settings = replace(SETTINGS, micro_batch=micro_batch)
        found.append(gradients_of_a_step(made, data, BATCHES, settings, surgery))
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-4, atol=1e-6)


class Killed(BaseException):
    pass


@pytest.mark.parametrize(("method", "step"), [(PCGrad, 9), (GradVac, 3)])
def test_a_run_killed_at_any_step_goes_on_as_if_it_had_not_been(
    model, data, tmp_path, monkeypatch, method, step
):
    """Bit for bit: history, weights, the orders that were drawn, and the conflict log."""
    settings = replace(SETTINGS, save_every=2)
    monkeypatch.setattr(bank_module, "LARGE", 8)

    def go(folder):
        made = model()
        surgery = Surgery(made.encoder, method(seed=3), log=ConflictLog())
        return fit(made, data, None, settings, folder, surgery=surgery), made, surgery

    want, expected, surgery = go(None)
    update = Run.update

    def dying(self, batches):
        if self.step == step:
            raise Killed
        return update(self, batches)

    monkeypatch.setattr(Run, "update", dying)
    with pytest.raises(Killed):
        go(tmp_path)
    monkeypatch.setattr(Run, "update", update)
    got, resumed, again = go(tmp_path)
    assert story(got) == story(want)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), expected.parameters(), strict=True))
    assert len(again.log) == len(want.frame().step.unique())
    states = [each.log.state_dict() | each.state_dict() for each in (surgery, again)]
    for name, tensor in states[0].items():
        torch.testing.assert_close(tensor, states[1][name], rtol=0, atol=0, equal_nan=True)


def test_other_surgery_is_another_run(model, data, tmp_path):
    def go(*arguments, **more):
        made = model()
        fit(made, data, summed(data, 1), folder=tmp_path, surgery=Surgery(made.encoder, *arguments, **more))

    go(PCGrad())
    go(PCGrad())
    for method, more in ((GradVac(), {}), (PCGrad(), dict(by_part=True)), (PCGrad(), dict(mean=True))):
        with pytest.raises(ValueError, match="another gradient surgery;"):
            go(method, **more)
    with pytest.raises(ValueError, match="another conflict log;"):
        go(PCGrad(), log=ConflictLog())
    with pytest.raises(ValueError, match="another gradient surgery;"):
        fit(model(), data, summed(data, 1), folder=tmp_path)


def test_the_log_has_the_losses_of_the_history_and_a_part_for_each_layer(model, data):
    made, log = model(), ConflictLog()
    history = fit(made, data, surgery=Surgery(made.encoder, PCGrad(), log=log))
    assert log.tasks == ["sst", "b", "c"]
    assert log.parts[:3] == ["embeddings", "layers.0", "layers.1"]
    frame = log.frame().sort_values(["step", "task"])
    steps = history.frame().sort_values(["step", "task"])
    assert frame.loss.tolist() == pytest.approx(steps.loss.tolist(), rel=1e-6)
    assert (frame.weight >= 1).all()


def test_steps_of_one_task_are_left_as_they_are(model, data):
    """A schedule that takes turns never has two gradients to compare."""
    plain, operated = model(), model()
    want = fit(plain, data, RoundRobin(sizes(data), 8, 1))
    got = fit(operated, data, RoundRobin(sizes(data), 8, 1), surgery=Surgery(operated.encoder))
    assert story(got)[0] == story(want)[0]


def test_frozen_layers_do_not_move(model, data):
    made = model()
    for p in made.encoder.embeddings.parameters():
        p.requires_grad_(False)
    before = made.encoder.embeddings.word.weight.clone()
    log = ConflictLog()
    fit(made, data, summed(data, 1), surgery=Surgery(made.encoder, MGDA(), log=log))
    assert torch.equal(made.encoder.embeddings.word.weight, before)
    assert "embeddings" not in log.parts


def test_gradnorm_is_refused_since_it_makes_one_loss_of_all(model, data):
    made = model()
    weighting = GradNorm(["sst", "b", "c"], made.encoder.layers[-1].parameters())
    with pytest.raises(ValueError, match="GradNorm makes one loss of all tasks"):
        fit(made, data, weighting=weighting, surgery=Surgery(made.encoder))


def test_a_gradient_that_is_not_finite_names_task_step_and_examples_and_spares_the_weights(model, data):
    def steep(outputs, labels):
        return (outputs - outputs.detach()).abs().sqrt().sum()  # 0, with an infinite slope

    made = model()
    before = [p.clone() for p in made.parameters()]
    tasks = [TASKS[0], replace(TASKS[1], loss=steep), TASKS[2]]
    with pytest.raises(FloatingPointError, match=r"the gradient of b is not finite at step 1 of task .*1-\d"):
        train(
            made, tasks, *data, SETTINGS, progress=False, schedule=summed(data), surgery=Surgery(made.encoder)
        )
    assert all(torch.equal(p, q) for p, q in zip(made.parameters(), before, strict=True))
    assert all(p.grad is None for p in made.parameters())
