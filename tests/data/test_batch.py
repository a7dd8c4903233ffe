"""Examples -> batches: pairs in either form, masks, every example once an epoch, little padding."""

from collections import Counter
from itertools import chain, combinations, pairwise

import pytest
import torch

from mtlkit.data import Batches, Encoded, Example, collate, encode, load, plan

SINGLE = [Example("a", ("good",), 3), Example("b", ("not good at all",), 1), Example("c", ("good film",), 4)]
PAIRS = [Example("a", ("good", "not bad"), 4.5), Example("b", ("a film that is long", "short"), 0.0)]
CLS, SEP, PAD = 101, 102, 0


@pytest.fixture(scope="module")
def mini(minilm_tokenizer):
    return encode(load("sst", "train"), minilm_tokenizer)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def words(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


# encode


@pytest.mark.parametrize("pairing", ["one", "two"])
def test_a_single_sentence_is_the_same_in_either_pairing(minilm_tokenizer, pairing):
    encoded = encode(SINGLE, minilm_tokenizer, pairing)
    (rows,) = encoded.rows
    assert rows == [[CLS, *words(minilm_tokenizer, e.sentences[0]), SEP] for e in SINGLE]
    assert encoded.types == ([[0] * len(row) for row in rows],)
    assert (encoded.ids, encoded.labels, encoded.truncated) == (["a", "b", "c"], [3, 1, 4], 0)
    assert encoded.lengths == [3, 6, 4]
    assert len(encoded) == 3


def test_a_pair_in_one_sequence_has_token_types_0_and_1(minilm_tokenizer):
    encoded = encode(PAIRS, minilm_tokenizer, "one")
    (rows,), (types,) = encoded.rows, encoded.types
    for example, row, kind in zip(PAIRS, rows, types, strict=True):
        a, b = (words(minilm_tokenizer, text) for text in example.sentences)
        assert row == [CLS, *a, SEP, *b, SEP]
        assert kind == [0] * (len(a) + 2) + [1] * (len(b) + 1)


def test_a_pair_in_two_sequences_is_each_sentence_alone(minilm_tokenizer):
    encoded = encode(PAIRS, minilm_tokenizer, "two")
    for side in (0, 1):
        alone = encode([Example(e.id, (e.sentences[side],)) for e in PAIRS], minilm_tokenizer)
        assert (encoded.rows[side], encoded.types[side]) == (alone.rows[0], alone.types[0])
    assert encoded.lengths == [4, 7]  # the longer side's


def test_long_sequences_are_cut_and_counted(minilm_tokenizer):
    long = [Example("a", ("good " * 600,), 0), Example("b", ("good",), 1), Example("c", ("bad " * 511,), 2)]
    encoded = encode(long, minilm_tokenizer)
    assert encoded.lengths == [512, 3, 512]
    assert encoded.truncated == 2
    assert all((row[0], row[-1]) == (CLS, SEP) for row in encoded.rows[0])
    exact = encode([Example("a", ("good " * 510,), 0)], minilm_tokenizer)
    assert (exact.lengths, exact.truncated) == ([512], 0)
    assert encode(long, minilm_tokenizer, max_length=4).lengths == [4, 3, 4]


def test_the_longer_sentence_of_a_pair_gives_first(minilm_tokenizer):
    pair = [Example("a", ("good " * 20, "bad bad"), 1.0)]
    encoded = encode(pair, minilm_tokenizer, "one", max_length=12)
    good, bad = words(minilm_tokenizer, "good"), words(minilm_tokenizer, "bad bad")
    assert encoded.rows == ([[CLS, *good * 7, SEP, *bad, SEP]],)
    assert encoded.truncated == 1
    two = encode(pair, minilm_tokenizer, "two", max_length=12)
    assert ([len(side[0]) for side in two.rows], two.truncated) == ([12, 4], 1)


def test_the_callers_tokenizer_keeps_its_own_settings(minilm_tokenizer):
    before = minilm_tokenizer.to_str()
    encode(SINGLE, minilm_tokenizer, max_length=4)
    assert minilm_tokenizer.to_str() == before
    other = type(minilm_tokenizer).from_str(before)
    other.enable_padding(length=50)
    other.enable_truncation(3)
    assert encode(SINGLE, other) == encode(SINGLE, minilm_tokenizer)


def test_examples_without_labels_encode_without(minilm_tokenizer):
    assert encode([Example("a", ("good",))], minilm_tokenizer).labels is None


@pytest.mark.parametrize(
    ("examples", "arguments", "words"),
    [
        ([], {}, "no examples"),
        (SINGLE, dict(pairing="both"), r'"one" or "two", not \'both\''),
        ([SINGLE[0], PAIRS[0]], {}, "single sentences and pairs do not mix"),
        ([SINGLE[0], Example("b", ("bad",))], {}, "some examples have labels"),
        (SINGLE, dict(max_length=2), r"max_length.*3.*not 2"),
        (PAIRS, dict(max_length=4, pairing="one"), r"max_length.*5.*not 4"),
    ],
    ids=["none", "pairing", "mixed", "half labelled", "no room", "no room for a pair"],
)
def test_what_cannot_be_encoded_is_refused(minilm_tokenizer, examples, arguments, words):
    with pytest.raises(ValueError, match=words):
        encode(examples, minilm_tokenizer, **arguments)


# collate


def test_a_batch_is_padded_on_the_right_to_its_own_longest_row(mini):
    index = [5, 0, 17, 200]
    batch = collate(mini, index)
    lengths = [mini.lengths[i] for i in index]
    assert batch.ids.shape == batch.mask.shape == batch.types.shape == (4, max(lengths))
    assert batch.mask.sum(1).tolist() == lengths
    for row, i in enumerate(index):
        assert batch.ids[row, : lengths[row]].tolist() == mini.rows[0][i]
        assert batch.mask[row, : lengths[row]].all()
        assert (batch.ids[row, lengths[row] :] == PAD).all()
    assert batch.index.tolist() == index
    assert batch.labels.tolist() == [mini.labels[i] for i in index]
    assert (batch.mask.dtype, batch.ids.dtype, batch.labels.dtype) == (torch.bool, torch.int64, torch.int64)
    assert batch.padded is (len(set(lengths)) > 1)


def test_padding_has_the_tokenizers_own_number():
    encoded = Encoded(([[7], [7, 8, 9]],), ([[0], [0, 0, 1]],), [0.5, 1.0], ["a", "b"], pad=4)
    batch = collate(encoded, [0, 1])
    assert batch.ids.tolist() == [[7, 4, 4], [7, 8, 9]]
    assert batch.types.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert batch.labels.dtype == torch.float32


def test_a_batch_of_equal_lengths_has_no_padding(minilm_tokenizer):
    encoded = encode([SINGLE[0], SINGLE[0]], minilm_tokenizer)
    batch = collate(encoded, [0, 1])
    assert not batch.padded
    assert batch.mask.all()


def test_two_sequences_stand_left_sides_first(minilm_tokenizer):
    encoded = encode(PAIRS, minilm_tokenizer, "two")
    batch = collate(encoded, [1, 0])
    expected = [encoded.rows[0][1], encoded.rows[0][0], encoded.rows[1][1], encoded.rows[1][0]]
    assert [row[keep].tolist() for row, keep in zip(batch.ids, batch.mask, strict=True)] == expected
    assert batch.labels.tolist() == [0.0, 4.5]
    assert batch.index.tolist() == [1, 0]


def test_a_batch_without_labels_moves_between_devices_too(minilm_tokenizer):
    batch = collate(encode([Example("a", ("good",))], minilm_tokenizer), [0])
    assert batch.labels is None
    moved = batch.to("meta")
    assert {moved.ids.device.type, moved.mask.device.type, moved.types.device.type} == {"meta"}
    assert collate(encode(SINGLE, minilm_tokenizer), [0]).to("meta").labels.device.type == "meta"


# plan and Batches


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000])
@pytest.mark.parametrize("seed", [None, 0])
def test_every_example_comes_exactly_once_an_epoch(n, seed):
    lengths = [1 + i * 7 % 50 for i in range(n)]
    batches = plan(lengths, 8, None if seed is None else generator(seed))
    assert sorted(i for batch in batches for i in batch) == list(range(n))
    assert all(1 <= len(batch) <= 8 for batch in batches)
    assert len(batches) == -(-n // 8)


def test_short_batches_are_dropped_on_request():
    batches = plan([5] * 803, 8, generator(), drop_last=True)
    assert {len(batch) for batch in batches} == {8}
    assert len(batches) == 100
    assert Counter(i for batch in batches for i in batch).most_common(1)[0][1] == 1


def test_without_a_generator_the_order_is_that_of_length(mini):
    order = [i for batch in plan(mini.lengths, 16, None) for i in batch]
    assert [mini.lengths[i] for i in order] == sorted(mini.lengths)
    assert plan(mini.lengths, 16, None) == plan(mini.lengths, 16, None)


def test_the_same_seed_gives_the_same_epochs_and_another_seed_others(mini):
    def epochs(seed):
        batches = Batches(mini, 16, generator(seed))
        return [[batch.index.tolist() for batch in batches] for _ in range(2)]

    assert epochs(3) == epochs(3)
    assert epochs(3) != epochs(4)


def test_every_epoch_is_a_new_shuffle_of_all_examples(mini):
    batches = Batches(mini, 16, generator())
    first, second = ([batch.index.tolist() for batch in batches] for _ in range(2))
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(560))
    together = [
        {pair for index in epoch for pair in combinations(sorted(index), 2)} for epoch in (first, second)
    ]
    assert len(together[0] & together[1]) < 0.3 * len(together[0])


