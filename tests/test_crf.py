"""A conditional random field against the enumeration of all its sequences; padding, batch mates, what is forbidden."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from sparring.errors import InputError, ShapeError
from sparring.networks import treats_samples_apart
from sparring.networks.crf import CRF, PADDED, forbidden_in_bio

TAGS, STEPS = 3, 4
LENGTHS = torch.tensor([4, 1, 3, 2])
BIO = ["O", "B-per", "I-per", "B-loc", "I-loc"]


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _made(tags: int = TAGS, forbidden: Tensor | None = None, forbidden_start: Tensor | None = None) -> CRF:
    crf, chance = CRF(tags, forbidden, forbidden_start).double(), _chance(1)
    for parameter in crf.parameters():
        nn.init.normal_(parameter, generator=chance)
    return crf


def _scores(n: int = len(LENGTHS), steps: int = STEPS, tags: int = TAGS, seed: int = 2) -> Tensor:
    return torch.randn(n, steps, tags, dtype=torch.float64, generator=_chance(seed))


@torch.no_grad()
def _every_path(crf: CRF, scores: Tensor) -> dict[tuple[int, ...], float]:
    """The score of every sequence of tags of one row, (t, tags), without the forbidden ones."""
    found = {}
    for path in product(range(crf.tags), repeat=len(scores)):
        steps = list(zip(path, path[1:], strict=False))
        if crf.forbidden_start[path[0]] or any(crf.forbidden[step] for step in steps):
            continue
        score = crf.starts[path[0]] + crf.ends[path[-1]] + sum(scores[i, tag] for i, tag in enumerate(path))
        found[path] = float(score + sum(crf.transitions[step] for step in steps))
    return found


def _forbidding() -> CRF:
    forbidden = torch.tensor([[False, True, False], [False, False, True], [False, False, False]])
    return _made(TAGS, forbidden, torch.tensor([False, False, True]))


@pytest.mark.parametrize("make", [_made, _forbidding])
def test_all_of_it_by_enumeration(make) -> None:  # noqa: ANN001
    crf, scores = make(), _scores()
    decoded, marginals = crf.decode(scores, LENGTHS), crf.marginals(scores, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        paths = _every_path(crf, scores[row, :length])
        total = torch.tensor(list(paths.values())).double().logsumexp(0)
        expected = torch.zeros(length, TAGS, dtype=torch.float64)
        tags = torch.full((len(paths), STEPS), PADDED)
        tags[:, :length] = torch.tensor(list(paths))
        many = scores[row].expand(len(paths), -1, -1)
        found = crf.log_likelihood(many, tags, torch.full((len(paths),), length))
        assert torch.allclose(found, torch.tensor(list(paths.values())).double() - total, atol=1e-10)
        assert found.exp().sum().item() == pytest.approx(1.0, abs=1e-10)
        for path, value in zip(paths, found.exp().tolist(), strict=True):
            for i, tag in enumerate(path):
                expected[i, tag] += value
        assert torch.allclose(marginals[row, :length], expected, atol=1e-10)
        assert tuple(decoded[row, :length].tolist()) == max(paths, key=lambda path: paths[path])
        assert (decoded[row, length:] == PADDED).all()
        assert (marginals[row, length:] == 0).all()


def test_a_new_one_is_a_softmax_at_each_step() -> None:
    crf, scores = CRF(TAGS).double(), _scores()
    tags = torch.randint(TAGS, (4, STEPS), generator=_chance())
    each = nn.functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), reduction="none").reshape(4, STEPS)
    assert torch.allclose(crf.log_likelihood(scores, tags), -each.sum(1), atol=1e-12)
    assert torch.equal(crf.decode(scores), scores.argmax(2))
    assert torch.allclose(crf.marginals(scores), scores.softmax(2), atol=1e-12)


def test_no_row_depends_on_its_batch_mates_or_its_padding() -> None:
    crf, scores = _made(), _scores()
    tags = torch.randint(TAGS, (4, STEPS), generator=_chance())
    garbage, outside = scores.clone(), torch.arange(STEPS) >= LENGTHS[:, None]
    garbage[outside] = torch.nan
    for padding in (-100, 10**12):
        marked = tags.masked_fill(outside, padding)
        assert torch.equal(crf.log_likelihood(garbage, marked, LENGTHS), crf.log_likelihood(scores, tags, LENGTHS))
    assert torch.equal(crf.decode(garbage, LENGTHS), crf.decode(scores, LENGTHS))
    assert torch.equal(crf.marginals(garbage, LENGTHS), crf.marginals(scores, LENGTHS))
    for row, length in enumerate(LENGTHS.tolist()):
        alone, own = scores[row : row + 1, :length], tags[row : row + 1, :length]
        together = crf.log_likelihood(scores, tags, LENGTHS)[row]
        assert torch.allclose(crf.log_likelihood(alone, own)[0], together, atol=1e-12)
        assert torch.equal(crf.decode(alone)[0], crf.decode(scores, LENGTHS)[row, :length])
        assert torch.allclose(crf.marginals(alone)[0], crf.marginals(scores, LENGTHS)[row, :length], atol=1e-12)
    assert treats_samples_apart(crf)


def test_gradients_by_finite_differences() -> None:
    crf = _forbidding()
    scores = _scores().requires_grad_()
    tags = torch.tensor([[0, 2, 1, 1], [1, -100, -100, -100], [0, 0, 2, -100], [1, 0, -100, -100]])
    inputs = (scores, *crf.parameters())  # which are changed in place
    assert torch.autograd.gradcheck(lambda scores, *_: crf.log_likelihood(scores, tags, LENGTHS), inputs)
    assert torch.autograd.gradcheck(lambda scores, *_: crf.marginals(scores, LENGTHS), inputs)


def test_marginals_are_the_gradient_of_the_logarithm_of_the_partition() -> None:
    crf, scores = _forbidding(), _scores().requires_grad_()
    tags = torch.zeros(4, STEPS, dtype=torch.long)
    partition = scores[:, :, 0].masked_fill(torch.arange(STEPS) >= LENGTHS[:, None], 0.0).sum()
    (gradient,) = torch.autograd.grad(partition - crf.log_likelihood(scores, tags, LENGTHS).sum(), scores)
    assert torch.allclose(gradient, crf.marginals(scores, LENGTHS), atol=1e-12)


def test_everything_learns_but_what_is_forbidden() -> None:
    crf = _forbidding()
    crf.log_likelihood(_scores(), torch.tensor([[0, 2, 1, 0]] * 4), LENGTHS).sum().backward()
    for parameter, never in ((crf.transitions, crf.forbidden), (crf.starts, crf.forbidden_start)):
        assert parameter.grad is not None
        assert torch.equal(parameter.grad == 0, never)
    assert crf.ends.grad is not None
    assert (crf.ends.grad != 0).all()


# -- what is forbidden


def test_bio_forbids_an_inside_that_nothing_began() -> None:
    transitions, starts = forbidden_in_bio(BIO)
    kept = {(BIO[i], BIO[j]) for i, j in (~transitions).nonzero().tolist() if BIO[j][0] == "I"}
    assert kept == {("B-per", "I-per"), ("I-per", "I-per"), ("B-loc", "I-loc"), ("I-loc", "I-loc")}
    assert not transitions[:, [0, 1, 3]].any()
    assert [tag for tag, never in zip(BIO, starts.tolist(), strict=True) if never] == ["I-per", "I-loc"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1.0, 1e5])
def test_what_is_forbidden_is_never_decoded(dtype: torch.dtype, size: float) -> None:
    transitions, starts = forbidden_in_bio(BIO)
    crf = _made(5, transitions, starts).to(dtype)
    scores = size * _scores(50, 12, 5).to(dtype)
    scores[:, :, [2, 4]] += 2 * size  # whatever they score
    lengths = torch.randint(1, 13, (50,), generator=_chance())
    found = crf.decode(scores, lengths)
    assert (found == 2).any()
    for row, length in zip(found, lengths.tolist(), strict=True):
        tags = row[:length]
        assert not starts[tags[0]]
        assert not transitions[tags[:-1], tags[1:]].any()
    if size == 1.0:
        marginals = crf.marginals(scores, lengths)
        assert (marginals[:, 0, [2, 4]] == 0).all()
        assert torch.allclose(marginals.sum((1, 2)), lengths.to(dtype), rtol=1e-5)


def test_forbidden_sequences_are_very_unlikely_and_finite() -> None:
    crf = CRF(5, *forbidden_in_bio(BIO))
    scores = _scores(2, 4, 5).float().requires_grad_()
    found = crf.log_likelihood(scores, torch.tensor([[2, 4, 0, 0], [1, 2, 2, 0]]))  # I-per at the start, then I-loc
    assert found[0].item() == pytest.approx(-2e4, rel=1e-3)
    assert found[1].item() > -50
    found.sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_with_no_sequence_left_there_still_is_an_answer() -> None:
    crf, scores = CRF(2, torch.ones(2, 2, dtype=torch.bool), torch.ones(2, dtype=torch.bool)), _scores(3, 4, 2).float()
    found = crf.decode(scores)
    assert ((found == 0) | (found == 1)).all()
    assert crf.log_likelihood(scores, torch.zeros(3, 4, dtype=torch.long)).isfinite().all()


# -- as a module


def test_long_rows_and_large_scores_stay_finite_in_float32() -> None:
    crf = _made(5, *forbidden_in_bio(BIO)).float()
    scores = (1e3 * _scores(2, 500, 5).float()).requires_grad_()
    tags = crf.decode(scores)
    found = crf.log_likelihood(scores, tags)
    assert (found <= 1.0).all()  # zero but for the rounding of sums near 1e6
    gradient = torch.autograd.grad(found.sum(), [scores, *crf.parameters()])
    assert all(part.isfinite().all() for part in gradient)


def test_scores_in_bfloat16_are_summed_in_float32() -> None:
    crf, scores = _made().float(), _scores().bfloat16()
    tags = torch.zeros(4, STEPS, dtype=torch.long)
    assert torch.equal(crf.log_likelihood(scores, tags), crf.log_likelihood(scores.float(), tags))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(crf.log_likelihood(scores, tags), crf.log_likelihood(scores.float(), tags))


def test_save_and_load_with_what_is_forbidden() -> None:
    one, other = _forbidding(), CRF(TAGS).double()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.decode(_scores()), other.decode(_scores()))
    assert torch.equal(one.marginals(_scores()), other.marginals(_scores()))


def test_decoding_and_marginals_work_in_inference_mode() -> None:
    crf, scores = _made(), _scores()
    with torch.inference_mode():
        inside = crf.decode(scores, LENGTHS), crf.marginals(scores, LENGTHS)
    assert torch.equal(inside[0], crf.decode(scores, LENGTHS))
    assert torch.equal(inside[1], crf.marginals(scores, LENGTHS))


def test_what_is_refused() -> None:
    crf, scores = CRF(TAGS), torch.zeros(2, 4, TAGS)
    with pytest.raises(ShapeError, match=r"scores must have the shape \(n, t, tags=3\); got \(2, 4, 5\)"):
        crf.decode(torch.zeros(2, 4, 5))
    with pytest.raises(ShapeError, match=r"tags must have the shape \(n=2, t=4\); got \(2, 3\)"):
        crf.log_likelihood(scores, torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(ShapeError, match=r"lengths must have the shape \(n=2\); got \(3\)"):
        crf.marginals(scores, torch.ones(3, dtype=torch.long))
    with pytest.raises(ShapeError, match=r"forbidden must have the shape \(3, 3\); got \(3, 2\)"):
        CRF(3, torch.zeros(3, 2, dtype=torch.bool))
    with pytest.raises(InputError, match="forbidden_start must be a bool tensor, .* got torch.float32"):
        CRF(3, None, torch.zeros(3))
    for wrong in ("S-per", "I-", "per"):
        with pytest.raises(InputError, match=f"got '{wrong}'"):
            forbidden_in_bio(["O", wrong])
