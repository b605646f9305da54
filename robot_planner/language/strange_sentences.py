# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentences of texts outside the family, kind by kind: patterns of each split; see outside.py."""

from robot_planner.language.patterns import Templates, templates


def _sentences(training: str, held_out: str) -> Templates:
    return templates(*([" ".join(one.split()) for one in text.split(";")] for text in (training, held_out)))


SENTENCES: dict[str, Templates] = {
    "thing": _sentences(
        """
        {put} the {thing} {into} {P}; pick up the {thing}; {put} the {c} {thing} {into} {P}; [open|close] the {thing};
        {put} {B} {into} the {thing}; {put} {B} {into} {P} and the {thing} {into} {Q}; lift the {c} {thing}; {put} the
        {thing} {into} {D}; open {D} and {put} the {thing} in it; the {thing} {into} {P}; the {thing} please; grab the
        {c} {thing}; {put} {B} and the {thing} {into} {P}; {B} into the {thing}; {put} {B} {into} the {c} {thing}
        """,
        """
        take the {thing} and {put} it {into} {P}; could you lift the {thing}; the {c} {thing} goes {into} {P}; shut
        the {thing} after {putting} {B} {into} it; {P} should contain the {thing}; hold the {thing}; open up the
        {thing}; {put} {B} {into} {D} and the {thing} {into} {P}; first {put} {B} {into} the {thing}, then close {D}
        """,
    ),
    "color": _sentences(
        """
        {put} the {tint} block {into} {P}; pick up the {tint} {noun}; {put} the {tint} {noun} {into} {D}; the {tint}
        one {into} {P}; lift the {tint} block; {put} {B} {into} {P} and the {tint} one {into} {Q}; the {noun} that is
        {tint} {into} {P}; open {D} and {put} the {tint} block inside; {tint}: {P}; take the {tint} {noun}; {tint};
        [lift|hold|take] [the|a] {tint} [one|{noun}]; {put} {B} {into} the {tint} {noun}
        """,
        """
        grab the {tint} cube and {put} it {into} {P}; hold the {tint} block; the {tint} {noun} belongs {into} {D}; {P}
        should contain the {tint} {noun}; {put} {B} {into} {D} and the {tint} {noun} {into} {P}
        """,
    ),
    "deed": _sentences(
        """
        {deed} {B}; {deed} {D}; {deed} {B} {into} {P}; open {D} and {deed} {B}; {deed} {B} on {C}; {deed} {B} and {C};
        pick up {B} and {deed} it; {deed} {P}; i want you to {deed} {B}; {put} {B} {into} {P} and {deed} {C}; {deed};
        {deed} it; {deed} the blocks; close {D} and {deed} {B}; {deed} {B} to {P}
        """,
        """
        could you {deed} {B}; take {B} and {deed} it {into} {P}; {deed} all of them; first {deed} {B}, then close {D};
        {put} {B} {into} {P} and then {deed} {D}; {deed} {C} with {B}; {deed} {B} before closing {D}
        """,
    ),
    "contradiction": _sentences(
        """
        [open|pull open] and [close|shut] {D}; open {D} and close it; open {D} and close it; [open|open up] {D} and
        [then|] [close|shut] {D}; [close|shut] {D} and [then|] [open it|open {D}]; {D} open and [{D}
        closed|closed|then {shut}]; {put} {B} {into} {P} and {again} {into} {Q}; {put} {B} {into} {P} [and|or|and
        also] [{into}|] [{Q}|{D}]; {put} {B} {into} {P} and [hold|lift|keep hold of] it; leave {D} open and closed;
        {put} {B} or {C} {into} {P}; {put} {B} {into} {P}[,| and] then {put} [{again}|it] {into} [{D}|{Q}]; {put} {B}
        {into} {D}, close it and leave it open; {put} {B} {into} {P}, {again} [goes|] {into} {Q}; {B} {into} {P},
        {again} {into} [{Q}|{D}]; [open|lift] or [close|hold] [{D}|{B}]; {put} {B} {into} {P} and close {D} and open
        {D}; pick up {B} and {put} {again} {into} {P} and {Q}; {B} {into} [{P} and {Q}|{P} or {Q}|{P} and {D}|{D} or
        {P}]; lift {B} or {C}; [i want|we need] {B} {into} [{P} and {Q}|{P} or {D}]; {P} and {Q} [must|should] hold
        {B}
        """,
        """
        shut and open {D}; both open and close {D}; {B} goes {into} {P} and {again} goes {into} {D}; {B} should be
        {into} both {P} and {Q}; either {put} {B} {into} {P} or {into} {Q}; {put} {B} {into} {P}, next {put} {again}
        {into} {Q}; close {D}, leave it open; make sure {D} is open and make sure {D} is closed; {put} {B} {into} {Q}
        as well as {into} {P}
        """,
    ),
    "crowded": _sentences(
        """
        {put} {B} and {C} {into} {P}; {put} {B} and {C} {into} {P}; {put} [both|] {B}[,| and| and also] {C} {into}
        [{P}|{D}]; {put} {B} {into} {P} and {C} {into} {S}; {B}[,| and] {C} [should be|must go|go|] {into} {P}; [i
        want|we need] {B} and {C} {into} [{P}|{D}]; [load|fill up|stock] {P} with {B} and {C}; take {B} and {C} to
        {P}; {P} [must hold|holds|takes|is for] {B} and {C}; [lift|pick up|hold|raise|grab|take] [both|] {B} and {C};
        {B} and {C} [up|lifted|in the hand|in the gripper]; {put} {B} {into} {P}[,| and] {C} [too|as
        well|there|also|inside]; {put} [all|both|all the|the|all of the] [blocks|cubes] {into} [{P}|{D}|the bins];
        {put} everything {into} [{D}|{P}]; {put} {B}, {C} and {E} {into} {P}; all blocks {into} {D}; {put} {B} {into}
        {D} and {C} {into} {D}; lift all the blocks; open {D} and {put} {B} and {C} [in it|inside|in there|in]; {put}
        {B} {into} {P} [with|along with] {C}; {put} {C} with {B} {into} {P}
        """,
        """
        {B} goes {into} {P} and so does {C}; {put} every block {into} {D}; the three blocks {into} {P}; {C} and {B}
        belong {into} {P}; lift both {B} and {C}; collect all blocks {into} {P}; {put} {C} {into} {P} together with
        {B}; {B}, {C}: {P}
        """,
    ),
    "vague": _sentences(
        """
        [put|place|bring|set|move|store|deliver] {B}; [put|place|bring|set] {B}
        [there|here|somewhere|away|down|back|in|over]; [lift|take|grab|hold|raise|pick up|get]
        [it|that|this|something|them|the {noun}|a {noun}|one|]; [open|close|shut|push in|pull out|open up]
        [it|that|this|something|]; {put} [it|them|something|this|the {noun}|a {noun}|one of the blocks] {into}
        [{P}|{D}]; {put} {B} {into} [it|the {can}|a {can}|one of the bins|there|the other {can}]; {put} the {noun}
        {into} the {can}; [i|we] [want|need|would like] [{B}|{P}|{D}|it|it open|it {into} {P}]; {B} [should|must|will]
        [be|go|be {placed}]; {D} [should|must|will] [be|stay|go]; [make|move|use|keep|get|do] [{D}|{P}]; {B}
        [goes|into|in|is to be|and|for|with]; {P} [and|or|with|] [{Q}|{D}]; {B} [and|] {C}; {B}; {P}; {D}; {c}; {into}
        {P}; {into} {D}; do it; tidy up; clean up; bin; the [block|drawer|bin]; {noun}; it [should|must] be
        [open|closed|lifted|{into} {P}]; make sure [{B} is|it is open|{D} is|it is {into} {P}]; {put} it
        [away|in|back|down|there]; up; hold; lift; {put} {into} {P}; {put}; take something; hold it up; {put} a block
        {into} {P}; {put} the block {into} the bin
        """,
        """
        tidy the table; make it nice; sort this out; {put} one {noun} {into} {P}; lift any block; {put} {B} back; move
        it; and {C}; {put} {B} {into} any bin; {put} {B} where it belongs; hold it; {put} the {noun} {into} the {can};
        pick something up; leave it; get {B} out of the way; bring this to {P}; shut it
        """,
    ),
    "negation": _sentences(
        """
        do not {put} {B} {into} {P}; don't [open|close] {D}; do not [open|close] {D}; never {put} {B} {into} {D};
        don't touch {B}; {put} {B} {into} {P} but do not close {D}; {put} {B} {into} {P} without opening {D}; leave
        {B} [where it is|as it is|there|alone|here]; {put} {B} not {into} {P}; {put} {B} anywhere but {into} {P};
        please don't lift {B}; {B} should not be {into} {P}; [keep|leave] {D} [as it is|like it is|the way it is|like
        this]; nothing {into} {P}; stop; {B} [must stay|should stay|stays] [out of|away from] {P}; {put} {B} {into}
        {P}, no, {into} {Q}; keep {B} [out of|away from|off] {P}
        """,
        """
        refrain from {putting} {B} {into} {P}; {D} mustn't be open; avoid {putting} {B} {into} {D}; under no
        circumstances open {D}; you shouldn't lift {B}; cancel that; neither {B} nor {C} {into} {P}; anything except
        {B} {into} {P}; {B} isn't to go {into} {P}
        """,
    ),
    "question": _sentences(
        """
        [when|why|how|where] [will|should|can|do|does|is|was] {D} [be|get|] [open|closed|opened]; [you|we|i|they]
        [just|have|had|have just|] [opened|closed|shut] {D}; [you|we|i|they] [just|have|had|have just|] {placed} {B}
        {into} {P}; [is|was|are] {B} [now|here|still|] {into} {P}; {B} [is|was|has been] [now|here|still|] {into} {P};
        {D} [is|was|has been] [now|still|] [open|closed|shut|opened]; [should|will|can|may|must|would] {B}
        [be|go|stay|lie] {into} {P}; [should|may|must|do|can] i {put} {B} {into} {P}; [should|may|must|do|can] i
        [open|close] {D}; [did|have|had] [you|we|they] [{placed} {B} {into} {P}|opened {D}|closed {D}|{put} {B} {into}
        {P}|lifted {B}|close {D}]; [has|was] {D} [been|] [opened|closed]; who [opened {D}|{placed} {B} {into} {P}|has
        {B}|lifted {B}|closed {D}]; [what|which|where] [block|one|color|bin|] is [it|this|{B}|{P}|{into} {P}|the
        block]; {B} [was|is|got] [lifted|picked up|up|in the gripper|in the hand]; [i|we|you|they] [just|have|]
        [lifted|raised|picked up|grabbed|held] {B}; [is|was] {B} [lifted|up|held|in the hand]; [is|was] {D}
        [open|closed|shut]; do you [know|like|have|want|need] [{B}|{P}|{D}|where {B} is]; [i|we] [like|have|know]
        [{B}|{P}]; {B} is [nice|good|right|small|bigger than {C}]; why is {D} open; what is {into} {P}; how do i open
        {D}; if {D} is [open|closed], [open it|close it|{put} {B} {into} {P}]; if {B} is {into} {P}[,|] [lift it|open
        {D}|close {D}]; how many blocks are {into} {P}; can you see {B}; what happens if i open {D}; are {B} and {C}
        {into} {P}; {P} is [for you|good|right|still here]; are you {into} {P}; is it {B} or {C}; {B} is {C}; what if
        {B} [goes|is] {into} {P}
        """,
        """
        which block is {into} {P}; does {D} open; was {B} {into} {P}; whose is {B}; {C} was {placed} {into} {P}
        earlier; somebody has opened {D}; tell me about {P}; is there anything {into} {D}; why did you {put} {B}
        {into} {P}; {B} looks heavy; in case {B} is {into} {P}, open {D}; how heavy is {B}
        """,
    ),
    "removal": _sentences(
        """
        [take|get|pull|lift|bring|move] {B} [out of|away from|from|off] [{P}|{D}]; remove {B} from {P}; get {B} out of
        {D}; [drop|release|let go of] {B}; let {B} [go|fall|down|out]; {put} {B} [out|down|on the table|back on the
        table|off the {can}]; {put} {B} on the table; {put} {B} on the table; {B} [out of|from|off] {P}; {B}
        [down|out|away|on the table]; [take|get|bring] {B} [out|away|down|off]; [open|close] [the|your]
        [gripper|hand|arm]; {B} from {P} [{into}|to] {Q}; [take|move|get|bring] {B} from {P} [{into}|to] {Q}; empty
        {P}; take everything out of {P}; open {D} and [take|get|lift] {B} out; move away from {B}; [move|put down] the
        arm; go [home|back|to {P}|to {D}|up|down]; move to {B}; [go|move] to {B}; {put} {B} down on the table
        """,
        """
        pull {B} out of {P}; get {C} off {B}; fetch {B} from {D}; release the gripper; raise the arm; lower {B};
        unload {P}; bring {B} back from {P}; move up; return to the start; go back
        """,
    ),
    "relation": _sentences(
        """
        {put} {B} [on|on top of|next to|under|behind|near|by|at|over|before|with|after|around|in front of|between]
        [{C}|{P}|{D}]; {B} [on|on top of|over|by|at|under|after|with] [{C}|{P}|{D}]; {B} [to|for|:|=|in|into] {C};
        [lift|raise|hold|pick up|take|grab|move] [{P}|{D}]; [open|close|shut|open up] [{B}|{P}]; [open|close|shut] the
        {can}; {put} [{P}|{D}] {into} [{Q}|{B}|{D}]; {put} {P} on {Q}; {P}: {Q}; {D}: {P}; {put} {B} {into} the
        [left|right|other] {can}; {put} {B} {into} [bin|container] {letter}; {B} {into} bin {letter}; {put} {B} [up|]
        on [{D}|{P}|the cabinet]; {put} {B} {into} [the cabinet|the table|{C}]; move {B} to the [left|right]; move {B}
        forward; move {B} 10 cm to the right; swap {B} and {C}; {put} {B} between {C} and {E}; lift {B} over
        [{C}|{P}|{D}]; turn {B} by 90 degrees; open {B} and {C}; {P} {into} {D}; {put} {B} to the left of {C}; {put}
        {B} [right|just|] [over|by] {P}
        """,
        """
        {put} {B} above {P}; {put} {B} in the corner of {P}; {put} {C} below {B}; {B} onto {C}; {put} {B} {into} the
        middle {can}; place {B} against {D}; {C} beside {B}; {B} goes {into} bin {letter}; slide {B} towards {P};
        {put} {B} over there; shut {P}; {put} {B} {into} {P} on its side; raise {D}; fill {B} with {P}; {put} {D}
        {into} {B}
        """,
    ),
    "number": _sentences(
        """
        {put} [1|2|two|three|3|some|any] {c} [blocks|cubes|block|one] {into} {P}; {put} [1|2|two|three|3|some]
        [blocks|cubes|of the blocks] {into} [{P}|{D}]; open {D} [halfway|a bit|by 2|in part|2 times|for 2];
        [lift|raise] {B} by [10 cm|1|2|two]; {put} {B} {into} {P} [twice|2 times|two times|ten times|in 5 minutes];
        open {D} 4 cm; [pick up|lift|take] [two|three|2|1|both] blocks; {put} half of {B} {into} {P}; open {D} every
        hour; [lift|take|hold] [1|2|two] {c} [blocks|cubes]
        """,
        """
        {put} five {c} blocks {into} {P}; open {D} 30 percent; lift {B} 20 centimeters; {put} {B} {into} {P} tomorrow;
        {put} four cubes {into} {D}; close {D} partly; raise two blocks
        """,
    ),
}
