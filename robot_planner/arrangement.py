# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What a tidied table is to look like: the meaning of an instruction such as "put the red block in bin A".

An arrangement says where some blocks end and how the drawer stands; whatever it does not name is free. Written as
text it is ``red=bin_a,blue=drawer,drawer=shut``: one entry a block in the order red, green, blue, then the drawer.
"""

from dataclasses import dataclass

from robot_planner.errors import InvalidInputError

COLORS = ("red", "green", "blue")
HAND, BIN_A, BIN_B, DRAWER = "hand", "bin_a", "bin_b", "drawer"
PLACES = (HAND, BIN_A, BIN_B, DRAWER)
"""Where a block can end: lifted in the gripper, in one of the bins, in the drawer."""
OPEN, SHUT = "open", "shut"


@dataclass(frozen=True)
class Arrangement:
    """Places of blocks and the state of the drawer; raises InvalidInputError for what can't be."""

    blocks: tuple[str | None, str | None, str | None] = (None, None, None)
    """Place of the red, green and blue block, of PLACES; None: anywhere."""
    drawer: str | None = None
    """OPEN, SHUT or None: either."""

    def __post_init__(self) -> None:
        wanted = [place for place in self.blocks if place is not None]
        for place in wanted:
            if place not in PLACES:
                raise InvalidInputError(f"a block can't end in '{place}'; allowed: {', '.join(PLACES)}")
        if self.drawer not in (None, OPEN, SHUT):
            raise InvalidInputError(f"a drawer can't be '{self.drawer}'; allowed: {OPEN}, {SHUT}")
        if not wanted and self.drawer is None:
            raise InvalidInputError("an arrangement names at least one block or the drawer")
        for place in (BIN_A, BIN_B, HAND, DRAWER):
            if wanted.count(place) > 1:
                raise InvalidInputError(f"two blocks can't both end in '{place}': there is room for one")

    def __str__(self) -> str:
        entries = [f"{color}={place}" for color, place in zip(COLORS, self.blocks, strict=True) if place]
        return ",".join(entries + ([f"drawer={self.drawer}"] if self.drawer else []))

    @classmethod
    def parse(cls, text: str) -> "Arrangement":
        """Inverse of ``str``; raises InvalidInputError."""
        entries: dict[str, str] = {}
        for entry in text.split(","):
            name, separator, value = entry.partition("=")
            if not separator or name not in (*COLORS, DRAWER) or name in entries:
                raise InvalidInputError(
                    f"'{text}' is no arrangement; allowed: such as red=bin_a,blue=drawer,drawer=shut, each name once"
                )
            entries[name] = value
        red, green, blue = (entries.get(color) for color in COLORS)
        return cls((red, green, blue), entries.get(DRAWER))
