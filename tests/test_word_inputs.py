"""Words and their letters as vectors: a loop over the words, one by one, says what has to come out."""

import pytest
import torch
from torch import Tensor, nn

from sparring.chance import ambient_seed
from sparring.errors import InputError, ShapeError
from sparring.networks import spares_global_rng, treats_samples_apart
from sparring.networks.word_inputs import WordInputs
from sparring.place import threads

WORDS, LETTERS = 20, 9


def _made(**settings: object) -> WordInputs:
    given = {"width": 5, "letters": LETTERS, "letter_width": 3, "letter_features": 4, **settings}
    with ambient_seed(0):
        return WordInputs(WORDS, **given).double()  # pyright: ignore[reportArgumentType]


def _words(n: int = 4, steps: int = 6, columns: int = 7) -> Tensor:
    """Words of 0 to ``columns`` letters, of which some are there again."""
    chance = torch.Generator().manual_seed(1)
    lengths = torch.arange(WORDS) % (columns + 1)
    letters = torch.randint(1, LETTERS, (WORDS, columns), generator=chance)
    spelled = letters * (torch.arange(columns) < lengths[:, None])
    numbers = torch.randint(WORDS, (n, steps), generator=chance)
    return torch.cat([numbers[:, :, None], spelled[numbers]], dim=2)


