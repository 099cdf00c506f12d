"""Random draws that leave torch's global state alone: our own dropout, and redirection of everybody else's."""

import threading
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from sparring import place
from sparring.chance import Chance, ambient_generator, ambient_seed
from sparring.isolation import own_settings
from sparring.networks import Dropout, adopted, spares_global_rng
from sparring.place import threads
from sparring.quiet import quiet
from sparring.rerouting import redirected_calls, redirected_draws
from sparring.training import Loss, Round, Turn, train

X = torch.linspace(-2, 3, 24).reshape(4, 6)


@pytest.fixture(autouse=True)
def _global_state_stays() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


def _seeded(draw: Callable[[], Tensor], seed: int = 7) -> Tensor:
    """What torch's global state, seeded, makes of a draw."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return draw()


def _attention(p: float) -> Tensor:
    return nn.functional.scaled_dot_product_attention(X[None], X[None], X[None], dropout_p=p)


def _lstm() -> Tensor:
    layer = nn.LSTM(6, 3, 2, dropout=0.5)
    for i, weight in enumerate(layer.parameters()):
        nn.init.constant_(weight, 0.1 * (1 + i % 3))
    return layer(X[None])[0].detach()


DRAWS: dict[str, Callable[[], Tensor]] = {
    "rand": lambda: torch.rand(3, 2),
    "randn": lambda: torch.randn(5),
    "randint": lambda: torch.randint(2, 90, (8,)),
    "randperm": lambda: torch.randperm(20),
    "rand_like": lambda: torch.rand_like(X),
    "randn_like": lambda: torch.randn_like(X),
    "randint_like": lambda: torch.randint_like(X, 50),
    "normal": lambda: torch.normal(X, X.abs() + 1),
    "normal_": lambda: torch.empty(3).normal_(2, 3),
    "bernoulli": lambda: torch.bernoulli(X.sigmoid()),
    "multinomial": lambda: torch.multinomial(X.exp(), 2),
    "poisson": lambda: torch.poisson(X.exp()),
    "exponential_": lambda: torch.empty(4).exponential_(),
    "gamma": lambda: torch.distributions.Gamma(torch.tensor([2.0, 3.0]), 1.0).sample(),
    "dropout": lambda: nn.functional.dropout(X, 0.4),
    "dropout of channels": lambda: nn.functional.dropout2d(X.view(1, 12, 2, 1), 0.4),
    "alpha dropout": lambda: nn.functional.alpha_dropout(X, 0.4, training=True),
    "rrelu": lambda: nn.functional.rrelu(X, training=True),
    "gumbel": lambda: nn.functional.gumbel_softmax(X),
    "attention": lambda: _attention(0.3),
    "fractional pooling": lambda: nn.functional.fractional_max_pool2d(torch.arange(64.0).view(1, 1, 8, 8), 2, 3),
    "weights": lambda: nn.init.kaiming_uniform_(torch.empty(3, 4)),
    "orthogonal weights": lambda: nn.init.orthogonal_(torch.empty(4, 4)),
    "lstm": _lstm,
}


@pytest.mark.parametrize("redirected", [redirected_draws, redirected_calls])
@pytest.mark.parametrize("name", DRAWS)
def test_redirected_draws_are_those_of_the_seeded_global_state(name: str, redirected: Callable[..., object]) -> None:
    stream = torch.Generator().manual_seed(7)
    with redirected({"cpu": stream}):
        found, more = DRAWS[name](), DRAWS[name]()
    assert torch.equal(found, _seeded(DRAWS[name]))
    assert name == "fractional pooling" or not torch.equal(found, more)  # whose windows may fall alike


def test_a_generator_that_is_asked_for_is_taken() -> None:
    with redirected_draws({"cpu": torch.Generator().manual_seed(7)}):
        found = torch.rand(4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found, _seeded(lambda: torch.rand(4), 1))


def test_our_dropout_gives_the_numbers_of_torchs() -> None:
    ours, torchs = Dropout(0.3), nn.Dropout(0.3)
    with ambient_seed(7):
        found = ours(X)
    assert torch.equal(found, _seeded(lambda: torchs(X)))
    kept = found != 0
    torch.testing.assert_close(found[kept], X[kept] / 0.7)
    assert torch.equal(_seeded(lambda: ours(X)), _seeded(lambda: torchs(X)))  # outside of a run
    with ambient_seed(7):
        assert torch.equal(ours.eval()(X), X)
        assert not Dropout(1.0)(X).any()
        assert torch.equal(Dropout(0.0)(X), X)


def test_our_dropout_in_place() -> None:
    x = X.clone()
    with ambient_seed(7):
        assert Dropout(0.3, inplace=True)(x) is x
    with ambient_seed(7):
        assert torch.equal(x, Dropout(0.3)(X))


def test_layers_ask_for_the_runs_generator_inside_of_it_alone() -> None:
    chance = Chance(0)
    assert ambient_generator(X.device) is None
    with chance.ambient():
        found = ambient_generator(X.device)
        other: list[object] = []
        thread = threading.Thread(target=lambda: other.append(ambient_generator(X.device)))
        thread.start()
        thread.join()
    assert isinstance(found, torch.Generator)
    assert other == [None]
    assert ambient_generator(X.device) is None


def test_a_users_network_is_adopted() -> None:
    with ambient_seed(0):
        network = nn.Sequential(nn.Linear(6, 2), nn.Dropout(0.5), nn.ReLU()).double()
    assert not spares_global_rng(network)
    assert adopted(network) is network
    assert spares_global_rng(network)
    assert network[0].weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("layer", "spares"),
    [
        (nn.LSTM(2, 3, 2), True),
        (nn.LSTM(2, 3, 2, dropout=0.1), False),
        (nn.MultiheadAttention(4, 2), True),
        (nn.MultiheadAttention(4, 2, dropout=0.1), False),
        (nn.Dropout(0.1), False),
        (nn.Dropout2d(0.1), False),
        (nn.RReLU(), False),
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), Dropout(0.1)), True),
        (nn.Module(), False),  # a user's own: who knows
    ],
)
def test_which_layers_are_known_to_leave_the_global_state_alone(layer: nn.Module, spares: bool) -> None:
    assert spares_global_rng(layer) is spares


@pytest.mark.parametrize("scripted", [False, True])
def test_a_round_redirects_what_foreign_layers_and_losses_draw(scripted: bool) -> None:
    with ambient_seed(0):
        inner: nn.Module = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5))
    with torch.no_grad():
        inner[0].weight.copy_(torch.eye(6))
        inner[0].bias.zero_()
    with warnings.catch_warnings(), ambient_seed(0):
        warnings.simplefilter("ignore")  # of torch.jit's age
        network = torch.jit.trace(inner.train(), X, check_trace=False) if scripted else inner
    seen: list[Tensor] = []

    def loss(round: Round) -> Loss:
        seen.append(network(X).detach())
        return Loss((network(X) * (0 if scripted else torch.rand(()))).sum())

    turn = Turn("network", network, torch.optim.SGD(network.parameters(), lr=0.0), loss, reads=False)
    for _ in range(2):
        next(train([turn], [], 1))  # pyright: ignore[reportArgumentType]
    assert torch.equal(seen[0], seen[1])
    assert (seen[0] == 0).any()


def test_gradients_are_computed_though_the_caller_has_turned_them_off() -> None:
    with ambient_seed(0):
        network = nn.Linear(6, 1)

    def loss(round: Round) -> Loss:
        return Loss(network(X).square().mean())

    turn = Turn("network", network, torch.optim.SGD(network.parameters(), lr=0.1), loss, reads=False, draws=False)
    with torch.no_grad():
        step = next(train([turn], [], 1))  # pyright: ignore[reportArgumentType]
        assert not torch.is_grad_enabled()
    assert float(step.played["network"].gradient) > 0


def test_own_settings_are_torchs_own() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.inference_mode(), own_settings(), ambient_seed(0):
            whole = torch.arange(4)
            assert {x.dtype for x in (torch.zeros(2), torch.tensor([0.5]), torch.eye(2), torch.full((2,), 0.5))} == {
                torch.float32
            }
            assert (whole / 2).dtype == (whole * 0.5).dtype == whole.sqrt().dtype == torch.float32
            assert torch.equal(whole * 0.1, (whole.float() * 0.1))
            assert torch.arange(3).dtype == torch.tensor([1]).dtype == torch.int64
            assert torch.zeros(2, dtype=torch.float64).dtype == torch.float64
            assert torch.tensor([True]).dtype == torch.bool
            assert nn.Linear(2, 2).weight.device.type == "cpu"
            assert torch.ones(2, requires_grad=True).sum().requires_grad
    finally:
        torch.set_default_dtype(torch.float32)


# -- threads and warnings


def _in_another_thread(ask: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(ask()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(not place._own_thread_setters(), reason="torch has one number of threads here")
def test_a_number_of_threads_is_set_for_the_calling_thread_alone() -> None:
    before = torch.get_num_threads()
    with threads(before + 1) as count:
        assert count == torch.get_num_threads() == before + 1
        assert _in_another_thread(torch.get_num_threads) == before
        with threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_number_of_threads_where_torch_hides_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "sys", SimpleNamespace(platform="win32"))
    place._own_thread_setters.cache_clear()
    try:
        assert place._own_thread_setters() == ()
        before = torch.get_num_threads()
        with threads(before + 1):
            assert torch.get_num_threads() == before + 1
        assert torch.get_num_threads() == before
    finally:
        monkeypatch.undo()
        place._own_thread_setters.cache_clear()


def test_quiet_ignores_in_its_own_thread_and_leaves_the_filters() -> None:
    def heard() -> int:
        try:
            warnings.warn("something", UserWarning, stacklevel=1)
        except UserWarning:
            return 1
        return 0

    before = list(warnings.filters)
    with quiet(UserWarning):
        assert heard() == 0
        assert _in_another_thread(heard) == 1
        with pytest.raises(DeprecationWarning):
            warnings.warn("something else", DeprecationWarning, stacklevel=1)
        with quiet(DeprecationWarning):
            warnings.warn("something else", DeprecationWarning, stacklevel=1)
            assert heard() == 0
    assert heard() == 1
    assert list(warnings.filters) == before


def test_quiet_in_threads_that_overlap_leaves_the_filters() -> None:
    before, entered, leave = list(warnings.filters), threading.Event(), threading.Event()

    def stay() -> None:
        with quiet():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    entered.wait()
    with quiet():
        leave.set()
        thread.join()
        warnings.warn("something", UserWarning, stacklevel=1)
    assert list(warnings.filters) == before
