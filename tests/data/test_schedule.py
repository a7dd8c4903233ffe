"""Whose batch comes next: plans that keep their promised shares, and exposure that equals what is really handed out."""

import pickle
from collections import Counter
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from mtlkit.data import (
    Encoded,
    RoundRobin,
    Sampled,
    Schedule,
    Sequential,
    Stream,
    Summed,
    annealed,
    balanced_batch_sizes,
    exposure,
    orders,
)

SIZES = {"sst": 8_544, "para": 141_506, "sts": 6_040}  # the CS224N files
SMALL = {"a": 7, "b": 20, "c": 4}  # in batches of 4: 2, 5, 1
KINDS = [
    Sequential,
    RoundRobin,
    Summed,
    Sampled,
    lambda *given, **more: RoundRobin(*given, until=13, **more),
    lambda *given, **more: Summed(*given, until=13, **more),
    lambda *given, **more: Sampled(*given, alpha=annealed, **more),
]
every_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=["sequential", "robin", "summed", "sampled", "robin 13", "summed 13", "annealed"]
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def names(plan):
    """Steps of one task each, as one string."""
    return "".join(task for (task,) in plan)


def only(table, epoch, column):
    """A column of `exposure`, one epoch, as task -> value."""
    return table[table.epoch == epoch].set_index("task")[column].to_dict()


def held(plan):
    """Task -> how many steps hold a batch of it."""
    return Counter(chain(*plan))


# the plans, by hand


def test_sequential_is_a_pass_of_each_task_in_the_given_order():
    assert names(Sequential(SMALL, 4, 1).plan(1, generator())) == "aabbbbbc"
    assert names(Sequential(SMALL, 4, 1, order=["c", "a", "b"]).plan(1, generator())) == "caabbbbb"


@pytest.mark.parametrize(
    ("until", "cycles"), [("smallest", 1), ("largest", 5), ("mean", 3), (13, 4), (12, 3)]
)
def test_round_robin_takes_every_task_in_turn_until_its_end(until, cycles):
    """The released code of one paper never moved on from task 0."""
    schedule = RoundRobin(SMALL, 4, 2, until)
    assert names(schedule.plan(1, generator())) == "abc" * cycles
    assert names(RoundRobin(SMALL, 4, 2, until, order=["c", "b", "a"]).plan(2, generator())) == "cba" * cycles
    summed = Summed(SMALL, 4, 2, until)
    assert summed.plan(1, generator()) == [("a", "b", "c")] * cycles
    assert (schedule.steps(1), summed.steps(1)) == (3 * cycles, cycles)
    assert schedule.shares(1) == pytest.approx(dict.fromkeys("abc", 1 / 3))
    assert summed.shares(1) == dict.fromkeys("abc", 1.0)


def test_equal_examples_a_task_need_unequal_steps_where_batch_sizes_differ():
    sizes = {"a": 4, "b": 8, "c": 2}
    assert names(RoundRobin(SMALL, sizes, 1, 8).plan(1, generator())) == "abcaccc"
    assert Summed(SMALL, sizes, 1, 8).plan(1, generator()) == [("a", "b", "c"), ("a", "c"), ("c",), ("c",)]
    assert Summed(SMALL, sizes, 1, 8).shares(1) == {"a": 0.5, "b": 0.25, "c": 1.0}


def test_largest_is_the_task_with_most_batches_not_with_most_examples():
    assert RoundRobin(SMALL, {"a": 1, "b": 10, "c": 4}, 1, "largest").counts(1) == dict.fromkeys("abc", 7)


