# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The words of texts outside the family, of each split, and what people say besides; see outside.py."""

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
