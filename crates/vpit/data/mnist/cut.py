"""Cut a small subset of MNIST: python3 cut.py FOLDER_WITH_THE_FOUR_IDX_FILES

Takes the digits of each class evenly spaced through the original file (so that neither the order of the file nor the
easier first half of the test split decides), keeps the order of the file, and writes the idx format, gzipped without
a time stamp. Needs nothing beside Python's standard library.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

PIXELS = 28 * 28
SPLITS = {
    # name: (source prefix, digits a class, md5 of the source images)
    "train": ("train", 1000, "6bbc9ace898e44ae57da46a324031adb"),
    "test": ("t10k", 200, "2646ac647ad5339dbf082846283269ea"),
}


def read(folder, prefix, md5):
    images = (folder / f"{prefix}-images-idx3-ubyte").read_bytes()
    if hashlib.md5(images).hexdigest() != md5:
        sys.exit(f"`{prefix}-images-idx3-ubyte` is not the original: its md5 is not {md5}")
    labels = (folder / f"{prefix}-labels-idx1-ubyte").read_bytes()[8:]
    return images[16:], labels


def choose(labels, per_class):
    """Indices of `per_class` digits of each class, evenly spaced, in the order of the file."""
    chosen = []
    for digit in range(10):
        of_digit = [i for i, label in enumerate(labels) if label == digit]
        chosen += [of_digit[k * len(of_digit) // per_class] for k in range(per_class)]
    return sorted(chosen)


def write(path, content):
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name, path.stat().st_size)


def main():
    source, here = Path(sys.argv[1]), Path(__file__).parent
    for name, (prefix, per_class, md5) in SPLITS.items():
        images, labels = read(source, prefix, md5)
        chosen = choose(labels, per_class)
        pixels = b"".join(images[i * PIXELS : (i + 1) * PIXELS] for i in chosen)
        write(here / f"{name}-images.idx3.gz", struct.pack(">4I", 2051, len(chosen), 28, 28) + pixels)
        write(here / f"{name}-labels.idx1.gz", struct.pack(">2I", 2049, len(chosen)) + bytes(labels[i] for i in chosen))


if __name__ == "__main__":
    main()
