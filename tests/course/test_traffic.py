"""Bytes that are counted by hand."""

import torch

from mtlkit.course.traffic import Traffic


def test_a_sum_reads_both_and_writes_one():
    a, b = torch.zeros(10), torch.zeros(10)
    with Traffic() as traffic:
        a + b
    assert (traffic.moved, traffic.made) == (3 * 40, 40)


def test_in_place_reads_and_writes_but_makes_nothing():
    a, b = torch.zeros(10), torch.zeros(10)
    with Traffic() as traffic:
        a += b
    assert (traffic.moved, traffic.made) == (3 * 40, 0)


def test_a_view_costs_nothing():
    a = torch.zeros(4, 5)
    with Traffic() as traffic:
        _ = a[1:], a.T, a.view(20)
    assert (traffic.moved, traffic.made) == (0, 0)


def test_a_product_of_matrices():
    a, b = torch.zeros(2, 100), torch.zeros(100, 3)
    with Traffic() as traffic:
        a @ b
    assert (traffic.moved, traffic.made) == (4 * (200 + 300 + 6), 4 * 6)


def test_each_block_begins_at_nothing():
    with Traffic() as first:
        torch.zeros(3) + 1
    with Traffic() as second:
        pass
    assert first.moved > 0
    assert second.moved == 0
