"""Secrets are named by their place and never shown."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from config.references import MissingSecretError, SecretReference

SECRET = "correct horse battery staple"


class Lock(BaseModel):
    """Something that holds a reference."""

    key: SecretReference


def test_a_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TEST_KEY", SECRET)
    assert SecretReference(env="TOCSIN_TEST_KEY").resolve().get_secret_value() == SECRET


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_a_file_without_the_line_end(tmp_path: Path, end: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(f"{SECRET}{end}".encode())
    assert SecretReference(file=file).resolve().get_secret_value() == SECRET


def test_a_rotated_secret_takes_effect_at_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    reference = SecretReference(file=file)
    file.write_text("old")
    assert reference.resolve().get_secret_value() == "old"
    file.write_text("new")
    assert reference.resolve().get_secret_value() == "new"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_TEST_KEY", raising=False)
    with pytest.raises(MissingSecretError, match="TOCSIN_TEST_KEY is not set"):
        SecretReference(env="TOCSIN_TEST_KEY").resolve()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSecretError, match=r"key cannot be read: No such file"):
        SecretReference(file=tmp_path / "key").resolve()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MissingSecretError, match="not UTF-8"):
        SecretReference(file=tmp_path / "key").resolve()


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_secret_is_no_secret(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(MissingSecretError, match="is empty"):
        SecretReference(file=tmp_path / "key").resolve()


@pytest.mark.parametrize("literal", [SECRET, 42, ["x"], True, None])
def test_a_literal_is_refused_with_an_explanation_that_does_not_repeat_it(literal: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Lock.model_validate({"key": literal})
    assert "never written into the configuration" in str(caught.value.errors()[0]["msg"])
    assert SECRET not in str(caught.value.errors()[0]["msg"])


def test_nothing_that_shows_a_reference_shows_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TEST_KEY", SECRET)
    lock = Lock(key=SecretReference(env="TOCSIN_TEST_KEY"))
    value = lock.key.resolve()
    shown = [repr(lock), str(lock), lock.model_dump_json(), repr(lock.model_dump()), repr(value), str(value)]
    shown += [f"{lock.key}", f"{value}", repr(copy.deepcopy(lock)), repr(pickle.loads(pickle.dumps(lock)))]  # noqa: S301
    assert not any(SECRET in text for text in shown)
    assert "TOCSIN_TEST_KEY" in str(lock.key)
