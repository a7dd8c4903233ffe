"""The published numbers: as printed, misprints included, and each in its place once."""

import pandas as pd
import pytest

from mtlkit.data.sources import DATA
from mtlkit.evaluation.reports import (
    HEADLINES,
    SIZES,
    TASKS,
    TITLES,
    apart,
    headlines,
    interval,
    mean3,
    norm3,
    published,
    wide,
)

KEY = ["report", "table", "row", "task", "split"]


@pytest.fixture(scope="module")
def numbers():
    return published()


@pytest.fixture(scope="module")
def rows(numbers):
    return wide(numbers)


def test_each_number_has_one_place(numbers):
    assert not numbers.duplicated(KEY).any()
    assert not numbers[KEY].isna().any(axis=None)
    assert list(numbers) == ["report", "table", "row", "task", "value", "split", "as_printed"]


def test_words_are_the_known_ones(numbers):
    assert set(numbers.report) == set(TITLES)
    assert set(numbers.task) == {*TASKS, "overall"}
    assert set(numbers.split) == {"train", "dev", "test"}


def test_values_are_what_was_printed(numbers):
    printed = pd.to_numeric(numbers.as_printed)
    assert (
        printed.equals(numbers.value)
        or ((printed == numbers.value) | (printed.isna() & numbers.value.isna())).all()
    )


def test_scores_are_in_their_range(numbers):
    values = numbers.dropna(subset="value")
    assert values.value[values.task != "STS"].between(0, 1).all()
    assert values.value.between(-1, 1).all()


def test_only_one_row_was_left_out(numbers):
    left_out = numbers[numbers.value.isna()]
    assert list(left_out.task) == ["PARA", "STS"]
    assert set(left_out.row) == {"1 SST, Paraphrase and STS data sets, Fine Tuning"}


def test_the_card_counts_the_numbers_right(numbers):
    card = (DATA / "results" / "README.md").read_text(encoding="utf-8")
    for report, count in numbers.report.value_counts().items():
        assert f"| {TITLES[report]} | `{report}` | {count} |" in card
    assert f"{len(numbers)} rows" in card


def gap(rows, mean):
    """The printed overall minus the average of its row."""
    return rows.overall - mean(rows.SST, rows.PARA, rows.STS)


def test_the_averages_that_are_none_are_still_there(rows):
    """Three scores and their mean, each rounded to three places, differ by 0.001 at most."""
    plain = rows.loc[["S0", "S1", "S4"]].dropna()
    wrong = plain[gap(plain, mean3).abs() > 0.001]
    assert {row: overall for (_, _, row, _), overall in wrong.overall.items()} == {
        "Robin + extradata + SMART-Regulaization": 0.290,
        "Cosine Similarity as a single extension": 0.407,
        "dropout layers and layer norm on cosine similarity": 0.496,
    }


def test_the_overall_of_two_figures_is_no_average_of_any_kind(rows):
    figures = rows.loc["S2"].loc[["Figure 4", "Figure 5"]].dropna()
    assert (gap(figures, mean3).abs() > 0.05).all()
    assert (gap(figures, norm3).abs() > 0.05).all()
    above = figures.overall > figures[TASKS].max(axis=1)
    assert above.any(), "an average is never above the best of its parts"
    assert (gap(rows.loc["S2"].loc[["section 5.3, Leaderboard"]], mean3).abs() <= 0.001).all()


def test_one_report_averages_in_two_ways(rows):
    table = rows.loc["S3"].loc[["section 4.4"]]
    plain, shifted = gap(table, mean3).abs() <= 0.001, gap(table, norm3).abs() <= 0.001
    assert plain.sum() == 3
    assert shifted.sum() == 6
    assert not (plain & shifted).any()
    assert (~plain & ~shifted).sum() == 2


def test_the_round_robin_row_stands_as_printed(rows):
    printed = rows.loc[("S4", "Table 5", "Round Robin Approach", "dev")]
    assert printed.to_dict() == {"SST": 0.747, "PARA": 0.504, "STS": 0.608, "overall": 0.620}


def test_dev_and_test_scores_of_one_report_are_the_same_numbers(rows):
    dev = rows.loc[("S0", "Table 1", "Robin + extradata", "dev")]
    test = rows.loc[("S0", "section 5.4", "test accuracy scores on the leaderboard", "test")]
    assert list(dev[["SST", "PARA"]]) == list(test[["SST", "PARA"]]) == [0.542, 0.780]


def test_headlines_are_whole_and_in_order(numbers):
    chosen = headlines(numbers)
    assert list(chosen.index) == list(HEADLINES)
    assert not chosen.isna().any(axis=None)


@pytest.mark.parametrize("split", SIZES)
def test_more_examples_leave_less_room(split):
    assert SIZES["dev"]["PARA"] > SIZES["dev"]["SST"]
    widths = {task: high - low for task in TASKS for low, high in [interval(task, 0.6, split)]}
    assert widths["PARA"] < widths["SST"]


def test_an_average_and_a_train_score_have_no_interval():
    with pytest.raises(KeyError):
        interval("overall", 0.6)
    with pytest.raises(KeyError):
        interval("SST", 0.6, "train")


def test_both_averages():
    assert mean3(0.3, 0.6, -0.3) == pytest.approx(0.2)
    assert norm3(0.3, 0.6, -0.3) == pytest.approx((0.3 + 0.6 + 0.35) / 3)
    assert norm3(1.0, 1.0, 1.0) == mean3(1.0, 1.0, 1.0) == 1


def test_two_scores_are_apart_when_their_difference_cannot_be_0():
    low, high = apart("SST", 0.536, 0.532)
    assert low < 0 < high
    assert apart("PARA", 0.747, 0.734)[0] > 0
    assert apart("STS", 0.645, 0.613, "test", "test")[0] > apart("STS", 0.645, 0.613)[0]
