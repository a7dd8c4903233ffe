"""Each planted mistake is seen by the tests that the course says see it, and by no other."""

import pytest
import torch

from mtlkit.bert import Bert
from mtlkit.course import mutations
from mtlkit.course.mutations import MISTAKES, lab, mutate, random_bert, random_inputs

NOT_BY_PARITY_ALONE = {
    "no attention dropout": "oracle",
    "dropout on heads, not on weights": "neither",
    "dropout after the residual sum": "oracle",
    "dropout before dense": "oracle",
    "dropout before the embeddings' norm": "oracle",
    "pre-LN": "both",
}
MASK = {name for name in MISTAKES if name.startswith("mask ")}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with mutations.one_thread():
        yield


@pytest.mark.parametrize("seed", [0, 1])
def test_each_mistake_is_seen_by_exactly_the_tests_claimed(seed):
    claimed = dict.fromkeys(MISTAKES, "parity") | NOT_BY_PARITY_ALONE
    measured = lab(seed)
    assert measured["caught by"].to_dict() == claimed
    # what is seen is far from rounding, and what is not is none at all
    gaps = measured[["parity", "oracle"]].to_numpy().flatten()
    assert ((gaps < 1e-12) | (gaps > 1e-5)).all()


def test_the_course_speaks_of_sixteen_mistakes_five_of_which_pass_parity():
    assert len(MISTAKES) == 16
    assert (lab()["parity"] == 0).sum() == 5


@pytest.mark.parametrize("fused", [False, True])
def test_a_model_without_a_mistake_passes_all_three(fused):
    reference, inputs = random_bert(), random_inputs()
    model = Bert(mutations.SMALL, fused=fused).double()
    model.load_state_dict(reference.state_dict())
    assert mutations.verdict(mutations.parity(model, reference, inputs), mutations.oracle(model, inputs)) == (
        "neither"
    )
    assert mutations.one_mask_a_weight(model, inputs)


def test_the_third_test_sees_what_the_two_do_not_and_only_that():
    model, inputs = random_bert(), random_inputs()
    seen = [name for name in MISTAKES if not mutations.one_mask_a_weight(mutate(model, name), inputs)]
    assert seen == ["dropout on heads, not on weights"]


def test_without_padding_and_types_parity_sees_neither_masks_nor_types():
    model, inputs = random_bert(), random_inputs(lengths=(9, 9))
    inputs = inputs._replace(types=torch.zeros_like(inputs.types))
    hidden = {
        name
        for name in MISTAKES
        if mutations.parity(mutate(model, name), model, inputs) <= mutations.TOLERANCE
    }
    blind = {name for name, by in NOT_BY_PARITY_ALONE.items() if by != "both"}
    assert hidden == blind | MASK | {"token types ignored"}


def test_zero_biases_hide_two_mistakes_from_the_oracle():
    torch.manual_seed(0)
    small = Bert(mutations.SMALL, fused=False).double()
    fresh, usual = lab(model=small)["caught by"], lab()["caught by"]
    assert {name for name in MISTAKES if fresh[name] != usual[name]} == {
        "dropout before dense",
        "dropout before the embeddings' norm",
    }


def test_a_mutant_shares_the_weights_and_leaves_the_model_as_it_was():
    model, inputs = random_bert(), random_inputs()
    before = model(*inputs).hidden
    mutant = mutate(model, "pre-LN")
    assert all(a is b for a, b in zip(mutant.parameters(), model.parameters(), strict=True))
    mutations.oracle(mutant, inputs)
    assert torch.equal(model(*inputs).hidden, before)
    assert not model.training
    assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {0.1}


def test_an_unknown_mistake_is_an_error():
    with pytest.raises(KeyError):
        mutate(random_bert(), "no such mistake")


def test_an_error_enters_where_its_mistake_is():
    model, inputs = random_bert(), random_inputs()
    for name in ("second residual from h", "token types ignored", "no attention dropout"):
        line = mutations.error_by_layer(mutate(model, name), model, inputs)
        assert len(line) == mutations.SMALL.num_hidden_layers + 1
        assert [error > 0 for error in line] == {
            "second residual from h": [False, True, True, True],
            "token types ignored": [True] * 4,
            "no attention dropout": [False] * 4,
        }[name]
