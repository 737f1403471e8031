"""Escalations, and wider silences"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
    )


def upgrade() -> None:
    op.create_table(
        "escalation",
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False, comment="Episode of the incident"),
        sa.Column("policy", _json(), nullable=False, comment="The policy as it was when the incident opened"),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the next step, from 1"),
        sa.Column("next_at", Instant(), nullable=True, comment="When the next step is due; NULL when there is none"),
        sa.Column(
            "alert_seq",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the alert that the last step made",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_escalation_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_escalation")),
        comment="Who is told next while nobody takes an incident",
    )
    op.create_index(op.f("ix_escalation_next_at"), "escalation", ["next_at"], unique=False)
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "step",
                sa.Integer(),
                autoincrement=False,
                nullable=True,
                comment="Step of the escalation that it belongs to, 0 for a fallback; NULL for all others",
            )
        )
    with op.batch_alter_table("silence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.Text(), nullable=True, comment="The kind of incident; NULL for all"))
        batch_op.add_column(sa.Column("topic", sa.Text(), nullable=True, comment="The thread or story; NULL for all"))
        batch_op.add_column(
            sa.Column("source", sa.Text(), nullable=True, comment="A source that must carry it; NULL for all")
        )


def downgrade() -> None:
    with op.batch_alter_table("silence", schema=None) as batch_op:
        for name in ("source", "topic", "kind"):
            batch_op.drop_column(name)
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_column("step")
    op.drop_table("escalation")
