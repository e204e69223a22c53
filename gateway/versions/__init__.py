"""The versions of the API as this process serves them.

``file`` reads what an operator wishes, ``snapshot`` is what a request sees of the registry, ``discovery``
says it under /versions, ``registry`` holds the one that counts and renews it, ``wishes`` follows the file.
"""
