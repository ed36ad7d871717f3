"""A model behind a streaming Messages interface, and the other end of it. Needs torch.

engine      many requests at once, over a paged cache
engine_thread    the thread that steps it
schema, stream, server    what a request may say, the events that answer it, and HTTP around both
grammar     which tokens a tool's schema allows next
client      a plain reader of the stream
request_body, agent    the body that a coding agent sends, and the loop:
                       client, tools over a folder, the next request
"""
