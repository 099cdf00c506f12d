"""What the user sees in a terminal, in a pipe, or as JSON."""

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sparring.errors import UnseenWarning

if TYPE_CHECKING:
    from sparring import run

__all__ = ["Display"]

REDRAW = 0.2  # seconds between two looks at the bar
UNFINISHED = {
    "running": "it has not ended: it goes on, or was killed",
    "failed": "it failed",
    "diverged": "it diverged",
}  # what is said of a run's weights


class Display:
    """Progress on standard error, results on standard output."""

    def __init__(self, quiet: bool = False, as_json: bool = False) -> None:
        self.as_json, self.quiet = as_json, quiet
        self._errors = Console(stderr=True, quiet=quiet, highlight=False)
        self._output = Console(highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._lines: Callable[[run.Progress], None] | None = None
        self._next = 0.0
        self._opening = self._measures = ""

    # -- words

    def say(self, line: str) -> None:
        """Advice for a person."""
        self._errors.print(line, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Warnings of what a model never learned from, each once, as advice for a person."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UnseenWarning)
            yield
        for other in caught:
            if not issubclass(other.category, UnseenWarning):
                warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        unseen = [str(found.message) for found in caught if issubclass(found.category, UnseenWarning)]
        for line in dict.fromkeys(unseen):
            self.say(f"warning  {line}")

    def print(self, line: str) -> None:
        """A result."""
        self._output.print(line, markup=False)

    def result(self, value: dict[str, Any], show: Callable[[], None]) -> None:
        """The result, for a program or for a person."""
        if self.as_json:
            json.dump(value, sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            show()

    # -- progress

    @contextlib.contextmanager
    def bar(self, opening: str) -> Iterator[None]:
        """Show a bar while the block runs, if a person watches.

        opening: said at the first step, when all input has proved good.
        """
        self._opening = opening
        if self.quiet or not self._errors.is_terminal:
            yield
            return
        columns = (
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[speed]:,.0f} steps/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[measures]}", style="dim"),
        )
        with Progress(*columns, console=self._errors, refresh_per_second=4, transient=True) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._bar = None

    @contextlib.contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say what is being done while the block runs, if a person watches."""
        if self.quiet or not self._errors.is_terminal:
            yield
            return
        with self._errors.status(f"{what} ..."):
            yield

    def heard(self) -> contextlib.AbstractContextManager[None]:
        """Say how far a table is read that is too large for memory, while the block runs."""
        from sparring.data.spool import heard

        return heard(None if self.quiet else self.say)

    def progress(self, progress: "run.Progress") -> None:
        """Take note of a step; cheap, since it is called after every one."""
        if self.quiet:
            return
        if self._opening:
            self.say(self._opening)
            self._opening = ""
        if self._bar is None:
            if self._lines is None:
                from sparring.run import Lines

                self._lines = Lines(self.say)
            self._lines(progress)
            return
        if progress.findings:
            from sparring.diagnose.modes import told

            for finding in progress.findings:
                self.say(told(finding))
        if progress.row is not None:
            from sparring.run import measures

            self._measures = measures(progress.row)
        if progress.seconds < self._next and progress.step < progress.steps:
            return
        self._next = progress.seconds + REDRAW
        if not self._bar.tasks:
            self._bar.add_task("", total=progress.steps, speed=0.0, measures="")
        task = self._bar.tasks[0].id
        self._bar.update(task, completed=progress.step, speed=progress.speed, measures=self._measures)

    # -- results

    def run(self, state: dict[str, Any], picture: Path | None) -> None:
        """A run's state, a small picture of its samples, and the verdict."""
        self.print(f"{state['title']}")
        self.print(f"{state['status']}: step {state['steps']:,} of {state['of']:,} in {state['seconds']:,.0f} s")
        if state["failure"]:
            self.print(f"why: {state['failure']}")
        if state["status"] in UNFINISHED:
            self.print(f"{UNFINISHED[state['status']]}; {_saved(state['saved'])}")
        for network in state["networks"].values():
            self._layers(network)
        if state["answers"] is not None:
            from sparring.report.terminal import answer_lines

            self.lines(answer_lines(state["answers"]))
        if picture is not None:
            self._picture(picture)
        if state["verdict"] is not None:
            self.verdict(state["verdict"], meanings=False)

    def lines(self, lines: list[str]) -> None:
        """Some results, a line each."""
        for line in lines:
            self.print(line)

    def _layers(self, network: dict[str, Any]) -> None:
        """Layers, what comes out of them, and how many weights they have."""
        if not network.get("layers"):
            return
        rows = [
            (
                layer["kind"],
                " × ".join(map(str, layer["shape"])),
                f"{layer['parameters']:,}" if layer["parameters"] else "",
            )
            for layer in network["layers"]
        ]
        rows = [("layer", "output", "weights"), *rows, ("", "", f"{network['parameters']:,}")]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        self.print("")
        for kind, shape, weights in rows:
            self.print(f"  {kind:<{widths[0]}}  {shape:>{widths[1]}}  {weights:>{widths[2]}}".rstrip())
        self.print("")

    def _picture(self, path: Path) -> None:
        from sparring.report.terminal import file_picture

        columns = min(self._output.width, 80)
        self.print("")
        sys.stdout.write(file_picture(path, columns, colour=self._output.is_terminal) + "\n")
        self.print("")

    def verdict(self, verdict: dict[str, Any], meanings: bool = True) -> None:
        from sparring.report.terminal import verdict_lines

        for line in verdict_lines(verdict, self._output.width, meanings):
            self.print(line)


def _saved(step: int | None) -> str:
    """Which weights there are."""
    if step is None:
        return "no checkpoint was written"
    return f"its newest weights are those of step {step:,}{'' if step else ', which have learned nothing'}"
