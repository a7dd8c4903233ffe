"""Wrong answers to the exercises of 00_start_here."""

from math import sqrt

Z = 1.959964


def normal(share, n):
    """The interval of most textbooks: no width at 0 and 1, beyond them near 0 and 1."""
    half = Z * sqrt(share * (1 - share) / n)
    return share - half, share + half


def wilson(share, n, z=Z, n_in_root=True, shrink=True):
    scale = 1 + z**2 / n if shrink else 1
    middle = (share + z**2 / (2 * n)) / scale
    half = z / scale * sqrt(share * (1 - share) / (n if n_in_root else 1) + z**2 / (4 * n**2))
    return middle - half, middle + half


def clipped_normal(share, n):
    low, high = normal(share, n)
    return max(low, 0.0), min(high, 1.0)


def half_only(share, n):
    low, high = wilson(share, n)
    return (high - low) / 2


def middle_and_half(share, n):
    low, high = wilson(share, n)
    return (low + high) / 2, (high - low) / 2


PLANTED = {
    "mean3": {
        "moves STS to 0 to 1 first (one report's overall)": lambda a, b, c: (a + b + (c + 1) / 2) / 3,
        "forgets brackets": lambda a, b, c: a + b + c / 3,
        "adds only": lambda a, b, c: a + b + c,
        "weighs by the number of examples": lambda a, b, c: (1101 * a + 20212 * b + 863 * c) / 22176,
        "in percent": lambda a, b, c: 100 * (a + b + c) / 3,
        "STS left out": lambda a, b, c: (a + b) / 2,
        "rounds as tables do": lambda a, b, c: round((a + b + c) / 3, 3),
        "takes the best score (no average can be that)": lambda a, b, c: max(a, b, c),
        "returns nothing": lambda a, b, c: print(end=""),
        "gives a list": lambda a, b, c: [a, b, c],
    },
    "wilson": {
        "normal approximation": normal,
        "normal approximation, clipped": clipped_normal,
        "z for 90%": lambda share, n: wilson(share, n, 1.645),
        "z = 2 at small n": lambda share, n: wilson(share, n, 2.0),
        "n forgotten in the root": lambda share, n: wilson(share, n, n_in_root=False),
        "not divided by 1 + z^2/n": lambda share, n: wilson(share, n, shrink=False),
        "high before low": lambda share, n: wilson(share, n)[::-1],
        "half the width only": half_only,
        "middle and half": middle_and_half,
        "low and high as text": lambda share, n: ("low", "high"),
        "a standard error": lambda share, n: (share - sqrt(share * (1 - share) / n), share),
    },
    "suspect": {
        "below the floor, not above the ceiling": ("S4", "Round Robin Approach", "PARA"),
        "an ordinary number": ("S4", "Round Robin Approach", "STS"),
        "broken, but possible": ("S0", "Robin + extradata + SMART-Regulaization", "PARA"),
        "a task that is not there": ("S4", "Base minBERT (Baseline)", "MRPC"),
        "a row with a train score too": ("S3", "3 and 4 hidden layers [run 321]", "SST"),
        "the best report": ("S3", "LeakyRelu BS8 D0.05 LR0.7e-5", "STS"),
        "the highest on PARA": ("S3", "LeakyRelu BS32 D0.1 LR0.7e-5", "PARA"),
        "an average": ("S2", "3 Paraphrase only, Fine Tuning", "overall"),
        "a cell left empty": ("S2", "1 SST, Paraphrase and STS data sets, Fine Tuning", "STS"),
        "a row that is not there": ("S4", "Round Robin", "SST"),
        "a report that is not there": ("S5", "Round Robin Approach", "SST"),
        "the value itself": 0.747,
        "one string": "S4",
    },
    "corrected": {
        "as printed": {"SST": 0.747, "PARA": 0.504, "STS": 0.608, "overall": 0.620},
        "believable, but invented": {"SST": 0.531, "PARA": 0.747, "STS": 0.608, "overall": 0.620},
        "only one number moved": {"SST": 0.504, "PARA": 0.504, "STS": 0.608, "overall": 0.620},
        "the wrong pair exchanged": {"SST": 0.608, "PARA": 0.504, "STS": 0.747, "overall": 0.620},
        "a round of three": {"SST": 0.504, "PARA": 0.608, "STS": 0.747, "overall": 0.620},
        "the mean moved with them": {"SST": 0.504, "PARA": 0.747, "STS": 0.608, "overall": 0.747},
        "the scores without their mean": {"SST": 0.504, "PARA": 0.747, "STS": 0.608},
        "text": {"SST": "low", "PARA": 0.747, "STS": 0.608, "overall": 0.620},
        "a number as text": {"SST": 0.504, "PARA": 0.747, "STS": 0.608, "overall": "0.62"},
        "the mean with all its digits": {"SST": 0.504, "PARA": 0.747, "STS": 0.608, "overall": 1.859 / 3},
        "a list": [0.504, 0.747, 0.608, 0.620],
    },
}

TOLD = {  # words that the verdict must have
    "mean3": {
        "weighs by the number of examples": "number of examples",
        "in percent": "percent",
        "STS left out": "STS is left out",
    },
    "wilson": {"middle and half": "look like middle and half"},
    "suspect": {
        "below the floor, not above the ceiling": "below the floor",
        "an ordinary number": "in other reports",
        "the best report": "no ceiling is known",
        "an average": "computed from the others",
    },
    "corrected": {
        "the mean with all its digits": "three digits",
        "a number as text": "not a number",
    },
}
