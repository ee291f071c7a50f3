"""By what passages are found whose text is ingested again, so that it is not embedded again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("passages") as batch_op:
        batch_op.add_column(sa.Column("content", sa.String(), nullable=True))
    op.create_index("ix_passages_content_collection_id", "passages", ["content", "collection_id"])
