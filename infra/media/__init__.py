"""What touches a decoder: a child program with limits of its own, and the adapter that runs it.

``child`` is the program, ``remuxing`` and ``drawing`` what it can do (only they know PyAV), ``tools`` the
adapter of the port MediaTools.
"""
