"""Which content is alive in which repository, and by how many references (I3, I4, seed S1.4).

Nodes are content-addressed: manifests, trees, recipes, chunks. An edge (parent, child) is recorded once, when
its parent is first recorded. A node is alive in a repository if a manifest that a holder of that repository
retains reaches it; its count there is the number of its live parents, for a manifest plus its holders. A
recipe that was superseded in a repository reaches its successor there, and its own chunks no longer.

Promises: counts are a function of the sets of edges, holders and successions alone, so no order of aggregates
matters; a count never goes below zero (CHECK) and a release of what is not held is refused, never hidden;
"have" is answered from the caller's own repository only (`queries`).

``tables`` say what is kept, ``incremental`` and ``bulk`` are the two folds (one digest), ``queries`` answer.
"""
