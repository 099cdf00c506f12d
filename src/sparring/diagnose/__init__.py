"""Diagnosis: what is measured of a run while it learns, and which failures the numbers show."""

__all__: list[str] = []
