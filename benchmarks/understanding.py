"""The tables of docs/understanding.md: how well sentiment toward a brand is told, and who is meant.

    python -m benchmarks.understanding [--data DIR] [--train DIR] [--json] [--part NAME …]

`DIR` holds labelled texts (`NAME.*.jsonl.gz`: `id, text, label, lang, target`), itself or in its folder `sentiment`,
and in any of its folders the corpora that benchmarks/relevance.py knows; `--train` says where sets to learn from lie.
What comes with the program was trained on nothing; a row that was trained says on what.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import folder_in, relevance, something
from benchmarks.labelled import Line, Told, negative_shares, read_set, told
from monitor.sentiment.contract import Item, Scorer
from monitor.sentiment.learned import Learned
from monitor.sentiment.lexicon import Lexicon, lexicon_of
from monitor.sentiment.masking import masked
from monitor.sentiment.reader import ENGLISH, Reader
from monitor.sentiment.toward import TowardBrand, judgements_of
from monitor.sentiment.vader import Vader, packaged_lexicon, valences
from monitor.sentiment.vocabulary import BRAND
from monitor.sentiment.wording import Wording
from monitor.train import learn
from storage.records import Label, Score

SETS = (
    *("airline", "tweeteval_test", "semeval_topic", "dong2014", "sanders_brands", "sxsw_brands", "sentiment140_test"),
    *("sentistrength", "complaints"),
)
GENERAL, MANY_LANGUAGES, COMPLAINTS = "semeval_a_train", "umsab_train", "complaints"
OWN = (COMPLAINTS, "dong2014", "sanders_brands", "sxsw_brands")
FOLDS = 5
"""Parts of a set that is learned and tested on itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scorer on one set; figures are shares, `None` where they mean nothing."""

    part: str
    scorer: str
    name: str
    figures: Mapping[str, float | int | None]

    def as_json(self) -> str:
        """One line."""
        return json.dumps({"part": self.part, "scorer": self.scorer, "set": self.name, **self.figures})

    def __str__(self) -> str:
        shown = "  ".join(f"{key} {_shown(value)}" for key, value in self.figures.items() if value is not None)
        return f"{self.part:10} {self.scorer:22} {self.name:18} {shown}"


class Plain:
    """English texts judged one by one by a function of the masked text."""

    version = "benchmark"

    def __init__(self, name: str, judge: Callable[[Item], tuple[float, Label]]) -> None:
        self.name = name
        self._judge = judge

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item."""
        return [Score(*self._judge(item), self.name, self.version) for item in items]


def packaged() -> Scorer:
    """vaderSentiment as it comes: the whole text, with the package's own cuts."""
    vader = Vader.packaged()

    def judge(item: Item) -> tuple[float, Label]:
        return _cut(vader.compound(item[0].text), -0.05, 0.05)

    return Plain("vaderSentiment", judge)


def names_masked() -> Scorer:
    """The package's lexicon over texts without links, accounts and the brand's name, with better cuts."""
    wording = Wording(ENGLISH, Lexicon(words={}), packaged_lexicon(), spells_all=True)
    vader = Vader.packaged()

    def judge(item: Item) -> tuple[float, Label]:
        words = (word.lower for word in wording.words(masked(item[0], item[1])) if word.lower != BRAND)
        return _cut(vader.compound(" ".join(words)), -0.05, 0.44)

    return Plain("VADER, names masked", judge)


def without(part: str) -> Scorer:
    """The scorer that comes with the program, without one of its parts."""
    english = lexicon_of(ENGLISH) or Lexicon(words={})
    changed = {
        "own words": replace(english, words={}, phrases={}),
        "phrases": replace(english, phrases={}),
        "hints": replace(english, hints={}),
    }.get(part, english)
    reader = _reader(changed)
    masks = part != "masking"

    def judge(item: Item) -> tuple[float, Label]:
        text = masked(item[0], item[1]) if masks else item[0].text
        (judgement,) = judgements_of(reader.evidence([text]), ENGLISH)
        return judgement.compound, judgement.label

    return Plain(f"without {part}", judge)


def _reader(lexicon: Lexicon) -> Reader:
    return Reader(Wording(ENGLISH, lexicon, packaged_lexicon()), valences)


def _cut(compound: float, negative: float, positive: float) -> tuple[float, Label]:
    if compound <= negative:
        return compound, Label.NEGATIVE
    return compound, Label.POSITIVE if compound >= positive else Label.NEUTRAL


def english(folder: Path, train: Path) -> Iterator[Row]:
    """English sets: the package, what comes with the program, and what was learned from general tweets."""
    scorers = [packaged(), names_masked(), TowardBrand()]
    if read_set(train, GENERAL):
        scorers.append(learned(_file(train, GENERAL)))
    for scorer in scorers:
        shown = f"{scorer.name} ({GENERAL})" if isinstance(scorer, Learned) else scorer.name
        for name in SETS:
            lines = read_set(folder, name)
            if lines:
                result = told(lines, scorer)
                yield row("english", shown, name, result)
                if name == "airline":
                    yield shares(shown, lines, result)


