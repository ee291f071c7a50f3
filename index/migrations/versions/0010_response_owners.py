"""Whose an OpenAI response is. Those from before belong to nobody: who asked for them was not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("responses") as batch_op:
        batch_op.add_column(sa.Column("key_id", sa.String(), nullable=False, server_default=""))
