"""PostgreSQL as the judge of what SQL means: its server, both sides of a comparison, and statements."""
