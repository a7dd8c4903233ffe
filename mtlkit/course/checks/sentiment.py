"""The exercises of 07_sentiment."""

import torch
import torch.nn.functional as F
from torch import nn

from mtlkit.bert import BertOutput
from mtlkit.data import Batch
from mtlkit.heads import pooling

from . import NotYet, call, check, compare

# --- what the exercises ask for ---------------------------------------------------------------------------


def mean_over_tokens(hidden, mask):
    """The mean over real tokens: hidden (B, T, D), mask (B, T), True for tokens. Returns (B, D)."""
    return pooling.mean(BertOutput(hidden, hidden[:, 0]), mask)


def one_step(model, batch, optimizer):
    """One update of `model` on one batch of the task "sst"; returns the batch's loss as a float."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch, "sst").float(), batch.labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def share_right(model, batches):
    """The share of examples in all batches whose largest logit is their label's; leaves `model` in its mode."""
    was_training = model.training
    model.eval()
    right = total = 0
    for batch in batches:
        right += (model(batch, "sst").argmax(-1) == batch.labels).sum().item()
        total += len(batch.labels)
    model.train(was_training)
    return right / total


DIAGNOSES = {  # what a loop with this bug would show
    "softmax before cross-entropy": "the loss could never fall below 0.905",
    "gradients never cleared": "steps would go on in old directions, and the loss would not come down smoothly",
    "eval mode after the first epoch": "dropout would be off from the second epoch on, in training too",
    "scored in train mode": "two scores of the same weights would differ",
    "batch means averaged": "a short last batch would count as much as a full one",
    "the graph is kept": "memory would grow with every step",
}
DIAGNOSIS = {
    "A": "gradients never cleared",
    "B": "softmax before cross-entropy",
    "C": "scored in train mode",
    "D": "eval mode after the first epoch",
}

# --- a small model that can be watched --------------------------------------------------------------------


class Watched(nn.Module):
    """Word vectors, their mean, dropout, a linear layer; notes in which mode it was called, and with a graph or not.

    spread: standard deviation of its weights; larger ones make larger gradients.
    """

    def __init__(self, spread: float = 1.0, dropout: float = 0.5):
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.words = nn.Embedding(40, 8)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(8, 5)
        for p in self.parameters():
            nn.init.normal_(p.data, std=spread, generator=generator)
        self.backwards = 0
        self.linear.weight.register_hook(self.note_backward)
        self.modes: list[bool] = []
        self.graphs: list[bool] = []

    def note_backward(self, gradient):
        self.backwards += 1

    def forward(self, batch, task):
        if task != "sst":
            raise NotYet(f'the model is asked for task {task!r}; ours is called "sst"')
        self.modes.append(self.training)
        self.graphs.append(torch.is_grad_enabled())
        weights = batch.mask.unsqueeze(-1).float()
        vectors = (self.words(batch.ids) * weights).sum(1) / weights.sum(1)
        return self.linear(self.dropout(vectors))


class WatchedSGD(torch.optim.SGD):
    """Notes at each step how long the gradient is, and how often the model has gone backward."""

    def __init__(self, model: Watched):
        super().__init__(model.parameters(), lr=0.5)
        self.model = model
        self.steps: list[tuple[float, int]] = []

    def step(self, closure=None):
        self.steps.append((gradient_norm(self.model), self.model.backwards))
        return super().step(closure)


def gradient_norm(model: nn.Module) -> float:
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return float(torch.cat(gradients).norm()) if gradients else 0.0


