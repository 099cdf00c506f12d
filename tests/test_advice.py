"""What is advised: every remedy against every setting, none of them on already, and all of them somewhere."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import nn

import sparring as sp
from sparring.cli.diagnosing import _next
from sparring.data import toy
from sparring.diagnose.advice import advised, as_default
from sparring.diagnose.examiner import DETECTORS, Examiner, detectors_for
from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import MODES, cure_for, told
from sparring.diagnose.remedies import CURES, REMEDIES, next_remedy, remedies_for
from sparring.training import RECIPES

About = dict[str, Any]

# a setting: what run.json says where it is on, and what must not be advised then
GAN: dict[str, tuple[About, str]] = {
    "penalty": ({"settings": {"penalties": ["r1 0.1"]}}, r"^a penalty on"),
    "one step": ({"settings": {"critic_steps": 1}}, r"fewer critic steps"),
    "default": ({"parameters": {"recipe": "r3gan", "changes": None}, "custom": []}, r"default recipe"),
    "non-saturating": ({"settings": {"objective": "non-saturating"}}, r"non-saturating"),
    "relativistic": ({"settings": {"objective": "relativistic"}}, r"paired scores"),
    "packs": ({"settings": {"pack": 2}}, r"packs"),
    "flips": ({"parameters": {"flip": True}, "schema": {"kind": "image"}}, r"flips"),
    "critic's dropout": ({"networks": {"critic": {"summary": "Linear 2-9, Dropout, Linear 9-1"}}}, r"dropout"),
    "early stopping": ({"parameters": {"early_stopping": True}}, r"early stopping"),
}
CYCLE: dict[str, tuple[About, str]] = {
    "default": ({"parameters": {"changes": None, "cycle": None}, "custom": []}, r"default settings"),
    "no cycle": ({"settings": {"cycle": 0.0}}, r"smaller cycle weight|smaller weight of that side"),
    "no identity": ({"settings": {"identity": 0.0}}, r"smaller identity"),
    "penalty": ({"settings": {"penalties": ["r1 0.1"]}}, r"^a penalty on"),
}
FIT: dict[str, tuple[About, str]] = {
    "early stopping": ({"parameters": {"early_stopping": True}}, r"early stopping"),
    "l1": ({"parameters": {"l1": 0.1}}, r"^an L1"),
    "l2": ({"parameters": {"l2": 0.1}}, r"^an L2"),
    "dropout": ({"settings": {"dropout": 0.3}}, r"dropout"),
    "clip": ({"parameters": {"clip": 1.0}}, r"clipped"),
    "relu": ({"networks": {"network": {"summary": "Linear 2-3, ReLU, BatchNorm1d"}}}, r"^ReLU|normalisation"),
    "tanh": ({"networks": {"network": {"summary": "Linear 2-3, Tanh, Dropout"}}}, r"^tanh|dropout"),
    "silu": ({"networks": {"network": {"summary": "Linear 2-3, SiLU, LayerNorm"}}}, r"SiLU|^ReLU|normalisation"),
}
SEQUENCE = {
    **{name: FIT[name] for name in ("early stopping", "l1", "l2", "dropout", "clip")},
    "lstm": ({"parameters": {"cell": "lstm"}}, r"LSTM"),
    "pooled": ({"parameters": {"pooling": "max"}}, r"sees all steps"),
    "remember": ({"parameters": {"cell": "gru", "remember": 50}}, r"remember|LSTM or GRU"),
}
OFF: About = {
    "parameters": {
        **{"early_stopping": False, "l1": 0.0, "l2": 0.0, "clip": None, "flip": False, "remember": None},
        **{"cell": "rnn", "pooling": "last", "changes": {"cycle": 1}, "dropout": None},
    },
    "settings": {"objective": "minimax", "penalties": [], "clip": None, "spectral": False, "pack": 1}
    | {"critic_steps": 5, "dropout": 0.0, "cycle": 1.0, "identity": 1.0},
    "networks": {"network": {"summary": "Linear 2-3, Sigmoid"}, "critic": {"summary": "Linear 2-3, Maxout"}},
    "custom": [],
}
KINDS = {
    "gan": GAN,
    "cyclegan": CYCLE,
    "classifier": FIT,
    "regressor": FIT,
    **{kind: SEQUENCE for kind in DETECTORS if kind.startswith("sequence")},
}


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> About:
    return {
        **base,
        **{key: {**base.get(key, {}), **value} if isinstance(value, dict) else value for key, value in more.items()},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_no_remedy_is_advised_that_is_on_whatever_else_is(kind: str) -> None:
    assert set(KINDS) == set(DETECTORS)
    modes = [MODES[name] for name in (*DETECTORS[kind], *(["divergence"] if kind in ("gan", "cyclegan") else []))]
    for chosen in itertools.product((False, True), repeat=len(KINDS[kind])):
        on = [setting for setting, is_on in zip(KINDS[kind].values(), chosen, strict=True) if is_on]
        about = _merged(OFF, {"kind": kind})
        for fragment, _ in on:
            about = _merged(about, fragment)
        for mode in modes:
            words = advised(mode.helps, about).rstrip(".").split("; ")
            for fragment, never in on:
                if _merged(about, fragment) != about:
                    continue  # another setting has taken its place
                assert not [word for word in words if re.search(never, word)], (mode.name, fragment, words)
            assert words[0] != "all that is known to help is on already", (mode.name, about)


def test_every_advice_is_given_somewhere_and_withheld_only_for_a_reason() -> None:
    """Off: all is open to some kind of run, but for what can only be lessened where it is on."""
    lessened = {
        "a stronger penalty on the critic's slope",
        "a weaker penalty",
        "wider clipping",
        "no spectral normalisation",
        "no L1 penalty",
        "no L2 penalty",
        "flips",
        "gates that begin by keeping what they have (remember)",
    }
    for mode in MODES.values():
        kinds = [kind for kind in KINDS if mode.name in DETECTORS[kind]] or ["gan"]
        for one in mode.helps:
            given = [one.open(_merged(OFF, {"kind": kind})) for kind in kinds]
            assert any(given) or one.words in lessened, one.words
    full = {"kind": "gan", "schema": {"kind": "image"}, "parameters": {"flip": False, "l1": 1.0, "l2": 1.0}}
    full |= {"settings": {"penalties": ["r1"], "clip": 0.1, "spectral": True}}
    gated = _merged(OFF, {"kind": "sequence-classifier", "parameters": {"cell": "gru"}})
    left = {one.words for mode in MODES.values() for one in mode.helps if one.open(full) or one.open(gated)}
    assert lessened <= left


@pytest.mark.parametrize("recipe", [name for name in RECIPES if "mixed" not in name])
def test_what_a_recipe_has_is_not_advised(recipe: str) -> None:
    about = sp.GAN(recipe, steps=2, random_state=0, probes=False).fit(toy.grid().sample(128, 0)).record_.about
    words = {mode.name: advised(mode.helps, about) for mode in MODES.values()}
    settings = about["settings"]
    assert ("a penalty on" in words["unstable-gradient"]) == (not settings["penalties"])
    assert ("fewer critic steps" in words["unstable-gradient"]) == (settings["critic_steps"] != 1)
    assert ("the default recipe" in words["divergence"]) == (recipe != "r3gan")
    assert ("packs of samples" in words["mode-collapse"]) == (settings["pack"] == 1)
    assert ("wider clipping" in words["underfit-critic"]) == (settings["clip"] is not None)
    assert ("no spectral" in words["underfit-critic"]) == settings["spectral"]
    assert ("the non-saturating" in words["vanishing-gradient"]) == (settings["objective"] == "minimax")
    assert "flips" not in words["overfitting-critic"]  # points in a plane


def test_what_a_fit_has_is_not_advised() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 3)), np.arange(64) % 2
    on = {"early_stopping": True, "l1": 1e-3, "l2": 1e-3, "dropout": 0.2}
    about = sp.Classifier((8,), max_iter=1, random_state=0, **on).fit(x, y).record_.about
    assert advised(MODES["over-fitting"].helps, about) == "a smaller network; more data."
    own = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.ReLU(), nn.Dropout(0.1), nn.Linear(4, 2))
    about = sp.Classifier(network=own, max_iter=1, random_state=0).fit(x, y).record_.about
    assert "dropout" not in advised(MODES["over-fitting"].helps, about)
    assert advised(MODES["vanishing-delta"].helps, about) == "fewer layers."
    rows = list(rng.normal(size=(64, 5, 2)))
    about = sp.SequenceClassifier(hidden_size=4, max_iter=1, random_state=0).fit(rows, y).record_.about
    assert "LSTM" not in advised(MODES["vanishing-delta"].helps, about)
    assert "clipped" not in advised(MODES["exploding-delta"].helps, about)
    assert "dropout" not in advised(MODES["over-fitting"].helps, about)


def test_the_best_epoch_that_is_kept_does_not_over_fit() -> None:
    about = {"kind": "classifier", "parameters": {"early_stopping": True}, "data": {"rows_held_out": 10}}
    assert "over-fitting" not in detectors_for(about)
    assert "over-fitting" in detectors_for({**about, "parameters": {"early_stopping": False}})
    assert "over-fitting" in detectors_for({**about, "data": {"rows_held_out": 0}})


def test_a_fit_with_early_stopping_has_no_over_fitting() -> None:
    """The same fit as the one in test_diagnose_fits.py that over-fits, but for early stopping."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 20))
    y = (x[:, 0] + 2 * rng.normal(size=120) > 0).astype(int)
    kept = {"max_iter": 100, "validation_fraction": 0.3, "learning_rate_init": 0.01, "random_state": 0}
    model = sp.Classifier((200,), early_stopping=True, **kept).fit(x, y)
    assert max(model.validation_curve_) > 1.1 * min(model.validation_curve_)
    assert [finding.name for finding in model.findings_] == []


