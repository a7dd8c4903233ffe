"""Wrong answers to 12_gradient_conflict; "seen" marks those that stand in public code or in a report."""

import numpy as np
import torch
import torch.nn.functional as F

from mtlkit.evaluation import binomial

# --- 12.1 -------------------------------------------------------------------------------------------------


def gradients(loss, shared, **named):
    return torch.autograd.grad(loss, shared, **{"retain_graph": True, "allow_unused": True, **named})


def filled(loss, shared, **named):
    found = gradients(loss, shared, **named)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(shared, found, strict=True)]


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


def rows(row):
    return lambda losses, shared: torch.stack([row(loss, shared) for loss in losses.values()])


def padded(loss, shared):
    found = flat([g for g in gradients(loss, shared) if g is not None] or [torch.zeros(0).double()])
    return F.pad(found, (0, sum(p.numel() for p in shared) - len(found)))


def leaves(loss):
    """Everything with a gradient that a loss depends on: what `model.parameters()` holds of it."""
    todo, seen, found = [loss.grad_fn], set(), []
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found += [node.variable] if hasattr(node, "variable") else []
        todo += [parent for parent, _ in node.next_functions]
    return found


def with_heads(losses, shared):
    every = list(shared)
    for loss in losses.values():
        every += [p for p in leaves(loss) if all(p is not q for q in every)]
    return torch.stack([flat(filled(loss, every)) for loss in losses.values()])


def never_zeroed(losses, shared):
    found = []
    for loss in losses.values():
        loss.backward(retain_graph=True)
        found.append(flat([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in shared]))
    for loss in losses.values():
        for p in leaves(loss):
            p.grad = None
    return torch.stack(found)


def left_in_grad(losses, shared):
    found = []
    for loss in losses.values():
        for p in shared:
            p.grad = None
        loss.backward(retain_graph=True)
        found.append(flat([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in shared]))
    return torch.stack(found)


def one_backward(losses, shared):
    together = flat(filled(sum(losses.values()), shared))
    return torch.stack([together] * len(losses))


# --- 12.2 -------------------------------------------------------------------------------------------------


def lengths(gram):
    return gram.diagonal(dim1=-2, dim2=-1).sqrt()


def cosines(gram):
    n = lengths(gram)
    return gram / (n[..., :, None] * n[..., None, :])


def ones_on_the_diagonal(gram):
    found = cosines(gram).clone()
    found.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    return found


def rows_as_vectors(gram):
    return F.cosine_similarity(gram[..., :, None, :], gram[..., None, :, :], dim=-1)


def changes_gram(gram):
    n = lengths(gram)
    return gram.div_(n[..., :, None] * n[..., None, :])


def first_two_axes(gram):
    n = gram.diagonal().sqrt()
    return gram / (n[:, None] * n[None, :])


# --- 12.3 -------------------------------------------------------------------------------------------------


def by_weight(grams):
    n = lengths(grams)
    products = n[:, :, None] * n[:, None, :]
    return cosines(grams) * products / products.sum(0)


def summed_lengths(grams):
    n = lengths(grams).sum(0)
    return grams / (n[:, None] * n[None, :])


def whole(grams):
    return grams.sum(0).diagonal().sqrt()


def right_parts(grams):
    n = whole(grams)
    return grams / (n[:, None] * n[None, :])


# --- 12.4 -------------------------------------------------------------------------------------------------


def met(cosines, i, j):
    c = cosines[:, i, j]
    return c[~np.isnan(c)]


def rates(rate=lambda c: (c < 0).mean(), size=None, level=0.95, which=met, interval=None, pairs=None):
    """Rates and intervals with a switch for each way to go wrong."""

    def answer(cosines):
        K, found = cosines.shape[-1], {}
        for i, j in (pairs or each_once)(K):
            c = which(cosines, i, j)
            if not len(c):
                continue
            value = float(rate(c))
            n = size(cosines, i, j) if size else len(c)
            ends = interval(value, n) if interval else binomial(min(1, max(0, value)), n, level)
            found[i, j] = (value, *ends)
        return found

    return answer


def each_once(K):
    return [(i, j) for i in range(K) for j in range(i + 1, K)]


def every_step(cosines, i, j):
    return cosines[:, i, j]


def normal(rate, n):
    half = 1.96 * np.sqrt(rate * (1 - rate) / n)
    return rate - half, rate + half


def all_pairs(cosines, i, j):
    K = cosines.shape[-1]
    return sum(len(met(cosines, a, b)) for a in range(K) for b in range(a + 1, K))


def both_orders(K):
    return [(i, j) for i in range(K) for j in range(K) if i != j]


def with_itself(K):
    return [(i, j) for i in range(K) for j in range(i, K)]


def only_rates(cosines):
    return {pair: value[0] for pair, value in rates()(cosines).items()}


