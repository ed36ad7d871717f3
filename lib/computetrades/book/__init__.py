"""What a chapter calls: it publishes (record, state; measure for what an experiment gives), judges the essay
(judge, cite, contradicts, opinion, audit), draws (picture), and adds the one request up (tally).

records, experiments    a number under its key, and one that an experiment gives
rules, judgements    how a claim is judged, and the audit of a chapter
cards       how both look
plan, running_total    what data/book.yaml says of the book as a whole; the request's lines, as a table
charts, pictures, fonts    what is drawn, and the letters in it
"""
from .experiments import measure
from .judgements import audit, cite, contradicts, judge, opinion
from .pictures import show as picture
from .records import record, state
from .running_total import tally

__all__ = ["audit", "cite", "contradicts", "judge", "measure", "opinion", "picture", "record", "state",
           "tally"]
