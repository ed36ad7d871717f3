"""What a chapter publishes (record, state; measure for what an experiment gives), how it judges the essay
(judge, cite, contradicts, opinion, audit), what it draws (picture),
and the running total of the one request (tally)."""
from .experiments import measure
from .judging import audit, cite, contradicts, judge, opinion
from .pictures import show as picture
from .records import record, state
from .running import tally

__all__ = ["audit", "cite", "contradicts", "judge", "measure", "opinion", "picture", "record", "state",
           "tally"]
