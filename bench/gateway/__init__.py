"""`make bench-gateway`: the load and latency figures of the acceptance table, by their ids, on real sockets.

Promises: load is open-loop: a request's latency counts from when it was meant to be sent, so a server that
stalls cannot slow the clock down (coordinated omission); figures stand beside those of a bare application of
as many bytes in the same run. ``python -m bench.gateway V6.1a`` runs one.
"""
