"""The third scorer: a transformer that the user has, as a folder with an ONNX model.

`model.onnx` is a sequence classifier, `tokenizer.json` cuts its texts, and `id2label` in `config.json` says what its
outputs mean. It runs by onnxruntime on the processor (the extra `transformer`). A batch that takes longer than the
deadline is ended from another thread, so that a model too large for the machine cannot hold the monitor up.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.language import UNDETERMINED
from monitor.matching.folding import cleaned
from monitor.matching.reading import reading_of
from monitor.remembered import minded
from monitor.sentiment.contract import Item, Scorer
from monitor.sentiment.model_error import ModelError
from storage.records import Label, Score

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MODEL, TOKENIZER, CARD = "model.onnx", "tokenizer.json", "config.json"
EXTRA = 'pip install "tocsin[transformer]"'
_MEANINGS = {
    Label.NEGATIVE: ("negative", "neg", "1 star", "2 stars"),
    Label.NEUTRAL: ("neutral", "neu", "3 stars"),
    Label.POSITIVE: ("positive", "pos", "4 stars", "5 stars"),
}
"""What models call their outputs; of stars, three are neutral."""
_LABELS = {name: label for label, names in _MEANINGS.items() for name in names}
_ORDER = (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_BATCH = 16
_LONGEST = 256
"""Tokens of a text that are read; what a post says of a company stands before that."""
_SURE = 0.75
"""Probability from which a model that knows no neutral is believed."""
_COPIES = 16_384
"""Texts whose judgement is remembered, as in the scorer that comes with the program."""
_ACCOUNT = re.compile(r"@\w+")
_LINK = re.compile(r"(?:https?://|www\.)\S+")

Chances = npt.NDArray[np.float64]
Told = tuple[float, float, float]
"""Probabilities that a text is negative, neutral and positive."""


class Card(NamedTuple):
    """What `config.json` says: the label of each output, and how many tokens the model takes at the most."""

    labels: tuple[Label, ...]
    longest: int


def read_card(folder: Path) -> Card:
    """What a folder's `config.json` says of its model. Raises ModelError, also where another file is missing."""
    missing = [name for name in (MODEL, TOKENIZER, CARD) if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"{folder}: there is no {' and no '.join(missing)}; a transformer is a folder with {MODEL}, {TOKENIZER} "
            f"and {CARD}, as exporters to ONNX write it"
        )
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        names = {int(number): str(name) for number, name in card["id2label"].items()}
        positions = int(card.get("max_position_embeddings") or _LONGEST)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{folder / CARD}: there is no id2label that says what the outputs mean ({error!r})"
        ) from error
    # RoBERTa counts its positions from two on, so that two of them are not there for tokens.
    return Card(_labels(names, folder), max(min(positions - 2, _LONGEST), 4))


def _labels(names: Mapping[int, str], folder: Path) -> tuple[Label, ...]:
    """The labels of the outputs 0, 1, 2 …"""
    ordered = [names.get(number, "") for number in range(len(names))]
    unknown = [name for name in ordered if name.strip().lower() not in _LABELS]
    if unknown:
        known = ", ".join(name for meant in _MEANINGS.values() for name in meant)
        raise ModelError(
            f"{folder / CARD}: id2label calls an output {unknown[0]!r}, which says nothing of sentiment; name each of "
            f"0 to {len(names) - 1} one of {known}"
        )
    labels = tuple(_LABELS[name.strip().lower()] for name in ordered)
    if not {Label.NEGATIVE, Label.POSITIVE} <= set(labels):
        raise ModelError(f"{folder / CARD}: id2label needs a negative and a positive output, not {', '.join(ordered)}")
    return labels