def test_a_remedy_that_changes_nothing_is_not_tried() -> None:
    usual = sp.GAN().get_params()
    assert as_default(usual)
    assert not as_default({**usual, "critic_steps": 3})
    first = next_remedy("mode-collapse", [], usual)
    assert first is not None
    assert first.name == "another-seed"
    other = next_remedy("mode-collapse", [], {**usual, "recipe": "dcgan"})
    assert other is not None
    assert other.name == "default-game"
    for finding, names in CURES.items():
        for given in (usual, {**usual, "recipe": "r3gan"}, {**usual, "changes": {"pack": 2}}):
            about = {"kind": "gan", "parameters": given, "custom": []}
            tried = remedies_for(finding, about)
            assert ("default-game" in tried) == ("default-game" in names and not as_default(given))
            for name in tried:
                changes = REMEDIES[name].parameters(given, {"generator_rate": 1.0, "critic_rate": 1.0})
                assert REMEDIES[name].fresh or {**given, **changes} != given
    treated = {"kind": "gan", "parameters": {**usual, "recipe": "dcgan"}, "custom": []}
    treated["remedies"] = [{"name": "default-game", "parameters": {"recipe": "r3gan", "changes": None}}]
    assert "default-game" not in remedies_for("mode-collapse", treated)
    assert remedies_for("mode-collapse", {"kind": "cyclegan", "parameters": {}}) == ()


