"""Recurrent layers: the lecture's equations step by step, padding, directions, states that go on."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.chance import ambient_seed
from sparring.data.ragged import Ragged, SequenceBatches
from sparring.errors import InputError
from sparring.networks import Recurrent, SequenceNetwork, ends, reversed_rows
from sparring.objectives import cross_entropy
from sparring.training import delta_in_time, supervised_game, train
from sparring.training.adam import Adam
from sparring.training.reach import heard_in_time

SHAPES = [("rnn", False), ("rnn", True), ("lstm", False), ("lstm", True), ("gru", False), ("gru", True)]


def _made(**settings: object) -> Recurrent:
    with ambient_seed(0):
        return Recurrent(3, **{"hidden": 5, **settings}).double()  # pyright: ignore[reportArgumentType]


def _rows(n: int = 4, steps: int = 7) -> Tensor:
    return torch.randn(n, steps, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def _weights(layer: nn.Module) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0  # type: ignore[return-value]


def test_the_lectures_equation_step_by_step() -> None:
    network, x = _made(cell="rnn"), _rows()
    input_part, hidden_part, b_in, b_hidden = _weights(network.layers[0])
    W, b = torch.cat([hidden_part, input_part], dim=1), b_in + b_hidden  # W multiplies [h; x]
    h, expected = torch.zeros(4, 5, dtype=torch.float64), []
    for t in range(x.shape[1]):
        h = torch.tanh(torch.cat([h, x[:, t]], dim=1) @ W.T + b)
        expected.append(h)
    outputs, (last,) = network(x)
    assert torch.allclose(outputs, torch.stack(expected, dim=1), atol=1e-12)
    assert torch.allclose(last[0], h, atol=1e-12)


def test_lstm_by_its_equations() -> None:
    network, x = _made(cell="lstm"), _rows()
    w_in, w_hidden, b_in, b_hidden = _weights(network.layers[0])
    assert torch.equal((b_in + b_hidden)[5:10], torch.ones(5, dtype=torch.float64))  # the forget gate is open at first
    h = c = torch.zeros(4, 5, dtype=torch.float64)
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ w_in.T + h @ w_hidden.T + b_in + b_hidden).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    outputs, (last, memory) = network(x)
    assert torch.allclose(outputs[:, -1], h, atol=1e-12)
    assert torch.allclose(last[0], h, atol=1e-12)
    assert torch.allclose(memory[0], c, atol=1e-12)


def test_gru_by_its_equations() -> None:
    network, x = _made(cell="gru"), _rows()
    w_in, w_hidden, b_in, b_hidden = _weights(network.layers[0])
    h = torch.zeros(4, 5, dtype=torch.float64)
    for t in range(x.shape[1]):
        (r_x, z_x, n_x), (r_h, z_h, n_h) = (
            (x[:, t] @ w_in.T + b_in).chunk(3, dim=1),
            (h @ w_hidden.T + b_hidden).chunk(3, dim=1),
        )
        z = (z_x + z_h).sigmoid()
        h = (1 - z) * (n_x + (r_x + r_h).sigmoid() * n_h).tanh() + z * h
    assert torch.allclose(network(x)[0][:, -1], h, atol=1e-12)


def test_one_step_is_a_layer_of_an_ordinary_network() -> None:
    network, x = _made(cell="rnn"), _rows(steps=1)
    w_in, _, b_in, b_hidden = _weights(network.layers[0])
    assert torch.allclose(network(x)[0][:, 0], torch.tanh(x[:, 0] @ w_in.T + b_in + b_hidden), atol=1e-12)


@pytest.mark.parametrize(("cell", "both"), SHAPES)
def test_no_row_depends_on_its_batch_mates_or_its_padding(cell: str, both: bool) -> None:
    network, x = _made(cell=cell, layers=2, bidirectional=both), _rows()
    lengths = torch.tensor([7, 1, 4, 6])
    together, _ = network(x, lengths)
    garbage = x.clone()
    for row, length in enumerate(lengths.tolist()):
        garbage[row, length:] = 1e3
        alone, _ = network(x[row : row + 1, :length])
        assert torch.allclose(together[row, :length], alone[0], atol=1e-12)
        end = ends(together, lengths, network.directions)[row]
        assert torch.allclose(end, ends(alone, None, network.directions)[0], atol=1e-12)
    again, _ = network(garbage, lengths)
    for row, length in enumerate(lengths.tolist()):
        assert torch.equal(again[row, :length], together[row, :length])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_steps_one_by_one_give_the_same_as_all_at_once(cell: str) -> None:
    network, x = _made(cell=cell, layers=3), _rows()
    whole, final = network(x)
    state, parts = None, []
    for t in range(x.shape[1]):
        outputs, state = network(x[:, t : t + 1], state=state)
        parts.append(outputs)
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-12)
    assert state is not None
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(state, final, strict=True))


def test_the_backward_half_has_read_the_row_from_its_end() -> None:
    network, x = _made(cell="gru", bidirectional=True), _rows()
    outputs, _ = network(x)
    back, _ = network.layers[1](x.flip(1))
    assert torch.allclose(outputs[:, :, 5:], back.flip(1), atol=1e-12)


def test_rows_are_reversed_up_to_their_lengths() -> None:
    x = torch.arange(8.0).reshape(2, 4)
    assert reversed_rows(x, torch.tensor([3, 1])).tolist() == [[2, 1, 0, 3], [4, 5, 6, 7]]
    assert reversed_rows(x, None).tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
    deep = torch.arange(12.0).reshape(1, 3, 2, 2)
    assert torch.equal(reversed_rows(deep, torch.tensor([2]))[0, 0], deep[0, 1])


def test_gates_that_hold_begin_as_the_paper_says() -> None:
    with ambient_seed(0):
        lstm, gru = (Recurrent(3, hidden=400, cell=cell, remember=102).layers[0] for cell in ("lstm", "gru"))
    biases = {name: layer.state_dict()["bias_ih_l0"] for name, layer in (("lstm", lstm), ("gru", gru))}
    for bias in biases.values():
        kept = bias[400:800]  # the second gate: forget, update
        assert kept.min() >= 0
        assert kept.exp().mean().item() == pytest.approx(51, rel=0.1)  # of U[1, 101]
    assert torch.equal(biases["lstm"][:400], -biases["lstm"][400:800])
    for layer in (lstm, gru):
        gate = layer.state_dict()["weight_hh_l0"][400:800]
        assert torch.allclose(gate @ gate.T, torch.eye(400), atol=1e-4)
    with pytest.raises(InputError, match="at least 2 steps; got 1"):
        Recurrent(3, remember=1)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_network_that_holds_hears_from_far_back(cell: str) -> None:
    def far(remember: int | None) -> float:
        with ambient_seed(0):
            network = SequenceNetwork(outputs=1, width=1, hidden=64, cell=cell, remember=remember)
            x, y = torch.randn(32, 200, 1), torch.randn(32)
        found = delta_in_time(network, x, torch.full((32,), 200), y, lambda o, y: (o[:, 0] - y).square().mean())
        return found[-1][1] / found[0][1]

    assert far(200) > 100 * far(None)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_learned_start_is_learned(cell: str) -> None:
    network, x = _made(cell=cell, layers=2, learned_start=True), _rows()
    assert torch.equal(network(x)[0], _made(cell=cell, layers=2)(x)[0])  # it begins as zero
    network(x)[0].sum().backward()
    assert network.start is not None
    assert network.start.grad is not None
    assert (network.start.grad.flatten(1).norm(dim=1) > 0).all()


def test_dropout_lies_between_layers_and_only_while_training() -> None:
    one, two = _made(cell="gru", dropout=0.5), _made(cell="gru", layers=2, dropout=0.5)
    x = _rows()
    assert torch.equal(one(x)[0], one(x)[0])
    assert not torch.equal(two(x)[0], two(x)[0])
    two.eval()
    assert torch.equal(two(x)[0], two(x)[0])


@pytest.mark.parametrize(("cell", "both"), SHAPES)
def test_gradients_by_finite_differences(cell: str, both: bool) -> None:
    network = _made(cell=cell, bidirectional=both)
    lengths = torch.tensor([3, 2])
    x = _rows(2, 3).requires_grad_()
    weights = torch.linspace(-1, 1, network.outputs, dtype=torch.float64)

    def scored(x: Tensor) -> Tensor:
        return (ends(network(x, lengths)[0], lengths, network.directions) * weights).sum()

    assert torch.autograd.gradcheck(scored, (x,))


# -- networks that read


@pytest.mark.parametrize("answer", ["last", "mean", "max", "each"])
@pytest.mark.parametrize("both", [False, True])
def test_an_answer_depends_on_no_batch_mate(answer: str, both: bool) -> None:
    with ambient_seed(0):
        network = SequenceNetwork(2, words=9, width=4, hidden=5, cell="gru", answer=answer, bidirectional=both).double()  # pyright: ignore[reportArgumentType]
    x = torch.randint(9, (4, 6), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([6, 1, 3, 5])
    together = network(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network(x[row : row + 1, :length])
        found = together[row, :length] if answer == "each" else together[row]
        assert torch.allclose(found, alone[0], atol=1e-12)


def test_learned_vectors_are_one_hot_times_a_matrix() -> None:
    with ambient_seed(0):
        words = SequenceNetwork(2, words=9, width=4, hidden=5, cell="rnn")
        vectors = SequenceNetwork(2, width=4, hidden=5, cell="rnn")
    assert words.inputs is not None
    vectors.recurrent.load_state_dict(words.recurrent.state_dict())
    vectors.last.load_state_dict(words.last.state_dict())
    x = torch.tensor([[3, 1, 8], [0, 0, 2]])
    one_hot = torch.nn.functional.one_hot(x, 9).float()
    assert torch.allclose(words(x), vectors(one_hot @ words.inputs.vectors.weight), atol=1e-6)


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_delta_in_time_is_a_power_of_the_weight(weight: float) -> None:
    network = SequenceNetwork(1, width=1, hidden=1, cell="rnn").double()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    layer = network.recurrent.layers[0]
    nn.init.constant_(layer.weight_ih_l0, 1.0)  # pyright: ignore[reportArgumentType]
    nn.init.constant_(layer.weight_hh_l0, weight)  # pyright: ignore[reportArgumentType]
    nn.init.constant_(network.last.weight, 3.0)
    x = torch.zeros(4, 9, 1, dtype=torch.float64)  # tanh has slope one at zero: d y / d x(T - k) = 3 weight^k
    lengths = torch.tensor([9, 9, 3, 1])
    found = delta_in_time(network, x, lengths, torch.zeros(4), lambda outputs, _: outputs.mean())
    assert [back for back, _ in found] == [0, 1, 2, 4, 8]
    assert [size for _, size in found] == pytest.approx([3 * weight**back for back in (0, 1, 2, 4, 8)])
    assert network.training


def test_what_steps_hear_is_a_share_of_their_own_row() -> None:
    """Row 1 falls by half a step and is loud; row 2 is flat, short and faint; row 3 hears nothing."""
    gradient = torch.zeros(3, 5, 2, dtype=torch.float64)
    gradient[0] = 100 * 0.5 ** torch.arange(4.0, -1, -1, dtype=torch.float64)[:, None]
    gradient[1, :2] = 1e-3
    found = heard_in_time(gradient, torch.tensor([5, 2, 4]))
    back = {0: 1.0, 1: 0.5, 2: ((0.25**2 + 0.125**2) / 2) ** 0.5, 4: 0.0625}
    expected = {0: 1.0, 1: (back[1] + 1) / 2, 2: back[2], 4: back[4]}
    assert dict(found) == pytest.approx(expected)


def test_delta_in_time_vanishes_less_in_an_lstm() -> None:
    x, lengths, y = (
        torch.randn(8, 60, 3, generator=torch.Generator().manual_seed(0)),
        torch.full((8,), 60),
        torch.zeros(8),
    )
    sizes = {}
    for cell in ("rnn", "lstm"):
        with ambient_seed(0):
            network = SequenceNetwork(1, width=3, hidden=16, cell=cell)
        found = dict(delta_in_time(network, x, lengths, y, lambda outputs, _: outputs.square().mean()))
        sizes[cell] = found[32] / found[0]
    assert sizes["rnn"] < 1e-3 * sizes["lstm"]


def test_delta_in_time_of_words_and_of_networks_without_time() -> None:
    network = SequenceNetwork(2, words=9, width=4, hidden=5, cell="gru")
    x = torch.randint(9, (3, 5), generator=torch.Generator().manual_seed(0))
    found = delta_in_time(network, x, torch.tensor([5, 2, 4]), torch.tensor([0, 1, 1]), cross_entropy)
    assert all(size > 0 for _, size in found)
    with pytest.raises(InputError, match="no recurrent layer"):
        delta_in_time(nn.Linear(1, 1), x, torch.tensor([5, 2, 4]), torch.zeros(3), cross_entropy)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_network_with_gates_remembers_the_first_word(cell: str) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(2, 10, int(rng.integers(15, 25))) for _ in range(600)]
    classes = torch.from_numpy(rng.integers(0, 2, 600))
    for row, number in zip(rows, classes.tolist(), strict=True):
        row[0] = number  # what is to be told at the end
    batches = SequenceBatches(Ragged.of(rows[:500]), classes[:500], size=50, seed=0)
    with ambient_seed(0):
        network = SequenceNetwork(2, words=10, width=8, hidden=16, cell=cell)
    optimizer = Adam(list(network.parameters()), lr=0.02)
    game = supervised_game(network, cross_entropy, optimizer, takes=2, clip=1.0)
    for _ in train(game.turns, batches, 200):  # pyright: ignore[reportArgumentType]
        pass
    held_out = Ragged.of(rows[500:])
    network.eval()
    found = network(held_out.padded(torch.arange(100)), held_out.lengths).argmax(1)
    assert (found == classes[500:]).float().mean() == 1.0
