"""Keep corrections"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity"),
        sa.Column("source", sa.Text(), nullable=False, comment="Source of the post that was corrected"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The post (post.external_id)"),
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand toward which it was corrected"),
        sa.Column(
            "content_key",
            sa.Text(),
            nullable=False,
            comment="Key of the wording that was judged (mention.content_key)",
        ),
        sa.Column(
            "copies", sa.Boolean(), nullable=False, comment="Whether it counts for copies of the wording, too"
        ),
        sa.Column("label", sa.Text(), nullable=False, comment="negative, neutral, positive or not_about_us"),
        sa.Column("at", Instant(), nullable=False, comment="When it was said"),
        sa.Column("author", sa.Text(), nullable=False, comment="Who said it"),
        sa.Column("comment", sa.Text(), nullable=False, comment="Why"),
        sa.Column("undone_at", Instant(), nullable=True, comment="When it was taken back"),
        sa.Column("undone_by", sa.Text(), nullable=True, comment="Who took it back"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        comment="What people said of posts where a scorer was wrong; the newest on a wording counts",
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_correction_content_key"), ["content_key"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_correction_source_external_id"), ["source", "external_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_correction_source_external_id"))
        batch_op.drop_index(batch_op.f("ix_correction_content_key"))
        batch_op.drop_index(batch_op.f("ix_correction_at"))

    op.drop_table("correction")
