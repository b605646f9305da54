# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentences of instructions: templates of each split.

Slots are those of words.SLOTS; {B} is a block, {P} its bin or the drawer, {D} the drawer, {c} a colour. IMPERATIVE
templates can follow "please" and "could you", STATEMENT ones stand alone.
"""

from robot_planner.language.words import HELD_OUT, TRAINING, Split

Templates = dict[Split, tuple[str, ...]]

PLACE_IMPERATIVE: Templates = {
    TRAINING: (
        *("{put} {B} {adverb} {into} {P}", "{frame} {B} {becomes} {into} {P}"),
        *("{frame} {B} {becomes} {adverb} {into} {P}", "{frame} {P} {has} {B}", "find {B} and {put} it {into} {P}"),
        *("reach for {B} and {put} it {into} {P}", "have {B} end up {into} {P}", "make {B} go {into} {P}"),
        *("i ask you to {put} {B} {into} {P}", "load {P} with {B}", "ensure that {B} is {placed} {into} {P}"),
        *("ensure {B} gets {into} {P}", "{put} {B} over {into} {P}", "take {B}; {put} it {into} {P}"),
        *("{put} {into} {P}: {B}", "carry {B} over and {put} it {into} {P}", "remember to {put} {B} {into} {P}"),
        "check that {B} ends {into} {P}",
        *("{put} {B} {into} {P}",) * 6,
        *("{put} {into} {P} {B}", "{into} {P} {put} {B}", "take {B} and {put} it {into} {P}"),
        *("pick up {B} and {put} it {into} {P}", "pick {B} up and {put} it {into} {P}"),
        *("grab {B}, then {put} it {into} {P}", "lift {B} and {put} it {into} {P}"),
        *("make sure that {B} ends up {into} {P}", "make sure {B} is {into} {P}", "have {B} {placed} {into} {P}"),
        "take {B} to {P}",
    ),
    HELD_OUT: (
        *("{adverb} {put} {B} {into} {P}", "get hold of {B} and {put} it {into} {P}"),
        *("see to it that {B} lands {into} {P}", "let {B} end up {into} {P}"),
        *("grasp {B}, carry it over and {put} it {into} {P}", "pick {B} and {put} it {into} {P}"),
        *("{put} {B}, {into} {P}", "take {B}, {put} it {into} {P}", "fill {P} with {B}"),
        "see that {B} gets {placed} {into} {P}",
    ),
}
PLACE_STATEMENT: Templates = {
    TRAINING: (
        *("{P} {has} {B}", "{B} {adverb} {into} {P}", "{P} takes {B}", "{P} for {B}", "{B} for {P}"),
        *("we need {B} {into} {P}", "{B} ends up {into} {P}", "{B} will be {placed} {into} {P}"),
        *("{B} ought to be {into} {P}", "the goal is {B} {into} {P}", "{P} must hold {B}", "{P} with {B} in it"),
        *("it is {B} that goes {into} {P}", "{B} wants to be {into} {P}", "{into} {P} belongs {B}"),
        *("{into} {P} i want {B}", "the place of {B} is {P}", "i expect {B} {into} {P}", "{B} {into} {P}"),
        *("{B} {into} {P}", "{B} goes {into} {P}", "{B} should be {into} {P}", "{B} must be {placed} {into} {P}"),
        *("{B} belongs {into} {P}", "{B} should go {into} {P}", "i want {B} {into} {P}"),
        *("i want {B} to be {into} {P}", "i need {B} {into} {P}", "{into} {P} goes {B}", "{into} {P} the {c} one"),
        *("{P}: {B}", "{B}: {P}", "{c}={P}", "{c} -> {P}", "{P} should hold {B}", "{c} {P}"),
    ),
    HELD_OUT: (
        *("{P} is where {B} goes", "{P} is the place for {B}", "{P} should contain {B}"),
        *("{B} has to be {placed} {into} {P}", "what i need is {B} {into} {P}", "{B} needs to go {into} {P}"),
        *("i would like to see {B} {into} {P}", "{B} is to be {placed} {into} {P}", "{P} gets {B}"),
        *("{B}, {into} {P}", "{B} shall end up {into} {P}"),
    ),
}
HOLD_IMPERATIVE: Templates = {
    TRAINING: (
        *("{frame} {B} is lifted", "{frame} {B} is held up", "have {B} lifted", "make sure {B} is lifted"),
        *("get {B} up", "pick {B} up and hold it", "lift {B} from the table", "lift {B} and keep it up"),
        *("get {B} into the gripper", "take {B} up", "ensure that {B} is held up", "pick up {B}", "pick up {B}"),
        *("pick {B} up", "lift {B}", "lift {B}", "lift up {B}", "lift {B} up", "grab {B}", "grasp {B}", "hold {B}"),
        *("hold {B} up", "take {B}", "raise {B}", "grip {B}", "take {B} in your hand", "lift {B} off the table"),
        *("hold {B} in the gripper", "pick up {B} and hold it", "take hold of {B}", "grab {B} and lift it"),
        *("take {B} from the table", "keep {B} in the gripper", "take {B} and hold it up"),
    ),
    HELD_OUT: (
        *("get a hold of {B}", "lift {B} into the air", "keep {B} in your hand", "pick {B} off the table"),
        *("raise {B} up from the table", "have {B} in the gripper", "grasp {B} and raise it", "hold on to {B}"),
        *("let {B} be lifted", "pick {B} up from the table and keep it up", "grip {B} and hold it up"),
    ),
}
HOLD_STATEMENT: Templates = {
    TRAINING: (
        *("{B} must be lifted", "{B} is to go up", "we need {B} lifted", "the goal is {B} in the gripper"),
        *("{B} up in the hand", "{B} in the hand", "{B} up", "i want {B} lifted", "i want you to hold {B}"),
        *("{B} should be lifted", "{B} in the gripper", "{c}=hand", "{B}: hand", "{B} should be in the gripper"),
        "{B} must be picked up",
    ),
    HELD_OUT: (
        *("{B} needs to be lifted", "{B} should be held up", "{B} off the table", "i want to see {B} in the air"),
    ),
}
OPEN_IMPERATIVE: Templates = {
    TRAINING: (
        *("{frame} {D} {becomes} open", "{frame} {D} is open", "ensure that {D} is open", "have {D} open"),
        *("leave {D} open", "make {D} open", "keep {D} open", "check that {D} is open"),
        *("open {D}",) * 3,
        *("pull {D} open", "pull open {D}", "slide {D} open", "pull {D} out", "make sure {D} is open"),
        *("get {D} open", "have {D} opened", "open up {D}", "open {D} up", "pull out {D}"),
    ),
    HELD_OUT: (
        *("slide open {D}", "let {D} be open", "see that {D} is open", "make sure that {D} ends up open"),
        *("pull {D} all the way open", "get {D} opened", "draw {D} open"),
    ),
}
OPEN_STATEMENT: Templates = {
    TRAINING: (
        *("we need {D} open", "{D} ought to be open", "the goal is {D} open", "{D} will be open"),
        *("i want {D} to be open", "{D} open", "{D} should be open", "i want {D} open", "{D} must be opened"),
        *("drawer=open", "{D}: open"),
    ),
    HELD_OUT: (*("{D} needs to be opened", "{D} has to be open", "i need {D} to be open", "{D} is to be open"),),
}
SHUT_IMPERATIVE: Templates = {
    TRAINING: (
        *("{frame} {D} {becomes} {shut}", "{frame} {D} is {shut}", "ensure that {D} is {shut}", "have {D} {shut}"),
        *("leave {D} {shut}", "make {D} shut", "keep {D} {shut}", "check that {D} is {shut}", "close {D}"),
        *("close {D}", "shut {D}", "shut {D}", "push {D} shut", "push {D} closed", "push {D} in", "slide {D} shut"),
        *("make sure {D} is {shut}", "get {D} shut", "close up {D}", "have {D} closed", "push in {D}"),
    ),
    HELD_OUT: (
        *("slide {D} closed", "slide shut {D}", "let {D} be {shut}", "see that {D} is {shut}", "push shut {D}"),
        *("make sure that {D} ends up {shut}", "push {D} all the way in", "get {D} closed"),
    ),
}
SHUT_STATEMENT: Templates = {
    TRAINING: (
        *("we need {D} {shut}", "{D} ought to be {shut}", "the goal is {D} {shut}", "{D} will be {shut}"),
        *("i want {D} to be {shut}", "{D} {shut}", "{D} should be {shut}", "i want {D} {shut}", "{D} must be closed"),
        *("drawer=shut", "{D}: shut"),
    ),
    HELD_OUT: (*("{D} needs to be {shut}", "{D} has to be {shut}", "i need {D} to be {shut}", "{D} is to be {shut}"),),
}
# after a clause about the drawer
IN_OPENED: Templates = {
    TRAINING: (
        *("{put} {B} there", "take {B} and {put} it in", "let {B} go in it", "inside {put} {B}", "{put} {B} in it"),
        *("{put} {B} inside", "{put} {B} in", "{put} {B} into it", "{put} {B} in there", "{B} in it"),
    ),
    HELD_OUT: (*("{put} {B} within", "{put} in {B}", "{put} inside it {B}", "in goes {B}"),),
}
OPEN_AFTER: Templates = {
    TRAINING: (
        *("it should stay open", "leave that open", "{D} remains open", "make sure it is open", "leave it open"),
        *("leave {D} open", "keep it open", "keep {D} open"),
    ),
    HELD_OUT: (*("let it stay open", "leave it opened", "{D} stays open"),),
}
SHUT_AFTER: Templates = {
    TRAINING: (
        *("it must be closed", "make sure it is closed", "then it is to be shut", "slide it closed"),
        *("let it be closed", "close it", "shut it", "close it again", "push it shut", "close it afterwards"),
        *("shut it again", "push it in"),
    ),
    HELD_OUT: (*("slide it shut", "have it closed", "shut it afterwards", "get it closed again", "it should be shut"),),
}
RESPECTIVELY: Templates = {
    TRAINING: (
        *("{put} {B} and {C} {into} {P} and {Q} respectively", "{put} {B} and {C} {into} {P} and {Q}, respectively"),
        "{put} {B} and {C} {into} {P} and {Q} in that order",
    ),
    HELD_OUT: (
        *("{B} and {C} go {into} {P} and {Q} respectively", "respectively {put} {B} and {C} {into} {P} and {Q}"),
    ),
}
JOINTS: Templates = {
    TRAINING: (
        *(" plus ", ". also ", ", also ", ", at last ", " as well as ", ", last ", ". second, ", ", in the end "),
        *(" while ", ", thereafter ", ". in addition, ", ", second "),
        *(" and ",) * 6,
        *(", then ", " and then ", ". ", ", ", "; ", ", and ", ", after that ", " then ", ". then ", " & "),
        *(", afterwards ", ". after that, ", ", and afterwards "),
    ),
    HELD_OUT: (
        *(", next ", " and next ", " and after that ", ", and finally ", " and also ", ", once done ", ". next, "),
    ),
}
FIRST: Templates = {
    TRAINING: (
        *("first of all {1}; second {2}", "do this: {1}, then {2}", "{1} and only then {2}"),
        *("do two things: {1} and {2}", "first {1}, then {2}", "first {1} and then {2}"),
        *("start with this: {1}. then {2}", "1. {1} 2. {2}"),
    ),
    HELD_OUT: (*("{1} first, then {2}", "at first {1}, next {2}", "to begin, {1}, after that {2}", "1) {1}, 2) {2}"),),
}
AFTER_OPENING: Templates = {
    TRAINING: (
        *("open {D}, so that you can {1}", "when you have opened {D}, {1}", "with {D} open, {1}"),
        *("after opening {D} {1}", "after opening {D}, {1}", "once {D} is open, {1}", "{1} after opening {D}"),
        "when {D} is open {1}",
    ),
    HELD_OUT: (*("having opened {D}, {1}", "begin by opening {D}, then {1}", "as soon as {D} is open, {1}"),),
}
BEFORE_SHUTTING: Templates = {
    TRAINING: (
        *("{1}, and when it is in, close {D}", "{1} before closing {D}", "before closing {D} {1}"),
        *("{1} before you close {D}", "close {D} after {ing}"),
    ),
    HELD_OUT: (*("{1} prior to closing {D}", "before shutting {D}, {1}", "finish by closing {D} after {ing}"),),
}
POLITE: Templates = {
    TRAINING: (
        *("may i ask you to ", "please do this: ", "i beg you to ", "help me and ", "would you please ", "time to "),
        *("let us ", "we want you to ", "try to ", "please ", "can you ", "could you please ", "i'd like you to "),
        *("i want you to ", "would you ", "you should ", "could you ", "can you please ", "now ", "i need you to "),
        *("robot, ", "please robot ", "you have to ", "just "),
    ),
    HELD_OUT: (
        *("kindly ", "be so kind and ", "go ahead and ", "i would appreciate it if you ", "dear robot, please "),
        *("your job is to ", "would you be so kind to ", "it would be great if you could ", "next please "),
    ),
}
ADDRESS: Templates = {
    TRAINING: (
        *("dear friend, ", "listen: ", "here is what to do: ", "good robot, ", "so, ", "instruction: ", "goal: "),
        *("robot, ", "hey robot, ", "ok, ", "now ", "please, ", "your task: ", "hi, ", "hello robot, ", "task: "),
    ),
    HELD_OUT: (*("dear robot, ", "okay robot: ", "well, ", "your job: ", "alright, "),),
}
THANKS: Templates = {
    TRAINING: (
        *(", thank you very much", ", thanks so much", " if possible", " when you can", ", ok", " at once"),
        *(" please", ", please", " now", ", thanks", " thank you", " for me", " carefully"),
    ),
    HELD_OUT: (*(", if you please", " right away", ", cheers", ", many thanks", " gently", ", would you"),),
}
