"""Keep to the pace of channels"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bucket",
        sa.Column(
            "channel", sa.Text(), nullable=False, comment="The channel, as configured; empty for all together"
        ),
        sa.Column(
            "target", sa.Text(), nullable=False, comment="Address within the channel; empty for the whole channel"
        ),
        sa.Column("full_at", Instant(), nullable=True, comment="When the bucket will be full again"),
        sa.Column("ready_at", Instant(), nullable=True, comment="From when on it holds a token"),
        sa.Column(
            "spares",
            sa.Text(),
            nullable=False,
            comment="What it counts and never holds back: urgent, critical, or nothing",
        ),
        sa.PrimaryKeyConstraint("channel", "target", name=op.f("pk_bucket")),
        comment="How often each channel may still be written to: token buckets that all processes share",
    )


def downgrade() -> None:
    op.drop_table("bucket")
