"""The schema's history, oldest first; see `trainer.db_schema`."""
