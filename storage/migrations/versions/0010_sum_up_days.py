"""Sum bins up by day, and know which numbers the posts of a day have"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DAY = 86_400_000_000
COUNTS = ("posts", "negative", "positive", "unscored", "reposts", "reach")


def upgrade() -> None:
    op.create_table(
        "stored_day",
        sa.Column("day", Instant(), nullable=False, comment="Begin of the day, in UTC"),
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column(
            "first_id", sa.BigInteger(), nullable=False, comment="Smallest number (post.id) of a post published in it"
        ),
        sa.Column("last_id", sa.BigInteger(), nullable=False, comment="Largest one"),
        sa.PrimaryKeyConstraint("day", "source", name=op.f("pk_stored_day")),
        comment="Which numbers the posts of a day have, so that a search in a span reads its part of the index",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bin_day",
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand"),
        sa.Column("start", Instant(), nullable=False, comment="Begin of the day, in UTC"),
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("posts", sa.BigInteger(), nullable=False, comment="Posts that mention the brand, reposts included"),
        sa.Column("negative", sa.BigInteger(), nullable=False, comment="Of them, scored negative"),
        sa.Column("positive", sa.BigInteger(), nullable=False, comment="Of them, scored positive"),
        sa.Column("unscored", sa.BigInteger(), nullable=False, comment="Of them, not judged"),
        sa.Column("reposts", sa.BigInteger(), nullable=False, comment="Of them, reposts of others' words"),
        sa.Column("reach", sa.BigInteger(), nullable=False, comment="Sum of the authors' audiences"),
        sa.PrimaryKeyConstraint("brand", "start", "source", name=op.f("pk_bin_day")),
        comment="The counts of bin summed up by day, kept exact with every write",
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO stored_day (day, source, first_id, last_id)"
        f" SELECT {_day_of('created_at')}, source, min(id), max(id) FROM post GROUP BY 1, 2"
    )
    sums = ", ".join(f"sum({name})" for name in COUNTS)
    op.execute(
        f"INSERT INTO bin_day (brand, start, source, {', '.join(COUNTS)})"
        f" SELECT brand, {_day_of('start')}, source, {sums} FROM bin GROUP BY 1, 2, 3"
    )


def _day_of(column: str) -> str:
    if op.get_bind().dialect.name == "sqlite":
        return f"{column} - ({column} % {DAY} + {DAY}) % {DAY}"
    return f"date_bin('1 day', {column}, timestamptz 'epoch')"


def downgrade() -> None:
    op.drop_table("bin_day")
    op.drop_table("stored_day")
