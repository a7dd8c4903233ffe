"""The exercises of 00_start_here."""

from mtlkit.evaluation import binomial, reports

from . import NotYet, call, check, compare

SUSPECT = ("S4", "Round Robin Approach", "SST")
FLOORS = {"SST": 289 / 1101, "PARA": 12_627 / 20_212}  # the commonest label of the real dev sets
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
        for words, other in other_averages(*scores).items():
            if isinstance(got, float) and abs(got - other) < 1e-9 < abs(got - want):
                raise NotYet(f"mean3{scores}: {words}")
        compare(got, want, f"mean3{scores}", atol=1e-9, rtol=0)


def other_averages(sst, para, sts):
    """What `mean3` is taken for, in words -> its value."""
    sizes = reports.SIZES["dev"]
    return {
        "it is in percent; scores are shares of 1": 100 * reports.mean3(sst, para, sts),
        "it weighs each task by its number of examples; here all three count the same": (
            sizes["SST"] * sst + sizes["PARA"] * para + sizes["STS"] * sts
        )
        / sum(sizes.values()),
        "STS is left out": (sst + para) / 2,
        "PARA is left out": (sst + sts) / 2,
        "SST is left out": (para + sts) / 2,
    }


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
        want = binomial(share, n)
        if all(abs(end - its) < 1e-6 for end, its in zip((low, high), middle_and_half(*want), strict=True)):
            raise NotYet(
                f"{case} these look like middle and half; low is middle - half, and high is middle + half"
            )
        if low > high:
            raise NotYet(f"{case} the first number is above the second: low comes first")
        if share in (0, 1) and high - low < 1e-6:
            raise NotYet(
                f"{case} the interval has no width, as if {n} examples could prove a share of exactly {share}"
            )
        if low < -1e-6 or high > 1 + 1e-6:
            raise NotYet(f"{case} it reaches beyond 0 or 1, where no share can be")
        if abs((low + high) / 2 - share) < 1e-9 and share != 0.5:
            raise NotYet(f"{case} it is centred on the share; Wilson's middle is drawn towards 1/2")
        for name, mine, theirs in (("low", low, want[0]), ("high", high, want[1])):
            compare(mine, theirs, f"{case} {name}", atol=1e-4, rtol=0)


def middle_and_half(low, high):
    return (low + high) / 2, (high - low) / 2


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
            f"{task!r} is no task. An overall is computed from the others, and notebook 02 deals with those: "
            "name a score on SST, PARA or STS"
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
        raise NotYet(why_not(numbers[numbers.report != report], value, task, split))


def why_not(others, value, task, split):
    """Why a value is not the one that cannot be true: it is merely low, or other reports' numbers are like it."""
    if value < FLOORS.get(task, -1):
        return (
            f"{value:g} on {task} is low, below the floor: odd, but a model can be that bad. "
            "Which number is too high?"
        )
    low, high = reports.interval(task, value, split)
    others = others[(others.task == task) & (others.split != "train") & others.value.notna()]
    spans = [reports.interval(task, v, s) for v, s in zip(others.value, others.split, strict=True)]
    like = sum(span[0] <= high and low <= span[1] for span in spans)
    if like:
        return (
            f"{value:g} on {task} is believable: its 95% interval, {low:.3f} to {high:.3f}, overlaps with "
            f"{'that' if like == 1 else 'those'} of {like} number{'s' * (like > 1)} in other reports"
        )
    if value > others.value.max():
        return f"{value:g} on {task} is far above the other reports, but no ceiling is known here for {task}"
    return (
        f"{value:g} on {task} stands alone, but numbers of other reports are higher still: "
        f"{sum(others.value > value)} of them"
    )


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
    if abs(values["overall"] - CORRECTED["overall"]) > 1e-9:
        raise NotYet("the overall is not as it was printed, with three digits")


def number(task, value):
    """`value` as a float. Raises NotYet if it is none."""
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise NotYet(f"{task} is {value!r}, which is not a number") from None