def _one_by_one(layer: WordInputs, word: list[int]) -> Tensor:
    """The formula of the docstring for one word, in loops."""
    assert layer.letters is not None
    convolution, vectors = layer.letters.convolution, layer.letters.vectors.weight
    side = convolution.kernel_size[0] // 2
    letters = [letter for letter in word[1:] if letter]
    largest = torch.zeros(convolution.out_channels, dtype=torch.float64)
    for i in range(len(letters)):
        assert convolution.bias is not None
        value = convolution.bias
        for j in range(-side, side + 1):
            if 0 <= i + j < len(letters):
                value = value + convolution.weight[:, :, j + side] @ vectors[letters[i + j]]
        largest = torch.maximum(largest, value)  # from zero: the ReLU
    return torch.cat([layer.vectors.weight[word[0]], largest])


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_loop_over_the_words(kernel: int) -> None:
    layer, x = _made(kernel=kernel), _words()
    expected = torch.stack([torch.stack([_one_by_one(layer, word) for word in row]) for row in x.tolist()])
    found = layer(x)
    assert found.shape == (4, 6, layer.outputs)
    assert torch.allclose(found, expected, atol=1e-12)
    up = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    theirs = torch.autograd.grad((expected * up).sum(), list(layer.parameters()))
    for one, other in zip(torch.autograd.grad((found * up).sum(), list(layer.parameters())), theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("letters", [None, LETTERS])
def test_every_parameter_has_a_gradient(letters: int | None) -> None:
    layer = _made(letters=letters)
    x = _words() if letters else _words()[:, :, 0]
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    if layer.letters is not None:
        assert layer.letters.vectors.weight.grad is not None
        assert (layer.letters.vectors.weight.grad[0] == 0).all()  # padding stays zeros
        assert (layer.letters.vectors.weight[0] == 0).all()


def test_columns_of_padding_and_batch_mates_change_nothing() -> None:
    layer, x = _made(), _words()
    found = layer(x)
    for more in (1, 2, 30):
        assert torch.allclose(layer(nn.functional.pad(x, (0, more))), found, atol=1e-12)
    for row in range(len(x)):
        for step in range(x.shape[1]):
            word = x[row, step]
            alone = word[: 1 + max(1, int((word[1:] != 0).sum()))]
            assert torch.allclose(layer(alone[None, None])[0, 0], found[row, step], atol=1e-12)
    assert treats_samples_apart(layer)


def test_words_without_letters_are_zeros_there() -> None:
    layer, x = _made(), _words()
    x[:, :, 1:] = 0
    found = layer(x)
    assert torch.equal(found[:, :, 5:], torch.zeros(4, 6, 4, dtype=torch.float64))
    found.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("vectors", [None, torch.arange(WORDS * 5.0).reshape(WORDS, 5)])
def test_a_word_is_one_hot_times_the_matrix(vectors: Tensor | None) -> None:
    layer, x = _made(letters=None, vectors=vectors), _words()[:, :, 0]
    one_hot = nn.functional.one_hot(x, WORDS).double()
    assert layer.outputs == 5
    assert torch.allclose(layer(x), one_hot @ layer.vectors.weight, atol=1e-12)
    if vectors is not None:
        assert torch.equal(layer.vectors.weight, vectors.double())
        with torch.no_grad():
            layer.vectors.weight.zero_()
        assert vectors[1, 0] == 5  # learning does not touch what was given


def test_vectors_begin_with_length_one() -> None:
    with ambient_seed(0):
        layer = WordInputs(1000, width=64)
    assert layer.vectors.weight.square().sum(1).mean().item() == pytest.approx(1.0, abs=0.03)


# -- unknown words


def test_the_share_of_words_that_are_replaced() -> None:
    layer = _made(word_dropout=0.2, unknown=3)
    words = torch.arange(4, WORDS).repeat(1000, 1)
    x = torch.cat([words[:, :, None], torch.ones(*words.shape, 2, dtype=torch.long)], dim=2)
    with ambient_seed(0):
        found = layer(x)
    unknown = (found[:, :, :5] == layer.vectors.weight[3]).all(2)
    own = (found[:, :, :5] == layer.vectors(words)).all(2)
    assert (unknown ^ own).all()
    deviation = (0.2 * 0.8 / unknown.numel()) ** 0.5
    assert unknown.double().mean().item() == pytest.approx(0.2, abs=4 * deviation)
    layer.eval()
    assert torch.equal(found[:, :, 5:], layer(x)[:, :, 5:])  # their letters stay
    assert torch.equal(layer(x)[:, :, :5], layer.vectors(words))


def test_the_unknown_words_vector_is_learned_and_paddings_is_not() -> None:
    layer = _made(letters=None, word_dropout=0.5)
    x = torch.tensor([[5, 6, 7, 8, 0, 0, 0, 0]] * 50)
    with ambient_seed(0):
        layer(x).sum().backward()
    gradient = layer.vectors.weight.grad
    assert gradient is not None
    assert gradient[1, 0] + gradient[5:9, 0].sum() == 200
    assert gradient[1, 0] > 0
    assert gradient[0, 0] == 200  # always itself


def test_draws_come_from_the_state_that_dropout_uses() -> None:
    layer, x = _made(word_dropout=0.5), _words()
    with ambient_seed(4):
        one = layer(x)
    with ambient_seed(4):
        assert torch.equal(layer(x), one)
    with ambient_seed(5):
        assert not torch.equal(layer(x), one)
    assert spares_global_rng(layer)


# -- as a module


def test_save_and_load() -> None:
    one, x = _made().eval(), _words()
    with ambient_seed(7):
        other = WordInputs(WORDS, 5, LETTERS, 3, 4).double().eval()
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


def test_gradients_on_two_threads_are_the_same_bits_each_time() -> None:
    layer, words = _made(letter_features=50).float(), _words(100, 30)
    up = torch.randn(100, 30, layer.outputs, generator=torch.Generator().manual_seed(3))
    with threads(2):
        found = [torch.autograd.grad((layer(words) * up).sum(), list(layer.parameters())) for _ in range(5)]
    for again in found[1:]:
        assert all(torch.equal(one, other) for one, other in zip(found[0], again, strict=True))


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="kernel must be odd, .* got 4"):
        _made(kernel=4)
    with pytest.raises(ShapeError, match=r"vectors must have the shape \(words=20, width=5\); got \(20, 4\)"):
        _made(vectors=torch.zeros(20, 4))
    with pytest.raises(ShapeError, match=r"words must have the shape \(n, t\); got \(4, 6, 8\). Letters are read by"):
        _made(letters=None)(_words())
    for wrong in (_words()[:, :, 0], _words()[:, :, :1]):
        with pytest.raises(ShapeError, match=r"the shape \(n, t, 1 \+ k\), each with its number and .* got \(4, 6"):
            _made()(wrong)
