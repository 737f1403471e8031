"""Set items aside, and take posts in by webhook"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quarantine",
        sa.Column("source", sa.Text(), nullable=False, comment="The source, as configured"),
        sa.Column("raw_hash", sa.Text(), nullable=False, comment="Hash that tells the item from others"),
        sa.Column("place", sa.Text(), nullable=False, comment="Where it stood"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was set aside"),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=False,
            comment="read: the source's own form of it made no sense; understand: the post could not be judged",
        ),
        sa.Column(
            "raw",
            sa.LargeBinary(),
            nullable=True,
            comment="The item itself, for another try; NULL when large or older than a week",
        ),
        sa.Column("first_at", Instant(), nullable=False, comment="When it was first set aside"),
        sa.Column("last_at", Instant(), nullable=False, comment="When it was last set aside"),
        sa.Column("times", sa.Integer(), autoincrement=False, nullable=False, comment="How often it was set aside"),
        sa.PrimaryKeyConstraint("source", "raw_hash", name=op.f("pk_quarantine")),
        comment="Items of sources that were left out, with the reason",
    )
    op.create_index(op.f("ix_quarantine_last_at"), "quarantine", ["last_at"])
    op.create_table(
        "inbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="Order of arrival",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="The source of type webhook, as configured"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The sender's own name for the post"),
        sa.Column(
            "digest", sa.Text(), nullable=False, comment="Hash of the post's content; the same content is kept once"
        ),
        sa.Column("received_at", Instant(), nullable=False, comment="When it arrived"),
        sa.Column(
            "post",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="The post as it was sent",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("source", "external_id", "digest", name=op.f("uq_inbox_source_external_id_digest")),
        comment="Posts that were handed in by webhook, kept until their source has read them",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inbox_source_id"), "inbox", ["source", "id"])
    op.create_table(
        "inbox_message",
        sa.Column("source", sa.Text(), nullable=False, comment="The source of type webhook, as configured"),
        sa.Column(
            "message_id", sa.Text(), nullable=False, comment="The sender's name for the message (webhook-id)"
        ),
        sa.Column("digest", sa.Text(), nullable=False, comment="Hash of its body"),
        sa.Column("received_at", Instant(), nullable=False, comment="When it arrived"),
        sa.PrimaryKeyConstraint("source", "message_id", name=op.f("pk_inbox_message")),
        comment="Messages that were accepted by webhook, so that one that comes again changes nothing",
    )
    op.create_index(op.f("ix_inbox_message_received_at"), "inbox_message", ["received_at"])


def downgrade() -> None:
    op.drop_table("inbox_message")
    op.drop_table("inbox")
    op.drop_table("quarantine")
