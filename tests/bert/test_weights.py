"""Weights: every tensor has its name, any float type loads, and each kind of damage is named."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import BertTokenizerFast

from mtlkit.bert import Bert, BertConfig, load_tokenizer
from mtlkit.bert import weights as module
from mtlkit.bert.weights import SOURCES, hf_names
from mtlkit.data import encode, load
from tests.bert.reference import TINY, inputs, reference, run_theirs, write_folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "tiny")


def change(folder, edit):
    """Load the folder's tensors, let `edit` change the dict (or give a new one), and save them again."""
    tensors = load_file(folder / "model.safetensors")
    save_file(edit(tensors) or tensors, folder / "model.safetensors")
    return tensors


@pytest.mark.parametrize("layers", [1, 3])
def test_the_name_map_covers_every_tensor_on_both_sides(layers):
    config = replace(TINY, num_hidden_layers=layers)
    names = hf_names(layers)
    assert names.keys() == reference(config).state_dict().keys()
    assert sorted(names.values()) == sorted(Bert(config).state_dict())


def test_a_folder_loads_as_transformers_loads_it(folder):
    theirs = reference(TINY).double().eval()
    theirs.load_state_dict(load_file(folder / "model.safetensors"))
    ids, mask, types = inputs(TINY, [9, 4])
    ours = Bert.from_pretrained(folder).double()
    expected = run_theirs(theirs, ids, mask, types)
    assert_close(ours(ids, mask, types).hidden[mask], expected.last_hidden_state[mask], rtol=1e-9, atol=1e-9)


def test_loaded_weights_are_ready_to_train(folder):
    bert = Bert.from_pretrained(str(folder))
    assert not bert.training
    for name, parameter in bert.named_parameters():
        assert parameter.requires_grad, name
        assert (parameter.dtype, parameter.device.type) == (torch.float32, "cpu"), name
    ids, mask, types = inputs(TINY, [9, 4])
    bert(ids, mask, types).pooled.sum().backward()
    assert all(p.grad is not None for p in bert.parameters())


def test_a_loaded_model_owns_its_weights(folder):
    """Training must not reach through a memory map into the file."""
    before = (folder / "model.safetensors").read_bytes()
    bert = Bert.from_pretrained(folder)
    with torch.no_grad():
        for parameter in bert.parameters():
            parameter.zero_()
    assert (folder / "model.safetensors").read_bytes() == before


OLD = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


def old_names(name):
    for new, old in OLD.items():
        name = name.replace(new, old)
    return name


@pytest.mark.parametrize(
    "rename",
    [old_names, lambda n: f"bert.{n}", lambda n: f"bert.{old_names(n)}"],
    ids=["gamma and beta", "bert. in front", "both"],
)
def test_older_names_load_the_same(folder, rename):
    expected = Bert.from_pretrained(folder).state_dict()
    change(folder, lambda tensors: {rename(name): tensor for name, tensor in tensors.items()})
    loaded = Bert.from_pretrained(folder).state_dict()
    for name, tensor in expected.items():
        assert torch.equal(loaded[name], tensor), name


def test_pre_training_heads_and_stored_positions_are_left_out(folder):
    expected = Bert.from_pretrained(folder).state_dict()
    extra = {
        "cls.predictions.bias": torch.zeros(TINY.vocab_size),
        "bert.embeddings.position_ids": torch.arange(16)[None],
    }
    change(folder, lambda tensors: {f"bert.{n}": t for n, t in tensors.items()} | extra)
    assert Bert.from_pretrained(folder).state_dict().keys() == expected.keys()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_load_as_float32(folder, dtype):
    tensors = change(folder, lambda tensors: {name: tensor.to(dtype) for name, tensor in tensors.items()})
    loaded = Bert.from_pretrained(folder).state_dict()
    for their, our in hf_names(TINY.num_hidden_layers).items():
        assert loaded[our].dtype == torch.float32
        assert torch.equal(loaded[our], tensors[their].to(dtype).float())


def test_dropout_can_be_set_on_loading(folder):
    bert = Bert.from_pretrained(folder, hidden_dropout=0.0, attention_dropout=0.25)
    assert bert.embeddings.dropout.p == bert.layers[1].feed_forward_norm.dropout.p == 0.0
    assert bert.layers[0].attention.dropout.p == 0.25
    assert Bert.from_pretrained(folder).embeddings.dropout.p == TINY.hidden_dropout_prob


# Damage

KEY = "encoder.layer.1.attention.self.key.weight"


def drop(tensors):
    del tensors[KEY]


def add(tensors):
    tensors["encoder.layer.2.output.dense.bias"] = torch.zeros(8)


def turn(tensors):
    tensors["encoder.layer.1.intermediate.dense.weight"] = torch.zeros(8, 12)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (drop, f"model.safetensors.*1 tensors are missing.*{KEY}"),
        (add, r"model.safetensors.*1 tensors are not part.*encoder\.layer\.2\.output\.dense\.bias"),
        (turn, r"model.safetensors.*layers\.1\.feed_forward\.dense\.weight.*\(8, 12\).*\(12, 8\)"),
    ],
    ids=["missing tensor", "unknown tensor", "wrong shape"],
)
def test_a_wrong_set_of_tensors_is_refused_by_file_and_name(folder, edit, words):
    change(folder, edit)
    with pytest.raises(ValueError, match=words):
        Bert.from_pretrained(folder)


@pytest.mark.parametrize("kept", [0, 7, 200, -1])
def test_a_truncated_file_is_refused_by_name(folder, kept):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors: not a whole safetensors file.*fetch it again"):
        Bert.from_pretrained(folder)