def toy_batch(size: int, seed: int) -> Batch:
    """`size` rows of 3 to 6 tokens with labels 0 to 4."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 7, (size,), generator=generator)
    mask = torch.arange(6) < lengths[:, None]
    ids = torch.randint(1, 40, (size, 6), generator=generator) * mask
    labels = torch.randint(0, 5, (size,), generator=generator)
    return Batch(ids, mask, torch.zeros_like(ids), labels, torch.arange(size), True)


# --- the checks -------------------------------------------------------------------------------------------


@check(
    "7.1",
    reference=mean_over_tokens,
    hints=(
        "Padding must weigh nothing, in the sum and in the count that divides it.",
        "mask is (B, T) and hidden (B, T, D): give the mask a last axis of length 1; tokens are on axis 1.",
        "weights = mask.unsqueeze(-1).to(hidden.dtype); return (hidden * weights).sum(1) / weights.sum(1)",
    ),
)
def masked_mean(answer):
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(3, 6, 4, generator=generator)
    full = torch.ones(3, 6, dtype=torch.bool)
    compare(call(answer, hidden, full), mean_over_tokens(hidden, full), "with no padding, the output")
    mask = torch.arange(6) < torch.tensor([6, 4, 1])[:, None]
    got = call(answer, hidden, mask)
    other = torch.where(mask.unsqueeze(-1), hidden, torch.full_like(hidden, 100.0))
    if isinstance(got, torch.Tensor) and got.shape == (3, 4):
        if not torch.allclose(got, call(answer, other, mask), atol=1e-4):
            raise NotYet("what stands in the padding changes the output: it must weigh nothing")
        longer = torch.cat([hidden, torch.zeros(3, 5, 4)], 1), torch.cat([mask, mask.new_zeros(3, 5)], 1)
        if not torch.allclose(got, call(answer, *longer), atol=1e-5):
            raise NotYet("more padding changes the output: divide by the number of tokens in each row")
    compare(got, mean_over_tokens(hidden, mask), "with padding, the output")


@check(
    "7.2",
    reference=one_step,
    hints=(
        "Six lines, in an order that matters: what must be true before the forward pass, what before the step?",
        'Logits model(batch, "sst") are (B, 5), batch.labels (B,), the loss has no axes. The result is a Python float.',
        "model.train(); optimizer.zero_grad(); loss = F.cross_entropy(...); loss.backward(); "
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); return loss.item()",
    ),
)
def train_step(answer):
    batches = [toy_batch(6, seed) for seed in range(4)]
    for spread, size in ((3.0, "large"), (0.1, "small")):
        mine, theirs = Watched(spread, dropout=0.0).eval(), Watched(spread, dropout=0.0)
        my_sgd, their_sgd = WatchedSGD(mine), WatchedSGD(theirs)
        for number, batch in enumerate(batches, 1):
            before = [p.detach().clone() for p in mine.parameters()]
            got, want = call(answer, mine, batch, my_sgd), one_step(theirs, batch, their_sgd)
            watch_step(mine, my_sgd, got, before, number)
            if abs(got - want) > 1e-4 and number == 1:
                raise NotYet("the loss is not the cross-entropy of the model's logits and the batch's labels")
            compare_weights(mine, theirs, my_sgd, number, size)


def watch_step(model, optimizer, got, before, number):
    """Raises NotYet for what one call shows: modes, the value returned, whether anything moved."""
    if not isinstance(got, float):
        raise NotYet(
            f"it returns a {type(got).__name__}; a tensor keeps its whole graph alive, so return loss.item(), a float"
        )
    if len(model.modes) != number:
        raise NotYet(
            f"the model was called {len(model.modes) / number:g} times a step; once is enough"
            if model.modes
            else "the model was not called"
        )
    if not model.modes[-1]:
        raise NotYet("the model came in evaluation mode and was not put into train mode: no dropout")
    if not model.graphs[-1]:
        raise NotYet("the forward pass ran without a graph: there is nothing to go backward through")
    if all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True)):
        if optimizer.steps and optimizer.steps[-1] == (0.0, number):
            raise NotYet("no weight moved: the gradients were cleared between backward and the step")
        raise NotYet("no weight moved: did the loss go backward, and the optimizer take its step?")


def compare_weights(mine, theirs, optimizer, number, size):
    if all(
        torch.allclose(*pair, atol=1e-5) for pair in zip(mine.parameters(), theirs.parameters(), strict=True)
    ):
        return
    if number > 1:
        raise NotYet(f"the first step is right, but step {number} is not: are old gradients still there?")
    norm = optimizer.steps[-1][0] if optimizer.steps else 0.0
    if norm > 1.01 and 0 < gradient_norm(mine) < 1.01:
        raise NotYet("the step was taken before the gradient was clipped")
    hint = f"; their norm at the step was {norm:.1f}, where 1.0 is the most" if norm > 1.01 else ""
    raise NotYet(f"with {size} gradients the weights are not where they should be{hint}")


@check(
    "7.3",
    reference=share_right,
    hints=(
        "Three things around the loop (no graph, no dropout, and back to the mode before) and two counts inside it.",
        'model(batch, "sst") is (B, 5); argmax over its last axis is (B,), as batch.labels. B differs between batches.',
        "was_training = model.training; model.eval(); with torch.no_grad(): for batch in batches: right += "
        "(prediction == batch.labels).sum().item(); total += len(batch.labels); model.train(was_training); "
        "return right / total",
    ),
)
def evaluate(answer):
    batches = [toy_batch(size, seed) for seed, size in enumerate((7, 7, 7, 2), 20)]
    for training in (True, False):
        model = Watched().train(training)
        before = [p.detach().clone() for p in model.parameters()]
        got = call(answer, model, batches)
        if len(model.modes) != len(batches):
            raise NotYet(f"the model was called {len(model.modes)} times for {len(batches)} batches")
        if any(model.modes):
            raise NotYet("the model was in train mode: dropout makes the score differ from call to call")
        if any(model.graphs):
            raise NotYet("each forward pass built a graph, which costs memory for nothing: torch.no_grad()")
        if any(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True)):
            raise NotYet("the weights have changed; a score must leave them alone")
        if model.training != training:
            came, left = ("train", "evaluation") if training else ("evaluation", "train")
            raise NotYet(f"the model came in {came} mode and was left in {left} mode")
        if isinstance(got, torch.Tensor) or not isinstance(got, (int, float)):
            raise NotYet(f"it returns a {type(got).__name__}; a float is expected")
        if got > 1:
            raise NotYet("it returns more than 1; a share lies between 0 and 1")
        want = share_right(model, batches)
        means = sum(share_right(model, [batch]) for batch in batches) / len(batches)
        if abs(got - means) < 1e-6 < abs(got - want):
            raise NotYet(
                "that is the mean of the batches' accuracies: a small batch must not count as much as a large one"
            )
        compare(float(got), want, "the share of right predictions", atol=1e-6, rtol=0)  # float32 will do


@check(
    "7.4",
    reference=DIAGNOSIS,
    hints=(
        "Two of them train wrongly and score rightly, one the other way round, one goes wrong only between epochs.",
        "Four keys, A to D, each with one of the names from the list, no name twice.",
        "For each loop ask in order: what goes into the loss? what is called before backward? in which mode does it "
        "train in the first epoch, and in the second? in which mode does it score?",
    ),
)
def diagnosis(answer):
    if not isinstance(answer, dict) or set(answer) != set(DIAGNOSIS):
        raise NotYet("a dictionary with the keys A, B, C and D is expected")
    for loop, name in answer.items():
        if name is None or name is ...:
            raise NotYet(f"loop {loop} has no name yet")
        if name not in DIAGNOSES:
            raise NotYet(f"{name!r} is not in the list; copy a name from it")
    for loop, name in answer.items():
        if name != DIAGNOSIS[loop]:
            raise NotYet(f"loop {loop} is not '{name}': then {DIAGNOSES[name]}, which is not what it does")
