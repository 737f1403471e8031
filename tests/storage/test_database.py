from storage.database import Database


def test_opens(database: Database) -> None:
    with database.read() as tx:
        assert tx.exec_driver_sql("select count(*) from post").scalar() == 0
