"""The report: a run folder as one self-contained page, and as text for a terminal. Never a tensor."""

from sparring.report.page import write_report
from sparring.report.terminal import answer_lines, file_picture, picture, scatter, verdict_lines

__all__ = ["answer_lines", "file_picture", "picture", "scatter", "verdict_lines", "write_report"]
