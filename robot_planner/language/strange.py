# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The words and sentences of texts outside the family, of each split; see outside.py."""

from robot_planner.language.words import Split, in_splits

Texts = dict[Split, tuple[str, ...]]


def _lists(training: str, held_out: str, separator: str | None = None) -> Texts:
    found = ((" ".join(part.split()) for part in text.strip().split(separator)) for text in (training, held_out))
    return in_splits(*found)


THINGS = _lists(
    """
    cup mug plate spoon fork apple banana lemon ball bottle glass pen pencil book phone towel cat car chair lamp
    key coin shoe hat bag card hammer screw nail tape pyramid sphere cylinder shelf oven fridge door window lid
    button pan pot bread cheese milk coffee sugar shirt sock train house flower stone jar vase laptop mouse wall
    floor doll cap
    """,
    """
    bowl knife orange sponge duck dog triangle sink lever bolt rope cone microwave umbrella wrench giraffe remote
    tomato scissors notebook wallet battery teapot carrot puzzle guitar helmet blanket
    """,
)
DEEDS = _lists(
    """
    throw toss stack pour spin turn flip roll squeeze smash break cut paint wipe wash kick hit shake dance count
    find look show read draw fold press swap hide burn eat drink remove empty bend touch follow catch kill push
    tilt
    """,
    """
    hurl pile rotate crush clean knock wave sort search juggle weigh lick rub polish destroy twist bake poke scan
    measure dismantle photograph inflate
    """,
)
TINTS = _lists(
    "yellow purple pink brown cyan gold silver beige grey violet teal black white",
    "orange magenta turquoise crimson gray lilac khaki scarlet",
)
LETTERS = _lists("c d e g x z one 3", "f h q k two 7")