def test_a_pickle_is_never_opened(folder):
    """A file of the right name that is really a pickle would run code of its author's choice."""

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("the pickle was opened",)

    torch.save(Bomb(), folder / "model.safetensors")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        Bert.from_pretrained(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ("[1, 2]", "no names and values"),
        ('{"model_type": "roberta"}', "'roberta'.*BERT"),
        ('{"position_embedding_type": "relative_key"}', "position_embedding_type.*relative_key"),
        ('{"is_decoder": true}', "is_decoder"),
        ('{"num_attention_heads": 36}', "36 heads.*768"),
        ('{"hidden_size": "768"}', "hidden_size.*'768'"),
        ('{"num_hidden_layers": null}', "num_hidden_layers.*None"),
        ('{"hidden_dropout_prob": "a lot"}', "hidden_dropout_prob|'str'"),
    ],
)
def test_a_bad_config_is_refused_by_file_and_value(folder, text, words):
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=rf"(?s)config\.json: .*({words})"):
        Bert.from_pretrained(folder)


def test_a_config_of_another_shape_than_the_weights_is_refused(folder):
    (folder / "config.json").write_text(json.dumps(asdict(replace(TINY, vocab_size=41))))
    with pytest.raises(ValueError, match=r"embeddings\.word\.weight.*\(40, 8\).*\(41, 8\)"):
        Bert.from_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_without_a_file_is_refused_by_its_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {name}"):
        Bert.from_pretrained(folder)


def test_a_wrong_hash_is_refused_with_both_hashes(monkeypatch):
    monkeypatch.setitem(SOURCES, "minilm", replace(SOURCES["minilm"], sha256="0" * 64))
    with pytest.raises(
        ValueError, match=r"model\.safetensors: sha256 is 53aa51172d14.*expected 000000000000"
    ):
        Bert.from_pretrained("minilm")


def test_a_folder_that_the_user_names_is_held_to_no_hash(folder, monkeypatch):
    monkeypatch.setattr(module, "_verify", lambda *_: pytest.fail("a hash was asked for"))
    Bert.from_pretrained(folder)


def test_the_default_encoder_is_the_one_the_design_names(minilm):
    shape = minilm.config
    assert (shape.num_hidden_layers, shape.hidden_size, shape.num_attention_heads) == (6, 384, 12)
    assert sum(p.numel() for p in minilm.parameters()) == 22_713_216


# Word pieces


@pytest.fixture
def vocabulary(tmp_path, minilm_tokenizer):
    """A folder with nothing but the default encoder's `vocab.txt`, as old models on the hub have it."""
    numbers = minilm_tokenizer.get_vocab()
    (tmp_path / "vocab.txt").write_text("\n".join(sorted(numbers, key=numbers.get)) + "\n", encoding="utf-8")
    return tmp_path


def test_the_tokenizer_is_transformers_on_every_mini_sentence(minilm_tokenizer, vocabulary):
    theirs = BertTokenizerFast.from_pretrained(str(vocabulary))
    texts = [e.sentences[0] for split in ("train", "dev", "test-student") for e in load("sst", split)]
    assert len(texts) == 1040
    ours = minilm_tokenizer.encode_batch(texts)
    for text, mine, its in zip(texts, ours, theirs(texts)["input_ids"], strict=True):
        assert mine.ids == its, text
    pairs = list(zip(texts[:50], texts[50:100], strict=True))
    its = theirs([a for a, _ in pairs], [b for _, b in pairs])
    ours = minilm_tokenizer.encode_batch(pairs)
    assert [e.ids for e in ours] == its["input_ids"]
    assert [e.type_ids for e in ours] == its["token_type_ids"]


def test_the_tokenizer_neither_cuts_nor_pads(minilm_tokenizer):
    """The file on the hub asks for both, to 128 tokens."""
    assert minilm_tokenizer.truncation is None
    assert minilm_tokenizer.padding is None
    short, long = minilm_tokenizer.encode_batch(["good", "good " * 700])
    assert (len(short.ids), len(long.ids)) == (3, 702)


def test_a_vocabulary_alone_makes_the_same_tokenizer(vocabulary, minilm_tokenizer):
    loaded = load_tokenizer(vocabulary)
    texts = [example.sentences[0] for example in load("sst", "dev")] + ["Crème Brûlée!"]
    assert [e.ids for e in loaded.encode_batch(texts)] == [
        e.ids for e in minilm_tokenizer.encode_batch(texts)
    ]
    assert loaded.encode("a", "b").type_ids == [0, 0, 0, 1, 1]
    assert (
        encode(load("sst", "dev")[:2], loaded).rows == encode(load("sst", "dev")[:2], minilm_tokenizer).rows
    )


def test_a_vocabulary_of_a_cased_model_keeps_capitals(vocabulary):
    (vocabulary / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert load_tokenizer(vocabulary).encode("Good").tokens == ["[CLS]", "[UNK]", "[SEP]"]


def test_a_folder_without_a_tokenizer_is_refused(folder):
    with pytest.raises(FileNotFoundError, match=r"tiny.*tokenizer\.json.*vocab\.txt"):
        load_tokenizer(folder)


def test_a_small_bert_of_ones_own_trains_on_word_pieces(tmp_path, minilm_tokenizer):
    """Folder, tokenizer, encoding and encoder fit together for a model that is not ours."""
    config = BertConfig(minilm_tokenizer.get_vocab_size(), 8, 1, 2, 12)
    write_folder(tmp_path, config, tokenizer=minilm_tokenizer.to_str())
    encoded = encode(load("sst", "dev")[:4], load_tokenizer(tmp_path))
    ids = torch.tensor(encoded.rows[0][0])[None]
    assert Bert.from_pretrained(tmp_path)(ids).pooled.shape == (1, 8)
