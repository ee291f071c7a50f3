"""Run by alembic: applies the revisions to the connection that ``index.database`` hands over."""

from alembic import context

from index.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
