"""Why a goal is not met, and what to try next; shown on the page only while it is not met."""

NOTES: dict[str, str] = {}
