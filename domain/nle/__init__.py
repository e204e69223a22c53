"""Project files of editing programs: which program and version wrote them, and the media that they refer to.

`examining.examine` is the door: told by content and never by name, bounded in time and memory, and it only
reads (seed S4.5; `docs/media-projects.md` says what is public knowledge and what is an assumption).
`repacking` is about a gzip'd project's bytes: whether it can be unpacked and packed again to the same ones.
"""
