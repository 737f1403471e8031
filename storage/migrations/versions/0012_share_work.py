"""Share work on history among processes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
    )
    op.create_table(
        "shard",
        sa.Column("job", sa.Text(), nullable=False, comment="The work it is a part of"),
        sa.Column(
            "number", sa.Integer(), autoincrement=False, nullable=False, comment="Number within the work, from 0"
        ),
        sa.Column("what", json, nullable=False, comment="What it covers"),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="Rises whenever somebody takes it"),
        sa.Column("owner", sa.Text(), nullable=False, comment="Who took it last"),
        sa.Column("position", json, nullable=False, comment="How far it has come, and what came of it so far"),
        sa.Column("done_at", Instant(), nullable=True, comment="When it was complete"),
        sa.PrimaryKeyConstraint("job", "number", name=op.f("pk_shard")),
        comment="Parts of work on history that many processes share, so that what is done is not done again",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("shard")
