"""A tiny transformer's folder: a real ONNX graph that adds up what its words say, and a real tokenizer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ("awful", "broken", "lovely", "great", "chair", "acme", "@", "user", "http", "toll")
VOCABULARY = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
SAYS = {"awful": (4.0, 0.0, 0.0), "broken": (3.0, 0.0, 0.0), "lovely": (0.0, 0.0, 4.0), "great": (0.0, 0.0, 3.0)}
"""What each word adds to negative, neutral and positive; nothing says that a text is neutral."""
NAMES = {"0": "negative", "1": "neutral", "2": "positive"}


def write(
    folder: Path, *, names: dict[str, str] | None = None, longest: int = 34, outputs: int = 3, **more: Any
) -> Path:
    """Write the folder; `names` is id2label, `outputs` how many numbers the model really gives."""
    folder.mkdir(exist_ok=True)
    onnx.save(graph(outputs, **more), str(folder / "model.onnx"))
    tokenizer().save(str(folder / "tokenizer.json"))
    card = {"id2label": NAMES if names is None else names, "max_position_embeddings": longest}
    (folder / "config.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    made.normalizer = None
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def graph(
    outputs: int = 3, *, inputs: Sequence[str] = ("input_ids", "attention_mask"), steps: int = 0
) -> onnx.ModelProto:
    """Sums up the rows of a table that the words stand for, where the mask lets them; goes `steps` rounds in a loop."""
    table = np.zeros((len(VOCABULARY), outputs), dtype=np.float32)
    for word, says in SAYS.items():
        table[VOCABULARY[word]] = says[:outputs]
    table[VOCABULARY["[CLS]"], min(1, outputs - 1)] = 1.0
    shape = ["texts", "tokens"]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["rows", "wide"], ["standing"]),
        helper.make_node("ReduceSum", ["standing", "first"], ["sums"], keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "first"),
    ]
    if steps:
        constants += [
            numpy_helper.from_array(np.array(steps, dtype=np.int64), "steps"),
            numpy_helper.from_array(np.array(True), "go"),
        ]
        body = helper.make_graph(
            [
                helper.make_node("Identity", ["going"], ["still"]),
                helper.make_node("Identity", ["before"], ["after"]),
            ],
            "body",
            [
                helper.make_tensor_value_info("round", TensorProto.INT64, []),
                helper.make_tensor_value_info("going", TensorProto.BOOL, []),
                helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
            ],
            [
                helper.make_tensor_value_info("still", TensorProto.BOOL, []),
                helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
            ],
        )
        nodes.append(helper.make_node("Loop", ["steps", "go", "sums"], ["logits"], body=body))
    else:
        nodes.append(helper.make_node("Identity", ["sums"], ["logits"]))
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", outputs])],
        constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
