"""Files that are packed as a whole: unpacked for chunking where packing again gives the same bytes."""
