"""Several tasks in one run: whose turn it is, what a step's gradient is, and that a stopped run goes on exactly."""

from dataclasses import replace

import pytest
import torch

from mtlkit.data import RoundRobin, Sampled, Sequential, Summed, annealed, collate, exposure
from mtlkit.heads import ClassificationHead
from mtlkit.objectives import GradNorm, Static, Uncertainty
from mtlkit.tasks import SST
from mtlkit.training import Settings, load_model, train
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


def sizes(data):
    return {name: len(part) for name, part in data[0].items()}


def fit(model, data, schedule, settings=SETTINGS, folder=None, **more):
    return train(model, TASKS, *data, settings, folder, progress=False, schedule=schedule, **more)


def story(history):
    return (
        [(s.step, s.epoch, s.task, s.loss, s.lr) for s in history.steps],
        [(e.step, e.task, e.loss, e.score) for e in history.evaluations],
    )


KINDS = [
    lambda n: Sequential(n, 8, 2),
    lambda n: RoundRobin(n, 8, 2),
    lambda n: Summed(n, {"sst": 8, "b": 6, "c": 2}, 2),
    lambda n: Sampled(n, 8, 2, alpha=annealed),
    lambda n: Summed(n, 8, 2, start={"c": 2}),
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_task_takes_the_steps_that_its_schedule_promised(model, data, kind):
    schedule = kind(sizes(data))
    history = fit(model(), data, schedule)
    taken = history.frame().groupby(["epoch", "task"]).size()
    promised = exposure(schedule).set_index(["epoch", "task"]).steps
    if not isinstance(schedule, Sampled):
        assert all(taken.get(key, 0) == steps for key, steps in promised.items())
    assert history.steps[-1].step == sum(schedule.steps(epoch) for epoch in (1, 2))
    assert [e.task for e in history.evaluations] == ["sst", "b", "c", "overall"] * 2


def test_a_summed_step_has_the_sum_of_the_tasks_gradients(model, data, monkeypatch):
    """Compared with one loss made by hand; weights double one and leave one out."""
    seen = {}
    monkeypatch.setattr(
        torch.optim.AdamW,
        "step",
        lambda self: seen.update(
            {id(p): p.grad.clone() for g in self.param_groups for p in g["params"] if p.grad is not None}
        ),
    )
    trained, hand = model(0.0), model(0.0)
    batches = {"sst": [0, 1, 2], "b": [3, 4], "c": [5]}
    weights = {"sst": 1.0, "b": 2.0, "c": 0.0}
    n = sizes(data)
    run = Run(
        trained, {t.name: t for t in TASKS}, *data, replace(SETTINGS, clip=1e9), None, Summed(n, 8, 1), Static(weights)
    )  # fmt: skip
    run.started = 0.0
    run.update(batches)
    total = 0
    for task in TASKS:
        batch = collate(data[0][task.name], batches[task.name])
        total = total + weights[task.name] * task.loss(hand(batch, task.name), batch.labels)
    total.backward()
    for (name, p), q in zip(trained.named_parameters(), hand.parameters(), strict=True):
        if q.grad is not None:
            torch.testing.assert_close(seen[id(p)], q.grad, msg=name)


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_pieces_of_a_batch_have_the_gradient_of_the_whole(model, data, size):
    """To 1e-6, also where the last piece and the last batch are short, and with a learnt weighting."""
    schedule = RoundRobin(sizes(data), 8, 1)
    whole, pieces = model(0.0), model(0.0)
    kinds = dict(classification=["sst", "b", "c"])
    one = fit(whole, data, schedule, weighting=Uncertainty(**kinds))
    other = fit(pieces, data, schedule, replace(SETTINGS, micro_batch=size), weighting=Uncertainty(**kinds))
    for a, b in zip(one.steps, other.steps, strict=True):
        assert a.loss == pytest.approx(b.loss, abs=2e-5)
    first = [s.loss for s in one.steps[:1]]
    assert first == pytest.approx([s.loss for s in other.steps[:1]], abs=1e-6)


def gradients(model, data, micro_batch):
    run = Run(
        model, {t.name: t for t in TASKS}, *data, replace(SETTINGS, micro_batch=micro_batch), None,
        Summed(sizes(data), 8, 1),
    )  # fmt: skip
    for name, index in {"sst": list(range(7)), "b": list(range(5))}.items():
        run.backward(name, index)
    return [None if p.grad is None else p.grad.clone() for p in model.parameters()]


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_accumulated_gradients_equal_those_of_the_big_batch(model, data, size):
    for a, b in zip(gradients(model(0.0), data, None), gradients(model(0.0), data, size), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


class Killed(BaseException):
    pass


def gradnorm(model):
    return GradNorm(["sst", "b", "c"], model.encoder.layers[-1].parameters(), lr=0.1)


def uncertainty(model):
    return Uncertainty(classification=["sst", "b", "c"])


@pytest.mark.parametrize("step", [1, 4, 7, 10])
@pytest.mark.parametrize(
    ("kind", "weigh"),
    [(KINDS[0], None), (KINDS[3], None), (KINDS[2], uncertainty), (KINDS[2], gradnorm)],
    ids=["sequential", "annealed", "summed-uncertainty", "summed-gradnorm"],
)
def test_a_run_killed_at_any_step_goes_on_as_if_it_had_not_been(
    model, data, tmp_path, monkeypatch, kind, weigh, step
):
    schedule = kind(sizes(data))
    settings = replace(SETTINGS, save_every=2)

    def go(folder):
        made = model()
        weighting = weigh(made) if weigh else None
        return fit(made, data, schedule, settings, folder, weighting=weighting), made, weighting

    want, expected, weighting = go(None)
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
    if weighting is not None:
        assert again.weights == weighting.weights
        assert len(set(weighting.weights.values())) > 1  # it has learnt


def test_a_task_has_the_same_batches_alone_and_in_company(model, data, monkeypatch):
    seen = []
    update = Run.update
    monkeypatch.setattr(Run, "update", lambda self, b: (seen.append(b), update(self, b))[1])
    train(
        model(),
        SST,
        data[0]["sst"],
        data[1]["sst"],
        replace(SETTINGS, epochs=2, batch_size=8),
        progress=False,
    )
    alone = [b["sst"] for b in seen]
    seen.clear()
    fit(model(), data, RoundRobin(sizes(data), 8, 2))
    assert [b["sst"] for b in seen if "sst" in b] == alone


def test_a_head_out_of_turn_does_not_move(model, data):
    """Its gradient is None, so neither momentum nor weight decay touches it."""
    made = model()
    before = made.heads["c"].linear.weight.detach().clone()
    names = [t for t in TASKS if t.name != "c"]
    parts = [{t.name: part[t.name] for t in names} for part in data]
    n = {name: len(part) for name, part in parts[0].items()}
    train(made, names, *parts, SETTINGS, progress=False, schedule=RoundRobin(n, 8, 1))
    assert torch.equal(made.heads["c"].linear.weight, before)


def test_the_overall_that_is_named_chooses_the_epoch(model, data, tmp_path):
    """By the negative step the first epoch is best, whatever the scores are."""
    count = iter(range(9))
    made = model()
    history = fit(
        made, data, RoundRobin(sizes(data), 8, 3), folder=tmp_path, overall=lambda scores: -float(next(count))
    )
    assert history.best.epoch == 1
    assert history.best.task == "overall"
    kept = load_model(tmp_path / "best.safetensors", model())
    assert kept["epoch"] == 1
    plain = fit(model(), data, RoundRobin(sizes(data), 8, 1))
    scores = plain.scores().set_index("task").score
    assert scores["overall"] == pytest.approx(scores[["sst", "b", "c"]].mean())


def test_what_does_not_belong_together_is_refused(model, data):
    with pytest.raises(ValueError, match="several tasks need a schedule"):
        fit(model(), data, None)
    with pytest.raises(ValueError, match="the schedule is for"):
        fit(model(), data, RoundRobin(dict(sizes(data), b=31), 8, 1))
    with pytest.raises(ValueError, match="no data for task 'c'"):
        fit(model(), ({k: v for k, v in data[0].items() if k != "c"}, data[1]), None)
    made = model()
    with pytest.raises(ValueError, match="GradNorm needs whole batches"):
        fit(made, data, KINDS[2](sizes(data)), replace(SETTINGS, micro_batch=2), weighting=gradnorm(made))
    with pytest.raises(ValueError, match="micro_batch is at least 1"):
        replace(SETTINGS, micro_batch=0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (dict(schedule=lambda n: RoundRobin(n, 8, 2, order=["c", "b", "sst"])), "schedule"),
        (dict(schedule=lambda n: RoundRobin(n, {"sst": 8, "b": 8, "c": 4}, 2)), "batch sizes"),
        (dict(weighting=Static({"sst": 1, "b": 3, "c": 1})), "loss weighting"),
    ],
    ids=["order", "batch size", "weights"],
)
def test_a_checkpoint_of_another_schedule_or_weighting_is_refused(model, data, tmp_path, change, named):
    """Also where only the order of the tasks or a weight differs, which no number of steps gives away."""
    mine = dict(schedule=lambda n: RoundRobin(n, 8, 2), weighting=Static({"sst": 1, "b": 2, "c": 1}))
    first, second = (dict(part, schedule=part["schedule"](sizes(data))) for part in (mine, mine | change))
    fit(model(), data, folder=tmp_path, **first)
    with pytest.raises(ValueError, match=f"another .*{named}"):
        fit(model(), data, folder=tmp_path, **second)


def test_looks_can_come_more_often_than_epochs_and_always_at_the_end(model, data):
    schedule = Sequential(sizes(data), 8, 1)
    total = schedule.steps(1)
    history = fit(model(), data, schedule, replace(SETTINGS, look_every=4))
    looks = [e.step for e in history.evaluations if e.task == "overall"]
    assert looks == sorted({*range(4, total + 1, 4), total})
    with pytest.raises(ValueError, match="look_every is at least 1 step, not 0"):
        Settings(look_every=0)
