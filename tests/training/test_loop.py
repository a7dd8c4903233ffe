"""The training loop on a tiny BERT: it learns, restores the best, evaluates without side effects, stops on nonsense."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mtlkit.data import Sequential, collate, plan
from mtlkit.tasks import SST
from mtlkit.training import Settings, evaluate, linear_warmup, load_model, predict, train
from mtlkit.training.run import Run

SETTINGS = Settings(epochs=2, batch_size=8, lr=2e-3, precision="float32")


def fit(model, tiny, task=SST, **changes):
    return train(model, task, tiny.train, tiny.dev, replace(SETTINGS, **changes), progress=False)


def weights(module) -> dict:
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def equal(a: dict, b: dict) -> bool:
    return all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_it_learns(tiny):
    model = tiny.model(dropout=0.0)
    history = train(
        model,
        SST,
        tiny.data(300, 3),
        tiny.dev,
        replace(SETTINGS, epochs=5, lr=1e-2, head_lr=None, batch_size=16),
        progress=False,
    )
    losses = history.frame()["loss"]
    assert losses[:5].mean() > 1.5  # chance is log 5 = 1.61
    assert losses[-5:].mean() < 0.3
    assert history.best.score >= 0.9
    assert evaluate(model, SST, tiny.dev) == (pytest.approx(history.best.loss), history.best.score)


def test_a_frozen_encoder_does_not_move_has_no_dropout_and_its_head_learns(tiny):
    model = tiny.model(dropout=0.5).freeze_encoder()
    before, head = weights(model.encoder), weights(model.heads)
    seen = []
    model.encoder.register_forward_hook(lambda module, *_: seen.append(module.training))
    fit(model, tiny, epochs=1)
    assert equal(weights(model.encoder), before)
    assert not equal(weights(model.heads), head)
    assert seen
    assert not any(seen)
    assert all(p.grad is None for p in model.encoder.parameters())


def test_full_fine_tuning_moves_every_part_with_dropout(tiny):
    model = tiny.model()
    before = weights(model)
    modes = []
    model.encoder.register_forward_hook(
        lambda module, *_: modes.append((module.training, torch.is_grad_enabled()))
    )
    fit(model, tiny, epochs=1)
    after = weights(model)
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert all(name.startswith("encoder.pooler") for name in still)  # mean pooling does not use it
    assert modes == [(True, True)] * 6 + [(False, False)]


def test_the_best_weights_are_restored_not_the_last(tiny, monkeypatch, tmp_path):
    """A metric that likes the second of three evaluations best."""
    for folder in (None, tmp_path):
        scores, snapshots = iter([0.2, 0.9, 0.9]), []
        task = replace(SST, metric=lambda *_, scores=scores: next(scores))
        look = Run.look

        def keep(self, bar, snapshots=snapshots, look=look):
            snapshots.append(weights(self.model))
            look(self, bar)

        with monkeypatch.context() as patch:
            patch.setattr(Run, "look", keep)
            model = tiny.model()
            history = train(
                model, task, tiny.train, tiny.dev, replace(SETTINGS, epochs=3), folder, progress=False
            )
        assert [e.score for e in history.evaluations] == [0.2, 0.9, 0.9]
        assert history.best is history.evaluations[1]  # the first of equals
        assert equal(weights(model), snapshots[1])
        assert not equal(weights(model), snapshots[2])
        assert not model.training
    again = tiny.model(seed=5)
    assert load_model(tmp_path / "best.safetensors", again)["score"] == 0.9
    assert equal(weights(again), snapshots[1])


def test_history_has_a_row_a_step_and_a_row_an_epoch(tiny):
    history = fit(tiny.model(), tiny, epochs=3)
    steps, scores = history.frame(), history.scores()
    assert list(steps.columns) == ["step", "epoch", "task", "loss", "lr", "seconds"]
    assert list(scores.columns) == ["step", "epoch", "task", "loss", "score", "seconds"]
    assert steps["step"].tolist() == list(range(1, 19))
    assert steps["epoch"].tolist() == [1] * 6 + [2] * 6 + [3] * 6
    assert scores[["step", "epoch"]].values.tolist() == [[6, 1], [12, 2], [18, 3]]
    assert set(steps["task"]) == set(scores["task"]) == {"sst"}
    assert steps["lr"].tolist() == [2e-3 * linear_warmup(step, 18, 2) for step in range(18)]
    assert steps["seconds"].is_monotonic_increasing
    assert scores["seconds"].iloc[-1] >= steps["seconds"].iloc[-1] > 0
    assert not history.interrupted


def test_an_epoch_sees_every_example_once_and_two_epochs_differ(tiny, monkeypatch):
    seen = []
    update = Run.update
    monkeypatch.setattr(Run, "update", lambda self, b: (seen.append(b["sst"]), update(self, b))[1])
    fit(tiny.model(), tiny)
    first, second = ([i for index in half for i in index] for half in (seen[:6], seen[6:]))
    assert sorted(first) == sorted(second) == list(range(42))
    assert first != second


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny):
    runs = [fit(tiny.model(), tiny, seed=seed).frame()["loss"].tolist() for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_predictions_are_in_the_data_order_and_do_not_depend_on_the_batches(tiny):
    model = tiny.model()
    outputs = predict(model, SST, tiny.dev)
    assert outputs.shape == (20, 5)
    assert not outputs.requires_grad
    for i, row in enumerate(tiny.dev.rows[0]):
        batch = replace(
            tiny.dev, rows=([row],), types=([[0] * len(row)],), labels=[tiny.dev.labels[i]], ids=["x"]
        )
        assert torch.allclose(predict(model, SST, batch)[0], outputs[i], atol=1e-6)
    assert torch.allclose(predict(model, SST, tiny.dev, batch_size=3), outputs, atol=1e-6)
    assert outputs.std(0).min() > 1e-4  # the rows do differ


@pytest.mark.parametrize("mode", [True, False])
def test_evaluation_has_no_dropout_and_puts_the_mode_back(tiny, mode):
    model = tiny.model(dropout=0.5).train(mode)
    rng = torch.get_rng_state()
    assert evaluate(model, SST, tiny.dev) == evaluate(model, SST, tiny.dev)
    assert model.training is mode
    assert model.encoder.layers[0].attention.training is mode
    assert torch.equal(torch.get_rng_state(), rng)
    broken = replace(SST, name="no such head")
    with pytest.raises(KeyError):
        predict(model, broken, tiny.dev)
    assert model.training is mode  # also after an error


def test_evaluation_is_of_the_whole_set(tiny):
    """Not a mean of batch means: 20 examples in batches of 8, 8 and 4."""
    model = tiny.model()
    loss, score = evaluate(model, SST, tiny.dev, batch_size=8)
    outputs, labels = predict(model, SST, tiny.dev), torch.tensor(tiny.dev.labels)
    assert loss == pytest.approx(nn.functional.cross_entropy(outputs, labels).item(), rel=1e-5)
    assert score == (outputs.argmax(-1) == labels).sum().item() / 20


def updates(tiny, monkeypatch, **changes):
    """The gradients' norms as AdamW sees them."""
    norms = []
    step = torch.optim.AdamW.step

    def seen(self, *args):
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        norms.append(torch.cat([g.flatten() for g in grads]).norm().item())
        return step(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", seen)
    fit(tiny.model(), tiny, epochs=1, **changes)
    return norms


def test_gradients_are_clipped_to_the_norm_together(tiny, monkeypatch):
    free = updates(tiny, monkeypatch, clip=1e9)
    assert min(free) > 0.02
    clipped = updates(tiny, monkeypatch, clip=0.02)
    assert clipped == pytest.approx([0.02] * 6, rel=1e-3)


def test_gradients_do_not_add_up_from_step_to_step(tiny):
    """A first step's gradient left over in the second would change its update: compare with a loop by hand."""
    model, hand = tiny.model(dropout=0.0), tiny.model(dropout=0.0)
    settings = replace(SETTINGS, epochs=1, warmup=0.0, weight_decay=0.0, head_lr=None, clip=1e9)
    index = []
    schedule = Sequential({"sst": len(tiny.train)}, 8, 1)
    run = Run(model, {"sst": SST}, {"sst": tiny.train}, {"sst": tiny.dev}, settings, None, schedule)
    run.started = 0.0
    optimizer = torch.optim.AdamW(hand.parameters(), lr=2e-3, weight_decay=0.0)
    for step, index in enumerate(plan(tiny.train.lengths, 8, None)):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 - step / 6)
        batch = collate(tiny.train, index)
        loss = nn.functional.cross_entropy(hand(batch, "sst"), batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert run.update({"sst": index})["sst"] == pytest.approx(loss.item(), abs=1e-5)
    for (name, p), q in zip(model.named_parameters(), hand.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-4), name


def test_a_loss_that_is_not_finite_stops_before_it_does_harm(tiny, monkeypatch):
    count = [0]

    def loss(outputs, labels):
        count[0] += 1
        return SST.loss(outputs, labels) * (float("nan") if count[0] == 4 else 1)

    model, snapshots = tiny.model(), []
    update = Run.update
    index = []

    def keep(self, i):
        snapshots.append(weights(self.model))
        index[:] = i["sst"]
        return update(self, i)

    monkeypatch.setattr(Run, "update", keep)
    with pytest.raises(FloatingPointError, match="loss is nan at step 4 of task sst") as caught:
        fit(model, tiny, task=replace(SST, loss=loss))
    assert all(f"1-{i}" in str(caught.value) for i in index[:3])
    assert equal(weights(model), snapshots[-1])


class InfiniteSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * float("inf")


def test_a_gradient_that_is_not_finite_stops_as_well(tiny):
    """A finite loss with an infinite slope: clipping would turn every weight into nan."""
    model = tiny.model()
    before = weights(model)
    task = replace(SST, loss=lambda outputs, labels: SST.loss(InfiniteSlope.apply(outputs), labels))
    with pytest.raises(FloatingPointError, match=r"gradient's norm is (nan|inf) at step 1 of task sst"):
        fit(model, tiny, task=task)
    assert equal(weights(model), before)


@pytest.mark.parametrize(
    "bad",
    [
        dict(epochs=0),
        dict(batch_size=0),
        dict(warmup=-0.1),
        dict(warmup=1.5),
        dict(clip=0.0),
        dict(save_every=0),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Settings(**bad)


def test_what_cannot_be_trained_is_refused(tiny):
    unlabelled = replace(tiny.train, labels=None)
    with pytest.raises(ValueError, match="no labels"):
        train(tiny.model(), SST, unlabelled, tiny.dev, SETTINGS, progress=False)
    with pytest.raises(ValueError, match="no labels"):
        evaluate(tiny.model(), SST, unlabelled)
    with pytest.raises(ValueError, match="nothing to train"):
        fit(tiny.model().requires_grad_(False), tiny)
    with pytest.raises(ValueError, match="precision"):
        fit(tiny.model(), tiny, precision="float16")
    long = replace(tiny.train, rows=([[2] * 17] * 42,), types=([[0] * 17] * 42,))
    with pytest.raises(ValueError, match="positions"):
        train(tiny.model(), SST, long, tiny.dev, SETTINGS, progress=False)


def test_a_bfloat16_run_is_close_to_float32(tiny):
    first, second = (
        fit(tiny.model(dropout=0.0), tiny, precision=precision).frame()["loss"]
        for precision in ("float32", "bfloat16")
    )
    assert not first.equals(second)  # it did run in another precision
    assert (first - second).abs().max() < 0.03


def test_bfloat16_keeps_weights_gradients_and_losses_in_float32(tiny):
    model, outputs = tiny.model(), []
    task = replace(SST, loss=lambda out, labels: (outputs.append(out), SST.loss(out, labels))[1])
    model.heads["sst"].linear.register_forward_hook(lambda m, i, out: outputs.append(out))
    fit(model, tiny, task=task, epochs=1, precision="bfloat16")
    assert outputs[0].dtype == torch.bfloat16
    assert outputs[1].dtype == torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_progress_goes_to_stderr_and_silence_is_silent(tiny, capsys):
    fit(tiny.model(), tiny, epochs=1)
    assert capsys.readouterr() == ("", "")
    train(tiny.model(), SST, tiny.train, tiny.dev, replace(SETTINGS, epochs=1), progress=True)
    assert "sst" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_on_cuda_and_starts_where_the_cpu_starts(tiny, precision):
    settings = replace(SETTINGS, epochs=5, lr=1e-2, head_lr=None, batch_size=16, precision=precision)
    data = tiny.data(300, 3)
    model = tiny.model(dropout=0.0).cuda()
    history = train(model, SST, data, tiny.dev, settings, progress=False)
    cpu = train(
        tiny.model(dropout=0.0),
        SST,
        data,
        tiny.dev,
        replace(settings, epochs=1, precision="float32"),
        progress=False,
    )
    assert history.frame()["loss"][-5:].mean() < 0.3
    assert history.best.score >= 0.9
    tolerance = 1e-5 if precision == "float32" else 0.03
    assert abs(history.frame()["loss"][0] - cpu.frame()["loss"][0]) < tolerance


@pytest.mark.gpu
def test_it_resumes_on_cuda(tiny, tmp_path, monkeypatch):
    settings = replace(SETTINGS, epochs=3, save_every=4)
    expected = train(tiny.model().cuda(), SST, tiny.train, tiny.dev, settings, progress=False)
    update = Run.update

    def dying(self, index):
        if self.step == 9:
            raise SystemExit
        return update(self, index)

    monkeypatch.setattr(Run, "update", dying)
    with pytest.raises(SystemExit):
        train(tiny.model().cuda(), SST, tiny.train, tiny.dev, settings, tmp_path, progress=False)
    monkeypatch.setattr(Run, "update", update)
    history = train(tiny.model(seed=5).cuda(), SST, tiny.train, tiny.dev, settings, tmp_path, progress=False)
    assert history.frame()["loss"].tolist() == pytest.approx(expected.frame()["loss"].tolist(), rel=1e-4)
