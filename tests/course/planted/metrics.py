"""Wrong answers to the exercises of 02_metrics_and_floors."""

import numpy as np
from scipy import stats

from mtlkit.evaluation import mean3, norm3

# --- 2.1 ----------------------------------------------------------------------------------------------------


def cosine(x, y):
    return x @ y / np.sqrt((x @ x) * (y @ y))


def plain(x, y, square=False, absolute=False):
    """Right but for a constant side."""
    x, y = x - x.mean(), y - y.mean()
    lengths = np.sqrt((x @ x) * (y @ y))
    if lengths == 0:
        return 0.0
    r = x @ y / lengths
    return r**2 if square else abs(r) if absolute else r


def nan_for_constants(x, y):
    return np.corrcoef(x, y)[0, 1]  # as scipy and sentence-transformers had it


def mixed_spreads(x, y):
    both = np.std(x) * np.std(y)
    return np.cov(x, y)[0, 1] / both if both else 0.0  # cov divides by n - 1, std by n


def no_root(x, y):
    x, y = x - x.mean(), y - y.mean()
    return x @ y / (x @ x * (y @ y)) if x @ x * (y @ y) else 0.0


def in_place(x, y):
    x -= x.mean()
    y -= y.mean()
    return plain(x, y)


def one_spread(x, y):
    x, y = x - x.mean(), y - y.mean()
    return x @ y / (x @ x) if x @ x else 0.0  # the slope of a regression


def one_side_centred(x, y):
    lengths = np.sqrt(((x - x.mean()) ** 2).sum() * (y**2).sum())
    return ((x - x.mean()) * y).sum() / lengths if lengths else 0.0


# --- 2.2 ----------------------------------------------------------------------------------------------------


def resample(metric, predictions, labels, draws, generator, *, how="with", size=1.0, ends=(0.025, 0.975)):
    n = len(labels)
    take, scores = int(size * n), []
    for _ in range(draws):
        rows = generator.choice(n, size=take, replace=how != "without")
        theirs = generator.integers(n, size=take) if how == "two draws" else rows
        scores.append(metric(predictions[rows], labels[theirs]))
    return tuple(np.quantile(scores, ends))


def own_generator(metric, predictions, labels, draws, generator):
    return resample(metric, predictions, labels, draws, np.random.default_rng(0))


def global_numpy(metric, predictions, labels, draws, generator):
    return resample(metric, predictions, labels, draws, np.random.RandomState())


def same_draw(metric, predictions, labels, draws, generator):
    rows = generator.integers(len(labels), size=len(labels))
    scores = [metric(predictions[rows], labels[rows]) for _ in range(draws)]
    return min(scores), max(scores)


def only_labels_move(metric, predictions, labels, draws, generator):
    n = len(labels)
    scores = [metric(predictions, labels[generator.integers(n, size=n)]) for _ in range(draws)]
    return tuple(np.quantile(scores, [0.025, 0.975]))


def standard_error(metric, predictions, labels, draws, generator):
    n, scores = len(labels), []
    for _ in range(draws):
        rows = generator.integers(n, size=n)
        scores.append(metric(predictions[rows], labels[rows]))
    error = np.std(scores) / np.sqrt(draws)  # the error of the mean over draws, which has no meaning
    return np.mean(scores) - 1.96 * error, np.mean(scores) + 1.96 * error


def never_resamples(metric, predictions, labels, draws, generator):
    score = metric(predictions, labels)
    return score - 0.05, score + 0.05


# --- 2.3 ----------------------------------------------------------------------------------------------------


def namer(slack=0.001, first="mean3", lower=True, moved_top=True, moved_low=False, ends=True):
    def name(sst, para, sts, overall):
        fits = {"mean3": mean3(sst, para, sts), "norm3": norm3(sst, para, sts)}
        for key in (first, *fits):
            if abs(overall - fits[key]) <= slack:
                return key
        low = min(sst, para, (sts + 1) / 2 if moved_low else sts)
        high = max(sst, para, (sts + 1) / 2 if moved_top else sts)
        give = slack if ends else 0
        below = lower and overall < low - give
        return "impossible" if below or overall > high + give else "neither"

    return name


def exchanged(*scores):
    return {"mean3": "norm3", "norm3": "mean3"}.get(word := namer()(*scores), word)


def without_sts(sst, para, sts, overall):
    word = namer()(sst, para, sts, overall)
    if word in ("mean3", "norm3"):
        return word
    return "neither" if min(sst, para) - 0.001 <= overall <= max(sst, para) + 0.001 else "impossible"


# --- 2.4 ----------------------------------------------------------------------------------------------------


