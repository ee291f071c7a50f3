"""What saves work: by what passages are found whose text comes again, and their sentences' terms for searches."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("passages") as batch_op:
        batch_op.add_column(sa.Column("sentence_terms", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("content", sa.String(), nullable=True))
    op.create_index("ix_passages_content_collection_id", "passages", ["content", "collection_id"])
