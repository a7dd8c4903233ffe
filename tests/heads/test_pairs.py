"""Pairs: every pooling, pairing and head scores a pair by its own two sentences alone, and learns from both of them."""

import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlkit.bert import Bert, BertConfig, BertOutput
from mtlkit.data import Encoded, Example, collate, encode
from mtlkit.heads import ClassificationHead, CosineHead, MultitaskModel, PairHead, fusion, heads, mlp, pooling
from mtlkit.objectives import score_cross_entropy
from mtlkit.tasks import PARA, STS

D = 16
CONFIG = BertConfig(
    vocab_size=40, hidden_size=D, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=32, initializer_range=0.3,
)  # fmt: skip
POOLINGS = [pooling.cls, pooling.pooler, pooling.mean, pooling.max]
SYMMETRIC = [fusion.total, fusion.difference, fusion.product]
FUSIONS = [*SYMMETRIC, fusion.concat, fusion.rich]

LEFT = [[2, 7, 3], [2, 9, 30, 11, 12, 21, 3], [2, 8, 8, 3], [2, 33, 3]]
RIGHT = [[2, 20, 21, 22, 23, 24, 3], [2, 9, 3], [2, 8, 9, 3], [2, 14, 15, 3]]
LABELS = [0.0, 1.4, 4.6, 5.0]


def two_towers(left, right) -> Encoded:
    sides = (left, right)
    return Encoded(sides, tuple([[0] * len(row) for row in rows] for rows in sides), LABELS, list("abcd"))


def one_tower(left, right) -> Encoded:
    """[CLS] a [SEP] b [SEP], types 0 and 1, as `encode(..., pairing="one")` makes them."""
    pairs = list(zip(left, right, strict=True))
    rows = [a + b[1:] for a, b in pairs]
    return Encoded((rows,), ([[0] * len(a) + [1] * (len(b) - 1) for a, b in pairs],), LABELS, list("abcd"))


# name: (pairing, head of a pooling, does swapping the sides change nothing?)
HEADS = {
    "one tower, linear": (one_tower, lambda pool: ClassificationHead(D, 1, pool=pool), False),
    "one tower, 3 layers": (
        one_tower,
        lambda pool: ClassificationHead(D, 6, pool=pool, layers=3, layer_norm=True),
        False,
    ),
    "cosine": (two_towers, lambda pool: CosineHead(5, 1, pool), True),
    "5 relu(cosine)": (two_towers, lambda pool: CosineHead(5, 0, pool, learned=False, relu=True), True),
    "cosine of hidden states": (two_towers, lambda pool: CosineHead(5, 0, pool, width=D, shared=12), True),
    "linear + cosine": (two_towers, lambda pool: PairHead(D, 1, fusion.concat, cosine=5, pool=pool), False),
    "mlp, shared layer": (
        two_towers,
        lambda pool: PairHead(D, 6, shared=12, layers=3, activation=nn.GELU, layer_norm=True, pool=pool),
        False,
    ),
    "total + cosine": (
        two_towers,
        lambda pool: PairHead(D, 1, fusion.total, shared=8, cosine=1, pool=pool),
        True,
    ),
    **{
        f.__name__: (two_towers, lambda pool, f=f: PairHead(D, 1, f, pool=pool), f in SYMMETRIC)
        for f in FUSIONS
    },
}


def model_of(head, dropout=0.1) -> MultitaskModel:
    torch.manual_seed(1)
    config = replace(CONFIG, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    return MultitaskModel(Bert(config), {"pair": head}).eval()


def scores(model, data, index=range(4)):
    with torch.no_grad():
        return model(collate(data, list(index)), "pair")


def lively(head):
    """Last layers start near zero, where a difference of 1e-5 would be no small one."""
    for module in head.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5)
    return head


def pooled(u, v) -> tuple[BertOutput, torch.Tensor]:
    """What an encoder gives whose pooled vectors are u and v."""
    vectors = torch.cat([u, v])
    return BertOutput(vectors.unsqueeze(1), vectors), torch.ones(len(vectors), 1, dtype=torch.bool)