def test_a_finding_says_what_helps_in_its_run() -> None:
    rows = [{"step": e, "training/error": 1 / e, "validation/error": 1 + 0.1 * abs(e - 3)} for e in range(1, 20)]
    about = {"kind": "classifier", "parameters": {"early_stopping": False, "l1": 0.0, "l2": 1.0, "dropout": 0.5}}
    (found,) = Examiner(detectors_for(about), rows, about=about).findings
    assert found.cure == "early stopping; an L1 penalty; a smaller network; more data."
    assert found.cure in told(found)
    assert Finding.from_json(found.to_json()) == found
    old = {name: value for name, value in found.to_json().items() if name != "cure"}  # of a run before this was kept
    assert cure_for(Finding.from_json(old), about) == found.cure
    assert cure_for(Finding.from_json(old)) == MODES["over-fitting"].cure


@pytest.mark.parametrize(
    ("kind", "status", "given", "said"),
    [
        ("gan", "stopped", {"recipe": "dcgan"}, "sparring resume run --apply default-game"),
        ("gan", "stopped", {"recipe": "r3gan"}, "sparring resume run --apply another-seed"),
        ("gan", "finished", {"on_trouble": "warn"}, "fit again with --on-trouble remedy"),
        ("gan", "finished", {"on_trouble": "remedy"}, None),
        ("cyclegan", "stopped", {}, None),  # no remedy can be applied to it
    ],
)
def test_the_next_command_is_one_that_changes_something(
    kind: str, status: str, given: dict[str, str], said: str | None
) -> None:
    record: Any = SimpleNamespace(folder=Path("run"), about={"kind": kind, "status": status, "parameters": given})
    assert _next(record, [Finding("mode-collapse", "failure", 1, 2, ())]) == said