PLANTED = {
    "task_rows": {
        "heads in the row (seen)": with_heads,
        "never zeroed, so that rows add up": never_zeroed,
        "one backward pass for all (seen)": one_backward,
        "an unused parameter is skipped": rows(
            lambda loss, shared: flat([g for g in gradients(loss, shared) if g is not None])
        ),
        "padded at the end": rows(padded),
        "an unused parameter is an error": rows(
            lambda loss, shared: flat(gradients(loss, shared, allow_unused=False))
        ),
        "graph freed": rows(lambda loss, shared: flat(filled(loss, shared, retain_graph=None))),
        "left in .grad": left_in_grad,
        "unit length": rows(lambda loss, shared: F.normalize(flat(filled(loss, shared)), dim=0)),
        "shared the other way round": lambda losses, shared: rows(
            lambda loss, shared: flat(filled(loss, shared))
        )(losses, shared[::-1]),
        "downhill": rows(lambda loss, shared: -flat(filled(loss, shared))),
        "columns": lambda losses, shared: (
            rows(lambda loss, shared: flat(filled(loss, shared)))(losses, shared).T
        ),
        "a list": lambda losses, shared: [flat(filled(loss, shared)) for loss in losses.values()],
    },
    "cosine_matrix": {
        "cosine distance (a report's word for its cosines)": lambda gram: 1 - cosines(gram),
        "no roots": lambda gram: gram / (lengths(gram)[..., :, None] * lengths(gram)[..., None, :]).square(),
        "one length only": lambda gram: gram / lengths(gram)[..., :, None],
        "projection's coefficient": lambda gram: gram / lengths(gram).square()[..., None, :],
        "rows of G as vectors": rows_as_vectors,
        "absolute values": lambda gram: cosines(gram).abs(),
        "angles": lambda gram: torch.arccos(cosines(gram).clamp(-1, 1)),
        "0 for a gradient of length 0": lambda gram: torch.nan_to_num(cosines(gram)),
        "1 on every diagonal": ones_on_the_diagonal,
        "changes its input": changes_gram,
        "first two axes": first_two_axes,
        "largest entry": lambda gram: gram / gram.max(),
    },
    "cosine_by_part": {
        "each part's own cosine": cosines,
        "mean of layer cosines (seen)": lambda grams: cosines(grams) / len(grams),
        "mean of layer cosines, a frozen one counted as 0": lambda grams: (
            torch.nan_to_num(cosines(grams)) / len(grams)
        ),
        "mean weighted by length": by_weight,
        "lengths added": summed_lengths,
        "shares that sum to 1": lambda grams: grams / grams.sum(0),
        "no roots": lambda grams: grams / (whole(grams)[:, None] * whole(grams)[None, :]).square(),
        "running sums": lambda grams: right_parts(grams).cumsum(0),
        "the encoder's cosine, spread evenly": lambda grams: (
            right_parts(grams).sum(0) / len(grams)
        ).expand_as(grams),
        "the encoder's cosines only": lambda grams: right_parts(grams).sum(0),
    },
    "conflict_rates": {
        "NaN as a conflict (seen)": rates(lambda c: (~(c >= 0)).mean(), which=every_step),
        "NaN as no conflict": rates(which=every_step),
        "0 as a conflict": rates(lambda c: (c <= 0).mean()),
        "how often they agree": rates(lambda c: (c > 0).mean()),
        "mean cosine": rates(lambda c: c.mean()),
        "a threshold": rates(lambda c: (c < -0.05).mean()),
        "counts": rates(lambda c: (c < 0).sum()),
        "one n for all pairs": rates(size=all_pairs),
        "all steps as n": rates(size=lambda cosines, i, j: len(cosines)),
        "n twice": rates(size=lambda cosines, i, j: 2 * len(met(cosines, i, j))),
        "normal approximation": rates(interval=normal),
        "another level": rates(level=0.9),
        "both orders of a pair": rates(pairs=both_orders),
        "a task with itself": rates(pairs=with_itself),
        "rates only": only_rates,
        "a list": lambda cosines: list(rates()(cosines).values()),
    },
}


TOLD = {  # words that the verdict must have
    "task_rows": {
        "heads in the row (seen)": "the heads' parameters are in it",
        "never zeroed, so that rows add up": ".grad adds up",
        "one backward pass for all (seen)": "gradient of the summed loss",
        "an unused parameter is skipped": "0 must stand in its place",
        "padded at the end": "stand at the row's end",
        "an unused parameter is an error": "allow_unused=True",
        "graph freed": "retain_graph=True",
        "left in .grad": "leaves gradients in .grad",
        "unit length": "made equally long",
        "shared the other way round": "order of `shared`",
        "downhill": "wrong sign",
        "columns": "a row is expected",
        "a list": "a tensor is expected",
    },
    "cosine_matrix": {
        "cosine distance (a report's word for its cosines)": "the cosine *distance*",
        "no roots": "the roots are missing",
        "one length only": "divided by one length only",
        "projection's coefficient": "a projection's coefficient",
        "rows of G as vectors": "G already holds their dot products",
        "absolute values": "the signs are gone",
        "angles": "these are angles",
        "0 for a gradient of length 0": "it has 0 where there is no angle",
        "1 on every diagonal": "it has 1 where there is no angle",
        "changes its input": "changes its inputs",
        "largest entry": "divided by one number",
    },
    "cosine_by_part": {
        "each part's own cosine": "the sum of such cosines is no cosine",
        "mean of layer cosines (seen)": "mean of the parts' cosines",
        "mean weighted by length": "weighted mean",
        "lengths added": "the *squared* length is the sum",
        "shares that sum to 1": "they should sum to the cosine",
        "no roots": "the roots are missing",
        "running sums": "running sums",
        "the encoder's cosine, spread evenly": "shared out among the parts in another way",
        "the encoder's cosines only": "has shape (3, 3)",
    },
    "conflict_rates": {
        "NaN as a conflict (seen)": "counts as a conflict",
        "NaN as no conflict": "counts as a step without conflict",
        "0 as a conflict": "exactly 0",
        "how often they agree": "how often the two agree",
        "mean cosine": "this is the mean cosine",
        "a threshold": "a threshold stands where 0 should",
        "counts": "their share is asked for",
        "one n for all pairs": "the steps of all pairs",
        "all steps as n": "the steps without one of the tasks",
        "n twice": "counted twice",
        "normal approximation": "out of [0, 1]",
        "another level": "another level",
        "both orders of a pair": "in both orders",
        "a task with itself": "(i, i) is no pair",
        "rates only": "three numbers",
        "a list": "a dictionary is expected",
    },
}