@pytest.mark.parametrize("pool", POOLINGS)
@pytest.mark.parametrize("name", HEADS)
def test_a_pair_alone_is_the_pair_in_any_batch(name, pool):
    pairing, make, _ = HEADS[name]
    model, data = model_of(lively(make(pool))), pairing(LEFT, RIGHT)
    together = scores(model, data)
    for index in ([0], [1], [2], [3], [2, 3], [3, 0, 2]):  # of 4, 6, 7 or 9 tokens: other padding each time
        torch.testing.assert_close(scores(model, data, index), together[index], atol=1e-5, rtol=1e-5)
    assert together.std(0).min() > 1e-3  # four pairs, four scores: the test sees something


def pads_in_the_middle(encoded) -> Encoded:
    """What is seen in public forks: the padded sides glued together, whatever their padding."""
    longest = max(map(len, encoded.rows[0]))
    left, right = ([r + [0] * (longest - len(r)) for r in rows] for rows in encoded.rows)
    return one_tower(left, right)


def unmasked_mean(output, mask):
    return output.hidden.mean(1)


def test_pads_in_the_middle_and_an_unmasked_mean_would_fail_that_test():
    model = model_of(lively(ClassificationHead(D, 1)))
    together = scores(model, pads_in_the_middle(two_towers(LEFT, RIGHT)))
    alone = scores(model, pads_in_the_middle(two_towers(LEFT[:1], RIGHT[:1])), [0])
    assert (alone[0] - together[0]).abs() > 1e-3
    model, data = model_of(lively(PairHead(D, 1, pool=unmasked_mean))), two_towers(LEFT, RIGHT)
    assert (scores(model, data, [3])[0] - scores(model, data)[3]).abs() > 1e-3


@pytest.mark.parametrize("pool", POOLINGS)
@pytest.mark.parametrize("name", HEADS)
def test_swapping_the_sides_changes_nothing_exactly_where_the_head_is_symmetric(name, pool):
    pairing, make, symmetric = HEADS[name]
    model = model_of(lively(make(pool)))
    there, back = scores(model, pairing(LEFT, RIGHT)), scores(model, pairing(RIGHT, LEFT))
    assert torch.allclose(there, back, atol=1e-5) is symmetric


@pytest.mark.parametrize("pool", POOLINGS)
@pytest.mark.parametrize("name", HEADS)
def test_gradients_reach_both_sides_of_every_pair(name, pool):
    pairing, make, _ = HEADS[name]
    model, batch = model_of(lively(make(pool)), dropout=0.0).train(), collate(pairing(LEFT, RIGHT), range(4))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    words = []  # the word vectors as the encoder reads them

    def keep(module, inputs, out):
        out.retain_grad()
        words.append(out)

    model.encoder.embeddings.word.register_forward_hook(keep)
    out = model(batch, "pair")
    if name.startswith("5 relu"):
        assert (out > 0).all()  # not in the dead zone
    out[:, 0].square().sum().backward()
    size = words[0].grad.abs().sum(-1)  # of each token of each row
    if pairing is two_towers:
        assert (size.sum(1) > 0).all()  # all left sides, all right sides
    else:
        for side in (0, 1):
            assert ((size * (batch.mask & (batch.types == side))).sum(1) > 0).all()
    assert (size[~batch.mask] == 0).all()
    assert all(p.grad is not None for p in model.heads.parameters())


@pytest.mark.parametrize(
    "task", [PARA, STS, replace(STS, outputs=6, loss=score_cross_entropy)], ids=["para", "sts", "six classes"]
)
def test_a_pair_in_one_sequence_needs_only_a_classification_head(task, minilm_tokenizer):
    texts = [
        ("A dog runs.", "A dog is running in the park."),
        ("He sings.", "No."),
        ("Why?", "Why is that so?"),
    ]
    examples = [Example(str(i), pair, i % 2) for i, pair in enumerate(texts)]
    data = encode(examples, minilm_tokenizer, pairing="one")
    torch.manual_seed(0)
    encoder = Bert(replace(CONFIG, vocab_size=minilm_tokenizer.get_vocab_size()))
    model = MultitaskModel(encoder, {task.name: ClassificationHead(D, task.outputs)}).eval()
    batch = collate(data, range(3))
    assert not (batch.mask.int().diff(dim=1) > 0).any()  # no word stands after a pad
    outputs = model(batch, task.name)
    assert outputs.shape == (3, task.outputs)
    for i in range(3):
        torch.testing.assert_close(model(collate(data, [i]), task.name)[0], outputs[i], atol=1e-5, rtol=1e-5)
    blind = replace(batch, types=torch.zeros_like(batch.types))
    assert not torch.allclose(model(blind, task.name), outputs, atol=1e-4)  # token types are read
    task.loss(outputs, batch.labels).backward()
    assert model.heads[task.name].linear.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match='pairing="one"'):
        CosineHead()(encoder(batch.ids, batch.mask, batch.types), batch.mask)  # 3 rows are not two sides


