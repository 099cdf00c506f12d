"""Make the README's picture from a run: generated samples at the left, real ones at the right.

python docs/pictures.py demo docs/images/digits.png
"""

import sys
from pathlib import Path

from PIL import Image

from sparring.record import Record

SCALE, GAP = 5, 24


def main(folder: str, target: str) -> None:
    record = Record.open(folder)
    step, newest = record.samples()[-1]
    pictures = [Image.open(path) for path in (newest, record.folder / "samples" / "real.png")]
    pictures = [picture.resize((picture.width * SCALE, picture.height * SCALE), 0) for picture in pictures]
    width = sum(picture.width for picture in pictures) + GAP
    whole = Image.new("RGBA", (width, pictures[0].height))
    whole.paste(pictures[0], (0, 0))
    whole.paste(pictures[1], (pictures[0].width + GAP, 0))
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    whole.save(target, optimize=True)
    print(f"step {step} of {folder} in {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