def test_all_orders_of_three_tasks():
    assert len(orders(SMALL)) == len(set(orders(SMALL))) == 6
    plans = {names(Sequential(SMALL, 4, 1, order=order).plan(1, generator())) for order in orders(SMALL)}
    assert plans == {"".join(task * -(-SMALL[task] // 4) for task in order) for order in orders(SMALL)}


def test_a_share_of_a_pass_goes_on_with_the_next_share():
    schedule = Sequential(SIZES, 32, 4, share=0.25)
    assert exposure(schedule).groupby("task").passes.sum().to_dict() == pytest.approx(
        dict.fromkeys(SIZES, 1.0), abs=0.01
    )
    with pytest.raises(ValueError, match="share is above 0"):
        Sequential(SMALL, 4, 1, share=0)


# what holds for every schedule


@every_kind
@pytest.mark.parametrize("start", [{}, {"sts": 2}])
@pytest.mark.parametrize("batch_sizes", [32, {"sst": 8, "para": 64, "sts": 8}])
def test_a_budget_is_kept_whatever_the_schedule(kind, start, batch_sizes):
    schedule = kind(SIZES, batch_sizes, 3, start=start).within(20_000)
    assert (type(schedule).__name__, schedule.start) == (type(kind(SIZES, batch_sizes, 3)).__name__, start)
    a_batch_each = 3 * sum(schedule.batch_size(task) for task in SIZES)
    assert exposure(schedule).examples.sum() == pytest.approx(20_000, abs=a_batch_each)
    with pytest.raises(ValueError, match="the budget is 20"):
        schedule.within(20)


@every_kind
@given(
    sizes=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40), min_size=1),
    batch_size=st.integers(1, 9),
    epochs=st.integers(1, 4),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_plans_keep_what_steps_and_shares_promise(kind, sizes, batch_size, epochs, seed, data):
    late = [task for task in list(sizes)[1:] if data.draw(st.booleans())]
    start = {task: data.draw(st.integers(1, epochs)) for task in late}
    schedule = kind(sizes, batch_size, epochs, start=start)
    for epoch in range(1, epochs + 1):
        plan, shares, steps = (
            schedule.plan(epoch, generator(seed)),
            schedule.shares(epoch),
            schedule.steps(epoch),
        )
        assert len(plan) == steps > 0
        assert set(shares) == set(sizes)
        assert {task for task in sizes if shares[task] > 0} == {t for t in sizes if start.get(t, 1) <= epoch}
        assert set(chain(*plan)) <= {task for task in sizes if shares[task] > 0}
        assert schedule.counts(epoch) == pytest.approx({t: s * steps for t, s in shares.items() if s})
        if isinstance(schedule, Sampled):
            assert sum(shares.values()) == pytest.approx(1)
        else:
            assert held(plan) == schedule.counts(epoch)


@every_kind
def test_a_plan_depends_on_epoch_and_generator_alone(kind):
    schedule = kind(SMALL, 4, 3)
    before = torch.get_rng_state()
    stored = [generator(3).get_state()]
    draws, plans = generator(3), []
    for epoch in (1, 2, 3):
        plans.append(schedule.plan(epoch, draws))
        stored.append(draws.get_state())
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(schedule, Sampled) != torch.equal(
        stored[0], stored[-1]
    )  # who draws nothing takes nothing
    resumed = generator(99)
    resumed.set_state(stored[1])  # the run stopped somewhere in epoch 2
    assert [schedule.plan(2, resumed), schedule.plan(3, resumed)] == plans[1:]


@every_kind
def test_no_task_is_trained_before_its_start(kind):
    schedule = kind(SMALL, 4, 3, start={"b": 2, "c": 3})
    seen = [set(chain(*schedule.plan(epoch, generator()))) for epoch in (1, 2, 3)]
    assert seen[0] == {"a"}
    assert "c" not in seen[1]
    assert schedule.shares(1) == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert only(exposure(schedule), 2, "total_steps")["c"] == 0


def test_a_schedule_cannot_be_changed_and_can_be_stored():
    schedule = Sampled(SMALL, 4, 3, alpha=annealed)
    with pytest.raises(AttributeError):
        schedule.epochs = 4
    assert pickle.loads(pickle.dumps(schedule)) == schedule


# sampling


def p(sizes, alpha):
    return {task: n**alpha / sum(m**alpha for m in sizes.values()) for task, n in sizes.items()}


@pytest.mark.parametrize("alpha", [1, 0.5, 1 / 3, 0.2, 0, 2], ids=str)
def test_probabilities_are_powers_of_the_sizes(alpha):
    assert Sampled(SIZES, 32, 1, alpha).shares(1) == pytest.approx(p(SIZES, alpha))


def test_the_last_annealed_epoch_is_not_nearly_equal():
    """S2 says "almost equally for all tasks towards the last" epochs; at alpha 0.2 PARA still has almost half."""
    last = Sampled({**SIZES, "sts": 6_041}, 32, 10, annealed).shares(10)
    assert {task: round(share, 3) for task, share in last.items()} == {
        "sst": 0.271,
        "para": 0.476,
        "sts": 0.253,
    }


def test_annealing_goes_from_1_to_02_and_powers_never_compound():
    schedule = Sampled(SIZES, 32, 10, annealed)
    for epoch in (10, 5, 1, 5):  # in any order: there is no memory
        assert schedule.shares(epoch) == pytest.approx(p(SIZES, 1 - 0.8 * (epoch - 1) / 9))
    assert schedule.shares(5)["para"] == pytest.approx(
        0.772, abs=5e-4
    )  # 0.589 where last epoch's p are reused
    assert [annealed(1, 1), annealed(1, 2), annealed(2, 2)] == pytest.approx([1, 1, 0.2])


def test_given_weights_are_the_probabilities_up_to_their_sum():
    schedule = Sampled(SIZES, 32, 2, weights={"sst": 1, "sts": 3, "para": 4})
    assert schedule.shares(2) == pytest.approx({"sst": 1 / 8, "para": 1 / 2, "sts": 3 / 8})
    delayed = Sampled(SIZES, 32, 2, weights={"sst": 1, "sts": 3, "para": 4}, start={"para": 2})
    assert delayed.shares(1) == pytest.approx({"sst": 1 / 4, "para": 0, "sts": 3 / 4})
    with_temperature = Sampled(SIZES, 32, 1, 0.5, weights={"sst": 1, "para": 4, "sts": 9})
    assert with_temperature.shares(1) == pytest.approx({"sst": 1 / 6, "para": 2 / 6, "sts": 3 / 6})


@pytest.mark.parametrize("alpha", [1, 0.5, 0, annealed], ids=["proportional", "root", "uniform", "annealed"])
@pytest.mark.parametrize("order", [(), ("d", "c", "b", "a")], ids=["given", "reversed"])
def test_tasks_are_drawn_as_often_as_promised(alpha, order):
    """`randint(0, n - 1)` never drew the fourth of four tasks, in a report that says "uniform"."""
    schedule = Sampled(
        {"a": 50, "b": 100, "c": 150, "d": 40}, 4, 3, alpha, steps_per_epoch=20_000, order=order
    )
    for epoch in (1, 2, 3):
        drawn, shares = held(schedule.plan(epoch, generator(epoch))), schedule.shares(epoch)
        assert set(drawn) == set("abcd")
        assert chisquare([drawn[t] for t in "abcd"], [20_000 * shares[t] for t in "abcd"]).pvalue > 1e-3


def test_draws_do_not_hang_together():
    """Which task follows which: pairs of neighbours come as often as independent draws make them."""
    drawn = names(Sampled({"a": 1, "b": 1, "c": 1}, 1, 1, steps_per_epoch=30_000).plan(1, generator()))
    pairs = Counter(zip(drawn[::2], drawn[1::2], strict=True))
    assert len(pairs) == 9
    assert chisquare(list(pairs.values())).pvalue > 1e-3


def test_a_sampled_epoch_has_as_many_steps_as_its_tasks_have_batches():
    assert Sampled(SMALL, 4, 2).steps(1) == 8
    assert Sampled(SMALL, 4, 2, start={"b": 2}).steps(1) == 3
    assert Sampled(SMALL, 4, 2, steps_per_epoch=100).steps(2) == 100


# exposure


def test_until_the_largest_is_through_the_smallest_is_seen_234_times():
    """S1, ten epochs: 16.6 and 23.4 passes an epoch over SST and STS, 166 and 234 in all."""
    for kind in (RoundRobin, Summed):
        table = exposure(kind(SIZES, 32, 10, "largest"))
        assert only(table, 1, "passes") == pytest.approx({"sst": 16.6, "para": 1, "sts": 23.4}, abs=0.05)
        assert only(table, 10, "total_passes") == pytest.approx({"sst": 166, "para": 10, "sts": 234}, abs=0.5)
        assert only(table, 10, "steps") == dict.fromkeys(SIZES, 4_423)


def test_equal_examples_a_task_are_4_percent_of_the_question_pairs():
    table = exposure(RoundRobin(SIZES, 32, 1, until=6_041))
    assert only(table, 1, "examples") == pytest.approx(dict.fromkeys(SIZES, 6_041), abs=32)
    assert only(table, 1, "passes")["para"] == pytest.approx(0.04, abs=0.005)


def test_64_8_8_does_not_balance_and_64_3_2_does():
    def batches(para, sst, sts):
        return only(exposure(Sequential(SIZES, {"sst": sst, "para": para, "sts": sts}, 1)), 1, "steps")

    # The report counts full batches, 141,506 // 64 = 2,211; two examples are left for one more.
    assert batches(64, 8, 8) == {"sst": 1_068, "para": 2_211 + 1, "sts": 755}
    balanced = balanced_batch_sizes(SIZES, 64)
    assert balanced == {"sst": 3, "para": 64, "sts": 2}
    assert max(batches(64, 8, 8).values()) > 2.9 * min(batches(64, 8, 8).values())
    assert max(batches(**balanced).values()) < 1.4 * min(batches(**balanced).values())


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10**6), min_size=1), st.integers(1, 512))
def test_balanced_batch_sizes_balance(sizes, largest):
    chosen = balanced_batch_sizes(sizes, largest)
    top = max(sizes, key=sizes.__getitem__)
    assert chosen[top] == largest
    for task, size in sizes.items():
        if size * largest >= sizes[top]:  # the exact ratio is at least 1
            assert 1 <= (size / chosen[task]) / (sizes[top] / largest) < 2
        else:
            assert chosen[task] == 1


