# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The words that instructions may be made of, and common ones that they may not."""

import re
from collections.abc import Iterable

from robot_planner.language import frames, templates
from robot_planner.language.words import SLOTS, SPLITS, TONES, word_set

FILLERS = word_set(
    """
    a an the and or of to in on into it its is are be been being am was will would could can may might shall should
    must have has had do does did i me my we us our you your he she they them that this these those there here which
    who what if as at by for from with up down off out over all also so too very just only now then next after
    before when while until once again please pls kindly thanks thank thx hey hi hello ok okay well right away soon
    quickly slowly gently carefully robot arm dear sir mate let lets us want wants need needs like make sure get
    gets got go goes going gone first second last finally afterwards later both each other another same one some any
    yes ahead job task goal order respectively letter called labelled labeled marked named color colored colour
    coloured table gripper hand hands first 1 2 robots handle still
    """
)
"""Words without a meaning of their own here; 1 and 2 number the parts of an instruction."""


def _of(value: Iterable[object]) -> set[str]:
    text = " ".join(" ".join(one) if isinstance(one, tuple) else str(one) for one in value)
    return set(re.findall(r"[a-z]+", re.sub(r"\{[^}]*\}", " ", text.lower())))


def _known() -> frozenset[str]:
    found = set(FILLERS) | {"red", "green", "blue", "open", "shut", "close", "closed", "bina", "binb"}
    modules = (vars(module).values() for module in (frames, templates))
    for splits in [*SLOTS.values(), *(value for values in modules for value in values if isinstance(value, dict))]:
        for split in SPLITS:
            found |= _of(splits.get(split, ()))
    found |= {word for tones in TONES.values() for word in tones} | {
        "blocks",
        "cubes",
        "bins",
        "drawers",
        "don't",
        "not",
    }
    return frozenset(found - {"s", "t", "d"} | {"a", "b", "i"})


KNOWN = _known()
"""Every word of the templates and slots, of both splits, and the fillers: the only words an instruction may hold."""


NEGATIONS = word_set(
    """
    not no never without don't dont doesn't won't can't cannot isn't shouldn't mustn't nor neither none nothing
    except avoid instead unless refrain stop undo
    """
)
"""Words that say what not to do."""

FOREIGN = (
    word_set(
        """
    cup mug bowl plate spoon fork knife apple banana orange lemon ball bottle glass pen pencil book phone sponge
    towel cat dog car chair lamp key coin ring shoe hat bag card duck hammer screw nail bolt nut tape rope rod
    pyramid sphere cylinder cone triangle disk disc shelf oven fridge sink door doors window lid button lever pan
    pot bun egg bread cheese milk tea coffee water juice sugar salt shirt sock ship boat train plane bike house tree
    flower stone rock bed cap jar tin vase toothbrush remote laptop mouse keyboard screen wall floor ceiling roof
    stove lock socks doll throw toss hurl stack pile pour spin rotate turn flip roll push pull squeeze crush smash
    break cut paint wipe clean wash kick hit knock shake tilt wave dance sing sort count find search look show tell
    read write draw build fold unscrew press swap exchange hide burn eat cook bake drink jump run walk sleep fly
    swim kill destroy remove empty bend twist polish balance juggle measure weigh lick rub touch poke scan
    photograph follow chase catch under beneath below above behind beside between near next around outside against
    onto top edge corner middle left right far away back half twice times every
    """
    )
    - KNOWN
)
"""Common things, deeds and relations that no instruction is about, some of them one letter from a known word."""
