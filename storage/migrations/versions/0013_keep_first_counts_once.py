"""Keep what was counted first with the post alone, and merge the index of words less often"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COUNTED = sa.text("engagement_at IS NOT NULL")
_NEW = "Earlier engagement of posts; the newest stands in post"
_OLD = "Engagement of posts over time"


def upgrade() -> None:
    op.create_index(
        op.f("ix_post_engagement_at"), "post", ["engagement_at"], sqlite_where=_COUNTED, postgresql_where=_COUNTED
    )
    if _is_sqlite():
        _merge_at(32, 64)
    else:
        op.create_table_comment("engagement_sample", _NEW, existing_comment=_OLD)


def downgrade() -> None:
    # What was counted first of posts stored since is not copied: the version before sees no growth before their second.
    op.drop_index(op.f("ix_post_engagement_at"), "post")
    if _is_sqlite():
        _merge_at(4, 16)
    else:
        op.create_table_comment("engagement_sample", _OLD, existing_comment=_NEW)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _merge_at(usual: int, most: int) -> None:
    """How many parts of one size the index of words has before they are merged. Writing was half merging with 4."""
    for name, parts in (("automerge", usual), ("crisismerge", most)):
        op.execute(f"INSERT INTO post_search (post_search, rank) VALUES ('{name}', {parts})")
