"""Wrong answers to 11_loss_weighting, from public implementations of both papers where one was seen."""

import math

import torch


def gradients(loss, shared, **named):
    return torch.autograd.grad(loss, shared, **{"retain_graph": True, "allow_unused": True, **named})


def length(loss, shared):
    return torch.cat([g.flatten() for g in gradients(loss, shared) if g is not None]).norm()


def summing_to_k(sizes):
    total = sum(sizes.values())
    return {task: len(sizes) * float(size / total) for task, size in sizes.items()}


def weights_from(size):
    return lambda losses, shared: summing_to_k(
        {task: 1 / size(loss, shared) for task, loss in losses.items()}
    )


def sum_of_lengths(loss, shared):
    return sum(g.norm() for g in gradients(loss, shared) if g is not None)


def by_backward(losses, shared):
    sizes = {}
    for task, loss in losses.items():
        for p in shared:
            p.grad = None
        loss.backward(retain_graph=True)
        sizes[task] = 1 / torch.cat([p.grad.flatten() for p in shared if p.grad is not None]).norm()
    return summing_to_k(sizes)


def graph_freed(losses, shared):
    return weights_from(lambda loss, shared: gradients(loss, shared, retain_graph=None)[0].norm())(
        losses, shared
    )


def unused_not_allowed(losses, shared):
    return weights_from(
        lambda loss, shared: torch.cat(
            [g.flatten() for g in gradients(loss, shared, allow_unused=False)]
        ).norm()
    )(losses, shared)


def rates(shares, factor):
    def answer(weights, old):
        made = {task: shares(weights[task], old[task]) for task in weights}
        total = sum(made.values())
        return {task: share / total for task, share in made.items()}, factor(weights, old)

    return answer


def product(weight, rate):
    return weight * rate


def right_factor(weights, old):
    return sum(weights[task] * old[task] for task in weights)


def term(first, second, reduce=sum, take=lambda tensor: tensor):
    """A weighted sum made of a factor of the loss (of s and scale) and a second term (of s)."""

    def answer(losses, s, regression):
        return reduce(
            [
                first(s[task], 0.5 if task in regression else 1.0) * take(loss) + second(s[task])
                for task, loss in losses.items()
            ]
        )

    return answer


def precision(s, scale):
    return scale * torch.exp(-s)


def half(s):
    return s / 2


def last_one(terms):
    return terms[-1]


def detached(losses, s, regression):
    return term(precision, half)(losses, {task: value.detach() for task, value in s.items()}, regression)


def slope(
    *,
    part="ratios",
    power=None,
    mean="pulls",
    per=True,
    norms=length,
    sign=1.0,
    form="absolute",
    size="norms",
):
    """A slope with a switch for each way to go wrong."""

    def answer(w, losses, initial, shared, alpha):
        n = torch.stack([norms(loss, shared) for loss in losses])
        values = torch.stack([loss.detach() for loss in losses])
        kept = {"ratios": values / initial, "losses": values, "upside down": initial / values}[part]
        rates = (kept / kept.mean() if per else kept) ** (alpha if power is None else power)
        pulls = w * n
        middle = {"pulls": pulls.mean(), "norms": n.mean(), "sum": pulls.sum()}[mean]
        off = (n if form == "unweighted" else pulls) - middle * rates
        if form == "square":
            return 2 * off * n
        return sign * torch.sign(off) * {"norms": n, "pulls": pulls, "nothing": torch.ones_like(n)}[size]

    return answer


def targets_move(w, losses, initial, shared, alpha):
    w = w.clone().requires_grad_()
    n = torch.stack([length(loss, shared) for loss in losses])
    ratios = torch.stack([loss.detach() for loss in losses]) / initial
    pulls = w * n
    targets = pulls.mean() * (ratios / ratios.mean()) ** alpha
    return torch.autograd.grad((pulls - targets).abs().sum(), w)[0]


def all_parameters(w, losses, initial, shared, alpha):
    """As if the heads were shared: everything that the losses depend on."""

    def over_everything(loss, shared):
        leaves, todo, seen = [], [loss.grad_fn], set()
        while todo:
            node = todo.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            leaves += [node.variable] if hasattr(node, "variable") else []
            todo += [parent for parent, _ in node.next_functions]
        return length(loss, leaves)

    return slope(norms=over_everything)(w, losses, initial, shared, alpha)


def changes_w(w, losses, initial, shared, alpha):
    found = slope()(w, losses, initial, shared, alpha)
    w.sub_(0.025 * found)
    return found


