# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Flats of the household domain, drawn by chance: rooms with furniture, and things that lie in it, partly out of sight.

A layout (which rooms, with which furniture) is of the training split or held out, by a hash of itself: the same layout
can never be in both.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.world import SymbolicWorld

TRAINING, HELD_OUT = "training", "held out"
SPLITS = (TRAINING, HELD_OUT)
# Furniture of each room: name -> type.
FURNITURE: dict[str, dict[str, str]] = {
    "kitchen": {
        **{"fridge": "container", "cupboard": "container", "kitchen_cabinet": "container", "pantry": "container"},
        **{"dishwasher": "device", "microwave": "device", "oven": "device", "kitchen_counter": "surface"},
        **{"sink": "basin", "coffee_maker": "appliance", "toaster": "appliance"},
    },
    "dining_room": {
        **{"dining_table": "surface", "sideboard": "container", "glass_cabinet": "container", "chair": "seat"},
        "ceiling_lamp": "appliance",
    },
    "living_room": {
        **{"coffee_table": "surface", "bookshelf": "surface", "tv_stand": "container", "toy_box": "container"},
        **{"sofa": "seat", "television": "appliance", "radio": "appliance", "floor_lamp": "appliance"},
    },
    "bedroom": {
        **{"wardrobe": "container", "dresser": "container", "nightstand": "container", "bed": "seat"},
        **{"bedside_lamp": "appliance", "vanity": "surface"},
    },
    "office": {
        **{"desk": "surface", "filing_cabinet": "container", "drawer_unit": "container", "wall_shelf": "surface"},
        **{"computer": "appliance", "desk_lamp": "appliance", "printer": "appliance"},
    },
    "bathroom": {
        **{"medicine_cabinet": "container", "bathroom_cabinet": "container", "washbasin": "basin"},
        **{"laundry_basket": "container", "bathroom_counter": "surface", "hair_dryer": "appliance"},
    },
    "utility_room": {
        **{"washing_machine": "device", "dryer": "device", "tool_chest": "container", "workbench": "surface"},
        "vacuum_cleaner": "appliance",
    },
    "hall": {"shoe_rack": "surface", "coat_closet": "container", "chest": "container", "hall_table": "surface"},
}
ITEMS: dict[str, tuple[str, ...]] = {
    "food": (
        *("apple", "banana", "bread", "milk", "cheese", "egg", "tomato", "carrot", "juice", "yoghurt", "cake", "salad"),
        *("lemon", "butter", "sausage"),
    ),
    "dish": ("plate", "bowl", "cup", "glass", "mug", "pan", "pot", "jug"),
    "tool": ("knife", "fork", "spoon", "scissors", "remote_control", "pen", "toothbrush", "hammer", "sponge", "torch"),
    "clothing": ("shirt", "trousers", "socks", "jacket", "hat", "scarf", "gloves", "towel"),
    "book": ("book", "newspaper", "magazine", "notebook", "letter"),
}
USUAL: dict[str, tuple[str, ...]] = {
    "food": ("fridge", "pantry", "kitchen_counter", "dining_table", "oven"),
    "dish": ("cupboard", "dishwasher", "glass_cabinet", "kitchen_cabinet", "sideboard", "dining_table", "sink"),
    "tool": ("drawer_unit", "kitchen_cabinet", "tool_chest", "bathroom_cabinet", "tv_stand", "desk", "workbench"),
    "clothing": ("wardrobe", "dresser", "laundry_basket", "washing_machine", "coat_closet", "bed", "dryer"),
    "book": ("bookshelf", "desk", "nightstand", "filing_cabinet", "coffee_table", "wall_shelf"),
}
"""Where things of a type usually are, the most usual place first."""
OFTEN = 0.75
"""How often a thing is in a usual place of its type."""
HOLDS = frozenset({"container", "device"})
CARRIES = frozenset({"surface", "basin", "seat"})


@dataclass(frozen=True)
class Layout:
    """Rooms and their furniture."""

    rooms: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def split(self) -> str:
        """TRAINING or, one in five, HELD_OUT."""
        return split_of(";".join(sorted(f"{room}:{','.join(sorted(names))}" for room, names in self.rooms)))