class Transformer:
    """Judges with the model in a folder the languages that it was made for, and with another scorer the rest.

    `languages` are those that it was made for, none for all. With `aspect` the model is given the brand's name as a
    second text, as models of aspects want it. Raises ModelError at once where the folder holds nothing that works.
    """

    name = "transformer"

    def __init__(
        self,
        folder: Path,
        others: Scorer,
        *,
        languages: Sequence[str] = (),
        aspect: bool = False,
        seconds: float = 10.0,
    ) -> None:
        self._card = read_card(folder)
        self._others = others
        self._languages = frozenset(languages)
        self._aspect = aspect
        self._seconds = seconds
        self._known: dict[tuple[str, str], Told] = {}
        self._session, self._tokenizer = _loaded(folder, self._card)
        self.version = _digest(folder)
        self._inputs = _inputs(self._session, folder)
        self._try(folder)
        minded(self)

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order. Raises what the model raises, and TimeoutError after the deadline."""
        known = [item for item in items if self._knows(item[2])]
        told = iter(self._told([self._texts(item) for item in known]))
        others = iter(self._others.score([item for item in items if not self._knows(item[2])]))
        return [self._score(next(told)) if self._knows(language) else next(others) for _, _, language in items]

    def _knows(self, language: str) -> bool:
        return not self._languages or language == UNDETERMINED or language in self._languages

    def _texts(self, item: Item) -> tuple[str, str]:
        """The post as such models saw posts when they learned: accounts and links have one form each."""
        post, mention, _ = item
        text = _LINK.sub("http", _ACCOUNT.sub("@user", cleaned(reading_of(post))))
        return text, mention.brand if self._aspect else ""

    def _told(self, texts: Sequence[tuple[str, str]]) -> list[Told]:
        """The judgement of each text; copies are judged once, and texts of like length together."""
        known = self._known  # another thread may let go of it meanwhile
        new = sorted({text for text in texts if text not in known}, key=lambda text: (len(text[0]), text))
        if len(known) + len(new) > _COPIES:
            known = self._known = {text: known[text] for text in set(texts) if text in known}
        size = self._inputs.batch or _BATCH
        for start in range(0, len(new), size):
            batch = new[start : start + size]
            known.update(zip(batch, self._chances(batch), strict=True))
        return [known[text] for text in texts]

    def let_go(self) -> None:
        """Remember no text."""
        self._known = {}

    def _chances(self, texts: Sequence[tuple[str, str]]) -> list[Told]:
        pairs = [pair if pair[1] else pair[0] for pair in texts]
        encoded = self._tokenizer.encode_batch(pairs)
        columns = {
            "input_ids": [each.ids for each in encoded],
            "attention_mask": [each.attention_mask for each in encoded],
            "token_type_ids": [each.type_ids for each in encoded],
        }
        feed = {name: np.array(columns[name], dtype=kind) for name, kind in self._inputs.kinds.items()}
        with self._in_time() as options:
            logits = np.asarray(self._session.run([self._inputs.output], feed, options)[0], dtype=np.float64)
        if logits.shape != (len(texts), len(self._card.labels)):
            raise ModelError(
                f"the model gives numbers of the shape {logits.shape} for {len(texts)} texts, where id2label names "
                f"{len(self._card.labels)} outputs"
            )
        if not np.isfinite(logits).all():
            raise ModelError("the model gives numbers that are none")
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        return [self._summed(row) for row in chances]

    def _summed(self, chances: Chances) -> Told:
        sums = dict.fromkeys(_ORDER, 0.0)
        for label, chance in zip(self._card.labels, chances.tolist(), strict=True):
            sums[label] += chance
        return (sums[Label.NEGATIVE], sums[Label.NEUTRAL], sums[Label.POSITIVE])

    @contextmanager
    def _in_time(self) -> Iterator[Any]:
        """Options of a run that ends at the deadline, whatever the model is doing then."""
        from onnxruntime import RunOptions  # noqa: PLC0415  (loaded by now)

        options = RunOptions()
        options.log_severity_level = 4  # what is wrong comes as an exception
        late = threading.Event()

        def end() -> None:
            late.set()
            options.terminate = True

        timer = threading.Timer(self._seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield options
        except Exception as error:
            if late.is_set():
                raise TimeoutError(f"the model took more than {self._seconds:g} s for {_BATCH} texts") from error
            raise
        finally:
            timer.cancel()

    def _score(self, told: Told) -> Score:
        negative, _, positive = told
        label, chance = max(zip(_ORDER, told, strict=True), key=lambda pair: pair[1])
        if Label.NEUTRAL not in self._card.labels and chance < _SURE:
            label, chance = Label.NEUTRAL, 0.5
        return Score(round(positive - negative, 4), label, self.name, self.version, round(1.0 - chance, 3))

    def _try(self, folder: Path) -> None:
        """Judge one text, so that what does not fit together is found when the program starts."""
        try:
            self._chances([("Hello there", "Acme" if self._aspect else "")])
        except Exception as error:
            raise ModelError(f"{folder}: the model cannot be used: {error}") from error


class _Inputs(NamedTuple):
    """The inputs that the model wants, with their types, how many texts at a time (0: any), and its output."""

    kinds: Mapping[str, type[np.signedinteger[Any]]]
    batch: int
    output: str


def _inputs(session: InferenceSession, folder: Path) -> _Inputs:
    wanted = session.get_inputs()
    foreign = [each.name for each in wanted if each.name not in _INPUTS]
    if foreign:
        raise ModelError(
            f"{folder / MODEL}: wants the input {foreign[0]}; a classifier of texts has at most {', '.join(_INPUTS)}"
        )
    kinds = {each.name: np.int32 if each.type == "tensor(int32)" else np.int64 for each in wanted}
    batch = wanted[0].shape[0] if wanted[0].shape else 0
    outputs = [each.name for each in session.get_outputs()]
    return _Inputs(kinds, batch if isinstance(batch, int) else 0, "logits" if "logits" in outputs else outputs[0])


def _loaded(folder: Path, card: Card) -> tuple[InferenceSession, Tokenizer]:
    """The model and its tokenizer. Raises ModelError where they, or what runs them, are not there or broken."""
    try:
        import onnxruntime  # noqa: PLC0415  (an extra)
        from tokenizers import Tokenizer  # noqa: PLC0415
    except ImportError as error:
        raise ModelError(f"a transformer needs onnxruntime and tokenizers; install them: {EXTRA}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an exception
    try:
        session = onnxruntime.InferenceSession(
            str(folder / MODEL), sess_options=options, providers=["CPUExecutionProvider"]
        )
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:
        raise ModelError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:300]}") from error
    length = session.get_inputs()[0].shape[-1] if session.get_inputs() else None
    fixed = length if isinstance(length, int) else None
    tokenizer.enable_truncation(fixed or card.longest, strategy="only_first")
    padding = tokenizer.padding or {}
    tokenizer.enable_padding(
        length=fixed, pad_id=padding.get("pad_id", _pad_id(tokenizer)), pad_token=padding.get("pad_token", "[PAD]")
    )
    return session, tokenizer


def _pad_id(tokenizer: Tokenizer) -> int:
    found = (tokenizer.token_to_id(token) for token in ("<pad>", "[PAD]"))
    return next((number for number in found if number is not None), 0)


def _digest(folder: Path) -> str:
    """Changes with any of the files."""
    digest = hashlib.blake2b(digest_size=6)
    for name in (MODEL, TOKENIZER, CARD):
        with (folder / name).open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
