"""Reports of sequence models: tags, what comes next, translations, attention, music, and delta through time."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support
from test_report import EVIL, Page

import sparring as sp
from sparring.data.rolls import Roll, read_rolls
from sparring.data.sequence_files import Sequences
from sparring.data.tags import spans, tags_of
from sparring.errors import FolderError
from sparring.estimators.sequence_pictures import write_alignments, write_samples
from sparring.files import read_json, write_json
from sparring.judging.entities import judge_tags
from sparring.judging.wording import Bleu, NextAnswers
from sparring.record import Record
from sparring.report import answer_lines, write_report
from sparring.report.backwards import looks_back, time_curves
from sparring.report.roll import roll_drawn, roll_range
from sparring.report.strip import strip
from sparring.report.tags import pieces

RNG = np.random.default_rng(3)
KINDS = ("person", "place", "thing")
SMALL: dict[str, Any] = {"hidden_size": 6, "width": 4, "batch_size": 8, "max_iter": 2, "random_state": 5}
TEXTS = ["anna is here", "here is bob", "is anna bob"] * 8
FRAMES = [RNG.random((9, 5)) < 0.4 for _ in range(12)]


def run(folder: Path, kind: str, answers: Mapping[str, Any] | None = None, rows: Sequence[Any] = ()) -> Record:
    record = Record.create(folder, {"kind": kind, "title": "A run", "steps": 10, "status": "finished"})
    for row in rows:
        record.append(row)
    if answers is not None:
        write_json(record.answers_path, dict(answers))
    return record


def read(record: Record) -> tuple[str, Page]:
    html = write_report(record.folder).read_text(encoding="utf-8")
    return html, Page(html)


def tagged(n: int, length: int) -> list[list[str]]:
    """Random tags in BIO."""
    letters = [f"{prefix}-{kind}" for prefix in "BI" for kind in KINDS] + ["O"] * 4
    return [RNG.choice(letters, length).tolist() for _ in range(n)]


def bio(rows: list[list[str]]) -> list[list[str]]:
    return [tags_of(spans(row), len(row)) for row in rows]


def following(**changed: Any) -> NextAnswers:
    given: dict[str, Any] = {"rows": 3, "steps": 40, "unit": "word", "error": np.log(8), "interval": (2.0, 2.2),
                             "baseline": np.log(100), "accuracy": 0.25}  # fmt: skip
    return NextAnswers(**{**given, **changed})


# -- tags


def test_pieces_say_what_spans_say() -> None:
    words = [f"w{i}" for i in range(12)]
    for true, said in zip(bio(tagged(60, 12)), bio(tagged(60, 12)), strict=True):
        made = pieces(words, true, said, True, {}, (0, 12))
        assert " ".join(piece.words for piece in made).split() == words
        there, told = ({(span.kind, span.start, span.stop) for span in spans(tags)} for tags in (true, said))
        right = [(piece.right, piece.words) for piece in made if piece.state == "right"]
        common = sorted(there & told, key=lambda span: span[1])
        assert right == [(kind, " ".join(words[start:stop])) for kind, start, stop in common]
        assert sum(bool(piece.missed) for piece in made) == len(there - told)
        assert sum(bool(piece.wrong) for piece in made) == len(told - there)
        for piece in made:
            of_true, of_said = (
                any(kind for kind, start, stop in found if start <= words.index(piece.words.split()[0]) < stop)
                for found in (there, told)
            )
            assert {"plain": (False, False), "missed": (True, False), "wrong": (False, True)}.get(
                piece.state, (True, True)
            ) == (of_true, of_said)


def test_a_taggers_page_has_its_numbers(tmp_path: Path) -> None:
    words = [[f"w{RNG.integers(50)}" for _ in range(9)] for _ in range(30)]
    true, said = bio(tagged(30, 9)), bio(tagged(30, 9))
    answers = judge_tags(words, true, said, train=(words[:5], true[:5]))
    html, page = read(run(tmp_path / "r", "sequence-tagger", answers.to_json()))
    assert page.all("svg", "strip")
    assert f"F1 {answers.score:.3g}" in page.words
    for kind in answers.kinds:
        cells = [kind.there, kind.said, kind.right, f"{kind.precision:.3f}", f"{kind.recall:.3f}", f"{kind.f1:.3f}"]
        assert f"{kind.name} {' '.join(map(str, cells))}" in page.words
    assert answers.unseen is not None
    assert f"the share found of {answers.unseen[0]} entities" in page.words
    shown = answers.shown
    missed = sum(len(set(spans(there)) - set(spans(told))) for _, there, told in shown)
    wrong = sum(len(set(spans(told)) - set(spans(there))) for _, there, told in shown)
    assert len(re.findall(r'class="label wrong"', html)) == wrong + 2  # two in the legend
    assert {"right", "missed", "wrong", "taken"} <= {str(mark["class"]) for mark in page.all("mark")}
    assert missed > page.words.count(", missed") - 1 > 0
    assert "Samples as training went on" not in page.words


def test_tags_that_are_no_spans_have_a_table_of_their_own(tmp_path: Path) -> None:
    names = ["noun", "verb", "other"]
    true, said = ([RNG.choice(names, 6).tolist() for _ in range(20)] for _ in range(2))
    answers = judge_tags([["w"] * 6] * 20, true, said, entities=False)
    _, page = read(run(tmp_path / "r", "sequence-tagger", answers.to_json()))
    flat = [[tag for row in rows for tag in row] for rows in (true, said)]
    rates: Any = precision_recall_fscore_support(*flat, labels=names)
    for name, precision, recall, f1, there in zip(names, *rates, strict=True):
        assert f"{name} {there} " in page.words
        assert f"{precision:.3f} {recall:.3f} {f1:.3f}" in page.words
    assert "Surface" not in page.words
    wrong = sum(a != b for _, one, other in answers.shown for a, b in zip(one, other, strict=True))
    assert len(page.all("mark", "taken")) == wrong


def test_a_long_sentence_is_shown_where_its_first_mistake_is(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(500)]
    true = ["O"] * 500
    said = ["O"] * 300 + ["B-thing"] + ["O"] * 199
    answers = judge_tags([words], [true], [said])
    _, page = read(run(tmp_path / "r", "sequence-tagger", answers.to_json()))
    assert "w300" in page.words
    assert "w10 " not in page.words
    assert "w499" not in page.words
    assert page.words.count("…") == 2


# -- what comes next


def test_a_translators_page_has_its_numbers_and_examples(tmp_path: Path) -> None:
    examples = (("ein Haus", "A house", "a house"), ("zwei", "two", ""))
    answers = following(bleu=Bleu(31.25, 54.5, "nrefs:1|case:lc"), examples=examples)
    html, page = read(run(tmp_path / "r", "sequence-translator", answers.to_json()))
    assert "as hard for it as a choice among 8 equally likely ones" in page.words
    assert "it would be among 100." in page.words
    for said in ("31.25", "54.5", "nrefs:1|case:lc", "ein Haus", "A house", "a house ✓", "nothing"):
        assert said in page.words
    assert html.count("✓") == 1
    _, page = read(run(tmp_path / "s", "sequence-translator", following(examples=examples).to_json()))
    assert "pip install 'sparring[text]'" in page.words


@pytest.mark.parametrize(
    ("unit", "there", "absent"),
    [
        ("letter", "Bits a letter 3 ", "whole frames"),
        ("frame", "whole frames", "Perplexity"),
        ("word", "Perplexity 8", "Bits"),
    ],
)
def test_units_have_their_figures(tmp_path: Path, unit: str, there: str, absent: str) -> None:
    _, page = read(run(tmp_path / "r", "sequence-generator", following(unit=unit).to_json()))
    assert there in page.words
    assert absent not in page.words
    worse = following(unit=unit, error=9.0, interval=(8.0, 10.0))
    _, page = read(run(tmp_path / "s", "sequence-generator", worse.to_json()))
    assert "does not help it yet" in page.words


def test_a_strip_puts_value_interval_and_baseline_on_one_scale() -> None:
    svg = str(strip(0.5, 0.25, (0.375, 0.75), (0.0, 1.0), "F1"))
    start, stop = (float(side) for side in re.findall(r'class="track" d="M([\d.]+) \d+H([\d.]+)"', svg)[0])

    def share(x: str) -> float:
        return (float(x) - start) / (stop - start)

    assert share(re.findall(r'class="bar"[^>]*H([\d.]+)"', svg)[0]) == pytest.approx(0.5, abs=1e-3)
    assert share(re.findall(r'class="floor" d="M([\d.]+)', svg)[0]) == pytest.approx(0.25, abs=1e-3)
    low, high = re.findall(r'class="whisker" d="M([\d.]+) \d+H([\d.]+)', svg)[0]
    assert (share(low), share(high)) == pytest.approx((0.375, 0.75), abs=1e-3)
    assert strip(np.nan, 0.25, (0.0, 1.0), (0.0, 1.0), "F1") == ""


# -- broken and hostile content


@pytest.mark.parametrize("kind", ["tags", "next"])
@pytest.mark.parametrize("broken", ["missing", "unknown", "wrong"])
def test_broken_and_old_answers_are_named(tmp_path: Path, kind: str, broken: str) -> None:
    answers: Any = judge_tags([["a"]], [["B-x"]], [["O"]]) if kind == "tags" else following()
    content = json.loads(json.dumps(answers.to_json()))
    if broken == "missing":
        del content["baseline"]
    elif broken == "unknown":
        content["from a later version"] = 1
    else:
        content["kinds" if kind == "tags" else "error"] = "text"
    record = run(tmp_path / "r", f"sequence-{'tagger' if kind == 'tags' else 'generator'}", content)
    with pytest.raises(FolderError, match="answers.json cannot be used"):
        write_report(record.folder)
    if broken != "wrong":
        with pytest.raises(FolderError, match="answers.json cannot be used"):
            answer_lines(content)


def test_sentences_whose_parts_differ_in_length_are_refused(tmp_path: Path) -> None:
    content = judge_tags([["a", "b"]], [["B-x", "O"]], [["O", "O"]]).to_json()
    content["shown"] = [[["a"], ["B-x", "O"], ["O", "O"]]]
    with pytest.raises(FolderError, match="1 words, 2 true tags and 2 said ones"):
        write_report(run(tmp_path / "r", "sequence-tagger", content).folder)


def test_no_text_of_users_becomes_markup_and_long_ones_are_cut(tmp_path: Path) -> None:
    long = "x" * 20_000
    kind = EVIL.replace(" ", "")
    tags = judge_tags([[EVIL, long]], [[f"B-{kind}", f"B-{kind}"]], [["O", "B-other"]])
    following_ = following(examples=((EVIL, EVIL, EVIL), (long, long, long)))
    for name, model, answers in (("t", "sequence-tagger", tags), ("n", "sequence-translator", following_)):
        record = run(tmp_path / name, model, answers.to_json())
        write_json(record.folder / "samples" / "written.json", {"texts": [EVIL, long], "real": [EVIL]})
        entry = {"source": [EVIL, long], "said": [EVIL], "weights": [[0.5, 0.5]]}
        write_json(record.folder / "pictures" / "alignments.json", [entry])
        html, page = read(record)
        assert len(page.all("script")) == 1
        assert not page.all("img")
        assert all("onload" not in attributes and "onerror" not in attributes for _, attributes in page.tags)
        assert EVIL in page.words
        assert "x" * 1000 not in html
        assert all("src" not in attributes and "href" not in attributes for _, attributes in page.tags)


def test_answers_cannot_command_the_terminal() -> None:
    content = judge_tags([["a"]], [["B-\x1b[31mred"]], [["O"]]).to_json()
    lines = answer_lines(content)
    assert "\x1b" not in "".join(lines)
    assert any("red" in line for line in lines)
    assert answer_lines(following().to_json()) == following().lines()


def test_a_report_needs_no_torch(tmp_path: Path) -> None:
    tags = run(tmp_path / "t", "sequence-tagger", judge_tags([["a"]], [["B-x"]], [["O"]]).to_json())
    after = run(tmp_path / "n", "sequence-generator", following(unit="frame").to_json())
    np.savez(after.folder / "samples" / "written.npz", real=FRAMES[0])
    write = "from sparring.report import write_report, answer_lines; [write_report(path) for path in sys.argv[1:]]"
    code = f"import sys; {write}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, tags.folder, after.folder]).returncode == 0


# -- delta through time


def test_delta_is_drawn_against_steps_back_for_the_first_look_and_the_last(tmp_path: Path) -> None:
    back = [0, 1, 2, 4, 8, 16]
    rows = [
        {"step": step, "network/loss": 1.0, **{f"back {k}/time_delta": size * 0.5**k for k in back}}
        for step, size in ((1, 1.0), (2, 77.0), (3, 0.1))
    ]
    rows.append({"step": 4, "network/loss": 1.0})
    looks = looks_back(rows)
    assert [look.step for look in looks] == [1, 3]
    assert looks[0].back.tolist() == back
    assert looks[1].said == "× 1.53×10⁻⁵ over 16 steps"
    svg = str(time_curves(looks).svg)
    curves = [np.array(re.findall(r"([\d.]+) ([\d.]+)", path), float).T
              for path in re.findall(r'class="curve[^"]*"[^>]* d="M([^"]*)"', svg)]  # fmt: skip
    (x, first), (_, last) = curves
    assert np.ptp(np.diff(x)) < 0.21  # a doubling is as wide as the next, and 0 as far before 1
    falls = np.diff(back) * np.log10(2)
    assert np.diff(first) / falls == pytest.approx((last - first)[0], abs=0.6)  # a decade, anywhere
    assert (last - first)[0] > 0
    html, page = read(run(tmp_path / "r", "sequence-regressor", rows=rows))
    assert "first look, step 1" in page.words
    assert "last look, step 3" in page.words
    assert html.count("Size of delta through time") == 1
    assert "back 8" not in page.words  # no curve of its own over the steps


def test_a_delta_of_zero_is_told_and_one_look_is_enough() -> None:
    (look,) = looks_back([{"step": 7, "back 0/time_delta": 0.5, "back 1/time_delta": 0.0, "back x/time_delta": 1.0}])
    assert look.said == "× 0 over 1 steps"
    assert time_curves([look]).notes == ("At step 7 it is zero 1 steps back, which the scale cannot show.",)
    assert looks_back([{"step": 1, "network/loss": 2.0}]) == []


# -- music and attention


def test_a_roll_can_be_read_back_from_its_drawing() -> None:
    roll = RNG.random((20, 88)) < 0.03
    keys = roll_range([roll])
    assert keys[0] <= np.flatnonzero(roll.any(0)).min() <= np.flatnonzero(roll.any(0)).max() < keys[1]
    svg = str(roll_drawn(roll, "a roll", 21, keys, 40, "real"))
    notes = re.findall(r'class="notes real" d="([^"]*)"', svg)[0]
    found = np.array(re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)v([\d.]+)", notes), float)
    frame, tall = (520 - 10 - 40) / 40, found[0, 3]
    again = np.zeros_like(roll)
    for left, top, right, _ in found:
        key = keys[0] + round((210 - 34 - top) / tall) - 1
        again[round((left - 40) / frame) : round((right + 0.8 - 40) / frame), key] = True
    assert np.array_equal(again, roll)


@pytest.mark.parametrize("keys", [1, 5, 88])
def test_the_range_of_keys_is_an_octave_where_there_are_so_many(keys: int) -> None:
    silent, full = np.zeros((3, keys), bool), np.ones((3, keys), bool)
    for roll in (silent, full, full[:0]):
        low, high = roll_range([roll])
        assert 0 <= low < high <= keys
        assert high - low >= min(keys, 12)


def test_the_table_of_attention_has_every_weight_in_its_place(tmp_path: Path) -> None:
    weights = RNG.dirichlet(np.ones(4), 3)
    record = run(tmp_path / "r", "sequence-translator")
    entry = {"source": list("abcd"), "said": ["x", "y", "</s>"], "weights": weights.tolist()}
    write_json(record.folder / "pictures" / "alignments.json", [entry])
    html, page = read(record)
    table = html[html.index('<table class="look">') :]
    shares = re.findall(r'style="--share: (\d+)%" title="([\d.]+) %"', table)
    assert np.array(shares, float)[:, 1].reshape(3, 4) == pytest.approx(100 * weights, abs=0.051)
    assert "(end)" in page.words
    write_json(record.folder / "pictures" / "alignments.json", [{**entry, "said": ["x"]}])
    with pytest.raises(FolderError, match="weights of 1 by 4 words have the shape"):
        write_report(record.folder)


@pytest.mark.parametrize("name", ["written.json", "written.npz"])
def test_broken_samples_are_named_and_left_out(tmp_path: Path, name: str) -> None:
    record = run(tmp_path / "r", "sequence-generator")
    (record.folder / "samples" / name).write_bytes(b"PK\x03\x04 no such thing")
    assert f"{name} cannot be shown" in read(record)[1].words


# -- what the estimators leave


def fitted(tmp_path: Path, X: Any, **changed: Any) -> sp.SequenceGenerator:
    return sp.SequenceGenerator(**{**SMALL, "run": tmp_path, **changed}).fit(X)


@pytest.mark.parametrize("level", ["word", "letter"])
def test_a_generator_leaves_texts_that_follow_from_its_seed(tmp_path: Path, level: str) -> None:
    model = fitted(tmp_path / "a", TEXTS, level=level, validation_fraction=0.25)
    left = read_json(tmp_path / "a/samples/written.json")
    assert len(left["texts"]) == 6
    assert set(left["real"]) <= set(TEXTS)
    torch.manual_seed(1)
    torch.rand(1)
    again = fitted(tmp_path / "b", TEXTS, level=level, validation_fraction=0.25)
    assert read_json(tmp_path / "b/samples/written.json") == left
    before = torch.get_rng_state()
    write_samples(again, Sequences(TEXTS, None), Sequences([], None))
    assert torch.equal(torch.get_rng_state(), before)
    alone = sp.SequenceGenerator(**SMALL, level=level, validation_fraction=0.25).fit(TEXTS)
    for one, other in zip(model.network_.parameters(), alone.network_.parameters(), strict=True):
        assert torch.equal(one, other)
    page = Page((tmp_path / "a/report.html").read_text(encoding="utf-8"))
    assert "What it writes" in page.words
    assert all(" ".join(text.split()) in page.words for text in left["texts"])


def test_a_generator_leaves_rolls_beside_a_real_one(tmp_path: Path) -> None:
    fitted(tmp_path / "r", [Roll(frames, lowest=48) for frames in FRAMES])
    left = read_rolls(tmp_path / "r/samples/written.npz")
    assert [roll.frames.shape for roll in left] == [(9, 5)] + [(16, 5)] * 3
    assert np.array_equal(left[0].frames, FRAMES[0])
    html = (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert html.count('<svg class="roll"') == 4
    assert "9 frames, keys C3 to E3" in html


def test_nothing_is_written_of_a_network_that_blew_up(tmp_path: Path) -> None:
    model = fitted(tmp_path / "r", TEXTS)
    path = tmp_path / "r/samples/written.json"
    path.unlink()
    with torch.no_grad():
        next(model.network_.parameters()).fill_(torch.nan)
    write_samples(model, Sequences(TEXTS, None), Sequences([], None))
    assert not path.exists()


def test_a_translator_leaves_where_it_looked(tmp_path: Path) -> None:
    source = ["eins zwei", "zwei drei", "drei eins", "eins zwei drei", "eins"] * 8
    target = ["one two", "two three", "three one", "one two three", "one"] * 8
    given = {**SMALL, "width": 16, "hidden_size": 16, "max_iter": 12, "learning_rate_init": 0.02, "minimum_count": 1}
    model = sp.SequenceTranslator(**given, run=tmp_path / "r", validation_fraction=0.2).fit(source, target)
    left = read_json(tmp_path / "r/pictures/alignments.json")
    assert 1 <= len(left) <= 3
    for entry in left:
        words, said, weights = model.alignment(entry["source"], entry["said"][:-1])
        assert (words, said) == (entry["source"], entry["said"])
        assert np.array(entry["weights"]) == pytest.approx(weights, abs=1e-4)
        assert weights.sum(1) == pytest.approx(np.ones(len(said)), abs=1e-5)
        assert model.translated([" ".join(words)]) == [said[:-1]]
    assert "Where it looks" in (tmp_path / "r/report.html").read_text(encoding="utf-8")
    blind = sp.SequenceTranslator(**given, attention=False, run=tmp_path / "s", validation_fraction=0.2)
    blind.fit(source, target)
    write_alignments(blind, Sequences(source, target))
    assert not (tmp_path / "s/pictures").exists()
    assert "Where it looks" not in (tmp_path / "s/report.html").read_text(encoding="utf-8")


def test_every_sequence_model_has_a_page_without_an_empty_part(tmp_path: Path) -> None:
    tags = [["B-who" if word in ("anna", "bob") else "O" for word in text.split()] for text in TEXTS]
    given = {**SMALL, "early_stopping": True, "validation_fraction": 0.25}
    signals, numbers = RNG.random((24, 7, 2)), RNG.random(24)
    sp.SequenceTagger(**given, run=tmp_path / "t").fit([text.split() for text in TEXTS], tags)
    sp.SequenceClassifier(**given, run=tmp_path / "c").fit(TEXTS, [text[0] for text in TEXTS])
    sp.SequenceRegressor(**given, run=tmp_path / "r").fit(signals, numbers)
    for name in "tcr":
        page = Page((tmp_path / name / "report.html").read_text(encoding="utf-8"))
        assert "Samples as training went on" not in page.words
        assert "Size of delta through time" in page.words
        assert re.search(r"The weights of epoch \d are kept", page.words)
        assert page.all("path", "chosen")
