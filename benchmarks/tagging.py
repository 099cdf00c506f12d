"""Named entities in WNUT 2017, without outside vectors: our taggers beside spaCy's and CRFsuite, on one thread each.

    python benchmarks/tagging.py ours --data FOLDER          rnn, lstm, gru; letters; CRF
    python benchmarks/tagging.py peers --data FOLDER         needs: pip install spacy sklearn-crfsuite

FOLDER has wnut17train.conll, emerging.dev.conll and emerging.test.annotated. All learn from the training part. What is
kept of a training is chosen by the development part; the test part is used once, at the end of each.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sparring as sp
from sparring.data.lines import Tagged, read_conll
from sparring.data.tags import spans, tags_of
from sparring.judging.entities import TagAnswers, judge_tags

PARTS = ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
SETTINGS: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate_init": 5e-3,
    "word_dropout": 0.5,
    "dropout": 0.3,
    "max_iter": 20,
    "threads": 1,
}
VARIANTS: dict[str, dict[str, Any]] = {
    **{cell: {"cell": cell, "letters": False, "crf": False} for cell in ("rnn", "lstm", "gru")},
    **{f"{cell} + letters": {"cell": cell, "letters": True, "crf": False} for cell in ("rnn", "lstm", "gru")},
    **{f"{cell} + letters + CRF": {"cell": cell, "letters": True, "crf": True} for cell in ("rnn", "lstm", "gru")},
}


def _row(name: str, found: list[tuple[TagAnswers, float]]) -> None:
    scores = [answers.score for answers, _ in found]
    spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
    surface = statistics.mean(answers.surface for answers, _ in found)
    seconds = statistics.mean(seconds for _, seconds in found)
    print(f"| {name} | {statistics.mean(scores):.4f} | {spread:.4f} | {surface:.4f} | {seconds:.0f} |", flush=True)


def ours(parts: list[Tagged], seeds: int) -> None:
    train, dev, test = parts
    for name, settings in VARIANTS.items():
        found = []
        for seed in range(seeds):
            began = time.perf_counter()
            model = sp.SequenceTagger(random_state=seed, **SETTINGS, **settings)
            model.fit(train, validation_data=(dev, None))
            found.append((model.judge(test), time.perf_counter() - began))
        _row(name, found)


def spacy_tagger(parts: list[Tagged], seed: int, budget: float) -> Callable[[Any], list[list[str]]]:
    """spaCy's own recogniser from nothing, with its own defaults, for as many seconds; the best of the epochs."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from spacy.util import compounding, fix_random_seed, minibatch

    fix_random_seed(seed)
    random.seed(seed)
    train, dev, _ = parts
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")

    def example(words: Any, tags: Any) -> Any:
        doc = Doc(nlp.vocab, words=list(words))
        entities = [(doc[s.start].idx, doc[s.stop - 1].idx + len(doc[s.stop - 1]), s.kind) for s in spans(tags)]
        return Example.from_dict(doc, {"entities": entities})

    def answer(rows: Any) -> list[list[str]]:
        found = []
        for doc in nlp.pipe([Doc(nlp.vocab, words=list(row)) for row in rows]):
            found.append(tags_of([(e.label_, e.start, e.end) for e in doc.ents], len(doc)))  # type: ignore[misc]
        return found

    examples = [example(*pair) for pair in zip(train.words, train.tags, strict=True)]
    optimizer = nlp.initialize(lambda: examples)
    began, best, kept = time.perf_counter(), -1.0, nlp.to_bytes()
    while time.perf_counter() - began < budget:
        random.shuffle(examples)
        for batch in minibatch(examples, size=compounding(4.0, 64.0, 1.001)):
            nlp.update(batch, sgd=optimizer, drop=0.2)
        score = judge_tags(dev.words, dev.tags, answer(dev.words)).score
        if score > best:
            best, kept = score, nlp.to_bytes()
    nlp.from_bytes(kept)
    return answer


def crfsuite_tagger(parts: list[Tagged]) -> Callable[[Any], list[list[str]]]:
    """A CRF over features written by hand: its tutorial's, less the parts of speech, which these data do not have."""
    from sklearn_crfsuite import CRF

    def features(row: Any, i: int) -> dict[str, Any]:
        word = row[i]
        found: dict[str, Any] = {"bias": 1.0, "suffix3": word[-3:], "suffix2": word[-2:]}
        for place, name in ((i - 1, "-1:"), (i, ""), (i + 1, "+1:")):
            if 0 <= place < len(row):
                near = row[place]
                found |= {f"{name}lower": near.lower(), f"{name}title": near.istitle(), f"{name}upper": near.isupper()}
        return {**found, "digit": word.isdigit(), "first": i == 0, "last": i == len(row) - 1}

    def of(rows: Any) -> list[list[dict[str, Any]]]:
        return [[features(row, i) for i in range(len(row))] for row in rows]

    train = parts[0]
    model = CRF(algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True)
    model.fit(of(train.words), [list(tags) for tags in train.tags])
    return lambda rows: model.predict(of(rows))


def peers(parts: list[Tagged], seeds: int, budget: float) -> None:
    test = parts[2]

    def judged(answer: Callable[[Any], list[list[str]]]) -> TagAnswers:
        return judge_tags(test.words, test.tags, answer(test.words))

    found = []
    for seed in range(seeds):
        began = time.perf_counter()
        answer = spacy_tagger(parts, seed, budget)
        found.append((judged(answer), time.perf_counter() - began))
    _row("spaCy, blank", found)
    began = time.perf_counter()
    answer = crfsuite_tagger(parts)
    _row("CRFsuite, features by hand", [(judged(answer), time.perf_counter() - began)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ours", "peers"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=100.0, help="seconds that spaCy may train")
    given = parser.parse_args()
    parts = [read_conll(given.data / name) for name in PARTS]
    print("| tagger | F1 | deviation | surface F1 | seconds |\n| --- | --- | --- | --- | --- |", flush=True)
    ours(parts, given.seeds) if given.what == "ours" else peers(parts, given.seeds, given.budget)


if __name__ == "__main__":
    main()
