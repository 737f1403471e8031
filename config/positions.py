"""On which line of a TOML file each key stands.

`tomllib` gives values without positions, so the positions come from a concrete syntax tree of the same text. Tables of
an array are counted as TOML counts them: `[a.b]` after `[[a]]` belongs to the last element of `a`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from config.problems import KeyPath


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_toml.language()))


class Positions:
    """Lines (from 1) of the key paths of one text."""

    def __init__(self, source: bytes) -> None:
        self._lines: dict[KeyPath, int] = {}
        self._elements: dict[KeyPath, int] = {}
        for node in _parser().parse(source).root_node.children:
            self._read_top(node)

    def line(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest table around it that stands in the file; 0 when none does."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 0

    def _read_top(self, node: Node) -> None:
        if node.type == "pair":
            self._read_pair(node, ())
        elif node.type == "table":
            path = self._resolve(_header(node))
            self._note(path, node)
            self._read_pairs(node, path)
        elif node.type == "table_array_element":
            path = self._open_element(_header(node))
            self._note(path[:-1], node)
            self._note(path, node)
            self._read_pairs(node, path)

    def _open_element(self, keys: list[str]) -> KeyPath:
        """The path of the next element of the array that `keys` name."""
        array = (*self._resolve(keys[:-1]), *keys[-1:])
        self._elements[array] = self._elements.get(array, -1) + 1
        return (*array, self._elements[array])

    def _resolve(self, keys: list[str]) -> KeyPath:
        """`keys` as a path, entering the last element of each array on the way."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._elements:
                path = (*path, self._elements[path])
        return path

    def _read_pairs(self, node: Node, path: KeyPath) -> None:
        for child in node.children:
            if child.type == "pair":
                self._read_pair(child, path)

    def _read_pair(self, node: Node, parent: KeyPath) -> None:
        if len(node.named_children) < 2:
            return
        path: KeyPath = (*parent, *_keys(node.named_children[0]))
        for length in range(len(parent) + 1, len(path) + 1):
            self._note(path[:length], node)
        self._read_value(node.named_children[1], path)

    def _read_value(self, node: Node, path: KeyPath) -> None:
        if node.type == "inline_table":
            self._read_pairs(node, path)
        elif node.type == "array":
            values = (child for child in node.named_children if child.type != "comment")
            for index, child in enumerate(values):
                self._note((*path, index), child)
                self._read_value(child, (*path, index))

    def _note(self, path: KeyPath, node: Node) -> None:
        self._lines.setdefault(path, node.start_point[0] + 1)


def _header(node: Node) -> list[str]:
    """The keys of a table's header, `[a.b]` or `[[a.b]]`."""
    named = [child for child in node.named_children if child.type in {"bare_key", "quoted_key", "dotted_key"}]
    return list(_keys(named[0])) if named else [""]


def _keys(node: Node) -> Iterator[str]:
    """The parts of a key; a dotted one is a tree of dotted ones."""
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _keys(child)
        return
    text = (node.text or b"").decode("utf-8", "replace")
    yield _unquoted(text) if node.type == "quoted_key" else text


def _unquoted(text: str) -> str:
    """What a quoted key means, escapes included."""
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:
        return text.strip("\"'")
