"""Run folders changed at random, under every command that reads them: what breaks, and what goes wrong in silence.

    python benchmarks/fuzz_folders.py [--count 2000] [--first 0] [--seed 0]

A small run of each kind of model is made once. Each trial copies one, changes one file (half of the changes leave JSON
that is valid, half of those with checksums that fit again, as a stranger could write them), and runs the commands that
read it, each in a child that is forked warm, with limits of time and memory. A trial fails if a command ends in a
traceback or an unforeseen error (exit code 70), takes longer than 10 s of one processor (so that a busy machine finds
the same) or more than 1 GB above the warm process, or answers otherwise than of the undamaged folder without a word of
what is wrong. Where checksums were forged, an answer may differ: nothing in the folder says that it is not the right
one.
"""

import argparse
import contextlib
import copy
import gc
import hashlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

WORDS = ["good", "bad", "film", "the", "a", "plot", "dull", "bright", "very", "scene"]


# -- the runs


def _table(rows: int, seed: int) -> str:
    """A CSV of numbers, labels, dates and gaps, and a class that follows from them."""
    chance = np.random.default_rng(seed)
    lines = ["size,colour,day,note,kind"]
    for _ in range(rows):
        size, colour = chance.normal(), chance.choice(["red", "blue", "green"])
        note = "" if chance.random() < 0.1 else f"{chance.integers(5)}"
        day = f"2026-0{chance.integers(1, 10)}-1{chance.integers(10)}"
        lines.append(f"{size:.2f},{colour},{day},{note},{'yes' if size > 0 else 'no'}")
    return "\n".join(lines) + "\n"