def ablation(folder: Path, _train: Path) -> Iterator[Row]:
    """What each part of the scorer that comes with the program brings."""
    scorers = [TowardBrand(), *(without(part) for part in ("masking", "own words", "phrases", "hints"))]
    for scorer in scorers:
        for name in SETS:
            if lines := read_set(folder, name):
                yield row("ablation", scorer.name, name, told(lines, scorer))


def languages(folder: Path, train: Path) -> Iterator[Row]:
    """Sets of other languages: what comes with the program, and what was learned from many languages."""
    scorers: list[Scorer] = [TowardBrand()]
    if read_set(train, MANY_LANGUAGES):
        scorers.append(learned(_file(train, MANY_LANGUAGES)))
    for scorer in scorers:
        shown = f"{scorer.name} ({MANY_LANGUAGES})" if isinstance(scorer, Learned) else scorer.name
        for name in ("umsab_test", "deutsche_bahn"):
            lines = read_set(folder, name)
            for language in sorted({line["lang"] for line in lines}):
                chosen = [line for line in lines if line["lang"] == language]
                yield row("languages", shown, f"{name} {language}", told(chosen, scorer))


def own_half(folder: Path, _train: Path) -> Iterator[Row]:
    """Sets that are learned and tested on parts of themselves: what a linear model can make of them at all."""
    for name in OWN:
        if lines := read_set(folder, name):
            yield row("own half", "learned (its other parts)", name, _crossed(lines))


def _crossed(lines: Sequence[Line]) -> Told:
    parts = [np.arange(len(lines)) % FOLDS == fold for fold in range(FOLDS)]
    results = []
    for part in parts:
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "rest.jsonl"
            file.write_text(
                "".join(json.dumps(line) + "\n" for line, tests in zip(lines, part, strict=True) if not tests)
            )
            results.append(told([line for line, tests in zip(lines, part, strict=True) if tests], learned(file)))
    return Told(
        [truth for result in results for truth in result.truths],
        [label for result in results for label in result.labels],
        [compound for result in results for compound in result.compounds],
    )


def names(folder: Path, _train: Path) -> Iterator[Row]:
    """Names that are ordinary words."""
    for each in relevance.rows(folder.parent if folder.name == "sentiment" else folder):
        figures = {
            "posts": each.posts,
            "precision": round(each.precision.share, 3),
            "precision_low": round(each.precision.low, 3),
            "recall": round(each.recall.share, 3),
            "recall_low": round(each.recall.low, 3),
        }
        yield Row("names", "matcher", each.name, figures)


def learned(file: Path) -> Scorer:
    """A scorer that learned from one file of lines."""
    return Learned(learn([file]).model)


def row(part: str, scorer: str, name: str, result: Told) -> Row:
    """The figures of a result; macro-F1 of complaints means nothing, as they know no positive."""
    measure = asdict(result.measure())
    low, high = measure.pop("interval")
    figures = {key: _rounded(value) for key, value in measure.items()}
    if name == COMPLAINTS:
        figures = {key: figures[key] for key in ("lines", "auc_negative", "negative_recall", "negative_precision")}
    else:
        figures |= {"f1_low": round(low, 3), "f1_high": round(high, 3)}
    return Row(part, scorer, name, figures)


def shares(scorer: str, lines: Sequence[Line], result: Told) -> Row:
    """What detection sees: the share of negatives per brand and six hours."""
    correlation, bias, spans = negative_shares(lines, result.labels)
    return Row(
        "shares", scorer, "airline", {"spans": spans, "correlation": round(correlation, 3), "bias": round(bias, 3)}
    )


def _file(folder: Path, name: str) -> Path:
    return min(folder.glob(f"{name}.*jsonl.gz"))


def _rounded(value: float) -> float | None:
    """Three digits; nothing for what could not be computed, such as the curve of a set that was not scored."""
    return value if isinstance(value, int) else None if math.isnan(value) else round(value, 3)


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


PARTS: Mapping[str, Callable[[Path, Path], Iterator[Row]]] = {
    "english": english,
    "languages": languages,
    "own half": own_half,
    "ablation": ablation,
    "names": names,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="How well sentiment toward a brand is told, and who is meant.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder that holds the folder sentiment")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--train", type=Path, help="folder with the sets to learn from; that of the data")
    options = parser.parse_args()
    folder = folder_in(options.data, "sentiment")
    tables = (row for part in options.part or PARTS for row in PARTS[part](folder, options.train or folder))
    for each in something(tables, folder):
        print(each.as_json() if options.json else each, flush=True)


if __name__ == "__main__":
    main()
