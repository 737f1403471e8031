"""Ordinary talk, made: of each list one, and nothing that went wrong."""

from __future__ import annotations

TALK = (
    (
        "anyone else", "finally", "so", "today", "honestly,", "my sister says", "quick question:", "well,", "funny,",
        "update:", "not sure why", "apparently", "ok so", "yesterday", "reminder:", "for the record,",
        "on the train and", "just saw that",
    ),
    (
        "the parcel", "their app", "my order", "the new branch", "the man at the counter", "the morning flight",
        "the refund", "my old card", "the second line", "their newsletter", "the invoice", "the seat by the window",
        "the charger", "the coffee there", "their summer offer", "the lounge", "the queue", "the update", "my router",
        "the delivery van", "their quiz", "the receipt", "the song in their advert", "the late connection",
        "the tablet", "the garden furniture",
    ),
    (
        "came two days early", "works again", "is slower than last week", "looks different now", "took forty minutes",
        "asks for my postcode twice", "was friendlier than I expected", "costs three euros more",
        "still has my old address", "does not open on my phone", "got mixed up with the neighbour's",
        "is worth the walk", "needs a new battery", "arrived without the cable", "moved across the street",
        "is closed on Thursdays", "makes a strange noise", "has more room than before", "shows yesterday's balance",
        "went better than planned", "is the blue one after all", "was on time for once", "is sold out in my size",
        "came with a handwritten note",
    ),
    (
        "", "", "again", "since Monday", "this week", "in the old town", "at the airport", "near the station",
        "on my street", "after the update", "before lunch", "in this heat", "over the holidays",
        "as far as I can tell", "if anyone wonders",
    ),
    (
        "", "", "", "thanks!", "any tips?", "nice.", "hm.", "love it", "oh well", "lol", "pretty good", "not great",
        "why though?", "#monday",
    ),
)  # fmt: skip
