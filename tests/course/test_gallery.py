"""The gallery of notebook 13: one is right, and each wrong one shows on the inputs that the notebook says."""

import copy

import pytest
import torch
from torch import nn

from mtlkit.course import gallery
from mtlkit.course.checks.surgery import alike, shown_by
from mtlkit.gradients import PCGrad, Surgery

INPUTS = gallery.gallery_inputs()


def test_each_input_shows_whom_it_should():
    shows = {
        name: "".join(
            letter
            for letter, suspect in gallery.SUSPECTS.items()
            if name in shown_by(suspect, gallery.by_the_book, gallery.gallery_inputs())
        )
        for name in INPUTS
    }
    assert shows == {
        "two, no conflict": "E",
        "two in conflict": "AEH",
        "two, one parameter in conflict": "EG",
        "two in conflict, with heads": "ADEH",
        "two, one parameter unused": "EF",
        "three, one order for all": "AEH",
        "three, each its own order": "ABEH",
        "three, past a right angle": "ACEH",
    }


def test_all_but_one_have_a_mistake():
    assert gallery.SUSPECTS.keys() - gallery.MISTAKES.keys() == {"I"}


@pytest.mark.parametrize("name", INPUTS)
def test_by_the_book_is_what_surgery_does(name):
    grads, orders = INPUTS[name]
    parameters = {n: nn.Parameter(torch.zeros(2, dtype=torch.float64)) for n in grads[0]}
    losses = {
        f"task {k}": sum(parameters[n] @ found for n, found in grad.items() if found is not None)
        for k, grad in enumerate(grads)
    }
    shared = {n: p for n, p in parameters.items() if n.startswith("encoder.")}
    Surgery(shared, PCGrad(order=orders)).backward(losses)
    want = gallery.by_the_book(copy.deepcopy(grads), orders)
    assert all(alike(parameters[n].grad, want[n]) for n in want)


@pytest.mark.parametrize("name", INPUTS)
def test_only_one_works_in_what_it_is_given(name):
    for letter, suspect in gallery.SUSPECTS.items():
        grads, orders = copy.deepcopy(INPUTS[name])
        suspect(grads, orders)
        kept = all(
            alike(grad[n], before[n])
            for grad, before in zip(grads, INPUTS[name][0], strict=True)
            for n in before
        )
        unused = any(found is None for grad in INPUTS[name][0] for found in grad.values())
        assert kept == (letter != "F" or not unused)