@dataclass(frozen=True)
class Flat:
    """A flat with all that is true of it."""

    objects: Mapping[ObjectRef, str]
    facts: frozenset[Fact]

    def world(self) -> SymbolicWorld:
        """The flat as an environment."""
        return SymbolicWorld(load_domain("household"), self.objects, self.facts)


def split_of(text: str) -> str:
    """The split that something is of, by a hash of its name: one in five is held out."""
    return HELD_OUT if hashlib.sha256(text.encode()).digest()[0] % 5 == 0 else TRAINING


def sample_layout(random: Random, split: str = TRAINING) -> Layout:
    """Two to four rooms of a split's layouts."""
    while True:
        rooms = random.sample(sorted(FURNITURE), random.randint(2, 4))
        layout = Layout(tuple((room, _furniture(random, room)) for room in rooms))
        names = [name for _, names in layout.rooms for name in names]
        holds = sum(FURNITURE[room][name] in HOLDS for room, names in layout.rooms for name in names)
        if layout.split == split and holds >= 2 and len(names) >= 5:
            return layout


def _furniture(random: Random, room: str) -> tuple[str, ...]:
    names = sorted(FURNITURE[room])
    return tuple(random.sample(names, random.randint(2, min(5, len(names)))))


def furnish(layout: Layout, random: Random, items: tuple[int, int] = (5, 10)) -> Flat:
    """Things for a layout: their places, what is open, on, plugged in or dirty, and where the robot stands."""
    objects: dict[ObjectRef, str] = {}
    facts: set[Fact] = set()

    def enter(name: str, kind: str) -> ObjectRef:
        thing = ObjectRef(name, len(objects) + 1)
        objects[thing] = kind
        return thing

    rooms = {room: enter(room, "room") for room, _ in layout.rooms}
    furniture: dict[ObjectRef, ObjectRef] = {}
    for room, names in layout.rooms:
        for name in names:
            furniture[thing := enter(name, FURNITURE[room][name])] = rooms[room]
            facts |= {Fact("in_room", (thing, rooms[room])), *_condition(random, thing, objects[thing])}
    places = [thing for thing in furniture if objects[thing] in HOLDS | CARRIES]
    kinds = random.choices(sorted(ITEMS), k=random.randint(*items))
    for kind in kinds:
        item = enter(random.choice(ITEMS[kind]), kind)
        usual = [place for place in places if place.name in USUAL[kind]]
        place = random.choice(usual if usual and random.random() < OFTEN else places)
        relation = "inside" if objects[place] in HOLDS else "on"
        facts |= {Fact(relation, (item, place)), Fact("in_room", (item, furniture[place]))}
        facts.add(Fact("dirty" if kind in ("dish", "clothing") and random.random() < 0.3 else "clean", (item,)))
    start = random.choice(list(rooms.values()))
    facts.add(Fact("at", (start,)))
    here = [place for place in places if furniture[place] == start]
    facts |= {Fact("searched", (place,)) for place in here if _open(objects, facts, place)}
    facts |= _found(objects, facts, start)
    return Flat(objects, frozenset(facts))


def _condition(random: Random, thing: ObjectRef, kind: str) -> set[Fact]:
    names = set()
    if kind in HOLDS:
        names.add("open" if random.random() < 0.12 else "closed")
    if kind in ("device", "appliance"):
        names.add("plugged_out" if random.random() < 0.12 else "plugged_in")
        on = "plugged_in" in names and "open" not in names and random.random() < 0.15
        names.add("switched_on" if on else "switched_off")
    return {Fact(name, (thing,)) for name in names}


def _open(objects: Mapping[ObjectRef, str], facts: set[Fact], place: ObjectRef) -> bool:
    return objects[place] not in HOLDS or Fact("open", (place,)) in facts


def _found(objects: Mapping[ObjectRef, str], facts: set[Fact], start: ObjectRef) -> set[Fact]:
    """Rooms and furniture are known; of the rest what lies in the open where the robot stands."""
    found = {Fact("found", (thing,)) for thing, kind in objects.items() if kind not in ITEMS}
    for thing, kind in objects.items():
        if kind in ITEMS and Fact("in_room", (thing, start)) in facts:
            boxes = [fact.args[1] for fact in facts if fact.relation == "inside" and fact.args[0] == thing]
            if not any(Fact("closed", (box,)) in facts for box in boxes):
                found.add(Fact("found", (thing,)))
    return found
