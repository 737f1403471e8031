"""Names within the hashtags of campaigns: `#BoycottAcme`, `#acmefail`, `#AcmeGate` name the company and nothing else.

Only words of campaigns count beside the name: `#DeltaForce` is not about Delta, though a capital sets it apart.
"""

from __future__ import annotations

import re

_BEFORE = re.compile(
    r"#(?:(?:i|we|please|just|lets|time|to)*"
    r"(?:boy[ck]ott?|boicot(?:ea|eia|e)?|delete|cancel|ban|stop|dump|ditch|quit|leave|uninstall|unfollow|fire|sue|expose|hate|fuck|"
    r"shameon|byebye|bye|goodbye|neveragain|dont(?:buy|fly|use|trust)|nomore|no(?:to)?|justicefrom|stopptt?|basta)_?)"
)
_AFTER = re.compile(
    r"_?(?:is|are|s|has|must)?_?(?:fail(?:s|ed|ure)?|gate|sucks?|down|outage|scams?|frauds?|boy[ck]ott?|strike|leaks?|breach|hack(?:ed)?|"
    r"lies|liars?|shame|problems?|issues?|worst|scandal|recall|lawsuit|layoffs|betrayal|exposed|files|thie(?:f|ves)|mafia|"
    r"cancell?ed|over(?:party)?|out|evil|trash|mustfall|fall|neveragain|complaints?|crash(?:es|ed)?|delays?|meltdown)"
    r"(?![^\W_])"
)
LONGEST_TAG = 40
"""Letters of a hashtag before a name that are read."""


def is_campaign(folded: str, start: int, end: int) -> bool:
    """Whether the name at `[start, end)` of a folded text stands in a hashtag with a campaign's word at one side.

    At the other side nothing may stand, or another such word.
    """
    sign = folded.rfind("#", max(start - LONGEST_TAG, 0), start)
    if sign < 0:
        return False
    before, goes_on = folded[sign:start], end < len(folded) and (folded[end].isalnum() or folded[end] == "_")
    begins = before == "#" or _BEFORE.fullmatch(before) is not None
    ends = not goes_on or _AFTER.match(folded, end) is not None
    return begins and ends and (before != "#" or goes_on)
