"""One-dimensional signals: their encoding, and a picture of many."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sparring.data.plain import refuse, typed
from sparring.data.schema import Schema, refuse_too_close, rounded_to
from sparring.errors import DataError, ShapeError
from sparring.shapes import describe

__all__ = ["SignalSchema", "drawn"]

PANEL = (96, 48)  # pixels of one signal in a picture: width, height
SHADES = (250, 120, 60)  # of the paper, and of further channels' lines
FRAME = 215


@dataclass(frozen=True)
class SignalSchema(Schema):
    """Signals (n, length) or (n, length, c), equally spaced in time <-> float32 (n, c, 1, length).

    x -> (x - mean) / deviation, one pair for each channel and all times. Inside, a signal is an image one pixel high,
    so that the convolutional networks run along time. Values come back within the data's own lowest and highest.
    """

    length: int
    channels: int
    channels_last: bool
    dtype: str
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    kind = "signal"

    @classmethod
    def of(cls, signals: NDArray[Any]) -> Self:
        """The schema of some signals. Raises ShapeError or DataError if they cannot be used."""
        values = np.asarray(signals)
        if values.ndim not in (2, 3) or values.shape[1] < 2:
            raise ShapeError(
                f"signals must have the shape (n, length) or (n, length, channels); got {describe(values.shape)}."
            )
        refuse_too_close(values, "the signals")
        channels = values.reshape(len(values), values.shape[1], -1).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            means, deviations = channels.mean((0, 1)), channels.std((0, 1))
        lows, highs = channels.min((0, 1)), channels.max((0, 1))
        if not np.isfinite(deviations).all():
            raise DataError("the signals are too large to scale; divide them first.")
        still = np.flatnonzero(lows == highs)
        if len(still):
            raise DataError(f"channel {still[0]} of every signal is {lows[still[0]]:g}; there is nothing to learn.")
        lists = [tuple(found.tolist()) for found in (means, deviations, lows, highs)]
        return cls(
            values.shape[1],
            channels.shape[2],
            values.ndim == 3,
            str(values.dtype),
            means=lists[0],
            deviations=lists[1],
            lows=lists[2],
            highs=lists[3],
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, 1, self.length)

    @property
    def bounded(self) -> bool:
        return False

    @property
    def row_shape(self) -> tuple[int, ...]:
        return (self.length, *([self.channels] if self.channels_last else []))

    def check(self, values: Any) -> None:
        if np.shape(values)[1:] != self.row_shape:
            raise ShapeError(
                f"the signals must have the shape (n, {describe(self.row_shape)[1:]}; got {describe(np.shape(values))}."
            )

    def encode(self, values: Any) -> NDArray[np.float32]:
        self.check(values)
        signals = np.asarray(values, np.float64).reshape(len(values), self.length, self.channels)
        scaled = (signals - np.array(self.means)) / np.array(self.deviations)
        return np.ascontiguousarray(scaled.transpose(0, 2, 1)[:, :, None], np.float32)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        signals = np.asarray(encoded, np.float64)[:, :, 0].transpose(0, 2, 1)
        signals = signals * np.array(self.deviations) + np.array(self.means)
        signals = signals.clip(np.array(self.lows), np.array(self.highs))
        return rounded_to(np.ascontiguousarray(signals.reshape(len(signals), *self.row_shape)), self.dtype)

    def to_json(self) -> dict[str, Any]:
        single = {name: getattr(self, name) for name in ("length", "channels", "channels_last", "dtype")}
        lists = {name: list(getattr(self, name)) for name in ("means", "deviations", "lows", "highs")}
        return {"kind": self.kind, **single, **lists}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls, ("means", "deviations", "lows", "highs"), "deviations", "dtype")
        refuse(made.length < 2 or made.channels != len(made.means), "a signal has steps, and a scale for each channel")
        refuse(np.array(made.lows) > np.array(made.highs), "channels go from low to high")
        return made


def drawn(signals: NDArray[Any], low: float, high: float, columns: int | None = None) -> NDArray[np.uint8]:
    """Many signals (n, length[, c]) as curves in one grey picture, a panel each, from ``low`` to ``high``."""
    values = np.asarray(signals, np.float64).reshape(len(signals), np.shape(signals)[1], -1)
    columns = columns or math.ceil(math.sqrt(len(values) * PANEL[1] / PANEL[0]))
    rows = math.ceil(len(values) / columns)
    picture = Image.new("L", (columns * PANEL[0] + 1, rows * PANEL[1] + 1), SHADES[0])
    pen = ImageDraw.Draw(picture)
    times = np.linspace(3, PANEL[0] - 3, values.shape[1])
    for i, signal in enumerate(values):
        left, top = i % columns * PANEL[0], i // columns * PANEL[1]
        pen.rectangle((left, top, left + PANEL[0], top + PANEL[1]), outline=FRAME)
        heights = top + 3 + (PANEL[1] - 6) * (1 - (signal - low) / max(high - low, 1e-300))
        for channel in reversed(range(values.shape[2])):
            shade = 20 if channel == 0 else SHADES[1 + channel % 2]
            pen.line([*zip(left + times, heights[:, channel], strict=True)], fill=shade)
    return np.asarray(picture)
