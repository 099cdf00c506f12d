"""sparring fit sequence-...: a command for each kind of sequence model."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from sparring.cli.fit import Run, fit
from sparring.cli.options import Json, Seed, Threads

__all__ = [
    "ReadingOptions",
    "SequenceOptions",
    "sequence_classifier",
    "sequence_generator",
    "sequence_regressor",
    "sequence_tagger",
    "sequence_translator",
]


@Parameter(name="*")
@dataclass(frozen=True)
class SequenceOptions:
    """What all sequence models share; None: the model's own default."""

    run: Run = None
    cell: Annotated[
        Literal["rnn", "lstm", "gru"] | None, Parameter(help="Of the recurrent layers [default: lstm; translator gru].")
    ] = None
    hidden_size: Annotated[int | None, Parameter(help="Units of each layer [default: 128; writing 256].")] = None
    layers: Annotated[int | None, Parameter(help="Recurrent layers, one on the other [default: 1].")] = None
    width: Annotated[int | None, Parameter(help="Numbers of a word's vector [default: 100; translator 256].")] = None
    dropout: Annotated[float | None, Parameter(help="Share of inputs and units left out while training.")] = None
    weight_noise: Annotated[float | None, Parameter(help="Deviation of noise on the weights while training.")] = None
    learning_rate_init: Annotated[
        float | None,
        Parameter(name=("--learning-rate-init", "--rate"), help="Adam's step size [default: 0.002; writing 0.005]."),
    ] = None
    learning_rate: Annotated[
        Literal["constant", "cosine"] | None, Parameter(help="How the rate changes [default: cosine].")
    ] = None
    clip: Annotated[float | None, Parameter(help="The largest norm of a gradient [default: 1].")] = None
    batch_size: Annotated[
        int | None, Parameter(help="Sequences of a step [default: by their number, 4 to 32; translator to 64].")
    ] = None
    max_iter: Annotated[
        int | None, Parameter(name=("--max-iter", "--epochs"), help="Passes over the data [default: 20].")
    ] = None
    l2: Annotated[float | None, Parameter(help="Half the weight of the sum of squared weights.")] = None
    early_stopping: Annotated[bool, Parameter(help="Keep the weights of the least validation error.")] = True
    n_iter_no_change: Annotated[
        int, Parameter(name=("--n-iter-no-change", "--patience"), help="Epochs without a fall before it stops.")
    ] = 10
    held_out: Annotated[float, Parameter(help="Share of sequences kept back to measure by; 0: none.")] = 0.1
    encoding: Annotated[str, Parameter(help="Of text files.")] = "utf-8"
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None
    seed: Seed = None
    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:N or mps.")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Threads = None
    json: Json = False

    def parameters(self) -> dict[str, Any]:
        """As the estimators call them; what is not said is left to them."""
        chosen = {name: value for name, value in asdict(self).items() if value is not None}
        fraction = chosen.pop("held_out")
        for name in ("run", "json"):
            chosen.pop(name, None)
        if self.seed is not None:
            chosen["random_state"] = chosen.pop("seed")
        return {**chosen, "validation_fraction": fraction, "early_stopping": self.early_stopping and fraction > 0}


Remember = Annotated[int | None, Parameter(help="For long rows: steps back that may matter, about.")]


@Parameter(name="*")
@dataclass(frozen=True)
class ReadingOptions:
    """What models that read words or signals share."""

    bidirectional: Annotated[bool | None, Parameter(help="Read from both ends [default: yes; regressor no].")] = None
    minimum_count: Annotated[int | None, Parameter(help="A word that is there less often is unknown.")] = None
    most_words: Annotated[int | None, Parameter(help="Words in the vocabulary, at most.")] = None
    lower: Annotated[bool | None, Parameter(help="Look words up in lower case [default: yes].")] = None
    letters: Annotated[bool | None, Parameter(help="Read each word's letters too [default: tagger yes].")] = None
    word_dropout: Annotated[float | None, Parameter(help="Share of words made unknown while training.")] = None
    vectors: Annotated[Path | None, Parameter(help="A text file of word vectors to begin with (GloVe).")] = None
    remember: Remember = None

    def parameters(self) -> dict[str, Any]:
        """As the estimators call them."""
        chosen = {name: value for name, value in asdict(self).items() if value is not None}
        return {**chosen, **({} if self.vectors is None else {"vectors": str(self.vectors)})}


Pooling = Annotated[
    Literal["last", "mean", "max"] | None,
    Parameter(help="Answer from the end of the sequence, or from all its steps [default: max; regressor last]."),
]
Target = Annotated[str | None, Parameter(help="Of a .csv: the column to predict; of an .npz: the array.")]
KINDS_OF_ROWS = (
    "A text file with a text, a tab and its label on each line; a folder with a file of lines for each class; "
    "a .csv with a column of texts; a .ts file; an .npz of X (n, t, columns) and y."
)
OneEach = Annotated[str, Parameter(help=KINDS_OF_ROWS)]


