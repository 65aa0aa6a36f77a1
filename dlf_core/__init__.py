"""What things are: projects, records, boxes, answers, formats. Pure: no network, no Dagster, no model."""
