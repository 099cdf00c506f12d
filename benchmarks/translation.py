"""Multi30k, English and German both ways: BLEU of an encoder-decoder with attention, greedy and by beam.

    python benchmarks/translation.py --data FOLDER [--seeds 2] [--threads 2]

FOLDER has train, val and test_2016_flickr, each as .de and .en (.gz too). BLEU is sacreBLEU's: of lower-cased tokens as
they are ("tokens"), and of lower-cased text with its own tokens ("13a, lc"). The beam's width and the power of length
were chosen on the validation pairs; the test pairs are used once, after training.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import sacrebleu

import sparring as sp
from sparring.data.lines import read_parallel
from sparring.data.words import words_of
from sparring.networks import count_parameters

SETTINGS: dict[str, Any] = {"max_iter": 12}
BEAMS: dict[str, dict[str, Any]] = {"greedy": {"beam": 1}, "beam of 5": {"beam": 5, "alpha": 0.6}}
PARTS = ("train", "val", "test_2016_flickr")


def pairs(folder: Path, part: str, source: str, target: str) -> tuple[list[Any], list[Any]]:
    paths = [next(folder.glob(f"{part}.{language}*")) for language in (source, target)]
    found = read_parallel(*paths)
    return [pair[0] for pair in found], [pair[1] for pair in found]


def tokens(texts: Any) -> list[str]:
    return [" ".join(words_of(text.lower())) for text in texts]


def direction(folder: Path, source: str, target: str, seeds: int, threads: int, settings: dict[str, Any]) -> None:
    train, val, test = (pairs(folder, part, source, target) for part in PARTS)
    for seed in range(seeds):
        model = sp.SequenceTranslator(random_state=seed, threads=threads, **settings)
        began, used = time.perf_counter(), time.process_time()
        model.fit(*train, validation_data=val)
        minutes, cpu = (time.perf_counter() - began) / 60, (time.process_time() - used) / 60
        count = count_parameters(model.network_)
        for name, changed in BEAMS.items():
            began = time.perf_counter()
            said = model.set_params(**changed).predict(test[0])
            rate = len(said) / (time.perf_counter() - began)
            plain = sacrebleu.corpus_bleu(tokens(said), [tokens(test[1])], tokenize="none").score
            usual = sacrebleu.corpus_bleu(said, [test[1]], lowercase=True).score
            print(
                f"| {source} to {target} | {seed} | {name} | {plain:.2f} | {usual:.2f} | {count:,} | "
                f"{minutes:.1f} | {cpu:.1f} | {rate:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--directions", nargs="+", default=["de-en", "en-de"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=SETTINGS["max_iter"])
    chosen = parser.parse_args()
    print("| direction | seed | search | BLEU, tokens | BLEU, 13a lc | numbers learned | min | CPU min | sentences/s |")
    print("|" + " --- |" * 9)
    for way in chosen.directions:
        settings = {**SETTINGS, "max_iter": chosen.epochs}
        direction(chosen.data, *way.split("-"), chosen.seeds, chosen.threads, settings)
