"""The words of the made story. Every company, site and person here is invented."""

from __future__ import annotations

BRAND = "Norrvik Mobile"

HANDLES = (
    "mossgrown", "tiny_harbour", "eldrid", "late_ferry", "orla_k", "bokhylle", "nordwind", "two_left_boots", "jonas_at_sea",
    "plainpost", "rainy_ida", "kjell_paints", "halfmoon", "saltlake", "the_other_nils", "birchbark", "mira_knits",
    "odd_socks", "fjellvei", "quietcarriage", "runa", "sourdough_tor", "lampstreet", "aksel_reads", "greytabby",
)  # fmt: skip
"""Beginnings of the names of those who write."""

ORDINARY = (
    (
        "Switched to Norrvik Mobile last month,",
        "Anyone else on Norrvik Mobile here?",
        "@norrvik",
        "Question about Norrvik Mobile:",
        "Norrvik Mobile shop in the old town",
        "My Norrvik Mobile contract",
        "Norrvik Mobile again",
        "Talking to @norrvik support,",
        "Norrvik Mobile or Sundelin Telecom?",
        "Roaming with Norrvik Mobile",
    ),
    (
        "coverage by the lake is decent",
        "the app finally shows my usage",
        "how do I move my number to a new card",
        "which plan has shared minutes",
        "the queue was short for once",
        "bill came out two kroner higher than I thought",
        "does the travel pass work on ferries",
        "the new handset arrived today",
        "got a text about the tower work on Thursday",
        "voicemail menu is a maze",
        "speed at the station is fine after nine",
        "student offer runs until autumn",
        "they replaced the cracked card for free",
        "still waiting for the activation text",
        "hold music has not changed since school",
    ),
    (
        "",
        "any tips?",
        "so far so good.",
        "let's see.",
        "thanks!",
        "not bad.",
        "a bit odd.",
        "will report back.",
        "is that normal?",
        "happy with it.",
        "meh.",
    ),
)

OUTRAGE = (
    (
        "So Norrvik Mobile answers a polite letter with lawyers.",
        "Just listened to that voicemail from @norrvik.",
        "Norrvik Mobile threatened a customer for writing to the boss?",
        "Imagine e-mailing Birger Halvorsen and getting a legal threat.",
        "The @norrvik recording is worse than I expected.",
        "Two e-mails to the chief executive of Norrvik Mobile, one cease and desist.",
        "Nine years with Norrvik Mobile and this is how they speak to us.",
        "Reading the Ada Brenner story about Norrvik Mobile.",
        "Whoever at Norrvik Mobile left that voicemail should listen to it again.",
        "I used to recommend Norrvik Mobile to everyone.",
        "Norrvik Mobile just turned one complaint into a thousand.",
        "Hey @norrvik, is this really how you treat people?",
        "My mother has Norrvik Mobile. She asked me what a cease and desist is.",
        "That voicemail, @norrvik. Wow.",
    ),
    (
        "It is shameful",
        "This is bullying, plain and simple",
        "Absolutely disgusting",
        "What an arrogant company",
        "I have never heard anything so pathetic",
        "That is a threat, not customer service",
        "Terrible, and so stupid",
        "They should apologise today",
        "Awful way to treat someone who asked about a bill",
        "Legal action over two e-mails is insane",
        "I feel sick for her",
        "The contempt in that voice",
        "Someone must be fired for this",
        "Such a horrible answer to a fair question",
        "Nobody there thought about how this sounds",
    ),
    (
        "and I have just written to the chief executive too.",
        "so my three lines move to Sundelin Telecom tonight.",
        "and I am cancelling on Monday.",
        "and I want my deposit refunded.",
        "so I sent my own e-mail to Birger Halvorsen, come and get me.",
        "and the silence makes it worse.",
        "so let us all e-mail him until the inbox bursts.",
        "and I will never sign with them again.",
        "boycott, simple as that.",
        "and their shop could not say a word about it.",
        "and no statement, nothing, all morning.",
        "so the regulator gets a letter from me.",
        "and everyone in my office has played it by now.",
        "and that tells you everything about the new management.",
        "so shame on whoever wrote the script.",
    ),
)

SPANISH = (
    (
        "Norrvik Mobile amenaza a una clienta por escribir al director.",
        "Increíble lo de @norrvik con esa clienta.",
        "He escuchado el mensaje de Norrvik Mobile.",
    ),
    ("Qué vergüenza", "Es indignante", "Un trato horrible", "Da asco"),
    ("me doy de baja mañana.", "nunca más con ellos.", "que pidan perdón ya.", "yo también le he escrito al jefe."),
)

GERMAN = (
    (
        "Norrvik Mobile droht einer Kundin mit dem Anwalt.",
        "Die Mailbox-Nachricht von @norrvik ist unfassbar.",
        "Zwei E-Mails an den Chef von Norrvik Mobile, und dann das.",
    ),
    ("Eine Frechheit", "Unverschämt", "Wirklich peinlich", "So geht man nicht mit Menschen um"),
    ("ich kündige.", "nie wieder.", "wo bleibt die Entschuldigung?", "ich habe jetzt auch geschrieben."),
)

COPIED = (
    "Norrvik Mobile threatens its own customers. Share this before they delete it! Full story on the blog of Ada Brenner.",
    "RT: boycott Norrvik Mobile until Birger Halvorsen steps down #norrvikvoicemail",
)

BLOG_TITLE = "I e-mailed the chief executive of Norrvik Mobile. His office answered with a cease and desist."
BLOG_TEXT = (
    "I wrote twice to Birger Halvorsen, chief executive of Norrvik Mobile: once about my upgrade, once about the price of data. "
    "This morning a man from the executive office left me a voicemail: if I write again, a cease and desist letter follows. "
    "Here is the recording. I was polite, I have been a customer for nine years, and I am angry and a little afraid."
)
NEWS_TITLE = "Norrvik Mobile warns customer of legal action for e-mailing its chief executive"
NEWS_TEXT = (
    "A customer who wrote twice to the chief executive of Norrvik Mobile was threatened with a cease and desist letter, in a voicemail that "
    "she has published. The company has not answered our questions."
)
FORUM_TITLE = "Norrvik Mobile threatens customer who e-mailed the CEO (recording)"
INFLUENCER = "I have 410,000 readers and one question for @norrvik: who on earth thought that voicemail was a good idea? Shameful. Everybody, play it."
APOLOGY = (
    "We are sorry. The message that Ada Brenner received was wrong, and it is not how Norrvik Mobile wants to treat anybody. Our senior vice "
    "president has called her to apologise."
)
AFTER = (
    (
        "Norrvik Mobile has apologised at last.",
        "Good that @norrvik called her.",
        "An apology from Norrvik Mobile, fine.",
        "Norrvik Mobile said sorry.",
    ),
    (
        "Took them all day",
        "Better late than never",
        "The right thing, far too late",
        "I accept that",
        "Still leaves a bad taste",
    ),
    ("", "but I am staying for now.", "and the policy must change.", "let's see whether they mean it."),
)