PLANTED = {
    "equal_pull_weights": {
        "1 / loss": weights_from(lambda loss, shared: loss.detach()),
        "longer gradient, larger weight": weights_from(lambda loss, shared: 1 / length(loss, shared)),
        "squared lengths": weights_from(lambda loss, shared: length(loss, shared) ** 2),
        "the first parameter only": weights_from(lambda loss, shared: gradients(loss, shared)[0].norm()),
        "lengths of single parameters added": weights_from(sum_of_lengths),
        "not normalised": lambda losses, shared: {t: 1 / length(x, shared).item() for t, x in losses.items()},
        "sum to 1": lambda losses, shared: {
            t: v / len(losses) for t, v in weights_from(length)(losses, shared).items()
        },
        "all 1": lambda losses, shared: dict.fromkeys(losses, 1.0),
        "through .grad": by_backward,
        "graph freed": graph_freed,
        "an unused parameter": unused_not_allowed,
        "a list": lambda losses, shared: list(weights_from(length)(losses, shared).values()),
    },
    "rates_for": {
        "old rates ignored": rates(lambda w, q: w, right_factor),
        "weights ignored": rates(lambda w, q: q, right_factor),
        "learning rate left as it was": rates(product, lambda w, q: 1.0),
        "factor the wrong way round": rates(product, lambda w, q: 1 / right_factor(w, q)),
        "sum of the weights": rates(product, lambda w, q: sum(w.values())),
        "not normalised": lambda w, q: ({t: w[t] * q[t] for t in w}, right_factor(w, q)),
        "softmax of the weights": rates(lambda w, q: math.exp(w) * q, right_factor),
        "square root": rates(lambda w, q: math.sqrt(w) * q, right_factor),
        "rate over weight": rates(lambda w, q: q / w, right_factor),
        "rates only": lambda w, q: rates(product, right_factor)(w, q)[0],
    },
    "uncertainty": {
        "exp(s)": term(lambda s, scale: scale * torch.exp(s), half),
        "no second term": term(precision, lambda s: 0.0),
        "1/2 missing for regression": term(lambda s, scale: torch.exp(-s), half),
        "1/2 for classification too (seen in public implementations)": term(
            lambda s, scale: 0.5 * torch.exp(-s), half
        ),
        "log sigma for log sigma^2": term(lambda s, scale: scale * torch.exp(-2 * s), lambda s: s),
        "s in the place of s / 2": term(precision, lambda s: s),
        "minus s / 2": term(precision, lambda s: -s / 2),
        "1 / sigma": term(lambda s, scale: scale * torch.exp(-s / 2), half),
        "the last task only": term(precision, half, reduce=last_one),
        "mean over the tasks": term(precision, half, reduce=lambda terms: sum(terms) / len(terms)),
        "losses detached": term(precision, half, take=lambda loss: loss.detach()),
        "s detached": detached,
        "a float": term(precision, half, reduce=lambda terms: sum(terms).item()),
        "log(1 + sigma^2), a later variant": term(precision, lambda s: torch.log1p(torch.exp(s))),
    },
    "gradnorm_slope": {
        "losses, not ratios": slope(part="losses"),
        "ratios upside down": slope(part="upside down"),
        "alpha ignored": slope(power=1.0),
        "always equal pulls": slope(power=0.0),
        "ratios not divided by their mean": slope(per=False),
        "mean of the unweighted norms": slope(mean="norms"),
        "sum of the pulls": slope(mean="sum"),
        "targets differentiated": targets_move,
        "the way down, not the slope": slope(sign=-1.0),
        "signs only": slope(size="nothing"),
        "pulls for norms": slope(size="pulls"),
        "weights left out of the comparison": slope(form="unweighted"),
        "the square": slope(form="square"),
        "norms of the first parameter": slope(norms=lambda loss, shared: gradients(loss, shared)[0].norm()),
        "norms over the heads too": all_parameters,
        "changes w": changes_w,
        "one number": lambda *inputs: slope()(*inputs).sum(),
    },
}

TOLD = {  # words that the verdict must have
    "equal_pull_weights": {
        "1 / loss": "the weights go with 1 / loss",
        "longer gradient, larger weight": "the other way round",
        "squared lengths": "is a root missing?",
        "the first parameter only": "only the first of the shared parameters",
        "lengths of single parameters added": "together are one vector",
        "not normalised": "not to K",
        "sum to 1": "sum to 1, not to K",
        "all 1": "all weights are the same",
        "through .grad": "leaves gradients in .grad",
        "graph freed": "retain_graph=True",
        "an unused parameter": "allow_unused=True",
    },
    "rates_for": {
        "old rates ignored": "ignore the old ones",
        "weights ignored": "not in the right ratio",
        "learning rate left as it was": "times as long as it was",
        "factor the wrong way round": "times as long as it was",
        "sum of the weights": "times as long as it was",
        "not normalised": "sum to",
    },
    "uncertainty": {
        "exp(s)": "more noise gets a larger weight",
        "no second term": "nothing keeps s from growing",
        "1/2 missing for regression": "is there a 1/2 before the loss or not?",
        "1/2 for classification too (seen in public implementations)": "is there a 1/2 before the loss or not?",
        "log sigma for log sigma^2": "s is taken for log sigma",
        "s in the place of s / 2": "the second term is not log sigma",
        "minus s / 2": "the wrong sign",
        "1 / sigma": "1 / sigma in the place of 1 / sigma^2",
        "mean over the tasks": "is it a sum over all tasks?",
        "losses detached": "the gradient in loss is not",
        "s detached": "the gradient in s is not",
        "a float": "to go backward from",
    },
    "gradnorm_slope": {
        "losses, not ratios": "how much of its first loss each task has left",
        "ratios upside down": "upside down",
        "alpha ignored": "ignore alpha",
        "ratios not divided by their mean": "not divided by their mean",
        "mean of the unweighted norms": "the mean of the norms without their weights",
        "weights left out of the comparison": "compared without their weights",
        "always equal pulls": "all targets are the same",
        "sum of the pulls": "should take their mean",
        "targets differentiated": "they are constants",
        "the way down, not the slope": "wrong sign",
        "signs only": "by how much does G_i change",
        "pulls for norms": "where the unweighted norms belong",
        "the square": "that of the square",
        "norms of the first parameter": "first shared parameter alone",
        "norms over the heads too": "not the lengths of the gradients in the shared parameters",
        "changes w": "changes its inputs",
    },
}
