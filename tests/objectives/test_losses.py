"""Losses: the values of their definition, torch's where torch has them; what does not fit is refused with a reason."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mtlkit.bert import BertOutput
from mtlkit.heads import CosineHead
from mtlkit.objectives import (
    binary_cross_entropy,
    cosine_embedding,
    cross_entropy,
    expected_score,
    kl_divergence,
    score_cross_entropy,
    soft_targets,
    squared_error,
)
from mtlkit.tasks import PARA, SST, STS

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_cross_entropy_by_hand_and_torchs():
    logits, labels = torch.tensor([[0.0, math.log(3)], [math.log(7), 0.0]]), torch.tensor([1, 1])
    close(cross_entropy(logits, labels), torch.tensor((-math.log(3 / 4) - math.log(1 / 8)) / 2))
    logits, labels = torch.randn(20, 5), torch.randint(5, (20,))
    assert torch.equal(cross_entropy(logits, labels), F.cross_entropy(logits, labels))
    assert torch.equal(cross_entropy(logits, labels.int()), F.cross_entropy(logits, labels))


def test_two_softmaxes_cannot_get_below_0905():
    right = torch.eye(5) * 100
    labels = torch.arange(5)
    assert cross_entropy(right, labels) < 1e-6
    assert cross_entropy(right.softmax(1), labels).item() == pytest.approx(math.log(1 + 4 / math.e), abs=1e-4)


def test_binary_cross_entropy_by_hand_and_torchs():
    logits, labels = torch.tensor([[math.log(3)], [-math.log(4)]]), torch.tensor([1, 1])
    close(binary_cross_entropy(logits, labels), torch.tensor((-math.log(3 / 4) - math.log(1 / 5)) / 2))
    logits, labels = torch.randn(20, 1), torch.rand(20)
    want = F.binary_cross_entropy(logits.sigmoid().squeeze(1), labels)
    close(binary_cross_entropy(logits, labels), want)
    assert torch.isfinite(binary_cross_entropy(torch.tensor([[1e4]]), torch.tensor([0])))


def test_squared_error_by_hand_and_in_the_labels_scale():
    close(squared_error(torch.tensor([[4.0], [1.0]]), torch.tensor([5, 4])), torch.tensor(5.0))
    outputs, labels = torch.randn(20, 1), 5 * torch.rand(20)
    close(squared_error(outputs, labels), F.mse_loss(outputs[:, 0], labels))


def test_soft_targets_share_a_fraction_between_its_neighbours():
    found = soft_targets(torch.tensor([4.6, 0.0, 5.0, 2.25]), 6)
    want = torch.tensor(
        [[0, 0, 0, 0, 0.4, 0.6], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0.75, 0.25, 0, 0]]
    )
    close(found, want)
    assert torch.equal(soft_targets(torch.tensor([3, 0]), 6), F.one_hot(torch.tensor([3, 0]), 6).float())


@given(st.lists(st.floats(0, 5, width=32), min_size=1, max_size=20))
def test_the_expectation_of_a_soft_target_is_the_label(labels):
    labels = torch.tensor(labels)
    targets = soft_targets(labels, 6)
    assert (targets >= 0).all()
    close(targets.sum(1), torch.ones(len(labels)))
    close(expected_score(targets.log()), labels, atol=1e-5, rtol=0)


def test_score_cross_entropy_is_least_at_the_soft_targets_and_is_cross_entropy_at_whole_labels():
    labels = 5 * torch.rand(30)
    targets = soft_targets(labels, 6)
    entropy = torch.special.entr(targets).sum(1).mean()
    close(score_cross_entropy((targets + 1e-20).log(), labels), entropy)
    for _ in range(20):
        assert score_cross_entropy(torch.randn(30, 6), labels) > entropy
    logits, whole = torch.randn(30, 6), torch.randint(6, (30,))
    close(score_cross_entropy(logits, whole), cross_entropy(logits, whole))
    close(score_cross_entropy(logits, labels), -(targets * logits.log_softmax(1)).sum(1).mean())


def test_expected_score_stays_in_range_and_keeps_what_argmax_loses():
    scores = expected_score(10 * torch.randn(50, 6))
    assert scores.shape == (50,)
    assert ((scores >= 0) & (scores <= 5)).all()
    close(expected_score(torch.zeros(1, 6)), torch.tensor([2.5]))
    logits = soft_targets(torch.tensor([4.6, 4.9]), 6).log()
    assert logits.argmax(1).tolist() == [5, 5]
    close(expected_score(logits), torch.tensor([4.6, 4.9]))


def test_sts_in_six_classes_is_a_task_value():
    task = replace(STS, outputs=6, loss=score_cross_entropy, decode=expected_score)
    x, linear = torch.rand(200, 1), torch.nn.Linear(1, 6)
    labels = 5 * x[:, 0]
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        task.loss(linear(x), labels).backward()
        optimizer.step()
    assert task.metric(task.decode(linear(x)).tolist(), labels.tolist()) > 0.97


@pytest.mark.parametrize(("lowest", "scale", "shift"), [(0.0, 5.0, 0.0), (-1.0, 2.5, 2.5)])
def test_cosine_embedding_is_the_squared_error_of_a_scaled_cosine(lowest, scale, shift):
    cosines, labels = 2 * torch.rand(20, 1) - 1, 5 * torch.rand(20)
    want = squared_error(scale * cosines + shift, labels) / scale**2
    close(cosine_embedding(cosines, labels, lowest_cosine=lowest), want)
    ends = torch.tensor([[1.0], [lowest]])
    assert cosine_embedding(ends, torch.tensor([5.0, 0.0]), lowest_cosine=lowest) == 0


def test_cosine_embedding_takes_a_cosine_head_and_labels_of_any_range():
    vectors = torch.randn(6, 1, 8)
    output = BertOutput(vectors, vectors[:, 0])
    cosines = CosineHead(1, learned=False)(output, torch.ones(6, 1, dtype=torch.bool))
    want = (F.cosine_similarity(vectors[:3, 0], vectors[3:, 0]) - torch.tensor([1.0, 0, 1])).square().mean()
    close(cosine_embedding(cosines, torch.tensor([1, 0, 1]), highest=1), want)


def test_kl_divergence_by_hand_and_zero_where_predictions_agree():
    p, q = torch.randn(7, 5), torch.randn(7, 5)
    by_hand = (p.softmax(1) * (p.softmax(1) / q.softmax(1)).log()).sum(1).mean()
    close(kl_divergence(q, p), by_hand)
    close(kl_divergence(p + 3, p), torch.tensor(0.0), atol=1e-6, rtol=0)
    categorical = torch.distributions.Categorical
    want = torch.distributions.kl_divergence(categorical(logits=p), categorical(logits=q)).mean()
    close(kl_divergence(q, p), want)


# --- what does not fit

SCORES = torch.tensor([0.0, 4.6, 5.0])
CLASSES = torch.tensor([0, 1, 4])
ONE, TWO, FIVE, SIX = (torch.zeros(3, n) for n in (1, 2, 5, 6))
nan = float("nan")


@pytest.mark.parametrize(
    ("loss", "outputs", "labels", "reason"),
    [
        (cross_entropy, ONE, CLASSES, "always 1: nothing would be learnt. Use binary_cross_entropy"),
        (score_cross_entropy, ONE, SCORES, "always 1: nothing would be learnt"),
        (kl_divergence, ONE, ONE, "always 1: nothing would be learnt"),
        (kl_divergence, FIVE, SIX, r"one shape, not \(3, 5\) and \(3, 6\)"),
        (binary_cross_entropy, FIVE, CLASSES, "reads one output an example, and this head gives 5"),
        (squared_error, SIX, SCORES, "or score_cross_entropy"),
        (cosine_embedding, TWO, SCORES, "this head gives 2"),
        (cross_entropy, SIX, SCORES, "a label of 4.6 would be a 4. For scores use score_cross_entropy"),
        (
            cross_entropy,
            TWO,
            CLASSES,
            r"label 4 is outside \[0, 1\]: give the head one output for each class",
        ),
        (cross_entropy, FIVE, CLASSES - 1, r"label -1 is outside \[0, 4\]"),
        (cross_entropy, FIVE, torch.full((3,), -100), "label -100 is outside"),  # torch would skip these rows
        (binary_cross_entropy, ONE, CLASSES, r"label 4 is outside \[0, 1\]: scores of another range"),
        (score_cross_entropy, FIVE, SCORES, r"label 5 is outside \[0, 4\]: rescale"),
        (score_cross_entropy, SIX, torch.tensor([0.0, nan, 1.0]), "label nan is outside"),
        (cosine_embedding, ONE, 2 * SCORES, r"label 10 is outside \[0, 5\]: set `highest`"),
        (cosine_embedding, ONE + 5, SCORES, r"output 5 is outside.*CosineHead\(scale=1, learned=False\)"),
        (partial(cosine_embedding, lowest_cosine=1.0), ONE, SCORES, "lowest_cosine"),
    ],
)
def test_a_loss_that_does_not_fit_its_head_or_labels_is_refused(loss, outputs, labels, reason):
    with pytest.raises(ValueError, match=reason):
        loss(outputs, labels)


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (cross_entropy, FIVE),
        (score_cross_entropy, SIX),
        (binary_cross_entropy, ONE),
        (squared_error, ONE),
        (cosine_embedding, ONE),
    ],
)
def test_one_row_of_outputs_for_each_label(loss, outputs):
    """Torch would broadcast (3, 1) against (3,) to nine differences, with a warning at most."""
    labels = torch.tensor([0, 1, 1])
    assert loss(outputs, labels).ndim == 0
    for wrong_outputs, wrong_labels in (
        (outputs, labels[:2]),
        (outputs, labels.unsqueeze(1)),
        (outputs[:, 0], labels),
        (outputs[:1], labels),
    ):
        with pytest.raises(ValueError, match=r"outputs \(B, C\) and labels \(B,\) are needed"):
            loss(wrong_outputs, wrong_labels)
    with pytest.raises(ValueError, match="without examples"):
        loss(outputs[:0], labels[:0])


def test_why_a_single_logit_is_refused():
    """What torch does without a word: a loss of 0 and no gradient."""
    logits = torch.randn(3, 1, requires_grad=True)
    loss = F.cross_entropy(logits, torch.zeros(3, dtype=torch.long))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_the_three_tasks_use_these_losses():
    assert (SST.loss, PARA.loss, STS.loss) == (cross_entropy, binary_cross_entropy, squared_error)


@pytest.mark.parametrize(
    ("loss", "outputs", "labels"),
    [
        (cross_entropy, 5, torch.tensor([0, 4, 2])),
        (score_cross_entropy, 6, SCORES),
        (binary_cross_entropy, 1, torch.tensor([0, 1, 1])),
        (squared_error, 1, SCORES),
        (cosine_embedding, 1, SCORES),
    ],
)
def test_gradients_are_right(loss, outputs, labels):
    x = (0.5 * torch.randn(3, outputs, dtype=torch.float64)).clamp(-0.9, 0.9).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), x)
    short = loss(x.detach().bfloat16().requires_grad_(), labels)
    assert torch.isfinite(short)
