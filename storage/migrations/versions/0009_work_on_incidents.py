"""Work on incidents: assignment, tags, links, corrections, merges and splits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
    )


def _of_incident() -> sa.Column[str]:
    return sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)")


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_incident_id_incident")
    return sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "casework",
        _of_incident(),
        sa.Column("assigned_to", sa.Text(), nullable=True, comment="Who carries it"),
        sa.Column("merged_into", sa.Text(), nullable=True, comment="The incident that it is part of (incident.id)"),
        sa.Column("split_from", sa.Text(), nullable=True, comment="The incident that it was split off (incident.id)"),
        sa.Column(
            "shaping", _json(), nullable=False, comment="Corrections, what was split off, and how it is part of another"
        ),
        sa.Column(
            "detected", _json(), nullable=True, comment="The incident as detection knows it, where people see another"
        ),
        _belongs("casework"),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_casework")),
        comment="What people made of incidents beside taking and ending them; made from the timelines",
    )
    for name in ("assigned_to", "merged_into", "split_from"):
        op.create_index(op.f(f"ix_casework_{name}"), "casework", [name])
    op.create_table(
        "incident_tag",
        _of_incident(),
        sa.Column("tag", sa.Text(), nullable=False, comment="The tag"),
        _belongs("incident_tag"),
        sa.PrimaryKeyConstraint("incident_id", "tag", name=op.f("pk_incident_tag")),
        comment="Tags of incidents",
    )
    op.create_index(op.f("ix_incident_tag_tag"), "incident_tag", ["tag"])
    op.create_table(
        "incident_link",
        _of_incident(),
        sa.Column("other_id", sa.Text(), nullable=False, comment="The related incident (incident.id)"),
        _belongs("incident_link"),
        sa.PrimaryKeyConstraint("incident_id", "other_id", name=op.f("pk_incident_link")),
        comment="Incidents that people called related, a row in each direction",
    )


def downgrade() -> None:
    op.drop_table("incident_link")
    op.drop_table("incident_tag")
    op.drop_table("casework")
