"""The HTTP edge and the doors on the bus: from a request to a decider and back.

Read ``operation`` (what can be asked, as data), ``operations`` (the one table), ``perform`` (one request from
door to answer), ``edge`` (what wraps every request), then a module of ``routes``. ``client`` is the SDK.
"""