def test_the_wrong_pairing_is_noticed_by_the_loss():
    labels = torch.tensor(LABELS)
    single = scores(model_of(ClassificationHead(D, 1)), two_towers(LEFT, RIGHT))  # 8 rows, 4 labels
    paired = scores(model_of(CosineHead()), one_tower(LEFT, RIGHT))  # 2 rows, 4 labels
    for outputs in (single, paired):
        with pytest.raises(ValueError, match="pairing"):
            STS.loss(outputs, labels)


# --- fusions and heads by hand


U, V = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 4.0]])


@pytest.mark.parametrize(
    ("fuse", "features"),
    [
        (fusion.total, [4, 2]),
        (fusion.concat, [1, -2, 3, 4]),
        (fusion.difference, [2, 6]),
        (fusion.product, [3, -8]),
        (fusion.rich, [1, -2, 3, 4, 2, 6, 3, -8]),
        (fusion.combine(fusion.concat, fusion.difference), [1, -2, 3, 4, 2, 6]),  # Sentence-BERT's
        (fusion.combine(fusion.product, fusion.total), [3, -8, 4, 2]),
    ],
)
def test_fusions_have_the_values_of_their_definition_and_the_width_they_say(fuse, features):
    assert fuse(U, V).tolist() == [features]
    assert fusion.width(fuse, 2) == len(features)
    assert fusion.width(fuse, 384) == len(features) // 2 * 384


def test_equal_sides_have_no_difference_and_a_finite_gradient():
    u = U.clone().requires_grad_()
    fusion.difference(u, U).sum().backward()
    assert (u.grad == 0).all()


def test_a_linear_layer_on_concat_cannot_compare_and_one_on_difference_can():
    """Four pairs of +1 and -1, alike or not: XOR."""
    u, v = torch.tensor([[1.0], [1], [-1], [-1]]), torch.tensor([[1.0], [-1], [1], [-1]])
    alike = torch.tensor([1.0, -1, -1, 1])
    for fuse, least in (
        (fusion.concat, 4.0),
        (fusion.total, 4.0),
        (fusion.difference, 0.0),
        (fusion.product, 0.0),
    ):
        x = torch.cat([fuse(u, v), torch.ones(4, 1)], 1)
        fitted = x @ (torch.linalg.pinv(x) @ alike)
        assert (fitted - alike).square().sum().item() == pytest.approx(least, abs=1e-5)


def count(module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (ClassificationHead(384, 5), 384 * 5 + 5),
        (ClassificationHead(384, 5, layers=2), 384 * 192 + 192 + 192 * 5 + 5),  # S4: half the width
        (ClassificationHead(8, 5, layers=3, hidden=3), (8 * 3 + 3) + (3 * 3 + 3) + (3 * 5 + 5)),
        (ClassificationHead(8, 5, layers=3, hidden=3, layer_norm=True), 27 + 12 + 20 + 2 * (3 + 3)),
        (ClassificationHead(8, 5, layers=5), (8 * 4 + 4) + 3 * (4 * 4 + 4) + (4 * 5 + 5)),
        (PairHead(384, 1, fusion.concat), 2 * 384 + 1),
        (PairHead(384, 1), 4 * 384 + 1),
        (PairHead(384, 1, fusion.concat, shared=100), (384 * 100 + 100) + (200 + 1)),
        (PairHead(384, 1, fusion.total, cosine=5), 384 + 1 + 1),
        (PairHead(384, 1, fusion.total, cosine=5, learned=False), 384 + 1),
        (CosineHead(), 2),
        (CosineHead(learned=False), 0),
        (CosineHead(width=384, shared=100), 384 * 100 + 100 + 2),
        (mlp(1, 1, layers=2), 2 + 2),  # half of one is one
    ],
)
def test_heads_have_the_parameters_of_their_definition(module, parameters):
    assert count(module) == parameters