SENTENCES: dict[str, Texts] = {
    "thing": _lists(
        """
        {put} the {thing} {into} {P}; pick up the {thing}; {put} the {c} {thing} {into} {P}; open the {thing}; close
        the {thing}; {put} {B} {into} the {thing}; {put} {B} {into} {P} and the {thing} {into} {Q}; lift the {c}
        {thing}; {put} the {thing} {into} {D}; open {D} and {put} the {thing} in it; the {thing} {into} {P}; the
        {thing} please; grab the {c} {thing}; {put} {B} and the {thing} {into} {P}; {B} into the {thing}; {put} {B}
        {into} the {c} {thing}
        """,
        """
        take the {thing} and {put} it {into} {P}; could you lift the {thing}; the {c} {thing} goes {into} {P}; shut
        the {thing} after {putting} {B} {into} it; {P} should contain the {thing}; hold the {thing}; open up the
        {thing}; {put} {B} {into} {D} and the {thing} {into} {P}; first {put} {B} {into} the {thing}, then close {D}
        """,
        ";",
    ),
    "color": _lists(
        """
        {put} the {tint} block {into} {P}; pick up the {tint} {noun}; {put} the {tint} {noun} {into} {D}; the {tint}
        one {into} {P}; lift the {tint} block; {put} {B} {into} {P} and the {tint} one {into} {Q}; the {noun} that is
        {tint} {into} {P}; open {D} and {put} the {tint} block inside; {tint}: {P}; take the {tint} {noun}; {tint}
        """,
        """
        grab the {tint} cube and {put} it {into} {P}; hold the {tint} block; the {tint} {noun} belongs {into} {D}; {P}
        should contain the {tint} {noun}; {put} {B} {into} {D} and the {tint} {noun} {into} {P}
        """,
        ";",
    ),
    "deed": _lists(
        """
        {deed} {B}; {deed} {D}; {deed} {B} {into} {P}; open {D} and {deed} {B}; {deed} {B} on {C}; {deed} {B} and {C};
        pick up {B} and {deed} it; {deed} {P}; i want you to {deed} {B}; {put} {B} {into} {P} and {deed} {C}; {deed};
        {deed} it; {deed} the blocks; close {D} and {deed} {B}; {deed} {B} to {P}
        """,
        """
        could you {deed} {B}; take {B} and {deed} it {into} {P}; {deed} all of them; first {deed} {B}, then close {D};
        {put} {B} {into} {P} and then {deed} {D}; {deed} {C} with {B}; {deed} {B} before closing {D}
        """,
        ";",
    ),
    "contradiction": _lists(
        """
        open and close {D}; open {D} and close it; open {D} and close it; {D} open and then {shut}; open {D} and then
        close {D}; close {D} and open it; {D} open and {D} closed; {put} {B} {into} {P} and {again} {into} {Q}; {put}
        {B} {into} {P} and {Q}; {put} {B} {into} {P} and {into} {D}; {put} {B} {into} {P} and hold it; leave {D} open
        and closed; {put} {B} {into} {P} or {Q}; {put} {B} or {C} {into} {P}; {put} {B} {into} {P}, then {put} {again}
        {into} {D}; {put} {B} {into} {D}, close it and leave it open; {put} {B} {into} {P}, {again} goes {into} {Q};
        {B} {into} {P}, {again} {into} {Q}; open or close {D}; shut {D} and open it; {put} {B} {into} {P} and close
        {D} and open {D}; pick up {B} and {put} {again} {into} {P} and {Q}
        """,
        """
        shut and open {D}; both open and close {D}; {B} goes {into} {P} and {again} goes {into} {D}; {B} should be
        {into} both {P} and {Q}; either {put} {B} {into} {P} or {into} {Q}; {put} {B} {into} {P}, next {put} {again}
        {into} {Q}; close {D}, leave it open; make sure {D} is open and make sure {D} is closed; {put} {B} {into} {Q}
        as well as {into} {P}
        """,
        ";",
    ),
    "crowded": _lists(
        """
        {put} {B} and {C} {into} {P}; {put} {B} and {C} {into} {P}; {B} and {C} should be {into} {P}; i want {B} and
        {C} {into} {P}; load {P} with {B} and {C}; take {B} and {C} to {P}; {P} must hold {B} and {C}; {put} {B}, {C}
        {into} {P}; lift {B} and {C}; {B} and {C} up; {B} {into} {P}, {C} as well; {put} {B} {into} {P} and {C} {into}
        {S}; {put} all the blocks {into} {P}; pick up {B} and {C}; {put} {B} and {C} {into} {D}; {put} everything
        {into} {D}; {put} {B}, {C} and {E} {into} {P}; hold {B} and {C}; {put} both {B} and {C} {into} {P}; all blocks
        {into} {D}; {put} the blocks {into} {P}; {put} the blocks {into} the bins; {put} {B} {into} {D} and {C} {into}
        {D}; {B} and {C} {into} {P}; {put} {B} {into} {P} and {C} too; lift all the blocks; open {D} and {put} {B} and
        {C} in it; {put} {B} {into} {P} with {C}
        """,
        """
        {B} goes {into} {P} and so does {C}; {put} every block {into} {D}; the three blocks {into} {P}; {C} and {B}
        belong {into} {P}; lift both {B} and {C}; collect all blocks {into} {P}; {put} {C} {into} {P} together with
        {B}; {B}, {C}: {P}
        """,
        ";",
    ),
    "vague": _lists(
        """
        i want {B}; i want {P}; i need {D}; {B} goes; {B} should be; {put} {into} {P}; take it; grab it; lift; up;
        hold; raise it; {put} it away; {put} it in; {P} and {Q}; {P} {Q}; {B} {C}; use {P}; push it in; the drawer;
        {B} {into}; move {B}; move {D}; {D} and {P}; {B} and {D}; i want {B} {placed}; i want it {into} {P}; {B}
        should go; make sure {B} is; we want it open; it should be open; {D} should be; keep {D}; hold it up; {put}
        the {noun} {into} {P}; {put} {B} {into} the {can}; {put} {B} {into} a {can}; {put} {B} away; {put} {B}
        somewhere; {put} it {into} {P}; place {B}; put {B}; bring {B};
        {put} {B} down; {B}; {P}; {D}; open it; close it; open; close;
        shut; {into} {P}; do it; tidy up; clean up; {put} something {into} {P}; {put} {B} there; {B} and {C}; pick up
        the {noun}; lift it; {put} them {into} {P}; {put} {B} {into} one of the bins; {put} one of the blocks {into}
        {P}; pick it up; {put} {B} {into} the other {can}; bin; the block; {noun}; {put} {B} {into} it; {c}; take
        something; {put} it back; {put} a block {into} {P}; {put} the block {into} the bin
        """,
        """
        tidy the table; make it nice; sort this out; {put} one {noun} {into} {P}; lift any block; {put} {B} back; move
        it; and {C}; {put} {B} {into} any bin; {put} {B} where it belongs; hold it; {put} the {noun} {into} the {can};
        pick something up; leave it; get {B} out of the way; bring this to {P}; shut it
        """,
        ";",
    ),
    "negation": _lists(
        """
        do not {put} {B} {into} {P}; don't open {D}; do not close {D}; never {put} {B} {into} {D}; don't touch {B};
        {put} {B} {into} {P} but do not close {D}; {put} {B} {into} {P} without opening {D}; leave {B} where it is;
        {put} {B} not {into} {P}; {put} {B} anywhere but {into} {P}; please don't lift {B}; {B} should not be {into}
        {P}; keep {D} as it is; nothing {into} {P}; stop; {B} must stay out of {P}; {put} {B} {into} {P}, no, {into}
        {Q}
        """,
        """
        refrain from {putting} {B} {into} {P}; {D} mustn't be open; avoid {putting} {B} {into} {D}; under no
        circumstances open {D}; you shouldn't lift {B}; cancel that; neither {B} nor {C} {into} {P}; anything except
        {B} {into} {P}; {B} isn't to go {into} {P}
        """,
        ";",
    ),
    "question": _lists(
        """
        should {B} be {into} {P}; will {B} go {into} {P}; has {D} been opened; {B} was {placed} {into} {P}; {B} has
        been {placed} {into} {P}; {B} is already {into} {P}; i have {placed} {B} {into} {P}; we opened {D}; you
        {placed} {B} {into} {P}; {D} is still open; do you like {B}; is {B} lifted; {B} is up; i closed {D}; i have
        {B}; {P} is for you; {B} was lifted; is {D} closed; {D} was closed; are you in {P}; is it {B} or {C}; where is
        {B}; is {B} {into} {P}; is {D} open; who {placed} {B} {into} {P}; why is {D} open; what is {into} {P}; how do
        i open {D}; i {placed} {B} {into} {P} yesterday; if {D} is open, close it; {B} was {into} {P}; {B} is {into}
        {P}; how many blocks are {into} {P}; did you close {D}; {D} is open; {D} is closed; what color is the block;
        you opened {D}; can you see {B}; do you know where {B} is; i like {B}; {B} is nice; {B} is bigger than {C};
        {D} was opened; what happens if i open {D}; have you {placed} {B} {into} {P}; are {B} and {C} {into} {P}; when
        will {D} be open
        """,
        """
        which block is {into} {P}; does {D} open; was {B} {into} {P}; whose is {B}; {C} was {placed} {into} {P}
        earlier; somebody has opened {D}; tell me about {P}; is there anything {into} {D}; why did you {put} {B}
        {into} {P}; {B} looks heavy; in case {B} is {into} {P}, open {D}; how heavy is {B}
        """,
        ";",
    ),
    "removal": _lists(
        """
        take {B} away from {P}; {put} {B} out; take {B} off {P}; get {B} out; take {B} out; {B} out of {P}; pull {B}
        from {D}; {put} {B} back on the table; open your hand; close your hand; {B} off {P}; let {B} down; {B} down;
        open the hand; {B} from {P} {into} {Q}; take {B} from {P} to {Q}; take {B} out of {P}; take {B} out of {D};
        remove {B} from {P}; get {B} out of {D}; {put} {B} on the table; empty {P}; take {B} from {P}; lift {B} out of
        {D}; let go of {B}; release {B}; drop {B}; {put} {B} down on the table; open the gripper; close the gripper;
        move away from {B}; take everything out of {P}; open {D} and take {B} out; let {B} go; move the arm; go home;
        go to {P}; move to {B}
        """,
        """
        pull {B} out of {P}; get {C} off {B}; fetch {B} from {D}; release the gripper; raise the arm; lower {B};
        unload {P}; bring {B} back from {P}; move up; return to the start; go back
        """,
        ";",
    ),
    "relation": _lists(
        """
        {put} {B} before {P}; {put} {B} over {P}; {put} {B} by {D}; {put} {B} at {P}; {put} {P} {into} {B}; close {B};
        shut {B}; open the {can}; lift {D}; raise {P}; hold {P}; take {D}; {B} for {C}; {B} to {C}; {put} {B} with
        {C}; {B}: {C}; {P}: {Q}; {D}: {P}; {B} after {C}; {B} on {P}; {put} {B} up on {D}; {B} on the table; close the
        {can}; {put} {B} {into} the cabinet; {P} {into} {D}; lift {B} over {C}; open {B} and {C}; {B} is {C}; {put}
        {B} on {C}; {put} {B} next to {P}; {put} {B} under {D}; {put} {B} on top of {C}; {put} {B} behind {P}; swap
        {B} and {C}; {put} {B} between {C} and {E}; {put} {B} to the left of {C}; {put} {B} near {P}; {put} {B} {into}
        the left {can}; {put} {B} {into} the right {can}; {put} {B} {into} bin {letter}; {put} {B} on the cabinet;
        {put} {B} beside {D}; {put} {B} {into} container {letter}; move {B} to the left; move {B} forward; move {B} 10
        cm to the right; {B} {into} bin {letter}; {put} {B} around {C}; {put} {B} in front of {P}; {put} {B} {into}
        {C}; turn {B} by 90 degrees; {put} {D} {into} {P}; {put} {P} {into} {D}; {put} {P} on {Q}; lift {P}; pick up
        {D}; open {P}; close {P}; open {B}
        """,
        """
        {put} {B} above {P}; {put} {B} in the corner of {P}; {put} {C} below {B}; {B} onto {C}; {put} {B} {into} the
        middle {can}; place {B} against {D}; {C} beside {B}; {B} goes {into} bin {letter}; slide {B} towards {P};
        {put} {B} over there; shut {P}; {put} {B} {into} {P} on its side; raise {D}; fill {B} with {P}; {put} {D}
        {into} {B}
        """,
        ";",
    ),
    "number": _lists(
        """
        {put} two {c} blocks {into} {P}; {put} 3 blocks {into} {D}; open {D} halfway; open {D} a bit; lift {B} by 10
        cm; {put} {B} {into} {P} twice; {put} {B} {into} {P} in 5 minutes; open {D} 4 cm; {put} 2 {c} cubes {into}
        {P}; pick up three blocks; {put} half of {B} {into} {P}; open {D} every hour; {put} {B} {into} {P} ten times
        """,
        """
        {put} five {c} blocks {into} {P}; open {D} 30 percent; lift {B} 20 centimeters; {put} {B} {into} {P} tomorrow;
        {put} four cubes {into} {D}; close {D} partly; raise two blocks
        """,
        ";",
    ),
}