@every_kind
def test_exposure_is_what_the_plans_add_up_to(kind):
    schedule = kind(SMALL, 4, 3, start={"c": 2})
    table = exposure(schedule)
    assert list(table.columns[:5]) == ["epoch", "task", "steps", "examples", "passes"]
    assert list(zip(table.epoch, table.task, strict=True)) == [(e, t) for e in (1, 2, 3) for t in SMALL]
    trials = 400 if isinstance(schedule, Sampled) else 1
    draws, counts, total = generator(), Counter(), Counter()
    for _ in range(trials):
        for epoch in (1, 2, 3):
            of_epoch = held(schedule.plan(epoch, draws))
            total += of_epoch
            counts += Counter({(epoch, task): n for task, n in of_epoch.items()})
    tolerance = dict(rel=0.15) if trials > 1 else {}
    for row in table.itertuples():
        assert counts[row.epoch, row.task] / trials == pytest.approx(row.steps, **tolerance)
        assert row.passes == pytest.approx(row.examples / SMALL[row.task])
        assert row.passes == pytest.approx(row.steps / -(-SMALL[row.task] // 4))
    last = table[table.epoch == 3].set_index("task")
    for task in SMALL:
        assert total[task] / trials == pytest.approx(last.total_steps[task], **tolerance)
        for column in ("steps", "examples", "passes"):
            assert last[f"total_{column}"][task] == pytest.approx(table[table.task == task][column].sum())


def test_exposure_is_what_streams_hand_out():
    schedule = RoundRobin(SMALL, 4, 10, "largest")
    streams = {task: Stream(encoded(n), 4, generator(n)) for task, n in SMALL.items()}
    handed = Counter()
    for epoch in range(1, 11):
        for (task,) in schedule.plan(epoch, generator()):
            handed[task] += len(streams[task].next_index())
    assert handed == only(exposure(schedule), 10, "total_examples")  # whole passes: exact


# streams


def encoded(n):
    rows = [[1] * (1 + i * 7 % 13) for i in range(n)]
    return Encoded((rows,), (rows,), None, [str(i) for i in range(n)])


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 60), st.integers(0, 99))
def test_a_stream_goes_on_exactly_from_any_cut(n, batch_size, cut, seed):
    stream = Stream(encoded(n), batch_size, generator(seed))
    for _ in range(cut):
        stream.next_index()
    state = stream.state()
    rest = [stream.next_index() for _ in range(40)]
    other = Stream(encoded(n), batch_size, generator(seed + 1))
    other.next_index()
    for _ in range(2):  # a state can be used again
        other.restore(state)
        assert other.state()["place"] == state["place"]
        assert [other.next_index() for _ in range(40)] == rest
    assert torch.equal(other.state()["generator"], stream.state()["generator"])


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_every_pass_of_a_stream_holds_every_example_once(n, batch_size, seed):
    stream = Stream(encoded(n), batch_size, generator(seed))
    for _ in range(4):
        batches = [stream.next_index() for _ in range(-(-n // batch_size))]
        assert sorted(chain(*batches)) == list(range(n))


def test_a_stream_reshuffles_every_pass_and_only_from_its_generator():
    before = torch.get_rng_state()
    stream = Stream(encoded(200), 8, generator())
    passes = [[tuple(sorted(stream.next_index())) for _ in range(25)] for _ in range(3)]
    assert torch.equal(torch.get_rng_state(), before)
    assert len(set(chain(*passes))) > 60  # of 75
    again = Stream(encoded(200), 8, generator())
    assert [tuple(sorted(again.next_index())) for _ in range(75)] == list(chain(*passes))


def test_taking_the_state_changes_nothing_and_it_survives_a_file(tmp_path):
    stream, twin = (Stream(encoded(30), 4, generator(5)) for _ in range(2))
    for _ in range(11):
        torch.save(stream.state(), tmp_path / "state")
        last = stream.next_index()
        assert last == twin.next_index()
    twin.restore(torch.load(tmp_path / "state", weights_only=True))
    assert [twin.next_index() for _ in range(20)] == [last] + [stream.next_index() for _ in range(19)]


# what cannot be


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sequential({}, 4, 1), "sizes is empty"),
        (lambda: Sequential({"a": 3, "b": 0}, 4, 1), "number of examples of 'b'.*at least 1, not 0"),
        (lambda: Sequential(SMALL, 0, 1), "batch size of 'a' is at least 1, not 0"),
        (lambda: Sequential(SMALL, {"a": 1, "b": -2, "c": 3}, 1), "batch size of 'b' is at least 1, not -2"),
        (lambda: Sequential(SMALL, {"a": 1, "b": 2}, 1), r"batch_sizes names \['a', 'b'\].*'c'"),
        (lambda: Sequential(SMALL, 4, 0), "epochs is at least 1, not 0"),
        (lambda: Sequential(SMALL, 4, 1, order=["a", "b"]), r"order names \['a', 'b'\].*'c'.*once"),
        (lambda: Sequential(SMALL, 4, 1, order=["a", "b", "b"]), "order names"),
        (lambda: Sequential(SMALL, 4, 2, start={"d": 1}), "start d: 1.*'a', 'b', 'c'"),
        (lambda: Sequential(SMALL, 4, 2, start={"a": 3}), r"start a: 3.*1\.\.2"),
        (lambda: Sequential(SMALL, 4, 2, start={"a": 0}), r"start a: 0.*1\.\.2"),
        (lambda: Sequential(SMALL, 4, 2, start=dict.fromkeys("abc", 2)), "epoch 1 without a task"),
        (lambda: RoundRobin(SMALL, 4, 1, "biggest"), "smallest.*largest.*mean.*not 'biggest'"),
        (lambda: RoundRobin(SMALL, 4, 1, 0), "until.*not 0"),
        (lambda: Summed(SMALL, 4, 1, "max"), "until.*not 'max'"),
        (lambda: Sampled(SMALL, 4, 1, -0.1), "alpha is 0 or more.*not -0.1"),
        (lambda: Sampled(SMALL, 4, 1, float("nan")), "alpha.*nan"),
        (lambda: Sampled(SMALL, 4, 1, 1e4), "leaves all tasks a chance, not 10000"),
        (lambda: Sampled(SMALL, 4, 5, lambda e, E: 3 - e), r"alpha.*not -1 \(epoch 4\)"),
        (lambda: Sampled(SMALL, 4, 1, steps_per_epoch=0), "steps_per_epoch is at least 1, not 0"),
        (lambda: Sampled(SMALL, 4, 1, weights={"a": 1, "b": 2}), r"weights names \['a', 'b'\].*'c'"),
        (
            lambda: Sampled(SMALL, 4, 1, weights={"a": 1, "b": 2, "c": -1}),
            "weights are above 0.*'c': -1.*leave",
        ),
        (lambda: Sampled(SMALL, 4, 1, weights={"a": 1, "b": 2, "c": 0}), "weights are above 0"),
        (lambda: Sampled(SMALL, 4, 1, weights=dict.fromkeys("abc", 0)), "weights are above 0"),
        (lambda: Sampled(SMALL, 4, 1, weights={"a": 1, "b": 2, "c": float("inf")}), "weights are above 0"),
        (lambda: balanced_batch_sizes({}, 64), "sizes is empty"),
        (lambda: balanced_batch_sizes({"a": 0}, 64), "number of examples of 'a'"),
        (lambda: balanced_batch_sizes(SMALL, 0), "largest batch size is at least 1, not 0"),
        (lambda: Stream(encoded(0), 4, generator()), "at least one example"),
        (lambda: Stream(encoded(5), 0, generator()), "batch_size is at least 1, not 0"),
    ],
)
def test_what_makes_no_schedule_is_refused_with_the_fix(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@every_kind
@pytest.mark.parametrize("epoch", [-1, 0, 4])
def test_there_is_no_epoch_outside_1_to_epochs(kind, epoch):
    schedule = kind(SMALL, 4, 3)
    for ask in (schedule.steps, schedule.shares, lambda e: schedule.plan(e, generator())):
        with pytest.raises(ValueError, match=f"from 1 to 3 here; there is no epoch {epoch}"):
            ask(epoch)


@pytest.mark.parametrize("place", [-1, 9])
def test_a_state_of_other_data_is_refused_and_changes_nothing(place):
    stream, twin = (Stream(encoded(30), 4, generator(5)) for _ in range(2))
    with pytest.raises(ValueError, match=f"at batch {place} and a pass has 8 here"):
        stream.restore({"generator": generator(1).get_state(), "place": place})
    assert [stream.next_index() for _ in range(20)] == [twin.next_index() for _ in range(20)]


def test_a_kind_of_ones_own_needs_counts_and_plan():
    class Alternate(Schedule):
        def counts(self, epoch):
            return dict.fromkeys(self.tasks(epoch), 2)

        def plan(self, epoch, generator):
            return [(task,) for task in self.tasks(epoch)] * 2

    mine = Alternate(SMALL, 4, 2)
    assert (mine.steps(1), len(mine.plan(1, generator()))) == (6, 6)
    assert only(exposure(mine), 2, "total_passes") == pytest.approx({"a": 2, "b": 0.8, "c": 4})
    with pytest.raises(NotImplementedError):
        Schedule(SMALL, 4, 2).shares(1)
    with pytest.raises(NotImplementedError):
        Schedule(SMALL, 4, 2).plan(1, generator())