def test_one_layer_is_the_head_it_always_was():
    """Checkpoints and notebook 07 rely on the names, recorded runs on the numbers."""
    head = ClassificationHead(D, 5)
    assert list(head.state_dict()) == ["linear.weight", "linear.bias"]
    torch.manual_seed(3)
    linear = nn.Linear(D, 5)
    nn.init.normal_(linear.weight, std=0.02)
    torch.manual_seed(3)
    assert torch.equal(ClassificationHead(D, 5).linear.weight, linear.weight)
    assert (
        list(CosineHead().state_dict()) == list(CosineHead(learned=False).state_dict()) == ["scale", "shift"]
    )


def test_an_mlp_is_linear_norm_activation_dropout_and_ends_with_a_small_linear_layer():
    torch.manual_seed(0)
    net = mlp(6, 2, layers=3, activation=nn.SELU, dropout=0.5, layer_norm=True, hidden=4).eval()
    kinds = [type(m) for m in net.modules() if not isinstance(m, nn.Sequential)]
    assert kinds == 2 * [nn.Linear, nn.LayerNorm, nn.SELU, nn.Dropout] + [nn.Linear]
    x = by_hand = torch.randn(7, 6)
    for block in net[:-1]:
        by_hand = F.selu(F.layer_norm(block[0](by_hand), (4,)))
    torch.testing.assert_close(net(x), net[-1](by_hand))
    assert net[-1].weight.abs().max() < 0.1


def test_deep_heads_do_not_silence_their_signal():
    torch.manual_seed(0)
    deep = mlp(384, 384, layers=5, hidden=384)[:-1].eval()
    assert 0.3 < deep(torch.randn(256, 384)).std() < 3


@pytest.mark.parametrize(
    "activation",
    [nn.ELU, nn.Hardswish, nn.ReLU, nn.RReLU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Identity],
)  # report S3's choice
def test_any_activation_will_do(activation):
    net = mlp(6, 2, layers=2, activation=activation).eval()
    x = torch.randn(3, 6)
    torch.testing.assert_close(net(x), net[-1](activation().eval()(net[0][0](x))))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU()])
def test_dropout_before_and_after_a_relu_are_the_same(activation):
    """Report S1 has it before."""
    x = torch.randn(50, 8)
    torch.manual_seed(0)
    before = activation(F.dropout(x, 0.4))
    torch.manual_seed(0)
    torch.testing.assert_close(F.dropout(activation(x), 0.4), before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mlp(4, 2, layers=0), "1 to 5, not 0"),
        (lambda: ClassificationHead(4, 2, layers=6), "1 to 5, not 6"),
        (lambda: mlp(4, 2, layers=2, hidden=0), "at least 1, not 0"),
        (lambda: PairHead(4, 2, cosine=1), "one output, not to 2"),
        (lambda: CosineHead(shared=8), "give `width`"),
    ],
)
def test_heads_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_pair_head_is_pool_fuse_mlp_plus_cosine():
    torch.manual_seed(0)
    u, v = torch.randn(3, 4), torch.randn(3, 4)
    head = PairHead(4, 1, fusion.rich, cosine=5.0).eval()
    features = torch.cat([u, v, (u - v).abs(), u * v], 1)
    cosines = (u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1))
    want = features @ head.linear.weight.T + head.linear.bias + 5 * cosines.unsqueeze(1)
    torch.testing.assert_close(head(*pooled(u, v)), want)


def test_a_shared_layer_is_the_same_for_both_sides():
    torch.manual_seed(0)
    u, v = torch.randn(3, 4), torch.randn(3, 4)
    head = PairHead(4, 2, fusion.concat, shared=6).eval()
    layer = head.sides.shared[0]
    h, g = layer(u).relu(), layer(v).relu()
    torch.testing.assert_close(head(*pooled(u, v)), head.linear(torch.cat([h, g], 1)))
    hidden_cosine = CosineHead(5, 1, width=4, shared=6)
    hidden_cosine.sides = head.sides
    want = 5 * F.cosine_similarity(h, g).unsqueeze(1) + 1
    torch.testing.assert_close(hidden_cosine(*pooled(u, v)), want)
    assert (want >= 1).all()  # after ReLU no cosine is negative


