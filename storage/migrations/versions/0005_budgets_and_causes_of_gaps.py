"""Budgets, and causes of gaps

A day's requests and money by source; why a span was not read, which says whether reading on brings it back.
"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent",
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("day", Instant(), nullable=False, comment="Begin of the day, in UTC"),
        sa.Column("requests", sa.BigInteger(), nullable=False, comment="Requests made"),
        sa.Column("posts", sa.BigInteger(), nullable=False, comment="Posts read, those known before too"),
        sa.Column(
            "dollars",
            sa.Float(),
            nullable=False,
            comment="What that cost by the source's tariff, in US dollars",
        ),
        sa.PrimaryKeyConstraint("source", "day", name=op.f("pk_spent")),
        comment="What reading every source took, by day; all processes share it",
    )
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "cause",
                sa.Text(),
                server_default="source",
                nullable=False,
                comment="source (it is lost), failure, absence or budget (reading on brings it back)",
            )
        )
        batch_op.create_index(batch_op.f("ix_gap_source_ends_at"), ["source", "ends_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("gap", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gap_source_ends_at"))
        batch_op.drop_column("cause")
    op.drop_table("spent")
