"""What emoji say about a company, on VADER's scale; the same in every language."""

from __future__ import annotations

import re

_VALENCES = {
    -2.5: "😡🤬😠👎🖕💩🤮😤😾👿",
    -1.5: "😒🙄😞😟😣😖😫😩😢😭💔😔😕🤦😑😐😪😰😨😱🤢☹🙁😓😥😬😿🤨🤷🤡🚮⚠❌😦😧🥵🥴😷",
    -0.5: "🤔💀🙃😳😵🆘",
    1.2: "😂🤣😎😉😋😜💪✌👌🔥🎶😆😅😇🙂🌞☀🎂🎁🍻🍾🌈😏😛💃🕺🎈💋✔✅🎵🙏",
    2.5: "😍❤💕💖💗💘💙💚💛💜🧡🖤💞💓💝😘🥰👏🙌💯👍🎉🎊🥳🏆😊☺😁😀😃😄🤗🤩✨🌟⭐😻♥",
}

EMOJI = {emoji: valence for valence, characters in _VALENCES.items() for emoji in characters}
"""Valence of an emoji, without its skin colour and presentation."""

SKIN_AND_JOINERS = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
"""What may follow an emoji without changing what it says."""

PICTURED = re.compile("([" + "".join(EMOJI) + "])")
"""One emoji of known valence."""
