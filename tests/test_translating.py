"""Many to many with different lengths: attention, encoder and decoder, and the search for a likely answer."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.chance import ambient_seed
from sparring.errors import InputError, ShapeError
from sparring.networks.attention import AdditiveAttention
from sparring.networks.searching import Found, beam, greedy, length_penalty
from sparring.networks.translating import EncoderDecoder
from sparring.training.adam import Adam

END = 3
SHAPES = [
    {},
    {"attention": False},
    {"cell": "lstm", "layers": 2},
    {"cell": "rnn", "bidirectional": False, "tied": False},
    {"cell": "lstm", "attention": False, "bidirectional": False, "layers": 2, "tied": False},
]


def _made(**settings: Any) -> EncoderDecoder:
    with ambient_seed(0):
        return EncoderDecoder(11, 9, **{"width": 6, "hidden": 5, "dropout": 0.0, **settings}).double()


def _pairs(n: int = 5, s: int = 7, t: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    source = torch.randint(11, (n, s), generator=chance)
    target = torch.randint(9, (n, t), generator=chance)
    lengths = torch.tensor([7, 1, 4, 6, 2])[:n]
    for row, length in enumerate([6, 3, 1, 5, 2][:n]):
        target[row, length:] = -100
    return source, lengths, target


# -- attention


def _attention() -> tuple[AdditiveAttention, Tensor, Tensor, Tensor]:
    with ambient_seed(0):
        attention = AdditiveAttention(states=4, features=3, width=5).double()
        states, outputs = torch.randn(3, 2, 4, dtype=torch.float64), torch.randn(3, 6, 3, dtype=torch.float64)
    return attention, states, outputs, torch.arange(6) < torch.tensor([[6], [1], [4]])


def test_attention_by_its_equations() -> None:
    attention, states, outputs, inside = _attention()
    W, U, v = attention.of_state.weight, attention.of_source.weight, attention.score.weight[0]
    context, weights = attention(states, outputs, attention.keys(outputs), inside)
    for row, i in itertools.product(range(3), range(2)):
        real = outputs[row, : int(inside[row].sum())]
        e = torch.stack([v @ torch.tanh(W @ states[row, i] + U @ h) for h in real])
        a = e.exp() / e.exp().sum()
        assert torch.allclose(weights[row, i, : len(real)], a, atol=1e-12)
        assert torch.allclose(context[row, i], (a[:, None] * real).sum(0), atol=1e-12)


def test_attention_gives_padding_exactly_nothing() -> None:
    attention, states, outputs, inside = _attention()
    context, weights = attention(states, outputs, attention.keys(outputs), inside)
    garbage = outputs.masked_fill(~inside[:, :, None], 1e3)
    assert torch.equal(weights[(~inside)[:, None].expand_as(weights)], torch.zeros(14, dtype=torch.float64))
    assert torch.allclose(weights.sum(2), torch.ones(3, 2, dtype=torch.float64))
    assert torch.equal(attention(states, garbage, attention.keys(garbage), inside)[0], context)


def test_attention_to_equal_vectors_is_their_mean() -> None:
    attention, states, outputs, inside = _attention()
    same = outputs[:, :1].expand_as(outputs)
    _, weights = attention(states, same, attention.keys(same), inside)
    assert torch.allclose(weights, (inside / inside.sum(1, keepdim=True))[:, None].double().expand_as(weights))


def test_gradients_of_attention_by_finite_differences() -> None:
    attention, states, outputs, inside = _attention()

    def both(states: Tensor, outputs: Tensor) -> tuple[Tensor, ...]:
        return attention(states, outputs, attention.keys(outputs), inside)

    assert torch.autograd.gradcheck(both, (states.requires_grad_(), outputs.requires_grad_()))


# -- encoder and decoder


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_shapes_gradients_save_and_load(settings: dict[str, Any]) -> None:
    network, (source, lengths, target) = _made(**settings), _pairs()
    logits = network(source, lengths, target)
    assert logits.shape == (5, 6, 9)
    nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten()).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    with ambient_seed(1):
        other = EncoderDecoder(11, 9, **{"width": 6, "hidden": 5, "dropout": 0.0, **settings}).double()
    assert not torch.allclose(other(source, lengths, target), logits)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(source, lengths, target), logits)


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_word_by_word_gives_the_same_as_all_at_once(settings: dict[str, Any]) -> None:
    network, (source, lengths, target) = _made(**settings), _pairs()
    whole = network(source, lengths, target)
    memory, words, state = network.encode(source, lengths), torch.full((5,), 2), None
    for t in range(target.shape[1]):
        expected = whole[:, t].log_softmax(1)
        logits, _, weights = network.decode(words[:, None], memory, state)
        found, state = network.step(words if t else None, memory, state)
        assert torch.allclose(logits[:, 0], whole[:, t], atol=1e-12)
        assert torch.allclose(found, expected, atol=1e-12)
        if network.attention is None:
            assert not weights.any()
        else:
            assert torch.allclose(weights[:, 0], network.alignment(source, lengths, target)[:, t], atol=1e-12)
        words = target[:, t].clamp(min=0)


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_no_row_depends_on_its_batch_mates_or_its_padding(settings: dict[str, Any]) -> None:
    network, (source, lengths, target) = _made(**settings), _pairs()
    together = network(source, lengths, target)
    for row, length in enumerate(lengths.tolist()):
        said = int((target[row] >= 0).sum())
        alone = network(source[row : row + 1, :length], None, target[row : row + 1, :said])
        assert torch.allclose(together[row, :said], alone[0], atol=1e-12)
    padding = torch.arange(7) >= lengths[:, None]
    again = network(source.masked_fill(padding, 10), lengths, target.masked_fill(target < 0, 8))
    assert torch.equal(again[target >= 0], together[target >= 0])


def test_no_word_is_known_before_it_is_said() -> None:
    network, (source, lengths, target) = _made(cell="lstm", layers=2), _pairs()
    target = target.clamp(min=0)
    before = network(source, lengths, target)
    for t in range(target.shape[1]):
        changed = target.clone()
        changed[:, t] = (changed[:, t] + 1) % 9
        differs = (network(source, lengths, changed) != before).any(2)
        assert not differs[:, : t + 1].any()
        assert differs[:, t + 1 :].all()


def test_the_encoder_decoder_without_attention_by_torchs_own_parts() -> None:
    network, (source, lengths, target) = _made(attention=False), _pairs()
    forward, backward = network.encoder.layers
    both = nn.GRU(6, 5, batch_first=True, bidirectional=True).double()
    both.load_state_dict(
        forward.state_dict() | {f"{name}_reverse": value for name, value in backward.state_dict().items()}
    )
    packed = nn.utils.rnn.pack_padded_sequence(network.source_vectors(source), lengths, True, enforce_sorted=False)
    _, h = both(packed)
    start = torch.tanh(network.bridge(torch.cat([h[0], h[1]], dim=1)))
    before = torch.cat([torch.full((5, 1), 2), target.clamp(min=0)[:, :-1]], dim=1)
    states, _ = network.decoder.layers[0](network.target_vectors(before), start[None])
    logits = torch.tanh(network.join(states)) @ network.target_vectors.weight.T + network.bias
    assert torch.allclose(network(source, lengths, target), logits, atol=1e-12)


def test_attention_asks_with_the_state_that_has_read_the_word_before() -> None:
    network, (source, lengths, target) = _made(), _pairs()
    assert network.attention is not None
    memory = network.encode(source, lengths)
    before = torch.cat([torch.full((5, 1), 2), target.clamp(min=0)[:, :-1]], dim=1)
    states, _ = network.decoder.layers[0](
        network.target_vectors(before), memory.start[:, 0].transpose(0, 1).contiguous()
    )
    context, weights = network.attention(states, memory.outputs, memory.keys, memory.inside)
    logits = torch.tanh(network.join(torch.cat([states, context], 2))) @ network.target_vectors.weight.T + network.bias
    assert torch.allclose(network(source, lengths, target), logits, atol=1e-12)
    assert torch.allclose(network.alignment(source, lengths, target), weights, atol=1e-12)


def test_scores_are_the_logits_without_padding() -> None:
    network, (source, lengths, target) = _made(), _pairs()
    found = network.scores(source, lengths, target)
    assert found.shape == (17, 9)
    assert torch.allclose(found, network(source, lengths, target)[target >= 0], atol=1e-12)


def test_dropout_draws_only_while_training() -> None:
    network, pairs = _made(dropout=0.5), _pairs()
    assert not torch.equal(network(*pairs), network(*pairs))
    network.eval()
    assert torch.equal(network(*pairs), network(*pairs))


def test_no_alignment_without_attention() -> None:
    with pytest.raises(InputError, match="attention=True"):
        _made(attention=False).alignment(*_pairs())


# -- searching


class Toy:
    """What is likely depends on all words before, by their code, which is the state; a table for each source."""

    codes = 499  # so many that hardly two histories meet, which would tie

    def __init__(self, n: int, words: int = 4, seed: int = 0, dtype: torch.dtype = torch.float64) -> None:
        chance = torch.Generator().manual_seed(seed)
        table = torch.randn(n, self.codes, words, generator=chance, dtype=torch.float64)
        self.memory = (2 * table).log_softmax(2).to(dtype)
        self.asked: list[int] = []

    def __call__(self, words: Any, memory: Tensor, state: Any) -> tuple[Tensor, Any]:
        self.asked.append(len(memory))
        code = torch.zeros(len(memory), dtype=torch.long) if words is None else (5 * state[0] + words + 1) % self.codes
        return memory[torch.arange(len(memory)), code], (code,)

    def log_probability(self, row: int, said: tuple[int, ...]) -> float:
        code, total = 0, 0.0
        for word in said:
            total += self.memory[row, code, word].item()
            code = (5 * code + word + 1) % self.codes
        return total


def _all(toy: Toy, row: int, words: int, most: int, alpha: float) -> list[tuple[float, tuple[int, ...], bool]]:
    """Every sequence that ends, or is cut at ``most`` words, the best first."""
    others = [word for word in range(words) if word != END]
    ended = [(*rest, END) for t in range(most) for rest in itertools.product(others, repeat=t)]
    cut = list(itertools.product(others, repeat=most))
    lp = [((5 + len(said)) / 6) ** alpha for said in [*ended, *cut]]
    scores = [toy.log_probability(row, said) / by for said, by in zip([*ended, *cut], lp, strict=True)]
    parted = [(said[:-1], True) for said in ended] + [(said, False) for said in cut]
    return sorted(((score, *rest) for score, rest in zip(scores, parted, strict=True)), reverse=True)


def _one(toy: Toy, row: int, most: int, size: int, alpha: float) -> list[tuple[float, tuple[int, ...]]]:
    """A beam written another way: one source, lists, every sum from its start, and no stopping before ``most``."""
    live: list[tuple[int, ...]] = [()]
    finished = []
    for t in range(1, most + 1):
        each = [(*said, word) for said in live for word in range(toy.memory.shape[2])]
        each.sort(key=lambda said: -toy.log_probability(row, said))
        done = [said for said in each[:size] if said[-1] == END or t == most]
        finished += [(toy.log_probability(row, said) / ((5 + t) / 6) ** alpha, said) for said in done]
        live = [said for said in each if said[-1] != END][:size]
    return sorted(finished, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 3.0])
def test_a_beam_as_wide_as_all_paths_finds_all_of_them(alpha: float) -> None:
    toy = Toy(6)
    for row, found in enumerate(beam(toy, toy.memory, END, most=4, size=121, alpha=alpha, best=121)):
        expected = _all(toy, row, 4, 4, alpha)
        assert len(expected) == 1 + 3 + 9 + 27 + 81
        assert found.scores == pytest.approx([score for score, _, _ in expected], abs=1e-12)
        assert list(zip(found.words, found.ended, strict=True)) == [(words, over) for _, words, over in expected]


@pytest.mark.parametrize("best", [1, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("size", [3, 4])
def test_stopping_early_changes_nothing(size: int, alpha: float, best: int) -> None:
    toy = Toy(30, words=6)
    found = beam(toy, toy.memory, END, most=9, size=size, alpha=alpha, best=best)
    assert len(toy.asked) <= 9
    assert alpha > 1 or sum(toy.asked) < 30 * (1 + 8 * size)  # some rows did stop
    for row, one in enumerate(found):
        expected = _one(toy, row, 9, size, alpha)[:best]
        assert one.scores == pytest.approx([score for score, _ in expected], abs=1e-12)
        said = [(*words, END) if over else words for words, over in zip(one.words, one.ended, strict=True)]
        assert said == [words for _, words in expected]


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    toy = Toy(20, words=6, seed=seed)
    one, other = greedy(toy, toy.memory, END, most=12), beam(toy, toy.memory, END, most=12, size=1, alpha=0.0)
    assert [(found.words, found.ended) for found in one] == [(found.words, found.ended) for found in other]
    for row, found in enumerate(one):
        (said,), (over,), (score,) = found.words, found.ended, found.scores
        full = (*said, END) if over else said
        assert score == pytest.approx(toy.log_probability(row, full), abs=1e-12)
        assert END not in said
        assert over or len(said) == 12


def test_wider_beams_find_better_answers_on_the_whole() -> None:
    toy = Toy(100, words=8)
    scores = [sum(f.scores[0] for f in beam(toy, toy.memory, END, 10, size, alpha=0.0)) for size in (1, 3, 30)]
    assert scores == sorted(scores)
    assert scores[2] - scores[0] > 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("search", [greedy, beam])
def test_an_answer_depends_on_no_other_source(search: Any, dtype: torch.dtype) -> None:
    toy = Toy(25, words=50, dtype=dtype)
    most = torch.arange(25) % 9 + 1
    together = search(toy, toy.memory, END, most)
    for row in range(25):
        assert search(toy, toy.memory[row : row + 1], END, most[row : row + 1]) == [together[row]]
        assert all(len(words) <= most[row] for words in together[row].words)
    turned = search(toy, toy.memory.flip(0), END, most.flip(0))
    assert turned[::-1] == together


@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("search", [greedy, beam])
@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_a_translation_depends_on_no_batch(settings: dict[str, Any], search: Any, dtype: Any, within: float) -> None:
    network, (source, lengths, _) = _made(**settings).to(dtype).eval(), _pairs()
    with torch.no_grad():
        network.bias[END] -= 1.0  # answers of several lengths
        for parameter in network.parameters():
            parameter.mul_(3.0)
    padded = nn.functional.pad(source, (0, 4), value=7)
    together = search(network.step, network.encode(padded, lengths), END, 2 * lengths + 2)
    for row, length in enumerate(lengths.tolist()):
        (alone,) = search(network.step, network.encode(source[row : row + 1, :length]), END, 2 * length + 2)
        assert (alone.words, alone.ended) == (together[row].words, together[row].ended)
        assert alone.scores == pytest.approx(together[row].scores, abs=within)


@pytest.mark.parametrize("size", [2, 5])
def test_a_score_is_the_networks_own_probability_of_what_was_found(size: int) -> None:
    network, (source, lengths, _) = _made().eval(), _pairs()
    memory = network.encode(source, lengths)
    for row, found in enumerate(beam(network.step, memory, END, 8, size, alpha=0.7, best=size)):
        assert len(set(found.words)) == len(found.words) == size
        assert list(found.scores) == sorted(found.scores, reverse=True)
        for said, over, score in zip(found.words, found.ended, found.scores, strict=True):
            target = torch.tensor([[*said, END] if over else said])
            logits = network(source[row : row + 1, : lengths[row]], None, target)
            total = -nn.functional.cross_entropy(logits[0], target[0], reduction="sum").item()
            assert score == pytest.approx(total / length_penalty(target.shape[1], 0.7), abs=1e-12)


@pytest.mark.parametrize("search", [greedy, beam])
def test_what_never_ends_is_cut(search: Any) -> None:
    toy = Toy(3)
    found = search(toy, toy.memory, END, torch.tensor([1, 5, 3]), never=[END])
    assert [len(one.words[0]) for one in found] == [1, 5, 3]
    assert not any(any(one.ended) for one in found)
    assert len(toy.asked) == 5


@pytest.mark.parametrize("search", [greedy, beam])
def test_what_ends_at_once_says_nothing(search: Any) -> None:
    toy = Toy(2)
    found = search(toy, toy.memory, END, 9, never=[0, 1, 2])
    assert [one.words for one in found] == [((),), ((),)]
    assert [one.ended for one in found] == [(True,), (True,)]
    assert len(toy.asked) == 1


def test_words_that_are_never_said() -> None:
    toy = Toy(20, words=6)
    found = beam(toy, toy.memory, END, 8, best=5, never=[0, 4])
    assert {word for one in found for words in one.words for word in words} <= {1, 2, 5}


def test_of_equally_likely_answers_the_first_is_found() -> None:
    def even(words: Any, memory: Tensor, state: Any) -> tuple[Tensor, Any]:
        return torch.full((len(memory), 100), -math.log(100.0)), ()

    memory = torch.zeros(3, 1)
    cut = Found(((0, 0, 0), (0, 0, 1)), (-3 * math.log(100.0),) * 2, (False, False))
    for one in beam(even, memory, end=99, most=3, size=2, alpha=0.0, best=2):
        assert (one.words, one.ended) == (cut.words, cut.ended)
        assert one.scores == pytest.approx(cut.scores)
    for one in beam(even, memory, end=0, most=9, size=2, alpha=0.0, best=2):  # the end is first of all
        assert one.words == ((), (1,))
    assert greedy(even, memory, end=99, most=3)[0].words == cut.words[:1]


def test_bad_settings_and_bad_steps_are_refused() -> None:
    toy = Toy(2)
    wrong: list[dict[str, Any]] = [{"size": 0}, {"alpha": -1.0}, {"best": 6}, {"best": 0}]
    for settings in wrong:
        with pytest.raises(InputError, match="a beam needs"):
            beam(toy, toy.memory, END, 5, **settings)
    with pytest.raises(InputError, match="at least 1 step"):
        greedy(toy, toy.memory, END, torch.tensor([3, 0]))
    with pytest.raises(ShapeError, match="most"):
        greedy(toy, toy.memory, END, torch.tensor([3, 1, 2]))
    for value, message in ((1.0, "logits"), (math.nan, "nan"), (-math.inf, "probability 0")):
        for search in (greedy, beam):
            with pytest.raises(InputError, match=message):
                search(lambda words, memory, state, value=value: (torch.full((2, 4), value), ()), toy.memory, END, 5)
    with pytest.raises(ShapeError, match="One row for each hypothesis"):
        beam(lambda words, memory, state: (torch.full((2, 4), -2.0), ()), toy.memory, END, 5)


# -- all of it


@pytest.mark.slow
def test_it_learns_to_say_a_row_backwards_and_looks_where_it_should() -> None:
    def drawn(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        chance = torch.Generator().manual_seed(seed)
        lengths = torch.randint(3, 8, (n,), generator=chance)
        source = torch.randint(4, 12, (n, 7), generator=chance)
        target = torch.full((n, 8), -100)
        for row, length in enumerate(lengths.tolist()):
            target[row, :length], target[row, length] = source[row, :length].flip(0), END
        return source, lengths, target

    with ambient_seed(0):
        network = EncoderDecoder(12, 12, width=32, hidden=48, dropout=0.0)
    optimizer = Adam(list(network.parameters()), lr=0.01)
    for step in range(400):
        source, lengths, target = drawn(64, step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network.scores(source, lengths, target), target[target >= 0]).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.eval()
    source, lengths, target = drawn(200, 10_000)
    found = beam(network.step, network.encode(source, lengths), END, 20)
    expected = [tuple(row[row > END].tolist()) for row in target]
    assert sum(one.words[0] == words for one, words in zip(found, expected, strict=True)) >= 190
    looked = network.alignment(source, lengths, target).argmax(2)
    right = [looked[i, j] == n - 1 - j for i, n in enumerate(lengths.tolist()) for j in range(n)]
    assert torch.stack(right).float().mean() > 0.9
