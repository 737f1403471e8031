"""Gather deliveries into digests"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "delivery",
        sa.Column("digest", sa.Text(), nullable=True, comment="The digest that it waits for, by name; NULL for none"),
    )
    op.add_column(
        "delivery",
        sa.Column(
            "digest_id",
            sa.Text(),
            nullable=True,
            comment="Identity of the message that it is told in together with others; NULL for one of its own",
        ),
    )


def downgrade() -> None:
    op.drop_column("delivery", "digest_id")
    op.drop_column("delivery", "digest")
