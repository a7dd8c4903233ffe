"""The test run's own guards bite: shapes are checked, the network is off."""

import socket

import pytest
import torch
from jaxtyping import TypeCheckError

from mtlkit.bert import Bert, BertConfig
from mtlkit.data import Batch

SMALL = BertConfig(20, 8, 1, 2, 16, max_position_embeddings=8)


def test_a_mask_of_another_length_than_the_tokens_is_refused():
    with pytest.raises(TypeCheckError, match="mask"):
        Bert(SMALL)(torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 4, dtype=torch.bool))


def test_token_numbers_that_are_not_whole_are_refused():
    with pytest.raises(TypeCheckError, match="ids"):
        Bert(SMALL)(torch.zeros(2, 3))


def test_a_dataclass_whose_fields_disagree_in_shape_is_refused():
    ids, mask = torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 4, dtype=torch.bool)
    with pytest.raises(TypeCheckError):
        Batch(ids, mask, ids, None, torch.arange(2), padded=False)


def test_an_ordinary_annotation_is_checked_too():
    with pytest.raises(TypeCheckError):
        BertConfig.from_file(3)


def test_no_other_machine_can_be_reached():
    with pytest.raises(OSError, match="network is off"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OSError, match="network is off"):
        socket.getaddrinfo("example.org", 80)
