"""What of a document its readers do not see."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("disclosures", sa.JSON(), nullable=True))
    with op.batch_alter_table("passages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hidden", sa.JSON(), nullable=True))
