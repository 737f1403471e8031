"""Show pictures of curves that lie with a provider"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity"),
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column("channel", sa.Text(), nullable=False, comment="The channel, as configured"),
        sa.Column("target", sa.Text(), nullable=False, comment="Address within the channel"),
        sa.Column("state", sa.Text(), nullable=False, comment="wanted, uploaded, shown or doomed"),
        sa.Column(
            "file", sa.Text(), nullable=True, comment="The provider's name for the file; NULL until it is uploaded"
        ),
        sa.Column("drawn_until", Instant(), nullable=True, comment="End of the curve that it shows"),
        sa.Column("highest", sa.Float(), nullable=True, comment="The highest point of the curve that it shows"),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False, comment="Attempts at the next step"),
        sa.Column("due_at", Instant(), nullable=True, comment="When the next step is due; NULL when there is none"),
        sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            comment="Rises with every claim; results with an older one are refused",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_picture_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
        comment="Pictures of curves that lie with a channel's provider as files of their own",
    )
    op.create_index(op.f("ix_picture_due_at"), "picture", ["due_at"])
    op.create_index(
        op.f("ix_picture_incident_id_channel_target"), "picture", ["incident_id", "channel", "target"]
    )


def downgrade() -> None:
    op.drop_table("picture")