def make_data(folder: Path) -> None:
    """The files that the runs learn from and are asked about."""
    chance = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("points", "other", "held"):
        np.save(folder / f"{name}.npy", chance.normal(size=(120, 2)).astype("float32"))
    for i, name in enumerate(("table", "table-b", "table-held")):
        (folder / f"{name}.csv").write_text(_table(160, i))
    (folder / "gaps.csv").write_text("size,colour,day,note,kind\n0.5,,2026-03-11,1,\n,red,,,no\n")
    images = chance.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 3
    images[labels == 1, :4] = 255
    np.savez(folder / "images.npz", X=images, y=labels)
    np.save(folder / "pictures.npy", images[:6])
    lines = [" ".join(chance.choice(WORDS, size=chance.integers(2, 7))) for _ in range(60)]
    (folder / "texts.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "texts.tsv").write_text("".join(f"{x}\t{'+' if 'good' in x else '-'}\n" for x in lines))
    (folder / "new.txt").write_text("good film\nthe dull plot\n")
    (folder / "target.txt").write_text("".join(f"{' '.join(reversed(line.split()))}\n" for line in lines))
    sentence = "EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n\nPeter B-PER\nwent O\n\n"
    (folder / "tags.conll").write_text(sentence * 12)
    (folder / "series.csv").write_text("wave\n" + "".join(f"{np.sin(t / 5):.4f}\n" for t in range(160)))


SHORT = ("--seed", 0, "--threads", 1)
SEQUENCE = ("--hidden-size", 6, "--width", 6, "--epochs", 3, "--checkpoint-every", 10, *SHORT)
RUNS: dict[str, tuple[tuple[Any, ...], dict[str, tuple[Any, ...]]]] = {
    "points": (
        ("gan", "points.npy", "--steps", 24, "--checkpoint-every", 10, "--held-out", 0.2, *SHORT),
        {"sample": ("-n", 5, "--seed", 1, "-o", "OUT.csv"), "judge": ("--data", "held.npy")},
    ),
    "mixed": (
        ("gan", "table.csv", "--steps", 16, "--checkpoint-every", 8, *SHORT),
        {
            "sample": ("-n", 5, "--seed", 1, "-o", "OUT.csv"),
            "complete": ("gaps.csv", "--seed", 1, "-o", "OUT.csv"),
            "judge": ("--data", "table-held.csv"),
        },
    ),
    "images": (
        ("gan", "images.npz", "--classes", "--steps", 8, "--checkpoint-every", 4, *SHORT),
        {"sample": ("-n", 4, "--seed", 1, "-o", "OUT.npy")},
    ),
    "cycle": (
        ("cyclegan", "points.npy", "other.npy", "--steps", 16, "--restarts", 1, "--checkpoint-every", 8, *SHORT),
        {"translate": ("held.npy", "-o", "OUT.npy"), "judge": ("--data", "held.npy", "other.npy")},
    ),
    "cycle-tables": (
        ("cyclegan", "table.csv", "table-b.csv", "--steps", 8, "--restarts", 1, "--checkpoint-every", 4, *SHORT),
        {"translate": ("table-held.csv", "-o", "OUT.csv")},
    ),
    "classifier": (
        ("classifier", "table.csv", "--target", "kind", "--max-iter", 4, "--checkpoint-every", 2, *SHORT),
        {"predict": ("table-held.csv", "-o", "OUT.csv"), "judge": ("--data", "table-held.csv")},
    ),
    "pictures": (
        ("classifier", "images.npz", "--max-iter", 2, "--checkpoint-every", 1, *SHORT),
        {"predict": ("pictures.npy", "-o", "OUT.csv"), "judge": ("--data", "images.npz")},
    ),
    "regressor": (
        ("regressor", "table.csv", "--target", "size", "--max-iter", 4, "--checkpoint-every", 2, *SHORT),
        {"predict": ("table-held.csv", "-o", "OUT.csv"), "judge": ("--data", "table-held.csv")},
    ),
    "texts": (
        ("sequence-classifier", "texts.tsv", *SEQUENCE),
        {"predict": ("new.txt", "-o", "OUT.csv"), "judge": ("--data", "texts.tsv")},
    ),
    "series": (
        ("sequence-regressor", "series.csv", "--ahead", 3, "--back", 8, *SEQUENCE),
        {"predict": ("series.csv", "-o", "OUT.csv"), "judge": ("--data", "series.csv")},
    ),
    "tags": (
        ("sequence-tagger", "tags.conll", *SEQUENCE),
        {"predict": ("new.txt", "-o", "OUT.conll"), "judge": ("--data", "tags.conll")},
    ),
    "writer": (
        ("sequence-generator", "texts.txt", *SEQUENCE),
        {"sample": ("-n", 3, "--seed", 1, "-o", "OUT.txt"), "judge": ("--data", "texts.txt")},
    ),
    "translator": (
        ("sequence-translator", "texts.txt", "target.txt", *SEQUENCE),
        {"translate": ("new.txt", "-o", "OUT.txt"), "judge": ("--data", "texts.txt", "--target", "target.txt")},
    ),
}  # name: (how it is fitted, the commands that use its weights)
READING: dict[str, tuple[Any, ...]] = {"show": (), "report": (), "diagnose": (), "resume": ()}


def command(*words: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    from sparring.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make_runs(folder: Path) -> None:
    """Fit one small run of each kind in a folder, beside its data."""
    make_data(folder)
    with inside(folder):
        for name, (words, _) in RUNS.items():
            if not (Path(name) / "report.html").exists():
                code, _, said = command("fit", *words, "--run", name)
                assert code == 0, f"{name}: {said}"


# -- changes


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON document."""
    inside_it = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(place for key, part in inside_it for place in places(part, (*where, key)))]


def odd(chance: random.Random, value: Any) -> Any:
    """Another value than there was, of its type or not."""
    near: list[Any] = [value * 2 + 1, -value, value * 1000, value + 0.5] if type(value) in (int, float) else []
    near += [value + "x", value[:-1], "../../outside", ""] if isinstance(value, str) else []
    near += [value * 2, value[:-1], value[::-1], [*value, None]] if isinstance(value, list) else []
    near += [not value] if isinstance(value, bool) else []
    other = [None, "x", "os.system", -1, 0, 1, 7, 2**31, 2**63, 10**18, 10**60, 1e308, float("nan"), float("inf"), True]
    deep: Any = []
    for _ in range(chance.choice([3, 30, 300])):
        deep = [deep]
    other += [[], {}, [1] * 1000, {"a": {"b": [1]}}, deep, "\ud800", "ü" * 1000, [10**6, 10**6], 4096, 100_000_000]
    return chance.choice(near if near and chance.random() < 0.5 else other)


def changed_json(chance: random.Random, document: Any) -> Any:
    """A document in which one thing is changed, taken away, added or renamed."""
    document = copy.deepcopy(document)
    where = chance.choice(places(document)[1:] or [()])
    if not where:
        return odd(chance, document)
    *path, last = where
    holder = document
    for key in path:
        holder = holder[key]
    match chance.choice(["odd", "odd", "odd", "gone", "more", "name"]):
        case "odd":
            holder[last] = odd(chance, holder[last])
        case "gone":
            del holder[last]
        case "more" if isinstance(holder, list):
            holder.insert(last, holder[chance.randrange(len(holder))])
        case "more":
            holder[chance.choice(["self", "run", "verbose", "device", "extra", "n_jobs"])] = odd(chance, holder[last])
        case "name" if isinstance(holder, dict):
            holder[chance.choice([f"{last}2", last[:-1], last.upper(), ""])] = holder.pop(last)
        case _:
            holder[last] = odd(chance, holder[last])
    return document


def changed_bytes(chance: random.Random, content: bytes) -> bytes:
    """Bytes that are cut, flipped, taken away, doubled, filled in or others altogether."""
    at = chance.randrange(len(content) + 1)
    some = content[at : at + chance.choice([1, 16, 4096])]
    flipped = content[:at] + bytes(byte ^ 1 << chance.randrange(8) for byte in content[at : at + 1]) + content[at + 1 :]
    return chance.choice(
        [
            content[:at],
            flipped,
            flipped,
            flipped,
            content[:at] + content[at + len(some) :],
            content[:at] + some + content[at:],
            content[:at] + chance.randbytes(8) + content[at:],
            b"",
            b"\xef\xbb\xbf" + content,
            b"\x80\xff",
            b"[" * 100_000,
            b"{}",
            b"[1, 2]",
            b"null",
            content + b"\n{}",
        ]
    )


TARGETS = {
    "run.json": 10,
    "state.json": 2,
    "state.safetensors": 2,
    "metrics.jsonl": 2,
    "findings.jsonl": 1,
    "results": 2,
    "checksums.json": 1,
    "shown": 1,
}


def target(chance: random.Random, folder: Path) -> Path:
    """The file that is changed."""
    kind = chance.choices([*TARGETS], [*TARGETS.values()])[0]
    newest = max((folder / "checkpoint").iterdir())
    shown = [path for name in ("samples", "pictures") for path in sorted((folder / name).glob("*"))]
    results = [path for path in (folder / "verdict.json", folder / "answers.json") if path.exists()]
    several = {"results": results, "shown": shown, "state.json": [newest / kind], "state.safetensors": [newest / kind]}
    return chance.choice(several.get(kind, [folder / kind]) or [folder / "run.json"])


def change(chance: random.Random, folder: Path, valid: bool, forged: bool) -> tuple[str, str]:
    """Change one file of a folder. Returns its name, and how it was changed."""
    path = target(chance, folder)
    name = path.relative_to(folder).as_posix()
    if valid and path.suffix in (".json", ".jsonl"):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        if lines:
            at = chance.randrange(len(lines))
            lines[at] = json.dumps(
                changed_json(chance, json.loads(lines[at])), **({} if len(lines) > 1 else {"indent": 2})
            )
            path.write_text("\n".join(lines) + "\n" * (path.suffix == ".jsonl"))
        if forged:
            forge(folder, path)
        return name, "forged" if forged else "valid JSON"
    if valid and path.suffix == ".safetensors" and forged:
        forge_weights(chance, path)
        return name, "forged"
    match chance.choice(["bytes"] * 6 + ["gone", "folder"]):
        case "bytes":
            path.write_bytes(changed_bytes(chance, path.read_bytes()))
        case "gone":
            path.unlink()
        case _:
            path.unlink()
            path.mkdir()
    return name, "bytes"


def forge(folder: Path, path: Path) -> None:
    """Make the checksums fit again, as a stranger could who writes the whole folder."""
    from sparring.documents import checksum_of, digest_of

    try:
        found = json.loads(path.read_text())
        if path.name == "run.json":
            path.write_text(json.dumps({**found, "checksum": checksum_of(found)}))
            return
        if path.name == "state.json":
            content = (path.parent / "state.safetensors").read_bytes()
            told = hashlib.blake2b(content + json.dumps(found["parts"]).encode(), digest_size=16).hexdigest()
            path.write_text(json.dumps({**found, "checksum": told}))
            return
    except (ValueError, TypeError, LookupError):
        if path.suffix == ".json":
            return
    told = json.loads((folder / "checksums.json").read_text())
    name = path.relative_to(folder).as_posix()
    if path.name != "checksums.json" and name in told["files"]:
        size = len(path.read_bytes()) if told["files"][name]["bytes"] is not None else None
        told["files"][name] = {"sums": [digest_of(path.read_bytes())], "bytes": size}
        (folder / "checksums.json").write_text(json.dumps(told))


def forge_weights(chance: random.Random, path: Path) -> None:
    """Weights of another shape or type, not finite, or missing, with a checksum that fits."""
    import torch
    from safetensors.torch import load, save

    tensors = load(path.read_bytes())
    name = chance.choice(sorted(tensors))
    one = tensors[name]
    match chance.choice(["nan", "shape", "type", "gone", "large"]):
        case "nan" if one.is_floating_point() and one.numel():
            one.view(-1)[chance.randrange(one.numel())] = chance.choice([float("nan"), float("inf")])
        case "shape":
            tensors[name] = torch.cat([one.reshape(-1), one.reshape(-1)])
        case "type":
            tensors[name] = one.to(chance.choice([torch.int64, torch.float64, torch.bool, torch.bfloat16]))
        case "gone":
            del tensors[name]
        case _:
            tensors[name] = torch.zeros(chance.choice([0, 1, 10**6]), dtype=one.dtype)
    path.write_bytes(save(tensors))
    forge(path.parent.parent.parent, path.parent / "state.json")


# -- trials


@dataclass(frozen=True)
class Answer:
    """What a command gave. said: on standard error. answer: what it printed and wrote, but for times."""

    code: int
    said: str
    answer: str
    seconds: float = 0.0
    megabytes: float = 0.0


def words_of(name: str, verb: str, folder: str, output: str) -> list[str]:
    more = {**READING, **RUNS[name][1]}[verb]
    return [verb, folder, *(str(word).replace("OUT", output) for word in more)]


def asked(name: str, verb: str) -> Answer:
    """Run a command on the folder "trial", in this process."""
    shutil.rmtree("out", ignore_errors=True)
    Path("out").mkdir()
    code, out, err = command(*words_of(name, verb, "trial", "out/answer"))
    digest = hashlib.blake2b(digest_size=16)
    wrote = sorted(Path("out").iterdir())
    if verb == "report" and code == 0:
        wrote.append(Path("trial/report.html"))
    if verb == "resume" and code == 0:
        newest = max(Path("trial/checkpoint").iterdir())
        wrote += [Path("trial/metrics.jsonl"), newest / "state.safetensors"]
    for path in wrote:
        digest.update(path.read_bytes())
    plain = re.sub(r"(in )?[\d.,]+ (s|ms|min)\b|\d\d:\d\d:\d\d", "", out)
    return Answer(code, err, f"{plain}\n{digest.hexdigest()}")


def in_child(name: str, verb: str) -> Answer:
    """The same in a forked child with limits of time and memory."""
    pid = os.fork()
    if not pid:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (pages() + MEMORY, pages() + MEMORY))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            resource.setrlimit(resource.RLIMIT_CPU, (int(LIMIT) + 1, int(LIMIT) + 2))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                found = asked(name, verb)
            except BaseException:
                found = Answer(99, traceback.format_exc(), "")
            more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            Path("answer.json").write_text(json.dumps([found.code, found.said, found.answer, 0.0, more]))
        finally:
            os._exit(0)
    _, status, used = os.wait4(pid, 0)
    seconds = used.ru_utime + used.ru_stime
    if not Path("answer.json").exists():
        return Answer(-os.WTERMSIG(status), "", "", seconds)
    found = json.loads(Path("answer.json").read_text())
    Path("answer.json").unlink()
    return replace(Answer(*found), seconds=seconds)


def pages() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def fault(found: Answer, whole: Answer, forged: bool) -> str | None:
    """What is wrong with a command's answer; None if nothing is."""
    if found.code < 0:
        return "slow" if -found.code in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL) else f"signal {-found.code}"
    if found.seconds > LIMIT:
        return "slow"
    if "Traceback" in found.said:
        return "traceback"
    if found.code == 70 or "unforeseen" in found.said:
        return "unforeseen"
    if found.megabytes > MEMORY / 2**20 or "MemoryError" in found.said or "t allocate memory" in found.said:
        return "memory"
    if found.code not in (0, 1, 2):
        return f"exit code {found.code}"
    if found.code and not found.said.strip():
        return "silence"
    if found.code == 0 and found.answer != whole.answer and not SAID.search(found.said) and not forged:
        return "silence"
    return None


LIMIT, PATIENCE = 10.0, 60.0  # seconds of the processor, and of the clock, which runs on while others work
MEMORY = 2**30  # bytes above those of the warm process
SAID = re.compile(r"warning: .*(checksum|damaged|missing|cannot be (used|read|checked)|older|these are the weights)")


def asking(name: str) -> list[str]:
    """The commands of a run: first those that leave the folder as it is."""
    return ["show", "diagnose", *(verb for verb in RUNS[name][1] if verb != "judge"), "report"]


def answers(name: str, source: Path, harm: Callable[[Path], Any]) -> Iterator[tuple[str, Answer]]:
    """What each command says of a copy of a run's folder that something was done to."""
    for group in (asking(name), ["judge"] if "judge" in RUNS[name][1] else [], ["resume"]):
        if group:
            shutil.rmtree("trial", ignore_errors=True)
            shutil.copytree(source, "trial")
            harm(Path("trial"))
        for verb in group:
            yield verb, in_child(name, verb)


def trial(number: int, seed: int, runs: Path, whole: dict[tuple[str, str], Answer]) -> list[str]:
    """Change one folder and ask all commands. Returns a line for each fault."""
    name = [*RUNS][number % len(RUNS)]
    valid = (number // len(RUNS)) % 2 == 1
    forged = valid and (number // len(RUNS)) % 4 == 3
    what: list[tuple[str, str]] = []

    def harm(folder: Path) -> None:
        what.append(change(random.Random(f"{seed} {number}"), folder, valid, forged))

    faults = []
    for verb, found in answers(name, runs / name, harm):
        if (wrong := fault(found, whole[name, verb], forged)) is not None:
            last = found.said.strip().splitlines()[-1:] or [""]
            faults.append(f"{number:5} {name:12} {verb:9} {what[-1][0]} ({what[-1][1]}): {wrong}  {last[0][:160]}")
    return faults


def fuzz(numbers: Iterable[int], seed: int, runs: Path, say: Callable[[str], None] = print) -> tuple[int, list[str]]:
    """Trials of some numbers, on the runs in a folder. Returns how many commands were asked, and the faults."""
    faults: list[str] = []
    count = 0
    wanted, began = list(numbers), time.perf_counter()
    with tempfile.TemporaryDirectory() as work, inside(Path(work)):
        for path in runs.iterdir():
            if path.is_file():
                Path(path.name).symlink_to(path)
        names = {[*RUNS][number % len(RUNS)] for number in wanted}
        whole = {
            (name, verb): found for name in names for verb, found in answers(name, runs / name, lambda folder: None)
        }
        bad = {place: found for place, found in whole.items() if found.code}
        assert not bad, bad
        for number in wanted:
            found = trial(number, seed, runs, whole)
            count += sum(1 for name, _ in whole if name == [*RUNS][number % len(RUNS)])
            faults += found
            for line in found:
                say(line)
            if not (number + 1) % 100:
                say(f"{number + 1:,} folders, {count:,} commands, {time.perf_counter() - began:,.0f} s")
    return count, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first trial")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder).resolve()
        make_runs(runs)
        gc.freeze()
        made = time.perf_counter()
        count, faults = fuzz(range(given.first, given.first + given.count), given.seed, runs)
    kinds = Counter(line.split("): ", 1)[1].split("  ")[0] for line in faults)
    print(
        f"{given.count:,} folders, {count:,} commands, {time.perf_counter() - made:,.0f} s after {made - began:,.0f} s"
    )
    print(f"{len(faults)} faults: {dict(kinds)}")


if __name__ == "__main__":
    main()
