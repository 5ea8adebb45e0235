"""Sources: find landing objects, fetch them, and cut them into records. Nothing of Workato here."""
