"""Make `SweepSans-Regular.ttf` from Liberation Sans; see README.md."""

import sys

from fontTools import subset
from fontTools.ttLib import TTFont

CHARACTERS = (
    "U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6-02DD,U+0370-03FF,U+2010-2027,U+2030-203A,U+2044,"
    "U+2070-208E,U+20AC,U+2122,U+2126,U+2190-2195,U+2202,U+2206,U+220F,U+2211-221E,U+2220-222B,U+2248,"
    "U+2260-2265,U+25A0-25FF,U+FFFD"
)
# The licence reserves the names Liberation and Arimo for the originals: a subset has to carry another.
NAMES = {1: "Sweep Sans", 3: "Sweep Sans, a subset of Liberation Sans 2.1.5", 4: "Sweep Sans", 6: "SweepSans-Regular"}


def main(source: str, target: str) -> None:
    font = TTFont(source)
    options = subset.Options(hinting=False, layout_features=["kern", "mark", "ccmp"], notdef_outline=True)
    options.name_IDs = ["*"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=subset.parse_unicodes(CHARACTERS))
    subsetter.subset(font)
    for record in font["name"].names:
        record.string = NAMES.get(record.nameID, record.toUnicode())
    font["head"].modified = font["head"].created  # the same bytes whenever it is made
    font.recalcTimestamp = False
    font.save(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
