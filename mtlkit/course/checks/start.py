"""The exercises of 00_start_here."""

from mtlkit.evaluation import binomial, reports

from . import NotYet, call, check, compare

SUSPECT = ("S4", "Round Robin Approach", "SST")
CORRECTED = {"SST": 0.504, "PARA": 0.747, "STS": 0.608, "overall": 0.620}


@check(
    "0.1",
    reference=reports.mean3,
    hints=(
        "All three scores count the same, whatever their scale and however many examples stand behind them.",
        "Three numbers go in, one comes out; one of them may be negative.",
        "return (first + second + third) / 3",
    ),
)
def mean3(answer):
    for scores in [(0.5, 0.75, 0.6), (0.25, 0.625, -0.125), (1.0, 1.0, 1.0), (0.1, 0.9, 0.0)]:
        got, want = call(answer, *scores), reports.mean3(*scores)
        if isinstance(got, float) and got == round(want, 3) != want:
            raise NotYet("it rounds; keep every digit until you print")
        if isinstance(got, float) and abs(got - reports.norm3(*scores)) < 1e-9 < abs(got - want):
            raise NotYet(
                "it moves STS to the range 0 to 1 first: that is another average, norm3; leave STS as it is"
            )
        compare(got, want, f"mean3{scores}", atol=1e-9, rtol=0)


@check(
    "0.2",
    reference=binomial,
    hints=(
        "Wilson's interval is not centred on the share: it is drawn a little towards 1/2, most of all for small n.",
        "share and n are numbers, Z stands above; low and high are numbers in [0, 1], and low comes first.",
        "shrink = 1 + Z**2 / n; middle = (share + Z**2 / (2 * n)) / shrink; "
        "half = Z / shrink * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)); return middle - half, middle + half",
    ),
)
def wilson(answer):
    for share, n in [(0.0, 20), (0.9, 50), (0.53, 1101), (1.0, 1), (0.625, 20212)]:
        got = call(answer, share, n)
        if not (isinstance(got, (tuple, list)) and len(got) == 2):
            raise NotYet("two numbers are expected, low and high: return low, high")
        case = f"for a share of {share} of {n} examples"
        low, high = compare_kind(got, case)
        if low > high:
            raise NotYet(f"{case} the first number is above the second: low comes first")
        if share in (0, 1) and high - low < 1e-6:
            raise NotYet(
                f"{case} the interval has no width, as if {n} examples could prove a share of exactly {share}"
            )
        if low < -1e-6 or high > 1 + 1e-6:
            raise NotYet(f"{case} it reaches beyond 0 or 1, where no share can be")
        want = binomial(share, n)
        if abs((low + high) / 2 - share) < 1e-9 and share != 0.5:
            raise NotYet(f"{case} it is centred on the share; Wilson's middle is drawn towards 1/2")
        for name, mine, theirs in (("low", low, want[0]), ("high", high, want[1])):
            compare(mine, theirs, f"{case} {name}", atol=1e-4, rtol=0)


def compare_kind(got, case):
    """Both ends as floats. Raises NotYet for anything else."""
    try:
        return float(got[0]), float(got[1])
    except (TypeError, ValueError):
        raise NotYet(f"{case} low and high are numbers; yours are not") from None


@check(
    "0.3",
    reference=SUSPECT,
    hints=(
        "A bad model can score as low as it likes. So look for a number that is too high, and not by a little.",
        "Three strings: the report's key (S0 to S4), the row's name as printed, and SST, PARA or STS.",
        "For each task, sort the dev and test numbers of all reports; compare the highest with what the papers "
        "above reached on that task with far larger models.",
    ),
)
def suspect(answer):
    if not (
        isinstance(answer, (tuple, list)) and len(answer) == 3 and all(isinstance(a, str) for a in answer)
    ):
        raise NotYet('three strings are expected, such as ("S0", "Baseline", "STS")')
    report, row, task = (text.strip() for text in answer)
    numbers = reports.published()
    if report not in reports.TITLES:
        raise NotYet(f"{report!r} is no report: they are called {', '.join(reports.TITLES)}")
    if task not in reports.TASKS:
        raise NotYet(
            f"{task!r} is no task: SST, PARA or STS. An overall is wrong only if one of its parts is"
        )
    here = numbers[(numbers.report == report) & (numbers.row == row)]
    if here.empty:
        raise NotYet(f"{report} has no row called {row!r}; copy the name from the table above")
    here = here[(here.task == task) & here.value.notna()]
    if here.empty:
        raise NotYet(f"in that row {report} printed no number for {task}")
    here = here[here.split != "train"]  # a row that has train scores has dev scores too
    value, split = here.value.iloc[0], here.split.iloc[0]
    if (report, row, task) != SUSPECT:
        raise NotYet(believable(numbers, value, task, split))


def believable(numbers, value, task, split):
    """Why a published value may well be true: others are like it, or it is merely low."""
    low, high = reports.interval(task, value, split)
    others = numbers[(numbers.task == task) & (numbers.split != "train") & numbers.value.notna()]
    spans = [reports.interval(task, v, s) for v, s in zip(others.value, others.split, strict=True)]
    like = sum(span[0] <= high and low <= span[1] for span in spans) - 1
    said = f"{value:g} on {task} is believable: its 95% interval, {low:.3f} to {high:.3f}, "
    if like:
        return said + f"overlaps with those of {like} other published number{'s' * (like > 1)}"
    return said + f"stands alone, but {sum(others.value > value)} published numbers are higher still"


@check(
    "0.4",
    reference=CORRECTED,
    hints=(
        "Look at what the other two approaches score on each task, on train and on dev, and where this row differs.",
        "Four numbers, all of which stand in the printed row; the overall is the plain mean of the other three.",
        "Which two numbers must change places so that no score is impossible? The mean will not notice.",
    ),
)
def corrected(answer):
    printed = reports.wide(reports.published()).loc[("S4", "Table 5", SUSPECT[1], "dev")].to_dict()
    if not isinstance(answer, dict) or set(answer) != set(CORRECTED):
        raise NotYet("a dictionary with the keys SST, PARA, STS and overall is expected")
    values = {task: number(task, value) for task, value in answer.items()}
    strange = [
        task for task in reports.TASKS if not any(abs(values[task] - v) < 1e-9 for v in printed.values())
    ]
    if strange:
        raise NotYet(
            f"{strange[0]} is a number that the report did not print in this row; no new one is needed"
        )
    if all(abs(values[task] - printed[task]) < 1e-9 for task in values):
        raise NotYet("this is the row as it was printed")
    if len({values[task] for task in reports.TASKS}) < 3:
        raise NotYet("one number of the row stands in two places")
    if abs(values["overall"] - reports.mean3(*(values[task] for task in reports.TASKS))) > 0.001:
        raise NotYet(
            "its overall is not the plain mean of its three scores, as it is in the report's other rows"
        )
    for task in reports.TASKS:
        if abs(values[task] - CORRECTED[task]) > 1e-9:
            low, high = reports.interval(task, values[task])
            raise NotYet(
                f"{values[task]:g} on {task} is not near the other two approaches' dev scores: its interval is "
                f"{low:.3f} to {high:.3f}"
            )
    compare(values, CORRECTED, "your row", atol=1e-9, rtol=0)


def number(task, value):
    """`value` as a float. Raises NotYet if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{task} is {value!r}, which is not a number") from None