def best(k, share, n, kind="best"):
    x = np.arange(n)
    F = stats.binom.cdf(x, n, share)
    return float(
        {
            "worst": ((1 - F) ** k).sum() / n,
            "count": (1 - F**k).sum(),
            "k times": k * (1 - F).sum() / n,
            "product": (1 - F * k).sum() / n,
            "short": (1 - F[:-1] ** k).sum() / n,
            "from 1": (1 - F[1:] ** k).sum() / n,
            "mass": (1 - stats.binom.pmf(x, n, share) ** k).sum() / n,
            "one run": (1 - F).sum() / n,
            "upper end": stats.binom.ppf(0.975 ** (1 / k), n, share) / n,
            "standard errors": share + np.sqrt(2 * np.log(k) * share * (1 - share) / n),
        }[kind]
    )


def simulated(k, share, n):
    return np.random.default_rng(0).binomial(n, share, size=(200, k)).max(axis=1).mean() / n


PLANTED = {
    "pearson": {
        "cosine of the raw values": cosine,
        "covariance": lambda x, y: ((x - x.mean()) * (y - y.mean())).mean(),
        "r squared (a regression's R2)": lambda x, y: plain(x, y, square=True),
        "no sign": lambda x, y: plain(x, y, absolute=True),
        "NaN for constant predictions (transformers #11555)": nan_for_constants,
        "n in one place, n - 1 in the other": mixed_spreads,
        "a slope: one spread only": one_spread,
        "the root forgotten": no_root,
        "changes its inputs": in_place,
        "one side centred": one_side_centred,
        "ranks": lambda x, y: stats.spearmanr(x, y)[0],
        "the whole matrix": np.corrcoef,
        "1 for constants": lambda x, y: plain(x, y) if np.ptp(x) and np.ptp(y) else 1.0,
        "minus the squared error": lambda x, y: -float(((x - y) ** 2).mean()),
        "returns nothing": lambda x, y: None,
    },
    "bootstrap_interval": {
        "without replacement: no draw differs": lambda *a: resample(*a, how="without"),
        "half of the examples": lambda *a: resample(*a, size=0.5),
        "half of them without replacement": lambda *a: resample(*a, how="without", size=0.5),
        "predictions and labels drawn apart": lambda *a: resample(*a, how="two draws"),
        "only the labels are drawn": only_labels_move,
        "90% interval": lambda *a: resample(*a, ends=(0.05, 0.95)),
        "2.5 and 97.5 where 0.025 and 0.975 are meant": lambda *a: resample(*a, ends=(0.25, 0.975)),
        "smallest and largest draw": lambda *a: resample(*a, ends=(0, 1)),
        "high before low": lambda *a: resample(*a)[::-1],
        "standard error of the mean over draws": standard_error,
        "a generator of its own": own_generator,
        "numpy's global state": global_numpy,
        "one draw, scored again and again": same_draw,
        "ten draws, whatever is asked": lambda m, p, y, draws, g: resample(m, p, y, 10, g),
        "no resampling": never_resamples,
        "low only": lambda *a: resample(*a)[0],
    },
    "name_the_average": {
        "equality of floats": namer(slack=0),
        "half a thousandth": namer(slack=0.0005),
        "a hundredth": namer(slack=0.01),
        "mean3 and norm3 exchanged": exchanged,
        "forgets that an average has a lower end": namer(lower=False),
        "range of the scores as printed only": namer(moved_top=False),
        "lower end with STS moved": namer(moved_low=True),
        "no slack at the ends": namer(ends=False),
        "a range without STS": without_sts,
        "norm3 where both fit": namer(first="norm3"),
        "all that fits no formula is impossible": lambda *a: (
            word if (word := namer()(*a)) in ("mean3", "norm3") else "impossible"
        ),
        "a truth value": lambda *a: namer()(*a) == "mean3",
        "own words": lambda *a: "ok" if namer()(*a) == "mean3" else "wrong",
        "returns nothing": lambda *a: None,
    },
    "expected_best": {
        "the worst of k": lambda *a: best(*a, kind="worst"),
        "a count": lambda *a: best(*a, kind="count"),
        "k times the mean": lambda *a: best(*a, kind="k times"),
        "F times k": lambda *a: best(*a, kind="product"),
        "np.arange(n - 1)": lambda *a: best(*a, kind="short"),
        "the sum starts at 1": lambda *a: best(*a, kind="from 1"),
        "the mass in the place of F": lambda *a: best(*a, kind="mass"),
        "k forgotten": lambda *a: best(*a, kind="one run"),
        "the upper end of the best": lambda *a: best(*a, kind="upper end"),
        "a bound for large k": lambda *a: best(*a, kind="standard errors"),
        "a few simulated runs": simulated,
        "the share of one run": lambda k, share, n: share,
        "returns nothing": lambda k, share, n: None,
    },
}

TOLD = {  # words that the verdict must have
    "pearson": {"the root forgotten": "their root is missing", "changes its inputs": "a new array"},
    "name_the_average": {
        "a hundredth": "farther off than printed digits",
        "a range without STS": "more than the two accuracies",
    },
    "expected_best": {
        "the worst of k": "the worst of them",
        "F times k": "taken times k",
        "np.arange(n - 1)": "stops too early",
        "the sum starts at 1": "starts too late",
    },
}
