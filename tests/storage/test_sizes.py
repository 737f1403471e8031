"""How much room the database takes, and will."""

from __future__ import annotations

from storage.database import Database
from storage.ingest import Intake, write
from storage.sizes import INDEX_OF_WORDS, forecast, sizes
from tests.storage.examples import mentioned, post


def filled(database: Database, count: int) -> None:
    with database.write() as tx:
        write(
            tx, Intake(mentions=[mentioned(post(str(number), text=f"word{number} " * 40)) for number in range(count)])
        )


def test_tables_take_room_with_their_indexes_and_the_index_of_words(database: Database) -> None:
    filled(database, 300)
    with database.read() as tx:
        found = {size.name: size for size in sizes(tx)}
    assert found["post"].rows == found["mention"].rows == 300
    assert found["post"].octets > 300 * len("word1 " * 40)
    assert found[INDEX_OF_WORDS].octets > 0
    assert found["incident"].octets < found["post"].octets


def test_ten_times_the_posts_take_ten_times_the_room_of_posts(sqlite_database: Database) -> None:
    filled(sqlite_database, 300)
    with sqlite_database.read() as tx:
        found = sizes(tx)
    few, many = forecast(found, 300), forecast(found, 3000)
    assert few is not None
    assert many is not None
    assert few.octets == sum(size.octets for size in found)
    assert many.octets - many.others == 10 * (few.octets - few.others)


def test_a_few_posts_tell_nothing(sqlite_database: Database) -> None:
    filled(sqlite_database, 99)
    with sqlite_database.read() as tx:
        assert forecast(sizes(tx), 1000) is None