@fit.command
def sequence_classifier(
    data: OneEach,
    /,
    *,
    target: Target = None,
    pooling: Pooling = None,
    class_weight: Annotated[Literal["balanced"] | None, Parameter(help="Let rare classes count as much.")] = None,
    reading: ReadingOptions = ReadingOptions(),
    options: SequenceOptions = SequenceOptions(),
) -> None:
    """Train a recurrent network that says which class a text or a signal is of (many to one)."""
    _fit("sequence-classifier", data, target, options, reading.parameters(), pooling=pooling, class_weight=class_weight)


@fit.command
def sequence_regressor(
    data: Annotated[
        str, Parameter(help=f"{KINDS_OF_ROWS} With --ahead: a .csv that is one long series, a step a row.")
    ],
    /,
    *,
    target: Annotated[
        str | None, Parameter(help="The column to predict or to forecast; several: A,B [default for a series: all].")
    ] = None,
    ahead: Annotated[int | None, Parameter(help="Forecast so many steps of a series.")] = None,
    back: Annotated[int | None, Parameter(help="Steps that a forecast looks back at [default: 24].")] = None,
    season: Annotated[int | None, Parameter(help="The series repeats after so many steps (hours: 24).")] = None,
    pooling: Pooling = None,
    reading: ReadingOptions = ReadingOptions(),
    options: SequenceOptions = SequenceOptions(),
) -> None:
    """Train a recurrent network that predicts a number for a text or a signal (many to one), or what comes next."""
    chosen = {"ahead": ahead, "back": back, "season": season, "pooling": pooling}
    _fit("sequence-regressor", data, target, options, reading.parameters(), **chosen)


@fit.command
def sequence_tagger(
    data: Annotated[str, Parameter(help="A CoNLL file: a word and its tag on each line, an empty line between.")],
    /,
    *,
    crf: Annotated[bool | None, Parameter(help="Choose the tags of a sentence together [default: yes].")] = None,
    reading: ReadingOptions = ReadingOptions(),
    options: SequenceOptions = SequenceOptions(),
) -> None:
    """Train a recurrent network that says a tag for every word (many to many, equally long)."""
    _fit("sequence-tagger", data, None, options, reading.parameters(), crf=crf)


@fit.command
def sequence_generator(
    data: Annotated[
        str,
        Parameter(
            help="Texts, a line each; .abc tunes; .mid, or a folder of them; piano rolls as .mat, .npz or .json."
        ),
    ],
    /,
    *,
    level: Annotated[
        Literal["word", "letter"] | None, Parameter(help="What texts are cut into [default: word].")
    ] = None,
    window: Annotated[
        int | None, Parameter(help="Learn from all as one stream, in windows of so many steps (truncated BPTT).")
    ] = None,
    minimum_count: Annotated[int | None, Parameter(help="A word that is there less often is unknown.")] = None,
    input_dropout: Annotated[
        float | None, Parameter(help="Share of inputs left out while training [default: as --dropout].")
    ] = None,
    remember: Remember = None,
    chords: Annotated[bool | None, Parameter(help="Music: choose the keys of a frame together [default: yes].")] = None,
    options: SequenceOptions = SequenceOptions(),
) -> None:
    """Train a recurrent network that writes texts or music like those given (one to many)."""
    chosen = {"level": level, "window": window, "minimum_count": minimum_count, "chords": chords}
    _fit("sequence-generator", data, None, options, {}, input_dropout=input_dropout, remember=remember, **chosen)


@fit.command
def sequence_translator(
    source: Annotated[str, Parameter(help="A text file, a sentence on each line; .gz too.")],
    target: Annotated[str, Parameter(help="The same sentences in the other language, line by line.")],
    /,
    *,
    attention: Annotated[bool | None, Parameter(help="Look back at every source word [default: yes].")] = None,
    beam: Annotated[int | None, Parameter(help="Hypotheses kept; 1: greedy [default: 5].")] = None,
    minimum_count: Annotated[int | None, Parameter(help="A rarer word is unknown [default: 2].")] = None,
    options: SequenceOptions = SequenceOptions(),
) -> None:
    """Train an encoder and a decoder that translate (many to many, of other lengths)."""
    chosen = {"attention": attention, "beam": beam, "minimum_count": minimum_count}
    _fit("sequence-translator", source, target, options, {}, **chosen)


def _fit(
    kind: str, data: str, target: str | None, options: SequenceOptions, reading: dict[str, Any], **more: Any
) -> None:
    from sparring.cli import actions, sequencing

    own = {name: value for name, value in more.items() if value is not None}
    folder = options.run or actions.default_folder(data)
    sequencing.fit_sequence(kind, data, target, folder, {**options.parameters(), **reading, **own}, options.json)
