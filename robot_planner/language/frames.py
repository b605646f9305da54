# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How the clauses of an instruction are joined, and wrapped in politeness: templates of each split.

{1} and {2} are whole clauses, {ing} one such as "putting the red block in it"; the others are those of templates.py.
"""

from robot_planner.language.patterns import Templates, templates

# after a clause about the drawer
IN_OPENED: Templates = templates(
    (
        *("{put} {B} there", "take {B} and {put} it in", "let {B} go in it", "inside {put} {B}", "{put} {B} in it"),
        *("{put} {B} inside", "{put} {B} in", "{put} {B} into it", "{put} {B} in there", "{B} in it"),
        "[take|get|grab|pick up] {B} and {put} it [inside|in there|into it]",
        "{B} [goes|should go|must go|comes|belongs] [in|inside|in it|into it|in there|there]",
        "{B} [inside|in there|into it|in]",
        "[drop|add|leave] {B} [in|inside|in it]",
        "{put} {B} [right|safely|] [inside it|inside|in that]",
    ),
    (*("{put} {B} within", "{put} in {B}", "{put} inside it {B}", "in goes {B}"),),
)
OPEN_AFTER: Templates = templates(
    (
        *("it should stay open", "leave that open", "{D} remains open", "make sure it is open", "leave it open"),
        *("leave {D} open", "keep it open", "keep {D} open"),
        "[leave|keep] [it|that|{D}] open [then|afterwards|after that|for me|in the end|please]",
        "it [must|may|can|will|should] [stay|remain|be left|be kept|be] open",
        "[do leave|make] it [stay|] open",
        "{D} [must|may|can|should] [stay|remain|be left] open",
        "with {D} [left|kept|still] open",
    ),
    (*("let it stay open", "leave it opened", "{D} stays open"),),
)
SHUT_AFTER: Templates = templates(
    (
        *("it must be closed", "make sure it is closed", "then it is to be shut", "slide it closed"),
        *("let it be closed", "close it", "shut it", "close it again", "push it shut", "close it afterwards"),
        *("shut it again", "push it in"),
        "[close|shut|push] [it|that|{D}] [again|up|in the end|at the end|at last|too|then|for me|after that]",
        "it [must|ought to|will|should] be [closed|shut] [again|afterwards|then|in the end|]",
        "[keep|leave] it [closed|shut]",
        "push it [in|closed|back|back in] [again|]",
        "slide it [in|back|back in]",
        "[close|shut] [{D}|it] [when you are done|when it is in|once it is in]",
    ),
    (*("slide it shut", "have it closed", "shut it afterwards", "get it closed again", "it should be shut"),),
)
RESPECTIVELY: Templates = templates(
    (
        *("{put} {B} and {C} {into} {P} and {Q} respectively", "{put} {B} and {C} {into} {P} and {Q}, respectively"),
        "{put} {B} and {C} {into} {P} and {Q} in that order",
        "{put} {B} and {C} {into} {P} and {Q}[,|] in [this|that] order",
        "{B} and {C} {into} {P} and {Q}[,|] [respectively|in this order]",
        "{B} and {C} [should|must] [go|be] {into} {P} and {Q}[,|] respectively",
    ),
    (*("{B} and {C} go {into} {P} and {Q} respectively", "respectively {put} {B} and {C} {into} {P} and {Q}"),),
)
JOINTS: Templates = templates(
    (
        *(" plus ", ". also ", ", also ", ", at last ", " as well as ", ", last ", ". second, ", ", in the end "),
        *(" while ", ", thereafter ", ". in addition, ", ", second "),
        *(" and ",) * 8,
        *(", then ", " and then ", *(". ", ", ", ", and ") * 3, "; ", ", after that ", " then ", ". then ", " & "),
        *(", afterwards ", ". after that, ", ", and afterwards "),
        "[,|;|.] [then|finally|lastly|afterwards|later|thereafter|besides|moreover|too,] ",
        ", and [then|lastly|afterwards|later|thereafter] ",
        " and [finally|lastly|afterwards|later] ",
        "[.|;] [after this|after it|besides that|when done|when that is done|when you are done|with that done][,|] ",
        "[ + | / | - |: |... ]",
        ", [in the end|at the end|in addition|on top of that] ",
        " but also ",
    ),
    (*(", next ", " and next ", " and after that ", ", and finally ", " and also ", ", once done ", ". next, "),),
)
FIRST: Templates = templates(
    (
        *("first of all {1}; second {2}", "do this: {1}, then {2}", "{1} and only then {2}"),
        *("do two things: {1} and {2}", "first {1}, then {2}", "first {1} and then {2}"),
        *("start with this: {1}. then {2}", "1. {1} 2. {2}"),
        "[first|firstly|to start|begin with this:] {1}[,|;|.| and] [then|second|secondly|afterwards|later] {2}",
        "[step 1|1]: {1}[;|,|.] [step 2|2]: {2}",
        "[two things|both]: {1}[,|;| and] {2}",
        "[please|robot|task][:|,] {1}[,|;] [then|and] {2}",
        "{1}. [that done|when that is done|with that done|later], {2}",
    ),
    (*("{1} first, then {2}", "at first {1}, next {2}", "to begin, {1}, after that {2}", "1) {1}, 2) {2}"),),
)
AFTER_OPENING: Templates = templates(
    (
        *("open {D}, so that you can {1}", "when you have opened {D}, {1}", "with {D} open, {1}"),
        *("after opening {D} {1}", "after opening {D}, {1}", "once {D} is open, {1}", "{1} after opening {D}"),
        "when {D} is open {1}",
        "[first|] open {D} [first|] [so that you can|in order to|to] {1}",
        "[when|after|once] [you have opened|opening|you opened] {D}[,|] {1}",
        "the first thing is to open {D}[,|;] then {1}",
        "{1}[,| but] [opening {D} first|open {D} first]",
    ),
    (*("having opened {D}, {1}", "begin by opening {D}, then {1}", "as soon as {D} is open, {1}"),),
)
BEFORE_SHUTTING: Templates = templates(
    (
        *("{1}, and when it is in, close {D}", "{1} before closing {D}", "before closing {D} {1}"),
        *("{1} before you close {D}", "close {D} after {ing}"),
        "{1}[, and|.] [once|when|as soon as] it is [in|inside|there][,|] [close|shut] {D}",
        "[before|before you] [close|shut] {D}[,|] {1}",
        "[close|shut] {D} [after|when you are done] {ing}",
        "after {ing}[,|] [close|shut] {D}",
    ),
    (*("{1} prior to closing {D}", "before shutting {D}, {1}", "finish by closing {D} after {ing}"),),
)
POLITE: Templates = templates(
    (
        *(("please ",) * 3),
        *(("could you ", "can you ") * 2),
        *("may i ask you to ", "please do this: ", "i beg you to ", "help me and ", "would you please ", "time to "),
        *("let us ", "we want you to ", "try to ", "please ", "can you ", "could you please ", "i'd like you to "),
        *("i want you to ", "would you ", "you should ", "could you ", "can you please ", "now ", "i need you to "),
        *("robot, ", "please robot ", "you have to ", "just "),
        "[can|could|will|would|may] [you|we|i ask you to] [please|now|just|quickly|] ",
        "[i|we] [want|need|would like|expect|ask|wish|request] you to ",
        "[we'd|i'd] [like|love] you to ",
        "you [must|may|can|could|will|should|ought to|are asked to|are supposed to|had better] ",
        "please [now|just|robot|go and|try to|help me to|be good and|do] ",
        "[go and|come and|let's|let us|do|shall we|will you please|be good and] ",
        "[it is time|your turn|your task is|the task is|the goal is|the plan is|i have|you ought] to ",
        "[all you have|what i want you|what you should do is] to ",
        "i would be [glad|happy|grateful] if you [could|would] ",
        "it would [help|be nice|be good] if you [could|would] ",
        "[quickly|slowly|now please|ok|so|right|first] ",
    ),
    (
        *("kindly ", "be so kind and ", "go ahead and ", "i would appreciate it if you ", "dear robot, please "),
        *("your job is to ", "would you be so kind to ", "it would be great if you could ", "next please "),
    ),
)
ADDRESS: Templates = templates(
    (
        *("dear friend, ", "listen: ", "here is what to do: ", "good robot, ", "so, ", "instruction: ", "goal: "),
        *("robot, ", "hey robot, ", "ok, ", "now ", "please, ", "your task: ", "hi, ", "hello robot, ", "task: "),
        "[hey|hi|hello|ok|so|now|right|listen|dear] [robot|friend|mate|arm|there|you][,|:| -|!|] ",
        "[todo|to do|order|request|command|step|wanted|wish|my order|your goal|this is the task|plan][:| -] ",
        "[hey|hi|hello|ok|so|now|right|then|robot|mate][,|!|] ",
    ),
    (*("dear robot, ", "okay robot: ", "well, ", "your job: ", "alright, "),),
)
THANKS: Templates = templates(
    (
        *(", thank you very much", ", thanks so much", " if possible", " when you can", ", ok", " at once"),
        *(" please", ", please", " now", ", thanks", " thank you", " for me", " carefully"),
        "[,|] [please|now|robot|today|again|then|soon|quickly|mate]",
        " [for me|for us|as soon as you can|as soon as possible|if you can|when ready|when you are ready]",
        ", [thank you|thanks a lot|that is all|will you|ok|would be nice|friend|can you|could you]",
        " [slowly|safely|quickly|carefully|at last|first|straight away|by yourself]",
        ". [thanks|thank you|that is all|please|ok|now please]",
    ),
    (*(", if you please", " right away", ", cheers", ", many thanks", " gently", ", would you"),),
)