@pytest.mark.parametrize("shared", [None, 6])
def test_both_sides_go_through_each_dropout_in_one_call_and_u_has_one_mask(shared):
    torch.manual_seed(0)
    seen, drops = [], []

    def fuse(u, v):
        seen.append((u, v))
        return u * v

    head = PairHead(64, 1, fuse, shared=shared, cosine=5.0, dropout=0.5, learned=False).train()
    nn.init.zeros_(head.linear.weight)  # what is left is the cosine
    for module in head.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda m, inputs, out: drops.append(len(out)))
    scores = head(*pooled(torch.randn(3, 64), torch.randn(3, 64)))
    assert drops == [6] * (1 if shared is None else 2)  # 2B rows, once for each dropout
    u, v = seen[-1]  # the first call asked for the width
    assert (u == 0).any()  # dropped
    torch.testing.assert_close(scores, 5 * F.cosine_similarity(u, v).unsqueeze(1))


def gradient(head, u, v):
    u, v = u.clone().requires_grad_(), v.clone().requires_grad_()
    out = head(*pooled(u, v))
    (out.squeeze(1) - 5).square().sum().backward()  # the pair is alike: go up
    return out.detach(), u.grad, v.grad


def test_five_relu_cosine_has_a_dead_zone_and_the_affine_map_has_none():
    u = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    v = torch.tensor([[-0.5, 1.0], [0.5, 1.0]])  # cosines below and above 0
    out, *grads = gradient(CosineHead(5, relu=True, learned=False), u, v)
    assert out[0] == 0
    assert out[1] == pytest.approx(5 * 0.5 / 1.25**0.5)
    for grad in grads:
        assert (grad[0] == 0).all()
        assert grad[1].abs().sum() > 0
    out, *grads = gradient(CosineHead(2.5, 2.5, learned=False), u, v)
    assert out[0] == pytest.approx(2.5 * (1 - 0.5 / 1.25**0.5))
    for grad in grads:
        assert (grad.abs().sum(1) > 0).all()


def test_a_dead_start_stays_dead():
    """50 steps of descent move nothing; from the same start, 2.5 (cos + 1) gets there."""
    for head, ends in (
        (CosineHead(5, relu=True, learned=False), 0.0),
        (CosineHead(2.5, 2.5, learned=False), 5.0),
    ):
        u, v = nn.Parameter(torch.tensor([[1.0, 0.0]])), torch.tensor([[-0.5, 1.0]])
        optimizer = torch.optim.SGD([u], lr=0.05)
        for _ in range(50):
            optimizer.zero_grad()
            out = head(*pooled(u, v))
            (out - 5).square().sum().backward()
            optimizer.step()
        assert head(*pooled(u, v)).item() == pytest.approx(ends, abs=0.1)


def test_fixed_numbers_stay_and_are_saved():
    head = CosineHead(2.5, 2.5, learned=False)
    assert not list(head.parameters())
    other = CosineHead(1, 0)
    other.load_state_dict(head.state_dict())
    assert (other.scale.item(), other.shift.item()) == (2.5, 2.5)


def test_a_cosine_is_taken_in_float32_also_under_autocast():
    torch.manual_seed(0)
    u = torch.randn(40, 32)
    with torch.autocast("cpu", torch.bfloat16):
        for head in (CosineHead(), PairHead(32, 1, cosine=5)):
            out = head(*pooled(u.bfloat16(), (u + 0.2 * torch.randn(40, 32)).bfloat16()))
            assert out.dtype == torch.float32
    assert out.unique().numel() == 40


ROWS = re.findall(r"^    (S\d.*?)  ((?:Classification|Pair|Cosine)Head\(.*\))$", heads.__doc__, re.M)
S1 = eval(re.search(r"S1 = (dict\(.*?\))\. ", heads.__doc__).group(1), {"pooling": pooling})


@pytest.mark.parametrize(("report", "call"), ROWS, ids=[" ".join(report.split()) for report, _ in ROWS])
def test_the_head_of_each_report_is_what_the_docstring_says(report, call):
    head = eval(call, {**vars(heads), "D": D, "S1": S1, "nn": nn})
    data = one_tower(LEFT, RIGHT) if isinstance(head, ClassificationHead) else two_towers(LEFT, RIGHT)
    outputs = 5 if "SST" in report or "depth" in report else 6 if "six" in report else 1
    assert scores(model_of(head), data).shape == (4, outputs)


def test_every_report_has_its_heads():
    assert len(ROWS) == 18
    assert set(re.findall(r"S\d", " ".join(report for report, _ in ROWS))) == {"S0", "S1", "S2", "S3", "S4"}