def test_batches_do_not_come_in_order_of_length(mini):
    """Short sentences first and long ones last, epoch after epoch, would be a curriculum that nobody asked for."""
    for seed in range(5):
        lengths = [batch.ids.shape[1] for batch in Batches(mini, 16, generator(seed))]
        rises = sum(a <= b for a, b in pairwise(lengths)) / (len(lengths) - 1)
        assert 0.25 < rises < 0.8  # 34 steps; about half rise by chance


def test_drawing_batches_leaves_torchs_own_generator_alone(mini):
    before = torch.get_rng_state()
    list(Batches(mini, 16, generator()))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_number_of_batches_is_known_beforehand_and_costs_no_shuffle(mini):
    draws = generator()
    batches = Batches(mini, 16, draws)
    before = draws.get_state()
    assert len(batches) == 35
    assert torch.equal(draws.get_state(), before)
    assert len(list(batches)) == 35


def padding(encoded, batches):
    """The share of positions that hold no token."""
    full = [collate(encoded, index) for index in batches]
    tokens, positions = sum(b.mask.sum().item() for b in full), sum(b.mask.numel() for b in full)
    return 1 - tokens / positions


def test_padding_is_far_below_that_of_random_batches(mini):
    order = torch.randperm(len(mini), generator=generator()).tolist()
    random = padding(mini, [order[i : i + 16] for i in range(0, len(order), 16)])
    assert random > 0.2
    assert padding(mini, plan(mini.lengths, 16, generator())) < random / 3
    assert padding(mini, plan(mini.lengths, 16, None)) < random / 8


def test_examples_in_a_batch_have_like_lengths_in_large_data_too():
    lengths = torch.randint(5, 60, (20_000,), generator=generator()).tolist()
    batches = plan(lengths, 32, generator())
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert sum(spread) / len(spread) < 3  # of 55


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_at_least_one_example(size):
    with pytest.raises(ValueError, match=f"batch_size is at least 1, not {size}"):
        plan([3, 4], size, None)
