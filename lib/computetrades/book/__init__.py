"""What a chapter publishes (record, state), how it judges the essay (judge, cite, contradicts, opinion, audit)."""
from .judging import audit, cite, contradicts, judge, opinion
from .records import record, state

__all__ = ["audit", "cite", "contradicts", "judge", "opinion", "record", "state"]
