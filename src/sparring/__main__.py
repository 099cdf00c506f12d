"""``python -m sparring``, which torchrun needs."""

from sparring.cli import main

main()