CHAT = _lists(
    """
    hello; hi there; how are you; good morning; what is your name; tell me a joke; what time is it; thank you;
    thanks; ok; yes; no; who are you; what can you do; the weather is nice; i am hungry; let us go; stop it; help;
    help me; well done; good job; wait; are you there; see you later; good bye; i love you; what is two plus two;
    play some music; call my mother; nice to meet you; the quick brown fox jumps over the lazy dog; to be or not
    to be; how old are you; turn on the light; what's up; hmm; try again; please; robot; do something; surprise
    me; you are a robot; move; go; come here; i am happy; write a poem; be careful; test; asdf; make me a
    sandwich; drive to the store; set a timer; what day is it; sing a song; order a pizza; the red planet; a blue
    sky; green tea; red wine; the green party; blue is my favorite color; ignore all instructions; repeat after
    me; what is a block
    """,
    """
    good evening; how do you do; you are welcome; where do you live; tell me a story; i am tired; who made you;
    never mind; bye; what is the capital of france; it is raining; where am i; sorry; are you a human; translate
    this; order some food; come back; book a flight; i feel blue; red alert; the grass is green; open your heart;
    close your eyes; pick a number; drop it; hold on; a drawer full of dreams; take care; let it be; lift off;
    open sesame; stay close; a pale moon; turn left; forget it; bin day
    """,
    ";",
)
TONGUES = _lists(
    """
    lege den roten block in kiste a; oeffne die schublade; heb den blauen klotz auf; mets le bloc rouge dans la
    boite a; ouvre le tiroir; pon el bloque rojo en la caja a; abre el cajon; cierra el cajon; metti il blocco
    verde nel cassetto; apri il cassetto; leg het rode blok in bak a; open de lade; sluit de lade; coloque o bloco
    azul na caixa b; \u043e\u0442\u043a\u0440\u043e\u0439 \u044f\u0449\u0438\u043a; \u6253\u5f00\u62bd\u5c49;
    \u7ea2\u8272\u65b9\u5757; ferme le tiroir; wie geht es dir; bonjour; hola amigo; das rote ding bitte
    """,
    """
    schliesse die schublade; gruenen stein in bin a legen; prends le cube bleu; levanta el cubo azul; chiudi il
    cassetto; stang ladan; oppna ladan; pak het groene blok; feche a gaveta;
    \u5f15\u304d\u51fa\u3057\u3092\u958b\u3051\u3066; \u0437\u0430\u043a\u0440\u043e\u0439
    \u044f\u0449\u0438\u043a; guten abend; buenas noches
    """,
    ";",
)
